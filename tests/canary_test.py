"""A change tried on one member of a cluster over ssh, and then made to the rest: booted hosts, real etcds."""

import json
import re

import pytest

import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

UNIT = "/etc/systemd/system/etcd.service"


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab, ssh_cluster.formed(lab, tmp_path_factory.mktemp("project")) as cluster:
        yield cluster


def apply(cluster, *words):
    return cluster.project.run(harness.KPLAN, "apply", "--yes", *words, timeout=240)


def planned(cluster, *words):
    """{label of a service: whether it is restarted}, of what the next run would do with members."""
    ran = cluster.project.run(harness.KPLAN, "plan", "--json", *words)
    return {service["label"]: service["restarts"] for step in json.loads(ran.out)["steps"] for service in step.get("services", [])}


def exchanged(before, after):
    return [name for name in before if before[name] != after[name]]


def quotas(cluster):
    """{host name: what its etcd runs with}"""
    found = {}
    for host in cluster.hosts:
        pid = cluster.pids()[host.name]
        command = host.run(["cat", f"/proc/{pid}/cmdline"], check=True).stdout
        found[host.name] = re.search(r"quota-backend-bytes[=\0](\d+)", command).group(1)
    return found


def untouched(cluster, names):
    """What is on the hosts NAMES below /etc and /usr/local, with times."""
    script = "find /etc/etcd /etc/systemd/system /usr/local/bin -type f -printf '%p %T@ %C@ %i %s %m\\n' | sort"
    return {host.name: host.run(["sh", "-c", script], check=True).stdout for host in cluster.hosts if host.name in names}


def test_a_canary_and_then_the_rest(cluster):
    first, canary, last = (host.name for host in cluster.hosts)
    old = quotas(cluster)[canary]
    cluster.project.spec = ssh_cluster.with_quota(cluster.project.spec, 1073741825)
    before, others = cluster.pids(), untouched(cluster, (first, last))
    with cluster.writing() as load:
        ran = apply(cluster, "--limit", canary).ok()
    assert load.end()["lost"] == []
    assert exchanged(before, cluster.pids()) == [canary]
    assert quotas(cluster) == {first: old, canary: "1073741825", last: old}
    assert untouched(cluster, (first, last)) == others
    assert "verify/etcd" not in ran.edges and not any(label.startswith(("file/", "unit/", "send/")) and canary not in label for label in ran.edges)
    owed = ran.out.split("still owed, left out by --limit: ", 1)[1]
    assert f"service/{first}/etcd" in owed and f"service/{last}/etcd" in owed and f"service/{canary}/etcd" not in owed
    # The others are owed it, however one asks; and the canary has nothing to do any more.
    assert planned(cluster) == {f"service/{first}/etcd": True, f"service/{last}/etcd": True}
    again = apply(cluster, "--limit", canary).ok()
    assert "nothing to do: " in again.out, again.out
    pids = cluster.pids()
    rest = cluster.project.ninja(timeout=240).ok()
    assert sorted(exchanged(pids, cluster.pids())) == sorted([first, last])
    assert "verify/etcd" in rest.edges and set(quotas(cluster).values()) == {"1073741825"}
    assert not cluster.litter()
    cluster.check_all_right()


def test_a_saved_plan_is_refused_when_a_member_is_down(cluster):
    cluster.project.spec = ssh_cluster.with_quota(cluster.project.spec, 1073741826)
    ran = cluster.project.run(harness.KPLAN, "plan", "--out", "saved.plan", "cluster.yaml")
    assert ran.code == 2, ran
    host, pids = cluster.hosts[2], cluster.pids()
    host.run(["systemctl", "stop", "etcd"], check=True)
    refused = apply(cluster, "saved.plan")
    assert refused.code == 1 and "rollout/etcd: the plan has: " in refused.err and host.name in refused.err, refused
    assert not refused.edges
    host.run(["systemctl", "start", "etcd"], check=True)
    harness.wait_for("health", cluster.is_healthy, 60)
    # Somebody has started it, and it is not the process that the plan saw.
    again = apply(cluster, "saved.plan")
    assert again.code == 1 and f"service/{host.name}/etcd" in again.err, again
    assert cluster.project.run(harness.KPLAN, "plan", "--out", "saved.plan").code == 2
    applied = apply(cluster, "saved.plan").ok()
    assert len(exchanged(pids, cluster.pids())) == 3 and ", 3 restarts" in applied.out, applied.out
    cluster.check_all_right()


def test_a_saved_plan_is_refused_for_drift_on_a_host(cluster):
    cluster.project.spec = ssh_cluster.with_quota(cluster.project.spec, 1073741827)
    assert cluster.project.run(harness.KPLAN, "plan", "--out", "saved.plan", "cluster.yaml").code == 2
    host, pids = cluster.hosts[0], cluster.pids()
    host.run(["chmod", "644", "/etc/etcd/server-key.pem"], check=True)
    refused = apply(cluster, "saved.plan")
    assert refused.code == 1 and f"file/{host.name}/etc/etcd/server.pem: " in refused.err, refused
    assert cluster.pids() == pids
    apply(cluster).ok()
    cluster.check_all_right()


def test_a_host_that_is_down_holds_a_canary_up_and_nobody_is_touched(cluster):
    cluster.project.spec = ssh_cluster.with_quota(cluster.project.spec, 1073741828)
    pids = cluster.pids()
    cluster.lab.partition(cluster.lab.admin, cluster.hosts[2])
    try:
        ran = apply(cluster, "--limit", cluster.hosts[0].name)
    finally:
        cluster.lab.heal()
    assert ran.code == 1 and cluster.hosts[2].name in ran.out, ran
    assert cluster.pids() == pids
    harness.wait_for("health", cluster.is_healthy, 60)
    apply(cluster, "--limit", cluster.hosts[0].name).ok()
    assert exchanged(pids, cluster.pids()) == [cluster.hosts[0].name]
    apply(cluster).ok()
    cluster.check_all_right()
