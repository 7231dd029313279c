"""`kplan status`: how everything stands, as a text, as JSON, and again whenever something changes."""

import json
import os
import pty
import re
import select
import signal
import time

import pytest

import cluster as clusters
import harness
import shifted

FRESH = """\
shared: 9 fresh
  ca/key           fresh  ecdsa 256
  ca/csr           fresh
  ca/cert          fresh  1824 days left
  key/kubernetes   fresh  ecdsa 256
  csr/kubernetes   fresh
  cert/kubernetes  fresh  364 days left, 2 names
  archive/etcd     fresh
  unpack/etcd      fresh
  verify/etcd      fresh  last verdict: pass, on TIME
worker: 8 fresh
  file/worker/usr/local/bin/etcd                 fresh
  file/worker/etc/etcd/ca.pem                    fresh
  file/worker/etc/etcd/kubernetes.pem            fresh
  file/worker/usr/local/bin/etcdctl              fresh
  render/worker/etc/systemd/system/etcd.service  fresh
  unit/worker/etcd                               fresh
  dir/worker/var/lib/etcd                        fresh
  service/worker/etcd                            fresh  runs since TIME, process PID

services: 1 of 1 runs
  service/worker/etcd  process PID  since TIME

certificates that end first
  cert/kubernetes  364 days   TIME
  ca/cert          1824 days  TIME

17 fresh
"""


def masked(text):
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME", text)
    return re.sub(r"process \d+", "process PID", text)


def row(text, label):
    """The row of LABEL: its state, and the rest."""
    found = re.search(rf"^  {re.escape(label)} +(\w+)(?: {{2,}}(.*))?$", text, re.MULTILINE)
    assert found, f"{label} is not in\n{text}"
    return found[1], found[2] or ""


@pytest.fixture(name="cluster")
def fixture_cluster():
    with clusters.in_folder() as cluster:
        cluster.use_quick_keys()
        spec = cluster.project.spec
        first, last = spec.index("    hosts: [worker"), spec.index("\netcd:")
        cluster.project.spec = spec[:first] + "    hosts: [worker, 127.0.0.1]\n" + spec[last:]
        cluster.provision()
        yield cluster


def status(cluster, *options):
    ran = cluster.project.run(cluster.project.kplan, "status", *options)
    assert ran.err == "", ran
    return ran


def test_all_fresh(cluster):
    before = harness.snapshot(cluster.project.outside, skip=["var/lib/etcd", "var/log"])
    ran = status(cluster)
    assert ran.code == 0 and masked(ran.out) == FRESH
    assert masked(status(cluster, "cluster.yaml").out) == FRESH
    assert harness.changes(before, harness.snapshot(cluster.project.outside, skip=["var/lib/etcd", "var/log"])) == {}


def test_json(cluster):
    found = json.loads(status(cluster, "--json").ok().out)
    assert found["all-fresh"] and found["counts"] == {"failed": 0, "fresh": 17, "stale": 0, "unknown": 0, "waiting": 0}
    assert [host["host"] for host in found["hosts"]] == ["shared", "worker"]
    steps = {step["label"]: step for host in found["hosts"] for step in host["steps"]}
    assert set(steps) == set(cluster.project.records())
    assert all(step["state"] == "fresh" and step["causes"] == step["reasons"] == [] and step["last-failed"] is False
               for step in steps.values())
    (service,) = found["services"]
    assert service["label"] == "service/worker/etcd" and service["running"] and service["process"] == cluster.pid()
    assert service["older"] == [] and service["problem"] == ""
    assert [it["label"] for it in found["certificates"]] == ["cert/kubernetes", "ca/cert"]
    assert found["certificates"][0]["file"] == "pki/kubernetes.pem" and found["certificates"][0]["names"] == 2
    assert found["leftovers"] == []

    cluster.on_host("/etc/etcd/ca.pem").chmod(0o666)
    ran = status(cluster, "--json")
    assert ran.code == 2
    found = json.loads(ran.out)
    assert not found["all-fresh"] and found["counts"]["stale"] >= 1
    steps = {step["label"]: step for host in found["hosts"] for step in host["steps"]}
    drifted = steps["file/worker/etc/etcd/ca.pem"]
    assert drifted["state"] == "stale" and {"cause": "drift"} in drifted["causes"]
    assert [reason["name"] for reason in drifted["reasons"]] == ["mode"]


