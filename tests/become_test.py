"""`become: sudo` on this machine: the project is the user's who runs ninja, and what is outside of it is root's.

On a booted host, as the user `ops`, the tutorial's cluster.
"""

import contextlib
import json
import os
import re
import stat

import pytest

import cluster as clusters
import harness
import hosts
import systemd_host
from cluster import san_names

pytestmark = pytest.mark.skipif(bool(systemd_host.why_not()), reason=systemd_host.why_not() or "none")

OPS = 1500
AGENT_HOME = "/var/lib/kplan"
SECRET = "/etc/etcd/kubernetes-key.pem"
# Whatever kplan may write outside of the project.
OF_THE_HOST = ("etc/etcd", "etc/systemd/system/etcd.service", "usr/local/bin/etcd", "usr/local/bin/etcdctl", "var/lib/etcd",
               "var/lib/kplan")


class AsOps:
    """Runs commands on the booted HOST as `ops`, in a session without a terminal."""

    def __init__(self, host):
        self._host = host

    def run(self, argv, cwd="/", timeout=120):
        return self._host.run(
            ["setpriv", f"--reuid={OPS}", f"--regid={OPS}", "--init-groups", "env", "HOME=/home/ops", "USER=ops", "LOGNAME=ops", *argv],
            cwd=cwd, timeout=timeout)


class OfOps(clusters.Cluster):
    """The tutorial's cluster, provisioned by ops: `project` is for ops, `as_root` for what only root may see."""

    def __init__(self, host):
        folder = host.root / "home/ops/project"
        folder.mkdir()
        os.chown(folder, OPS, OPS)
        harness.copy_file(harness.KPLAN, host.root / "usr/local/bin/kplan", mode=0o755)
        harness.copy_file(harness.TUTORIAL_ARCHIVE, folder / "etcd.tar.gz", owner=OPS)
        project = harness.Project("/home/ops/project", AsOps(host), "/usr/local/bin/kplan", outside=folder)
        self.as_root = harness.Project("/home/ops/project", host, "/usr/local/bin/kplan", outside=folder)
        spec = (clusters.EXAMPLES / "tutorial/cluster.yaml").read_text(encoding="utf-8")
        assert "  worker: {} " in spec
        spec = spec.replace("  worker: {} ", "  worker: {become: sudo} ")
        project.spec = spec + f"  archive: {{path: etcd.tar.gz, sha256: {harness.sha256(harness.TUTORIAL_ARCHIVE)}}}\n"
        os.chown(project.path("cluster.yaml"), OPS, OPS)
        line = "8e9e05c52164694d, started, etcd, http://localhost:2380, https://127.0.0.1:2379, false\n"
        super().__init__(project, host.root, "systemd", 2379, line)
        self.host = host

    def served(self):
        self.project, mine = self.as_root, self.project
        try:
            return super().served()
        finally:
            self.project = mine

    def owners(self, path):
        """The users who own PATH and all below it."""
        found = {os.lstat(path).st_uid}
        for folder, folders, files in os.walk(path):
            found |= {os.lstat(os.path.join(folder, name)).st_uid for name in folders + files}
        return found

    def outside(self):
        """Of the host, all that kplan could have written."""
        return harness.snapshot(*(self.root / path for path in OF_THE_HOST))

    def is_settled(self):
        self.project.gen().ok()
        again = self.project.ninja()
        assert again.no_work, again


@contextlib.contextmanager
def of_ops():
    with systemd_host.SystemdHost("worker") as host:
        yield OfOps(host)


@pytest.fixture(name="cluster")
def fixture_cluster():
    with of_ops() as cluster:
        yield cluster


@pytest.fixture(name="running")
def fixture_running(cluster):
    cluster.provision()
    return cluster


