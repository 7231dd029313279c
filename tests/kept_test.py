"""A folder that an earlier kplan provisioned has nothing to do under this one, and keeps every byte (tests/kept/README.md).

What users have on their disks is a format: records, digests, stamps, journals, build.ninja.
"""

import json
import lzma
import os
import pathlib
import re
import shutil
import subprocess

import harness
import pytest

ARCHIVE = pathlib.Path(__file__).parent / "kept/folder.tar.xz"
WRITTEN = ["apiserver", "archive_url", "cluster", "every_key", "members", "metrics", "pki", "tutorial"]

# The fields of a line of a journal before its files (src/base/journal.cc), of which nothing may change.
JOURNAL_FIELDS = 11

# Where ninja notes every run, also one in which it did nothing; and who is at work.
NINJA_LOG = ".kplan/.ninja_log"
RUN_LOCK = ".kplan/run.lock"


@pytest.fixture
def unpack():
    """unpack(PART, OWNER): PART of the archive as a Project of the user OWNER, in which build.ninja finds the kplan under test."""
    folders = []

    def unpack_one(part, owner=None):
        folder = harness.make_folder("kept", owner)
        folders.append(folder)
        runner = harness.Here(owner)
        # Not by tarfile, which rounds times; and by the user whose files they are going to be.
        identity = {} if runner.user is None else {"user": runner.user, "group": runner.user, "extra_groups": []}
        subprocess.run(
            ["tar", "--extract", "--preserve-permissions", f"--strip-components={part.count('/') + 1}", "-C", str(folder), part],
            input=lzma.decompress(ARCHIVE.read_bytes()),
            check=True,
            cwd="/",
            **identity,
        )
        harness.copy_file(harness.KPLAN, folder / "kplan-under-test", 0o755, owner)
        return harness.Project(folder, runner, "./kplan-under-test")

    yield unpack_one
    for folder in folders:
        shutil.rmtree(folder)


def tree(project):
    """The folder, file by file, but for what is noted of every run, and for what systemd-sysusers made to be read by root alone."""
    unreadable = [] if os.geteuid() == 0 else ["/etc/shadow", "/etc/gshadow"]
    return harness.snapshot(project.folder, skip=[NINJA_LOG, RUN_LOCK, *unreadable])


def journals(project):
    """{shard: {label: (fields, files)}}: the last line about each label counts. Files are as they are now."""
    found = {}
    for path in sorted(project.path(".kplan/journal").iterdir()):
        shard = found[path.name] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            fields = line.split("\t")
            shard[fields[0]] = (fields[:JOURNAL_FIELDS], fields[JOURNAL_FIELDS::2])
    return found


def changed(before, after, project):
    """The paths below the folder that differ between two trees, and in what."""
    found = {os.path.relpath(path, project.folder): what for path, what in harness.changes(before, after).items()}
    # An earlier kplan had no RUN_LOCK; it is new in its folder.
    return without(found, "mtime_ns", lambda path: path == os.path.dirname(RUN_LOCK))


def without(found, attribute, matches):
    """FOUND without ATTRIBUTE of what MATCHES, and without what nothing else is to be said of."""
    left = {path: [it for it in what.split(", ") if it != attribute or not matches(path)] for path, what in found.items()}
    return {path: ", ".join(what) for path, what in left.items() if what}


# What the earlier kplan left open to others, and this one closes the first time: .kplan, rendered, and build.ninja where a
# digest in it is that of a secret.
CLOSED = (".kplan", "rendered", "build.ninja")


def not_closed(found):
    """What differs beside modes that were closed to others."""
    return without(found, "mode", lambda path: path.split("/")[0] in CLOSED)


def is_fresh(project):
    """That there is nothing to do, and that finding it out changes nothing.

    Inodes and the times of their last change come with unpacking, and are not those that the journals know. So the first
    look looks closer, finds all as it should be, and notes the files anew: one more line a step, the same but for that.
    """
    before, known = tree(project), journals(project)
    first = project.ninja()
    assert first.no_work, first.out + first.err
    allowed = {f".kplan/journal/{shard}" for shard in known}
    found = not_closed(changed(before, tree(project), project))
    assert found.keys() <= allowed, found
    assert journals(project) == known
    for folder in (".kplan", "rendered"):
        assert project.path(folder).stat().st_mode & 0o777 == 0o700

    # From then on nothing at all is written.
    before = tree(project)
    second = project.ninja()
    assert second.no_work, second.out + second.err
    plan = project.run(project.kplan, "plan", "cluster.yaml").ok()
    assert plan.out == f"nothing to do: {len(project.records())} up to date\n"
    status = json.loads(project.run(project.kplan, "status", "--json", "cluster.yaml").ok().out)
    assert status["all-fresh"] and status["counts"]["fresh"] == len(project.records()), status["counts"]
    assert changed(before, tree(project), project) == {}


