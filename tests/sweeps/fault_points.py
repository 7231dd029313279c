"""Moments of `gen` and of steps at which something goes wrong, and what has to hold afterwards.

A Scene is a command (`gen`, or one step) in a folder in which it comes next. Its points are its system calls, as strace
counts them: the Kth of a name. After whatever goes wrong there, every file is the old one or the new one, whole; no
private key is anywhere but in its own file; a CA key that was there is there; and the next ninja completes, after which
there is nothing to do.
"""

import base64
import collections
import concurrent.futures
import dataclasses
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import stat
import subprocess

import harness

FULL = os.environ.get("KPLAN_SWEEP") == "full"
SEED = int(os.environ.get("KPLAN_SWEEP_SEED", "0"))

# Two leaves, a member of etcd, all of it files: every kind of step that writes here.
SPEC = """\
hosts: {worker: {root: rootfs, service-manager: none}}
ca: {CN: @CN@, key: {algo: ecdsa, size: 256}, crl-expiry: 720h}
certs:
  kubernetes: {CN: @CN@-leaf, key: {algo: ecdsa, size: @SIZE@}, hosts: [127.0.0.1]}
  client: {CN: @CN@-client, key: {algo: ecdsa, size: 256}, files: [chain, bundle]}
etcd:
  version: 3.4.23
  archive: {path: @ARCHIVE@.tar.gz, sha256: @DIGEST@}
  cert: kubernetes
  flags: {snapshot-count: @COUNT@}
"""
GEN = "gen"
# What gen writes, but for what says when.
GENERATED = ("build.ninja", ".kplan/gen.stamp", ".kplan/plan.json", ".kplan/steps/shared.json", ".kplan/steps/worker.json")


def why_not():
    """Why strace cannot trace here; "" when it can."""
    try:
        ran = subprocess.run(
            ["strace", "-f", "-o", "/dev/null", "-e", "inject=getppid:error=EIO", "true"], capture_output=True, text=True,
            timeout=120, check=False)
    except FileNotFoundError:
        return "there is no strace"
    return "" if ran.returncode == 0 else f"strace cannot trace here: {ran.stderr.strip()}"


