"""A cluster whose files are in folders of its choice, its data on a disk of its own, and its ports other ones: booted hosts."""


import pytest

import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

CLIENTS, PEERS = 12379, 12380
PLACES = f"""\
  client-port: {CLIENTS}
  peer-port: {PEERS}
  bin-dir: /opt/bin
  config-dir: /srv/etc
  data-dir: /srv/disk/etcd
"""
DISK = "[Unit]\nDescription=a disk\n\n[Mount]\nWhat=tmpfs\nWhere=/srv/disk\nType=tmpfs\nOptions=mode=0755\n"


class Cluster(ssh_cluster.SshCluster):
    """Three members with a disk each, which is mounted when something asks for it."""

    def __init__(self, lab, folder):
        super().__init__(lab, folder, 3)
        self.project.edit_spec("  tls:", f"{PLACES}  tls:")
        for host in self.hosts:
            host.run(["mkdir", "-p", "/srv/disk"], check=True)
            host.run(["sh", "-c", f"cat >/etc/systemd/system/srv-disk.mount <<'EOF'\n{DISK}EOF\nsystemctl daemon-reload"], check=True)

    @property
    def endpoints(self):
        return [f"https://{host.address}:{CLIENTS}" for host in self.hosts]

    def mount(self, on):
        for host in self.hosts:
            host.run(["systemctl", "start" if on else "stop", "srv-disk.mount"], check=True)


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab:
        yield Cluster(lab, tmp_path_factory.mktemp("project"))


def test_a_disk_that_is_not_mounted_is_not_written_below(cluster):
    cluster.project.gen().ok()
    ran = cluster.project.ninja(timeout=240)
    assert ran.code == 1 and "/srv/disk is not mounted" in ran.out, ran
    for host in cluster.hosts:
        assert host.run(["ls", "-A", "/srv/disk"], check=True).stdout == ""
    assert cluster.pids() == {host.name: 0 for host in cluster.hosts}


def test_they_are_formed_there(cluster):
    cluster.mount(True)
    cluster.project.ninja(timeout=240).ok()
    assert cluster.is_healthy()
    for host in cluster.hosts:
        found = host.run(["sh", "-c", "ls /opt/bin /srv/etc /srv/disk/etcd/member; ls -d /etc/etcd /var/lib/etcd /usr/local/bin/etcd 2>&1; true"],
                         check=True).stdout
        assert all(name in found.split() for name in ("etcd", "etcdctl", "server.pem", "bootstrap.env", "wal")), found
        assert found.count("No such file") == 3, found
        listening = host.run(["ss", "-Hltn"], check=True).stdout
        assert f"{host.address}:{CLIENTS}" in listening and f"{host.address}:{PEERS}" in listening, listening
        assert f"127.0.0.1:{CLIENTS}" in listening and ":2379" not in listening and ":2380" not in listening, listening
    assert cluster.project.ninja().ok().no_work


def test_a_change_goes_the_same_ways(cluster):
    pids = cluster.pids()
    cluster.project.spec = ssh_cluster.with_san(cluster.project.spec, "elsewhere.example")
    cluster.gen_and_ninja().ok()
    assert cluster.pids() == pids, "a certificate is read again"
    cluster.project.spec = ssh_cluster.with_quota(cluster.project.spec, 1073741825)
    cluster.gen_and_ninja().ok()
    assert all(after != before for after, before in zip(cluster.pids().values(), pids.values(), strict=True))
    assert cluster.project.ninja().ok().no_work


def test_a_snapshot_is_restored_there(cluster):
    cluster.check_a_snapshot_is_restored()


def test_data_is_not_left_behind(cluster):
    """A cluster whose data-dir changes would start without data: refused before anything is touched."""
    pids = cluster.pids()
    cluster.project.edit_spec("/srv/disk/etcd", "/srv/other/etcd")
    cluster.project.gen().ok()
    ran = cluster.project.ninja(timeout=240)
    assert ran.code == 1 and "data-dir" in ran.out, ran
    assert cluster.pids() == pids
    cluster.project.edit_spec("/srv/other/etcd", "/srv/disk/etcd")
    cluster.gen_and_ninja().ok()
    assert cluster.pids() == pids


def test_after_a_reboot_etcd_waits_for_its_disk(cluster):
    # Nothing but etcd's unit asks for it at boot.
    host = cluster.hosts[0]
    host.run(["systemctl", "stop", "etcd"], check=True)
    host.run(["systemctl", "stop", "srv-disk.mount"], check=True)
    host.run(["systemctl", "start", "--no-block", "etcd"], check=True)
    harness.wait_for("the mount", lambda: host.run(["systemctl", "is-active", "srv-disk.mount"]).stdout.strip() == "active")


def test_a_disk_that_is_gone_is_said(cluster):
    host = cluster.hosts[0]
    host.run(["systemctl", "stop", "etcd"], check=True)
    host.run(["systemctl", "stop", "srv-disk.mount"], check=True)
    code, steps = cluster.plan()
    assert code == 3, steps
    said = steps[f"dir/{host.name}/srv/disk/etcd"]
    assert said["fate"] == "fail" and "/srv/disk is not mounted" in said["failure"], steps
    ran = cluster.project.ninja(timeout=240)
    assert ran.code == 1 and "/srv/disk is not mounted" in ran.out, ran
    assert host.run(["ls", "-A", "/srv/disk"], check=True).stdout == ""