def test_the_project_is_the_users_and_the_host_is_roots(cluster):
    ran = cluster.provision()
    assert {"host/worker", "send/worker", "verify/etcd"} <= set(ran.edges), ran
    assert cluster.owners(cluster.project.outside) == {OPS}
    for path in ("etc/etcd", "etc/systemd/system/etcd.service", "usr/local/bin/etcd", "var/lib/etcd"):
        assert cluster.owners(cluster.root / path) == {0}, path
    assert stat.S_IMODE(os.lstat(cluster.on_host(SECRET)).st_mode) == 0o600
    # The same member as by root's own ninja.
    assert cluster.pid()
    member = cluster.as_root.run(
        "/usr/local/bin/etcdctl", "member", "list", "--endpoints=https://127.0.0.1:2379", "--cacert=/etc/etcd/ca.pem",
        "--cert=/etc/etcd/kubernetes.pem", f"--key={SECRET}").ok().out
    assert member == cluster.member_line
    assert re.search(r"^8e9e05c52164694d  etcd ", ran.out, re.MULTILINE), ran.out
    assert re.search(r"^refused: no-cert, wrong-ca, plaintext$", ran.out, re.MULTILINE), ran.out

    # What the agent keeps.
    home = cluster.on_host(AGENT_HOME)
    assert stat.S_IMODE(os.lstat(home).st_mode) == 0o700 and cluster.owners(home) == {0}
    (agent,) = home.glob("kplan-agent-*")
    assert stat.S_IMODE(os.lstat(agent).st_mode) == 0o700
    assert harness.sha256(agent) == harness.sha256(harness.KPLAN)
    assert len(list((home / "claims").iterdir())) == 1
    assert not list(home.glob("work-*")) and not list(home.glob("spool/*/*"))

    before = cluster.artifacts(), cluster.pid()
    cluster.is_settled()
    cluster.project.run(cluster.project.kplan, "plan").ok()
    assert (cluster.artifacts(), cluster.pid()) == before
    status = cluster.project.run(cluster.project.kplan, "status").ok().out
    assert "this machine, by sudo" in status and "asked just now" in status, status
    assert "become" in cluster.project.run(cluster.project.kplan, "show", "host/worker").ok().out


DRIFTS = {
    "a secret's content": (f"echo no key >{SECRET}", "file/worker/etc/etcd/kubernetes.pem"),
    "a mode": (f"chmod 644 {SECRET}", "file/worker/etc/etcd/kubernetes.pem"),
    "a unit": ("echo '# mine' >>/etc/systemd/system/etcd.service", "unit/worker/etcd"),
    "a service": ("systemctl stop etcd", "service/worker/etcd"),
    "a program": ("rm /usr/local/bin/etcdctl", "file/worker/usr/local/bin/etcdctl"),
}


def test_drift_that_only_root_sees_is_put_right(running):
    """--offline is about the network: this machine is asked all the same."""
    for what, (command, label) in DRIFTS.items():
        running.as_root.run("sh", "-euc", command).ok()
        for option in ([], ["--offline"]):
            plan = running.project.run(running.project.kplan, "plan", "--json", *option)
            assert plan.code == 2, (what, plan)
            assert label in plan.out, (what, plan.out)
            assert "not asked" not in plan.out + plan.err, (what, plan)
        ran = running.project.ninja().ok()
        assert label in ran.edges, (what, ran)
        running.is_settled()
        assert running.pid()
    assert running.owners(running.project.outside) == {OPS}
    assert running.owners(running.root / "etc/etcd") == {0}


def test_a_changed_name_swaps_the_certificate_without_a_restart(running):
    pid, project = running.pid(), running.project
    project.edit_spec("hosts: [worker,", "hosts: [etcd.example.com, worker,")
    plan = project.run(project.kplan, "plan", "--json")
    assert plan.code == 2 and "cert/kubernetes" in plan.out, plan
    ran = project.gen_and_ninja().ok()
    assert not {"ca/cert", "key/kubernetes", "service/worker/etcd", "unit/worker/etcd"} & set(ran.edges), ran.edges
    assert "DNS:etcd.example.com" in san_names(running.as_root, running.served())
    assert running.pid() == pid
    project.edit_spec("etcd.example.com, ", "etcd-2.example.com, ")
    project.ninja().ok()
    assert "DNS:etcd-2.example.com" in san_names(running.as_root, running.served())
    running.is_settled()
    os.unlink(project.path("served.pem"))
    assert running.owners(project.outside) == {OPS}


