"""Three real etcds with auth enabled: what a root client does, and what one that is not root is told before anything is done."""

import json
import os
import re
import shutil

import pytest

import harness
import rollout_test
import snapshot_test
import upgrade_test

pytestmark = pytest.mark.skipif(not harness.ISOLATED_ROOT, reason="it needs the ports 2379 and 2380 of its own network")

PASSWORD = "wombat-7"


@pytest.fixture(name="archive", params=["", harness.ETCD_NEXT_ARCHIVE], ids=["this", "next"])
def fixture_archive(request):
    """The etcd of this Debian, and of the next one."""
    if request.param == "":
        return harness.ETCD_ARCHIVE
    if not upgrade_test.HAVE_NEXT:
        pytest.skip("the next Debian's etcd could not be had")
    return request.param


@pytest.fixture(name="trio")
def fixture_trio(archive):
    """The client of the plan has the CN ops; root's certificate is there, too, for tests."""
    with rollout_test.in_folder() as trio:
        harness.copy_file(archive, trio.project.path("this-etcd.tar.gz"))
        upgrade_test.set_version(trio, harness.etcd_version(archive), trio.project.path("this-etcd.tar.gz"))
        trio.project.edit_spec(f"  root: {{{rollout_test.EC}}}\n", f"  root: {{{rollout_test.EC}}}\n  ops: {{{rollout_test.EC}}}\n")
        trio.project.edit_spec("client: root", "client: ops")
        trio.project.gen_and_ninja().ok()
        yield trio


def enable_auth(trio, *more):
    """Root has a password, and a certificate; MORE commands before it is enabled."""
    for words in (("user", "add", f"root:{PASSWORD}"), ("role", "add", "root"), ("user", "grant-role", "root", "root"), *more, ("auth", "enable")):
        trio.ctl(*words).ok()


def type_what_it_says(trio, text):
    """The commands in TEXT, in a shell, with root's password."""
    commands = re.findall(r"^ +(\S*etcdctl --endpoints=.* --user=root .*)$", text, re.MULTILINE)
    assert commands, text
    for command in commands:
        trio.project.run("sh", "-ec", command.replace("--user=root", f"--user=root:{PASSWORD}")).ok()
    return commands


def kplan(trio, *words):
    return trio.project.run(trio.project.kplan, *words)


def touched(trio):
    """All that is on the hosts but what etcd itself writes, and who runs."""
    roots = [trio.project.path(f"h{i + 1}") for i in range(3)]
    return harness.snapshot(*roots, skip=["/var/lib/etcd", "/var/log"]), trio.pids()


def check_untouched(before, after):
    assert harness.changes(before[0], after[0]) == {}
    assert before[1] == after[1]


def needs_root_for_status(archive):
    """Whether this etcd tells its status to root alone (3.4.42, 3.5.28 to 3.5.31 and later, 3.6.0 to 3.6.11)."""
    _, minor, patch = map(int, harness.etcd_version(archive).split("."))
    return {4: patch >= 42, 5: 28 <= patch <= 31, 6: patch <= 11}[minor]


def test_a_root_client_does_everything(trio):
    trio.project.spec += "rollout: {snapshot: before-restart, keep-snapshots: 2}\n"
    enable_auth(trio, ("user", "add", "ops", "--no-password"), ("user", "grant-role", "ops", "root"))
    trio.project.gen_and_ninja().ok()
    assert kplan(trio, "plan").ok().code == 0
    assert kplan(trio, "status").ok().code == 0

    rollout_test.change_flag(trio, "7")
    planned = kplan(trio, "plan")
    assert planned.code == 2 and "after a snapshot" in planned.out, planned
    ran = trio.project.gen_and_ninja().ok()
    assert "snapshot snapshots/" in ran.out and "written by https://127.0.0.2:2379, read back by every member" in ran.out
    assert trio.flags() == ["7"] * 3
    assert trio.project.gen_and_ninja().ok().no_work

    as_root = ("--user", f"root:{PASSWORD}")
    trio.ctl("put", "key", "old", *as_root).ok()
    taken = json.loads(kplan(trio, "snapshot", "--json").ok().out)
    assert taken["keys"] == 1
    trio.ctl("put", "key", "new", *as_root).ok()
    ran = kplan(trio, "restore", taken["file"], "--yes").ok()
    assert f"all members serve revision {taken['revision']}, 1 key, with the hash" in ran.out
    assert trio.ctl("get", "key", "--print-value-only", *as_root).ok().out == "old\n"
    assert "verify/etcd" in trio.project.gen_and_ninja().ok().edges
    assert trio.project.gen_and_ninja().ok().no_work


