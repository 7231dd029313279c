"""Three real etcds that go to the next minor version under writes, and what then is no way back."""

import json
import os
import re

import pytest

import cluster
import harness
import rollout_test
import snapshot_test

HAVE_NEXT = bool(harness.ETCD_NEXT_ARCHIVE) and os.path.getsize(harness.ETCD_NEXT_ARCHIVE) > 0
pytestmark = [
    pytest.mark.skipif(not harness.ISOLATED_ROOT, reason="it needs the ports 2379 and 2380 of its own network"),
    pytest.mark.skipif(not HAVE_NEXT, reason="the next Debian's etcd could not be had"),
]


@pytest.fixture(name="trio", scope="module")
def fixture_trio():
    """Three members of this Debian's etcd, with the next one's archive beside."""
    with rollout_test.in_folder() as trio:
        harness.copy_file(harness.ETCD_NEXT_ARCHIVE, trio.project.path("etcd-next.tar.gz"))
        trio.project.spec += "rollout: {snapshot: before-restart, keep-snapshots: 2}\n"
        trio.project.gen_and_ninja().ok()
        yield trio


def set_version(trio, version, archive):
    spec = re.sub(r"version: \S+", f"version: {version}", trio.project.spec)
    trio.project.spec = re.sub(r"archive: .*", f"archive: {{path: {archive.name}, sha256: {harness.sha256(archive)}}}", spec)


def versions(trio):
    """What each member runs, and which version the cluster has."""
    found = []
    for i in range(3):
        out = trio.project.run("curl", "-sS", "--cacert", "pki/ca.pem", "--cert", "pki/root.pem", "--key", "pki/root-key.pem",
                               f"https://{rollout_test.ADDRESSES[i]}:2379/version").ok().out
        found.append(tuple(json.loads(out)[key] for key in ("etcdserver", "etcdcluster")))
    return found


def logs_with_health(folders):
    """The logs that have what etcd 3.4 writes when it is asked for /health, and 3.6 does not start with: a QGET of the v2 API."""
    logs = [log for folder in folders for log in sorted((folder / "var/lib/etcd/member/wal").glob("*.wal"))]
    assert logs
    return [log for log in logs if b"QGET" in log.read_bytes()]


def test_nothing_that_kplan_asks_is_in_the_logs(trio):
    trio.project.run(trio.project.kplan, "plan")
    trio.project.run(trio.project.kplan, "status")
    trio.project.run(trio.project.kplan, "snapshot", "asked.db").ok()
    trio.project.path(".kplan/stamps/verify/etcd").unlink()
    trio.project.path(".kplan/stamps/rollout/etcd").unlink()
    assert {"rollout/etcd", "verify/etcd"} <= set(trio.project.ninja().ok().edges)
    folders = [trio.project.path(f"h{i + 1}") for i in range(3)]
    assert not logs_with_health(folders)
    trio.project.run("curl", "-sS", "--cacert", "pki/ca.pem", "--cert", "pki/root.pem", "--key", "pki/root-key.pem",
                     f"https://{rollout_test.ADDRESSES[0]}:2379/health").ok()
    harness.wait_for("the entry in all logs", lambda: len(logs_with_health(folders)) == 3)


def test_to_the_next_minor_version_under_writes(trio):
    now, after = harness.etcd_version(), harness.etcd_version(harness.ETCD_NEXT_ARCHIVE)
    snapshot_test.fill(trio, 5000)
    filled = trio.ctl("get", "--prefix", "fill/").ok().out
    set_version(trio, after, trio.project.path("etcd-next.tar.gz"))
    trio.project.gen().ok()
    shown = trio.project.run(trio.project.kplan, "plan").out
    assert "after a snapshot" in shown and "version" in shown, shown
    with rollout_test.Watcher(trio) as watcher, rollout_test.Writer(trio, (0, 1, 2)) as writer:
        ran = trio.project.ninja().ok()
    assert sorted(watcher.order) == [0, 1, 2] and watcher.down_together == 1
    assert len(writer.failed) <= 3, writer.failed
    # The cluster's own version follows within some seconds of the last member.
    minor = after.rpartition(".")[0] + ".0"
    harness.wait_for("version of the cluster", lambda: versions(trio) == [(after, minor)] * 3)
    assert trio.ctl("get", "--prefix", "fill/").ok().out == filled
    assert trio.ctl("get", "--prefix", "key-", "--keys-only").ok().out.count("key-") >= writer.written
    taken = re.search(r"^snapshot (snapshots/\S+-before-restart\.db): ", ran.out, re.MULTILINE)
    assert taken, ran.out
    assert trio.project.gen_and_ninja().ok().no_work
    assert now.rpartition(".")[0] != after.rpartition(".")[0]


