"""Two runs at once, and folders, specs and environments as people have them.

Whatever runs beside what, no key is lost or torn, and the next run completes. Who is told what, and what becomes of
ninja's logs, is in two_ninjas_test.py.
"""

import hashlib
import os
import shutil
import stat
import subprocess
import time

import pytest

import harness

SPEC = """\
hosts:
  worker: {root: rootfs, service-manager: none}
  spare: {root: spare, service-manager: none}
ca: {CN: authority, key: {algo: ecdsa, size: 256}}
certs:
  kubernetes: {key: {algo: ecdsa, size: 256}, hosts: [127.0.0.1]}
  each: {key: {algo: ecdsa, size: 256}, per: host, hosts: [$name]}
etcd:
  version: 3.4.23
  archive: {path: etcd.tar.gz, sha256: @DIGEST@}
  cert: kubernetes
  members: [worker]
"""
AT_WORK = ("another ninja or kplan is at work in this folder", "is being written by another process")


class Project(harness.Project):
    """A project of files only, with an environment and a umask of its own."""

    environment = None
    umask = -1

    def start(self, *argv, cwd=None, **kwargs):
        identity = {} if os.geteuid() != 0 else {"user": harness.NOBODY, "group": harness.NOBODY, "extra_groups": []}
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | identity | kwargs
        return subprocess.Popen(
            [str(word) for word in argv], cwd=cwd or self.folder, text=True, umask=self.umask,
            env=environment if self.environment is None else self.environment, **options)

    def run(self, *argv, timeout=120, **kwargs):
        process = self.start(*argv, **kwargs)
        out, err = process.communicate(timeout=timeout)
        return harness.Ran(process.returncode, out or "", err or "")

    def ca_key(self):
        """The digest of the CA key, whole; "" when there is none."""
        try:
            text = self.path("pki/ca-key.pem").read_bytes()
        except FileNotFoundError:
            return ""
        assert text.startswith(b"-----BEGIN EC PRIVATE KEY-----\n") and text.endswith(b"-----END EC PRIVATE KEY-----\n"), text
        return hashlib.sha256(text).hexdigest()


def archive_of(folder):
    """A small archive in the form of an etcd release: nothing here runs it."""
    top = folder / "etcd-v3.4.23-linux-amd64"
    top.mkdir()
    for name in ("etcd", "etcdctl"):
        (top / name).write_text(f"#!/bin/sh\necho {name}\n", encoding="ascii")
    subprocess.run(["tar", "-czf", folder / "etcd.tar.gz", "-C", folder, top.name], check=True)
    shutil.rmtree(top)
    return harness.sha256(folder / "etcd.tar.gz")


def make(name="project"):
    base = harness.make_folder("runs", owner=harness.NOBODY)
    folder = base / name
    folder.mkdir()
    digest = archive_of(folder)
    harness.copy_file(harness.KPLAN, base / "kplan", mode=0o755)
    project = Project(folder, None, base / "kplan")
    project.spec = SPEC.replace("@DIGEST@", digest)
    if os.geteuid() == 0:
        for path in (folder, folder / "etcd.tar.gz", folder / "cluster.yaml"):
            os.chown(path, harness.NOBODY, harness.NOBODY)
    return base, project


@pytest.fixture(name="project")
def fixture_project():
    base, project = make()
    yield project
    subprocess.run(["chmod", "-R", "u+w", base], check=True)
    shutil.rmtree(base)


def check_whole(project):
    """Every key and certificate is whole, wherever it is."""
    for folder in ("pki", "rootfs", "spare"):
        for path in project.path(folder).rglob("*.pem"):
            text = path.read_text(encoding="ascii")
            assert text.startswith("-----BEGIN ") and text.endswith("-----\n") and text.count("-----") == 4, (path, text)


def check_copies(project):
    """What is on the hosts is what was signed. Not so right after two runs at once: both may have signed."""
    for root in ("rootfs", "spare"):
        for path in project.path(root).rglob("etc/etcd/*.pem"):
            assert path.read_bytes() == project.path("pki/" + path.name).read_bytes(), path


