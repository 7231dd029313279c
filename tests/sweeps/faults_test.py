"""Every write that can fail, fails: strace makes one system call of one command return an error, or kills it there.

For `kplan gen` and each kind of step, cold and over an older artifact: afterwards every file is the old one or the new
one, whole; no private key is anywhere but in its own file; a CA key that was there is there; an error is reported; and
the next plain run completes and leaves no temporary file.

KPLAN_SWEEP=full: every error at every call, and the calls that only look (ten minutes); else each call gets one error
and one kill.
"""

import base64
import collections
import concurrent.futures
import dataclasses
import itertools
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess

import pytest

import harness

FULL = os.environ.get("KPLAN_SWEEP") == "full"

# The calls that write, and how they fail in real life.
WRITING = {
    "write": ("ENOSPC", "EIO", "EDQUOT"),
    "openat": ("ENOSPC", "EACCES", "EMFILE"),
    "open": ("ENOSPC", "EACCES", "EMFILE"),
    "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO",),
    "syncfs": ("EIO",),
    "rename": ("EACCES", "ENOSPC"),
    "renameat": ("EACCES", "ENOSPC"),
    "renameat2": ("EACCES", "ENOSPC", "EIO"),
    "linkat": ("ENOSPC", "EACCES"),
    "symlinkat": ("ENOSPC",),
    "mkdir": ("ENOSPC", "EACCES"),
    "mkdirat": ("ENOSPC", "EACCES"),
    "fchmod": ("EPERM",),
    "fchown": ("EPERM",),
    "ftruncate": ("EIO",),
    "fallocate": ("ENOSPC",),
    "unlink": ("EACCES",),
    "unlinkat": ("EACCES",),
    "copy_file_range": ("ENOSPC", "EIO"),
    "sendfile": ("ENOSPC", "EIO"),
    "flock": ("EINTR", "ENOLCK"),
    "getrandom": ("EIO",),
}
LOOKING = {"read": ("EIO",), "pread64": ("EIO",), "fstat": ("EIO",), "newfstatat": ("EACCES",), "lseek": ("EIO",)}

SPEC = """\
hosts: {worker: {root: rootfs, service-manager: none}}
ca: {CN: @CN@, key: {algo: ecdsa, size: 256}}
certs: {kubernetes: {CN: @CN@-leaf, key: {algo: ecdsa, size: @SIZE@}, hosts: [127.0.0.1]}}
etcd:
  version: 3.4.23
  archive: {path: @ARCHIVE@.tar.gz, sha256: @DIGEST@}
  cert: kubernetes
  flags: {snapshot-count: @COUNT@}
"""

GEN = "gen"
LABELS = [
    GEN, "ca/key", "key/kubernetes", "ca/csr", "csr/kubernetes", "ca/cert", "cert/kubernetes", "archive/etcd", "unpack/etcd",
    "render/worker/etc/systemd/system/etcd.service", "unit/worker/etcd",
    "file/worker/etc/etcd/kubernetes.pem", "file/worker/usr/local/bin/etcd", "dir/worker/var/lib/etcd",
]
# What a change of the spec does not touch. A CA key is never made again.
ONLY_COLD = {"ca/key", "dir/worker/var/lib/etcd"}


def why_not():
    """Why strace cannot trace here; "" when it can."""
    try:
        ran = subprocess.run(
            ["strace", "-f", "-o", "/dev/null", "-e", "inject=getppid:error=EIO", "true"], capture_output=True, text=True,
            timeout=30, check=False)
    except FileNotFoundError:
        return "there is no strace"
    return "" if ran.returncode == 0 else f"strace cannot trace here: {ran.stderr.strip()}"


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "none")


def run(argv, cwd):
    ran = subprocess.run(
        [str(word) for word in argv], cwd=cwd, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), "LC_ALL": "C.UTF-8"})
    return harness.Ran(ran.returncode, ran.stdout, ran.stderr)


