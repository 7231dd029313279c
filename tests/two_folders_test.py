"""One cluster of three real etcds, rolled by two kplans of different folders: one after the other, never two members down."""

import contextlib
import json
import os
import re
import signal
import threading
import time

import pytest

import defrag_test
import etcd_auth_test
import harness
import rollout_test

pytestmark = pytest.mark.skipif(not harness.ISOLATED_ROOT, reason="it needs the ports 2379 and 2380 of its own network")

LOCK = "/kplan/verify/lock"
LEASE_SECONDS = 30


class Second:
    """A copy of the project, as a colleague has one, for the same hosts."""

    def __init__(self, trio):
        self.folder = trio.project.folder.parent / "copy"
        trio.project.run("sh", "-c", 'mkdir "$1" && cp -a $(ls -A | grep -vx "h[123]") "$1"', "sh", self.folder).ok()
        self.project = harness.Project(self.folder, harness.Here(), trio.project.kplan)


@pytest.fixture(name="trio")
def fixture_trio():
    with rollout_test.in_folder() as trio:
        for i in (1, 2, 3):
            trio.project.edit_spec(f"root: ./h{i},", f"root: {trio.project.path(f'h{i}')},")
        trio.project.gen_and_ninja().ok()
        yield trio


@pytest.fixture(name="copy")
def fixture_copy(trio):
    copy = Second(trio)
    assert copy.project.gen_and_ninja().ok().code == 0
    return copy.project


def change(flag, *projects):
    for project in projects:
        project.spec = re.sub(r"max-wals: \d+", f"max-wals: {flag}", project.spec)
        project.gen().ok()