def check_complete(project):
    """One more run completes, the certificates fit the CA, and then there is nothing to do and nothing left over."""
    project.gen_and_ninja().ok()
    for name in ("kubernetes", "worker/each", "spare/each"):
        project.run("openssl", "verify", "-CAfile", "pki/ca.pem", f"pki/{name}.pem").ok()
        key = project.run("openssl", "pkey", "-in", f"pki/{name}-key.pem", "-pubout").ok().out
        assert project.run("openssl", "x509", "-in", f"pki/{name}.pem", "-noout", "-pubkey").ok().out == key
    check_whole(project)
    check_copies(project)
    project.ninja().ok()
    assert project.gen_and_ninja().no_work
    assert not list(project.outside.rglob("*.kplan-tmp"))


def finish(process):
    out, err = process.communicate(timeout=120)
    return harness.Ran(process.returncode, out, err)


def check_ended_well(ran):
    """It completed, or says that another one is at work."""
    text = ran.out + ran.err
    assert ran.code == 0 or any(sentence in text for sentence in AT_WORK), ran


def watch(project, processes):
    """Until PROCESSES have ended, the CA key is there or not, and once there never another; its digest."""
    seen = [""]
    while any(process.poll() is None for process in processes):
        key = project.ca_key()
        if key != seen[-1]:
            seen.append(key)
        time.sleep(0.0005)  # how often to look
    assert len(seen) <= 2, f"another CA key: {seen}"
    return seen[-1]


@pytest.mark.parametrize("commands", [
    ("ninja", "ninja"),
    ("gen", "gen"),
    ("gen && ninja", "gen && ninja"),
    ("gen", "ninja"),
    ("ninja", "ninja", "gen", "ninja ca/key"),
])
def test_at_the_same_time(project, commands):
    """Cold, many rounds: the CA key appears once and stays, nothing is torn."""
    completed = 0
    for _ in range(12):
        project.run("rm", "-rf", "pki", "rootfs", "spare", ".kplan", "build.ninja", "archives", "rendered").ok()
        if "gen && ninja" not in commands:
            project.gen().ok()
        shell = [command.replace("gen", f"{project.kplan} gen cluster.yaml") for command in commands]
        processes = [project.start("sh", "-c", command) for command in shell]
        key = watch(project, processes)
        results = [finish(process) for process in processes]
        for ran in results:
            check_ended_well(ran)
        completed += sum(ran.code == 0 for ran in results)
        check_whole(project)
        key = key or project.ca_key()
        check_complete(project)
        assert not key or project.ca_key() == key
    assert completed >= 12, "in every round one completes"


def test_steps_at_the_same_time(project):
    """Without ninja's own order between them: the same step by eight processes is one key."""
    # An RSA key takes long enough that all of them find none and begin to make one.
    project.edit_spec("CN: authority, key: {algo: ecdsa, size: 256}", "CN: authority, key: {algo: rsa, size: 2048}")
    project.gen().ok()
    record = [line for line in project.ninja("-t", "commands", "ca/key").ok().out.splitlines() if " step " in line]
    assert len(record) == 1
    for _ in range(6):
        project.run("rm", "-rf", "pki").ok()
        processes = [project.start(*record[0].split()) for _ in range(8)]
        path, seen = project.path("pki/ca-key.pem"), set()
        while any(process.poll() is None for process in processes):
            if path.exists():
                seen.add(harness.sha256(path))
            time.sleep(0.0005)  # how often to look
        results = [finish(process) for process in processes]
        for ran in results:
            check_ended_well(ran)
        assert len(seen | {harness.sha256(path)}) == 1, "another CA key"
        stamp = project.path(".kplan/stamps/ca/key").read_text(encoding="ascii").strip()
        public = subprocess.run(
            ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], capture_output=True, check=True).stdout
        assert hashlib.sha256(public).hexdigest() == stamp, "every stamp is of the one key"
        assert sorted(os.listdir(project.path("pki"))) == ["ca-key.pem"]


def test_gen_while_ninja_runs(project):
    """A step that is at work is not overtaken by a gen with another spec."""
    project.gen().ok()
    project.run("mkfifo", "hold").ok()
    slow = project.path("slow-kplan")
    slow.write_text(f"#!/bin/sh\ncase $1-$3 in step-ca/key) flock -s .kplan/lock sh -c 'touch waiting; cat hold';; esac\nexec {project.kplan} \"$@\"\n",
                    encoding="utf-8")
    slow.chmod(0o755)
    project.run(project.kplan, "gen", "--kplan", slow, "cluster.yaml").ok()
    ninja = project.start("ninja")
    harness.wait_for("step that holds the lock", project.path("waiting").exists)
    before = harness.snapshot(project.path(".kplan/steps"), project.path("build.ninja"))
    project.edit_spec("authority", "other")
    ran = project.gen()
    assert ran.code == 1 and AT_WORK[0] in ran.err, ran
    assert harness.changes(before, harness.snapshot(project.path(".kplan/steps"), project.path("build.ninja"))) == {}
    project.run("sh", "-c", "echo >hold").ok()
    finish(ninja).ok()
    check_complete(project)
    assert "CN = other" in project.run("openssl", "x509", "-in", "pki/ca.pem", "-noout", "-subject").out


