"""Every leaf of a cluster renewed, and its flags changed, while clients write a hundred times a second."""

import io
import re
import tarfile
import threading

import pytest

import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab, ssh_cluster.formed(lab, tmp_path_factory.mktemp("project")) as cluster:
        yield cluster


class Watched:
    """Notes, as it happens, which member went down and came up, and who led before."""

    def __init__(self, cluster):
        self.watch = ssh_cluster.Watch(cluster)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.wait(0.02):
            self.watch.look()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.watch.look()

    @property
    def order(self):
        """The hosts whose member was exchanged, in order."""
        return [name for _, name, what in self.watch.events if what == "up"]


def test_renewing_every_leaf_restarts_nobody_and_fails_no_write(cluster):
    pids = cluster.pids()
    old = {host.name: (cluster.served(host), cluster.served(host, 2380)) for host in cluster.hosts}
    with cluster.writing() as load:
        for number in range(3):
            cluster.project.spec = ssh_cluster.with_san(cluster.project.spec, f"renewed-{number}.example")
            cluster.project.spec = re.sub("CN: root(, names: .*?])?,", f"CN: root, names: [{{O: example {number}}}],", cluster.project.spec)
            ran = cluster.gen_and_ninja().ok()
            assert "cert/root" in ran.edges
            for host in cluster.hosts:
                assert f"cert/{host.name}/server" in ran.edges and f"cert/{host.name}/peer" in ran.edges
                new = cluster.served(host), cluster.served(host, 2380)
                assert new[0] != old[host.name][0] and new[1] != old[host.name][1]
                old[host.name] = new
    report = load.end()
    assert report["written"] > 100
    assert report["failed"] == [] and report["lost"] == []
    assert cluster.pids() == pids
    cluster.check_all_right()


def test_a_flag_rolls_through_the_members_and_the_leader_is_last(cluster):
    before = cluster.pids()
    leader = cluster.leader()
    cluster.project.edit_spec("quota-backend-bytes: 1073741824", "quota-backend-bytes: 2147483648")
    with cluster.writing() as load, Watched(cluster) as watched:
        cluster.gen_and_ninja().ok()
    report = load.end()

    # Each once, one at a time (who is down comes up before the next goes down), the leader last.
    assert sorted(watched.order) == sorted(before)
    assert watched.order[-1] == leader
    down = set()
    for _, name, what in watched.watch.events:
        (down.add if what == "down" else down.discard)(name)
        assert len(down) <= 1
    assert all(pid and pid != before[name] for name, pid in cluster.pids().items())

    # Attempts fail at the member that is just being exchanged, or while there is no leader; each write succeeds.
    assert report["lost"] == []
    exchanged = {f"https://{host.address}:2379": [at for at, name, _ in watched.watch.events if name == host.name] for host in cluster.hosts}
    leader_gone = [at for at, name, _ in watched.watch.events if name == leader]
    for failure in report["failed"]:
        at_endpoint = any(abs(failure["at"] - at) < 5 for at in exchanged[failure["endpoint"]])
        no_leader = any(-1 < failure["at"] - at < 5 for at in leader_gone)
        assert at_endpoint or no_leader, failure
    assert cluster.lost_writes(report) == 0
    for host in cluster.hosts:
        assert "--quota-backend-bytes=2147483648" in host.run(["cat", "/proc/%d/cmdline" % cluster.pids()[host.name]]).stdout
    cluster.check_all_right()


def test_bootstrap_only_flags_restart_nobody(cluster):
    pids = cluster.pids()
    cluster.project.edit_spec("flags: {", "flags: {initial-cluster-state: existing, ")
    cluster.gen_and_ninja().ok()
    assert cluster.pids() == pids
    assert "existing" in cluster.hosts[0].run(["cat", "/etc/etcd/bootstrap.env"]).stdout
    cluster.check_all_right()
    cluster.project.edit_spec("initial-cluster-state: existing, ", "")
    cluster.gen_and_ninja().ok()
    assert cluster.pids() == pids


def test_a_unit_key_and_another_binary_roll_too(cluster):
    before = cluster.pids()
    cluster.project.edit_spec("  flags: {", "  unit: {Service: {LimitNOFILE: 65536}}\n  flags: {")
    archive = cluster.project.path("other.tar.gz")
    with_another_etcd(harness.ETCD_ARCHIVE, archive)
    cluster.project.edit_spec(
        f"{{path: etcd.tar.gz, sha256: {harness.sha256(harness.ETCD_ARCHIVE)}}}", f"{{path: other.tar.gz, sha256: {harness.sha256(archive)}}}")
    with cluster.writing() as load, Watched(cluster) as watched:
        ran = cluster.gen_and_ninja().ok()
    # Both in one restart each.
    assert sorted(watched.order) == sorted(before)
    assert load.end()["lost"] == []
    for host in cluster.hosts:
        assert host.run(["systemctl", "show", "--property=LimitNOFILE", "--value", "etcd"]).stdout == "65536\n"
        assert f"file/{host.name}/usr/local/bin/etcd" in ran.edges
        assert harness.sha256(host.root / "usr/local/bin/etcd") == harness.sha256(f"/proc/{cluster.outer_pid(host)}/exe")
    cluster.check_all_right()


def with_another_etcd(source, target):
    """The archive SOURCE as TARGET, with a byte more in etcd, which no program minds."""
    with tarfile.open(source) as old, tarfile.open(target, "w:gz", compresslevel=1) as new:
        for member in old:
            content = old.extractfile(member).read() if member.isfile() else b""
            if member.name.endswith("/etcd"):
                content += b"\0"
                member.size += 1
            new.addfile(member, io.BytesIO(content) if member.isfile() else None)