def test_a_file_that_was_edited(cluster):
    path = cluster.on_host("/etc/etcd/kubernetes.pem")
    path.write_bytes(path.read_bytes() + b"\n")
    path.chmod(0o666)
    ran = status(cluster)
    assert ran.code == 2
    state, why = row(ran.out, "file/worker/etc/etcd/kubernetes.pem")
    assert state == "stale" and "differs" in why and "0666" in why and "0644" in why, why
    assert row(ran.out, "file/worker/etc/etcd/ca.pem") == ("fresh", "")
    assert ran.out.splitlines()[-1].endswith("; run ninja")
    cluster.project.ninja().ok()
    assert masked(status(cluster).ok().out) == FRESH


def test_a_service_that_was_stopped(cluster):
    cluster.stop()
    ran = status(cluster)
    assert ran.code == 2
    state, why = row(ran.out, "service/worker/etcd")
    assert state == "stale" and "not running" in why and "does not run" in why, why
    assert "\nservices: 0 of 1 run\n  service/worker/etcd  does not run\n" in ran.out
    cluster.project.gen_and_ninja().ok()
    assert masked(status(cluster).ok().out) == FRESH


def test_a_service_that_runs_with_an_older_file(cluster):
    """Trust changed under it, and nobody started it anew."""
    path = cluster.on_host("/etc/etcd/ca.pem")
    path.write_bytes(path.read_bytes() + b"\n")
    ran = status(cluster)
    assert ran.code == 2
    assert "with an older /etc/etcd/ca.pem" in row(ran.out, "service/worker/etcd")[1]
    assert re.search(r"^  service/worker/etcd  process \d+  since .*, with an older /etc/etcd/ca.pem$", ran.out, re.MULTILINE)


def test_a_step_that_failed(cluster):
    project = cluster.project
    project.run("rm", "-f", "rootfs/etc/etcd/ca.pem").ok()
    project.run("mkdir", "rootfs/etc/etcd/ca.pem").ok()
    assert project.gen_and_ninja().code == 1
    ran = status(cluster)
    assert ran.code == 3
    state, why = row(ran.out, "file/worker/etc/etcd/ca.pem")
    assert state == "failed" and why.startswith("failed on ") and "folder" in why, why
    # What is behind it does not come about either.
    assert row(ran.out, "service/worker/etcd")[0] == "waiting"
    assert " failed" in ran.out.splitlines()[-1] and ran.out.splitlines()[-1].endswith("; run ninja")
    steps = {step["label"]: step for host in json.loads(status(cluster, "--json").out)["hosts"] for step in host["steps"]}
    assert steps["file/worker/etc/etcd/ca.pem"]["last-failed"] and steps["file/worker/etc/etcd/ca.pem"]["last-run"]


def test_leftovers_are_counted(cluster):
    spec = cluster.project.spec
    cluster.project.spec = spec[:spec.index("etcd:\n")]
    told = "\n11 leftovers of earlier plans; `kplan prune` shows what can be removed\n"
    # The archive was given, so it is none.
    assert told.replace("11", str(17 - 6 - 1)) in status(cluster).out  # before gen has run
    cluster.project.gen().ok()
    ran = status(cluster)
    assert told.replace("11", str(17 - 6 - 1)) in ran.out
    assert ran.code == 0  # a leftover is nothing that ninja would do
    cluster.project.run(cluster.project.kplan, "prune", "--yes").ok()
    assert "1 leftover of earlier plans" in status(cluster).out  # its data


def test_an_edited_spec_is_seen_before_gen(cluster):
    cluster.project.edit_spec("hosts: [worker, 127.0.0.1]", "hosts: [worker, 127.0.0.1, etcd.example.com]")
    ran = status(cluster)
    assert ran.code == 2
    state, why = row(ran.out, "cert/kubernetes")
    assert state == "stale" and "etcd.example.com" in why, why
    assert row(ran.out, "ca/cert")[0] == "fresh"


