"""Whatever is interrupted, the next run completes, and a CA key once written never changes."""

import os
import pathlib
import random
import signal
import stat
import time

import pytest

import cluster as clusters
import harness

# In place of kplan in build.ninja: at the first run of each step it has the whole run interrupted, once: before the
# step, in the middle of it (at the first rename, the moment that counts), or after it, before ninja knows. Arguments:
# those of kplan; the rest is filled in below.
_SABOTEUR = r"""#!/bin/bash
real=@KPLAN@ hits=@HITS@ moment=@MOMENT@ signal=@SIGNAL@
if [[ $1 != step ]] || grep -qxF -- "$3" "$hits"; then
  exec "$real" "$@"
fi
# Field 6 of stat is the session, whose leader is ninja (the harness starts it so).
read -r stat </proc/$$/stat
read -r _ _ _ session _ <<<"${stat##*) }"
echo "$3" >>"$hits"
case $moment in
  before) ;;
  middle) strace -f -qq -o /dev/null -e trace=rename,renameat,renameat2 \
      -e "inject=rename,renameat,renameat2:signal=$signal:when=1" "$real" "$@" ;;
  after) "$real" "$@" ;;
esac
kill -s "$signal" "$session"
# SIGKILL leaves ninja's children alive; a machine that loses power does not.
[[ $signal == KILL ]] && kill -s KILL $$
exit 1
"""


@pytest.fixture(name="cluster")
def fixture_cluster():
    with clusters.in_folder() as cluster:
        cluster.use_quick_keys()
        yield cluster


def ca_key(cluster):
    """The CA key's bytes; empty when there is none. Whenever there is one it is whole and for its owner alone."""
    path = cluster.project.path("pki/ca-key.pem")
    if not path.exists():
        return b""
    assert stat.S_IMODE(os.lstat(path).st_mode) == 0o600
    text = path.read_bytes()
    assert text.startswith(b"-----BEGIN ") and text.endswith(b"-----\n"), text
    return text


def check_whole(cluster):
    """After an interruption: what is there is whole, under its own name, and nobody else can read a key."""
    for path in cluster.project.path("pki").glob("*"):
        if "key" in path.name:
            assert stat.S_IMODE(os.lstat(path).st_mode) == 0o600, path
    for name in ("/etc/etcd/kubernetes-key.pem", "/etc/etcd/kubernetes.pem", "/etc/etcd/ca.pem"):
        path = cluster.on_host(name)
        if path.exists():
            assert path.read_bytes() == cluster.project.path("pki/" + path.name).read_bytes(), path


def check_complete(cluster):
    cluster.project.gen_and_ninja().ok()
    assert cluster.member_list() == cluster.member_line
    assert cluster.project.gen_and_ninja().no_work


@pytest.mark.parametrize("signal_name", ["KILL", "INT"])
@pytest.mark.parametrize("moment", ["before", "middle", "after"])
def test_interrupted_at_every_step(cluster, moment, signal_name):
    project = cluster.project
    hits = project.path("hits")
    project.run("touch", "hits").ok()
    script = _SABOTEUR
    for name, value in (("KPLAN", project.kplan), ("HITS", hits), ("MOMENT", moment), ("SIGNAL", signal_name)):
        script = script.replace(f"@{name}@", str(value))
    saboteur = project.path("saboteur")
    saboteur.write_text(script, encoding="utf-8")
    saboteur.chmod(0o755)
    project.run(project.kplan, "gen", "--kplan", saboteur, "cluster.yaml").ok()
    labels = {label for command in project.ninja("-t", "commands").ok().out.splitlines()
              if len(words := command.split()) >= 4 and words[1] == "step" for label in [words[3]]}
    assert len(labels) > 15, labels

    key = b""
    for _ in range(2 * len(labels)):
        before = len(hits.read_text(encoding="utf-8").splitlines())
        process = project.runner.popen(["ninja"], project.folder, start_new_session=True)
        out, err = process.communicate(timeout=120)
        ran = harness.Ran(process.returncode, out, err)
        if signal_name == "KILL":
            # Steps that ran beside the victim outlive ninja; a machine that loses power has none.
            kill_session(process.pid, signal.SIGKILL)
        check_whole(cluster)
        if key:
            assert ca_key(cluster) == key
        key = ca_key(cluster)
        if len(hits.read_text(encoding="utf-8").splitlines()) == before:
            ran.ok()
            break
        assert ran.code != 0
    else:
        pytest.fail("it never completed")
    assert set(hits.read_text(encoding="utf-8").split()) == labels
    # Also of a step that was killed before ninja wrote it down.
    assert project.ninja().no_work
    project.ninja("-t", "cleandead").ok()
    assert ca_key(cluster) == key
    assert cluster.member_list() == cluster.member_line


def in_session(session):
    """The processes of a session that still run."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and harness.alive(entry.name):
            try:
                if os.getsid(int(entry.name)) == session:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found


def kill_session(session, sig):
    """Sends SIG to all processes of a session; SIGKILL until there is none left, whatever they fork."""
    for pid in in_session(session):
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            continue
    if sig == signal.SIGKILL:
        harness.wait_for("end of all processes", lambda: not in_session(session) or kill_session(session, sig))


def test_interrupted_at_random_moments(cluster):
    project = cluster.project
    started = time.monotonic()
    cluster.provision()
    whole = time.monotonic() - started
    cluster.stop()

    seed = int(os.environ.get("KPLAN_TEST_SEED", time.time_ns() % 1000000))
    print(f"KPLAN_TEST_SEED={seed}")
    chance = random.Random(seed)
    interrupted = keys = 0
    for number in range(200):
        if interrupted == 50:
            break
        project.run("rm", "-rf", "pki", "rootfs", ".kplan", "build.ninja", "archives", "rendered", "reports").ok()
        sig = chance.choice([signal.SIGKILL, signal.SIGINT])
        process = project.runner.popen(
            ["sh", "-c", f"{project.kplan} gen cluster.yaml && exec ninja"], project.folder, start_new_session=True)
        time.sleep(chance.uniform(0, whole))  # the moment itself is what is drawn
        if process.poll() is None:
            interrupted += 1
        else:
            whole *= 0.9  # the first run was slower than this one: it ended before it could be interrupted
        kill_session(process.pid, sig)
        process.communicate(timeout=60)
        key = ca_key(cluster)
        keys += bool(key)
        check_whole(cluster)

        ran = project.run("sh", "-c", f"{project.kplan} gen cluster.yaml && exec ninja")
        assert ran.code == 0, f"run {number}, {sig.name}, KPLAN_TEST_SEED={seed}: {ran}"
        if key:
            assert ca_key(cluster) == key
        assert cluster.member_list() == cluster.member_line
        cluster.stop()
    assert interrupted == 50 and keys > 10, (interrupted, keys)
    check_complete(cluster)
