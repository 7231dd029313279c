"""Three real etcds on one machine, formed, changed and restarted by one ninja: one at a time, the leader last."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import threading
import time

import pytest

import harness

pytestmark = pytest.mark.skipif(not harness.ISOLATED_ROOT, reason="it needs the ports 2379 and 2380 of its own network")

NAMES = ["etcd-1", "etcd-2", "etcd-3"]
ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
EC = "key: {algo: ecdsa, size: 256}"

# Whoever connects from this machine comes from 127.0.0.1, and a peer's certificate has to be good for that.
SPEC = f"""
metadata: {{name: lab}}
hosts:
  etcd-1: {{address: 127.0.0.2, root: ./h1, service-manager: process}}
  etcd-2: {{address: 127.0.0.3, root: ./h2, service-manager: process}}
  etcd-3: {{address: 127.0.0.4, root: ./h3, service-manager: process}}
ca: {{CN: lab-ca, {EC}}}
certs:
  server: {{per: host, hosts: [$name, $address], {EC}}}
  peer: {{per: host, hosts: [$name, $address, 127.0.0.1], {EC}}}
  root: {{{EC}}}
etcd:
  version: VERSION
  archive: {{path: etcd.tar.gz, sha256: SHA256}}
  members: [etcd-1, etcd-2, etcd-3]
  tls: {{server: server, peer: peer, client: root}}
  flags: {{max-wals: 5}}
