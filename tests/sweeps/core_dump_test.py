"""No private key and no passphrase gets out of kplan's memory: not by a core dump, not by another process of the same user.

Each command that has a key in its memory gets SIGQUIT at system calls of its own, with `ulimit -c unlimited`, and no core
that is left behind may have a key in it. By default at a few calls of each; KPLAN_SWEEP=full takes every one.
"""

import os
import pathlib
import re
import resource
import signal
import subprocess

import harness
import pytest

FULL = os.environ.get("KPLAN_SWEEP") == "full"
PASSPHRASE = "correct-horse-battery-staple"

SPEC = """
hosts: {w: {root: ./r, service-manager: none}}
ca: {CN: sealed, key: {algo: ecdsa, size: 256, passphrase-file: ca.passphrase}}
cas:
  given: {cert: given.pem, key: given-key.pem}
certs:
  web:
    key: {algo: ecdsa}
    hosts: [web.example.com]
    files: [chain, bundle]
    pkcs12: {passphrase-file: ca.passphrase}
  gone: {key: {algo: ecdsa}, hosts: [gone.example.com]}
  signed: {ca: given, key: {algo: ecdsa}, hosts: [signed.example.com]}
revoked:
  - {cert: gone, date: 2026-11-22T10:00:00Z}
services:
  web:
    command: [/bin/true]
    certs:
      - {name: web, cert: /etc/web/web.pem, key: /etc/web/web-key.pem}
      - {name: web, cert: /etc/web/bundle.pem, include: bundle}
"""

ELSEWHERE = """
hosts: {h: {ssh: somebody@localhost, root: /tmp/h, service-manager: none}}
services: {a: {command: [/bin/true], files: {/etc/a: {content: a}}}}
"""

# What is made again: by its label, the files that are taken away before. A CA's key is made once.
STEPS = {
    "key/web": ["pki/web-key.pem"],
    "ca/csr": ["pki/ca.csr"],
    "ca/cert": ["pki/ca.pem"],
    "csr/web": ["pki/web.csr"],
    "cert/web": ["pki/web.pem"],
    "cert/signed": ["pki/signed.pem"],
    "bundle/web": ["pki/web-bundle.pem"],
    "pkcs12/web": ["pki/web.p12"],
    "ca/crl": ["pki/ca-crl.pem", "pki/ca.crl"],
    "ca/given/cert": ["pki/given.pem"],
    "file/w/etc/web/web.pem": ["r/etc/web/web.pem", "r/etc/web/web-key.pem"],
    "file/w/etc/web/bundle.pem": ["r/etc/web/bundle.pem"],
    # No step: what looks at keys.
    "plan": ["r/etc/web/web.pem", "r/etc/web/web-key.pem", "r/etc/web/bundle.pem"],
}

# Calls at which keys are in memory: reading one, and whatever comes after that.
CALLS = ["read", "close", "openat", "write", "pwrite64", "fsync", "fchmod", "renameat2", "fstat", "newfstatat", "brk", "exit_group"]


def run(argv, folder, **kwargs):
    return subprocess.run([str(word) for word in argv], cwd=folder, capture_output=True, check=False, timeout=120, **kwargs)


def unlimit():
    limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))


def why_not():
    """Why no core can be looked for here; "" when it can."""
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text(encoding="ascii").strip()
    if pattern.startswith("|") or "/" in pattern:
        return f"cores go to {pattern}"
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        return "cores are limited here"
    try:
        ran = run(["strace", "-f", "-o", "/dev/null", "-e", "inject=getppid:error=EIO", "true"], "/")
    except FileNotFoundError:
        return "there is no strace"
    return "" if ran.returncode == 0 else "strace cannot trace here"


cores = pytest.mark.skipif(bool(why_not()), reason=why_not() or "none")


def secrets_of(key, passphrase=None):
    """What is in memory when the P-256 key in the file KEY is: its number, as it is written and as OpenSSL holds it, and its PEM."""
    words = ["-passin", f"pass:{passphrase}"] if passphrase else []
    opened = run(["openssl", "pkey", "-in", key, "-noout", "-text", *words], "/")
    assert opened.returncode == 0, opened.stderr
    digits = re.search(r"priv:\s*([0-9a-f:\s]+)", opened.stdout.decode()).group(1)
    number = bytes.fromhex(re.sub(r"[:\s]", "", digits))[-32:]
    lines = [line for line in pathlib.Path(key).read_bytes().splitlines() if len(line) == 64 and b" " not in line]
    # The text of one that is sealed is for everybody; a line end may be gone where it is taken apart.
    return [number, number[::-1], *([] if passphrase else lines[:1])]


@pytest.fixture(scope="module")
def project():
    folder = harness.make_folder("cores")
    given = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=given -keyout given-key.pem -out given.pem"
    made = run(["openssl", "req", "-x509", *given.split(), "-addext", "keyUsage=critical,keyCertSign,cRLSign"], folder)
    assert made.returncode == 0, made.stderr
    passphrase = folder / "ca.passphrase"
    passphrase.write_text(PASSPHRASE + "\n", encoding="ascii")
    passphrase.chmod(0o600)
    it = harness.Project(folder, harness.Here(), harness.KPLAN)
    it.spec = SPEC
    it.gen_and_ninja().ok()
    return it