def test_read_only_folder(project):
    project.gen_and_ninja().ok()
    before = harness.snapshot(project.outside)
    project.run("chmod", "-R", "a-w", ".").ok()
    assert project.gen().code == 1
    assert project.run(project.kplan, "check", "cluster.yaml").code == 0, "check writes nothing"
    ran = project.ninja()
    assert ran.code != 0 and ("ermission denied" in ran.err + ran.out), ran
    project.run("chmod", "-R", "u+w", ".").ok()
    assert {path: entry.sha256 for path, entry in before.items()} == {
        path: entry.sha256 for path, entry in harness.snapshot(project.outside).items()}
    check_complete(project)


def test_read_only_before_the_first_run(project):
    project.run("chmod", "a-w", ".").ok()
    ran = project.gen()
    assert ran.code == 1 and "ermission denied" in ran.err and ".kplan" in ran.err, ran
    project.run("chmod", "u+w", ".").ok()
    check_complete(project)


@pytest.mark.parametrize("name", ["with space", "do$lar", "qu'ote", 'dou"ble', "new\nline", "col:on", "pi|pe", "größe", "-rf", "#", "$(touch PWNED)"])
def test_folder_with_a_name(name):
    """DIR may be called anything: build.ninja holds only paths relative to it."""
    base, project = make(name)
    try:
        check_complete(project)
        assert project.ca_key()
        # And named from outside.
        project.run("rm", "-rf", ".kplan", "build.ninja").ok()
        project.run(project.kplan, "gen", "-C", name if not name.startswith("-") else f"./{name}", f"./{name}/cluster.yaml", cwd=base).ok()
        check_complete(project)
        assert sorted(os.listdir(base)) == sorted([name, "kplan"])
    finally:
        shutil.rmtree(base)


@pytest.mark.parametrize("name", ["with space", "do$lar", "qu'ote", "new\nline", "größe", "a;b"])
def test_spec_and_program_with_a_name(project, name):
    """What has to stand in a command is plain, or refused before anything is written."""
    project.run("cp", "cluster.yaml", f"./{name}").ok()
    before = harness.snapshot(project.outside)
    for argv in ((project.kplan, "gen", f"./{name}"), (project.kplan, "gen", "--kplan", f"./{name}", "cluster.yaml")):
        ran = project.run(*argv)
        assert ran.code in (1, 64) and "has characters that cannot stand in a command" in ran.err, ran
        assert ran.err.count("\n") == 1, "the line end in the name is shown as one, not printed"
    assert harness.changes(before, harness.snapshot(project.outside)) == {}


def test_elsewhere(project):
    """-C another folder, the spec in a third: ninja regenerates from where they are."""
    project.run("mkdir", "-p", "specs/prod", "out").ok()
    project.run("mv", "cluster.yaml", "specs/prod/").ok()
    project.run("cp", "etcd.tar.gz", "out").ok()
    project.run(project.kplan, "gen", "-C", "out", "specs/prod/cluster.yaml").ok()
    assert sorted(os.listdir(project.outside)) == ["etcd.tar.gz", "out", "specs"]
    out = Project(project.folder / "out", None, project.kplan)
    out.ninja().ok()
    key = out.ca_key()
    assert key
    project.run("sed", "-i", "s/authority/other/", "specs/prod/cluster.yaml").ok()
    # From anywhere.
    ran = project.run("ninja", "-C", "out").ok()
    assert "ca/cert" in ran.edges and "ca/key" not in ran.edges
    project.run("ninja", "-C", project.folder / "out", cwd="/").ok()
    assert out.ca_key() == key
    assert sorted(os.listdir(project.outside)) == ["etcd.tar.gz", "out", "specs"]


def artifacts(project):
    return harness.snapshot(project.path("pki"), project.path("rootfs"), project.path("spare"))


def remove_build(project):
    project.path("build.ninja").unlink()


def remove_shard(project):
    project.path(".kplan/steps/worker.json").unlink()


