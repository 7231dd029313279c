"""A cluster whose write-ahead log is on a disk of its own, behind a mount point: booted hosts."""

import pytest

import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

WAL = "/srv/wal"
DISK = f"[Unit]\nDescription=a disk\n\n[Mount]\nWhat=tmpfs\nWhere={WAL}\nType=tmpfs\nOptions=mode=0755\n"


class Cluster(ssh_cluster.SshCluster):
    def __init__(self, lab, folder):
        super().__init__(lab, folder, 3)
        self.project.edit_spec("  tls:", f"  wal-dir: {WAL}\n  hardening: strict\n  tls:")
        for host in self.hosts:
            host.run(["mkdir", "-p", WAL], check=True)
            host.run(["sh", "-c", f"cat >/etc/systemd/system/srv-wal.mount <<'EOF'\n{DISK}EOF\nsystemctl daemon-reload"], check=True)

    def segments(self, host, folder):
        return host.run(["sh", "-c", f"ls {folder} 2>/dev/null | grep -c '[.]wal$' || :"], check=True).stdout.strip()

    def attributes(self, path):
        return {host.name: host.run(["stat", "-c", "%A %U", path], check=True).stdout.strip() for host in self.hosts}


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab:
        yield Cluster(lab, tmp_path_factory.mktemp("project"))


def test_a_disk_that_is_not_mounted_keeps_what_is_below(cluster):
    before = cluster.attributes(WAL)
    cluster.project.gen().ok()
    cluster.project.ninja("unpack/etcd", *(f"host/{host.name}" for host in cluster.hosts)).ok()
    code, steps = cluster.plan()
    assert code == 3 and f"{WAL} is not mounted" in steps["survey/etcd"]["failure"], steps["survey/etcd"]
    ran = cluster.project.ninja(timeout=240)
    assert ran.code == 1 and all(f"{host.name}: {WAL} is not mounted" in ran.out for host in cluster.hosts), ran
    assert cluster.attributes(WAL) == before
    for host in cluster.hosts:
        assert host.run(["ls", "-A", WAL], check=True).stdout == ""


def test_they_are_formed_with_their_log_there(cluster):
    for host in cluster.hosts:
        host.run(["systemctl", "start", "srv-wal.mount"], check=True)
    cluster.project.ninja(timeout=240).ok()
    assert cluster.is_healthy()
    assert set(cluster.attributes(WAL).values()) == {"drwx------ etcd"}
    for host in cluster.hosts:
        assert cluster.segments(host, f"{WAL}/wal") == "1"
        assert cluster.segments(host, "/var/lib/etcd/member/wal") == "0"
        required = host.run(["systemctl", "show", "--property=RequiresMountsFor,ReadWritePaths", "etcd"], check=True).stdout
        requires = next(line for line in required.splitlines() if line.startswith("RequiresMountsFor="))
        assert WAL in requires.partition("=")[2].split() and f"ReadWritePaths={WAL}" in required, required
    assert cluster.project.ninja().ok().no_work


def test_a_change_goes_the_same_ways(cluster):
    pids = cluster.pids()
    cluster.project.spec = ssh_cluster.with_quota(cluster.project.spec, 1073741825)
    cluster.gen_and_ninja().ok()
    assert all(after != before for after, before in zip(cluster.pids().values(), pids.values(), strict=True))
    assert cluster.project.ninja().ok().no_work


def test_a_snapshot_is_restored_there(cluster):
    cluster.check_a_snapshot_is_restored()
    for host in cluster.hosts:
        assert cluster.segments(host, f"{WAL}/wal") == "1"
        kept = host.run(["sh", "-c", f"ls -d {WAL}/wal.before-restore-* /var/lib/etcd.before-restore-*"], check=True).stdout.split()
        assert len(kept) == 2, kept
        assert cluster.segments(host, kept[0]) == "1", kept
        left = host.run(["sh", "-c", f"ls -A {WAL} /var/lib"], check=True).stdout
        assert "kplan-restore" not in left, left


@pytest.mark.parametrize("other", ["", "  wal-dir: /srv/elsewhere\n"])
def test_a_log_is_not_left_behind(cluster, other):
    """Neither where etcd has it by itself nor in another folder may it start without: refused before anything is touched."""
    pids, line = cluster.pids(), f"  wal-dir: {WAL}\n"
    cluster.project.edit_spec(line, other)
    cluster.project.gen().ok()
    code, steps = cluster.plan()
    assert code == 3, steps
    ran = cluster.project.ninja(timeout=240)
    to = "/srv/elsewhere/wal" if other else "/var/lib/etcd/member/wal"
    for said in (steps["survey/etcd"]["failure"], ran.out):
        for host in cluster.hosts:
            assert f"{host.name}: etcd's log is in {WAL}/wal" in said and f"mv {WAL}/wal {to}" in said, said
    assert ran.code == 1 and cluster.pids() == pids
    # And where nobody runs any more, too.
    for host in cluster.hosts:
        host.run(["systemctl", "stop", "etcd"], check=True)
    assert cluster.project.ninja(timeout=240).code == 1
    assert set(cluster.pids().values()) == {0}
    cluster.project.spec = cluster.project.spec.replace(other, line, 1) if other else cluster.project.spec.replace("  hardening:", f"{line}  hardening:", 1)
    cluster.gen_and_ninja().ok()
    assert cluster.is_healthy()
    assert cluster.project.ninja().ok().no_work


def test_a_log_that_was_moved_goes_on(cluster):
    """The remedy, followed."""
    cluster.etcdctl("put", "moved", "yes").ok()
    cluster.project.edit_spec(f"wal-dir: {WAL}", "wal-dir: /srv/elsewhere")
    for host in cluster.hosts:
        host.run(["systemctl", "stop", "etcd"], check=True)
        host.run(["sh", "-c", f"mkdir -p /srv/elsewhere && mv {WAL}/wal /srv/elsewhere/wal"], check=True)
    cluster.gen_and_ninja().ok()
    assert cluster.etcdctl("get", "moved", "--print-value-only").ok().out == "yes\n"
    for host in cluster.hosts:
        assert cluster.segments(host, "/srv/elsewhere/wal") == "1"
    assert cluster.project.ninja().ok().no_work


def test_after_a_reboot_etcd_waits_for_its_disk(cluster):
    cluster.project.edit_spec("wal-dir: /srv/elsewhere", f"wal-dir: {WAL}")
    for host in cluster.hosts:
        host.run(["systemctl", "stop", "etcd"], check=True)
        host.run(["sh", "-c", f"mv /srv/elsewhere/wal {WAL}/wal"], check=True)
    cluster.gen_and_ninja().ok()
    host = cluster.hosts[0]
    host.run(["sh", "-c", "systemctl stop etcd srv-wal.mount; systemctl start --no-block etcd"], check=True)
    harness.wait_for("the mount", lambda: host.run(["systemctl", "is-active", "srv-wal.mount"]).stdout.strip() == "active")
