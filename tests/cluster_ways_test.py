"""A cluster whose members this machine does not reach: behind a bastion, or with their ports open among themselves alone."""

import contextlib
import json
import re
import signal

import pytest

import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

# A neighbour that nobody is: what is routed there vanishes, and no netfilter is needed.
NOBODY, NOBODYS_MAC, TABLE = "10.77.0.250", "02:00:0a:4d:ff:ff", "77"

# Hardened hosts carry nothing for anybody, and let few sessions share a connection.
SSHD = "AllowTcpForwarding no\nAllowStreamLocalForwarding no\nMaxSessions 4\n"


@pytest.fixture(scope="module", name="lab")
def _lab():
    with hosts.lab(names=["etcd-1", "etcd-2", "etcd-3", "bastion"]) as lab:
        for host in lab.hosts[:3]:
            host.write_text("/etc/ssh/sshd_config", host.read_text("/etc/ssh/sshd_config") + SSHD)
            host.run(["systemctl", "restart", "ssh"], check=True)
        yield lab


@pytest.fixture(scope="module", name="cluster")
def _cluster(lab, tmp_path_factory):
    """Its members are behind the bastion, for whoever reaches them from the admin's machine."""
    jump = "".join(f"Host {host.address}\n  ProxyJump root@{lab['bastion'].address}\n" for host in lab.hosts[:3])
    (lab.ssh_folder / "config.d/bastion").write_text(jump, encoding="utf-8")
    for host in lab.hosts[:3]:
        lab.partition(lab.admin, host)
    cluster = ssh_cluster.SshCluster(lab, tmp_path_factory.mktemp("project"), 3)
    cluster.project.spec += "verify: {from: [hosts]}\n"
    yield cluster


@contextlib.contextmanager
def counted(lab):
    """What comes into the list are the packets that went from the admin's machine to members' ports meanwhile."""
    process = lab.admin.popen(["/usr/bin/python3", str(ssh_cluster.TESTS / "packet_count.py"), lab.admin.address, "2379", "2380"])
    assert process.stdout.readline().strip() == "counting"
    packets = []
    yield packets
    process.send_signal(signal.SIGTERM)
    packets.append(int(process.stdout.readline()))
    process.wait(30)


@contextlib.contextmanager
def closed(place, port, to=None):
    """TCP packets from PLACE to PORT (of the host TO) vanish meanwhile."""
    rule = ["ipproto", "tcp", "dport", str(port), *(["to", to.address] if to else []), "table", TABLE, "priority", "77"]
    place.in_network("ip", "neighbour", "replace", NOBODY, "lladdr", NOBODYS_MAC, "nud", "permanent", "dev", place.device)
    place.in_network("ip", "route", "replace", "default", "via", NOBODY, "dev", place.device, "table", TABLE)
    place.in_network("ip", "rule", "add", *rule)
    try:
        yield
    finally:
        place.in_network("ip", "rule", "del", *rule)


def report(cluster):
    return json.loads(cluster.project.path("reports/verify-etcd.json").read_text(encoding="utf-8"))


def all_is_proved(cluster, ran):
    """RAN, a ninja, has verified the cluster: refusals, peer ports and a write too; and there is nothing left to do."""
    ran.ok()
    assert "refused at client and peer ports: no-cert, wrong-ca, plaintext" in ran.out, ran.out
    found = report(cluster)
    assert found["verdict"] == "pass" and len(found["members"]) == 3, found
    # At two ports of three members, three strangers.
    assert len(found["refusals"]) == 18 and len(found["write"]["read-at"]) == 3, found
    cluster.project.gen().ok()
    again = cluster.project.ninja().ok()
    assert again.no_work, again.out


def again(cluster):
    """Verifies once more."""
    cluster.project.path(".kplan/stamps/verify/etcd").unlink(missing_ok=True)
    return cluster.project.ninja("verify/etcd", timeout=240)