def edit_shard(project):
    path = project.path(".kplan/steps/shared.json")
    path.write_text(path.read_text(encoding="utf-8").replace("authority", "evil"), encoding="utf-8")


def empty_shard(project):
    project.path(".kplan/steps/shared.json").write_bytes(b"")


def stale_stamp(project):
    project.path(".kplan/gen.stamp").write_text("0" * 64 + "\n", encoding="ascii")


def garbage_stamp(project):
    project.path(".kplan/gen.stamp").write_bytes(b"\0\xff" * 5000)


def remove_stamp(project):
    project.path(".kplan/gen.stamp").unlink()


def edit_build(project):
    with open(project.path("build.ninja"), "a", encoding="utf-8") as file:
        file.write("# an edit\n")


def garbage_logs(project):
    for name in (".ninja_log", ".ninja_deps"):
        project.path(f".kplan/{name}").write_bytes(b"\0garbage\xff\n" * 100)


def foreign_shard(project):
    project.path(".kplan/steps/gone.json").write_text("{}\n", encoding="ascii")


@pytest.mark.parametrize("damage", [
    remove_build, remove_shard, edit_shard, empty_shard, stale_stamp, garbage_stamp, remove_stamp, edit_build, garbage_logs,
    foreign_shard])
def test_damaged_bookkeeping(project, damage):
    project.gen_and_ninja().ok()
    steps = harness.snapshot(project.path(".kplan/steps"))
    build = project.path("build.ninja").read_bytes()
    before = artifacts(project)
    damage(project)
    # Plain ninja mends it by itself, as long as it has a build.ninja.
    if damage is not remove_build:
        project.ninja().ok()
    project.gen_and_ninja().ok()
    assert {path: entry.sha256 for path, entry in harness.snapshot(project.path(".kplan/steps")).items()} == {
        path: entry.sha256 for path, entry in steps.items()}
    assert project.path("build.ninja").read_bytes() == build
    assert harness.changes(before, artifacts(project)) == {}
    check_complete(project)


def test_edited_shard_runs_no_step(project):
    """The digest in the command is the record's: another record is refused, also without a gen before."""
    project.gen().ok()
    commands = [line for line in project.ninja("-t", "commands").ok().out.splitlines() if " ca/cert " in line]
    project.run("sh", "-c", [line for line in project.ninja("-t", "commands", "ca/key").out.splitlines() if " step " in line][0]).ok()
    edit_shard(project)
    ran = project.run(*commands[0].split())
    assert ran.code == 1 and "has another record of it than build.ninja was written for" in ran.err, ran
    assert not project.path("pki/ca.pem").exists()


def test_host_that_goes(project):
    project.gen_and_ninja().ok()
    key = project.ca_key()
    assert sorted(os.listdir(project.path(".kplan/steps"))) == ["shared.json", "spare.json", "worker.json"]
    project.edit_spec("  spare: {root: spare, service-manager: none}\n", "")
    project.ninja().ok()
    assert sorted(os.listdir(project.path(".kplan/steps"))) == ["shared.json", "worker.json"]
    assert "spare" not in project.path("build.ninja").read_text(encoding="utf-8")
    assert project.path("pki/spare/each.pem").exists(), "what was made stays until somebody removes it"
    project.ninja("-t", "cleandead").ok()
    assert project.path("pki/spare/each-key.pem").exists()
    assert project.ca_key() == key
    assert project.gen_and_ninja().no_work


def test_spec_that_goes(project):
    project.gen_and_ninja().ok()
    before = artifacts(project)
    spec = project.spec
    project.path("cluster.yaml").unlink()
    ran = project.gen()
    assert ran.code == 1 and "cluster.yaml" in ran.err and "No such file" in ran.err, ran
    ran = project.ninja()
    assert ran.code != 0 and "cluster.yaml" in ran.out + ran.err, ran
    assert harness.changes(before, artifacts(project)) == {}
    project.spec = spec.replace("authority", "[")
    ran = project.ninja()
    assert ran.code != 0 and "cluster.yaml:" in ran.out + ran.err, ran
    assert harness.changes(before, artifacts(project)) == {}
    project.spec = spec
    check_complete(project)


