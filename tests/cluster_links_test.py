"""A cluster whose data is behind a symbolic link: root's is followed, any other refused before anything is touched. Booted hosts."""

import pytest

import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

LINK, REAL = "/var/lib/etcd", "/data/etcd"


class Cluster(ssh_cluster.SshCluster):
    def __init__(self, lab, folder):
        super().__init__(lab, folder, 3)
        for host in self.hosts:
            self.shell(host, f"mkdir -p -m 755 {REAL} && ln -s {REAL} {LINK}")

    def shell(self, host, script):
        return host.run(["sh", "-c", script], check=True).stdout

    def state(self, host):
        """What is there of the link and of what it leads to."""
        return self.shell(host, f"stat -c '%N %A %U %Y' {LINK}; find /data /var/lib/.etcd* -printf '%p %m %u\\n' 2>/dev/null | sort")


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab:
        yield Cluster(lab, tmp_path_factory.mktemp("project"))


def test_other_links_are_refused(cluster):
    """One of somebody else, one that leads nowhere, one into a folder that others may write to: each with its remedy."""
    first, second, third = cluster.hosts
    cluster.shell(first, f"chown -h ops {LINK}")
    cluster.shell(second, "mv /data /data.away")
    cluster.shell(third, "chmod 777 /data")
    cluster.project.gen().ok()
    cluster.project.ninja("unpack/etcd", *(f"host/{host.name}" for host in cluster.hosts)).ok()
    before = {host.name: cluster.state(host) for host in cluster.hosts}
    code, steps = cluster.plan()
    assert code == 3 and steps["survey/etcd"]["fate"] == "fail", steps
    ran = cluster.project.ninja(timeout=240)
    assert ran.code == 1, ran
    for said in (steps["survey/etcd"]["failure"], ran.out):
        for host, why, remedy in ((first, "belongs to user", f"chown -h root {LINK}"),
                                  (second, f"{LINK} -> {REAL} leads nowhere", "Is a disk not mounted?"),
                                  (third, "may be written to by others (mode 0777)", "chmod go-w /data")):
            assert any(line.strip().startswith(f"{host.name}: ") and why in line and remedy in line for line in said.splitlines()), (host.name, said)
    assert {host.name: cluster.state(host) for host in cluster.hosts} == before
    assert cluster.pids() == {host.name: 0 for host in cluster.hosts}
    # The remedies.
    cluster.shell(first, f"chown -h root {LINK}")
    cluster.shell(second, "mv /data.away /data")
    cluster.shell(third, "chmod go-w /data")


def test_roots_link_is_followed_with_a_word(cluster):
    ran = cluster.project.ninja(timeout=240).ok()
    assert cluster.is_healthy()
    for host in cluster.hosts:
        assert ran.out.count(f"dir/{host.name}{LINK}: through the link {LINK} -> {REAL}") == 1, ran.out
        assert cluster.shell(host, f"readlink {LINK}").strip() == REAL
        assert cluster.shell(host, f"stat -c '%a %U' {REAL}").split() == ["700", "root"]
        assert "wal" in cluster.shell(host, f"ls {REAL}/member")
    assert cluster.project.ninja().ok().no_work
    code, steps = cluster.planned()
    assert (code, steps) == (0, {})


def test_a_mode_is_put_right_behind_it(cluster):
    host = cluster.hosts[0]
    cluster.shell(host, f"chmod 755 {REAL}")
    code, steps = cluster.planned()
    assert code == 2 and steps[f"dir/{host.name}{LINK}"]["fate"] == "change", steps
    cluster.gen_and_ninja().ok()
    assert cluster.shell(host, f"stat -c %a {REAL}").strip() == "700"
    assert cluster.shell(host, f"readlink {LINK}").strip() == REAL
    assert cluster.project.ninja().ok().no_work


def test_a_restore_exchanges_what_it_leads_to(cluster):
    cluster.check_a_snapshot_is_restored()
    for host in cluster.hosts:
        assert cluster.shell(host, f"readlink {LINK}").strip() == REAL
        kept = cluster.shell(host, "ls -A /data").split()
        assert len(kept) == 2 and any(name.startswith("etcd.before-restore-") for name in kept), kept


def test_after_that_all_goes_on(cluster):
    pids = cluster.pids()
    cluster.project.spec = ssh_cluster.with_quota(cluster.project.spec, 1073741825)
    cluster.gen_and_ninja().ok()
    assert all(after != before for after, before in zip(cluster.pids().values(), pids.values(), strict=True))
    assert cluster.project.ninja().ok().no_work
