"""Leftovers: what earlier plans made and this one does not have is listed, and `kplan prune` removes it, and nothing else."""

import json
import os
import pathlib
import pty
import random
import re
import shutil
import signal
import stat
import subprocess
import time

import pytest

import cluster as clusters
import harness
import systemd_host

FULL = os.environ.get("KPLAN_SWEEP") == "full"

SPEC = """\
hosts:
  a: {root: ./a, service-manager: none}
  b: {root: ./b, service-manager: none}
ca: {CN: ca, key: {algo: ecdsa, size: 256}}
certs:
  kubernetes: {key: {algo: ecdsa, size: 256}, hosts: [127.0.0.1]}
  peer: {per: host, key: {algo: ecdsa, size: 256}, hosts: [$name]}
  extra: {key: {algo: ecdsa, size: 256}, hosts: [extra, 127.0.0.1], files: [chain, bundle]}
etcd:
  version: 3.4.23
  archive: {path: etcd.tar.gz, sha256: @DIGEST@}
  members: [a]
  cert: kubernetes
"""

HOST_B = "  b: {root: ./b, service-manager: none}\n"
EXTRA = "  extra: {key: {algo: ecdsa, size: 256}, hosts: [extra, 127.0.0.1], files: [chain, bundle]}\n"
ETCD = SPEC[SPEC.index("etcd:\n"):]


class Files:
    """A project of files only: two hosts in folders, an archive whose etcd is a text."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.project = harness.Project(folder, harness.Here(), harness.KPLAN)
        top = self.folder / "etcd-v3.4.23-linux-amd64"
        top.mkdir(parents=True)
        for name in ("etcd", "etcdctl"):
            (top / name).write_text(f"{name}\n", encoding="ascii")
        subprocess.run(["tar", "-czf", self.folder / "etcd.tar.gz", "-C", self.folder, top.name], check=True)
        shutil.rmtree(top)
        self.project.spec = self.etcd(SPEC)

    def etcd(self, text):
        return text.replace("@DIGEST@", harness.sha256(self.folder / "etcd.tar.gz"))

    def without(self, *parts):
        for part in parts:
            self.project.edit_spec(self.etcd(part), "")

    def prune(self, *options):
        return self.project.run(self.project.kplan, "prune", *options)

    def listed(self):
        """({key: what} that would go, {key: why} that stays)."""
        ran = self.prune("--json")
        assert ran.code in (0, 1), ran
        found = json.loads(ran.out)
        return {it["key"]: it["what"] for it in found["remove"]}, {it["key"]: it["why"] for it in found["keep"]}

    def snapshot(self):
        return harness.snapshot(*(self.folder / name for name in ("a", "b", "pki", "archives", "rendered", "etcd.tar.gz")))

    def files(self, *roots):
        """All files and folders but kplan's notes."""
        return {str(path.relative_to(self.folder)) for root in roots or (".",) for path in (self.folder / root).rglob("*")
                if not str(path.relative_to(self.folder)).startswith((".kplan", "build.ninja", "cluster.yaml"))}


@pytest.fixture(name="it")
def fixture_it(tmp_path):
    files = Files(tmp_path / "project")
    files.project.gen_and_ninja().ok()
    return files


def test_nothing_is_left_over(it):
    ran = it.prune().ok()
    assert ran.out == "nothing to remove\n" and ran.err == ""
    assert json.loads(it.prune("--json").ok().out) == {"keep": [], "remove": []}
    assert not it.project.path(".kplan/leftovers.json").exists()