def test_three_members_behind_a_bastion(lab, cluster):
    """Formed, rolled, renewed, looked at and verified, and no packet goes to a member but through the bastion."""
    with counted(lab) as packets:
        all_is_proved(cluster, cluster.gen_and_ninja())
        pids = cluster.pids()
        assert all(pids.values())

        cluster.project.spec = ssh_cluster.with_quota(cluster.project.spec, 2 << 30)
        ran = cluster.gen_and_ninja()
        all_is_proved(cluster, ran)
        rolled = cluster.pids()
        assert all(rolled[name] not in (0, pid) for name, pid in pids.items()), (pids, rolled)
        # One after another, and the leader last: it was seen who leads.
        assert re.search(r"etcd-\d: restarted \(.*\), serves after", ran.out), ran.out

        cluster.project.spec = ssh_cluster.with_san(cluster.project.spec, "renewed.example")
        all_is_proved(cluster, cluster.gen_and_ninja())
        assert "renewed.example" in str(report(cluster)["members"])
        assert cluster.pids() == rolled

        plan = cluster.project.run(harness.KPLAN, "plan")
        assert plan.code == 0, plan
        status = cluster.project.run(harness.KPLAN, "status")
        assert status.code == 0, status
    assert packets == [0]


def test_a_snapshot_and_a_restore_behind_a_bastion(lab, cluster):
    with counted(lab) as packets:
        cluster.project.run(harness.KPLAN, "snapshot", "kept.db").ok()
        restored = cluster.project.run(harness.KPLAN, "restore", "kept.db", "--yes", timeout=240).ok()
        assert "the same data" in restored.out or "restored" in restored.out, restored.out
        all_is_proved(cluster, cluster.project.ninja(timeout=240))
    assert packets == [0]


def test_a_member_that_is_down_is_told_from_one_that_is_not_seen(cluster):
    host = cluster.hosts[1]
    host.run(["systemctl", "stop", "etcd"], check=True)
    status = cluster.project.run(harness.KPLAN, "status")
    assert status.code == 2 and "service/etcd-2/etcd  does not run" in status.out, status.out
    # The look at the hosts is left out: it would have the member started.
    ran = cluster.project.run(harness.KPLAN, "step", *verify_step(cluster), timeout=240)
    host.run(["systemctl", "start", "etcd"], check=True)
    assert ran.code != 0 and "from etcd-2: cannot connect: Connection refused" in ran.err, ran.err
    all_is_proved(cluster, again(cluster))


def test_a_host_without_ssh_is_asked_by_way_of_another(cluster):
    host = cluster.hosts[0]
    host.run(["systemctl", "stop", "ssh.socket", "ssh.service"])
    # The connection that is open ends, too.
    host.run(["pkill", "sshd"])
    try:
        ran = cluster.project.run(harness.KPLAN, "step", *verify_step(cluster), timeout=240)
    finally:
        host.run(["systemctl", "start", "ssh.service"], check=True)
    assert ran.code == 0, ran
    assert "etcd-1 was not asked whom it reaches: host etcd-1:" in ran.out, ran.out
    assert report(cluster)["verdict"] == "pass"


def test_a_firewall_between_members_is_told(cluster):
    first, second = cluster.hosts[:2]
    with closed(second, 2380, to=first):
        ran = again(cluster)
    assert ran.code != 0 and re.search(
        r"verification failed: peer-reach of etcd-2\n.*etcd-2 reaches https://10.77.0.11:2380\n.*"
        r"etcd-2 does not reach etcd-1:2380 \(no answer to a TCP connection\); etcd-1 itself and etcd-3 do\n", ran.out), ran.out
    all_is_proved(cluster, again(cluster))


def test_by_default_hosts_are_the_way_where_nothing_answers_here(lab, cluster):
    """ssh gets to the hosts from here, and nothing else."""
    for host in cluster.hosts:
        lab.heal(lab.admin, host)
    (lab.ssh_folder / "config.d/bastion").unlink()
    cluster.project.edit_spec("verify: {from: [hosts]}\n", "")
    with closed(lab.admin, 2379), closed(lab.admin, 2380):
        pids = cluster.pids()
        all_is_proved(cluster, cluster.gen_and_ninja())
        assert cluster.pids() == pids
        cluster.project.spec = ssh_cluster.with_quota(cluster.project.spec, 3 << 30)
        all_is_proved(cluster, cluster.gen_and_ninja())
        status = cluster.project.run(harness.KPLAN, "status")
        assert status.code == 0, status
    # And from here where that is possible, which also shows that packets are counted.
    with counted(lab) as packets:
        all_is_proved(cluster, again(cluster))
    assert packets[0] > 0


def verify_step(cluster):
    """SHARD LABEL DIGEST of build.ninja."""
    text = cluster.project.path("build.ninja").read_text(encoding="utf-8")
    shard, digest = re.search(r"  label = verify/etcd\n  shard = (\S+)\n  digest = ([0-9a-f]{64})\n", text).groups()
    return shard, "verify/etcd", digest
