"""Drop-ins of the administrator, beside units that are not there yet: one that takes away what a unit is going to say is found by the first
plan, and how long a start may take is what systemd has. Booted hosts."""

import pytest

import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

FOLDER = "/etc/systemd/system/etcd.service.d"


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab:
        yield ssh_cluster.SshCluster(lab, tmp_path_factory.mktemp("project"), 3)


def put(host, text):
    host.run(["sh", "-c", f"mkdir -p {FOLDER} && cat >{FOLDER}/mine.conf && systemctl daemon-reload"], check=True, input=text)


def test_the_first_plan_finds_what_a_drop_in_takes_away(cluster):
    host = cluster.hosts[1]
    put(host, "[Service]\nExecStart=\nExecStart=/bin/sleep 1000000\n")
    cluster.project.gen().ok()
    cluster.project.ninja("unpack/etcd", *(f"host/{each.name}" for each in cluster.hosts)).ok()
    code, steps = cluster.plan()
    assert code == 3 and steps["rollout/etcd"]["fate"] == "fail", steps["rollout/etcd"]
    said = steps["rollout/etcd"]["failure"]
    assert said.startswith(f"{host.name}: ") and "ExecStart" in said and f"{FOLDER}/mine.conf" in said, said
    assert host.run(["ls", "/etc/systemd/system/etcd.service"]).returncode != 0
    host.run(["rm", f"{FOLDER}/mine.conf"], check=True)
    code, steps = cluster.plan()
    assert code == 2 and steps["rollout/etcd"]["fate"] == "change", steps["rollout/etcd"]


def test_a_start_may_take_what_a_drop_in_says(cluster):
    """The key says five seconds, and a drop-in a minute, of which what comes before etcd takes ten."""
    cluster.project.edit_spec("  tls:", "  start-timeout: 5s\n  tls:")
    for host in cluster.hosts:
        put(host, "[Service]\nTimeoutStartSec=60\nExecStartPre=/bin/sleep 10\n")
    cluster.gen_and_ninja().ok()
    assert cluster.is_healthy()
    assert cluster.project.ninja().ok().no_work
    pids = cluster.pids()
    cluster.project.spec = ssh_cluster.with_quota(cluster.project.spec, 1073741825)
    cluster.gen_and_ninja().ok()
    assert all(after != before for after, before in zip(cluster.pids().values(), pids.values(), strict=True))
    assert cluster.project.ninja().ok().no_work
