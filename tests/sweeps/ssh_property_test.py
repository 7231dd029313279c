"""`plan` is exact on booted hosts, too: after random edits of cluster.yaml and random drift on two hosts over ssh, alone and together,
the steps that it names are those that ninja then runs, and those that it says will change are those whose artifacts change.

KPLAN_SSH_ROUNDS: how many (with KPLAN_SWEEP=full 300); KPLAN_PLAN_SEED: which.
"""

import json
import os
import random
import re

import pytest

import harness
import hosts
import plan_edits

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

FULL = os.environ.get("KPLAN_SWEEP") == "full"
ROUNDS = int(os.environ.get("KPLAN_SSH_ROUNDS", "300" if FULL else "14"))
SEED = os.environ.get("KPLAN_PLAN_SEED", "1")

# Runs, and heeds SIGHUP.
PROGRAM = "trap : HUP\nwhile :; do sleep 0.05; done\n"
# Whose artifacts are a file or a folder.
FILES = ("install", "install-pair", "unit", "dir")
# What is a look at others, or a way to them; nothing of it is anywhere to be compared.
PROOFS = ("host", "send", "survey-etcd", "verify-etcd", "check", "fetch", "requests")


def paths_of(record):
    return [record["cert-path"], record["key-path"]] if record["kind"] == "install-pair" else [record["path"]]


def same(what, found, said, context):
    if found != said:
        pytest.fail(f"{what}: only found {sorted(found - said)}, only said {sorted(said - found)}\n{context}", pytrace=False)


def base_spec(lab, archive):
    first, second = lab.hosts
    return {
        "hosts": {host.name: {"address": host.address, "ssh": f"root@{host.address}"} for host in lab.hosts} | {
            "node-1": {"root": "./node-1", "service-manager": "none"}},
        "ca": {"CN": "test-ca", "key": {"algo": "ecdsa", "size": 256}, "expiry": "43800h"},
        "cas": {"sub": {"issuer": "ca", "CN": "test-sub", "key": {"algo": "ecdsa"}, "expiry": "17520h"}},
        "signing": {"profiles": {
            "kubernetes": {"expiry": "8760h", "usages": ["signing", "key encipherment", "server auth", "client auth"]},
            "client": {"expiry": "8760h", "usages": ["signing", "client auth"]},
        }},
        "certs": {
            "kubernetes": {"key": {"algo": "ecdsa"}, "ca": "ca", "hosts": [first.name, first.address, "127.0.0.1", "localhost"]},
            "client": {"key": {"algo": "ecdsa"}, "ca": "sub", "profile": "client", "hosts": ["client"]},
            "node": {"key": {"algo": "ecdsa"}, "ca": "ca", "per": "host", "hosts": ["$name"]},
        },
        "etcd": {
            "version": archive["version"],
            "archive": {"path": archive["path"], "sha256": archive["sha256"]},
            "cert": "kubernetes",
            "members": [first.name],
            "flags": {},
        },
        "services": {
            "web": {
                "hosts": [first.name, second.name],
                "files": {
                    "/etc/web/program": {"content": PROGRAM},
                    "/etc/web/copy": {"from": "copied.txt", "on-change": "reload"},
                },
                "command": ["/bin/sh", "/etc/web/program"],
                "unit": {"Service": {"ExecReload": "/bin/kill -HUP $MAINPID"}},
                "checks": [{"exec": ["/bin/true"]}],
            },
        },
    }


