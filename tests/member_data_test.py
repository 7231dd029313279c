"""The data of one of three real etcds is changed behind its back: verify/etcd finds it, and what it says puts it right."""

import json
import os
import re

import pytest

import etcd_auth_test
import harness
import rollout_test
import upgrade_test

pytestmark = pytest.mark.skipif(not harness.ISOLATED_ROOT, reason="it needs the ports 2379 and 2380 of its own network")

VALUE, OTHER = "what-all-have-agreed-on", "what-one-alone-has-read"


@pytest.fixture(name="trio", params=["this", "next"])
def fixture_trio(request):
    """Of this Debian's etcd, and of the next one's."""
    if request.param == "next" and not upgrade_test.HAVE_NEXT:
        pytest.skip("the next Debian's etcd could not be had")
    with rollout_test.in_folder() as trio:
        if request.param == "next":
            archive = trio.project.path("next-etcd.tar.gz")
            harness.copy_file(harness.ETCD_NEXT_ARCHIVE, archive)
            upgrade_test.set_version(trio, harness.etcd_version(archive), archive)
        trio.project.edit_spec(f"  root: {{{rollout_test.EC}}}\n", f"  root: {{{rollout_test.EC}}}\n  ops: {{{rollout_test.EC}}}\n")
        trio.project.gen_and_ninja().ok()
        yield trio


def verify(trio):
    """verify/etcd once more; what it said, and its report."""
    trio.project.path("reports/verify-etcd.json").unlink()
    ran = trio.project.ninja("verify/etcd")
    return ran, json.loads(trio.project.path("reports/verify-etcd.json").read_text(encoding="utf-8"))


def stop(trio, i):
    """As an administrator would: etcd then has all in its database."""
    pid = trio.pid(i)
    os.kill(pid, 15)
    harness.wait_for("end of etcd", lambda: not harness.alive(pid))


def damage(trio, i):
    """Other bytes of the same length in place of a value: bbolt has no checksum over what is in its pages."""
    stop(trio, i)
    path = trio.project.path(f"h{i + 1}/var/lib/etcd/member/snap/db")
    content = path.read_bytes()
    assert len(VALUE) == len(OTHER) and VALUE.encode() in content
    path.write_bytes(content.replace(VALUE.encode(), OTHER.encode()))


def own(trio, i):
    """What member I itself has."""
    return trio.ctl("get", "key", "--print-value-only", "--consistency=s", endpoints=[i]).ok().out.strip()


def test_the_same_on_all_also_while_others_write_and_compact(trio):
    ran, report = verify(trio)
    assert re.search(r"^the same data on every member: revision \d+, hash \d+$", ran.ok().out, re.MULTILINE), ran.out
    with rollout_test.Writer(trio, [0, 1, 2]) as writer:
        harness.wait_for("writes", lambda: writer.written > 50)
        for _ in range(3):
            revision = json.loads(trio.ctl("get", "x", "--write-out=json").ok().out)["header"]["revision"]
            trio.ctl("compact", str(revision)).ok()
            ran, report = verify(trio)
            ran.ok()
            assert "the same data on every member: " in ran.out, ran.out
    data = report["data"]
    assert set(data["hashes"]) == set(rollout_test.NAMES) and len(set(data["hashes"].values())) == 1
    assert data["compacted"] == revision <= data["revision"]
    assert "failure" not in report


