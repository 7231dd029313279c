"""The main job, as a list of tests that each kind of host runs: tutorial_systemd_test.py and tutorial_process_test.py.

Each of them gives the fixture `cluster`: a cluster.Cluster that nothing was done to, and `running`: one after its
first run.
"""

import json
import os
import re
import stat

import pytest

import harness
from cluster import contents, san_names

# The labels of the tutorial's steps that belong to the keys and certificates.
PKI = re.compile(r"^(ca|key|csr|cert)/")


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def state_of(cluster):
    """What another run must not touch."""
    return cluster.artifacts(), cluster.pid()


def test_first_run(cluster):
    ran = cluster.provision()
    member = cluster.member_line.split(", ")
    # The archive was put there by hand; all else is made.
    assert set(re.findall(r"^(\S+): only checked$", ran.out, re.MULTILINE)) <= {"archive/etcd"}
    row = rf"^{member[0]}  {member[2]}  [0-9.]+ +yes     {re.escape(member[4])}  \d{{4}}-\d\d-\d\d \(\d+ days\)$"
    assert re.search(row, ran.out, re.MULTILINE), ran.out
    assert re.search(r"^refused: no-cert, wrong-ca, plaintext$", ran.out, re.MULTILINE), ran.out
    assert len(re.findall(r"^ask it: \S*etcdctl --endpoints=https://\S+ --cacert=\S+ --cert=\S+ --key=\S+ member list$", ran.out, re.MULTILINE)) == 1, ran.out
    address = member[4].partition("//")[2]
    assert f" SERVICE service/worker/etcd (until {address} answers, 90 s at most)\n" in ran.out, ran.out
    assert f" VERIFY verify/etcd (until {member[4]} is healthy, 60 s at most)\n" in ran.out, ran.out
    assert cluster.member_list() == cluster.member_line
    assert cluster.pid()

    for name in ("/etc/etcd/kubernetes-key.pem",):
        assert mode(cluster.on_host(name)) == 0o600, name
    for name in ("pki/ca-key.pem", "pki/kubernetes-key.pem"):
        assert mode(cluster.project.path(name)) == 0o600, name
    for name in ("/etc/etcd/ca.pem", "/etc/etcd/kubernetes.pem"):
        assert mode(cluster.on_host(name)) == 0o644, name
    for name in ("/usr/local/bin/etcd", "/usr/local/bin/etcdctl"):
        assert mode(cluster.on_host(name)) == 0o755, name
    assert mode(cluster.on_host("/var/lib/etcd")) == 0o700
    for name, source in (("ca.pem", "ca.pem"), ("kubernetes.pem", "kubernetes.pem"), ("kubernetes-key.pem", "kubernetes-key.pem")):
        assert cluster.on_host(f"/etc/etcd/{name}").read_bytes() == cluster.project.path(f"pki/{source}").read_bytes()

    names = san_names(cluster.project, cluster.project.path("pki/kubernetes.pem").read_text(encoding="ascii"))
    assert sorted(names) == sorted(
        ["DNS:worker", "IP Address:127.0.0.1", "DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc",
         "DNS:kubernetes.default.svc.cluster", "DNS:kubernetes.svc.cluster.local", "IP Address:10.32.0.1"])
    report = json.loads(cluster.project.path("reports/verify-etcd.json").read_text(encoding="utf-8"))
    assert cluster.member_line.split(",")[0] in json.dumps(report)


def test_second_run_does_nothing(running):
    before = state_of(running)
    running.project.gen().ok()
    ran = running.project.ninja()
    assert ran.no_work, ran
    assert running.project.ninja().no_work
    assert state_of(running) == before


def test_gen_twice_changes_no_byte_and_no_time(cluster):
    cluster.project.gen().ok()
    skip = (".ninja_", "/lock", "/run.lock")
    before = harness.snapshot(cluster.project.outside, skip=skip)
    cluster.project.gen().ok()
    after = harness.snapshot(cluster.project.outside, skip=skip)
    assert harness.changes(before, after) == {}
    assert any(path.endswith("build.ninja") for path in before)


