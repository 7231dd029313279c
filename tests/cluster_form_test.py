"""Clusters of three and five formed over ssh on booted hosts, from nothing, however few steps run at a time."""

import json

import pytest

import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())


def expected_ids(cluster, token="prod"):
    """{host name: member id}, as etcd works them out: from the peer URL and the token."""
    return {host.name: ssh_cluster.member_id(f"https://{host.address}:2380", token) for host in cluster.hosts}


def check_formed(cluster):
    cluster.check_all_right()
    assert {name: f"{status['header']['member_id']:x}" for name, status in cluster.status().items()} == expected_ids(cluster)
    for host in cluster.hosts:
        for name, mode in (("server.pem", "644"), ("server-key.pem", "600"), ("peer-key.pem", "600"), ("ca.pem", "644")):
            assert host.run(["stat", "-c", "%a %U", f"/etc/etcd/{name}"]).stdout == f"{mode} root\n"
        assert host.run(["systemctl", "is-enabled", "etcd"]).stdout == "enabled\n"
        # Nobody's key is on another's host, and the CA's and the client's on none.
        keys = host.run(["sh", "-c", "cat /etc/etcd/*-key.pem"]).stdout
        for other in ("ca", "root", *(f"{h.name}/{kind}" for h in cluster.hosts if h is not host for kind in ("server", "peer"))):
            assert cluster.project.path(f"pki/{other}-key.pem").read_text(encoding="ascii") not in keys
    assert not cluster.litter()


@pytest.mark.parametrize("jobs", [1, 2, 16])
def test_three_members_from_nothing(jobs, tmp_path):
    with hosts.lab(count=3) as lab:
        cluster = ssh_cluster.SshCluster(lab, tmp_path, 3, become=jobs == 2)
        before = cluster.connections()
        ran = cluster.gen_and_ninja(f"-j{jobs}").ok()
        # The member table.
        for host, identity in expected_ids(cluster).items():
            assert any(identity in line and host in line for line in ran.out.splitlines()), ran.out
        assert "refused at client and peer ports: no-cert, wrong-ca, plaintext\n" in ran.out
        # One connection a host.
        assert {name: count - before[name] for name, count in cluster.connections().items()} == {h.name: 1 for h in cluster.hosts}
        check_formed(cluster)
        assert set(cluster.starts().values()) == {1}


def test_five_members_and_what_a_change_of_one_host_contacts(tmp_path):
    with hosts.lab(count=5) as lab:
        cluster = ssh_cluster.SshCluster(lab, tmp_path, 5)
        cluster.gen_and_ninja("-j16").ok()
        check_formed(cluster)
        report = json.loads(cluster.project.path("reports/verify-etcd.json").read_text(encoding="utf-8"))
        assert sum(member["leader"] for member in report["members"]) == 1

        # A comment: no step, no host.
        cluster.project.spec = "# A comment.\n" + cluster.project.spec
        before = cluster.connections()
        cluster.project.gen().ok()
        assert cluster.project.ninja().ok().no_work
        assert cluster.connections() == before


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab, ssh_cluster.formed(lab, tmp_path_factory.mktemp("project")) as cluster:
        yield cluster


def test_a_run_after_a_lost_state_folder_adopts_everything(cluster):
    pids = cluster.pids()
    cluster.project.run("rm", "-rf", ".kplan", "build.ninja").ok()
    cluster.gen_and_ninja().ok()
    assert cluster.pids() == pids
    cluster.project.run("ninja", "-t", "clean").ok()
    cluster.gen_and_ninja().ok()
    assert cluster.pids() == pids
    cluster.check_all_right()


def test_a_host_that_lost_its_power_comes_back_by_itself(cluster):
    pids = cluster.pids()
    third = cluster.hosts[2]
    third.kill()
    third.boot()
    harness.wait_for("the third member", lambda: len(cluster.status()) == 3, 60)
    pids[third.name] = cluster.pids()[third.name]
    cluster.project.edit_spec("localhost, 127.0.0.1", "localhost, 127.0.0.1, etcd.example")
    cluster.gen_and_ninja().ok()
    assert cluster.pids() == pids
    cluster.check_all_right()


def test_a_renewal_finds_a_stopped_member_and_starts_it(cluster):
    first = cluster.hosts[0]
    pids = cluster.pids()
    first.run(["systemctl", "stop", "etcd"], check=True)
    cluster.project.edit_spec("etcd.example", "renewed.example")
    ran = cluster.gen_and_ninja().ok()
    assert f"{first.name} does not answer" in ran.out and f"started {first.name}" in ran.out, ran.out
    now = cluster.pids()
    assert [name for name in pids if pids[name] != now[name]] == [first.name]
    cluster.check_all_right(passes=1)
