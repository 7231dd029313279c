"""Whose data the members' folders hold is looked at before anything on a host changes: three etcds in folders of this
machine, on 127.0.0.2 to 127.0.0.4 and 127.0.1.2 to 127.0.1.4."""

import contextlib
import os
import shutil
import signal

import pytest

import harness

SPEC = """\
metadata: {{name: trio}}
hosts:
  etcd-1: {{address: {net}.2, root: ./etcd-1, service-manager: process}}
  etcd-2: {{address: {net}.3, root: ./etcd-2, service-manager: process}}
  etcd-3: {{address: {net}.4, root: ./etcd-3, service-manager: process}}
ca: {{CN: trio-ca, key: {{algo: ecdsa, size: 256}}}}
signing:
  profiles:
    member: {{expiry: 8760h, usages: [signing, key encipherment, server auth, client auth]}}
    client: {{expiry: 8760h, usages: [signing, key encipherment, client auth]}}
certs:
  server: {{profile: member, per: host, key: {{algo: ecdsa, size: 256}}, hosts: [$name, $address, localhost, 127.0.0.1]}}
  peer: {{profile: member, per: host, key: {{algo: ecdsa, size: 256}}, hosts: [$name, $address, 127.0.0.1]}}
  root: {{profile: client, CN: root, key: {{algo: ecdsa, size: 256}}}}
etcd:
  version: {version}
  archive: {{path: etcd.tar.gz, sha256: {sha256}}}
  members: [etcd-1, etcd-2, etcd-3]
  initial-cluster-token: trio-1
  tls: {{server: server, peer: peer, client: root}}
  flags: {{heartbeat-interval: 100}}
"""
NAMES = ("etcd-1", "etcd-2", "etcd-3")
DATA = "var/lib/etcd"

pytestmark = pytest.mark.skipif(not harness.ISOLATED_ROOT, reason="needs a network namespace, where etcd's ports are free")


