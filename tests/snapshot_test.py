"""Snapshots of three real etcds on one machine, and the way back from the loss of all of them."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import time

import pytest

import cluster
import harness
import rollout_test

pytestmark = pytest.mark.skipif(not harness.ISOLATED_ROOT, reason="it needs the ports 2379 and 2380 of its own network")

FILL = pathlib.Path(__file__).parent / "fill_etcd.py"
KEYS = 100_000
DATA = ["h1/var/lib/etcd", "h2/var/lib/etcd", "h3/var/lib/etcd"]
NAME = re.compile(r"^[0-9a-f]{1,16}-\d{8}T\d{6}\.\d{3}Z-r\d+(-before-restart)?\.db$")


def fill(trio, count, size=100):
    trio.project.run(
        "python3", FILL, f"--endpoints={','.join(f'https://{address}:2379' for address in rollout_test.ADDRESSES)}", "--cacert=pki/ca.pem",
        "--cert=pki/root.pem", "--key=pki/root-key.pem", f"--count={count}", f"--size={size}").ok()


def digest(trio):
    """Of all keys and values, as etcdctl prints them; and how many lines that are."""
    out = trio.ctl("get", "", "--prefix", "--command-timeout=60s", timeout=90).ok().out
    return hashlib.sha256(out.encode()).hexdigest(), out.count("\n")


def members(trio):
    return trio.ctl("member", "list").ok().out


def revision(trio):
    return json.loads(trio.ctl("endpoint", "status", "--write-out=json", endpoints=[0]).ok().out)[0]["Status"]["header"]["revision"]


def take(trio, *words):
    return json.loads(trio.project.run(trio.project.kplan, "snapshot", "--json", *words).ok().out)


def restore(trio, file, *words):
    return trio.project.run(trio.project.kplan, "restore", file, *words)


def lose(trio):
    """All processes and all data are gone."""
    trio.stop()
    for folder in DATA:
        shutil.rmtree(trio.project.path(folder))


def beside(trio):
    """What lies beside and in the data folders, and is kplan's."""
    found = []
    for folder in DATA:
        path = trio.project.path(folder)
        found += [entry.name for entry in path.parent.iterdir() if entry.name != "etcd"]
    return sorted(found)


def snapshots(trio):
    return sorted(entry.name for entry in trio.project.path("snapshots").iterdir())


@pytest.fixture(name="trio")
def fixture_trio():
    with rollout_test.in_folder() as trio:
        trio.project.gen_and_ninja().ok()
        yield trio


def check_back(trio, before):
    assert digest(trio) == before[0]
    assert members(trio) == before[1]
    trio.project.gen().ok()
    verified = trio.project.ninja().ok()
    assert "verify/etcd" in verified.edges
    assert trio.project.ninja().ok().no_work


def test_every_key_comes_back_after_the_loss_of_all_members(trio):
    fill(trio, KEYS)
    trio.ctl("put", "odd", "with spaces\nand lines \N{SNOWMAN}").ok()
    before = digest(trio), members(trio)
    assert before[0][1] > 2 * KEYS
    begun = time.monotonic()
    taken = take(trio)
    file = trio.project.path(taken["file"])
    assert NAME.match(file.name)
    assert taken["revision"] == revision(trio)
    assert taken["keys"] >= KEYS and taken["size"] == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert snapshots(trio) == [file.name]
    # A follower gave it.
    assert taken["member"] != rollout_test.NAMES[trio.leader()]

    lose(trio)
    begun = time.monotonic()
    ran = restore(trio, taken["file"]).ok()
    seconds = time.monotonic() - begun
    print(f"restore of {KEYS} keys, {taken['size']} bytes: {seconds:.1f} s; snapshot {taken['seconds']:.2f} s")
    assert f"all members serve revision {taken['revision']}, {KEYS + 1} keys, with the hash" in ran.out
    check_back(trio, before)
    for folder in DATA:
        assert stat.S_IMODE(trio.project.path(folder).stat().st_mode) == 0o700
    assert beside(trio) == []
    trio.ctl("put", "after", "restore").ok()


def test_live_data_is_replaced_only_with_consent_and_kept(trio):
    trio.ctl("put", "key", "old").ok()
    before = digest(trio), members(trio)
    outside = trio.project.folder.parent / "outside.db"
    taken = take(trio, outside)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o600
    for number in range(5):
        trio.ctl("put", "key", f"new {number}").ok()
    pids = trio.pids()

    ran = restore(trio, outside)
    assert ran.code == 1
    for name in rollout_test.NAMES:
        assert f"{name} runs, has data" in ran.err
    assert f"the cluster is at revision {revision(trio)}, the snapshot at revision {taken['revision']}: 5 would be lost" in ran.err
    assert "--yes" in ran.err
    assert trio.pids() == pids and beside(trio) == []

    # A second one of that name is not taken.
    again = trio.project.run(trio.project.kplan, "snapshot", outside)
    assert again.code == 1 and "is there already" in again.err

    ran = restore(trio, outside, "--yes").ok()
    assert trio.pids() != pids
    check_back(trio, before)
    kept = beside(trio)
    assert len(kept) == 3 and all(re.match(r"etcd\.before-restore-\d{8}T\d{6}\.\d{3}Z$", name) for name in kept)
    assert sorted(os.listdir(trio.project.path(DATA[0]).parent / kept[0])) == ["member"]
    assert not trio.project.path(".kplan/restore.db").exists()