def test_nothing_was_made_yet(cluster):
    cluster.project.run("rm", "-rf", ".kplan", "pki").ok()
    ran = status(cluster, "cluster.yaml")
    assert ran.code == 2 and row(ran.out, "ca/key") == ("stale", "not made yet; ecdsa 256")
    assert cluster.project.run(cluster.project.kplan, "status") == ran, "a cluster.yaml that is there is found"


def test_many_hosts(tmp_path):
    project = harness.Project(tmp_path, harness.Here(), harness.KPLAN)
    hosts = ", ".join(f"h{number}: {{root: ./h{number}, service-manager: none}}" for number in range(12))
    project.spec = (f"hosts: {{{hosts}}}\nca: {{CN: ca, key: {{algo: ecdsa, size: 256}}}}\n"
                    "certs: {node: {per: host, key: {algo: ecdsa, size: 256}, hosts: [$name]}}\n")
    project.gen_and_ninja().ok()
    ran = project.run(project.kplan, "status").ok()
    assert ran.out.startswith("shared: 3 fresh\nh0: 3 fresh\nh1: 3 fresh\n")
    assert "\ncertificates that end first, of 13\n" in ran.out and ran.out.endswith("\n39 fresh\n")
    assert "key/h5/node" not in ran.out
    project.path("pki/h5/node-key.pem").unlink()
    ran = project.run(project.kplan, "status")
    assert row(ran.out, "key/h5/node")[0] == "stale" and "key/h4/node" not in ran.out
    everything = project.run(project.kplan, "status", "--all").out
    assert row(everything, "key/h4/node")[0] == "fresh"


def test_a_certificate_that_ends_soon(tmp_path):
    project = shifted.ShiftedProject(tmp_path / "project", (
        "ca: {CN: ca, key: {algo: ecdsa, size: 256}}\n"
        "signing: {profiles: {short: {expiry: 24h, usages: [signing, server auth]}}}\n"
        "certs: {a: {key: {algo: ecdsa, size: 256}, hosts: [a]}, b: {profile: short, key: {algo: ecdsa, size: 256}, hosts: [b]}}\n"))
    project.gen_and_ninja().ok()
    ran = project.run(project.kplan, "status").ok()
    assert "certificates that end first\n  cert/b   0 days" in ran.out
    project.clock = str(20 * shifted.HOUR)
    ran = project.run(project.kplan, "status")
    assert ran.code == 2
    state, why = row(ran.out, "cert/b")
    assert state == "stale" and why.startswith("expires soon, on ") and why.endswith("0 days left, 1 name"), why
    assert row(ran.out, "cert/a")[0] == "fresh"
    project.clock = str(48 * shifted.HOUR)
    state, why = row(project.run(project.kplan, "status").out, "cert/b")
    assert state == "stale" and "expired on" in why, why


# --- --watch --------------------------------------------------------------------------------------------------------


class Watched:
    """`kplan status --watch`, with its output as a pipe."""

    def __init__(self, project, *options):
        self.process = project.runner.popen([project.kplan, "status", "--watch", *options], project.folder)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def until(self, what, found):
        """Reads on until FOUND says so of all text since the last call."""
        deadline = time.monotonic() + 30
        while not found(self.text):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                pytest.fail(f"{what} was not seen:\n{self.text}")
            chunk = self.process.stdout.read()
            if chunk == "":
                pytest.fail(f"it ended before {what}:\n{self.text}\n{self.process.stderr.read()}")
            self.text += chunk or ""
        text, self.text = self.text, ""
        return text

    def quiet(self, seconds):
        """Fails when it says something within SECONDS."""
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        assert not ready, self.process.stdout.read()

    def end(self, sig):
        self.process.send_signal(sig)
        _, err = self.process.communicate(timeout=30)
        assert self.process.returncode == 0 and err == "", (self.process.returncode, err)


def ends_with(line):
    return lambda text: text.endswith(line + "\n")


