"""Two etcds on the same three hosts, as clusters of Kubernetes keep their events apart. Booted hosts."""

import json
import re

import pytest

import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

EVENTS = """\
etcds:
  events:
    version: {version}
    archive: {{path: etcd.tar.gz, sha256: {sha256}}}
    members: [{members}]
    tls: {{server: server, peer: peer, client: root}}
    client-port: 2381
    peer-port: 2382
    flags: {{quota-backend-bytes: 536870912}}
"""


class Cluster(ssh_cluster.SshCluster):
    """`etcd` as in all tests of clusters; `etcds.events` beside it."""

    def __init__(self, lab, folder):
        super().__init__(lab, folder, 3)
        self.first_spec = self.project.spec
        self.both = self.first_spec + EVENTS.format(
            version=harness.etcd_version(), sha256=harness.sha256(harness.ETCD_ARCHIVE), members=", ".join(host.name for host in self.hosts))

    @property
    def events(self):
        return [f"https://{host.address}:2381" for host in self.hosts]

    def events_pids(self):
        show = ["systemctl", "show", "--property=MainPID", "--value", "etcd-events"]
        return {host.name: int(host.run(show, check=True).stdout) for host in self.hosts}


class EventsAlone(ssh_cluster.SshCluster):
    """The same project, for who has to do with the events alone."""

    def __init__(self, cluster):  # pylint: disable=super-init-not-called
        self.lab, self.hosts, self.project = cluster.lab, cluster.hosts, cluster.project

    @property
    def endpoints(self):
        return [f"https://{host.address}:2381" for host in self.hosts]


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab:
        yield Cluster(lab, tmp_path_factory.mktemp("project"))


def test_a_second_one_is_added(cluster):
    """The first one is what it was before: no member is touched."""
    cluster.gen_and_ninja().ok()
    cluster.etcdctl("put", "of", "main").ok()
    before = cluster.pids()
    cluster.project.spec = cluster.both
    cluster.project.gen().ok()
    code, steps = cluster.planned()
    assert code == 2 and "rollout/etcd-events" in steps and "rollout/etcd" not in steps, steps
    cluster.project.ninja(timeout=240).ok()
    assert cluster.pids() == before
    assert all(cluster.events_pids().values())
    assert cluster.project.ninja().ok().no_work
    reports = [json.loads(cluster.project.path(f"reports/verify-{name}.json").read_text(encoding="utf-8")) for name in ("etcd", "etcd-events")]
    assert [report["verdict"] for report in reports] == ["pass", "pass"]
    assert len({json.dumps([member["id"] for member in report["members"]]) for report in reports}) == 2


def test_they_share_nothing(cluster):
    cluster.etcdctl("put", "of", "events", endpoints=cluster.events).ok()
    assert cluster.etcdctl("get", "of", "--print-value-only").ok().out == "main\n"
    assert cluster.etcdctl("get", "of", "--print-value-only", endpoints=cluster.events).ok().out == "events\n"
    for host in cluster.hosts:
        command = host.run(["sh", "-c", f"tr '\\0' '\\n' </proc/{cluster.events_pids()[host.name]}/cmdline"], check=True).stdout
        assert command.startswith("/opt/etcd-events/bin/etcd\n") and "--data-dir=/var/lib/etcd-events\n" in command, command
        assert "/etc/etcd/" not in command and "--cert-file=/etc/etcd-events/server.pem\n" in command, command
    ran = cluster.project.run(harness.KPLAN, "status").ok()
    assert "etcd-events" in ran.out, ran.out


@pytest.mark.parametrize("which", ["events", "main"])
def test_one_is_rolled_while_the_other_serves(cluster, which):
    """100 writes a second to the one that is left alone: none fails, and none of its members is restarted."""
    other = cluster if which == "events" else EventsAlone(cluster)
    still, moved = (cluster.pids, cluster.events_pids) if which == "events" else (cluster.events_pids, cluster.pids)
    before = still(), moved()
    with other.writing() as load:
        written, new = ("536870912", "600000000") if which == "events" else ("1073741824", "1173741824")
        cluster.project.edit_spec(f"quota-backend-bytes: {written}", f"quota-backend-bytes: {new}")
        cluster.gen_and_ninja().ok()
    report = load.end()
    assert report["written"] > 0 and report["failed"] == [] and report["lost"] == [], report
    assert other.lost_writes(report) == 0
    assert still() == before[0]
    assert all(moved()[name] not in (0, pid) for name, pid in before[1].items())
    assert cluster.project.ninja().ok().no_work