@pytest.mark.parametrize("closed", ["1", "2", "1 2", "0 1 2"])
def test_closed_streams(project, closed):
    """With no stdout the first file opened is descriptor 1: what is printed must not land in a key."""
    close = " ".join(f"{fd}<&-" if fd == "0" else f"{fd}>&-" for fd in closed.split())
    project.run("sh", "-c", f"{project.kplan} gen cluster.yaml {close}", timeout=60)
    project.gen().ok()
    commands = [line for line in project.ninja("-t", "commands").ok().out.splitlines() if " step " in line]
    for command in commands:
        ran = project.run("sh", "-c", f"{command} {close}")
        assert ran.code in (0, 1), ran
    check_whole(project)
    for path in [*project.path("pki").rglob("*"), *project.path(".kplan").rglob("*")]:
        if path.is_file() and path.stat().st_size < 100_000:
            text = path.read_bytes()
            assert b"changed (" not in text and b"kplan: " not in text, path
    project.run("rm", "-rf", ".kplan", "build.ninja").ok()
    key = project.ca_key()
    check_complete(project)
    assert key in ("", project.ca_key())


def test_full_stdout(project):
    with open("/dev/full", "w", encoding="ascii") as full:
        process = project.start(project.kplan, "gen", "cluster.yaml", stdout=full, stderr=subprocess.PIPE)
        process.communicate(timeout=60)
    check_complete(project)


@pytest.mark.parametrize("environment", [
    {},
    {"HOME": "/nowhere"},
    {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    {"LC_ALL": "C"},
    {"LC_ALL": "nonsense"},
    {"TZ": "Pacific/Kiritimati"},
    {"TZ": ":/etc/passwd"},
    {"TZ": "XXX+23:59:59"},
    {"OPENSSL_CONF": "/dev/full", "SSL_CERT_FILE": "/nowhere"},
    {"TMPDIR": "/nowhere"},
    {"POSIXLY_CORRECT": "1"},
    {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"},
    {"NINJA_STATUS": "$(touch PWNED) "},
])
def test_environment(project, environment):
    """No environment variable changes what is generated, or the certificates' times."""
    project.gen().ok()
    build = harness.snapshot(project.path("build.ninja"), project.path(".kplan/steps"))
    project.environment = {"PATH": os.environ["PATH"]} | environment
    project.gen().ok()
    assert harness.changes(build, harness.snapshot(project.path("build.ninja"), project.path(".kplan/steps"))) == {}
    project.ninja().ok()
    begin = subprocess.run(
        ["openssl", "x509", "-in", project.path("pki/ca.pem"), "-noout", "-startdate", "-dateopt", "iso_8601"],
        capture_output=True, check=True, text=True).stdout.strip()
    # notBefore: now, rounded to the minute, less five minutes.
    now = time.time()
    expected = [time.strftime("notBefore=%Y-%m-%d %H:%M:%SZ", time.gmtime(now - 300 + 60 * shift - now % 60)) for shift in (-1, 0, 1)]
    assert begin in expected
    assert not list(project.outside.rglob("*PWNED*"))
    project.ninja().ok()
    assert project.ninja().no_work


@pytest.mark.parametrize("umask", [0o077, 0o000, 0o027])
def test_umask(project, umask):
    """Modes on the host, of keys and of certificates are kplan's, whatever the umask of the one who runs it."""
    project.umask = umask
    project.gen().ok()
    project.ninja().ok()
    mode = lambda path: stat.S_IMODE(os.lstat(project.path(path)).st_mode)
    for key in ("pki/ca-key.pem", "pki/kubernetes-key.pem", "pki/worker/each-key.pem", "rootfs/etc/etcd/kubernetes-key.pem"):
        assert mode(key) == 0o600, key
    for public in ("pki/ca.pem", "pki/kubernetes.pem", "rootfs/etc/etcd/ca.pem", "rootfs/etc/etcd/kubernetes.pem",
                   "rootfs/etc/systemd/system/etcd.service"):
        assert mode(public) == 0o644, public
    assert mode("rootfs/usr/local/bin/etcd") == 0o755
    for folder in ("rootfs/etc", "rootfs/etc/etcd", "rootfs/usr/local/bin", "rootfs/etc/systemd/system"):
        assert mode(folder) == 0o755, folder
    assert mode("rootfs/var/lib/etcd") == 0o700
    for path in project.outside.rglob("*"):
        assert not stat.S_IMODE(os.lstat(path).st_mode) & 0o022 or os.path.islink(path) or path.name in (
            ".ninja_log", ".ninja_deps", ".ninja_lock", "cluster.yaml", "etcd.tar.gz") or "stamps" in path.parts or "deps" in path.parts, path
    project.umask = -1
    check_complete(project)
