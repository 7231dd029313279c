"""Commands in the namespaces of others: started, run, and reached by signals."""

import os
import pathlib
import signal
import subprocess
import time


class LabError(Exception):
    """The lab itself failed: a host did not boot, a command did not end, a file could not be put in place."""


class CommandFailed(subprocess.CalledProcessError):
    """As its base, and the message has what the command printed."""

    def __str__(self):
        return f"{super().__str__()}\n{self.stdout or ''}\n{self.stderr or ''}"


def wait_for(what, condition, timeout=30.0):
    """Polls CONDITION until it returns something true, and returns that; LabError naming WHAT after TIMEOUT seconds."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise LabError(f"no {what} after {timeout:g} s")
        time.sleep(0.01)
    return value


def _parents():
    """{pid: pid of its parent} of every process."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(encoding="ascii", errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            found[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    return found


def descendants(pid):
    """The processes below PID, nearest first."""
    parents = _parents()
    found, level = [], [pid]
    while level:
        level = [child for child, parent in parents.items() if parent in level]
        found += level
    return found


def name_of(pid):
    """The name of the process PID; empty when there is none."""
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Process(subprocess.Popen):
    """A command in other namespaces. Between it and us is an nsenter, which ends as the command does."""

    @property
    def command_pid(self):
        """The command's process id as seen from here; 0 when it has ended."""
        # It is there as soon as nsenter has entered and forked.
        while self.poll() is None:
            if below := descendants(self.pid):
                return below[0]
            time.sleep(0.001)
        return 0

    def send_signal(self, sig):
        """Also what kill() and terminate() call. SIGKILL for nsenter would let the command run on."""
        if pid := self.command_pid:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass


class Place:
    """Where commands run: a booted host, or the admin's machine."""

    name = ""
    address = ""  # in the lab's network
    device = ""  # the network device that has the address
    home = "/root"

    @property
    def leader(self):
        """A process that is in all of the place's namespaces."""
        raise NotImplementedError

    @property
    def root(self):
        """The place's / as a path of ours. An absolute symlink below it leads back to our own /."""
        return pathlib.Path(f"/proc/{self.leader}/root")

    def popen(self, argv, env=None, cwd="/", **kwargs):
        """Starts ARGV in the folder CWD of the place, with ENV added to a clean environment. KWARGS are Popen's."""
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.home), "USER": "root",
            "LOGNAME": "root", "LC_ALL": "C.UTF-8", **(env or {}),
        }
        options = {
            "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
            "errors": "backslashreplace", **kwargs,
        }
        leader = self.leader
        return Process(
            ["nsenter", f"--target={leader}", "--all", f"--wd=/proc/{leader}/root{cwd}", "--", *map(str, argv)],
            env={name: str(value) for name, value in environment.items()}, **options)

    def run(self, argv, check=False, input=None, env=None, cwd="/", timeout=120):  # pylint: disable=redefined-builtin
        """Runs ARGV to its end, with the text INPUT on its standard input."""
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        process = self.popen(argv, env=env, cwd=cwd, stdin=stdin, start_new_session=True)
        try:
            out, err = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            kill_below(process.pid)
            process.wait()
            raise LabError(
                f"{argv} still ran on {self.name} after {timeout} s\n{_text(error.stdout)}\n{_text(error.stderr)}") from error
        except BaseException:
            process.kill()
            process.wait()
            raise
        if check and process.returncode != 0:
            raise CommandFailed(process.returncode, argv, out, err)
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def in_network(self, *argv):
        """Runs ARGV of this machine in the place's network alone."""
        ran = subprocess.run(
            ["nsenter", f"--target={self.leader}", "--net", "--", *argv], capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise LabError(f"{' '.join(argv)} for {self.name}: {ran.stderr.strip()}")
        return ran.stdout


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def kill_below(pid):
    """SIGKILL for every process below PID."""
    for each in descendants(pid):
        _kill(each)


def _text(output):
    """What TimeoutExpired has of the output: bytes, also of a process in text mode, or None."""
    return output.decode("utf-8", "backslashreplace") if isinstance(output, bytes) else output or ""