# As root, and as an ordinary user, whom all of it then belongs to.
@pytest.mark.parametrize("owner", [None, harness.NOBODY], ids=["own", "nobody"])
def test_there_is_nothing_to_do(unpack, owner):
    if owner is not None and os.geteuid() != 0:
        pytest.skip("only root can be another user")
    project = unpack("provisioned", owner)
    is_fresh(project)
    # What the earlier one noted, this one can tell.
    why = project.run(project.kplan, "why", "cert/lost").ok().out
    assert "revoked on 2026-11-29" in why, why


# What a member of a cluster is restarted for: since the folder was kept, these records say which service they wait for.
WAITING = {
    name: {f"{kind}/etcd-{i + 1}/{rest}" for i in range(members)
           for kind, rest in (("file", "usr/local/bin/etcd"), ("file", "etc/etcd/ca.pem"), ("unit", "etcd"))}
    for name, members in (("cluster", 3), ("members", 2))
}
# What an earlier kplan did not write where there are hosts over ssh: ninja's last word on those of which nothing is known.
ASKED = re.compile(r"^rule asked\n(?:  .*\n)+build \.kplan/asked: .*\n", re.MULTILINE)


@pytest.mark.parametrize("name", WRITTEN)
def test_gen_writes_the_same(unpack, name):
    project = unpack(f"written/{name}")
    before, records, waiting = tree(project), project.records(), WAITING.get(name, set())
    digests = set(re.findall("digest = (.*)", project.path("build.ninja").read_text(encoding="utf-8")))
    ran = project.run(project.kplan, "gen", "--kplan", "./kplan-under-test", "cluster.yaml").ok()
    assert f", {len(waiting)} changed (" in ran.out, ran.out
    found = not_closed(changed(before, tree(project), project))
    now = project.records()
    for label in waiting:
        records[label]["waits-for"] = {"manager": "systemd", "name": "etcd"}
    assert now == records
    if not waiting:
        assert found == {}
        return
    rewritten = {f".kplan/steps/{label.split('/')[1]}.json" for label in waiting}
    rewritten |= {"build.ninja", ".kplan/gen.stamp", ".kplan/plan.json", ".", ".kplan", ".kplan/steps"}
    rewritten |= {".kplan/asked", ".kplan/unasked"}
    assert {path for path in found if not path.startswith(".kplan/specs")} <= rewritten, found
    text = project.path("build.ninja").read_text(encoding="utf-8")
    assert ASKED.search(text)
    after = set(re.findall("digest = (.*)", text))
    assert len(after - digests) == len(digests - after) == len(waiting)


# That the tests above can fail: each of these is what a kplan with another idea of the format would see.


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def other_record(project):
    replace(project.path(".kplan/steps/one.json"), '"mode":"0640"', '"mode":"0600"')


def other_digest(project):
    digest = project.path("build.ninja").read_text(encoding="utf-8").split("  digest = ")[1][:64]
    replace(project.path("build.ninja"), digest, digest[::-1])


def other_stamp(project):
    stamp = project.path(".kplan/stamps/cert/web")
    replace(stamp, stamp.read_text(encoding="utf-8")[:8], "01234567")


def no_stamp(project):
    project.path(".kplan/stamps/pkcs12/web").unlink()


def other_plan(project):
    replace(project.path(".kplan/plan.json"), "{", "{ ")


def other_build_file(project):
    replace(project.path("build.ninja"), "verb = SIGN", "verb = sign")


def other_rendered_text(project):
    replace(project.path("rendered/one/etc/systemd/system/etcd.service"), "[Unit]", "[Unit]\n#")


def other_file_of_a_host(project):
    replace(project.path("rootfs/two/etc/web/web.conf"), "listen", "Listen")


def other_mode(project):
    project.path("pki/web-key.pem").chmod(0o644)


ALTERED = [
    other_record, other_digest, other_stamp, no_stamp, other_plan, other_build_file, other_rendered_text, other_file_of_a_host, other_mode,
]


@pytest.mark.parametrize("alter", ALTERED)
def test_that_something_is_other_is_noticed(unpack, alter):
    project = unpack("provisioned")
    alter(project)
    with pytest.raises(AssertionError):
        is_fresh(project)