def test_watch_sees_files_services_and_the_spec(cluster):
    with Watched(cluster.project) as watched:
        assert masked(watched.until("the first block", ends_with("17 fresh"))) == FRESH
        path = cluster.on_host("/etc/etcd/kubernetes.pem")
        whole = path.read_bytes()
        path.write_bytes(whole + b"\n")
        text = watched.until("the edit", ends_with("run ninja"))
        assert text.startswith("----\nshared: ") and row(text, "file/worker/etc/etcd/kubernetes.pem")[0] == "stale"

        cluster.project.ninja().ok()
        assert masked(watched.until("the repair", ends_with("17 fresh"))).endswith("----\n" + FRESH)

        harness.kill(cluster.pid())
        text = watched.until("the end of etcd", ends_with("run ninja"))
        assert row(text, "service/worker/etcd")[0] == "stale"
        cluster.project.gen_and_ninja().ok()
        watched.until("its start", ends_with("17 fresh"))

        spec = cluster.project.spec
        cluster.project.edit_spec("hosts: [worker, 127.0.0.1]", "hosts: [worker, 127.0.0.1, new]")
        assert row(watched.until("the new name", ends_with("run ninja")), "cert/kubernetes")[0] == "stale"
        cluster.project.spec = spec
        watched.until("the old spec", ends_with("17 fresh"))
        watched.end(signal.SIGINT)


def test_watch_does_nothing_while_nothing_changes(cluster):
    with Watched(cluster.project, "--json") as watched:
        line = watched.until("a line", lambda text: text.endswith("\n"))
        assert json.loads(line)["all-fresh"]
        stat = f"/proc/{watched.process.pid}/stat"

        def ticks():
            with open(stat, encoding="ascii") as file:
                return sum(int(field) for field in file.read().rpartition(")")[2].split()[11:13])

        before = ticks()
        # etcd writes its log and its data all the time.
        cluster.member_list()
        watched.quiet(3)
        assert ticks() - before < 20, "it is busy"
        cluster.on_host("/etc/etcd/ca.pem").chmod(0o600)
        found = json.loads(watched.until("a line", lambda text: text.endswith("\n")))
        assert not found["all-fresh"]
        watched.end(signal.SIGTERM)


def test_watch_survives_a_broken_spec(cluster):
    with Watched(cluster.project) as watched:
        watched.until("the first block", ends_with("17 fresh"))
        spec = cluster.project.spec
        cluster.project.spec = spec + "nonsense: 1\n"
        harness.wait_for("the error", lambda: select.select([watched.process.stderr], [], [], 0)[0])
        os.set_blocking(watched.process.stderr.fileno(), False)
        assert "nonsense" in watched.process.stderr.read()
        cluster.project.spec = spec
        cluster.on_host("/etc/etcd/ca.pem").chmod(0o600)
        watched.until("what happened since", ends_with("run ninja"))


def test_watch_ends_when_nobody_reads(cluster):
    with Watched(cluster.project) as watched:
        watched.until("the first block", ends_with("17 fresh"))
        watched.process.stdout.close()
        assert watched.process.wait(timeout=30) == 0
        watched.process.stdout = open(os.devnull, encoding="ascii")  # for communicate()


def test_watch_redraws_on_a_terminal(cluster):
    pid, terminal = pty.fork()
    if pid == 0:
        if cluster.project.runner.user is not None:
            os.setgid(cluster.project.runner.user)
            os.setuid(cluster.project.runner.user)
        os.chdir(cluster.project.folder)
        os.execve(cluster.project.kplan, ["kplan", "status", "--watch"], {"NO_COLOR": "1", "PATH": os.environ["PATH"]})
    out = b""

    def read_until(end):
        nonlocal out
        while not out.endswith(end):
            assert select.select([terminal], [], [], 30)[0], out
            out += os.read(terminal, 65536)

    read_until(b"\r\n17 fresh\r\n")
    assert out.startswith(b"\x1b[H\x1b[2J") and out.count(b"\x1b[H\x1b[2J") == 1
    cluster.on_host("/etc/etcd/ca.pem").chmod(0o600)
    out = b""
    read_until(b"; run ninja\r\n")
    assert out.startswith(b"\x1b[H\x1b[2J") and b"----" not in out
    os.write(terminal, b"\x03")  # Ctrl-C
    _, code = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(code) == 0
