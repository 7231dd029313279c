"""What a run on booted hosts would not come through is said by plan before it, in the run's own words."""

import re

import pytest

import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab, ssh_cluster.formed(lab, tmp_path_factory.mktemp("project")) as cluster:
        yield cluster


def plan(cluster, code):
    """{label: step} of what plan says changes or fails; its exit code has to be CODE."""
    found, steps = cluster.plan()
    assert found == code, steps
    return {label: step for label, step in steps.items() if step["fate"] in ("change", "fail")}


def foreseen(cluster, label):
    """What plan says of LABEL, which would fail; the run says the same, and touches no member."""
    steps, pids = plan(cluster, 3), cluster.pids()
    assert steps[label]["fate"] == "fail", steps
    failure = steps[label]["failure"]
    ran = cluster.project.ninja(timeout=240)
    assert ran.code == 1, ran
    for line in failure.splitlines():
        assert line.strip() in ran.out, (failure, ran.out)
    assert cluster.pids() == pids
    # What the failed run left is no other plan.
    assert plan(cluster, 3)[label]["failure"] == failure
    return failure


@pytest.mark.parametrize("port", [2379, 2380])
def test_a_port_that_somebody_took(cluster, port):
    host = cluster.hosts[1]
    host.run(["systemctl", "stop", "etcd"], check=True)
    host.run(["systemd-run", "--unit=squatter", "perl", "-MSocket", "-e",
              "socket(S,PF_INET,SOCK_STREAM,0);setsockopt(S,SOL_SOCKET,SO_REUSEADDR,1);"
              f"bind(S,sockaddr_in({port},inet_aton('{host.address}')))||die;listen(S,1);sleep 1000"], check=True)
    try:
        harness.wait_for("the squatter", lambda: f":{port}" in host.run(["ss", "-Hltn"], check=True).stdout)
        failure = foreseen(cluster, "rollout/etcd")
        assert re.search(rf"{host.name}: {re.escape(host.address)}:{port} is taken by `perl` \(process \d+, since [0-9: -]+ UTC, unit squatter.service\)",
                         failure), failure
    finally:
        host.run(["systemctl", "stop", "squatter"], check=True)
    assert plan(cluster, 2)["rollout/etcd"]["fate"] == "change"
    cluster.project.ninja(timeout=240).ok()
    cluster.check_all_right()
    assert plan(cluster, 0) == {}


def test_what_the_survey_refuses(cluster):
    host = cluster.hosts[2]
    host.run(["systemctl", "stop", "etcd"], check=True)
    host.run(["mv", "/var/lib/etcd/member", "/root/member"], check=True)
    # Its survey is fresh: the rollout decides in the same way before it starts a member.
    failure = foreseen(cluster, "rollout/etcd")
    assert host.name in failure and "member remove" in failure, failure
    # An edit by which the survey comes first.
    cluster.project.spec = ssh_cluster.with_san(cluster.project.spec, "wiped.example")
    cluster.project.gen().ok()
    assert "member remove" in foreseen(cluster, "survey/etcd")
    host.run(["sh", "-c", "rm -rf /var/lib/etcd/member && mv /root/member /var/lib/etcd/member"], check=True)
    assert all(step["fate"] == "change" for step in plan(cluster, 2).values())
    cluster.project.ninja(timeout=240).ok()
    cluster.check_all_right()


def test_a_folder_that_became_read_only(cluster):
    host = cluster.hosts[1]
    host.run(["sh", "-c", "mount --bind /etc/etcd /etc/etcd && mount -o remount,bind,ro /etc/etcd"], check=True)
    try:
        # Nothing is to be done there: nothing speaks of it.
        assert plan(cluster, 0) == {}
        cluster.project.spec = ssh_cluster.with_san(cluster.project.spec, "sealed.example")
        cluster.project.gen().ok()
        failure = foreseen(cluster, f"file/{host.name}/etc/etcd/server.pem")
        assert failure.startswith(f"{host.name}: ") and "Read-only file system" in failure, failure
    finally:
        host.run(["umount", "/etc/etcd"], check=True)
    cluster.project.ninja(timeout=240).ok()
    cluster.check_all_right()


def test_a_member_that_is_taken_out_of_the_list(cluster):
    spec = cluster.project.spec
    names = [host.name for host in cluster.hosts]
    cluster.project.edit_spec(f"members: [{', '.join(names)}]", f"members: [{', '.join(names[:2])}]")
    cluster.project.gen().ok()
    assert "expected data of cluster" in foreseen(cluster, "survey/etcd")
    cluster.project.spec = spec
    cluster.project.gen().ok()
    cluster.project.ninja(timeout=240).ok()
    cluster.check_all_right()
