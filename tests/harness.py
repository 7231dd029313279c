"""What end-to-end tests share: a project folder, kplan and ninja run in it, and looks at what they left behind."""

import collections
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import tarfile
import tempfile
import time

import pytest

KPLAN = os.environ.get("KPLAN", "kplan")
ETCD_ARCHIVE = os.environ.get("KPLAN_ETCD_ARCHIVE", "")
ETCD_NEXT_ARCHIVE = os.environ.get("KPLAN_ETCD_NEXT_ARCHIVE", "")  # of the next minor version; may be empty
TUTORIAL_ARCHIVE = os.environ.get("KPLAN_TUTORIAL_ARCHIVE", "")  # the same, under the tutorial's version

# Set when this process has mount, process and network namespaces of its own (run_pytest.sh): a tmpfs for everything.
ISOLATED_ROOT = os.environ.get("KPLAN_TEST_ROOT", "")

# The ordinary user of tests that run as root.
NOBODY = 65534

# "[3/22] SIGN cert/kubernetes": ninja's line for an edge that it ran, when not on a terminal.
_EDGE = re.compile(r"^\[\d+/\d+\] ([A-Z]+) (\S+)", re.MULTILINE)


def wait_for(what, condition, timeout=30.0):
    """Polls CONDITION until it returns something true, and returns that; fails naming WHAT after TIMEOUT seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"no {what} after {timeout:g} s")
        time.sleep(0.01)


def make_folder(name, owner=None):
    """A new folder that everybody may enter, owned by the user id OWNER. With no namespace of ours it is the caller's to remove."""
    # Bazel's folder for a test is below root's home, where the ordinary user of the tests cannot go.
    below = ISOLATED_ROOT or (None if os.geteuid() == 0 else os.environ.get("TEST_TMPDIR"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"kplan-{name}-", dir=below))
    folder.chmod(0o755)
    if owner is not None and os.geteuid() == 0:
        os.chown(folder, owner, owner)
    return folder


def free_ports(count):
    """COUNT ports of 127.0.0.1 on which nobody listens."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def etcd_version(path=None):
    """The version of ETCD_ARCHIVE, or of another one: the tests' etcd is Debian's."""
    with tarfile.open(path or ETCD_ARCHIVE) as archive:
        return re.fullmatch(r"etcd-v(.+)-linux-\w+", archive.next().name.rstrip("/")).group(1)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


Entry = collections.namedtuple("Entry", "sha256 mode uid inode mtime_ns")


def snapshot(*roots, skip=()):
    """{path: Entry} of every file, folder and symlink below ROOTS (files too, if there), but for paths with one of SKIP.

    Two snapshots are equal when nothing was written in between, not even the same bytes again.
    """
    entries = {}

    def add(path):
        if any(part in str(path) for part in skip):
            return
        info = os.lstat(path)
        digest = ""
        if stat.S_ISREG(info.st_mode):
            digest = sha256(path)
        elif stat.S_ISLNK(info.st_mode):
            digest = os.readlink(path)
        entries[str(path)] = Entry(digest, info.st_mode, info.st_uid, info.st_ino, info.st_mtime_ns)
        if stat.S_ISDIR(info.st_mode):
            for name in sorted(os.listdir(path)):
                add(path / name)

    for root in roots:
        if os.path.lexists(root):
            add(pathlib.Path(root))
    return entries


def changes(before, after):
    """What differs between two snapshots, for an assertion's message: {path: what}."""
    found = {}
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            found[path] = "gone"
        elif path not in before:
            found[path] = "new"
        elif before[path] != after[path]:
            found[path] = ", ".join(name for name in Entry._fields if getattr(before[path], name) != getattr(after[path], name))
    return found