"""


class Trio:
    """The three members, and the project that provisions them."""

    def __init__(self, project):
        self.project = project

    def pid(self, i):
        """The process id of member I; 0 when it does not run."""
        try:
            pid = int(self.project.path(f"h{i + 1}/run/etcd.pid").read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0
        return pid if harness.alive(pid) else 0

    def pids(self):
        return [self.pid(i) for i in range(3)]

    def ctl(self, *words, endpoints=(0, 1, 2), timeout=20):
        """etcdctl, as the client of the plan; run by nobody but this test."""
        etcdctl = next(self.project.path("archives/unpacked").glob("**/etcdctl"))
        urls = ",".join(f"https://{ADDRESSES[i]}:2379" for i in endpoints)
        return self.project.run(etcdctl, *words, f"--endpoints={urls}", "--cacert=pki/ca.pem", "--cert=pki/root.pem",
                                "--key=pki/root-key.pem", timeout=timeout)

    def call(self, i, path, body):
        """What member I answers at its JSON gateway, over a connection of its own, as the client of the plan; None when it does not."""
        try:
            context = ssl.create_default_context(cafile=self.project.path("pki/ca.pem"))
            context.load_cert_chain(self.project.path("pki/root.pem"), self.project.path("pki/root-key.pem"))
            connection = http.client.HTTPSConnection(ADDRESSES[i], 2379, context=context, timeout=5)
            try:
                connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
                response = connection.getresponse()
                answer = response.read()
            finally:
                connection.close()
            return json.loads(answer) if response.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None

    def leader(self):
        """The place of the member that leads; None when nobody says so."""
        for i in range(3):
            status = self.call(i, "/v3/maintenance/status", {})
            if status is not None and status.get("leader") == status["header"]["member_id"]:
                return i
        return None

    def flag(self, i):
        """What member I runs with as --max-wals."""
        text = pathlib.Path(f"/proc/{self.pid(i)}/cmdline").read_text(encoding="utf-8")
        return re.search(r"--max-wals[=\0](\d+)", text).group(1)

    def flags(self):
        return [self.flag(i) for i in range(3)]

    def stop(self):
        for pid in self.pids():
            if pid:
                harness.kill(pid)


class Watcher(threading.Thread):
    """Looks at the members all the time: which end and begin, in which order, and who led right before."""

    def __init__(self, trio):
        super().__init__(daemon=True)
        self.trio = trio
        self.ended = []  # (the member, who led when it was seen last)
        self.down_together = 0
        self.leader = trio.leader()
        self._over = threading.Event()

    def __enter__(self):
        self._leaders = threading.Thread(target=self._watch_leaders, daemon=True)
        self.start()
        self._leaders.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join()
        self._leaders.join()

    def _watch_leaders(self):
        while not self._over.is_set():
            leader = self.trio.leader()
            if leader is not None:
                self.leader = leader
            time.sleep(0.01)

    def run(self):
        before = self.trio.pids()
        while not self._over.is_set():
            now = self.trio.pids()
            self.down_together = max(self.down_together, now.count(0))
            for i in range(3):
                if before[i] and now[i] != before[i]:
                    self.ended.append((i, self.leader))
            before = now
            time.sleep(0.002)

    @property
    def order(self):
        return [i for i, _ in self.ended]


class Writer(threading.Thread):
    """Writes to the cluster as long as it lives, and remembers what failed."""

    def __init__(self, trio, endpoints):
        super().__init__(daemon=True)
        self.trio, self.endpoints = trio, endpoints
        self.written, self.failed = 0, []
        self._over = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join()

    def run(self):
        encode = lambda text: base64.b64encode(text.encode()).decode()
        while not self._over.is_set():
            put = {"key": encode(f"key-{self.written}"), "value": encode("value")}
            # As a client library does: the next endpoint is asked when one does not answer.
            if any(self.trio.call(i, "/v3/kv/put", put) is not None for i in self.endpoints):
                self.written += 1
            else:
                self.failed.append(f"key-{self.written}")
            time.sleep(0.005)


@contextlib.contextmanager
def in_folder():
    base = harness.make_folder("trio")
    folder = base / "project"
    folder.mkdir()
    harness.copy_file(harness.KPLAN, base / "kplan", mode=0o755)
    harness.copy_file(harness.ETCD_ARCHIVE, folder / "etcd.tar.gz")
    project = harness.Project(folder, harness.Here(), base / "kplan")
    project.spec = SPEC.replace("VERSION", harness.etcd_version()).replace("SHA256", harness.sha256(harness.ETCD_ARCHIVE))
    trio = Trio(project)
    try:
        yield trio
    finally:
        trio.stop()
        shutil.rmtree(base)


@pytest.fixture(name="trio")
def fixture_trio():
    with in_folder() as trio:
        yield trio


@pytest.fixture(name="running")
def fixture_running(trio):
    trio.project.gen_and_ninja().ok()
    return trio


def change_flag(trio, to):
    trio.project.spec = re.sub(r"max-wals: \d+", f"max-wals: {to}", trio.project.spec)


@pytest.mark.parametrize("jobs", [1, 2, 16])
def test_formed_at_any_number_of_jobs_and_then_nothing_to_do(trio, jobs):
    trio.project.gen().ok()
    ran = trio.project.ninja(f"-j{jobs}").ok()
    assert "rollout/etcd: started etcd-1, etcd-2, etcd-3: was not running" in ran.out
    assert trio.ctl("endpoint", "health").code == 0
    assert len(trio.ctl("member", "list").ok().out.splitlines()) == 3
    pids = trio.pids()
    assert trio.project.gen_and_ninja().no_work
    assert trio.pids() == pids and all(pids)


def test_leaf_certificates_restart_nobody(running):
    pids = running.pids()
    served = {}
    for name in NAMES:
        served[name] = running.project.path(f"pki/{name}/server.pem").read_bytes()
    running.project.edit_spec("server: {per: host, hosts: [$name, $address]", "server: {per: host, hosts: [$name, $address, more.example.com]")
    running.project.edit_spec("[$name, $address, 127.0.0.1]", "[$name, $address, 127.0.0.1, more.example.com]")
    ran = running.project.gen_and_ninja().ok()
    assert {f"cert/{name}/{cert}" for name in NAMES for cert in ("server", "peer")} <= set(ran.edges)
    assert "verify/etcd" in ran.edges
    for name in NAMES:
        assert running.project.path(f"pki/{name}/server.pem").read_bytes() != served[name]
    assert running.pids() == pids
    assert "restarted" not in ran.out


def test_a_changed_flag_restarts_one_at_a_time_the_leader_last(running):
    for flag in ("6", "7", "8"):
        before = running.pids()
        change_flag(running, flag)
        with Watcher(running) as watcher, Writer(running, (0, 1, 2)) as writer:
            ran = running.project.gen_and_ninja().ok()
        assert sorted(watcher.order) == [0, 1, 2], watcher.ended
        assert watcher.down_together == 1
        assert all(now != then for now, then in zip(running.pids(), before))
        assert running.flags() == [flag] * 3
        # The one that led was not taken while there was another to take.
        for member, leader in watcher.ended[:-1]:
            assert member != leader, watcher.ended
        names = ", ".join(NAMES[i] for i in watcher.order)
        assert f"rollout/etcd: restarted {names}: " in ran.out
        assert re.search(rf"{NAMES[watcher.order[0]]}: restarted \(.*flags changed\), serves after [0-9.]+ s\n", ran.out)
        assert writer.written > 10
        assert len(writer.failed) <= 3, writer.failed
        # Every write that was acknowledged is there, on every member.
        for i in range(3):
            found = running.ctl("get", "--prefix", "key-", "--keys-only", endpoints=[i]).ok().out
            assert found.count("key-") >= writer.written
    assert running.project.gen_and_ninja().no_work


def test_a_roll_is_told_member_by_member(running):
    """What is read of ninja while it runs: when the first member is told, the last one still runs as before."""
    change_flag(running, "9")
    before = running.pids()
    process = running.project.runner.popen(["ninja"], running.project.folder)
    told = []
    for line in process.stdout:
        deed = re.match(r"(etcd-\d): (restarts|restarted) \(", line)
        if deed is None:
            continue
        told.append(deed.groups())
        # All of them are told of at once: a member that is not restarted yet has the process that it had.
        place = NAMES.index(deed[1])
        done = {NAMES.index(name) for name, word in told if word == "restarted"}
        for i in set(range(3)) - done - {place}:
            assert running.pids()[i] == before[i], told
    assert process.wait() == 0
    # One after the other, each when it is begun and when it serves.
    assert [word for _, word in told] == ["restarts", "restarted"] * 3
    assert [name for name, word in told if word == "restarts"] == [name for name, word in told if word == "restarted"]


def test_trust_restarts_everyone_once(running):
    before = running.pids()
    running.project.edit_spec("ca: {CN: lab-ca", "ca: {CN: lab-ca, expiry: 50000h")
    with Watcher(running) as watcher:
        ran = running.project.gen_and_ninja().ok()
    assert sorted(watcher.order) == [0, 1, 2] and watcher.down_together == 1
    assert all(now != then for now, then in zip(running.pids(), before))
    assert "trust /etc/etcd/ca.pem changed" in ran.out


def test_what_a_member_heeds_once_restarts_nobody(running):
    pids = running.pids()
    running.project.edit_spec("flags: {max-wals: 5}", "flags: {max-wals: 5, initial-cluster-state: existing}")
    running.project.gen_and_ninja().ok()
    assert "ETCD_INITIAL_CLUSTER_STATE=existing" in running.project.path("h1/etc/etcd/bootstrap.env").read_text(encoding="ascii")
    assert running.pids() == pids


def session_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return int(file.read().rpartition(")")[2].split()[3])


def kill_ninja_and_kplan(process):
    """SIGKILL to ninja and to everything that it started, which is in its session; a service has one of its own."""

    def left():
        found = []
        for entry in os.listdir("/proc"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                # The first of several threads may be a zombie while the others hold the lock still. Only ninja's is ours to reap.
                mine = entry.isdigit() and session_of(entry) == process.pid
                if mine and (int(entry) != process.pid or harness.alive(entry)):
                    os.kill(int(entry), signal.SIGKILL)
                    found.append(entry)
        return found

    harness.wait_for("end of ninja and kplan", lambda: not left())
    process.communicate()


@pytest.mark.parametrize("seed", range(20 if os.environ.get("KPLAN_SWEEP") == "full" else 3))
def test_killed_in_the_middle_the_next_run_finishes(running, seed):
    chance = random.Random(seed)
    change_flag(running, 10 + seed)
    before = running.pids()
    with Watcher(running) as watcher:
        for _ in range(2):
            process = running.project.runner.popen(["ninja"], running.project.folder, start_new_session=True)
            begun = len(watcher.ended)
            # In the middle: some time after a member was taken, or when none is left to take.
            harness.wait_for("restart", lambda begun=begun, process=process: len(watcher.ended) > begun or process.poll() is not None)
            time.sleep(chance.uniform(0, 0.6))
            kill_ninja_and_kplan(process)
        running.project.gen_and_ninja().ok()
    assert running.flags() == [str(10 + seed)] * 3
    assert watcher.down_together == 1
    # A member whose start was cut off between its end and its beginning is started, and counts once all the same.
    assert sorted(set(watcher.order)) == [0, 1, 2]
    assert len(watcher.order) == 3, watcher.ended
    assert all(now != then for now, then in zip(running.pids(), before))
    assert running.project.gen_and_ninja().no_work


def test_a_member_that_cannot_start_stops_the_rollout(running):
    project = running.project
    leader = running.leader()
    # The first to be restarted is the first that does not lead; its peer port is taken as soon as it lets go of it.
    victim = next(i for i in range(3) if i != leader)
    others = [i for i in range(3) if i != victim]
    before = running.pids()
    taken = threading.Event()
    release = threading.Event()

    def take_port():
        with socket.socket() as taker:
            taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            while not release.is_set():
                try:
                    taker.bind((ADDRESSES[victim], 2380))
                    taker.listen(1)
                except OSError:
                    continue
                taken.set()
                release.wait()

    taker = threading.Thread(target=take_port, daemon=True)
    taker.start()
    change_flag(running, 20)
    project.gen().ok()
    with Writer(running, others) as writer:
        ran = project.ninja()
        assert taken.is_set()
        assert ran.code != 0
        assert f"{NAMES[victim]} did not come up after its restart" in ran.out
        assert "address already in use" in ran.out
        assert f"serving:  {NAMES[others[0]]} and {NAMES[others[1]]}, 2 of 3 members: a quorum" in ran.out
        assert f"left:     {NAMES[others[0]]} and {NAMES[others[1]]} need a restart, and were not touched" in ran.out
        # While the cause is there, every further run ends in the same way, and touches nobody else.
        again = project.ninja()
        assert again.code != 0 and f"{NAMES[victim]}: {ADDRESSES[victim]}:2380 is taken by " in again.out
    assert [running.pids()[i] for i in others] == [before[i] for i in others]
    assert writer.written > 5 and not writer.failed, writer.failed
    release.set()
    taker.join()
    with Watcher(running) as watcher:
        project.ninja().ok()
    assert running.flags() == ["20"] * 3
    assert sorted(watcher.order) == others
    assert project.gen_and_ninja().no_work


def test_a_member_that_is_down_is_started_and_nobody_is_restarted(running):
    pids = running.pids()
    harness.kill(pids[1])
    ran = running.project.gen_and_ninja().ok()
    assert "rollout/etcd: started etcd-2: was not running" in ran.out
    assert [running.pids()[i] for i in (0, 2)] == [pids[0], pids[2]]
    assert running.ctl("endpoint", "health").code == 0


def test_all_are_down_and_come_back_together(running):
    for pid in running.pids():
        harness.kill(pid)
    running.project.gen_and_ninja().ok()
    assert running.ctl("endpoint", "health").code == 0
    assert running.project.gen_and_ninja().no_work


def test_a_wiped_member_is_not_started_into_the_cluster(running):
    harness.kill(running.pid(2))
    pids = running.pids()
    shutil.rmtree(running.project.path("h3/var/lib/etcd"))
    ran = running.project.gen_and_ninja()
    assert ran.code != 0
    assert "etcd-3" in ran.out and "wiped" in ran.out
    assert running.pids() == pids


# Some members alone (`kplan apply --limit`).


def apply(trio, *words, timeout=240):
    return trio.project.run(trio.project.kplan, "apply", "--yes", *words, timeout=timeout)


def planned(trio, *words):
    """{label of a service: whether it is restarted}, of what the next run would do with members."""
    ran = trio.project.run(trio.project.kplan, "plan", "--json", *words)
    return {service["label"]: service["restarts"] for step in json.loads(ran.out)["steps"] for service in step.get("services", [])}


def files_of(trio, *members):
    return harness.snapshot(*(trio.project.path(f"h{i + 1}/{folder}") for i in members for folder in ("etc", "usr")))


def test_a_canary_and_then_the_rest(running):
    change_flag(running, "6")
    before, others = running.pids(), files_of(running, 0, 2)
    assert planned(running, "--limit", "etcd-2") == {"service/etcd-2/etcd": True}
    ran = apply(running, "--limit", "etcd-2").ok()
    assert "rollout/etcd: restarted etcd-2: " in ran.out and "verify/etcd" not in ran.edges
    assert "; to be started or restarted: service/etcd-1/etcd, service/etcd-3/etcd\n" in ran.out.split("still owed", 1)[1], ran.out
    assert running.flags() == ["5", "6", "5"]
    now = running.pids()
    assert now[0] == before[0] and now[1] != before[1] and now[2] == before[2]
    assert harness.changes(others, files_of(running, 0, 2)) == {}
    # The debt is not lost: nothing says that the whole of it was done. Once more the canary has nothing to do.
    assert not running.project.path(".kplan/stamps/rollout/etcd").exists()
    assert planned(running) == {"service/etcd-1/etcd": True, "service/etcd-3/etcd": True}
    assert "nothing to do: " in apply(running, "--limit", "etcd-2").ok().out
    assert running.pids() == now
    with Watcher(running) as watcher:
        rest = running.project.ninja().ok()
    assert sorted(watcher.order) == [0, 2] and watcher.down_together == 1
    assert running.flags() == ["6"] * 3 and running.pids()[1] == now[1]
    assert "verify/etcd" in rest.edges
    assert running.project.ninja().no_work


def test_a_canary_of_two_goes_one_at_a_time_by_the_same_order(running):
    change_flag(running, "7")
    with Watcher(running) as watcher:
        apply(running, "--limit", "etcd-3", "--limit", "service/etcd-1/etcd").ok()
    assert sorted(watcher.order) == [0, 2] and watcher.down_together == 1
    assert running.flags() == ["7", "5", "7"]
    running.project.ninja().ok()
    assert running.flags() == ["7"] * 3


def test_a_canary_is_no_way_around_the_gates(running):
    change_flag(running, "8")
    harness.kill(running.pid(2))
    pids = running.pids()
    ran = apply(running, "--limit", "etcd-2")
    assert ran.code == 1 and "etcd-3 does not run, and this run is not for it" in ran.out, ran
    assert "failed: rollout/etcd: " in ran.out
    assert running.pids() == pids
    # With it, both are done.
    apply(running, "--limit", "etcd-2", "--limit", "etcd-3").ok()
    assert running.pid(0) == pids[0] and all(running.pids())
    running.project.ninja().ok()
    assert running.flags() == ["8"] * 3 and running.project.ninja().no_work


def test_a_member_that_was_stopped_is_started_alone(running):
    harness.kill(running.pid(1))
    pids = running.pids()
    ran = apply(running, "--limit", "etcd-2").ok()
    assert "rollout/etcd: started etcd-2: was not running" in ran.out
    assert running.pids()[0] == pids[0] and running.pid(1) and running.pids()[2] == pids[2]
    # The whole of it was not looked at; then it is.
    assert "verify/etcd" in running.project.ninja().ok().edges
    assert running.project.ninja().no_work


def test_all_members_named_are_the_whole_rollout(running):
    change_flag(running, "9")
    ran = apply(running, *(word for name in NAMES for word in ("--limit", name))).ok()
    assert running.flags() == ["9"] * 3 and "verify/etcd" in ran.edges and "still owed" not in ran.out
    assert running.project.ninja().no_work


def test_a_canary_before_the_first_run_is_refused_before_it_waits(trio):
    ran = apply(trio, "--limit", "etcd-2")
    assert "x rollout/etcd" in ran.out and "would fail: " in ran.out, "the plan says so before"
    assert ran.code == 1 and "where nothing was ever set up there, run it for all members" in ran.out, ran
    assert trio.pids() == [0, 0, 0]
    apply(trio).ok()
    assert trio.project.ninja().no_work and all(trio.pids())


def test_a_canary_that_is_killed_is_no_debt_forgotten(running):
    change_flag(running, "11")
    process = running.project.runner.popen([running.project.kplan, "apply", "--yes", "--limit", "etcd-2"], running.project.folder,
                                           start_new_session=True)
    pid = running.pid(1)
    harness.wait_for("restart", lambda: running.pid(1) != pid or process.poll() is not None)
    kill_ninja_and_kplan(process)
    harness.wait_for("free folder", lambda: running.project.gen_and_ninja().code == 0)
    assert running.flags() == ["11"] * 3
    assert running.project.ninja().no_work


def test_a_saved_canary_is_a_canary(running):
    change_flag(running, "12")
    assert running.project.run(running.project.kplan, "plan", "cluster.yaml", "--limit", "etcd-1", "--out", "p").code == 2
    apply(running, "p").ok()
    assert running.flags() == ["12", "5", "5"]
    harness.kill(running.pid(2))
    assert running.project.run(running.project.kplan, "plan", "--out", "p").code == 2
    running.project.ninja().ok()
    ran = apply(running, "p")
    assert ran.code == 1 and "rollout/etcd: the plan has: " in ran.err, ran