SUDO = {
    "password": ["sudo wants a password on this machine", "run `sudo -v` before", "NOPASSWD"],
    "denied": ["sudo does not let ops run anything on this machine"],
    "requiretty": ["sudo wants a terminal on this machine", "run ninja in a terminal", "Defaults:ops !requiretty"],
    "absent": ["there is no sudo on this machine", "install it"],
}


@pytest.mark.parametrize("how", SUDO)
def test_sudo_that_does_not_let_us(cluster, how):
    """Nothing is changed, nobody hangs, and once it does the next run goes on."""
    cluster.host.set_sudo(how)
    before = cluster.outside()
    cluster.project.gen().ok()
    ran = cluster.project.ninja("-k0")
    assert ran.code != 0
    for words in ["host worker: ", *SUDO[how]]:
        assert words in ran.out, ran
    assert "ssh" not in re.sub(r"(?m)^\[.*", "", ran.out), ran
    assert harness.changes(before, cluster.outside()) == {}
    # Root needs none of it, and what was done then is as ops would have done it.
    if how == "absent":
        cluster.as_root.ninja("host/worker").ok()
        cluster.as_root.run("chown", "-R", "ops:", ".").ok()
    cluster.host.set_sudo("nopasswd")
    cluster.project.ninja().ok()
    cluster.is_settled()

    # What cannot be looked at is not called fresh.
    cluster.host.set_sudo(how)
    artifacts = cluster.artifacts(), cluster.pid()
    status = cluster.project.run(cluster.project.kplan, "status")
    assert status.code != 0 and "does not answer" in status.out + status.err, status
    assert cluster.project.ninja().code != 0
    assert (cluster.artifacts(), cluster.pid()) == artifacts


@pytest.mark.parametrize("defaults", ["", "Defaults use_pty\n"], ids=["plain", "use_pty"])
def test_a_password_that_was_typed_in_this_terminal_counts(cluster, defaults):
    cluster.host.set_sudo("password")
    sudoers = cluster.root / "etc/sudoers"
    text = sudoers.read_text(encoding="ascii")
    sudoers.chmod(0o640)
    sudoers.write_text(defaults + text, encoding="ascii")
    sudoers.chmod(0o440)
    password = cluster.project.path("password")
    password.write_text(hosts.OPS_PASSWORD + "\n", encoding="ascii")
    script = "set -e; sudo -S -v <password; kplan gen cluster.yaml; ninja; kplan plan; ninja | tail -1"
    ran = cluster.project.run("script", "--quiet", "--return", "--command", f"sh -c '{script}'", "/dev/null", timeout=240)
    assert ran.code == 0, ran
    assert "no work to do" in ran.out, ran
    assert cluster.pid()
    # And in no other.
    status = cluster.project.run(cluster.project.kplan, "status")
    assert "sudo wants a password on this machine" in status.out + status.err, status


@pytest.mark.parametrize("point", ["var/lib/kplan/spool/*/*", "var/lib/kplan/work-*", "etc/etcd/ca.pem"])
def test_a_kill_in_the_middle(cluster, point):
    """Whatever of it is killed: each file is the old one or the new one, and the next run does the rest."""
    cluster.project.gen().ok()
    ran = cluster.host.popen(
        ["setpriv", f"--reuid={OPS}", f"--regid={OPS}", "--init-groups", "env", "HOME=/home/ops", "ninja"], cwd="/home/ops/project")
    harness.wait_for(point, lambda: any(cluster.root.glob(point)) or ran.poll() is not None, timeout=100)
    cluster.host.run(["pkill", "-KILL", "-u", "ops"])
    ran.kill()
    ran.communicate()
    # One that was being started at that moment is left, and works on until it is done.
    harness.wait_for("end of what the user runs", lambda: cluster.host.run(["pgrep", "-u", "ops"]).code == 1)
    harness.wait_for("end of the agents", lambda: cluster.host.run(["pgrep", "-f", "kplan-agent-.* agent"]).code == 1)
    cluster.project.gen_and_ninja().ok()
    cluster.is_settled()
    assert cluster.pid()
    assert not list(cluster.on_host(AGENT_HOME).glob("work-*"))
    assert not list(cluster.on_host(AGENT_HOME).glob("spool/*/*"))
    assert cluster.owners(cluster.project.outside) == {OPS}