@dataclasses.dataclass
class Ran:
    """One finished command."""

    code: int
    out: str
    err: str

    @property
    def edges(self):
        """The labels of the steps that ninja ran, sorted; LOOK, which is gen before every run, is none."""
        return sorted(label for verb, label in _EDGE.findall(self.out) if verb != "LOOK")

    @property
    def no_work(self):
        return self.code == 0 and "no work to do" in self.out and not self.edges

    def ok(self):
        assert self.code == 0, f"exit {self.code}\n{self.out}\n{self.err}"
        return self


class Here:
    """Runs commands on this machine, as an ordinary user when told a user id."""

    def __init__(self, user=None):
        self.user = user if os.geteuid() == 0 else None

    def popen(self, argv, cwd, **kwargs):
        identity = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(cwd), "LC_ALL": "C.UTF-8"}
        return subprocess.Popen(
            [str(arg) for arg in argv],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            **identity,
            **kwargs,
        )

    def run(self, argv, cwd="/", timeout=120):
        process = self.popen(argv, cwd, start_new_session=True)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            pytest.fail(f"{argv} still ran after {timeout} s\n{out}\n{err}")
        return Ran(process.returncode, out, err)


class There:
    """Runs commands in a PLACE of tests/hosts (a booted host, or the admin of a lab) as Here does on this machine."""

    def __init__(self, place):
        self.place = place

    def popen(self, argv, cwd, **kwargs):
        return self.place.popen(argv, cwd=cwd, **kwargs)

    def run(self, argv, cwd="/", timeout=120):
        ran = self.place.run(argv, cwd=cwd, timeout=timeout)
        return Ran(ran.returncode, ran.stdout, ran.stderr)


class Project:
    """A folder with a cluster.yaml, and kplan and ninja run in it by RUNNER (Here, There, or a SystemdHost).

    FOLDER is the folder as the commands see it, OUTSIDE as this process does: another path for a booted host.
    """

    def __init__(self, folder, runner, kplan, outside=None):
        self.folder = pathlib.Path(folder)
        self.outside = pathlib.Path(outside or folder)
        self.runner = runner
        self.kplan = str(kplan)

    def path(self, name):
        return self.outside / name

    @property
    def spec(self):
        return self.path("cluster.yaml").read_text(encoding="utf-8")

    @spec.setter
    def spec(self, text):
        self.path("cluster.yaml").write_text(text, encoding="utf-8")

    def edit_spec(self, old, new):
        assert old in self.spec, f"{old!r} is not in cluster.yaml:\n{self.spec}"
        self.spec = self.spec.replace(old, new)

    def run(self, *argv, timeout=120):
        return self.runner.run(argv, cwd=self.folder, timeout=timeout)

    def gen(self):
        return self.run(self.kplan, "gen", "cluster.yaml")

    def ninja(self, *argv, timeout=120):
        return self.run("ninja", *argv, timeout=timeout)

    def gen_and_ninja(self):
        self.gen().ok()
        return self.ninja()

    def records(self):
        """{label: record} of all steps."""
        found = {}
        for shard in sorted(self.path(".kplan/steps").glob("*.json")):
            found.update(json.loads(shard.read_text(encoding="utf-8")))
        return found

    def ran_at(self):
        """{label: when its step ran last}"""
        found = {}
        for journal in sorted(self.path(".kplan/journal").iterdir()):
            for line in journal.read_text(encoding="utf-8").splitlines():
                label, at = line.split("\t")[:2]
                found[label] = at
        return found


def kill(pid, sig=signal.SIGKILL):
    """Sends SIG to PID and waits until it is gone."""
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        return
    wait_for(f"end of process {pid}", lambda: not alive(pid))


def alive(pid):
    """Whether PID runs (a zombie does not, once its last thread has let go of its files)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            zombie = file.read().rpartition(")")[2].split()[0] == "Z"
        return not zombie or len(os.listdir(f"/proc/{pid}/task")) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def copy_file(source, target, mode=0o644, owner=None):
    """Copies SOURCE to TARGET, for OWNER."""
    shutil.copyfile(source, target)
    os.chmod(target, mode)
    if owner is not None and os.geteuid() == 0:
        os.chown(target, owner, owner)
