"""`plan` is exact: after a random edit of cluster.yaml, or of a file on a host, the steps that it names are those that ninja
then runs, those that it says will change are those whose artifacts change, and `why` leads to a line that was edited.

KPLAN_PLAN_EDITS: how many edits (default 300); KPLAN_PLAN_SEED: which.
"""

import json
import os
import pathlib
import random
import shutil

import pytest

import harness
import plan_edits

EDITS = int(os.environ.get("KPLAN_PLAN_EDITS", "300"))
SEED = int(os.environ.get("KPLAN_PLAN_SEED", "1"))
# How many of these are on a cluster whose etcd runs.
RUNNING = max(1, EDITS // 10)


# Runs, and heeds SIGHUP.
PROGRAM = "trap : HUP\nwhile :; do sleep 0.05; done\n"


def archive(folder, version, source):
    harness.copy_file(source, folder / f"etcd-{version}.tar.gz", owner=harness.NOBODY)
    return {"version": version, "path": f"etcd-{version}.tar.gz", "sha256": harness.sha256(source)}


def base_spec(first, manager, client, peer):
    url = f"https://127.0.0.1:{client}"
    return {
        "hosts": {
            "worker": {"root": "./rootfs", "service-manager": manager},
            "node-1": {"root": "./node-1", "service-manager": "none"},
        },
        "ca": {"CN": "test-ca", "key": {"algo": "ecdsa", "size": 256}, "expiry": "43800h"},
        "cas": {"sub": {"issuer": "ca", "CN": "test-sub", "key": {"algo": "ecdsa"}, "expiry": "17520h"}},
        "signing": {"profiles": {
            "kubernetes": {"expiry": "8760h", "usages": ["signing", "key encipherment", "server auth", "client auth"]},
            "client": {"expiry": "8760h", "usages": ["signing", "client auth"]},
        }},
        "certs": {
            "kubernetes": {"key": {"algo": "ecdsa"}, "ca": "ca", "hosts": ["worker", "127.0.0.1", "localhost"]},
            "client": {"key": {"algo": "ecdsa"}, "ca": "sub", "profile": "client", "hosts": ["client"]},
            "node": {"key": {"algo": "ecdsa"}, "ca": "ca", "per": "host", "hosts": ["$name"]},
        },
        "etcd": {
            "version": first["version"],
            "archive": {"path": first["path"], "sha256": first["sha256"]},
            "cert": "kubernetes",
            "members": ["worker"],
            "flags": {
                "listen-client-urls": url,
                "advertise-client-urls": url,
                "listen-peer-urls": f"http://127.0.0.1:{peer}",
                "initial-advertise-peer-urls": f"http://127.0.0.1:{peer}",
                "initial-cluster": f"etcd=http://127.0.0.1:{peer}",
            },
        },
        "services": {
            "web": {
                "hosts": ["worker"],
                "after": ["etcd"],
                "files": {
                    "/etc/web/program": {"content": PROGRAM},
                    "/etc/web/copy": {"from": "copied.txt", "on-change": "reload"},
                },
                "command": ["/bin/sh", "/etc/web/program"],
                "checks": [{"exec": ["/bin/true"]}],
            },
        },
    }


@pytest.fixture(name="folder")
def fixture_folder():
    base = harness.make_folder("plan", owner=harness.NOBODY)
    harness.copy_file(harness.KPLAN, base / "kplan", mode=0o755)
    yield base
    for name in ("etcd", "web"):
        pid_file = base / f"project/rootfs/run/{name}.pid"
        if pid_file.exists():
            harness.kill(int(pid_file.read_text(encoding="ascii")))
    shutil.rmtree(base)


class Story:
    """A project with what is known of it."""

    def __init__(self, base, manager):
        folder = base / "project"
        runner = harness.Here(harness.NOBODY)
        runner.run(["mkdir", folder]).ok()
        self.project = harness.Project(folder, runner, base / "kplan")
        archives = [archive(folder, harness.etcd_version(), harness.ETCD_ARCHIVE),
                    archive(folder, "3.4.15", harness.TUTORIAL_ARCHIVE)]
        client, peer = harness.free_ports(2)
        self.manager = manager
        self.editor = plan_edits.Editor(base_spec(archives[0], manager, client, peer), f"{SEED}-{manager}", archives)
        self.random = random.Random(f"events-{SEED}-{manager}")
        self.write()
        self.project.path("copied.txt").write_text("copied\n", encoding="ascii")
        self.project.gen_and_ninja().ok()

    def write(self):
        self.project.spec = plan_edits.text_of(self.editor.spec)

    def plan(self):
        ran = self.project.run(self.project.kplan, "plan", "--json", "cluster.yaml")
        assert ran.code in (0, 2), f"exit {ran.code}\n{ran.out}\n{ran.err}\n{self.project.spec}"
        plan = json.loads(ran.out)
        assert (ran.code == 0) == (not plan["steps"])
        return plan

    def why(self, label):
        return json.loads(self.project.run(self.project.kplan, "why", "--json", label, "cluster.yaml").ok().out)

    def state(self):
        """{label: what its artifact is}, by looking at the files and the process."""
        found = {}
        for label, record in self.project.records().items():
            paths = []
            if record["kind"] in ("install", "dir"):
                paths = [os.path.join(record["root"], record["path"].lstrip("/"))]
            elif record["kind"] == "install-pair":
                paths = [os.path.join(record["root"], record[key].lstrip("/")) for key in ("cert-path", "key-path")]
            elif record["kind"] == "crl":
                paths = [record["path"], record["der"]]
            elif record["kind"] == "unpack":
                paths = [f"{record['dir']}/{name}" for _, name in record["members"]]
            elif record["kind"] == "service" and record["manager"] == "process":
                pid = self.project.path(f"rootfs/run/{record['name']}.pid")
                marker = self.project.path(f"rootfs/run/kplan/{record['name']}.started")
                # Which process, and what it has read.
                found[label] = (pid.read_text(encoding="ascii") if pid.exists() else "",
                                json.loads(marker.read_text(encoding="utf-8"))["files"] if marker.exists() else "")
                continue
            elif record["kind"] not in ("fetch", "service", "verify-etcd", "requests", "check"):
                paths = [record["path"]]
            seen = []
            for path in paths:
                path = self.project.path(path)
                info = path.lstat() if path.exists() else None
                seen.append((str(path), info and (info.st_mode, info.st_uid, None if path.is_dir() else harness.sha256(path))))
            found[label] = seen
        return found

    def check(self, what, gone=(), came=(), drift=False):
        """Plans, asks why, runs, and compares. What was edited: lines of the old text that are GONE, of the new that CAME."""
        plan = self.plan()
        fates = {step["label"]: step["fate"] for step in plan["steps"]}
        assert set(fates.values()) <= {"change", "check"}, (what, plan["steps"])
        context = f"{what}\n{json.dumps(plan, indent=1)}\n{self.project.spec}"
        for label, fate in fates.items():
            why = self.why(label)
            if drift and why["root"]["kind"] in ("drift", "source"):
                continue
            assert why["root"]["kind"] == "edit", (label, fate, why, context)
            assert why["chain"][0]["label"] == label
            lines = [(edit["line"], edit["old-line"]) for edit in why["root"]["edits"]]
            assert any(line in came or old in gone for line, old in lines), (label, why, sorted(gone), sorted(came), context)
        self.project.gen().ok()  # makes no artifact, and says where each is now
        before = self.state()
        runs = self.project.ran_at()
        ran = self.project.ninja()
        assert ran.code == 0, (ran.out, ran.err, context)
        after = self.state()
        changed = {label for label in after if before[label] != after[label]}
        promised = {label for label, fate in fates.items() if fate == "change"}
        # A service without a manager has no artifact to look at.
        unseen = {label for label in promised if label.startswith("service/") and self.manager == "none"}
        # Whoever edited it has changed it before.
        unseen |= {label for label in promised if label.startswith("source/")}
        assert changed == promised - unseen, (sorted(changed ^ (promised - unseen)), ran.out, context)
        # Ninja drops lines while a download has the console, so the journal says what ran.
        ran_now = {label for label, runs_now in self.project.ran_at().items() if runs_now != runs.get(label)}
        assert set(ran.edges) <= ran_now
        assert ran_now == set(fates), (sorted(ran_now ^ set(fates)), ran.out, context)
        restarts = {step["label"] for step in plan["steps"] if step["restarts"]}
        reloads = {step["label"] for step in plan["steps"] if step["reloads"]}
        if self.manager == "process":
            services = {label for label in changed if label.startswith("service/")}
            assert restarts | reloads == services, context
            assert restarts == {label for label in services if before[label][0] != after[label][0]}, context
        return fates

    def settle(self):
        """After a repair one more cheap pass can happen; then there is nothing to do, and plan knows."""
        self.project.ninja().ok()
        assert self.project.ninja().ok().no_work
        plan = self.plan()
        assert plan["steps"] == [], plan

    def random_edit(self, number):
        old = self.project.spec
        names = self.editor.step()
        self.write()
        gone, came = plan_edits.edited_lines(old, self.project.spec)
        fates = self.check(f"edit {number}: {names}", gone, came)
        self.settle()
        return fates

    def random_event(self, number):
        """Somebody touches a file by hand."""
        files = [path for folder in ("pki", "rootfs/etc", "node-1", "rendered")
                 for path in sorted(self.project.path(folder).rglob("*")) if path.is_file() and "superseded" not in str(path)]
        files = [path for path in files if not path.name.startswith(("ca-key", "sub-key"))]
        files.append(self.project.path("copied.txt"))
        path = self.random.choice(files)
        event = self.random.choice(["edited", "deleted", "opened", "touched", "kept-time"])
        if path.name == "copied.txt" and event in ("deleted", "opened"):
            event = "edited"
        if path.name.endswith("-key.pem") and event in ("edited", "kept-time"):
            event = "opened"
        info = path.stat()
        if event == "edited":
            path.write_bytes(path.read_bytes() + b"# by hand\n")
        elif event == "kept-time":
            path.write_bytes(path.read_bytes() + b"# by hand\n")
            os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
        elif event == "deleted":
            path.unlink()
        elif event == "opened":
            path.chmod(0o666)
        else:
            os.utime(path)
        what = f"event {number}: {event} {path.relative_to(self.project.outside)}"
        fates = self.check(what, drift=True)
        self.settle()
        return fates


def run(story, count):
    changes = 0
    for number in range(count):
        fates = story.random_event(number) if number % 6 == 5 else story.random_edit(number)
        changes += sum(fate == "change" for fate in fates.values())
    return changes


def test_files(folder):
    # Few of these would mean that the edits have no effect.
    assert 2 * run(Story(folder, "none"), EDITS - RUNNING) > 3 * (EDITS - RUNNING)


def test_a_running_cluster(folder):
    story = Story(folder, "process")
    run(story, RUNNING)
    assert harness.alive(int(pathlib.Path(story.project.path("rootfs/run/etcd.pid")).read_text(encoding="ascii")))