def write_spec(folder, number):
    """cluster.yaml of the generation NUMBER, with an archive of its own."""
    top = folder / "etcd-v3.4.23-linux-amd64"
    top.mkdir()
    for name in ("etcd", "etcdctl"):
        # Larger than one block of a copy, so that it can end half way.
        (top / name).write_bytes(f"{name} {number}\n".encode() * 30_000)
    archive = folder / f"etcd{number}.tar.gz"
    subprocess.run(["tar", "-czf", archive, "-C", folder, top.name], check=True)
    shutil.rmtree(top)
    values = {"CN": f"ca{number}", "SIZE": (256, 384)[number], "ARCHIVE": f"etcd{number}",
              "DIGEST": harness.sha256(archive), "COUNT": 1000 + number}
    spec = SPEC
    for key, value in values.items():
        spec = spec.replace(f"@{key}@", str(value))
    (folder / "cluster.yaml").write_text(spec, encoding="utf-8")


def commands(folder, label):
    """The commands of the steps that LABEL needs and of LABEL itself, the last one, as argument lists."""
    lines = run(["ninja", "-t", "commands", label], folder).ok().out.splitlines()
    found = [line.split() for line in lines if " step " in line]
    assert found and found[-1][3] == label
    return found


def prepare(folder, label, old):
    """A folder in which LABEL is what comes next; over the artifacts of an older spec when OLD. Gives the command."""
    folder.mkdir()
    gen = [harness.KPLAN, "gen", "cluster.yaml"]
    if old:
        write_spec(folder, 0)
        run(gen, folder).ok()
        run(["ninja"], folder).ok()
    write_spec(folder, 1)
    if label == GEN:
        return gen
    run(gen, folder).ok()
    *needed, last = commands(folder, label)
    for command in needed:
        run(command, folder).ok()
    return last


def files(folder):
    """{relative path: bytes} of every file, through links."""
    found = {}
    for directory, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(directory, name)
            if not os.path.exists(path):  # a link that leads nowhere
                found[os.path.relpath(path, folder)] = os.readlink(path).encode()
                continue
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def is_temporary(path):
    return path.endswith(".kplan-tmp") or ".kplan-pair" in path


def is_whole_pem(text):
    """Whether TEXT is one PEM block around one complete DER value (X.690 8.1.3)."""
    match = re.fullmatch(rb"-----BEGIN ([A-Z ]+)-----\n([A-Za-z0-9+/=\n]+)-----END \1-----\n", text)
    if not match:
        return False
    der = base64.b64decode(match.group(2))
    if der[1] < 0x80:
        return len(der) == 2 + der[1]
    octets = der[1] & 0x7F
    return len(der) == 2 + octets + int.from_bytes(der[2:2 + octets], "big")


def secrets(found):
    """The first 48 octets, as base64, of every private key: SEC1's private value is among them (RFC 5915 3)."""
    return {text.splitlines()[1] for path, text in found.items() if text.startswith(b"-----BEGIN EC PRIVATE KEY-----\n")}


def check_state(folder, before, after, what):
    """Every file is as it was BEFORE, as a run that nobody disturbs leaves it (AFTER), or a whole new PEM of its own."""
    found = files(folder)
    for path, text in found.items():
        if is_temporary(path):
            mode = stat.S_IMODE(os.lstat(folder / path).st_mode)
            assert "-key.pem" not in path or path.startswith(".kplan/") or mode == 0o600, f"{what}: {path} has mode {mode:o}"
            continue
        if text in (before.get(path), after.get(path)):
            continue
        if path == "build.ninja":
            assert b"rule gen" in text and b"rule step" not in text, f"{what}: {path} is no stub\n{text.decode()}"
        elif path.startswith((".kplan/stamps/", ".kplan/deps/")):
            assert re.fullmatch(rb"[0-9a-f]{64}\n|\S+:( \S+)*\n", text), f"{what}: {path}: {text}"
        elif path.startswith(".kplan/journal/"):
            # Lines are appended; the last one may be torn, and is then not read.
            assert all(line.count(b"\t") >= 10 for line in text.split(b"\n")[:-1] if line), f"{what}: {path}: {text}"
        elif path.startswith(".kplan/specs/"):
            header, _, spec = text.partition(b"\n")
            assert json.loads(header)["size"] == len(spec), f"{what}: {path} is torn"
        elif path.endswith((".pem", ".csr")):
            assert is_whole_pem(text), f"{what}: {path} is torn\n{text.decode()}"
        else:
            assert path == ".kplan/lock" or path.startswith(".kplan/.ninja"), f"{what}: {path} is neither old nor new ({len(text)} bytes)"
    for path in before.keys() - found.keys():
        # A stamp goes when gen cannot see what it stands for: then its step looks.
        assert path not in after or path == "build.ninja" or path.startswith(".kplan/stamps/"), f"{what}: {path} is lost"
    pairs = [tuple(state.get(f"rootfs/etc/etcd/kubernetes{end}.pem") for end in ("", "-key")) for state in (before, after, found)]
    if None not in pairs[0]:
        assert pairs[2] in pairs[:2], f"{what}: a certificate beside another one's key"
    if "pki/ca-key.pem" in before:
        assert found["pki/ca-key.pem"] == before["pki/ca-key.pem"], f"{what}: another CA key"
    hidden = secrets(found)
    for path, text in found.items():
        # By the name of the file: a link to a key, on its way to the key's name, has another one.
        if not re.search(r"-key\.pem(\.kplan-tmp|\.damaged.*)?$", os.path.realpath(folder / path)):
            assert not any(secret in text for secret in hidden), f"{what}: {path} holds private key bytes"
    return hidden