def test_host_name_added(running):
    project = running.project
    skip = ("kubernetes.pem", "kubernetes.csr")
    before, pid = state_of(running)
    assert "DNS:etcd.example.com" not in san_names(project, running.served())

    project.edit_spec("hosts: [worker,", "hosts: [etcd.example.com, worker,")
    ran = project.gen_and_ninja().ok()
    assert ran.edges == sorted([
        "csr/kubernetes", "cert/kubernetes", "file/worker/etc/etcd/kubernetes.pem", "verify/etcd"])

    assert running.pid() == pid
    after = running.artifacts()
    # Their folders' times change with them, and nothing else does; the old certificate is kept.
    changed = {path for path in harness.changes(before, after) if not stat.S_ISDIR(after[path].mode)}
    (kept,) = {path for path in changed if "/pki/superseded/kubernetes/" in path}
    changed.remove(kept)
    assert changed and all(path.endswith(skip) for path in changed), changed
    assert "DNS:etcd.example.com" in san_names(project, running.served())
    assert running.served().strip() in running.on_host("/etc/etcd/kubernetes.pem").read_text(encoding="ascii")
    assert running.member_list() == running.member_line
    again = project.gen_and_ninja()
    assert again.no_work, again


def test_plain_ninja_sees_a_changed_spec(running):
    running.project.edit_spec("hosts: [worker,", "hosts: [etcd.example.com, worker,")
    ran = running.project.ninja().ok()
    assert "cert/kubernetes" in ran.edges
    assert running.project.ninja().no_work


def test_flag_changed(running):
    project = running.project
    pki = harness.snapshot(project.path("pki"))
    pid = running.pid()
    spec = project.spec
    flag = "    quota-backend-bytes: 1073741824\n"
    if "  flags:" in spec:
        spec = re.sub(r"(?m)^(  flags:.*\n)", r"\1" + flag, spec)
    else:
        spec += "  flags:\n" + flag
    project.spec = spec
    ran = project.gen_and_ninja().ok()
    assert not [edge for edge in ran.edges if PKI.match(edge)], ran.edges
    assert ran.edges == sorted([
        "render/worker/etc/systemd/system/etcd.service", "unit/worker/etcd",
        "service/worker/etcd", "verify/etcd"])
    assert running.pid() not in (0, pid)
    assert any("quota-backend-bytes" in argument for argument in running.arguments())
    assert harness.snapshot(project.path("pki")) == pki
    assert running.member_list() == running.member_line
    again = project.gen_and_ninja()
    assert again.no_work, again


def test_comments_and_order_are_nothing(running):
    project = running.project
    before = state_of(running)
    lines = project.spec.splitlines()
    top = [number for number, line in enumerate(lines) if re.match(r"[a-z]", line, re.IGNORECASE)]
    blocks = ["\n".join(lines[begin:end]) for begin, end in zip(top, top[1:] + [len(lines)])]
    project.spec = "# turned around\n" + "\n\n".join(reversed(blocks)) + "\n"
    ran = project.gen_and_ninja().ok()
    assert ran.no_work, ran
    assert state_of(running) == before


def test_stopped_service_is_started(running):
    artifacts = running.artifacts()
    running.stop()
    assert not running.pid()
    ran = running.project.gen_and_ninja().ok()
    assert "service/worker/etcd" in ran.edges
    assert not [edge for edge in ran.edges if PKI.match(edge)]
    assert running.pid()
    assert running.member_list() == running.member_line
    assert running.artifacts() == artifacts
    assert running.project.gen_and_ninja().no_work


def damage_remove(path):
    path.unlink()


def damage_edit(path):
    with open(path, "ab") as file:
        file.write(b"\n# an edit\n")


def damage_truncate(path):
    # A text file busy cannot be written to: another one takes its place, as an editor would do.
    other = path.with_name(path.name + ".other")
    other.write_bytes(b"")
    other.chmod(stat.S_IMODE(os.lstat(path).st_mode))
    os.chown(other, os.lstat(path).st_uid, os.lstat(path).st_gid)
    other.rename(path)


def damage_mode(path):
    path.chmod(0o644)


@pytest.mark.parametrize("damage, where", [
    (damage_remove, "/etc/etcd/kubernetes.pem"),
    (damage_edit, "/etc/etcd/kubernetes.pem"),
    (damage_truncate, "/etc/etcd/ca.pem"),
    (damage_remove, "/etc/etcd/kubernetes-key.pem"),
    (damage_mode, "/etc/etcd/kubernetes-key.pem"),
    (damage_remove, "/usr/local/bin/etcdctl"),
    (damage_truncate, "/usr/local/bin/etcd"),
    (damage_remove, "/etc/systemd/system/etcd.service"),
    (damage_edit, "/etc/systemd/system/etcd.service"),
    (damage_mode, "pki/kubernetes-key.pem"),
    (damage_mode, "pki/ca-key.pem"),
])
def test_damage_is_repaired_by_plain_ninja(running, damage, where):
    path = running.on_host(where) if where.startswith("/") else running.project.path(where)
    before = contents(running.artifacts())
    damage(path)
    assert contents(running.artifacts()) != before
    ran = running.project.ninja().ok()
    assert ran.edges, ran
    assert contents(running.artifacts()) == before
    assert running.member_list() == running.member_line
    # A repair may need one more cheap pass before all times agree.
    running.project.ninja().ok()
    assert running.project.ninja().no_work