class Story:
    """A project over ssh, with what is known of it."""

    def __init__(self, lab, folder):
        self.lab = lab
        self.by_name = {host.name: host for host in lab.hosts}
        self.project = harness.Project(folder, harness.There(lab.admin), harness.KPLAN)
        harness.copy_file(harness.ETCD_ARCHIVE, folder / "etcd.tar.gz")
        archive = {"version": harness.etcd_version(), "path": "etcd.tar.gz", "sha256": harness.sha256(harness.ETCD_ARCHIVE)}
        self.editor = plan_edits.Editor(base_spec(lab, archive), f"ssh-{SEED}", [archive])
        self.random = random.Random(f"drift-{SEED}")
        self.write()
        self.project.path("copied.txt").write_text("copied\n", encoding="ascii")
        self.project.gen().ok()
        self.project.ninja(timeout=240).ok()

    def write(self):
        self.project.spec = plan_edits.text_of(self.editor.spec)

    def plan(self):
        ran = self.project.run(self.project.kplan, "plan", "--json", "cluster.yaml")
        assert ran.code in (0, 2), f"exit {ran.code}\n{ran.out}\n{ran.err}\n{self.project.spec}"
        plan = json.loads(ran.out)
        assert (ran.code == 0) == (not plan["steps"])
        return plan

    # What is there.

    def files_of(self, name, paths):
        """{path: mode, owner and digest, or None} of files and folders of the host."""
        script = ('while IFS= read -r path; do if [ -e "$path" ]; then stat -c "%A %u %g" "$path"; '
                  'if [ -f "$path" ]; then sha256sum < "$path"; else echo; fi; else echo; echo; fi; done')
        lines = self.by_name[name].run(["sh", "-c", script], check=True, input="".join(path + "\n" for path in paths)).stdout.splitlines()
        assert len(lines) == 2 * len(paths), lines
        return {path: (lines[2 * i], lines[2 * i + 1]) for i, path in enumerate(paths)}

    def service_of(self, host, name):
        """Which process runs, with what, what systemd added to its unit, and whether it comes back."""
        script = (f"systemctl show --property=MainPID,DropInPaths {name}; find /etc/systemd/system -type l -name {name}.service; "
                  f"cat /run/kplan/{name}.started 2>/dev/null || :")
        lines = self.by_name[host].run(["sh", "-c", script]).stdout.splitlines()
        marker = json.loads(lines[-1])["files"] if lines[-1].startswith("{") else None
        return [line for line in lines if not line.startswith("{")], marker

    def state(self):
        """{label: what its artifact is}"""
        found, wanted = {}, {}
        for label, record in self.project.records().items():
            kind, host = record["kind"], record.get("host", "")
            if kind in FILES and host:
                wanted.setdefault(host, []).append((label, paths_of(record)))
            elif kind == "service" and host:
                found[label] = self.service_of(host, record["name"])
            elif kind == "rollout-etcd":
                found[label] = [self.service_of(member["host"], "etcd") for member in record["members"]]
            elif kind not in PROOFS and not host:
                paths = [record["path"], record["der"]] if kind == "crl" else (
                    [f"{record['dir']}/{name}" for _, name in record["members"]] if kind == "unpack" else
                    [os.path.join(record["root"], path.lstrip("/")) for path in paths_of(record)] if kind in FILES else [record["path"]])
                paths = [self.project.path(path) for path in paths]
                found[label] = [(str(path), path.exists() and (path.lstat().st_mode, None if path.is_dir() else harness.sha256(path)))
                                for path in paths]
        for host, artifacts in wanted.items():
            files = self.files_of(host, [path for _, paths in artifacts for path in paths])
            for label, paths in artifacts:
                found[label] = [(path, files[path]) for path in paths]
        return found

    # What somebody does on a host.

    def drift(self):
        """Does something to an artifact on a host; says what."""
        name = self.random.choice(sorted(self.by_name))
        host = self.by_name[name]
        if self.random.random() < 0.35:
            service = self.random.choice(["etcd", "web"] if host is self.lab.hosts[0] else ["web"])
            what, script = self.random.choice([
                ("stopped", "systemctl stop {}"),
                ("killed for good", "systemctl kill --signal=KILL {0}; systemctl stop {0}"),
                ("restarted", "systemctl restart {}"),
                ("disabled", "systemctl disable --quiet {}"),
                ("given a drop-in", "mkdir -p /etc/systemd/system/{0}.service.d; echo '[Service]\nOOMScoreAdjust=-{1}' "
                                    ">/etc/systemd/system/{0}.service.d/mine.conf"),
            ])
            host.run(["sh", "-c", script.format(service, self.random.randrange(1, 999))], check=True)
            return f"{service} on {name} is {what}"
        records = [record for record in self.project.records().values() if record["kind"] in FILES and record.get("host") == name]
        record = self.random.choice(records)
        path = self.random.choice(paths_of(record))
        events = {
            "opened": "chmod 0666 {}",
            "given away": "chown 65534:65534 {}",
        }
        if record["kind"] != "dir":
            events |= {
                "touched": "touch {}",
                "edited": "echo '# by hand' >>{}",
                "edited, its time kept": "touch -r {0} /tmp/time && echo '# by hand' >>{0} && touch -r /tmp/time {0}",
                "deleted": "rm {}",
                "written anew as it was": "cp -p {0} {0}.new && mv {0}.new {0}",
            }
        what = self.random.choice(sorted(events))
        # A program that runs cannot be written to, and another one can take its place.
        script = "cp -p {0} {0}.new && echo x >>{0}.new && mv {0}.new {0}" if "/bin/" in path and "edited" in what else events[what]
        host.run(["sh", "-c", script.format(path)], check=True)
        return f"{path} on {name} is {what}"

    def edit(self):
        names = self.editor.step()
        self.write()
        return f"edits {names}"

    # What has to hold.

    def round(self, number):
        doings = [[self.drift], [self.edit], [self.edit, self.drift], [self.drift, self.drift]][self.random.choice([0, 0, 1, 2, 3])]
        what = f"round {number}: " + ", ".join(doing() for doing in doings)
        plan = self.plan()
        fates = {step["label"]: step["fate"] for step in plan["steps"]}
        context = f"{what}\n{json.dumps(plan, indent=1)}\n{self.project.spec}"
        assert set(fates.values()) <= {"change", "check"}, context
        self.project.gen().ok()
        before, runs = self.state(), self.project.ran_at()
        ran = self.project.ninja(timeout=240)
        assert ran.code == 0, (ran.out, ran.err, context)
        after = self.state()
        changed = {label for label in after if before[label] != after[label]}
        promised = {label for label, fate in fates.items() if fate == "change" and label in after}
        # Whoever edited it has changed it before.
        promised -= {label for label in promised if label.startswith("source/")}
        # What runs on, and is told to read a file again or has its unit read again, may look as before.
        runs_on = {step["label"] for step in plan["steps"] if step["fate"] == "change" and not step["restarts"] and not step["starts"]
                   and step["label"].startswith(("service/", "rollout/"))}
        same("which services run on with something put right, and what plan said",
             set(re.findall("^((?:service|rollout)/[^ ]*): (?:reloaded: |put right)", ran.out, re.MULTILINE)), runs_on, f"{ran.out}\n{context}")
        promised -= runs_on - changed
        told = {label: (before[label], after[label]) for label in changed ^ promised if label in before}
        same("what changed, and what plan said", changed, promised, f"{told}\n{ran.out}\n{context}")
        ran_now = {label for label, at in self.project.ran_at().items() if at != runs.get(label)}
        same("what ran, and what plan said", ran_now, set(fates), f"{ran.out}\n{context}")
        self.check_services(plan, before, after, context)
        assert self.project.ninja().ok().no_work, context
        again = self.plan()
        assert again["steps"] == [], (again, context)
        return sum(fate == "change" for fate in fates.values())

    def check_services(self, plan, before, after, context):
        """Those that plan says start or restart are those whose process is another one."""
        def pids(state):
            found = {label: seen[0][0] for label, seen in state.items() if label.startswith("service/")}
            for seen in (state[label] for label in state if label == "rollout/etcd"):
                found["rollout/etcd"] = [each[0][0] for each in seen]
            return found

        began, ended = pids(before), pids(after)
        others = {label for label in ended if began.get(label) != ended[label]}
        promised = {step["label"] for step in plan["steps"] if step["restarts"] or step["starts"]}
        same("whose process is another one, and what plan said", others, promised & set(ended), context)


def test_edits_and_drift(tmp_path):
    with hosts.lab(count=2) as lab:
        story = Story(lab, tmp_path)
        changes = sum(story.round(number) for number in range(ROUNDS))
        # Few of these would mean that what is done has no effect.
        assert changes > ROUNDS