def test_what_is_no_whole_snapshot_is_refused_before_anything_is_touched(trio):
    trio.ctl("put", "key", "value").ok()
    good = trio.project.path(take(trio)["file"])
    pids = trio.pids()
    content = good.read_bytes()
    for what, bad in {
            "a byte": content[:9000] + bytes([content[9000] ^ 1]) + content[9001:],
            "cut": content[:len(content) // 2],
            "without its digest": content[:-32],
            "another digest": content[:-1] + bytes([content[-1] ^ 1]),
            "empty": b"",
            "text": b"no snapshot" * 1000,
    }.items():
        file = trio.project.path("bad.db")
        file.write_bytes(bad)
        ran = restore(trio, "bad.db", "--yes")
        assert ran.code == 1, what
        assert "nothing was touched" in ran.err and "no whole snapshot of etcd" in ran.err, (what, ran.err)
    assert restore(trio, "missing.db", "--yes").code == 1
    assert trio.pids() == pids and beside(trio) == []


# One host after the other is exchanged, each by one call; "before" the second is between two hosts.
@pytest.mark.parametrize("call", [1, 2, 3, "aside"] if os.environ.get("KPLAN_SWEEP") == "full" else [2, "aside"])
def test_killed_in_the_middle_nobody_is_started_and_a_second_run_completes(trio, call):
    fill(trio, 2000)
    before = digest(trio), members(trio)
    file = take(trio)["file"]
    trio.ctl("put", "later", "lost").ok()
    # Calls of the first thread alone count. It exchanges two folders on each host, and puts one of them aside.
    when = ["-e", f"inject=renameat2:signal=KILL:when={2 if call == 'aside' else 2 * call - 1}"]
    ran = trio.project.run("strace", "-o", "/dev/null", "-e", "trace=renameat2", *when, trio.project.kplan, "restore", file, "--yes")
    assert ran.code != 0 and "stopped" in ran.out, (ran.out, ran.err)
    assert trio.pids() == [0, 0, 0]

    held = trio.project.gen_and_ninja()
    assert held.code != 0
    assert "was begun and did not end" in held.out and "Run kplan restore again" in held.out
    assert trio.pids() == [0, 0, 0]

    refused = restore(trio, file)
    assert refused.code == 1 and "a restore of" in refused.err
    restore(trio, file, "--yes").ok()
    check_back(trio, before)
    # What was in place is kept, once.
    assert len([name for name in beside(trio) if "before-restore" in name]) == 3
    assert not [name for name in beside(trio) if "kplan-restore" in name]


def test_killed_while_it_prepares_nothing_has_happened(trio):
    fill(trio, 2000)
    before = digest(trio), members(trio)
    file = take(trio)["file"]
    pids = trio.pids()
    ran = trio.project.run("strace", "-f", "-o", "/dev/null", "-e", "trace=syncfs", "-e", "inject=syncfs:signal=KILL:when=1",
                           trio.project.kplan, "restore", file, "--yes")
    assert ran.code != 0 and "stopped" not in ran.out
    assert trio.pids() == pids
    assert digest(trio) == before[0]
    trio.project.gen_and_ninja().ok()
    assert trio.pids() == pids
    restore(trio, file, "--yes").ok()
    check_back(trio, before)


def test_a_disk_that_is_too_full_stops_it_while_all_run(trio):
    fill(trio, 2000)
    file = take(trio)["file"]
    pids = trio.pids()
    # The second host's disk: its data folder is a mount point, too.
    data = trio.project.path(DATA[1])
    os.kill(trio.pid(1), 15)
    harness.wait_for("end of etcd-2", lambda: not trio.pid(1))
    kept = data.parent / "kept"
    data.rename(kept)
    data.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=70m,mode=0700", "tmpfs", data], check=True)
    try:
        shutil.copytree(kept, data, dirs_exist_ok=True)
        trio.project.gen_and_ninja().ok()
        pids[1] = trio.pid(1)
        ran = restore(trio, file, "--yes")
        assert ran.code == 1
        assert "host etcd-2: there is no room for the restored data" in ran.err
        assert "nothing was stopped or replaced" in ran.err
        assert trio.pids() == pids
        assert [name for name in beside(trio) if "kplan-restore" in name] == []
        # With more room it is "member" that is exchanged.
        subprocess.run(["mount", "-o", "remount,size=400m", data], check=True)
        before = digest(trio), members(trio)
        restore(trio, file, "--yes").ok()
        check_back(trio, before)
        assert [name for name in sorted(os.listdir(data)) if name != "member"][0].startswith("member.before-restore-")
    finally:
        trio.stop()
        subprocess.run(["umount", data], check=True)


def with_snapshots(trio, keep):
    trio.project.spec += f"rollout: {{snapshot: before-restart, keep-snapshots: {keep}}}\n"


def test_a_snapshot_before_the_first_restart_of_a_run(trio):
    trio.ctl("put", "key", "value").ok()
    foreign = "cdf818194e3a8c32-20200101T000000.000Z-r1-before-restart.db"
    trio.project.path("snapshots").mkdir(mode=0o755)
    for name in (foreign, "notes.txt"):
        trio.project.path(f"snapshots/{name}").write_text("somebody else's", encoding="ascii")
    manual = os.path.basename(take(trio)["file"])
    others = sorted([foreign, "notes.txt", manual])

    with_snapshots(trio, 2)
    # Nothing needs a restart for that: no snapshot.
    trio.project.gen_and_ninja().ok()
    assert snapshots(trio) == others
    # Nor for a start.
    harness.kill(trio.pid(1))
    trio.project.gen_and_ninja().ok()
    assert snapshots(trio) == others

    taken = []
    for flag in ("6", "7", "8"):
        rollout_test.change_flag(trio, flag)
        trio.project.gen().ok()
        shown = trio.project.run(trio.project.kplan, "plan")
        assert "after a snapshot" in shown.out, shown.out
        ran = trio.project.ninja().ok()
        found = re.search(r"^snapshot snapshots/(\S+): revision (\d+), (\d+) keys?, \S+ \S+, from (etcd-\d) in", ran.out, re.MULTILINE)
        assert found, ran.out
        assert found.group(1).endswith("-before-restart.db")
        assert ran.out.index(found.group(0)) < ran.out.index(": restarted (")
        taken.append(found.group(1))
        assert snapshots(trio) == sorted(others + taken[-2:])
        assert stat.S_IMODE(trio.project.path("snapshots").stat().st_mode) == 0o700
        assert trio.flags() == [flag] * 3
    assert trio.project.gen_and_ninja().no_work


def test_without_its_snapshot_nobody_is_restarted(trio):
    trio.ctl("put", "key", "value").ok()
    with_snapshots(trio, 3)
    trio.project.gen_and_ninja().ok()
    folder = trio.project.path("snapshots")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    try:
        pids = trio.pids()
        rollout_test.change_flag(trio, "9")
        ran = trio.project.gen_and_ninja()
        assert ran.code != 0
        assert "no snapshot could be taken" in ran.out and "there is no room for it in snapshots" in ran.out
        assert "remove `snapshot` from `rollout`" in ran.out
        assert "left:     etcd-1, etcd-2 and etcd-3 need a restart, and were not touched" in ran.out
        assert trio.pids() == pids
        assert snapshots(trio) == []
    finally:
        subprocess.run(["umount", folder], check=True)
    trio.project.ninja().ok()
    assert trio.flags() == ["9"] * 3
    assert len(snapshots(trio)) == 1


def test_the_one_member_of_this_machine(tmp_path):
    """The quickstart's etcd, of an ordinary user, from a folder elsewhere."""
    with cluster.in_folder() as one:
        one.provision()
        project, binary = one.project, one.on_host("/usr/local/bin/etcdctl")
        etc = one.on_host("/etc/etcd")
        ctl = lambda *words: project.run(
            binary, *words, f"--endpoints=https://127.0.0.1:{one.client_port}", f"--cacert={etc}/ca.pem", f"--cert={etc}/kubernetes.pem",
            f"--key={etc}/kubernetes-key.pem").ok().out
        ctl("put", "key", "old")
        line = one.member_list()
        taken = json.loads(project.runner.run([project.kplan, "snapshot", "-C", project.folder, "--json"], cwd=tmp_path.parent).ok().out)
        ctl("put", "key", "new")
        file = project.path(taken["file"])
        assert restore(one, file).code == 1
        ran = restore(one, file, "--yes").ok()
        assert "the member serves revision" in ran.out
        assert ctl("get", "key", "--print-value-only") == "old\n"
        assert one.member_list() == line
        assert "verify/etcd" in project.gen_and_ninja().ok().edges
        assert project.gen_and_ninja().no_work

        # Nothing that a plan does not have.
        empty = project.path("empty")
        project.run("mkdir", empty).ok()
        for words in (["snapshot"], ["restore", file]):
            ran = project.runner.run([project.kplan, *words, "-C", empty])
            assert ran.code == 1 and "there is no plan in this folder" in ran.err
        assert project.run(project.kplan, "snapshot", "--keep", "0").code == 64
        for _ in range(2):
            project.run(project.kplan, "snapshot", "--keep", "2").ok()
        assert len([name for name in os.listdir(project.path("snapshots")) if NAME.match(name)]) == 2