def calls(log):
    """[(name, number among its name, the line)] of a trace."""
    seen, found = {}, []
    for line in log.splitlines():
        match = re.match(r"(?:\d+ +)?(\w+)\((.*)", line)
        if match:
            seen[match.group(1)] = seen.get(match.group(1), 0) + 1
            found.append((match.group(1), seen[match.group(1)], match.group(2)))
    return found


def faults(log):
    """(name, number, "error=E" or "signal=KILL") to inject: at each call that writes; in a full sweep at all others too."""
    turn = itertools.count()
    for name, number, arguments in calls(log):
        errors = WRITING.get(name)
        if name in ("open", "openat") and not re.search("O_CREAT|O_WRONLY|O_RDWR", arguments):
            errors = ("EACCES", "EMFILE") if FULL else None
        if errors is None and FULL:
            errors = LOOKING.get(name)
        if errors is None:
            continue
        for error in errors if FULL else (errors[next(turn) % len(errors)],):
            yield name, number, f"error={error}"
        yield name, number, "signal=KILL"


@pytest.fixture(name="base")
def fixture_base():
    base = harness.make_folder("faults")
    yield base
    shutil.rmtree(base)


@dataclasses.dataclass
class Case:
    """A command that writes, and what is there before and after it."""

    base: pathlib.Path
    label: str
    command: list
    before: dict
    after: dict

    def fresh(self, name):
        shutil.copytree(self.base / "prepared", self.base / name, symlinks=True)
        return self.base / name

    def try_fault(self, turn, name, number, fault):
        """Fault number TURN, in a folder of its own, and the plain run after it. "killed", "failed", or "done" all the same."""
        label, before, after = self.label, self.before, self.after
        what = f"{label}, {fault} at {name} {number}"
        folder = self.fresh(f"try-{turn}")
        trace = self.base / f"log-{turn}"
        ran = run(["strace", "-f", "-qq", "-o", trace, "-e", f"trace={name}", "-e", f"inject={name}:{fault}:when={number}", *self.command],
                  folder)
        hit = trace.read_text(encoding="utf-8", errors="replace")
        outcome = "done"
        if fault == "signal=KILL":
            assert ran.code == -9, f"{what}: {ran}"
            outcome = "killed"
        else:
            assert "INJECTED" in hit, f"{what} never happened\n{hit}"
            assert ran.code in (0, 1), f"{what}: {ran}"
            if ran.code == 1:
                outcome = "failed"
                assert ran.err.startswith("kplan: ") and ran.err.endswith("\n"), f"{what}: {ran}"
                # What cannot be removed stays, and what is in a folder that cannot be opened or looked at.
                left = [path for path in files(folder) if is_temporary(path)]
                if name in LOOKING or re.search(r"O_DIRECTORY.*INJECTED", hit):
                    left = [path for path in left if ".kplan-pair" not in path]
                assert not left or name.startswith("unlink"), f"{what}: {left} stay"
        hidden = check_state(folder, before, after, what)
        assert not any(secret.decode() in ran.out + ran.err for secret in hidden), what
        if ran.code == 0:
            lost = {path for path in after.keys() - files(folder).keys() if label != GEN or not path.startswith(".kplan/stamps/")}
            assert not lost, f"{what}: said done, and is not: {lost}"

        # The next plain run; for gen, by ninja itself where it has something to start from.
        again = ["ninja", "build.ninja"] if label == GEN and (folder / "build.ninja").exists() else self.command
        run(again, folder).ok()
        found = files(folder)
        assert not [path for path in found if is_temporary(path)], f"{what}: {sorted(found)}"
        check_state(folder, before, after, f"{what}, and run again")
        expected = {path for path in after if not path.startswith(".kplan/.ninja")}
        if label == GEN:
            expected = {path for path in expected if not path.startswith(".kplan/stamps/")}
        # A key that could not be read is kept beside the new one.
        assert expected <= found.keys(), f"{what}, and run again: no {sorted(expected - found.keys())}"
        if label == GEN:
            for path in expected:
                # What says when it happened is of another moment.
                if not path.startswith((".kplan/specs/", ".kplan/journal/")):
                    assert found[path] == after[path], f"{what}, and run again: {path}"
        elif FULL or turn % 5 == 0:
            run(["ninja"], folder).ok()
            run(["ninja"], folder).ok()
            assert "no work to do" in run(["ninja"], folder).ok().out, what
            if "pki/ca-key.pem" in found:
                assert files(folder)["pki/ca-key.pem"] == found["pki/ca-key.pem"]
        shutil.rmtree(folder)
        return outcome


