"""A roll that stops at its first member: what the others find on disk when somebody starts them again, and how it ends."""

import contextlib
import hashlib
import json
import pathlib
import re
import socket
import subprocess
import threading

import pytest

import etcd_archives
import harness
import rollout_test

pytestmark = pytest.mark.skipif(not harness.ISOLATED_ROOT, reason="it needs the ports 2379 and 2380 of its own network")

# What a member is restarted for.
ROLLED = ["usr/local/bin/etcd", "etc/etcd/ca.pem", "etc/systemd/system/etcd.service"]


@pytest.fixture(name="trio")
def fixture_trio():
    with rollout_test.in_folder() as trio:
        trio.project.gen_and_ninja().ok()
        yield trio


def waiting(trio):
    """The files that wait, below each host."""
    found = [sorted(str(path.relative_to(trio.project.path(f"h{i + 1}"))) for path in trio.project.path(f"h{i + 1}").rglob("*.kplan-next"))
             for i in range(3)]
    return found


def beside(path):
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.kplan-next"


def in_place(trio, i):
    """{path: digest} of what a start of member I would read."""
    return {path: harness.sha256(trio.project.path(f"h{i + 1}/{path}")) for path in ROLLED}


def runs(trio, i):
    """The digest of the program that member I executes."""
    return hashlib.sha256(pathlib.Path(f"/proc/{trio.pid(i)}/exe").read_bytes()).hexdigest()