def test_the_way_back_is_refused_before_anybody_is_touched(trio):
    before, pids, here = versions(trio), trio.pids(), trio.project.spec
    set_version(trio, harness.etcd_version(), trio.project.path("etcd.tar.gz"))
    ran = trio.project.gen_and_ninja()
    assert ran.code != 0
    assert f"runs etcd {before[0][0]}, and cluster.yaml has version {harness.etcd_version()}" in ran.out
    assert "nothing was changed" in ran.out and "does not start with the data of a later minor version" in ran.out
    assert trio.pids() == pids and versions(trio) == before
    trio.project.spec = here
    trio.project.gen_and_ninja().ok()
    assert trio.pids() == pids
    assert trio.project.ninja().no_work


def test_the_snapshot_of_before_is_restored_by_the_new_version(trio):
    [taken] = [name for name in snapshot_test.snapshots(trio) if name.endswith("-before-restart.db")]
    before = trio.ctl("get", "--prefix", "fill/").ok().out
    trio.ctl("del", "--prefix", "fill/").ok()
    ran = snapshot_test.restore(trio, f"snapshots/{taken}", "--yes").ok()
    assert "etcdutl" not in ran.err
    assert trio.ctl("get", "--prefix", "fill/").ok().out == before
    assert [server for server, _ in versions(trio)] == [harness.etcd_version(harness.ETCD_NEXT_ARCHIVE)] * 3
    trio.project.gen().ok()
    trio.project.ninja().ok()
    assert trio.project.ninja().no_work


def test_a_certificate_is_swapped_with_nobody_restarted(trio):
    pids = trio.pids()
    trio.project.edit_spec("server: {per: host, hosts: [$name, $address]", "server: {per: host, hosts: [$name, $address, etcd.internal]")
    ran = trio.project.gen_and_ninja().ok()
    assert "verify/etcd" in ran.edges and "rollout/etcd" not in ran.edges
    assert trio.pids() == pids
    assert trio.project.gen_and_ninja().no_work


@pytest.fixture(name="single")
def fixture_single():
    """An etcd of one member in a folder of this machine."""
    with cluster.in_folder() as single:
        harness.copy_file(harness.ETCD_NEXT_ARCHIVE, single.project.path("etcd-next.tar.gz"), owner=harness.NOBODY)
        single.provision()
        yield single


def set_single_version(single, version, archive):
    spec = re.sub(r"version: .*", f"version: {version}", single.project.spec)
    spec = re.sub(r"path: .*", f"path: {archive}", spec)
    single.project.spec = re.sub(r"sha256: .*", f"sha256: {harness.sha256(single.project.path(archive))}", spec)


def refused(single):
    """gen, ninja and plan refuse what cluster.yaml asks for, and touch nothing. What gen says."""
    program, pid = single.on_host("/usr/local/bin/etcd"), single.pid()
    before = harness.sha256(program)
    ran = single.project.gen()
    for other in (ran, single.project.ninja(), single.project.run(single.project.kplan, "plan", "cluster.yaml")):
        assert other.code not in (0, 2) and "var/lib/etcd: " in other.out + other.err, other.out + other.err
    assert harness.sha256(program) == before and single.pid() == pid
    return ran.out + ran.err


def test_a_single_member_goes_where_its_data_can_go(single):
    now, after = harness.etcd_version(), harness.etcd_version(harness.ETCD_NEXT_ARCHIVE)
    set_single_version(single, "3.6.1", "etcd-next.tar.gz")
    text = refused(single)
    assert f"runs etcd {now}, and cluster.yaml has version 3.6.1: etcd goes one minor version at a time" in text
    set_single_version(single, after, "etcd-next.tar.gz")
    single.project.gen_and_ninja().ok()
    assert single.project.gen_and_ninja().no_work

    # By what runs, and by the data alone.
    set_single_version(single, now, "etcd.tar.gz")
    text = refused(single)
    assert "etcd does not start with the data of a later minor version" in text and "downgrade enable" not in text
    etc = single.on_host("/etc/etcd")
    minor = after.rpartition(".")[0]
    harness.wait_for("version of the cluster", lambda: f'"etcdcluster":"{minor}.0"' in single.project.run(
        "curl", "-sS", "--cacert", f"{etc}/ca.pem", "--cert", f"{etc}/kubernetes.pem", "--key", f"{etc}/kubernetes-key.pem",
        f"https://127.0.0.1:{single.client_port}/version").out)
    single.stop()
    assert f"the data of etcd is of a cluster of etcd {minor}, and cluster.yaml has version {now}" in refused(single)
    set_single_version(single, after, "etcd-next.tar.gz")
    single.project.gen_and_ninja().ok()
    assert single.pid()
