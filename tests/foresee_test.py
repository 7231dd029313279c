"""What a run would not come through is said by plan before it, in the run's own words: taken ports, rights that are missing,
what the survey refuses, members that are gone, and what a failed run left. Folders of this machine, no systemd."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import cluster as clusters
import harness
import survey_test

LISTEN = """\
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
sock = socket.socket(family)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind((sys.argv[1], int(sys.argv[2])))
sock.listen()
print("listens", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def listener(address, port, user=None):
    """The process id of one that listens at ADDRESS and PORT as USER."""
    identity = {} if user is None or os.geteuid() != 0 else {"user": user, "group": user, "extra_groups": []}
    with subprocess.Popen([sys.executable, "-c", LISTEN, address, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **identity) as process:
        assert process.stdout.readline() == b"listens\n"
        try:
            yield process.pid
        finally:
            process.kill()


def plan(project, code):
    """{label: step} of what plan says changes or fails; its exit code has to be CODE."""
    ran = project.run(project.kplan, "plan", "--json")
    assert ran.code == code, ran
    return {step["label"]: step for step in json.loads(ran.out)["steps"] if step["fate"] in ("change", "fail")}


def foreseen(project, label):
    """What plan says of LABEL, which would fail; the run says the same, and stops there."""
    steps = plan(project, 3)
    assert steps[label]["fate"] == "fail", steps
    failure = steps[label]["failure"]
    # With all that is to be done about it.
    whole = "; ".join(line.strip() for line in failure.splitlines())
    assert f"would fail: {whole[:1000]}" in project.run(project.kplan, "plan").out
    ran = project.ninja()
    assert ran.code == 1, ran
    for line in failure.splitlines():
        assert line.strip() in ran.out, (failure, ran.out)
    # And once more: what a failed run left is no other plan.
    again = plan(project, 3)
    assert again[label]["fate"] == "fail" and again[label]["failure"] == failure, again
    return failure


@pytest.fixture(name="cluster")
def fixture_cluster():
    with clusters.in_folder() as cluster:
        cluster.use_quick_keys()
        yield cluster


# Ports.


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_is_taken_at_the_first_start(cluster, address):
    cluster.project.gen().ok()
    with listener(address, cluster.client_port, harness.NOBODY) as pid:
        failure = foreseen(cluster.project, "service/worker/etcd")
        name = pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
        assert failure.startswith(f"127.0.0.1:{cluster.client_port} is taken by `{name}` (process {pid}, since "), failure
        assert failure.endswith("; end that process, or give etcd another address in cluster.yaml"), failure
        assert not cluster.pid()
    # The remedy, followed, works.
    assert plan(cluster.project, 2)["service/worker/etcd"]["fate"] == "change"
    cluster.project.ninja().ok()
    assert plan(cluster.project, 0) == {}


def test_the_peers_port_counts_and_what_runs_is_not_stopped_for_a_taken_one(cluster):
    cluster.provision()
    before, free = cluster.pid(), harness.free_ports(1)[0]
    peer = int(cluster.member_line.split("http://127.0.0.1:")[1].split(",")[0])
    with listener("127.0.0.1", free, harness.NOBODY):
        cluster.project.edit_spec(f"listen-peer-urls: http://127.0.0.1:{peer}", f"listen-peer-urls: http://127.0.0.1:{free}")
        cluster.project.gen().ok()
        assert f"127.0.0.1:{free} is taken by" in foreseen(cluster.project, "service/worker/etcd")
        # It runs on as before.
        assert cluster.pid() == before
        assert cluster.member_list() == cluster.member_line
    cluster.project.ninja().ok()
    assert cluster.pid() not in (0, before)


def test_its_own_sockets_are_in_nobodys_way(cluster):
    cluster.provision()
    cluster.project.edit_spec("  flags:", "  flags:\n    max-wals: 7\n")
    cluster.project.gen().ok()
    steps = plan(cluster.project, 2)
    assert steps["service/worker/etcd"]["fate"] == "change", steps
    # Nor are those of one of which kplan knows nothing, but that is what it would start.
    cluster.project.ninja().ok()
    pid = cluster.pid()
    cluster.on_host("/run/etcd.pid").unlink()
    shutil.rmtree(cluster.on_host("/run/kplan"))
    assert all(step["fate"] != "fail" for step in plan(cluster.project, 2).values())
    cluster.project.ninja().ok()
    assert cluster.pid() == pid


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_another_users_process_has_no_name(cluster):
    cluster.provision()
    cluster.stop()
    with listener("127.0.0.1", cluster.client_port):
        failure = foreseen(cluster.project, "service/worker/etcd")
        assert "is taken by another user's process (user id 0)" in failure, failure


# Rights.

FILES = """\
hosts:
  worker: {{root: {root}, service-manager: none}}
services:
  web:
    hosts: [worker]
    command: [/bin/sleep, "1"]
    dirs: {{/var/lib/web: {{mode: "0700"}}}}
    files:
      /etc/web/colour: {{content: "red\\n"}}
"""


@pytest.fixture(name="files")
def fixture_files():
    """A project of an ordinary user, and the root of its host."""
    base = harness.make_folder("rights", owner=harness.NOBODY)
    project = harness.Project(base / "project", harness.Here(harness.NOBODY), base / "kplan")
    harness.copy_file(harness.KPLAN, base / "kplan", mode=0o755)
    project.runner.run(["mkdir", base / "project"]).ok()
    (base / "root").mkdir()
    project.spec = FILES.format(root=base / "root")
    yield project, base / "root"
    shutil.rmtree(base)


def give(path, user):
    os.chown(path, user, user)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_an_ordinary_user_is_told_what_he_may_not_do(files):
    project, root = files
    project.gen().ok()
    for label, folder in (("file/worker/etc/web/colour", root), ("dir/worker/var/lib/web", root)):
        failure = plan(project, 3)[label]["failure"]
        assert f"user {harness.NOBODY} may not write to {folder}, a folder of root; run as root, or give the host `become: sudo`, or a folder of yours" in failure
    failure = foreseen(project, "dir/worker/var/lib/web")
    assert failure.startswith(f"cannot make {root}/var/lib/web right: user ")
    assert not list(root.iterdir())
    # With a folder of theirs it goes through.
    give(root, harness.NOBODY)
    project.ninja().ok()
    assert plan(project, 0) == {}
    # What somebody else put there: the folder is theirs, so the file can be replaced, and a folder's mode not.
    give(root / "etc/web/colour", 0)
    (root / "etc/web/colour").write_text("blue\n", encoding="ascii")
    assert plan(project, 2)["file/worker/etc/web/colour"]["fate"] == "change"
    give(root / "var/lib/web", 0)
    os.chmod(root / "var/lib/web", 0o755)
    failure = foreseen(project, "dir/worker/var/lib/web")
    assert f"user {harness.NOBODY} may not change what belongs to root" in failure
    assert (root / "etc/web/colour").read_text(encoding="ascii") == "red\n"
    # As root it is right again.
    project.runner = harness.Here()
    project.ninja().ok()
    assert (root / "var/lib/web").stat().st_mode & 0o777 == 0o700


# What the survey refuses.


@pytest.fixture(name="trio", scope="module")
def fixture_trio():
    if not harness.ISOLATED_ROOT:
        pytest.skip("needs a network namespace, where etcd's ports are free")
    with survey_test.make_trio("127.0.2") as trio:
        trio.project.gen_and_ninja().ok()
        yield trio


def test_a_wiped_member(trio):
    member, kept = trio.data("etcd-3") / "member", trio.project.path("kept")
    trio.stop("etcd-3")
    member.rename(kept)
    pids = trio.pids()
    # Its survey was done and is fresh: the rollout is who would start it.
    failure = foreseen(trio.project, "rollout/etcd")
    assert "member remove" in failure and "etcd-3" in failure, failure
    assert trio.pids() == pids
    # With an edit by which the survey runs first, it says so.
    trio.project.edit_spec("hosts: [$name, $address, localhost", "hosts: [$name, $address, wiped.example, localhost")
    trio.project.gen().ok()
    assert "member remove" in foreseen(trio.project, "survey/etcd")
    assert trio.pids() == pids
    if member.exists():
        shutil.rmtree(member)
    kept.rename(member)
    trio.restored()


def test_data_of_another_cluster(trio):
    folder, kept = trio.data("etcd-2"), trio.project.path("kept")
    trio.stop("etcd-2")
    folder.rename(kept)
    survey_test.foreign_data(trio, "etcd-2")
    failure = foreseen(trio.project, "rollout/etcd")
    assert "another cluster's data folder" in failure, failure
    shutil.rmtree(folder)
    kept.rename(folder)
    trio.restored()


def test_a_member_that_is_taken_out_of_the_list(trio):
    before, pids = trio.project.spec, trio.pids()
    trio.project.edit_spec("members: [etcd-1, etcd-2, etcd-3]", "members: [etcd-1, etcd-2]")
    trio.project.gen().ok()
    failure = foreseen(trio.project, "survey/etcd")
    assert "expected data of cluster" in failure, failure
    assert trio.pids() == pids
    trio.project.spec = before
    trio.restored()
    assert trio.pids() == pids


def test_a_member_that_is_stopped_is_only_started(trio):
    trio.stop("etcd-1")
    steps = plan(trio.project, 2)
    assert steps["rollout/etcd"]["fate"] == "change", steps
    ran = trio.project.ninja().ok()
    assert "rollout/etcd" in ran.edges
    assert plan(trio.project, 0) == {}


def test_after_a_failed_run_the_plan_is_what_is_left(trio):
    """The port of one member is taken, and its flags are others: nobody is touched, and that is what plan says."""
    pids = trio.pids()
    trio.stop("etcd-3")
    with listener("127.0.2.4", 2380, harness.NOBODY):
        trio.change_a_flag()
        trio.project.gen().ok()
        assert "127.0.2.4:2380 is taken by" in foreseen(trio.project, "rollout/etcd")
        assert {name: pid for name, pid in trio.pids().items() if pid} == {name: pids[name] for name in ("etcd-1", "etcd-2")}
    steps = plan(trio.project, 2)
    assert set(steps) == set(trio.project.ninja().ok().edges) & set(steps) and "rollout/etcd" in steps
    assert plan(trio.project, 0) == {}
