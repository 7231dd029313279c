"""Two ninjas in one folder: one is at work, and nobody else is, for exactly as long as it is there.

Ninja itself neither supports nor notices two runs in one folder (ninja-build/ninja#2770).
"""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal

import pytest

import harness
import two_runs_test as runs

AT_WORK = re.compile(
    r"another ninja or kplan is at work in this folder: ninja, process (\d+) of nobody, since "
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; run this again when it is done")

# In place of kplan: the first run of it that is WHAT says so by the folder `held`, and waits until somebody writes into
# `hold`.
GATE = """#!/bin/sh
case "$1 $3" in @WHAT@) mkdir held 2>/dev/null && cat hold;; esac
exec @KPLAN@ "$@"
"""


@pytest.fixture(name="project")
def fixture_project():
    base, project = runs.make()
    yield project
    shutil.rmtree(base)


def use_gate(project, what):
    """From the next ninja on, WHAT ("step ca/key") is held once."""
    project.run("mkfifo", "hold").ok()
    gate = project.path("gate")
    gate.write_text(GATE.replace("@WHAT@", f"'{what}'").replace("@KPLAN@", project.kplan), encoding="utf-8")
    gate.chmod(0o755)
    project.run(project.kplan, "gen", "--kplan", gate, "cluster.yaml").ok()


def await_gate(project):
    harness.wait_for("one that is held", project.path("held").exists)


def open_gate(project):
    project.run("sh", "-c", "echo >hold").ok()


@contextlib.contextmanager
def at_work(project, *argv, what="step ca/key", **options):
    """A ninja that is in the middle of a step; ARGV starts it."""
    if not project.path("gate").exists():
        use_gate(project, what)
    process = project.start(*(argv or ("ninja",)), start_new_session=True, **options)
    await_gate(project)
    try:
        yield process
    finally:
        for pid in [*descendants(process.pid), process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate()


def children():
    """{parent: [pid]} of all processes."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
                found.setdefault(parent, []).append(int(entry.name))
    return found


def descendants(pid):
    below, found = children(), []
    todo = [pid]
    while todo:
        for child in below.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found


def program_of(pid):
    """The name of its program's file; "" when it has ended."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


def ninja_below(pid):
    """The process of ninja among PID and what it started; the uppermost, for it is what its children are at first."""
    return [each for each in [pid, *descendants(pid)] if program_of(each) == "ninja"][0]


def holders(project):
    """The processes that have the lock's file open."""
    lock, found = os.path.realpath(project.path(".kplan/run.lock")), set()
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if any(os.path.realpath(fd) == lock for fd in (entry / "fd").iterdir()):
                    found.add(int(entry.name))
    return found


def is_free(project):
    return not holders(project) and project.run("flock", "--nonblock", ".kplan/run.lock", "true").code == 0


def check_refused(ran, pid=None):
    assert ran.code == 1 and not ran.edges, ran
    match = AT_WORK.search(ran.out + ran.err)
    assert match and (pid is None or int(match.group(1)) == pid), ran


def check_logs(project):
    """Ninja has nothing to say about its logs, and nothing to do."""
    ran = project.ninja()
    assert "warning" not in ran.out + ran.err and ran.no_work, ran


def times_run(project):
    """{label: how often the step ran}, by the journals."""
    found = {}
    for journal in project.path(".kplan/journal").iterdir():
        for line in journal.read_text(encoding="utf-8").splitlines():
            label = line.split("\t")[0]
            found[label] = found.get(label, 0) + 1
    return found


def test_rounds_of_four(project):
    """At once and cold: one works, three are told who; nothing is done twice, and ninja's logs are whole."""
    for _ in range(10):
        project.run("rm", "-rf", "pki", "rootfs", "spare", ".kplan", "build.ninja", "archives", "rendered").ok()
        project.gen().ok()
        processes = [project.start("ninja") for _ in range(4)]
        pids = {process.pid for process in processes}
        results = [runs.finish(process) for process in processes]
        for ran in results:
            if ran.code != 0:
                check_refused(ran)
                assert int(AT_WORK.search(ran.out + ran.err).group(1)) in pids, ran
        assert [ran for ran in results if ran.code == 0], results
        # By the journals: while a step has the console, ninja does not print the lines of the others.
        assert times_run(project) == {label: 1 for label in project.records()}
        check_logs(project)
        assert is_free(project) or harness.wait_for("end of the lock", lambda: is_free(project))


def test_rounds_of_four_in_one_folder(project):
    """Warm, so long that ninja's log is due to be written anew (more than 100 lines, and three an output)."""
    counter = project.path("counter")
    counter.write_text(f"#!/bin/sh\n[ $1 = step ] && echo $3 >>ran\nexec {project.kplan} \"$@\"\n", encoding="utf-8")
    counter.chmod(0o755)
    project.run(project.kplan, "gen", "--kplan", counter, "cluster.yaml").ok()
    project.ninja().ok()
    key = project.ca_key()
    for number in range(50):
        old, new = ("CN: authority", "CN: other") if number % 2 == 0 else ("CN: other", "CN: authority")
        project.edit_spec(old, new)
        project.run("rm", "ran").ok()
        results = [runs.finish(process) for process in [project.start("ninja") for _ in range(4)]]
        for ran in results:
            assert not re.search("warning|bad|recovering", ran.out + ran.err), ran
            if ran.code != 0:
                check_refused(ran)
        labels = project.path("ran").read_text(encoding="utf-8").split()
        assert len(labels) == len(set(labels)) and "ca/cert" in labels, (number, labels, results)
        check_logs(project)
    assert project.ca_key() == key


STARTS = {
    "plain": ["ninja"],
    "-j1": ["ninja", "-j1"],
    "-j8": ["ninja", "-j8"],
    "-C": ["ninja", "-C", "@FOLDER@"],
    "make": ["make", "-f", "@FOLDER@/Makefile"],
    "script": ["sh", "-c", "cd @FOLDER@; ninja; exit $?"],
    "no stdin": ["sh", "-c", "cd @FOLDER@; exec ninja <&-"],
    "no streams": ["sh", "-c", "cd @FOLDER@; exec ninja <&- >&- 2>&-"],
    "other name": ["@FOLDER@/builder", "-C", "@FOLDER@"],
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_second_one_is_told_who(project, start):
    project.path("Makefile").write_text(f"all:\n\tcd {project.folder} && ninja\n", encoding="utf-8")
    project.path("builder").symlink_to(shutil.which("ninja"))
    argv = [word.replace("@FOLDER@", str(project.folder)) for word in start]
    with at_work(project, *argv) as process:
        pid = ninja_below(process.pid)
        check_refused(project.ninja(), pid)
        assert pid not in holders(project) and len(holders(project)) == 1
        open_gate(project)
        process.communicate(timeout=120)
        assert process.returncode == 0
    harness.wait_for("end of the lock", lambda: is_free(project))
    assert times_run(project) == {label: 1 for label in project.records()}
    check_logs(project)


@pytest.mark.parametrize("how", ["ninja KILL", "ninja TERM", "ninja INT", "ninja HUP", "step KILL", "holder KILL"])
def test_lock_ends_with_ninja(project, how):
    """Whatever ends it; and what ends its helper ends no step."""
    victim, signal_name = how.split()
    use_gate(project, "step ca/key")
    project.path("gate").write_text(project.path("gate").read_text(encoding="utf-8").replace("cat hold", "echo $$ >step; exec cat hold"),
                                    encoding="utf-8")
    with at_work(project) as process:
        harness.wait_for("the step's id", lambda: project.path("step").exists() and project.path("step").read_text(encoding="ascii").strip())
        (holder,) = holders(project)
        pid = {"ninja": process.pid, "holder": holder, "step": int(project.path("step").read_text(encoding="ascii"))}[victim]
        os.kill(pid, signal.Signals["SIG" + signal_name])
        if victim == "holder":
            open_gate(project)
        process.communicate(timeout=60) if victim != "ninja" or signal_name != "KILL" else process.wait(timeout=60)
        harness.wait_for("end of the lock", lambda: is_free(project))
        assert process.returncode != 0 or victim == "holder"
    runs.check_complete(project)


@pytest.mark.parametrize("signal_name", ["TERM", "HUP", "INT"])
def test_holder_outlives_what_is_not_for_it(project, signal_name):
    with at_work(project) as process:
        (holder,) = holders(project)
        os.kill(holder, signal.Signals["SIG" + signal_name])
        check_refused(project.ninja(), process.pid)
        assert holders(project) == {holder}
        open_gate(project)
        process.communicate(timeout=120)
    harness.wait_for("end of the lock", lambda: is_free(project))


def test_stale_id_is_not_believed(project):
    """The text in the lock's file names a process that is there, and nobody holds the lock."""
    project.gen_and_ninja().ok()
    with open("/proc/self/stat", encoding="ascii") as file:
        ticks = file.read().rpartition(")")[2].split()[19]
    fields = project.path(".kplan/run.lock").read_text(encoding="utf-8").split("\t")
    for start in (fields[2], ticks):
        harness.wait_for("end of the lock", lambda: is_free(project))
        text = "\t".join([fields[0], str(os.getpid()), start, *fields[3:]])
        project.path(".kplan/run.lock").write_text(text, encoding="utf-8")
        assert project.gen_and_ninja().no_work


def test_in_another_pid_namespace(project):
    """Its process id means nothing here; the lock does."""
    argv = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if project.run(*argv, "true").code != 0:
        pytest.skip("this kernel gives an ordinary user no namespaces")
    # There it is root, and here nobody.
    with at_work(project, *argv, "ninja") as process:
        for ran in (project.ninja(), project.gen()):
            assert ran.code == 1 and "is at work in this folder: ninja, process " in ran.out + ran.err, ran
        os.kill(process.pid, signal.SIGKILL)
        harness.wait_for("end of the lock", lambda: is_free(project))
    runs.check_complete(project)


# What each command does beside a ninja at work: those that write are told; those that look only, look.
WRITES = {"gen": ["gen", "cluster.yaml"], "prune": ["prune", "--yes", "cluster.yaml"]}
LOOKS = {
    "check": ["check", "cluster.yaml"],
    "plan": ["plan", "cluster.yaml"],
    "status": ["status", "cluster.yaml"],
    "why": ["why", "ca/cert", "cluster.yaml"],
    "graph": ["graph", "--format=json"],
    "show": ["show"],
    "certs": ["certs", "cluster.yaml"],
}


@pytest.mark.parametrize("command", WRITES.values(), ids=WRITES)
def test_what_writes_is_told(project, command):
    with at_work(project, "ninja", "-j1") as process:
        before = harness.snapshot(project.outside)
        ran = project.run(project.kplan, *command)
        assert ran.code == 1 and AT_WORK.search(ran.err).group(1) == str(process.pid), ran
        assert harness.changes(before, harness.snapshot(project.outside)) == {}
        open_gate(project)
        process.communicate(timeout=120)
        assert process.returncode == 0
    runs.check_complete(project)


@pytest.mark.parametrize("command", LOOKS.values(), ids=LOOKS)
def test_what_looks_is_harmless(project, command):
    with at_work(project, "ninja", "-j1") as process:
        before = harness.snapshot(project.outside)
        ran = project.run(project.kplan, *command)
        assert ran.code in (0, 2) and ran.out, ran
        assert harness.changes(before, harness.snapshot(project.outside)) == {}
        open_gate(project)
        process.communicate(timeout=120)
        assert process.returncode == 0
    check_logs(project)


def test_ninja_beside_what_writes(project):
    """Whoever has the lock is named; here it is this process, in the name of a prune that waits for its answer."""
    project.gen_and_ninja().ok()
    with open(project.path(".kplan/run.lock"), "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fields = file.read().split("\t")
        with open("/proc/self/stat", encoding="ascii") as stat:
            ticks = stat.read().rpartition(")")[2].split()[19]
        file.seek(0)
        file.truncate()
        file.write("\t".join(["kplan prune", str(os.getpid()), ticks, *fields[3:]]))
        file.flush()
        for ran in (project.ninja(), project.gen()):
            assert ran.code == 1 and f"in this folder: kplan prune, process {os.getpid()} of " in ran.out + ran.err, ran
    assert project.ninja().no_work


def test_one_that_read_the_logs_before_the_other_wrote_them(project):
    """It reads them again, and has nothing left to do."""
    project.gen_and_ninja().ok()
    use_gate(project, "gen --kplan")
    project.run("mkdir", "held").ok()
    project.ninja().ok()  # build.ninja has another kplan now
    project.run("rmdir", "held").ok()
    # Nothing that build.ninja says: that alone would have it read all again.
    project.path("pki/kubernetes.pem").unlink()
    with at_work(project, what="gen --kplan") as late:
        # The one that is held has read the logs, and is at its LOOK, as which it has no lock yet.
        first = project.ninja().ok()
        assert "cert/kubernetes" in first.edges
        project.ninja().ok()
        assert project.ninja().no_work
        ran_before = times_run(project)
        open_gate(project)
        out, err = late.communicate(timeout=120)
        ran = harness.Ran(late.returncode, out, err)
        assert ran.no_work, ran
    assert times_run(project) == ran_before
    check_logs(project)


def test_record_is_one_line(project):
    """Who it is, for people and for the next kplan: nothing secret, and it does not grow."""
    project.gen_and_ninja().ok()
    first = project.path(".kplan/run.lock").read_text(encoding="utf-8")
    assert project.ninja().no_work
    second = project.path(".kplan/run.lock").read_text(encoding="utf-8")
    for text in (first, second):
        fields = text.rstrip("\n").split("\t")
        assert len(fields) == 8 and fields[0] == "ninja", text
        assert fields[3] == pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip(), text
    assert first != second