def run(argv, cwd):
    ran = subprocess.run(
        [str(word) for word in argv], cwd=cwd, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL,
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
    """Whether TEXT is PEM blocks around complete DER values (X.690 8.1.3), one after the other."""
    blocks = re.findall(rb"-----BEGIN ([A-Z0-9 ]+)-----\n([A-Za-z0-9+/=\n]+)-----END \1-----\n", text)
    if not blocks or b"".join(b"-----BEGIN %s-----\n%s-----END %s-----\n" % (name, body, name) for name, body in blocks) != text:
        return False
    return all(is_whole_der(base64.b64decode(body)) for _, body in blocks)


def is_whole_der(der):
    if len(der) < 2:
        return False
    if der[1] < 0x80:
        return len(der) == 2 + der[1]
    octets = der[1] & 0x7F
    return len(der) == 2 + octets + int.from_bytes(der[2:2 + octets], "big")


def secrets(found):
    """The first 48 octets, as base64, of every private key: SEC1's private value is among them (RFC 5915 3)."""
    return {text.splitlines()[1] for path, text in found.items() if text.startswith(b"-----BEGIN EC PRIVATE KEY-----\n")}


# What is no artifact: ninja's own, and what says only who is at work.
def is_bookkeeping(path):
    return path in (".kplan/lock", ".kplan/run.lock") or path.startswith(".kplan/.ninja")


# What notes when something happened, and so is another one each time.
def is_dated(path):
    return path.startswith((".kplan/specs/", ".kplan/journal/"))


def check_whole(path, text, what):
    """A file that is neither the old nor the new one is a whole one of its own."""
    if path == "build.ninja":
        assert b"rule gen" in text and b"rule step" not in text, f"{what}: {path} is no stub\n{text.decode()}"
    elif path.startswith((".kplan/stamps/", ".kplan/deps/")):
        assert re.fullmatch(rb"[0-9a-f]{64}\n|\S+:( \S+)*\n", text), f"{what}: {path}: {text}"
    elif path.startswith(".kplan/journal/"):
        # Lines are appended. The one that is torn, of a power cut maybe in NULs, is not read, and the next one begins anew.
        torn = [line for line in text.split(b"\n") if line and line.count(b"\t") < 10]
        assert len(torn) <= 1, f"{what}: {path}: {torn}"
    elif path.startswith(".kplan/specs/"):
        header, _, spec = text.partition(b"\n")
        assert json.loads(header)["size"] == len(spec), f"{what}: {path} is torn"
    elif path.endswith((".pem", ".csr")):
        assert is_whole_pem(text), f"{what}: {path} is torn\n{text.decode()}"
    elif path.endswith(".crl"):
        assert is_whole_der(text), f"{what}: {path} is torn"
    else:
        assert is_bookkeeping(path), f"{what}: {path} is neither old nor new ({len(text)} bytes)"


def check_no_stray_key(folder, found, what):
    """No octet of a private key is anywhere but in a file that is one; the keys."""
    hidden = secrets(found)
    for path, text in found.items():
        # By the name of the file: a link to a key, on its way to the key's name, has another one.
        if not re.search(r"(-key|-bundle)\.pem(\.kplan-tmp|\.damaged.*)?$", os.path.realpath(folder / path)):
            assert not any(secret in text for secret in hidden), f"{what}: {path} holds private key bytes"
    return hidden


def check_state(folder, before, after, what):
    """Every file is as it was BEFORE, as a run that nobody disturbs leaves it (AFTER), or a whole one of its own."""
    found = files(folder)
    for path, text in found.items():
        if is_temporary(path):
            mode = stat.S_IMODE(os.lstat(folder / path).st_mode)
            assert "-key.pem" not in path or path.startswith(".kplan/") or mode == 0o600, f"{what}: {path} has mode {mode:o}"
        elif text not in (before.get(path), after.get(path)):
            check_whole(path, text, what)
    for path in before.keys() - found.keys():
        # A stamp goes when gen cannot see what it stands for: then its step looks.
        assert path not in after or path == "build.ninja" or path.startswith(".kplan/stamps/"), f"{what}: {path} is lost"
    pairs = [tuple(state.get(f"rootfs/etc/etcd/kubernetes{end}.pem") for end in ("", "-key")) for state in (before, after, found)]
    if None not in pairs[0]:
        assert pairs[2] in pairs[:2], f"{what}: a certificate beside another one's key"
    if "pki/ca-key.pem" in before:
        assert found["pki/ca-key.pem"] == before["pki/ca-key.pem"], f"{what}: another CA key"
    return check_no_stray_key(folder, found, what)


@dataclasses.dataclass(frozen=True)
class Point:
    """The NUMBERth system call NAME of a command. ARGUMENTS: as strace prints them."""

    name: str
    number: int
    arguments: str


def points_of(log):
    seen, found = collections.Counter(), []
    for line in log.splitlines():
        match = re.match(r"(?:\d+ +)?(\w+)\((.*)", line)
        if match:
            seen[match.group(1)] += 1
            found.append(Point(match.group(1), seen[match.group(1)], match.group(2)))
    return found


# Calls at which nothing can be injected: strace sees their return, or there is none.
NOT_INJECTED = {"exit", "exit_group", "execve", "rt_sigreturn"}


@dataclasses.dataclass
class Scene:
    """LABEL's command, in the folder BASE/prepared."""

    base: pathlib.Path
    label: str
    command: list
    before: dict = dataclasses.field(default_factory=dict)
    after: dict = dataclasses.field(default_factory=dict)
    points: list = dataclasses.field(default_factory=list)
    taken: itertools.count = dataclasses.field(default_factory=itertools.count)

    def fresh(self):
        """A copy of the folder, as it is before the command."""
        folder = self.base / f"try-{next(self.taken)}"
        shutil.copytree(self.base / "prepared", folder, symlinks=True)
        return folder

    def trace(self):
        """Runs it once, undisturbed, and finds its points."""
        folder = self.fresh()
        self.before = files(folder)
        run(["strace", "-f", "-qq", "-o", self.base / "log", "-e", "signal=none", *self.command], folder).ok()
        self.points = [point for point in points_of((self.base / "log").read_text(encoding="utf-8", errors="replace"))
                       if point.name not in NOT_INJECTED]
        self.after = files(folder)
        assert self.after != self.before
        shutil.rmtree(folder)
        return self

    def disturb(self, folder, point, fault):
        """Runs it in FOLDER with FAULT ("signal=KILL", "error=EIO") at POINT. (what it said, whether the fault happened)."""
        log = self.base / f"{folder.name}.log"
        ran = run(["strace", "-f", "-qq", "-o", log, "-e", f"trace={point.name}", "-e",
                   f"inject={point.name}:{fault}:when={point.number}", *self.command], folder)
        hit = log.read_text(encoding="utf-8", errors="replace")
        log.unlink()
        return ran, hit

    def complete(self, folder, what, whole=False):
        """The next ninja completes, and then there is nothing to do. Where gen was never done, gen comes first.

        Not WHOLE: the ninja of this step alone, and after `gen` none but its own LOOK, which is quicker.
        """
        target = [] if whole else ["build.ninja"] if self.label == GEN else [self.label]
        if not (folder / "build.ninja").exists():
            run([harness.KPLAN, "gen", "cluster.yaml"], folder).ok()
        first = run(["ninja", *target], folder)
        assert first.code == 0, f"{what}: the next ninja fails: {first}"
        before = files(folder)
        second = run(["ninja", *target], folder)
        if target == ["build.ninja"]:
            changed = {path for path, text in files(folder).items() if before.get(path) != text and not is_bookkeeping(path)}
            assert second.code == 0 and not changed, f"{what}: the second LOOK writes {changed}: {second}"
        else:
            assert second.no_work, f"{what}: after the next ninja there still is something to do: {second}"
        found = files(folder)
        assert not [path for path in found if is_temporary(path)], f"{what}: {sorted(found)}"
        if whole:
            return
        check_state(folder, self.before, self.after, f"{what}, and run again")
        # A depfile is ninja's to remove.
        expected = {path for path in self.after if not is_bookkeeping(path) and not path.startswith(".kplan/deps/")}
        if self.label == GEN:
            expected = {path for path in expected if not path.startswith(".kplan/stamps/")}
        # A key that could not be read is kept beside the new one.
        assert expected <= found.keys(), f"{what}, and run again: no {sorted(expected - found.keys())}"
        if self.label == GEN:
            for path in expected:
                assert is_dated(path) or found[path] == self.after[path], f"{what}, and run again: {path}"
        else:
            stamp = found[f".kplan/stamps/{self.label}"]
            assert re.fullmatch(rb"[0-9a-f]{64}\n", stamp), f"{what}, and run again: the stamp is {stamp}"


def labels_of(folder):
    """{label: (inputs and what comes before, kind)} of the plan, in its order."""
    plan = json.loads((folder / ".kplan/plan.json").read_text(encoding="utf-8"))
    return {step["label"]: (step["inputs"] + step["after"], step["verb"]) for step in plan["steps"]}


def command_of(folder, label):
    lines = run(["ninja", "-t", "commands", label], folder).ok().out.splitlines()
    words = [line for line in lines if " step " in line][-1].split()
    assert words[3] == label
    return words


class Stage:
    """Where scenes come from: a folder before the first gen, one that was provisioned by an older spec, and so on."""

    def __init__(self, base):
        self.base = base
        self.number = itertools.count()
        cold = base / "cold"
        cold.mkdir()
        write_spec(cold, 1)
        old = base / "old"
        old.mkdir()
        write_spec(old, 0)
        for folder in (cold, old):
            if folder == old:
                run([harness.KPLAN, "gen", "cluster.yaml"], folder).ok()
                run(["ninja"], folder).ok()
                assert run(["ninja"], folder).no_work
        write_spec(old, 1)
        for name in ("cold", "old"):
            shutil.copytree(base / name, base / f"{name}-gen", symlinks=True)
            run([harness.KPLAN, "gen", "cluster.yaml"], base / f"{name}-gen").ok()
        self.steps = labels_of(base / "cold-gen")

    def scene(self, label, old, below=None):
        """LABEL comes next; over what an older spec left when OLD. BELOW: where, when not beside the others."""
        below = (below or self.base) / f"scene-{next(self.number)}"
        below.mkdir()
        start = ("old" if old else "cold") + ("" if label == GEN else "-gen")
        folder = below / "prepared"
        shutil.copytree(self.base / start, folder, symlinks=True)
        if label == GEN:
            return Scene(below, label, [harness.KPLAN, "gen", "cluster.yaml"]).trace()
        needed = self.steps[label][0]
        if needed:
            run(["ninja", *needed], folder).ok()
        return Scene(below, label, command_of(folder, label)).trace()

    def all_scenes(self):
        """(label, old) of gen and of every step."""
        return [(GEN, False), (GEN, True), *((label, False) for label in self.steps), *((label, True) for label in self.changed())]

    def one_of_each_kind(self):
        """(label, old) of gen and of the first step of each kind."""
        first = {}
        for label, (_, verb) in self.steps.items():
            first.setdefault(verb, label)
        changed = set(self.changed())
        return [(GEN, False), (GEN, True), *((label, False) for label in first.values()),
                *((label, True) for label in first.values() if label in changed)]

    def changed(self):
        """The steps that the edit of the spec makes stale: those of another record, and what is made from them. A CA key is
        never made again."""
        digests = {}
        for name in ("old", "old-gen"):
            plan = json.loads((self.base / name / ".kplan/plan.json").read_text(encoding="utf-8"))
            digests[name] = {step["label"]: step["digest"] for step in plan["steps"]}
        changed = set()
        for label, (inputs, _) in self.steps.items():
            if digests["old"].get(label) != digests["old-gen"][label] or changed.intersection(inputs):
                changed.add(label)
        return [label for label in self.steps if label in changed and label != "ca/key"]


def sample(points, count):
    """COUNT of POINTS, spread over all of them; all in a full sweep."""
    if FULL or count >= len(points):
        return points
    chosen = random.Random(SEED).sample(range(len(points)), count)
    return [points[i] for i in sorted(chosen)]


def sweep(stage, scenes, per_scene, faults_of, try_one):
    """TRY_ONE(scene, point, fault) at PER_SCENE points of each of SCENES (all in a full sweep), for each of FAULTS_OF(point).

    All that fails is told, not the first alone. {what TRY_ONE gave: how often}.
    """
    outcomes, wrong = collections.Counter(), []
    # Several at a time: exchanging a pair waits for its readers, and so does a test of it.
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for label, old in scenes:
            scene = stage.scene(label, old)
            tries = [(point, fault) for point in scene.points for fault in faults_of(point)]
            running = {pool.submit(try_one, scene, point, fault): (point, fault) for point, fault in sample(tries, per_scene)}
            for future in concurrent.futures.as_completed(running):
                point, fault = running[future]
                try:
                    outcomes[future.result()] += 1
                except (AssertionError, OSError, KeyError, subprocess.SubprocessError) as error:
                    outcomes["wrong"] += 1
                    wrong.append(f"{label}{', over an older state' if old else ''}: {fault} at {point.name} {point.number} "
                                 f"({point.arguments[:80]})\n    {str(error)[:700]}")
                    print(wrong[-1], flush=True)  # a full sweep is long
            print(f"{label} {'old' if old else 'cold'}: {len(scene.points)} points; so far {dict(outcomes)}", flush=True)
            shutil.rmtree(scene.base)
    assert not wrong, f"{dict(outcomes)}\n" + "\n".join(wrong)
    return outcomes