@pytest.mark.parametrize("label, old", [(label, old) for label in LABELS for old in (False, True) if not old or label not in ONLY_COLD])
def test_fault_at_every_write(base, label, old):
    command = prepare(base / "prepared", label, old)
    case = Case(base, label, command, {}, {})
    folder = case.fresh("traced")
    case.before = files(folder)
    names = ",".join("?" + name for name in {**WRITING, **LOOKING})
    run(["strace", "-f", "-qq", "-s", "0", "-o", base / "log", "-e", f"trace={names}", "-e", "signal=none", *command], folder).ok()
    log = (base / "log").read_text(encoding="utf-8", errors="replace")
    case.after = files(folder)
    assert case.after != case.before
    # Several at a time: exchanging a pair waits for its readers, and so does a test of it.
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(case.try_fault, turn, *fault) for turn, fault in enumerate(faults(log), 1)]
        outcomes = collections.Counter(each.result() for each in tries)
    assert outcomes["killed"] >= 4 and outcomes["failed"] >= 3, f"{outcomes}\n{log}"


@pytest.mark.skipif(not harness.ISOLATED_ROOT, reason="needs root rights to mount a small file system")
def test_full_disk(base):
    """A file system that is really full, a little later each time, and then is not."""
    folder = base / "disk"
    completed, key, full = False, b"", 0
    template = base / "template"
    template.mkdir()
    write_spec(template, 0)
    folder.mkdir()
    for size in range(120, 4000, 40 if FULL else 120):
        run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", folder], base).ok()
        try:
            for name in os.listdir(template):
                shutil.copy(template / name, folder)
            first = run(["sh", "-c", f"{harness.KPLAN} gen cluster.yaml && exec ninja"], folder)
            found = files(folder)
            key = found.get("pki/ca-key.pem", b"")
            for path, text in found.items():
                if path.endswith((".pem", ".csr")) and not path.startswith(".kplan/"):
                    assert is_whole_pem(text), (size, path, text)
                if path.startswith("rootfs/usr"):
                    assert text == f"{os.path.basename(path)} 0\n".encode() * 30_000, (size, path)
            if first.code == 0:
                completed = True
                break
            full += 1
            assert "No space left on device" in first.out + first.err, (size, first)
            assert not [path for path in found if is_temporary(path)], (size, found.keys())
            run(["mount", "-o", "remount,size=64m", folder], base).ok()
            run(["sh", "-c", f"{harness.KPLAN} gen cluster.yaml && exec ninja"], folder).ok()
            if key:
                assert files(folder)["pki/ca-key.pem"] == key, size
            run(["ninja"], folder).ok()
            assert "no work to do" in run(["ninja"], folder).ok().out
        finally:
            run(["umount", folder], base).ok()
    assert completed and full >= 5, (completed, full)