def test_prune(running):
    project = running.project
    with_service = project.spec + (
        "services:\n  sleeper:\n    hosts: [worker]\n    files: {/etc/sleeper/conf: {content: 'one'}}\n"
        "    command: [/usr/bin/sleep, infinity]\n")
    without = project.spec
    project.spec = with_service
    project.gen_and_ninja().ok()
    assert running.as_root.run("systemctl", "is-active", "sleeper").out == "active\n"
    project.spec = without
    project.gen_and_ninja().ok()
    told = project.run(project.kplan, "prune", "--yes").ok().out
    assert "root's, by hand" in told and "as root:" in told and "ssh" not in told, told
    commands = re.findall(r"(?m)^    ((?:systemctl|rm|rmdir) .*)$", told)
    assert commands, told
    for command in commands:
        running.as_root.run("sh", "-euc", command).ok()
    assert not running.on_host("/etc/sleeper/conf").exists()
    assert not running.on_host("/etc/systemd/system/sleeper.service").exists()
    assert running.as_root.run("systemctl", "is-active", "sleeper").out == "inactive\n"
    project.run(project.kplan, "prune", "--yes", "--forget", "worker").ok()
    assert "nothing to remove" in project.run(project.kplan, "prune").ok().out
    running.is_settled()


def test_root_takes_over_and_gives_back(running):
    """Who does it is no part of what is done: nothing of the host is written again, and none of it is a leftover."""
    before = running.artifacts(), running.pid()
    mine = running.project.spec
    for spec, who in ((mine.replace("{become: sudo}", "{}"), running.as_root), (mine, running.as_root)):
        running.project.spec = spec
        who.gen_and_ninja().ok()
        assert (running.artifacts(), running.pid()) == before
        told = who.run(who.kplan, "prune", "--json").ok().out
        assert [item["label"] for item in json.loads(told)["remove"] + json.loads(told)["keep"]
                if item["kind"] not in ("host", "send")] == [], told


def test_without_become_the_step_says_what_helps(cluster):
    cluster.project.edit_spec("{become: sudo}", "{}")
    ran = cluster.project.gen_and_ninja()
    assert ran.code != 0
    assert "give the host `become: sudo` in cluster.yaml, or run ninja as root" in ran.out, ran


def test_snapshot_and_restore(running):
    """A snapshot is the user's, and root puts it back."""
    project = running.project
    etcdctl = ["/usr/local/bin/etcdctl", "--endpoints=https://127.0.0.1:2379", "--cacert=pki/ca.pem", "--cert=pki/kubernetes.pem",
               "--key=pki/kubernetes-key.pem"]
    project.run(*etcdctl, "put", "color", "green").ok()
    project.run(project.kplan, "snapshot").ok()
    (snapshot,) = project.path("snapshots").glob("*.db")
    assert os.lstat(snapshot).st_uid == OPS
    project.run(*etcdctl, "put", "color", "red").ok()
    project.run(project.kplan, "restore", "--yes", f"snapshots/{snapshot.name}").ok()
    project.ninja().ok()
    assert project.run(*etcdctl, "get", "color", "--print-value-only").ok().out == "green\n"
    assert running.owners(running.root / "var/lib/etcd") == {0}
    running.is_settled()
