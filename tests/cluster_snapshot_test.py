"""Three members over ssh on booted hosts lose everything, and get every key back from a snapshot."""

import hashlib
import json
import time

import pytest

import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

KEYS = 100_000


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab, ssh_cluster.formed(lab, tmp_path_factory.mktemp("project"), become=True) as cluster:
        yield cluster


def digest(cluster):
    out = cluster.etcdctl("get", "", "--prefix", "--command-timeout=60s").ok().out
    return hashlib.sha256(out.encode()).hexdigest(), out.count("\n")


def kplan(cluster, *words):
    return cluster.project.run(harness.KPLAN, *words, timeout=300)


def lose(cluster):
    for host in cluster.hosts:
        host.run(["sh", "-c", "systemctl kill --signal=SIGKILL etcd; systemctl stop etcd; rm -rf /var/lib/etcd"], check=True)


def listing(cluster):
    return {host.name: host.run(["sh", "-c", "ls -A /var/lib | grep -i etcd"]).stdout.split() for host in cluster.hosts}


def test_every_key_comes_back(cluster):
    cluster.project.run(
        "/usr/bin/python3", ssh_cluster.TESTS / "fill_etcd.py", f"--endpoints={','.join(cluster.endpoints)}", "--cacert=pki/ca.pem",
        "--cert=pki/root.pem", "--key=pki/root-key.pem", f"--count={KEYS}").ok()
    before = digest(cluster), cluster.etcdctl("member", "list").ok().out
    taken = json.loads(kplan(cluster, "snapshot", "--json").ok().out)
    lose(cluster)
    begun = time.monotonic()
    ran = kplan(cluster, "restore", taken["file"]).ok()
    seconds = time.monotonic() - begun
    print(f"{KEYS} keys, {taken['size']} bytes: snapshot {taken['seconds']:.2f} s, restore over ssh {seconds:.1f} s\n{ran.out}")
    assert f"all members serve revision {taken['revision']}, {KEYS} keys, with the hash" in ran.out
    assert (digest(cluster), cluster.etcdctl("member", "list").ok().out) == before
    assert set(map(tuple, listing(cluster).values())) == {("etcd",)}
    for host in cluster.hosts:
        assert host.run(["stat", "-c", "%a %U", "/var/lib/etcd"]).stdout == "700 root\n"
        assert host.run(["systemctl", "is-enabled", "etcd"]).stdout == "enabled\n"
        assert not host.run(["sh", "-c", "ls /var/lib/kplan/spool/*"]).stdout.count("snapshot")
    cluster.project.gen().ok()
    assert "verify/etcd" in cluster.project.ninja(timeout=240).ok().edges
    cluster.check_all_right()


def test_a_host_that_cannot_be_reached_stops_it_before_anything(cluster):
    taken = json.loads(kplan(cluster, "snapshot", "--json").ok().out)
    pids = cluster.pids()
    third = cluster.hosts[2]
    third.run(["systemctl", "stop", "ssh"], check=True)
    third.run(["sh", "-c", "pkill -x sshd || :"])
    ran = kplan(cluster, "restore", taken["file"], "--yes")
    third.run(["systemctl", "start", "ssh"], check=True)
    assert ran.code == 1
    assert "nothing was touched: a restore needs all members" in ran.err and f"{third.name}: " in ran.err
    assert cluster.pids() == pids
    assert set(map(tuple, listing(cluster).values())) == {("etcd",)}


def test_a_boot_in_the_middle_starts_nobody(cluster):
    """One host has its new data, and another is booted again before the restore goes on."""
    cluster.etcdctl("put", "later", "lost").ok()
    taken = json.loads(kplan(cluster, "snapshot", "--json").ok().out)
    cluster.etcdctl("put", "later", "still").ok()
    second = cluster.hosts[1]
    # All are stopped, and the second one loses its power.
    process = cluster.project.runner.popen([str(harness.KPLAN), "restore", taken["file"], "--yes"], cluster.project.folder)
    for line in process.stdout:
        if "stopped" in line:
            second.kill()
            break
    out, err = process.communicate()
    assert process.returncode == 1, (out, err)
    second.boot()
    time_limit = time.monotonic() + 60
    while second.run(["systemctl", "is-system-running"]).stdout.strip() not in ("running", "degraded"):
        assert time.monotonic() < time_limit
    assert set(cluster.pids().values()) == {0}
    held = cluster.gen_and_ninja()
    assert held.code != 0 and "Run kplan restore again" in held.out
    assert set(cluster.pids().values()) == {0}
    kplan(cluster, "restore", taken["file"], "--yes").ok()
    assert cluster.etcdctl("get", "later", "--print-value-only").ok().out == "lost\n"
    cluster.project.gen().ok()
    cluster.project.ninja(timeout=240).ok()
    cluster.check_all_right()