@pytest.mark.parametrize("leads", [False, True], ids=["follower", "leader"])
def test_other_data_on_one_member_is_found_and_put_right(trio, leads):
    trio.ctl("put", "key", VALUE).ok()
    assert verify(trio)[0].ok().code == 0
    victim = next(i for i in range(3) if i != trio.leader())
    damage(trio, victim)
    # Whether this ninja comes to verify/etcd, and fails, depends on what it finds stale: that it is found is asked for below.
    trio.project.gen_and_ninja()
    assert trio.pid(victim) and own(trio, victim) == OTHER and own(trio, (victim + 1) % 3) == VALUE
    if leads:
        ids = {member["name"]: format(member["ID"], "x") for member in json.loads(trio.ctl("member", "list", "--write-out=json").ok().out)["members"]}
        trio.ctl("move-leader", ids[rollout_test.NAMES[victim]], endpoints=[trio.leader()]).ok()
        harness.wait_for("another leader", lambda: trio.leader() == victim)

    name = rollout_test.NAMES[victim]
    ran, report = verify(trio)
    assert ran.code != 0 and f"verification failed: data of {name}\n" in ran.out, ran
    assert ran.out.count("verification failed") == 1
    found = report["failure"]
    assert report["verdict"] == "fail" and found["check"] == "data"
    assert [failure["member"] for failure in report["failures"]] == [name]
    hashes = report["data"]["hashes"]
    assert f"hash {hashes.pop(name)} " in found["seen"]
    assert len(set(hashes.values())) == 1 and found["expected"] == f"what most members have at revision {report['data']['revision']}: hash {hashes.popitem()[1]}"

    # What it says to do: stop it, move its data away, run ninja, type what that prints.
    assert "stop etcd there, move its data folder away, and run ninja" in found["advice"]
    stop(trio, victim)
    folder = trio.project.path(f"h{victim + 1}/var/lib/etcd")
    folder.rename(folder.parent / "etcd.damaged")
    ran = trio.project.gen_and_ninja()
    assert ran.code != 0
    commands = re.findall(r"^ +(ETCDCTL_API=3 \S*etcdctl .* member (?:remove|add) .*)$", ran.out, re.MULTILINE)
    assert len(commands) == 2, ran.out
    for command in commands:
        # etcd refuses it for five seconds after it has lost a member (strict-reconfig-check).
        harness.wait_for("a change of members", lambda command=command: trio.project.run("sh", "-ec", command).code == 0)
    trio.project.edit_spec("flags: {max-wals: 5}", "flags: {max-wals: 5, initial-cluster-state: existing}")
    ran = trio.project.gen_and_ninja().ok()
    assert "the same data on every member: " in ran.out, ran.out
    assert own(trio, victim) == VALUE


def test_two_that_differ_leave_nobody_to_be_believed(trio):
    """Two of three have something else, each its own: no member is named, and none is called right."""
    trio.ctl("put", "key", VALUE).ok()
    for i, other in ((1, OTHER), (2, OTHER[::-1])):
        stop(trio, i)
        path = trio.project.path(f"h{i + 1}/var/lib/etcd/member/snap/db")
        path.write_bytes(path.read_bytes().replace(VALUE.encode(), other.encode()))
    trio.project.gen_and_ninja()
    ran, report = verify(trio)
    assert ran.code != 0 and report["failure"]["check"] == "data" and report["failures"][0]["member"] == ""
    assert len(set(report["data"]["hashes"].values())) == 3
    assert "no more than half have the same, so none is known to be right" in ran.out


def test_who_is_not_root_is_told_that_nothing_was_compared(trio):
    trio.ctl("put", "key", VALUE).ok()
    damage(trio, 2)
    trio.project.edit_spec("client: root", "client: ops")
    trio.project.gen().ok()
    trio.project.ninja("rollout/etcd").ok()
    etcd_auth_test.enable_auth(
        trio, ("user", "add", "ops", "--no-password"), ("role", "add", "kplan"),
        ("role", "grant-permission", "kplan", "--prefix=true", "readwrite", "/kplan/verify/"), ("user", "grant-role", "ops", "kplan"))
    trio.project.ninja().ok()
    ran, report = verify(trio)
    ran.ok()
    assert "whether every member has the same data was not compared: auth is enabled, and user ops (the CN of pki/ops.pem)" in ran.out, ran.out
    assert report["verdict"] == "pass" and "has not the role root" in report["data"]["not-compared"]
    # What it says lets it.
    command = re.search(r"`etcdctl (user grant-role ops root)`", ran.out).group(1)
    trio.ctl(*command.split(), "--user", f"root:{etcd_auth_test.PASSWORD}").ok()
    ran, report = verify(trio)
    assert ran.code != 0 and "verification failed: data of etcd-3\n" in ran.out, ran