@pytest.mark.parametrize("damage", [damage_remove, damage_truncate])
def test_damaged_certificate_is_signed_again(running, damage):
    before, pid = state_of(running)
    damage(running.project.path("pki/kubernetes.pem"))
    running.project.ninja().ok()
    signed = running.project.path("pki/kubernetes.pem").read_text(encoding="ascii")
    assert running.served().strip() in signed
    after, pid_after = state_of(running)
    changed = {path for path in harness.changes(before, after) if not stat.S_ISDIR(after[path].mode)}
    assert changed and all(path.endswith("kubernetes.pem") for path in changed), changed
    assert pid_after == pid


@pytest.mark.parametrize("lose", ["ninja -t clean", "rm -rf .kplan", "rm .kplan/.ninja_log", "rm .kplan/.ninja_deps", "all"])
def test_lost_bookkeeping_changes_nothing(running, lose):
    project = running.project
    before = state_of(running)
    if lose in ("ninja -t clean", "all"):
        project.ninja("-t", "clean").ok()
        assert state_of(running) == before
    if lose == "all":
        project.run("rm", "-rf", ".kplan", "build.ninja").ok()
    elif lose.startswith("rm"):
        project.run(*lose.split()).ok()
    project.gen_and_ninja().ok()
    assert harness.changes(before[0], running.artifacts()) == {}
    assert running.pid() == before[1]
    # Without its deps log ninja may need one more cheap pass before all times agree.
    project.ninja().ok()
    again = project.gen_and_ninja()
    assert again.no_work, again


def test_cleandead_takes_nothing(running):
    before = state_of(running)
    running.project.ninja("-t", "cleandead").ok()
    assert state_of(running) == before


def test_no_secret_leaves_its_file(cluster):
    """Neither in what kplan writes for itself, nor in any process's arguments, nor in what it prints."""
    cluster.project.gen().ok()
    # -D: strace is nobody's parent and stays with etcd, while the shell waits for ninja alone.
    cluster.project.run(
        "sh", "-c", "strace -D -f --seccomp-bpf -qq -s 1000000 -e trace=execve -o execs ninja >out 2>&1 </dev/null").ok()
    secrets = []
    for name in ("pki/ca-key.pem", "pki/kubernetes-key.pem"):
        lines = cluster.project.path(name).read_text(encoding="ascii").splitlines()
        # The first third is version and modulus, which are public; the rest is secret.
        secrets += [line.encode() for line in lines[len(lines) // 3:-2]]
    assert len(secrets) > 20 and all(len(secret) == 64 for secret in secrets)
    texts = {}
    for folder, _, names in os.walk(cluster.project.outside):
        for name in names:
            path = os.path.join(folder, name)
            if not name.endswith("-key.pem") and os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    texts[path] = file.read()
    if cluster.manager == "systemd":
        texts["journal"] = cluster.project.run("journalctl", "--no-pager").ok().out.encode()
    assert any(path.endswith("/execs") and text.count(b"kplan") > 15 for path, text in texts.items())
    assert any(path.endswith("/out") and b"verify/etcd" in text for path, text in texts.items())
    found = [path for path, text in texts.items() if b"PRIVATE KEY" in text or any(secret in text for secret in secrets)]
    # The binaries know the words.
    found = [path for path in found if not path.endswith(("/etcd", "/etcdctl", "etcd.tar.gz"))]
    assert not found, found


def test_ca_key_of_another_kind_is_refused(running):
    before = state_of(running)
    running.project.edit_spec("  CN: Kubernetes\n", "  CN: Kubernetes\n  key: {algo: ecdsa, size: 256}\n")
    running.project.gen().ok()
    ran = running.project.ninja()
    assert ran.code != 0
    text = (ran.out + ran.err).lower()
    assert "rsa" in text and "2048" in text and "ecdsa" in text and "256" in text, ran
    assert state_of(running) == before