def test_host_removed(it):
    """The host that runs etcd goes: shown by host, nothing happens without --yes, then all of it goes but its data."""
    it.project.path("a/var/lib/etcd/member").mkdir()
    it.project.spec = it.project.spec[:it.project.spec.index("etcd:\n")].replace("  a: {root: ./a, service-manager: none}\n", "")
    before = it.snapshot()
    it.project.gen().ok()
    shown = it.prune()
    assert shown.code == 1 and "--yes removes them" in shown.err
    assert harness.changes(before, it.snapshot()) == {}
    assert shown.out.startswith("a\n") and "\nshared\n" in shown.out
    text = re.sub(r"  +", "  ", shown.out)
    assert "  remove  file/a/etc/etcd/ca.pem  ./a/etc/etcd/ca.pem\n" in text
    assert "  keep  dir/a/var/lib/etcd  ./a/var/lib/etcd: it is not empty: its data is yours\n" in text
    order = [line.split()[1] for line in shown.out.splitlines() if line.startswith("  remove")]
    assert order.index("unit/a/etcd") < order.index("file/a/etc/etcd/ca.pem") < order.index("key/a/peer")

    done = it.prune("--yes").ok()
    assert "removed " in done.out
    assert it.files("a") == {"a/etc", "a/etc/systemd", "a/etc/systemd/system", "a/usr", "a/usr/local", "a/usr/local/bin",
                             "a/var", "a/var/lib", "a/var/lib/etcd", "a/var/lib/etcd/member"}
    # The CA and the other host's certificate are in the plan; the given archive is not ours, what came out of it is.
    assert it.files("pki") == {f"pki/{name}" for name in (
        "ca.pem", "ca-key.pem", "ca.csr", "kubernetes.pem", "kubernetes-key.pem", "kubernetes.csr", "extra.pem", "extra-key.pem",
        "extra.csr", "extra-chain.pem", "extra-bundle.pem", "b", "b/peer.pem", "b/peer-key.pem", "b/peer.csr")}
    assert it.files("archives") == it.files("rendered") == set()
    assert it.project.path("etcd.tar.gz").exists()
    assert "dir/a/var/lib/etcd" in it.listed()[1]

    assert it.prune().ok().out.endswith("\nnothing to remove, 1 stays\n")
    assert it.prune("--yes").ok().out.endswith("\nnothing to remove, 1 stays\n")
    it.project.ninja().ok()
    it.project.path("a/var/lib/etcd/member").rmdir()
    assert list(it.listed()[0]) == ["dir/a/var/lib/etcd"]
    it.prune("--yes").ok()
    assert it.prune().ok().out == "nothing to remove\n"


def test_the_host_comes_back(it):
    whole = it.project.spec
    before = it.files("a", "b", "pki", "rendered", "archives")
    it.without(HOST_B, EXTRA)
    it.project.gen().ok()
    assert set(it.listed()[0]) == {"key/b/peer", "csr/b/peer", "cert/b/peer", "key/extra", "csr/extra", "cert/extra",
                                   "chain/extra", "bundle/extra"}
    # Back before anything was pruned, nothing is made anew.
    keys = it.project.path("pki/extra-key.pem").read_bytes()
    it.project.spec = whole
    assert it.project.gen_and_ninja().ok()
    assert it.project.path("pki/extra-key.pem").read_bytes() == keys
    assert not it.project.path(".kplan/leftovers.json").exists()
    # After it, everything is.
    it.without(HOST_B, EXTRA)
    it.project.gen().ok()
    it.prune("--yes").ok()
    assert not it.project.path("pki/extra-key.pem").exists() and not it.project.path("pki/b").exists()
    it.project.spec = whole
    it.project.gen_and_ninja().ok()
    assert it.files("a", "b", "pki", "rendered", "archives") == before
    assert it.project.path("pki/extra-key.pem").read_bytes() != keys
    assert it.project.ninja().no_work


def test_etcd_removed(it):
    it.without(ETCD)
    it.project.gen().ok()
    it.prune("--yes").ok()
    assert it.files("a") == {"a/etc", "a/etc/systemd", "a/etc/systemd/system", "a/usr", "a/usr/local", "a/usr/local/bin", "a/var",
                             "a/var/lib"}
    assert it.project.path("etcd.tar.gz").exists() and not it.project.path("archives").exists()
    assert it.prune().ok().out == "nothing to remove\n"


