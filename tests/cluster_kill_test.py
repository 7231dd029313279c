"""SIGKILL of kplan, ninja, ssh or a whole host at random moments of a bootstrap, a roll and a renewal.

Eight moments by default, 200 with KPLAN_SWEEP=full; KPLAN_KILL_SEED sets where they begin.
"""

import os
import random
import signal
import threading
import time

import pytest

import harness
import hosts
import ssh_cluster
from hosts.places import descendants

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

TRIALS = 200 if os.environ.get("KPLAN_SWEEP") == "full" else 8
SEED = int(os.environ.get("KPLAN_KILL_SEED", "1"))
PHASES = ["bootstrap", "roll", "renewal"]
VICTIMS = ["kplan", "ninja", "ssh", "host"]

WIPE = """
systemctl stop etcd 2>/dev/null
rm -rf /etc/etcd /var/lib/etcd /usr/local/bin/etcd* /etc/systemd/system/etcd.service /var/lib/kplan /run/kplan
rm -f /etc/systemd/system/*.wants/etcd.service
systemctl daemon-reload; systemctl reset-failed
"""


def program(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)"))
    except OSError:
        return ""


class Quorum:
    """Notes the most members that were down at one time, as systemd has it: "active" or "activating" is up."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.most = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.is_set():
            self.most = max(self.most, sum(pid == 0 for pid in self.cluster.pids().values()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


class Trial:
    """One run that is disturbed, and the next one."""

    def __init__(self, cluster, number, durations):
        self.cluster = cluster
        self.random = random.Random(SEED * 1000 + number)
        self.number = number
        self.phase = PHASES[number % len(PHASES)]
        self.victim = VICTIMS[number // len(PHASES) % len(VICTIMS)]
        self.delay = self.random.uniform(0, durations[self.phase])
        self.name = f"trial {number} (seed {SEED}): {self.victim} killed {self.delay:.3f} s into {self.phase}"

    def prepare(self):
        project = self.cluster.project
        if self.phase == "bootstrap":
            for host in self.cluster.hosts:
                host.run(["sh", "-c", WIPE])
            project.run("rm", "-rf", ".kplan", "build.ninja", "pki", "reports")
        elif self.phase == "roll":
            project.spec = ssh_cluster.with_quota(project.spec, 1073741824 + self.number)
        else:
            project.spec = ssh_cluster.with_san(project.spec, f"trial-{self.number}.example")
        project.gen().ok()

    def disturb(self):
        """Ninja with the kill in the middle; the host that was killed, if one was."""
        process = self.cluster.project.runner.popen(["ninja", "-j4"], self.cluster.project.folder)
        drain = threading.Thread(target=process.communicate)
        drain.start()
        time.sleep(self.delay)  # the moment is what is being tried out
        host = None
        if self.victim == "host":
            host = self.random.choice(self.cluster.hosts)
            host.kill()
        else:
            wanted = self.running(self.victim)
            if wanted:
                try:
                    os.kill(self.random.choice(wanted), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        drain.join(240)
        assert not drain.is_alive(), self.name
        # What a ninja that was killed had started goes on to its end, and holds others off until then.
        harness.wait_for("end of the steps", lambda: not self.running("kplan"), 240)
        return host

    def running(self, name):
        """The processes of NAME on the admin's machine; those in the background are children of the lab's first one."""
        return [pid for pid in descendants(self.cluster.lab.admin.leader) + descendants(os.getpid()) if program(pid) == name]

    def run(self):
        self.prepare()
        with Quorum(self.cluster) as quorum:
            host = self.disturb()
        if self.phase != "bootstrap":
            # The moment may be one when kplan has another down already; it brings that back, and stops.
            assert quorum.most <= (1 if host is None else 2), f"{self.name}: {quorum.most} members were down at a time"
            assert sum(pid == 0 for pid in self.cluster.pids().values()) <= 1, self.name
        if host is not None:
            host.boot()
        ran = self.cluster.gen_and_ninja("-j4")
        assert ran.code == 0, f"{self.name}\n{ran.out}\n{ran.err}"
        assert not self.cluster.litter(), self.name
        try:
            self.cluster.check_all_right(passes=1)
        except AssertionError as error:
            raise AssertionError(self.name) from error


def duration_of(action):
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def test_the_next_run_completes(tmp_path):
    with hosts.lab(count=3) as lab:
        cluster = ssh_cluster.SshCluster(lab, tmp_path, 3)
        durations = {"bootstrap": duration_of(lambda: cluster.gen_and_ninja("-j4").ok())}
        cluster.project.spec = ssh_cluster.with_quota(cluster.project.spec, 1073741823)
        durations["roll"] = duration_of(lambda: cluster.gen_and_ninja("-j4").ok())
        cluster.project.spec = ssh_cluster.with_san(cluster.project.spec, "first.example")
        durations["renewal"] = duration_of(lambda: cluster.gen_and_ninja("-j4").ok())
        for number in range(TRIALS):
            Trial(cluster, number, durations).run()
            print(f"trial {number} of {TRIALS} done", flush=True)