def test_who_is_not_root_is_told_before_anything_is_done(trio, archive):
    enable_auth(trio)
    # Nothing is to be done, and everybody serves: that is no error.
    assert trio.project.gen_and_ninja().ok().no_work
    assert kplan(trio, "plan").code == kplan(trio, "status").code == 0

    rollout_test.change_flag(trio, "7")
    before = touched(trio)
    planned = kplan(trio, "plan")
    assert planned.code == 3 and "as user ops (the CN of pki/ops.pem)" in planned.out + planned.err, planned
    ran = trio.project.gen_and_ninja()
    assert ran.code != 0 and "as user ops (the CN of pki/ops.pem)" in ran.out, ran
    assert before[1] == trio.pids() and trio.flags() == ["5"] * 3
    commands = type_what_it_says(trio, ran.out)
    assert any("user add ops --no-password" in command for command in commands)
    if not needs_root_for_status(archive):
        assert any("readwrite /kplan/verify/" in command for command in commands) and not any(" root root" in it for it in commands)
    assert kplan(trio, "plan").code == 2
    trio.project.gen_and_ninja().ok()
    assert trio.flags() == ["7"] * 3
    assert kplan(trio, "plan").ok().code == 0
    assert trio.project.gen_and_ninja().ok().no_work


def test_a_snapshot_and_a_restore_without_the_role_root(trio, archive):
    enable_auth(trio)
    trio.ctl("put", "key", "old", "--user", f"root:{PASSWORD}").ok()
    before = touched(trio)
    refused = kplan(trio, "snapshot")
    assert refused.code == 1 and "who may not take a snapshot: it needs the role root" in refused.err, refused
    assert refused.err.count("as user ops") == 1 and '{"level"' not in refused.err
    assert os.listdir(trio.project.path("snapshots")) == []
    type_what_it_says(trio, refused.err)
    file = json.loads(kplan(trio, "snapshot", "--json").ok().out)["file"]

    # Root in this snapshot; in another one not.
    trio.ctl("user", "revoke-role", "ops", "root", "--user", f"root:{PASSWORD}").ok()
    etcdctl = next(trio.project.path("archives/unpacked").glob("**/etcdctl"))
    other = trio.project.path("other.db")
    trio.project.run(etcdctl, "snapshot", "save", other, f"--endpoints=https://{rollout_test.ADDRESSES[0]}:2379", "--cacert=pki/ca.pem",
                     "--cert=pki/ops.pem", "--key=pki/ops-key.pem", f"--user=root:{PASSWORD}").ok()
    refused = kplan(trio, "restore", other, "--yes")
    assert refused.code == 1 and "nothing was touched: auth is enabled in this snapshot" in refused.err, refused
    assert "has no role root in it" in refused.err and "--unchecked" in refused.err
    check_untouched(before, touched(trio))
    assert snapshot_test.beside(trio) == []

    # Where it is waived, that is said, with what to type.
    ran = kplan(trio, "restore", other, "--yes", "--unchecked").ok()
    assert "what they have was not compared (--unchecked). As root:" in ran.out
    command = re.search(r"As root: (.*)$", ran.out, re.MULTILINE).group(1)
    command = command.replace("--user=root", f"--user=root:{PASSWORD}")

    def hashes_of_all():
        # A member that lags does not know the token yet that another one has given.
        ran = trio.project.run("sh", "-ec", command)
        assert ran.code == 0 or "invalid auth token" in ran.err, ran
        return ran.out if ran.code == 0 else ""

    hashes = harness.wait_for("hashes of all members", hashes_of_all)
    assert len({line.rpartition(", ")[2] for line in hashes.splitlines()}) == 1 and hashes.count("\n") == 3, hashes

    # And from the one in which it is root it comes back checked.
    ran = kplan(trio, "restore", file, "--yes").ok()
    assert "1 key, with the hash" in ran.out
    assert "verify/etcd" in trio.project.gen_and_ninja().ok().edges
    assert trio.project.gen_and_ninja().ok().no_work


def test_the_hosts_are_not_touched_where_the_survey_finds_it(trio):
    """A plan that was made anew, for members that run with auth: the survey comes before all that is put on the hosts."""
    enable_auth(trio)
    shutil.rmtree(trio.project.path(".kplan"))
    trio.project.path("build.ninja").unlink()
    trio.project.edit_spec("max-wals: 5", "max-wals: 9")
    before = touched(trio)
    planned = kplan(trio, "plan")
    assert planned.code == 3 and "as user ops" in planned.out + planned.err, planned
    ran = trio.project.gen_and_ninja()
    assert ran.code != 0 and "nothing was changed: auth is enabled" in ran.out, ran
    check_untouched(before, touched(trio))
    type_what_it_says(trio, ran.out)
    trio.project.ninja().ok()
    assert trio.flags() == ["9"] * 3
    assert trio.project.gen_and_ninja().ok().no_work