class Run(threading.Thread):
    """A ninja, or another command, in a session of its own, and the lines that it has said so far."""

    def __init__(self, project, *words):
        super().__init__(daemon=True)
        self.process = project.runner.popen(words or ["ninja"], project.folder, start_new_session=True)
        self.lines = []
        self.start()

    def run(self):
        for line in self.process.stdout:
            self.lines.append(line)

    @property
    def out(self):
        return "".join(self.lines)

    def wait_for_line(self, pattern):
        harness.wait_for(f"a line {pattern}", lambda: re.search(pattern, self.out, re.MULTILINE) or self.process.poll() is not None)
        assert re.search(pattern, self.out, re.MULTILINE), self.out

    def wait(self, timeout=120):
        harness.wait_for("end of ninja", lambda: self.process.poll() is not None, timeout)
        self.join()
        return self.process.returncode

    def step(self):
        """The process that rolls, which ninja has started."""
        for entry in os.listdir("/proc"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if entry.isdigit() and rollout_test.session_of(entry) == self.process.pid:
                    with open(f"/proc/{entry}/cmdline", encoding="utf-8") as file:
                        words = file.read().split("\0")
                    if words[1:2] == ["step"] and "rollout/etcd" in words:
                        return int(entry)
        raise AssertionError("nobody rolls: " + self.out)


def lock(trio):
    """The lock's value and lease; None when nobody has it."""
    kvs = json.loads(trio.ctl("get", LOCK, "--write-out=json").ok().out).get("kvs", [])
    value = trio.ctl("get", LOCK, "--print-value-only").ok().out
    return (json.loads(value), format(kvs[0]["lease"], "x")) if kvs and value.strip() else None


def check_free(trio):
    assert lock(trio) is None
    assert trio.ctl("lease", "list").ok().out.startswith("found 0 leases")


def test_the_second_waits_says_for_whom_and_finds_nothing_left(trio, copy):
    change(6, trio.project, copy)
    before = trio.pids()
    with rollout_test.Watcher(trio) as watcher, rollout_test.Writer(trio, (0, 1, 2)) as writer:
        first = Run(trio.project)
        first.wait_for_line(r"^etcd-\d: restarted ")
        # It stands still for a moment, as on a slow way, with two members to go; its lease lasts longer than that.
        rolls = first.step()
        os.kill(rolls, signal.SIGSTOP)
        try:
            second = Run(copy)
            second.wait_for_line(r"^somebody else takes members of this cluster away: ")
            holder = lock(trio)[0]
            assert len(watcher.order) <= 2
        finally:
            os.kill(rolls, signal.SIGCONT)
        assert first.wait() == 0, first.out
        assert second.wait() == 0, second.out
    said = re.search(r"^somebody else takes members of this cluster away: (.*)$", second.out, re.MULTILINE).group(1)
    assert holder["process"] == rolls and holder["folder"] == str(trio.project.folder)
    assert re.fullmatch(rf"a rollout of root@\S+ \(process {rolls}, in {trio.project.folder}\), since 20\d\d-\S+ \S+ UTC; waits for that", said), said
    assert "it is free, after " in second.out and "restarts (" not in second.out, second.out
    assert sorted(watcher.order) == [0, 1, 2] and watcher.down_together <= 1, watcher.ended
    assert all(now != then for now, then in zip(trio.pids(), before)) and trio.flags() == ["6"] * 3
    assert writer.written > 10 and len(writer.failed) <= 3, writer.failed
    check_free(trio)
    pids = trio.pids()
    for project in (trio.project, copy):
        project.gen_and_ninja().ok()
    assert trio.pids() == pids


@pytest.mark.parametrize("round_", range(3))
def test_both_begin_at_once(trio, copy, round_):
    flag = 10 + round_
    change(flag, trio.project, copy)
    with rollout_test.Watcher(trio) as watcher, rollout_test.Writer(trio, (0, 1, 2)) as writer:
        runs = [Run(trio.project), Run(copy)]
        for run in runs:
            assert run.wait() == 0, run.out
    assert sorted(watcher.order) == [0, 1, 2] and watcher.down_together <= 1, watcher.ended
    assert trio.flags() == [str(flag)] * 3
    assert len(writer.failed) <= 3, writer.failed
    check_free(trio)


def test_who_was_killed_on_this_machine_is_not_waited_for(trio, copy):
    change(6, trio.project, copy)
    first = Run(trio.project)
    first.wait_for_line(r"^etcd-\d: restarts ")
    rollout_test.kill_ninja_and_kplan(first.process)
    assert lock(trio) is not None
    begun = time.monotonic()
    ran = copy.ninja().ok()
    assert time.monotonic() - begun < LEASE_SECONDS / 2 and "somebody else" not in ran.out, ran.out
    assert trio.flags() == ["6"] * 3
    check_free(trio)


def test_who_was_killed_elsewhere_blocks_as_long_as_its_lease_lasts(trio, copy):
    """The lock of one that was killed, and whose end cannot be seen: what its key says is what another machine would have written."""
    change(6, trio.project, copy)
    first = Run(trio.project)
    first.wait_for_line(r"^etcd-\d: restarts ")
    rollout_test.kill_ninja_and_kplan(first.process)
    killed = time.monotonic()
    holder, lease = lock(trio)
    trio.ctl("put", LOCK, json.dumps(dict(holder, boot="that of another machine", host="elsewhere")), f"--lease={lease}").ok()
    with rollout_test.Watcher(trio) as watcher:
        second = Run(copy)
        second.wait_for_line(r"^somebody else takes members of this cluster away: a rollout of root@elsewhere ")
        assert second.wait() == 0, second.out
    # A leader that was elected meanwhile counts the lease from the beginning.
    assert LEASE_SECONDS / 2 < time.monotonic() - killed < 3 * LEASE_SECONDS and "it is free, after " in second.out
    assert watcher.down_together <= 1 and trio.flags() == ["6"] * 3
    check_free(trio)


def test_who_loses_it_in_the_middle_takes_it_again(trio):
    change(6, trio.project)
    with rollout_test.Watcher(trio) as watcher:
        run = Run(trio.project)
        run.wait_for_line(r"^etcd-\d: restarts ")
        rolls = run.step()
        os.kill(rolls, signal.SIGSTOP)
        before = harness.wait_for("the lock", lambda: lock(trio))
        trio.ctl("lease", "revoke", before[1]).ok()
        assert lock(trio) is None
        os.kill(rolls, signal.SIGCONT)
        assert run.wait() == 0, run.out
    assert "the lock of this cluster was lost, and is taken again\n" in run.out, run.out
    assert sorted(watcher.order) == [0, 1, 2] and watcher.down_together <= 1
    check_free(trio)


def test_who_loses_it_to_another_waits_for_that_one(trio, copy):
    """It stood still for longer than its lease: the other one goes on meanwhile, and it finds what that has left."""
    change(6, trio.project, copy)
    with rollout_test.Watcher(trio) as watcher:
        first = Run(trio.project)
        first.wait_for_line(r"^etcd-\d: restarted ")
        rolls = first.step()
        os.kill(rolls, signal.SIGSTOP)
        second = Run(copy)
        second.wait_for_line(r"^somebody else takes members of this cluster away: ")
        assert second.wait() == 0, second.out
        assert trio.flags() == ["6"] * 3
        os.kill(rolls, signal.SIGCONT)
        assert first.wait() == 0, first.out
    assert sorted(watcher.order) == [0, 1, 2] and watcher.down_together <= 1, watcher.ended
    check_free(trio)


def test_a_defragmentation_and_a_roll_take_nobody_away_together(trio, copy):
    assert defrag_test.fill(trio, 8) is None
    defrag_test.compact(trio)
    before = defrag_test.sizes(trio)
    change(6, trio.project)
    with rollout_test.Watcher(trio) as watcher, rollout_test.Writer(trio, (0, 1, 2)) as writer:
        roll = Run(trio.project)
        roll.wait_for_line(r"^etcd-\d: restarted ")
        rolls = roll.step()
        os.kill(rolls, signal.SIGSTOP)
        defrag = Run(copy, copy.kplan, "defrag")
        defrag.wait_for_line(r"^somebody else takes members of this cluster away: a rollout of ")
        assert defrag_test.sizes(trio) >= before and "became" not in defrag.out
        os.kill(rolls, signal.SIGCONT)
        assert roll.wait() == 0, roll.out
        assert defrag.wait() == 0, defrag.out
    assert defrag.out.count(" became ") == 3, defrag.out
    assert watcher.down_together <= 1 and len(writer.failed) <= 3, writer.failed
    check_free(trio)


def test_where_an_alarm_keeps_etcd_from_taking_a_lock_the_hosts_hold_it(trio, copy):
    quota = defrag_test.QUOTA
    trio.project.edit_spec("flags: {max-wals: 5}", f"flags: {{max-wals: 5, quota-backend-bytes: {quota}}}")
    trio.project.gen_and_ninja().ok()
    assert defrag_test.fill(trio, 40) is not None
    assert "NOSPACE" in trio.ctl("alarm", "list").ok().out
    for project in (trio.project, copy):
        project.spec = re.sub(r"flags: \{.*\}", f"flags: {{max-wals: 6, quota-backend-bytes: {8 * quota}}}", project.spec)
        project.gen().ok()
    claims = [trio.project.path(f"h{i}/run/kplan") for i in (1, 2, 3)]
    claimed = lambda: sum(len(list(folder.glob("etcd-*.claim"))) for folder in claims)
    assert claimed() == 0
    with rollout_test.Watcher(trio) as watcher:
        first = Run(trio.project, "ninja", "rollout/etcd")
        first.wait_for_line(r"^etcd-\d: restarted ")
        rolls = first.step()
        os.kill(rolls, signal.SIGSTOP)
        second = Run(copy, "ninja", "rollout/etcd")
        second.wait_for_line(rf"^somebody else takes members of this cluster away: a rollout of root@\S+ \(process {rolls}, in {trio.project.folder}\)")
        assert claimed() == 3 and lock(trio) is None
        os.kill(rolls, signal.SIGCONT)
        assert first.wait() == 0, first.out
        assert second.wait() == 0, second.out
    assert sorted(watcher.order) == [0, 1, 2] and watcher.down_together <= 1, watcher.ended
    assert trio.flags() == ["6"] * 3 and claimed() == 0
    # One that was killed on this machine is not waited for.
    change(7, trio.project, copy)
    first = Run(trio.project, "ninja", "rollout/etcd")
    first.wait_for_line(r"^etcd-\d: restarts ")
    rollout_test.kill_ninja_and_kplan(first.process)
    assert claimed() == 3
    ran = copy.ninja("rollout/etcd").ok()
    assert "somebody else" not in ran.out and trio.flags() == ["7"] * 3 and claimed() == 0
    check_free(trio)


def test_two_that_start_a_dead_cluster_at_once_do_what_one_would(trio, copy):
    for pid in trio.pids():
        harness.kill(pid)
    for project in (trio.project, copy):
        project.gen().ok()
    with rollout_test.Watcher(trio) as watcher:
        runs = [Run(project) for project in (trio.project, copy)]
        for run in runs:
            assert run.wait() == 0, run.out
    assert all(trio.pids()) and watcher.ended == []
    assert trio.ctl("endpoint", "health").code == 0
    check_free(trio)


def test_the_right_that_a_verification_needs_is_enough(trio):
    trio.project.edit_spec(f"  root: {{{rollout_test.EC}}}\n", f"  root: {{{rollout_test.EC}}}\n  ops: {{{rollout_test.EC}}}\n")
    trio.project.edit_spec("client: root", "client: ops")
    trio.project.gen_and_ninja().ok()
    etcd_auth_test.enable_auth(
        trio, ("user", "add", "ops", "--no-password"), ("role", "add", "kplan"),
        ("role", "grant-permission", "kplan", "--prefix=true", "readwrite", "/kplan/verify/"), ("user", "grant-role", "ops", "kplan"))
    change(6, trio.project)
    run = Run(trio.project)
    run.wait_for_line(r"^etcd-\d: restarts ")
    assert run.wait() == 0, run.out
    assert trio.flags() == ["6"] * 3 and "no other kplan is held off" not in run.out