def test_root_of_a_host_changed(it):
    it.project.edit_spec("root: ./a", "root: ./new")
    it.project.gen().ok()
    remove, keep = it.listed()
    # The files of ./a are nobody's at once: the service of the new root is another one.
    assert keep == {}
    assert set(remove) >= {"file/a/etc/etcd/ca.pem@./a", "unit/a/etcd@./a", "dir/a/var/lib/etcd@./a", "file/a/usr/local/bin/etcd@./a"}
    it.project.ninja().ok()
    assert it.listed() == (remove, {})
    new = harness.snapshot(it.folder / "new")
    it.prune("--yes").ok()
    assert it.files("a") == {"a/etc", "a/etc/systemd", "a/etc/systemd/system", "a/usr", "a/usr/local", "a/usr/local/bin", "a/var",
                             "a/var/lib"}
    assert harness.changes(new, harness.snapshot(it.folder / "new")) == {}
    it.project.ninja().ok()  # files newer than stamps whose content stayed: one more cheap pass
    assert it.project.ninja().no_work


def test_another_certificate_for_etcd(it):
    """The old pair stays as long as etcd may read it."""
    it.project.edit_spec("cert: kubernetes", "cert: extra")
    it.project.gen().ok()
    assert it.listed() == ({}, {"file/a/etc/etcd/kubernetes.pem": "service/a/etcd may still use it; run ninja first"})
    it.project.ninja().ok()
    assert it.listed()[0] == {"file/a/etc/etcd/kubernetes.pem": ["./a/etc/etcd/kubernetes-key.pem", "./a/etc/etcd/kubernetes.pem"]}
    it.prune("--yes").ok()
    assert sorted(os.listdir(it.folder / "a/etc/etcd")) == ["ca.pem", "extra-key.pem", "extra.pem"]
    assert it.project.ninja().no_work


def test_a_cas_key_is_kept_and_named(tmp_path):
    it = Files(tmp_path / "project")
    it.project.spec = """\
ca: {CN: ca, key: {algo: ecdsa, size: 256}}
cas: {other: {CN: other, key: {algo: ecdsa, size: 256}}, sub: {CN: sub, issuer: ca, key: {algo: ecdsa, size: 256}}}
certs: {x: {ca: other, key: {algo: ecdsa, size: 256}, hosts: [x]}, y: {key: {algo: ecdsa, size: 256}, hosts: [y]}}
"""
    it.project.gen_and_ninja().ok()
    before = harness.snapshot(it.folder / "pki")
    it.project.spec = "ca: {CN: ca, key: {algo: ecdsa, size: 256}}\ncerts: {y: {key: {algo: ecdsa, size: 256}, hosts: [y]}}\n"
    it.project.gen().ok()
    never = "a CA's key is never removed"
    shown = it.prune()
    assert f"  keep    ca/other/key   pki/other-key.pem: {never}\n" in shown.out, shown.out
    assert it.listed()[1] == {
        "ca/other/key": never, "ca/other/cert": "a CA's certificate is never removed",
        "ca/sub/key": never, "ca/sub/cert": "a CA's certificate is never removed"}
    it.prune("--yes").ok()
    gone = {path for path, what in harness.changes(before, harness.snapshot(it.folder / "pki")).items() if what == "gone"}
    assert gone == {str(it.folder / "pki" / name) for name in ("x.pem", "x-key.pem", "x.csr", "other.csr", "sub.csr")}
    assert it.prune("--yes", "--edited", "ca/other/key").ok().out.endswith("nothing to remove, 4 stay\n")
    assert it.project.path("pki/other-key.pem").exists()


def test_an_edited_file_stays_unless_it_is_named(it):
    it.without(ETCD)
    it.project.gen().ok()
    path = it.project.path("a/etc/etcd/ca.pem")
    path.write_bytes(path.read_bytes() + b"# mine\n")
    pair = it.project.path("a/etc/etcd/kubernetes-key.pem")
    key = pair.read_bytes()
    pair.write_bytes(it.project.path("pki/extra-key.pem").read_bytes())
    binary = it.project.path("a/usr/local/bin/etcd")
    binary.chmod(0o700)  # no edit
    edited = "was edited since kplan wrote it"
    assert it.listed()[1] == {"file/a/etc/etcd/ca.pem": edited, "file/a/etc/etcd/kubernetes.pem": edited}
    shown = it.prune()
    assert f"./a/etc/etcd/ca.pem: {edited}; --edited file/a/etc/etcd/ca.pem removes it, too\n" in shown.out
    it.prune("--yes").ok()
    assert path.exists() and pair.exists() and not binary.exists()
    it.prune("--yes", "--edited", "file/a/etc/etcd/ca.pem").ok()
    assert not path.exists() and pair.exists()
    pair.write_bytes(key)
    it.prune("--yes").ok()
    assert not pair.exists() and not it.project.path("a/etc/etcd").exists()