def test_a_certificate_that_both_show_is_renewed_in_both(cluster):
    before = cluster.pids(), cluster.events_pids()
    cluster.project.spec = ssh_cluster.with_san(cluster.project.spec, "both.example")
    cluster.gen_and_ninja().ok()
    assert (cluster.pids(), cluster.events_pids()) == before
    for host in cluster.hosts:
        for port, cert in ((2379, "server"), (2381, "server"), (2380, "peer"), (2382, "peer")):
            assert cluster.served(host, port) == cluster.made(f"{host.name}/{cert}")


def test_one_is_restored_by_its_name(cluster):
    ran = cluster.project.run(harness.KPLAN, "snapshot", "kept.db")
    assert ran.code == 1 and "there are several etcds in the plan: etcd and etcd-events" in ran.err, ran
    assert not cluster.project.path("kept.db").exists()
    ran = cluster.project.run(harness.KPLAN, "snapshot", "--etcd=nobody", "kept.db")
    assert ran.code == 1 and 'the plan has no etcd "nobody"' in ran.err, ran
    cluster.project.run(harness.KPLAN, "snapshot", "--etcd=events", "kept.db").ok()
    for endpoints in (cluster.endpoints, cluster.events):
        cluster.etcdctl("put", "of", "later", endpoints=endpoints).ok()
    before = cluster.pids()
    # A snapshot of one of them is no other's.
    cluster.project.run(harness.KPLAN, "restore", "--etcd=etcd-events", "kept.db", "--yes", timeout=240).ok()
    assert cluster.pids() == before
    assert cluster.etcdctl("get", "of", "--print-value-only").ok().out == "later\n"
    assert cluster.etcdctl("get", "of", "--print-value-only", endpoints=cluster.events).ok().out == "events\n"
    cluster.gen_and_ninja().ok()
    assert cluster.project.ninja().ok().no_work


def test_ports_are_not_shared(cluster):
    spec = cluster.project.spec
    cluster.project.edit_spec("    client-port: 2381\n", "")
    ran = cluster.project.gen()
    assert ran.code == 65 and re.search(r"etcd-events on etcd-1 cannot listen at \S+2379 .*etcd listens at", ran.err), ran
    cluster.project.spec = spec
    cluster.project.gen().ok()
    assert cluster.project.ninja().ok().no_work


def test_one_is_taken_away(cluster):
    """What is left of it on the hosts is named, and goes with prune; the other one is left alone."""
    before = cluster.pids()
    cluster.project.spec = cluster.project.spec.partition("etcds:\n")[0]
    cluster.gen_and_ninja().ok()
    assert cluster.pids() == before and all(cluster.events_pids().values())
    ran = cluster.project.run(harness.KPLAN, "prune", "--yes").ok()
    for host in cluster.hosts:
        block = ran.out.partition(f"by hand, on {host.name} as root:\n")[2].partition("  and then here:\n")[0]
        commands = [line.strip() for line in block.splitlines()]
        assert commands[0] == "systemctl disable --now etcd-events.service" and commands[-1] == "rmdir /var/lib/etcd-events", commands
        # All but the data, which nobody removes for anybody.
        host.run(["sh", "-ec", "\n".join(commands[:-1])], check=True)
        left = host.run(["sh", "-c", "find /etc/etcd-events /opt/etcd-events /etc/systemd/system -type f -path '*etcd-events*'"], check=True)
        assert left.stdout == "", left
        cluster.project.run(harness.KPLAN, "prune", "--forget", host.name, "--yes").ok()
    assert not any(cluster.events_pids().values())
    assert cluster.pids() == before and cluster.is_healthy()
    assert cluster.project.ninja().ok().no_work