def restarted_by_its_manager(trio, i):
    """SIGKILL, and a start with the command that its manager has: with what is on disk, and without kplan."""
    pid = trio.pid(i)
    argv, environment = (pathlib.Path(f"/proc/{pid}/{name}").read_bytes().split(b"\0")[:-1] for name in ("cmdline", "environ"))
    root = trio.project.path(f"h{i + 1}")
    harness.kill(pid)
    with open(root / "var/log/etcd.log", "ab") as log:
        # By a shell that ends, so that it is nobody's child, and leaves a pid file as a manager does.
        subprocess.run(["/bin/sh", "-c", 'setsid env -i "$@" & echo $! > run/etcd.pid', "sh", *environment, *argv], cwd=root, check=True,
                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    harness.wait_for("the program", lambda: trio.pid(i) and pathlib.Path(f"/proc/{trio.pid(i)}/cmdline").read_bytes().split(b"\0")[:-1] == argv)


def serve(trio, *members):
    harness.wait_for("members that serve", lambda: trio.ctl("endpoint", "health", endpoints=members).code == 0)


def planned(trio, taken=False):
    """{label: what the plan says of it}, and the services that it would start or restart.

    TAKEN: somebody has a port of a member, and the plan says that the roll would fail for it.
    """
    ran = trio.project.run(trio.project.kplan, "plan", "--json", "cluster.yaml")
    assert (ran.code == 3) if taken else (ran.code in (0, 2)), ran
    steps = {step["label"]: step for step in json.loads(ran.out)["steps"]}
    if taken:
        roll = steps["rollout/etcd"]
        assert roll["fate"] == "fail" and ":2380 is taken by " in roll["failure"], roll
    services = {}
    for step in steps.values():
        for service in step.get("services", []):
            services[service["label"]] = "starts" if service.get("starts") else "restarts"
    return steps, services


@contextlib.contextmanager
def port_taken(trio, i):
    """As soon as member I lets go of its peers' port somebody has it. Gives an event that is set then."""
    taken, release = threading.Event(), threading.Event()

    def take():
        with socket.socket() as taker:
            taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            while not release.is_set():
                try:
                    taker.bind((rollout_test.ADDRESSES[i], 2380))
                    taker.listen(1)
                except OSError:
                    continue
                taken.set()
                release.wait()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    try:
        yield taken
    finally:
        release.set()
        thread.join()


def first_and_others(trio):
    leader = trio.leader()
    first = next(i for i in range(3) if i != leader)
    return first, [i for i in range(3) if i != first]


def test_who_was_not_reached_starts_again_with_what_it_ran_with(trio):
    project = trio.project
    first, others = first_and_others(trio)
    before, pids = [in_place(trio, i) for i in range(3)], trio.pids()
    etcd_archives.change_program(project, "next.tar.gz", lambda program: program + b"x")
    rollout_test.change_flag(trio, 20)
    project.gen().ok()
    steps, services = planned(trio)
    assert services == {f"service/etcd-{i + 1}/etcd": "restarts" for i in range(3)}
    assert {f"file/etcd-{i + 1}/usr/local/bin/etcd" for i in range(3)} | {f"unit/etcd-{i + 1}/etcd" for i in range(3)} < set(steps)
    assert waiting(trio) == [[], [], []]
    with port_taken(trio, first) as taken:
        ran = project.ninja()
        assert ran.code != 0 and taken.is_set() and f"etcd-{first + 1} did not come up after its restart" in ran.out, ran.out
        assert in_place(trio, first) != before[first] and waiting(trio)[first] == []
        for i in others:
            assert in_place(trio, i) == before[i]
            assert waiting(trio)[i] == sorted(beside(path) for path in (ROLLED[0], ROLLED[2]))
        # The plan says what the next run does: nothing but the roll.
        steps, _ = planned(trio, taken=True)
        assert [label for label in steps if not label.startswith(("rollout/", "verify/"))] == []
        again = project.ninja()
        assert again.code != 0 and not any(edge.startswith(("file/", "unit/", "send/")) for edge in again.edges), again.out
        assert [trio.pids()[i] for i in others] == [pids[i] for i in others]
        # One after the other: two of three have to be there for anybody to serve.
        for i in others:
            restarted_by_its_manager(trio, i)
            serve(trio, *others)
            assert runs(trio, i) == before[i][ROLLED[0]] and trio.flag(i) == "5"
        # Of that kplan knows nothing but what it sees: the roll is owed as before.
        assert set(planned(trio, taken=True)[0]) == set(steps)
        assert project.ninja().code != 0
        assert [in_place(trio, i) for i in others] == [before[i] for i in others]
    services = planned(trio)[1]
    assert services == {f"service/etcd-{i + 1}/etcd": "starts" if i == first else "restarts" for i in range(3)}
    with rollout_test.Watcher(trio) as watcher:
        project.ninja().ok()
    assert sorted(watcher.order) == others and watcher.down_together == 1
    assert trio.flags() == ["20"] * 3 and waiting(trio) == [[], [], []]
    after = in_place(trio, 0)
    assert all(after[path] != before[0][path] for path in (ROLLED[0], ROLLED[2]))
    for i in range(3):
        assert in_place(trio, i)[ROLLED[0]] == after[ROLLED[0]] == runs(trio, i)
    assert planned(trio) == ({}, {})
    assert project.ninja().ok().no_work
    assert project.gen_and_ninja().no_work


def test_the_change_is_taken_back(trio):
    project, here = trio.project, trio.project.spec
    first, others = first_and_others(trio)
    before, pids = [in_place(trio, i) for i in range(3)], trio.pids()
    etcd_archives.change_program(project, "bad.tar.gz", lambda _: b"#!/bin/sh\necho this etcd is no good >&2\nexit 3\n")
    ran = project.gen_and_ninja()
    assert ran.code != 0 and "this etcd is no good" in ran.out, ran.out
    assert [bool(files) for files in waiting(trio)] == [i != first for i in range(3)]
    # One of them is restarted by somebody, and one is not.
    restarted_by_its_manager(trio, others[0])
    serve(trio, *others)
    pids[others[0]] = trio.pid(others[0])
    project.spec = here
    project.gen().ok()
    steps, services = planned(trio)
    assert services == {f"service/etcd-{first + 1}/etcd": "starts"}
    taken_back = {f"file/etcd-{i + 1}/usr/local/bin/etcd" for i in others}
    assert all(any("taken back" in reason["text"] for reason in steps[label]["reasons"]) for label in taken_back), steps
    with rollout_test.Watcher(trio) as watcher:
        ran = project.ninja().ok()
    assert all(f"{label}: a change that waited for a restart is taken back" in ran.out for label in taken_back), ran.out
    assert watcher.order == []
    assert [trio.pids()[i] for i in others] == [pids[i] for i in others]
    assert waiting(trio) == [[], [], []]
    assert [in_place(trio, i) for i in range(3)] == before
    assert planned(trio) == ({}, {})
    assert project.gen_and_ninja().no_work
    # And another one goes through.
    etcd_archives.change_program(project, "good.tar.gz", lambda program: program + b"y")
    with rollout_test.Watcher(trio) as watcher:
        project.gen_and_ninja().ok()
    assert sorted(watcher.order) == [0, 1, 2]
    assert waiting(trio) == [[], [], []] and project.gen_and_ninja().no_work


def test_what_waits_is_looked_after(trio):
    project = trio.project
    first, (second, third) = first_and_others(trio)
    etcd_archives.change_program(project, "next.tar.gz", lambda program: program + b"x")
    with port_taken(trio, first):
        assert project.gen_and_ninja().code != 0
        # Whoever depends on it comes to it, though its digest is that of before: its stamp is written again.
        label = f"file/etcd-{second + 1}/usr/local/bin/etcd"
        stamp = project.path(f".kplan/stamps/{label}")
        digest = re.search(f"label = {label}\n.*\n  digest = (.*)", project.path("build.ninja").read_text(encoding="utf-8")).group(1)
        written, content = stamp.stat().st_mtime_ns, stamp.read_bytes()
        assert project.run(project.kplan, "step", f".kplan/steps/etcd-{second + 1}.json", label, digest).ok().out == f"{label}: only checked\n"
        assert stamp.stat().st_mtime_ns > written and stamp.read_bytes() == content
        # Taken away by hand: it is brought again.
        project.path(f"h{second + 1}/{beside(ROLLED[0])}").unlink()
        assert planned(trio, taken=True)[0][label]["fate"] == "change"
        ran = project.gen().ok()
        assert f"{label}: content differs" in ran.out + ran.err
        assert project.ninja().code != 0
        assert waiting(trio)[second] == [beside(ROLLED[0])]
        status = json.loads(project.run(project.kplan, "status", "--json", "cluster.yaml").out)
        steps = [step for host in status["hosts"] for step in host["steps"]]
        assert {step["state"] for step in steps if step["label"].startswith(("file/", "unit/"))} == {"fresh"}, status
        # One that is down is started with what waits for it.
        harness.kill(trio.pid(third))
        planned(trio, taken=True)
        assert project.ninja().code != 0
        harness.wait_for("its start", lambda: trio.pid(third))
        assert waiting(trio)[third] == [] and runs(trio, third) == in_place(trio, third)[ROLLED[0]]
    project.gen_and_ninja().ok()
    assert waiting(trio) == [[], [], []]
    assert {runs(trio, i) for i in range(3)} == {in_place(trio, 0)[ROLLED[0]]}
    assert project.gen_and_ninja().no_work


def test_a_file_that_was_edited_where_nothing_is_known_of_the_start(trio):
    """As after a reboot: the marker is gone."""
    project, pids = trio.project, trio.pids()
    right = in_place(trio, 1)
    project.path("h2/run/kplan/etcd.started").unlink()
    with open(project.path("h2/etc/etcd/ca.pem"), "a", encoding="ascii") as file:
        file.write("# by hand\n")
    ran = project.gen_and_ninja().ok()
    assert {"file/etcd-2/etc/etcd/ca.pem", "rollout/etcd"} <= set(ran.edges)
    assert in_place(trio, 1) == right and waiting(trio) == [[], [], []]
    assert [trio.pids()[i] for i in (0, 2)] == [pids[i] for i in (0, 2)]
    assert project.gen_and_ninja().no_work
    # Where it is known, nobody is restarted for that.
    pids = trio.pids()
    with open(project.path("h2/etc/etcd/ca.pem"), "a", encoding="ascii") as file:
        file.write("# by hand\n")
    ran = project.gen_and_ninja().ok()
    assert "file/etcd-2/etc/etcd/ca.pem" in ran.edges and "rollout/etcd" not in ran.edges
    assert in_place(trio, 1) == right and trio.pids() == pids
    assert project.gen_and_ninja().no_work


def test_prune_takes_what_waits_with_its_place(trio):
    project = trio.project
    first, others = first_and_others(trio)
    etcd_archives.change_program(project, "next.tar.gz", lambda program: program + b"x")
    with port_taken(trio, first):
        assert project.gen_and_ninja().code != 0
    trio.stop()
    project.spec = project.spec[:project.spec.index("etcd:\n  version")].replace("hosts:\n", "hosts:\n", 1)
    project.gen().ok()
    project.ninja().ok()
    ran = project.run(project.kplan, "prune", "--yes", "cluster.yaml")
    assert all(f"h{i + 1}/{beside(ROLLED[0])}" in ran.out for i in others), ran
    assert waiting(trio) == [[], [], []]
    assert not any(project.path(f"h{i + 1}/{ROLLED[0]}").exists() for i in range(3))