def test_links_are_not_followed(it):
    it.without(ETCD)
    it.project.gen().ok()
    outside = it.folder.parent / "outside"
    shutil.move(it.project.path("a/etc/etcd"), outside)
    it.project.path("a/etc/etcd").symlink_to(outside)
    before = harness.snapshot(outside)
    ran = it.prune("--yes")
    assert harness.changes(before, harness.snapshot(outside)) == {}
    assert it.project.path("a/etc/etcd").is_symlink()
    assert ran.code == 0 and "symbolic link" in ran.out


def can_trace():
    try:
        ran = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", "inject=getppid:error=EIO", "true"], capture_output=True,
                             timeout=30, check=False)
    except FileNotFoundError:
        return False
    return ran.returncode == 0


@pytest.mark.skipif(not can_trace(), reason="strace cannot trace here")
def test_what_cannot_be_removed_is_told_and_stays_a_leftover(it):
    it.without(EXTRA)
    it.project.gen().ok()
    first, *others = it.listed()[0]
    ran = it.project.run("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=unlinkat", "-e", "inject=unlinkat:error=EACCES:when=1",
                         it.project.kplan, "prune", "--yes")
    assert ran.code == 1 and f"{first}: cannot remove pki/" in ran.err and "Permission denied" in ran.err, ran
    assert others and list(it.listed()[0]) == [first]
    it.prune("--yes").ok()
    assert it.prune().ok().out == "nothing to remove\n"


def test_gen_has_to_have_run(it):
    it.without(EXTRA)
    for options in ((), ("--yes",)):
        ran = it.prune(*options)
        assert ran.code == 1 and "run `kplan gen` first" in ran.err and ran.out == ""
    assert it.project.path("pki/extra-key.pem").exists()
    nowhere = it.folder.parent / "nowhere"
    nowhere.mkdir()
    ran = it.project.run(it.project.kplan, "prune", "-C", nowhere, "cluster.yaml")
    assert ran.code == 1 and "run `kplan gen` first" in ran.err
    assert list(nowhere.iterdir()) == []


