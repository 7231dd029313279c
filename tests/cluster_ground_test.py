"""What a host could say at once is asked before any file of a member gets there: ports that are taken, addresses that nobody has, folders that
cannot be written to or started from, room. Booted hosts."""

import re

import pytest

import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

NOBODYS = "203.0.113.77"
PLACES = """\
  bin-dir: /opt/bin
  config-dir: /srv/etc
  data-dir: /srv/data
"""
# What every host changes by itself, and where the agent of kplan is.
QUIET = ["/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/var/log", "/var/lib/kplan", "/var/lib/systemd", "/root", "/home"]


class Cluster(ssh_cluster.SshCluster):
    def __init__(self, lab, folder):
        super().__init__(lab, folder, 3)
        self.project.edit_spec("  tls:", f"{PLACES}  tls:")
        self.plain = self.project.spec
        for host in self.hosts:
            host.run(["mkdir", "-p", "/opt/bin", "/srv/etc", "/srv/data"], check=True)

    def files(self):
        """Every file and folder of the hosts with its mode, owner and time."""
        prune = " -o ".join(f"-path {path}" for path in QUIET)
        script = f"find / \\( {prune} \\) -prune -o -printf '%p %m %u:%g %s %T@\\n' | sort"
        return {host.name: host.run(["sh", "-c", script], check=True).stdout.splitlines() for host in self.hosts}

    def mount(self, host, path, options):
        host.run(["mount", "-t", "tmpfs", "-o", options, "none", path], check=True)


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab:
        yield Cluster(lab, tmp_path_factory.mktemp("project"))


def spoil(cluster):
    """Something is wrong with every host. Returns what has to be said of each."""
    first, second, third = cluster.hosts
    first.run(["systemd-run", "--unit=squatter", "perl", "-MSocket", "-e",
               "socket(S,PF_INET,SOCK_STREAM,0);setsockopt(S,SOL_SOCKET,SO_REUSEADDR,1);"
               f"bind(S,sockaddr_in(2380,inet_aton('{first.address}')))or die;listen(S,5);sleep 1000"], check=True)
    harness.wait_for("the squatter", lambda: ":2380" in first.run(["ss", "-Hltn"], check=True).stdout)
    cluster.mount(first, "/opt/bin", "noexec,mode=0755")
    cluster.mount(second, "/srv/data", "size=20m,mode=0700")
    cluster.mount(second, "/opt/bin", "size=1m,mode=0755")
    cluster.mount(third, "/srv/etc", "ro")
    line = next(line for line in cluster.plain.splitlines() if line.startswith(f"  {third.name}:"))
    flow = line.partition(": ")[2].strip("{}")
    own = f"etcd: {{peer-listen: [$address, {NOBODYS}], peer-advertise: [$address]}}"
    cluster.project.spec = cluster.plain.replace(line, f"  {third.name}: {{{flow}, {own}}}")
    return [
        rf"{first.name}: {re.escape(first.address)}:2380 is taken by `perl` \(process \d+, since [0-9: -]+ UTC, unit squatter.service\); end that",
        rf"{first.name}: /opt/bin, where etcd's programs will be, is on a file system that is mounted noexec.*remount,exec /opt/bin.*bin-dir",
        rf"{second.name}: the file system at /opt/bin has 1.0 MB free, and \d+ MB are needed: \d+ MB for etcd's programs in /opt/bin \(bin-dir\)",
        rf"{second.name}: the file system at /srv/data has 21 MB free, and 64 MB are needed: 64 MB for etcd's log in /srv/data \(data-dir\)",
        rf"{third.name}: etcd is to listen at {re.escape(NOBODYS)}:2380, and no interface of this host has that address",
        rf"{third.name}: /srv/etc, where etcd's certificates will be, is on a read-only file system.*remount,rw /srv/etc.*config-dir",
    ]


def in_order(patterns, text):
    """Whether each of PATTERNS is in TEXT, each behind the one before: grouped by host."""
    at = 0
    for pattern in patterns:
        found = re.search(pattern, text[at:])
        assert found, (pattern, text)
        at += found.end()


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_touched(cluster):
    wrong = spoil(cluster)
    cluster.project.gen().ok()
    # That the hosts are known is all that is done before.
    cluster.project.ninja("unpack/etcd", *(f"host/{host.name}" for host in cluster.hosts)).ok()
    before = cluster.files()
    code, steps = cluster.plan()
    assert code == 3 and steps["survey/etcd"]["fate"] == "fail", steps
    in_order(wrong, steps["survey/etcd"]["failure"])
    ran = cluster.project.ninja(timeout=240)
    assert ran.code == 1, ran
    in_order(wrong, ran.out)
    assert cluster.files() == before
    assert cluster.pids() == {host.name: 0 for host in cluster.hosts}


def test_the_remedies_work(cluster):
    first, second, third = cluster.hosts
    first.run(["systemctl", "stop", "squatter"], check=True)
    first.run(["mount", "-o", "remount,exec", "/opt/bin"], check=True)
    second.run(["mount", "-o", "remount,size=200m", "/opt/bin"], check=True)
    second.run(["mount", "-o", "remount,size=200m", "/srv/data"], check=True)
    third.run(["mount", "-o", "remount,rw", "/srv/etc"], check=True)
    cluster.project.spec = cluster.plain
    cluster.gen_and_ninja().ok()
    assert cluster.is_healthy()
    assert cluster.project.ninja().ok().no_work


def test_what_runs_is_not_in_its_own_way(cluster):
    """The survey runs again: the ports are the members' own, and what is in place needs no room."""
    pids = cluster.pids()
    second = cluster.hosts[1]
    second.run(["sh", "-c", "head -c 300000000 /dev/zero >/srv/data/filler 2>/dev/null; head -c 300000000 /dev/zero >/opt/bin/filler 2>/dev/null; true"],
               check=True)
    cluster.project.path(".kplan/stamps/survey/etcd").unlink()
    cluster.project.ninja(timeout=240).ok()
    second.run(["rm", "/srv/data/filler", "/opt/bin/filler"], check=True)
    assert cluster.pids() == pids
    assert cluster.project.ninja().ok().no_work
