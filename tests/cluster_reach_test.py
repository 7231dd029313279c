"""A cluster whose etcd runs as a user of its own: whether that user gets to the files that etcd is given."""

import re

import pytest

import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab:
        cluster = ssh_cluster.SshCluster(lab, tmp_path_factory.mktemp("project"), 3)
        cluster.project.spec += "  hardening: strict\n"
        yield cluster


def told(path, folder="/etc/etcd"):
    """What is said of a FOLDER of root's that is closed."""
    return rf"etcd.service: etcd may not enter {folder} \(0700, of root\), which is on the way to {path}; `chmod o\+x {folder}`"


def test_a_folder_that_was_there_is_seen_before_its_member_is_started(cluster):
    """/etc/etcd is there before the first run, on the second host, and closed; on the third one everything is made with a umask of 077."""
    second, third = cluster.hosts[1:]
    second.run(["install", "-d", "-m", "700", "/etc/etcd"], check=True)
    third.run(["sh", "-c", "echo 'umask 077' >>/root/.profile; echo 'umask 077' >>/root/.bashrc"], check=True)
    ran = cluster.gen_and_ninja()
    assert ran.code != 0 and re.search(told("/etc/etcd/.*"), ran.out), ran.out
    assert second.run(["stat", "-c", "%a", "/etc/etcd"]).stdout == "700\n", "it is not ours to open"
    assert [name for name, pid in cluster.pids().items() if pid == 0] == [second.name], "it keeps nobody else down"
    # Hosts that were reached once are asked.
    code, steps = cluster.planned()
    assert code == 3 and re.search(second.name + ": " + told("/etc/etcd/.*"), str(steps["rollout/etcd"])), steps
    # The remedy.
    second.run(["chmod", "o+x", "/etc/etcd"], check=True)
    cluster.project.ninja(timeout=240).ok()
    assert third.run(["stat", "-c", "%a", "/etc/etcd"]).stdout == "755\n"
    cluster.check_all_right()


def test_a_folder_that_is_closed_later_is_drift(cluster):
    host, pids = cluster.hosts[0], cluster.pids()
    host.run(["chmod", "700", "/etc/etcd"], check=True)
    code, steps = cluster.planned()
    assert code == 3 and re.search(told("/etc/etcd/.*"), str(steps["rollout/etcd"])), steps
    status = cluster.project.run(harness.KPLAN, "status")
    assert status.code == 3 and re.search(told("/etc/etcd/.*"), status.out), status
    ran = cluster.project.ninja(timeout=240)
    assert ran.code != 0 and re.search(told("/etc/etcd/.*"), ran.out), ran.out
    assert cluster.pids() == pids
    host.run(["chmod", "755", "/etc/etcd"], check=True)
    cluster.project.ninja(timeout=240).ok()
    assert cluster.pids() == pids
    cluster.check_all_right()


def test_a_server_that_cannot_read_its_key_refuses_nobody(cluster):
    """Alert 80 is its own fault: neither a client's certificate is wrong, nor is a stranger turned away."""
    host, pids = cluster.hosts[0], cluster.pids()
    host.run(["chmod", "000", "/etc/etcd/server-key.pem"], check=True)
    # The look at the hosts is left out: it would have the mode put right.
    ran = cluster.project.run(harness.KPLAN, "step", *verify_step(cluster))
    text = ran.out + ran.err
    assert ran.code != 0 and "TLS alert 80 internal_error, which is the server's own fault and no refusal" in text, text
    assert "may its user read its certificate and key" in text and "turns away the client" not in text, text
    cluster.project.ninja(timeout=240).ok()
    assert cluster.pids() == pids
    cluster.check_all_right(passes=1)


def verify_step(cluster):
    """SHARD LABEL DIGEST of build.ninja."""
    text = cluster.project.path("build.ninja").read_text(encoding="utf-8")
    shard, digest = re.search(r"  label = verify/etcd\n  shard = (\S+)\n  digest = ([0-9a-f]{64})\n", text).groups()
    return shard, "verify/etcd", digest
