"""`hardening: strict` for etcd, on a booted systemd host: it runs, restarts, swaps its certificate, keeps its data.

The boots: two by default; KPLAN_SWEEP=full: 100."""

import json
import os
import re
import time

import pytest

import cluster as clusters
import harness
import systemd_host

pytestmark = pytest.mark.skipif(bool(systemd_host.why_not()), reason=systemd_host.why_not() or "none")

BOOTS = 100 if os.environ.get("KPLAN_SWEEP") == "full" else 2
STRICT = "  hardening: strict\n"


@pytest.fixture(name="cluster")
def fixture_cluster():
    with systemd_host.SystemdHost("worker") as host, clusters.on_systemd(host) as cluster:
        cluster.host = host
        yield cluster


def etcdctl(cluster, *words):
    etc = "/etc/etcd"
    return cluster.project.run(
        "/usr/local/bin/etcdctl", *words, "--endpoints=https://127.0.0.1:2379", f"--cacert={etc}/ca.pem",
        f"--cert={etc}/kubernetes.pem", f"--key={etc}/kubernetes-key.pem")


def status_of(cluster, key):
    """A line of /proc/PID/status of the running etcd."""
    text = cluster.project.run("cat", f"/proc/{cluster.pid()}/status").ok().out
    return re.search(rf"^{key}:\s*(.*)$", text, re.MULTILINE).group(1).split()


def owners(cluster, folder="/var/lib/etcd"):
    out = cluster.project.run("find", folder, "-printf", "%U:%G\\n").ok().out
    return set(out.split())


def uid_gid(cluster):
    return ":".join(cluster.project.run("id", flag, "etcd").ok().out.strip() for flag in ("-u", "-g"))


def check_strict(cluster):
    assert cluster.member_list() == cluster.member_line
    uid = uid_gid(cluster).split(":")[0]
    assert uid not in ("0", ""), "a user of its own"
    assert status_of(cluster, "Uid") == [uid] * 4
    assert status_of(cluster, "CapBnd") == ["0" * 16]
    assert status_of(cluster, "NoNewPrivs") == ["1"]
    assert status_of(cluster, "Seccomp") == ["2"]
    assert owners(cluster) == {uid_gid(cluster)}
    assert cluster.project.run("stat", "--format=%a", "/var/lib/etcd").ok().out == "700\n"


def idle(cluster):
    assert "no work to do" in cluster.project.gen_and_ninja().ok().out


def test_comes_up_restarts_and_swaps_its_certificate(cluster):
    project = cluster.project
    project.spec += STRICT
    cluster.provision()
    check_strict(cluster)
    idle(cluster)
    verified = project.run("systemd-analyze", "verify", "--man=no", "/etc/systemd/system/etcd.service")
    assert verified.out + verified.err == ""
    etcdctl(cluster, "put", "kept", "yes").ok()

    pid = cluster.pid()
    project.spec += "  flags: {heartbeat-interval: 200}\n"
    project.gen_and_ninja().ok()
    assert cluster.pid() != pid
    assert "--heartbeat-interval=200" in cluster.arguments()
    check_strict(cluster)

    pid, served = cluster.pid(), cluster.served()
    project.spec = project.spec.replace("kubernetes.default,", "kubernetes.default, swapped.example,")
    project.gen_and_ninja().ok()
    assert cluster.pid() == pid, "a certificate restarts nothing"
    assert cluster.served() != served
    assert "DNS:swapped.example" in clusters.san_names(project, cluster.served())
    assert etcdctl(cluster, "get", "kept", "--print-value-only").ok().out == "yes\n"
    idle(cluster)


def test_a_snapshot_is_taken_and_restored(cluster):
    project = cluster.project
    project.spec += STRICT
    cluster.provision()
    etcdctl(cluster, "put", "kept", "yes").ok()
    file = json.loads(project.run(project.kplan, "snapshot", "--json").ok().out)["file"]
    etcdctl(cluster, "put", "later", "lost").ok()
    refused = project.run(project.kplan, "restore", file)
    assert refused.code == 1 and "--yes" in refused.err, refused.err
    project.run(project.kplan, "restore", file, "--yes").ok()
    assert etcdctl(cluster, "get", "", "--prefix", "--print-value-only").ok().out == "yes\n"
    check_strict(cluster)
    project.ninja().ok()
    idle(cluster)


def test_off_to_strict_and_back_keeps_the_data(cluster):
    project = cluster.project
    off = project.spec
    cluster.provision()
    etcdctl(cluster, "put", "kept", "yes").ok()
    assert owners(cluster) == {"0:0"}
    project.spec = off + STRICT
    project.gen_and_ninja().ok()
    check_strict(cluster)
    assert etcdctl(cluster, "get", "kept", "--print-value-only").ok().out == "yes\n"
    etcdctl(cluster, "put", "more", "too").ok()
    idle(cluster)
    project.spec = off
    project.gen_and_ninja().ok()
    assert status_of(cluster, "Uid") == ["0"] * 4
    assert etcdctl(cluster, "get", "more", "--print-value-only").ok().out == "too\n"
    idle(cluster)
    project.spec = off + STRICT
    project.gen_and_ninja().ok()
    check_strict(cluster)
    assert etcdctl(cluster, "get", "kept", "--print-value-only").ok().out == "yes\n"


def test_score(cluster):
    """Of the text alone, as systemd 252 scores it; the tutorial's unit has 9.6."""
    def score():
        rendered = cluster.project.path("rendered/worker/etc/systemd/system/etcd.service")
        out = cluster.project.run("systemd-analyze", "security", "--offline=true", "--no-pager",
                                  f"/root/project/{rendered.relative_to(cluster.project.outside)}").out
        return float(re.search(r"Overall exposure level for etcd.service: ([0-9.]+)", out).group(1))

    cluster.provision()
    assert score() > 9
    cluster.project.spec += STRICT
    cluster.project.gen_and_ninja().ok()
    strict = score()
    assert strict <= 1.5
    print(f"exposure of the strict unit: {strict}")


def test_healthy_after_every_boot(cluster):
    cluster.project.spec += STRICT
    cluster.provision()
    host = cluster.host
    etcdctl(cluster, "put", "kept", "yes").ok()
    slowest = 0.0
    for _ in range(BOOTS):
        began = time.monotonic()
        host.reboot()
        harness.wait_for("a healthy etcd", lambda: etcdctl(cluster, "endpoint", "health").code == 0)
        slowest = max(slowest, time.monotonic() - began)
        check_strict(cluster)
        assert etcdctl(cluster, "get", "kept", "--print-value-only").ok().out == "yes\n"
        assert cluster.project.run("systemctl", "show", "--property=NRestarts", "--value", "etcd").out == "0\n"
    print(f"{BOOTS} boots, healthy each time; the slowest took {slowest:.1f} s")