def test_other_runs_keep_it_out(it):
    it.without(EXTRA)
    it.project.gen().ok()
    with subprocess.Popen(["flock", it.project.path(".kplan/lock"), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdin.write(b"x")
        holder.stdin.flush()
        holder.stdout.read(1)
        ran = it.prune("--yes")
        assert ran.code == 1 and "another ninja or kplan is at work" in ran.err
        holder.stdin.close()
    it.prune("--yes").ok()


@pytest.mark.parametrize("answer, removed", [("y\n", True), ("yes\n", True), ("n\n", False), ("\n", False), ("\x04", False)])
def test_it_asks_on_a_terminal(it, answer, removed):
    it.without(EXTRA)
    it.project.gen().ok()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(it.folder)
        os.execv(it.project.kplan, ["kplan", "prune"])
    out = b""
    while b"[y/N] " not in out:
        out += os.read(terminal, 4096)
    assert it.project.path("pki/extra-key.pem").exists()
    os.write(terminal, answer.encode())
    try:
        while chunk := os.read(terminal, 4096):
            out += chunk
    except OSError:  # EIO: the other end is closed
        pass
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert b"remove  key/extra" in out
    assert os.waitstatus_to_exitcode(status) == (0 if removed else 1)
    assert it.project.path("pki/extra-key.pem").exists() != removed


def test_json_says_what_was_done(it):
    it.without(EXTRA)
    it.project.gen().ok()
    ran = it.prune("--json", "--yes").ok()
    found = json.loads(ran.out)
    assert found["keep"] == [] and all(entry["removed"] for entry in found["remove"])
    assert {"key": "key/extra", "label": "key/extra", "host": "shared", "kind": "key", "what": ["pki/extra-key.pem"],
            "removed": True} in found["remove"]


# --- Kills ----------------------------------------------------------------------------------------------------------


# What prune does to the disk, and when.
CALLS = ("unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2", "fsync", "syncfs", "write", "openat")


@pytest.mark.skipif(not can_trace(), reason="strace cannot trace here")
def test_killed_at_every_change(it):
    """A kill at any system call that writes: the next prune completes, to the same end."""
    it.without(HOST_B, EXTRA, ETCD)
    it.project.gen().ok()
    template = it.folder.parent / "template"
    it.folder.rename(template)

    def fresh():
        shutil.rmtree(it.folder, ignore_errors=True)
        # Other inodes and times, so it is the content that says what was edited.
        subprocess.run(["cp", "-a", template, it.folder], check=True)

    def killed(call, number):
        fresh()
        ran = it.project.run("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                             "-e", f"inject={call}:signal=KILL:when={number}", it.project.kplan, "prune", "--yes")
        return ran.code == 137 or ran.code == -signal.SIGKILL

    fresh()
    it.prune("--yes").ok()
    assert it.prune().ok().out == "nothing to remove\n"
    end = it.files()
    stamps = sorted(str(path.relative_to(it.folder)) for path in it.folder.glob(".kplan/*/**/*"))
    kills = 0
    for call in CALLS:
        number = 1
        while killed(call, number):
            kills += 1
            assert it.project.path("pki/ca-key.pem").exists()
            it.prune("--yes").ok()
            assert it.files() == end, (call, number)
            assert sorted(str(path.relative_to(it.folder)) for path in it.folder.glob(".kplan/*/**/*")) == stamps, (call, number)
            assert it.prune().ok().out == "nothing to remove\n", (call, number)
            number += 1 if FULL or number < 4 else 5
    assert kills > 15, kills
    assert it.project.gen_and_ninja().ok()


# --- Services -------------------------------------------------------------------------------------------------------


@pytest.fixture(name="cluster")
def fixture_cluster():
    with clusters.in_folder() as cluster:
        cluster.use_quick_keys()
        cluster.provision()
        yield cluster


def without_etcd(spec):
    return spec[:spec.index("etcd:\n")]


def prune(cluster, *options):
    return cluster.project.run(cluster.project.kplan, "prune", *options)


def check_gone(cluster, pid):
    assert not harness.alive(pid)
    left = sorted(str(path.relative_to(cluster.root)) for path in cluster.root.rglob("*") if not path.is_dir())
    assert [path for path in left if not path.startswith("var/lib/etcd/")] == ["var/log/etcd.log"]
    assert not cluster.on_host("/etc/etcd").exists() and not cluster.on_host("/run/kplan").exists()


def test_a_running_etcd_is_stopped_first(cluster):
    project, pid = cluster.project, cluster.pid()
    whole = project.spec
    member = cluster.member_line.split(",")[0]
    project.spec = without_etcd(whole)
    project.gen().ok()
    assert "stop etcd" in prune(cluster).out
    assert harness.alive(pid)
    prune(cluster, "--yes").ok()
    check_gone(cluster, pid)
    assert cluster.on_host("/var/lib/etcd/member").exists()
    assert prune(cluster).ok().out.endswith("nothing to remove, 1 stays\n")
    # Back again, it goes on with its data.
    project.spec = whole
    project.gen_and_ninja().ok()
    assert cluster.member_list().startswith(member)
    assert prune(cluster).ok().out == "nothing to remove\n"


def test_a_host_that_moved_takes_its_ports_along(cluster):
    project, pid = cluster.project, cluster.pid()
    project.edit_spec("root: ./rootfs", "root: ./moved")
    project.gen().ok()
    prune(cluster, "--yes").ok()
    check_gone(cluster, pid)
    project.ninja().ok()
    moved = clusters.Cluster(project, project.path("moved"), "process", cluster.client_port, cluster.member_line)
    try:
        assert moved.member_list() == cluster.member_line
    finally:
        moved.stop()


def test_a_renamed_host_is_left_alone(cluster):
    project, pid = cluster.project, cluster.pid()
    project.edit_spec("  worker:\n", "  node:\n")
    project.edit_spec("hosts: [worker, 127.0.0.1,", "hosts: [node, 127.0.0.1,")
    project.gen().ok()
    rendered = {"render/worker/etc/systemd/system/etcd.service"}
    found = json.loads(prune(cluster, "--json").out)
    assert {entry["key"] for entry in found["remove"]} == rendered and found["keep"] == []
    prune(cluster, "--yes").ok()
    assert harness.alive(pid)
    project.ninja().ok()
    assert cluster.pid() == pid
    assert cluster.member_list() == cluster.member_line


def test_killed_at_random_moments(cluster):
    project = cluster.project
    whole = project.spec
    seed = int(os.environ.get("KPLAN_TEST_SEED", time.time_ns() % 1000000))
    print(f"KPLAN_TEST_SEED={seed}")
    chance = random.Random(seed)
    key = project.path("pki/ca-key.pem").read_bytes()
    killed, took = 0, 0.3
    for _ in range(30 if FULL else 12):
        pid = cluster.pid()
        project.spec = without_etcd(whole)
        project.gen().ok()
        started = time.monotonic()
        process = project.runner.popen([project.kplan, "prune", "--yes"], project.folder)
        time.sleep(chance.uniform(0, took))  # the moment itself is what is drawn
        if process.poll() is None:
            process.kill()
            killed += 1
        else:
            took = max(0.02, 0.8 * (time.monotonic() - started))
        process.communicate()
        prune(cluster, "--yes").ok()
        check_gone(cluster, pid)
        assert project.path("pki/ca-key.pem").read_bytes() == key
        project.spec = whole
        project.gen_and_ninja().ok()
        assert cluster.member_list() == cluster.member_line
    assert killed > 2, killed


@pytest.mark.skipif(bool(systemd_host.why_not()), reason=systemd_host.why_not() or "none")
def test_on_a_systemd_host():
    with systemd_host.SystemdHost("worker") as host, clusters.on_systemd(host) as cluster:
        project = cluster.project
        cluster.provision()
        whole = project.spec
        project.spec = without_etcd(whole)
        project.gen().ok()
        shown = prune(cluster)
        assert "stop etcd, disable etcd.service" in shown.out
        assert project.run("systemctl", "is-active", "etcd").out == "active\n"
        prune(cluster, "--yes").ok()
        for path in ("/etc/systemd/system/etcd.service", "/etc/systemd/system/multi-user.target.wants/etcd.service",
                     "/usr/local/bin/etcd", "/etc/etcd/kubernetes-key.pem", "/run/kplan/etcd.started"):
            assert not os.path.lexists(cluster.on_host(path)), path
        assert cluster.on_host("/etc/etcd").exists()  # in / kplan removes no folder but the data's
        assert cluster.on_host("/var/lib/etcd/member").exists()
        assert project.run("systemctl", "show", "-p", "LoadState", "--value", "etcd").out == "not-found\n"
        assert project.run("systemctl", "is-system-running").out == "running\n"
        assert prune(cluster).ok().out.endswith("nothing to remove, 1 stays\n")
        project.spec = whole
        project.gen_and_ninja().ok()
        assert cluster.member_list() == cluster.member_line

        # Somebody was faster, and removed the unit's file: the links that enable it go all the same.
        project.spec = without_etcd(whole)
        project.gen().ok()
        project.run("rm", "/etc/systemd/system/etcd.service").ok()
        prune(cluster, "--yes").ok()
        assert not os.path.lexists(cluster.on_host("/etc/systemd/system/multi-user.target.wants/etcd.service"))
        assert project.run("systemctl", "is-active", "etcd").out == "inactive\n"
        assert stat.S_ISDIR(os.lstat(cluster.on_host("/var/lib/etcd")).st_mode)