def secrets(project):
    """All that no core may have. Keys are made again in between."""
    found = [PASSPHRASE.encode()]
    found += secrets_of(project.path("pki/ca-key.pem"), PASSPHRASE)
    for name in ("pki/web-key.pem", "pki/signed-key.pem", "given-key.pem"):
        if project.path(name).exists():
            found += secrets_of(project.path(name))
    return found


def command_of(project, what):
    if what == "plan":
        return [project.kplan, "plan", "cluster.yaml"]
    lines = project.run("ninja", "-t", "commands", what).ok().out.splitlines()
    return lines[-1].split()


def prepare(project, what):
    """Leaves something to do: ninja makes what an earlier try took away, and then what WHAT makes is taken away."""
    project.ninja().ok()
    for name in STEPS[what]:
        project.path(name).unlink()
    for core in project.outside.glob("core*"):
        core.unlink()


def calls_of(project, what, command):
    """{name: how often WHAT makes that system call}."""
    prepare(project, what)
    log = project.path("calls")
    run(["strace", "-f", "-qq", "-s", "0", "-o", log, "-e", "signal=none", *command], project.outside)
    counts = {}
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        name = re.match(r"\d+\s+(\w+)\(", line)
        if name and name.group(1) in CALLS:
            counts[name.group(1)] = counts.get(name.group(1), 0) + 1
    assert counts, log.read_text(encoding="utf-8")
    return counts


def points(counts):
    for name, count in sorted(counts.items()):
        chosen = range(1, count + 1) if FULL else sorted({count, count - count // 3})
        yield from ((name, number) for number in chosen if number > 0)


@cores
@pytest.mark.parametrize("what", STEPS)
def test_no_core_has_a_key(project, what):
    command = command_of(project, what)
    tried = 0
    for name, number in points(calls_of(project, what, command)):
        prepare(project, what)
        inject = ["-e", f"trace={name}", "-e", f"inject={name}:signal=QUIT:when={number}"]
        ran = run(["strace", "-f", "-qq", "-o", "/dev/null", *inject, *command], project.outside, preexec_fn=unlimit)
        tried += ran.returncode in (-3, 131)
        for core in project.outside.glob("core*"):
            dump = core.read_bytes()
            core.unlink()
            for secret in secrets(project):
                assert secret not in dump, f"{what}: the core after {name} number {number} has a key or a passphrase in it"
    # What never died was never tried.
    assert tried > 2, tried


# That the test above can fail: another program of the same user is dumped, and what is in its memory is found.
@cores
def test_a_core_is_found(tmp_path):
    run(["python3", "-c", "import os; secret = 'in' + '-the-memory'; os.kill(os.getpid(), 3)"], tmp_path, preexec_fn=unlimit)
    found = list(tmp_path.glob("core*"))
    assert found and b"in-the-memory" in found[0].read_bytes()


# Whatever takes the cores, a pipe too, gets none of a process that is not dumpable; nor does who asks the kernel.
def test_nobody_of_the_same_user_looks_into_an_agent():
    if os.geteuid() != 0:
        pytest.skip("only root can start it as another user, and look")
    folder = harness.make_folder("agent", harness.NOBODY)
    program = folder / "kplan"
    harness.copy_file(harness.KPLAN, program, 0o755, harness.NOBODY)
    who = {"user": harness.NOBODY, "group": harness.NOBODY, "extra_groups": []}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([program, "agent"], cwd=folder, preexec_fn=unlimit, **pipes, **who) as process:
        try:
            # Its first words: it is beyond the beginning of main().
            assert process.stdout.readline()
            for name in ("mem", "maps", "environ"):
                ran = run(["cat", f"/proc/{process.pid}/{name}"], "/", **who)
                assert ran.returncode != 0 and b"Permission denied" in ran.stderr, (name, ran)
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout=60)
    assert process.returncode == -signal.SIGQUIT
    assert list(folder.iterdir()) == [program]


# What kplan starts is as any other program again: an etcd may leave a core. A process that may not be dumped has its files below
# /proc owned by root.
def test_what_it_starts_may_dump():
    if os.geteuid() != 0:
        pytest.skip("only root can start it as another user, and look")
    folder = harness.make_folder("starts", harness.NOBODY)
    harness.copy_file(harness.KPLAN, folder / "kplan", 0o755, harness.NOBODY)
    script = f"#!/bin/sh\nulimit -c >{folder}/limit\nstat -c %u /proc/$$/mem >{folder}/owner\nexit 255\n"
    for name, text in {"ssh": script, "cluster.yaml": ELSEWHERE}.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "ssh").chmod(0o755)

    def limit():
        resource.setrlimit(resource.RLIMIT_CORE, (4096, 4096))

    env = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder)}
    for argv in ([folder / "kplan", "gen", "cluster.yaml"], ["ninja"]):
        ran = run(argv, folder, env=env, preexec_fn=limit, user=harness.NOBODY, group=harness.NOBODY, extra_groups=[])
    assert b"host/h" in ran.stdout, ran
    assert (folder / "limit").read_text(encoding="ascii").strip() == "8", "in blocks of 512 bytes"
    assert (folder / "owner").read_text(encoding="ascii").strip() == str(harness.NOBODY)