class Trio:
    """The project, and what is on its three hosts."""

    def __init__(self, project):
        self.project = project
        self.flag = 100

    def data(self, name):
        return self.project.path(f"{name}/{DATA}")

    def pid(self, name):
        try:
            pid = int(self.project.path(f"{name}/run/etcd.pid").read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0
        return pid if harness.alive(pid) else 0

    def pids(self):
        return {name: self.pid(name) for name in NAMES}

    def stop(self, *names):
        for name in names:
            if pid := self.pid(name):
                harness.kill(pid, signal.SIGTERM)

    def everything(self, skip=()):
        """What is on the hosts, and what ninja may not touch either."""
        return harness.snapshot(*(self.project.path(name) for name in NAMES), skip=skip)

    def change_a_flag(self):
        """What makes the unit of every member another one."""
        self.flag += 1
        self.project.edit_spec(f"heartbeat-interval: {self.flag - 1}}}", f"heartbeat-interval: {self.flag}}}")

    def refused(self, skip=()):
        """gen and ninja, which has to fail at the survey and to leave all as it is on the hosts. What it says."""
        before, pids = self.everything(skip), self.pids()
        ran = self.project.gen_and_ninja()
        assert ran.code == 1, ran.out + ran.err
        text = ran.out + ran.err
        assert "survey/etcd" in text and "nothing was changed" in text, text
        assert not harness.changes(before, self.everything(skip)), text
        assert self.pids() == pids
        return text

    def restored(self):
        """gen and ninja, and all is right."""
        ran = self.project.gen_and_ninja().ok()
        assert all(self.pids().values())
        assert self.project.ninja().no_work
        return ran


# etcd writes its own data all the time.
RUNNING = (DATA, "var/log")


@contextlib.contextmanager
def make_trio(net):
    base = harness.make_folder("survey", owner=harness.NOBODY)
    runner = harness.Here(harness.NOBODY)
    harness.copy_file(harness.KPLAN, base / "kplan", mode=0o755)
    folder = base / "project"
    runner.run(["mkdir", folder]).ok()
    harness.copy_file(harness.ETCD_ARCHIVE, folder / "etcd.tar.gz", owner=harness.NOBODY)
    project = harness.Project(folder, runner, base / "kplan")
    project.spec = SPEC.format(net=net, version=harness.etcd_version(), sha256=harness.sha256(harness.ETCD_ARCHIVE))
    trio = Trio(project)
    try:
        yield trio
    finally:
        for name in NAMES:
            if pid := trio.pid(name):
                harness.kill(pid)
        shutil.rmtree(base)


@pytest.fixture(name="fresh")
def fixture_fresh():
    """One that is still to be formed, beside the one that is."""
    with make_trio("127.0.1") as trio:
        yield trio


@pytest.fixture(name="formed", scope="module")
def fixture_formed():
    """A cluster that is formed once, and put right by every test that needs it."""
    with make_trio("127.0.0") as trio:
        ran = trio.project.gen_and_ninja().ok()
        assert "no member has data yet" in ran.out
        yield trio


def foreign_data(trio, name):
    """Fills the data folder of NAME with that of a cluster of its own."""
    archive = trio.project.path("foreign")
    trio.project.run("mkdir", "--parents", archive, trio.data(name)).ok()
    trio.project.run("tar", "--extract", "--file", "etcd.tar.gz", "--directory", archive, "--strip-components=1").ok()
    etcd = trio.project.runner.popen(
        [archive / "etcd", "--data-dir", trio.data(name), "--listen-client-urls=http://127.0.0.9:1079",
         "--advertise-client-urls=http://127.0.0.9:1079", "--listen-peer-urls=http://127.0.0.9:1080"], cwd=trio.project.folder)
    log = trio.data(name) / "member/wal"
    harness.wait_for("log of etcd", lambda: list(log.glob("*.wal")))
    etcd.kill()
    etcd.communicate()


def test_the_second_survey_makes_nothing_stale(formed):
    stamp = formed.project.path(".kplan/stamps/survey/etcd")
    before, pids = stamp.read_text(encoding="ascii"), formed.pids()
    stamp.unlink()
    ran = formed.project.ninja().ok()
    # A stamp that is new is news to the rollout, which looks and finds nothing to do.
    assert ran.edges == ["rollout/etcd", "survey/etcd"]
    assert "3 members of cluster" in ran.out and "3 have its data\n" in ran.out
    assert stamp.read_text(encoding="ascii") == before
    assert formed.pids() == pids


def test_a_reused_data_folder(fresh):
    foreign_data(fresh, "etcd-2")
    text = fresh.refused()
    assert "found data of cluster" in text and "etcd-2 (./etcd-2/var/lib/etcd)" in text and "another cluster's data folder" in text
    assert not fresh.project.path("etcd-1/etc").exists() and not fresh.project.path("etcd-3").exists()
    shutil.rmtree(fresh.data("etcd-2"))
    fresh.restored()


def test_a_folder_that_is_not_etcds(fresh):
    fresh.project.run("mkdir", "--parents", fresh.data("etcd-3")).ok()
    fresh.project.run("touch", fresh.data("etcd-3") / "PG_VERSION").ok()
    assert "has no data of an etcd member, but holds PG_VERSION" in fresh.refused()


def test_two_hosts_in_one_place(fresh):
    fresh.project.run("mkdir", "etcd-1").ok()
    fresh.project.run("ln", "-s", "etcd-1", "etcd-3").ok()
    text = fresh.refused()
    assert "etcd-1 (./etcd-1/var/lib/etcd) and etcd-3 (./etcd-3/var/lib/etcd) are the same folder of the same machine" in text


def test_a_changed_token(formed):
    spec = formed.project.spec
    formed.project.edit_spec("trio-1", "trio-2")
    text = formed.refused(skip=RUNNING)
    assert text.count("found data of cluster") == 1 and "initial-cluster-token" in text
    assert all(f"{name} (./{name}/var/lib/etcd), member " in text for name in NAMES)
    formed.project.spec = spec
    formed.restored()


def test_a_wiped_member(formed):
    kept = formed.project.path("kept")
    formed.stop("etcd-3")
    formed.data("etcd-3").rename(kept)
    formed.change_a_flag()
    text = formed.refused(skip=RUNNING)
    assert "etcd-3 (./etcd-3/var/lib/etcd): the data folder is empty, but member" in text
    assert " member remove " in text and " member add etcd-3 --peer-urls=https://127.0.0.4:2380" in text
    assert "flags: {initial-cluster-state: existing}" in text
    kept.rename(formed.data("etcd-3"))
    formed.restored()


def test_swapped_folders(formed):
    def swap():
        one, two, aside = formed.data("etcd-1"), formed.data("etcd-2"), formed.project.path("aside")
        one.rename(aside)
        two.rename(one)
        aside.rename(two)

    formed.stop(*NAMES)
    swap()
    formed.change_a_flag()
    text = formed.refused()
    assert "which is etcd-2 on etcd-2" in text and "which is etcd-1 on etcd-1" in text and "swapped" in text
    swap()
    formed.restored()


def test_a_copied_folder(formed):
    formed.stop(*NAMES)
    kept = formed.project.path("kept")
    formed.data("etcd-3").rename(kept)
    formed.project.run("cp", "--archive", formed.data("etcd-1"), formed.data("etcd-3")).ok()
    formed.change_a_flag()
    assert "which is etcd-1 on etcd-1" in formed.refused()
    shutil.rmtree(formed.data("etcd-3"))
    kept.rename(formed.data("etcd-3"))
    formed.restored()


def test_a_lost_quorum(formed):
    formed.stop(*NAMES)
    kept = [(formed.data(name), formed.project.path(f"kept-{name}")) for name in NAMES[1:]]
    for data, aside in kept:
        data.rename(aside)
    formed.change_a_flag()
    text = formed.refused()
    assert "only 1 of 3 members have data" in text and "restore a snapshot" in text
    for data, aside in kept:
        aside.rename(data)
    formed.restored()


def test_a_lost_member_is_replaced_by_what_the_error_says(fresh):
    fresh.restored()
    fresh.stop("etcd-3")
    shutil.rmtree(fresh.data("etcd-3") / "member")
    fresh.change_a_flag()
    text = fresh.refused(skip=RUNNING)
    commands = [line.strip() for line in text.splitlines() if line.strip().startswith("ETCDCTL_API=3 ")]
    assert len(commands) == 2, text
    for command in commands:
        # For five seconds after a change etcd takes no other one.
        harness.wait_for(f"success of {command}", lambda command=command: fresh.project.run("sh", "-c", command).code == 0)
    fresh.project.edit_spec("flags: {", "flags: {initial-cluster-state: existing, ")
    ran = fresh.restored()
    assert "3 members of cluster" in ran.out and "2 have its data" in ran.out
    # It has another id than the one foretold, and the cluster knows it by that.
    fresh.stop("etcd-3")
    fresh.change_a_flag()
    assert "3 have its data" in fresh.restored().out


def processes_of(program):
    """The processes that run PROGRAM."""
    found = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, PermissionError, ProcessLookupError):
            if os.readlink(f"/proc/{pid}/exe") == program:
                found.append(int(pid))
    return found


@pytest.mark.parametrize("after", ["etcd-1", "etcd-2", "etcd-3"])
def test_an_interrupted_bootstrap_goes_on(fresh, after):
    fresh.project.gen().ok()
    ninja = fresh.project.runner.popen(["ninja", "-j1"], cwd=fresh.project.folder)
    log = fresh.data(after) / "member/wal"
    try:
        harness.wait_for(f"log of {after}", lambda: list(log.glob("*.wal")))
    finally:
        ninja.kill()
        # The step, too, which ninja starts in a process group of its own.
        for pid in processes_of(fresh.project.kplan):
            harness.kill(pid)
        ninja.communicate()
    for name in NAMES:
        if pid := fresh.pid(name):
            harness.kill(pid)
    fresh.restored()
