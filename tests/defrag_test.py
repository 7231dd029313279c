"""Three real etcds give the room that they no longer use back, one after the other, the leader last, while others write."""

import json
import re

import pytest

import harness
import rollout_test

pytestmark = pytest.mark.skipif(not harness.ISOLATED_ROOT, reason="it needs the ports 2379 and 2380 of its own network")

QUOTA = 32 << 20


@pytest.fixture(name="trio")
def fixture_trio():
    with rollout_test.in_folder() as trio:
        trio.project.edit_spec("flags: {max-wals: 5}", f"flags: {{max-wals: 5, quota-backend-bytes: {QUOTA}}}")
        trio.project.gen_and_ninja().ok()
        yield trio


def fill(trio, megabytes):
    """Writes so many MB to the same four keys, again and again: most of it is history. What came of it, where a write failed."""
    trio.project.path("value").write_text("v" * (256 << 10), encoding="ascii")
    etcdctl = next(trio.project.path("archives/unpacked").glob("**/etcdctl"))
    put = '"$1" put "$2" --endpoints=https://127.0.0.2:2379 --cacert=pki/ca.pem --cert=pki/root.pem --key=pki/root-key.pem <value'
    for number in range(megabytes * 4):
        ran = trio.project.run("sh", "-c", put, "sh", etcdctl, f"fill/{number % 4}")
        if ran.code != 0:
            return ran
    return None


def sizes(trio):
    statuses = json.loads(trio.ctl("endpoint", "status", "--write-out=json").ok().out)
    return [status["Status"]["dbSize"] for status in statuses]


def compact(trio):
    revision = json.loads(trio.ctl("get", "x", "--write-out=json").ok().out)["header"]["revision"]
    trio.ctl("compact", "--physical", str(revision)).ok()

    # Only the member that was asked has been waited for, and bbolt frees what was compacted with a write after it.
    def freed():
        trio.ctl("put", "tick", "x").ok()
        statuses = json.loads(trio.ctl("endpoint", "status", "--write-out=json").ok().out)
        return all(status["Status"]["dbSizeInUse"] < status["Status"]["dbSize"] / 2 for status in statuses)

    harness.wait_for("room after the compaction", freed)


def defrag(trio, *words):
    return trio.project.run(trio.project.kplan, "defrag", *words, timeout=240)


def test_one_after_the_other_the_leader_last(trio):
    assert fill(trio, 8) is None
    compact(trio)
    before, leader = sizes(trio), trio.leader()
    pids = trio.pids()
    with rollout_test.Writer(trio, [0, 1, 2]) as writer:
        ran = defrag(trio).ok()
    assert writer.written > 0 and writer.failed == [], writer.failed
    after = sizes(trio)
    assert all(small < large / 2 for small, large in zip(after, before)), (before, after)
    assert trio.pids() == pids
    order = re.findall(r"^(etcd-\d): \S+ \S+ became", ran.out, re.MULTILINE)
    assert sorted(order) == rollout_test.NAMES and order[-1] == rollout_test.NAMES[leader], ran.out
    assert re.search(rf"^etcd-\d leads, instead of {rollout_test.NAMES[leader]}$", ran.out, re.MULTILINE), ran.out

    again = defrag(trio).ok()
    assert again.out.count("nothing to free") == 3 and "became" not in again.out, again.out
    assert trio.project.ninja().ok().no_work


def test_nobody_is_taken_away_while_one_is_away(trio):
    assert fill(trio, 8) is None
    compact(trio)
    harness.kill(trio.pid(1))
    ran = defrag(trio)
    assert ran.code == 1 and "etcd-2 does not serve" in ran.err and "became" not in ran.out, ran
    trio.project.ninja().ok()
    defrag(trio).ok()


def test_a_full_store_takes_writes_again(trio):
    """NOSPACE stays until its cause is gone, and then goes with it; every key is there."""
    trio.ctl("put", "kept", "yes").ok()
    failed = fill(trio, 40)
    assert failed is not None and "database space exceeded" in failed.err, failed
    assert "NOSPACE" in trio.ctl("alarm", "list").ok().out

    # How much bbolt has of its own beside the keys, only it knows: the history alone may leave room, or not.
    ran = defrag(trio)
    stays = "NOSPACE" in trio.ctl("alarm", "list").ok().out
    assert (ran.code == 1) == stays == ("the alarm NOSPACE stays" in ran.err and "kplan defrag --compact" in ran.err), ran
    if not stays:
        assert fill(trio, 40) is not None
    assert "NOSPACE" in trio.ctl("alarm", "list").ok().out

    ran = defrag(trio, "--compact").ok()
    assert "compacted up to revision" in ran.out and "the alarm NOSPACE is taken away" in ran.out, ran.out
    again = defrag(trio, "--compact").ok()
    assert "it was compacted before" in again.out and "became" not in again.out, again.out
    assert trio.ctl("alarm", "list").ok().out.strip() == ""
    assert trio.ctl("get", "kept", "--print-value-only").ok().out == "yes\n"
    trio.ctl("put", "fill/0", "again").ok()
    trio.project.ninja().ok()


def test_a_larger_quota_takes_the_alarm_away(trio):
    assert fill(trio, 40) is not None
    trio.project.edit_spec(f"quota-backend-bytes: {QUOTA}", f"quota-backend-bytes: {8 * QUOTA}")
    trio.project.gen().ok()
    trio.project.ninja("rollout/etcd", timeout=240).ok()
    ran = defrag(trio).ok()
    assert "the alarm NOSPACE is taken away" in ran.out, ran.out
    trio.ctl("put", "fill/0", "again").ok()
    trio.project.ninja().ok()


def test_it_waits_for_nobody_elses_run(trio):
    """Two that take members away do not go at once: the second one says who is at work."""
    process = trio.project.runner.popen(["flock", "--exclusive", str(trio.project.path(".kplan/run.lock")), "sleep", "60"], trio.project.folder)
    try:
        ran = harness.wait_for("the lock", lambda: (one := defrag(trio)).code != 0 and one)
        assert "at work" in ran.err and "became" not in ran.out, ran
    finally:
        process.kill()
        process.wait()
