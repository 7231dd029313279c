"""What somebody else set up on a host is not taken over without a word: an etcd with keys of its own, a package's service. Booted hosts."""

import base64

import pytest

import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

# As a package has it: below /lib, its data in a folder of its own, named by a variable.
ETCD = """\
[Unit]
Description=etcd of the distribution

[Service]
Type=notify
Environment=ETCD_NAME=mine ETCD_DATA_DIR=/srv/mine
EnvironmentFile=-/etc/default/etcd
ExecStart=/usr/bin/etcd $DAEMON_ARGS

[Install]
WantedBy=multi-user.target
"""
PORTS = """\
ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:4001
ETCD_ADVERTISE_CLIENT_URLS=http://127.0.0.1:4001
ETCD_LISTEN_PEER_URLS=http://127.0.0.1:4002
"""
THING = """\
[Service]
ExecStart=/bin/sleep 1000000

[Install]
WantedBy=multi-user.target
"""
SERVICE = """\
services:
  thing:
    hosts: [{host}]
    command: [{program}, "2000000"]
"""
# What every host changes by itself, and where the agent of kplan is.
QUIET = ["/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/var/log", "/var/lib/kplan", "/var/lib/systemd", "/root", "/home", "/srv/mine"]


class Cluster(ssh_cluster.SshCluster):
    def __init__(self, lab, folder):
        super().__init__(lab, folder, 3)
        self.plain = self.project.spec

    def write(self, host, path, text):
        host.run(["sh", "-c", f"cat >{path} <<'EOF'\n{text}EOF"], check=True)

    def files(self, host):
        """Every file of HOST with its mode, owner and time."""
        prune = " -o ".join(f"-path {path}" for path in QUIET)
        return host.run(["sh", "-c", f"find / -xdev \\( {prune} \\) -prune -o -type f -printf '%p %m %u:%g %s %T@\\n' | sort"],
                        check=True).stdout.splitlines()

    def theirs(self, host, *argv):
        """Runs etcdctl against the other etcd on HOST."""
        return host.run(["env", "ETCDCTL_API=3", "/usr/bin/etcdctl", "--endpoints=http://127.0.0.1:4001", *argv], check=True).stdout


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab:
        yield Cluster(lab, tmp_path_factory.mktemp("project"))


def test_another_etcd_is_left_alone(cluster):
    host = cluster.hosts[1]
    cluster.project.gen().ok()
    cluster.project.ninja("unpack/etcd").ok()
    unpacked = next(cluster.project.path("archives").rglob("etcdctl")).parent
    for name in ("etcd", "etcdctl"):
        program = base64.b64encode((unpacked / name).read_bytes()).decode("ascii")
        host.run(["sh", "-c", f"base64 -d >/usr/bin/{name} && chmod 755 /usr/bin/{name}"], input=program, check=True)
    cluster.write(host, "/lib/systemd/system/etcd.service", ETCD)
    cluster.write(host, "/etc/default/etcd", PORTS)
    host.run(["sh", "-c", "mkdir -m 700 -p /srv/mine && systemctl daemon-reload && systemctl enable --now etcd"], check=True)
    cluster.theirs(host, "put", "mine", "kept")
    before, pid = {each.name: cluster.files(each) for each in cluster.hosts}, cluster.pids()[host.name]
    ran = cluster.project.ninja(timeout=240)
    assert ran.code == 1, ran
    for part in (host.name, "which kplan did not set up", "`/usr/bin/etcd` (unit /lib/systemd/system/etcd.service", "/srv/mine", "replace: true"):
        assert part in ran.out, (part, ran.out)
    for each in cluster.hosts:
        assert cluster.files(each) == before[each.name]
    assert cluster.pids()[host.name] == pid
    assert cluster.theirs(host, "get", "mine", "--print-value-only") == "kept\n"


def test_plan_says_the_same(cluster):
    code, steps = cluster.plan()
    assert code == 3 and steps["survey/etcd"]["fate"] == "fail", steps
    assert "which kplan did not set up" in steps["survey/etcd"]["failure"], steps["survey/etcd"]


def test_one_that_is_stopped_and_disabled_is_in_nobodys_way_and_its_data_stays(cluster):
    """The remedy, followed."""
    host = cluster.hosts[1]
    host.run(["systemctl", "disable", "--now", "etcd"], check=True)
    cluster.gen_and_ninja().ok()
    assert cluster.is_healthy()
    assert "snap" in host.run(["ls", "/srv/mine/member"], check=True).stdout
    assert cluster.project.ninja().ok().no_work


def test_a_service_of_that_name_is_not_replaced(cluster):
    host = cluster.hosts[0]
    cluster.write(host, "/lib/systemd/system/thing.service", THING)
    host.run(["sh", "-c", "systemctl daemon-reload && systemctl enable --now thing"], check=True)
    pid = host.run(["systemctl", "show", "--property=MainPID", "--value", "thing"]).stdout
    cluster.project.spec = cluster.plain + SERVICE.format(host=host.name, program="/usr/bin/tail")
    cluster.project.gen().ok()
    label = f"unit/{host.name}/thing"
    code, steps = cluster.plan()
    assert code == 3 and steps[label]["fate"] == "fail", steps[label]
    said = steps[label]["failure"]
    assert "which kplan did not make: `/bin/sleep` (unit /lib/systemd/system/thing.service" in said, said
    ran = cluster.project.ninja(timeout=240)
    assert ran.code == 1, ran
    assert said in ran.out, f"{said}\n{ran.out}"
    assert host.run(["systemctl", "show", "--property=MainPID", "--value", "thing"]).stdout == pid
    assert host.run(["ls", "/etc/systemd/system/thing.service"]).returncode != 0


def test_the_same_program_is_taken_over(cluster):
    """A package's program with a unit of ours is what most services are."""
    host = cluster.hosts[0]
    cluster.project.spec = cluster.plain + SERVICE.format(host=host.name, program="/usr/bin/sleep")
    cluster.gen_and_ninja().ok()
    command = host.run(["systemctl", "show", "--property=ExecStart", "--value", "thing"], check=True).stdout
    assert "2000000" in command, command
    assert cluster.project.ninja().ok().no_work


def test_what_may_give_way_does(cluster):
    host = cluster.hosts[2]
    cluster.write(host, "/lib/systemd/system/thing.service", THING)
    host.run(["sh", "-c", "systemctl daemon-reload && systemctl enable --now thing"], check=True)
    cluster.project.spec = cluster.plain + SERVICE.format(host=host.name, program="/usr/bin/tail").replace(
        '[/usr/bin/tail, "2000000"]', "[/usr/bin/tail, -f, /dev/null]")
    cluster.project.gen().ok()
    assert cluster.project.ninja(timeout=240).code == 1
    cluster.project.spec += "    replace: true\n"
    cluster.gen_and_ninja().ok()
    command = host.run(["systemctl", "show", "--property=ExecStart", "--value", "thing"], check=True).stdout
    assert "/usr/bin/tail" in command, command
    assert cluster.project.ninja().ok().no_work
