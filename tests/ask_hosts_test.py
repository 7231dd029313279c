"""Hosts over ssh are looked at as this machine is: before every build, and by every command that looks.

Two hosts at the other end of real sshds of this machine, each with a root of its own; no root rights.
"""

import getpass
import json
import os
import shutil
import signal

import pytest

import harness
import ssh_host

pytestmark = pytest.mark.skipif(bool(ssh_host.why_not()), reason=ssh_host.why_not() or "none")

SPEC = """\
metadata: {{name: prod}}
hosts:
{hosts}
ca: {{CN: prod, key: {{algo: ecdsa, size: 256}}}}
certs:
  web: {{per: host, hosts: [$name], key: {{algo: ecdsa, size: 256}}}}
services:
  web:
    hosts: [h1, h2]
    command: [/bin/sleep, "100000"]
    archive:
      path: sleep.tar.gz
      sha256: {digest}
      members: {{sleep: /bin/sleep}}
    certs: [{{name: web, cert: /etc/web/web.pem, key: /etc/web/web-key.pem}}]
    dirs: {{/var/lib/web: {{mode: "0700"}}}}
    files:
      /etc/web/colour: {{content: "red\\n"}}
      /etc/web/token: {{content: "t0ken\\n", mode: "0600"}}
"""


class Hosts:
    """The hosts, and the project that works on them."""

    def __init__(self, base):
        self.base = base
        self.hosts = [ssh_host.SshHost(base / name) for name in ("h1", "h2")]
        self.clients = [ssh_host.Client(base / f"client-{i}", harness.KPLAN, host) for i, host in enumerate(self.hosts)]
        folder = base / "project"
        folder.mkdir()
        programs = base / "programs"
        programs.mkdir()
        self._write_ssh(programs)
        self.environment = ["env", f"PATH={programs}:/usr/bin:/bin"]
        self.project = harness.Project(folder, harness.Here(), harness.KPLAN)
        shutil.copy("/bin/sleep", base / "sleep")
        harness.Here().run(["tar", "-C", base, "-czf", folder / "sleep.tar.gz", "sleep"]).ok()
        lines = [
            f"  h{i + 1}: {{ssh: {getpass.getuser()}@127.0.0.1:{host.link.port}, root: {self.root(i)}, service-manager: process}}"
            for i, host in enumerate(self.hosts)]
        self.project.spec = SPEC.format(hosts="\n".join(lines), digest=harness.sha256(folder / "sleep.tar.gz"))

    def _write_ssh(self, programs):
        """An ssh with the key and the known hosts of both."""
        known = "".join(client.known_hosts.read_text(encoding="utf-8") for client in self.clients)
        (self.base / "known_hosts").write_text(known, encoding="utf-8")
        (self.base / "config").write_text(
            f"Host *\n  IdentityFile {self.clients[0].folder}/id\n  IdentityFile {self.clients[1].folder}/id\n  IdentityAgent none\n"
            f"  UserKnownHostsFile {self.base}/known_hosts\n  GlobalKnownHostsFile /dev/null\n", encoding="utf-8")
        (programs / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {self.base}/config "$@"\n', encoding="utf-8")
        (programs / "ssh").chmod(0o755)

    def root(self, i):
        return self.base / f"root-{i + 1}"

    def run(self, *words, offline=None):
        more = [] if offline is None else [f"KPLAN_OFFLINE={offline}"]
        return self.project.run(*self.environment, *more, *words)

    def kplan(self, *words, **more):
        return self.run(self.project.kplan, *words, **more)

    def gen(self):
        return self.kplan("gen", "cluster.yaml").ok()

    def ninja(self, *words, **more):
        return self.run("ninja", *words, **more)

    def plan(self, *words, code=2, **more):
        """What plan says: {label: fate} of what is not fresh, and the summary."""
        ran = self.kplan("plan", "--json", *words, **more)
        assert ran.code == code, ran
        whole = json.loads(ran.out)
        return {step["label"]: step["fate"] for step in whole["steps"]}, whole["summary"]

    def pid(self, i):
        return int((self.root(i) / "run/web.pid").read_text(encoding="ascii").split()[0])

    def close(self):
        for i in range(2):
            try:
                os.kill(self.pid(i), signal.SIGKILL)
            except (OSError, ValueError):
                pass
        for client in self.clients:
            client.close()
        for path in self.project.path(".kplan/ssh").glob("*"):
            self.run("ssh", "-o", f"ControlPath={path}", "-O", "exit", "nobody")
        for host in self.hosts:
            host.close()


@pytest.fixture(name="made", scope="module")
def fixture_made():
    base = harness.make_folder("ask")
    made = Hosts(base)
    try:
        made.gen()
        ran = made.ninja()
        assert ran.code == 0, ran.out + ran.err
        yield made
    finally:
        made.close()
        shutil.rmtree(base, ignore_errors=True)


def no_work(made):
    ran = made.ninja()
    return ran.code == 0 and "no work to do" in ran.out


def test_there_is_nothing_to_do(made):
    assert no_work(made)
    ran = made.kplan("plan")
    assert ran.code == 0 and ran.out.startswith("nothing to do: ") and "not asked" not in ran.out, ran
    status = made.kplan("status")
    assert status.code == 0 and status.out.count(", asked just now\n") == 2, status


def edit(path):
    path.write_text("blue\n", encoding="ascii")


def open_up(path):
    path.chmod(0o644)


def remove(path):
    path.unlink()


DRIFTS = {
    "a file is edited": (edit, "etc/web/colour", "file/h1/etc/web/colour"),
    "a mode is opened up": (open_up, "etc/web/token", "file/h1/etc/web/token"),
    "a file is deleted": (remove, "etc/web/colour", "file/h1/etc/web/colour"),
    "a key is opened up": (open_up, "etc/web/web-key.pem", "file/h1/etc/web/web.pem"),
    "a certificate is another one": (edit, "etc/web/web.pem", "file/h1/etc/web/web.pem"),
    "a folder is opened up": (open_up, "var/lib/web", "dir/h1/var/lib/web"),
    "a program is another one": (edit, "bin/sleep", "file/h1/bin/sleep"),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_what_somebody_did_is_seen_and_put_right(made, name):
    change, path, label = DRIFTS[name]
    path = made.root(0) / path
    before = harness.snapshot(path)
    pid = made.pid(0)
    if name == "a program is another one":  # it runs
        shutil.copy(path, path.with_name("copy"))
        path.with_name("copy").replace(path)
    change(path)
    steps, _ = made.plan()
    changes = {step for step, fate in steps.items() if fate == "change"}
    assert changes == {label}, steps
    status = made.kplan("status")
    assert status.code == 2 and label in status.out, status
    assert made.kplan("why", label).out.startswith(f"{label} would change")
    ran = made.ninja()
    assert ran.code == 0, ran
    done = {line.split(":")[0] for line in ran.out.splitlines() if line.startswith(("file/", "dir/", "service/")) and not line.endswith(": only checked")}
    assert done == {label}, ran.out
    # All but the times.
    assert {at: what[:2] for at, what in harness.snapshot(path).items()} == {at: what[:2] for at, what in before.items()}
    assert made.pid(0) == pid, "nothing that runs needs a restart"
    assert no_work(made)


class Clone:
    """What another machine checks out of the project: cluster.yaml, what is public of pki/, no notes. It has the same ssh."""

    def __init__(self, made):
        self.made = made
        self.folder = made.base / "clone"
        shutil.rmtree(self.folder, ignore_errors=True)
        author = made.project.outside
        for file in [author / "cluster.yaml", author / "sleep.tar.gz", *author.glob("pki/**/*.pem")]:
            if not file.name.endswith("-key.pem"):
                to = self.folder / file.relative_to(author)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, to)
        self.project = harness.Project(self.folder, harness.Here(), harness.KPLAN)

    def plan(self, *words):
        return self.project.run(*self.made.environment, self.project.kplan, "plan", *words)

    def steps(self):
        """{label: step} of what plan has something to say of."""
        return {step["label"]: step for step in json.loads(self.plan("--json").out)["steps"]}


def test_a_clone_without_notes_asks_the_hosts(made):
    clone = Clone(made)
    before = [harness.snapshot(made.root(i)) for i in range(2)]
    ran = clone.plan()
    assert ran.code == 0 and "not asked" not in ran.out, ran
    offline = clone.plan("--offline")
    assert offline.code == 2 and "not asked" in offline.out, offline
    # Of the hosts nothing is left to look at, but what only whoever has the keys or the archive knows.
    fates = {label: step["fate"] for label, step in clone.steps().items()}
    assert set(fates.values()) <= {"unknown", "check"}, fates
    assert all(label.startswith(("ca/", "cert/", "archive/")) for label in fates), fates
    assert [harness.snapshot(made.root(i)) for i in range(2)] == before, "a clone only asks"


@pytest.mark.parametrize("name", DRIFTS)
def test_a_clone_sees_what_somebody_did(made, name):
    clone = Clone(made)
    change, path, label = DRIFTS[name]
    path = made.root(0) / path
    kept = path.stat()
    content = path.read_bytes() if path.is_file() else None
    if path.is_file() and name == "a program is another one":  # it runs
        shutil.copy(path, path.with_name("copy"))
        path.with_name("copy").replace(path)
    change(path)
    try:
        steps = clone.steps()
        # What is compared with what is here travels anew, as far as anybody knows here.
        assert {step for step, what in steps.items() if what["fate"] == "change"} - {"send/h1"} == {label}, steps
    finally:
        assert made.ninja().code == 0
    assert path.stat().st_mode == kept.st_mode and (content is None or path.read_bytes() == content)
    assert no_work(made)


def test_a_clone_sees_a_service_that_was_stopped(made):
    clone = Clone(made)
    os.kill(made.pid(1), signal.SIGKILL)
    harness.wait_for("its end", lambda: not harness.alive(made.pid(1)))
    steps = clone.steps()
    assert steps["service/h2/web"]["fate"] == "change", steps
    assert made.ninja().code == 0 and no_work(made)


def test_a_clone_under_another_name_is_nobodys(made):
    """Without notes a host is known by its name in its cluster."""
    clone = Clone(made)
    clone.project.edit_spec("{name: prod}", "{name: test}")
    ran = clone.plan()
    assert ran.code == 3 and "prod" in ran.out + ran.err, ran


def test_a_service_that_was_stopped_is_started(made):
    os.kill(made.pid(1), signal.SIGKILL)
    harness.wait_for("its end", lambda: not harness.alive(made.pid(1)))
    steps, summary = made.plan()
    assert steps["service/h2/web"] == "change" and summary["start"] == 1, (steps, summary)
    ran = made.ninja()
    assert "service/h2/web: started: was not running" in ran.out, ran
    assert harness.alive(made.pid(1)) and no_work(made)


def test_who_is_not_asked_is_not_called_fresh(made):
    edit(made.root(0) / "etc/web/colour")
    for words, offline in ((("--offline",), None), ((), "1"), ((), "yes")):
        steps, summary = made.plan(*words, code=0, offline=offline)
        assert steps == {} and summary["unknown"] > 8, summary
        said = made.kplan("plan", *words, offline=offline).out
        assert said.splitlines()[-1].endswith("; 2 hosts not asked"), said
        status = made.kplan("status", *words, offline=offline)
        assert "h1: " in status.out and "; not asked\n" in status.out and status.out.rstrip().endswith("2 hosts not asked"), status
    ran = made.ninja(offline="1")
    assert ran.code == 0 and ran.out.splitlines()[-1] == "2 hosts not asked", ran
    assert (made.root(0) / "etc/web/colour").read_text(encoding="ascii") == "blue\n"
    assert "file/h1/etc/web/colour: content" in made.ninja(offline="0").out
    assert no_work(made)


def take_down(made):
    """The second host is off, and nobody has a connection any more."""
    made.hosts[1].stop()
    made.hosts[1].link.arm(cut_after=0)
    for path in made.project.path(".kplan/ssh").glob("*"):
        made.run("ssh", "-o", f"ControlPath={path}", "-O", "exit", "nobody")


def test_one_that_is_down_hinders_nobody_else(made):
    take_down(made)
    try:
        edit(made.root(0) / "etc/web/colour")
        steps, summary = made.plan(code=3)
        assert steps["file/h1/etc/web/colour"] == "change" and summary["unknown"] > 4, (steps, summary)
        status = made.kplan("status")
        assert status.code == 3 and "h2: " in status.out and "it does not answer" in status.out, status
        ran = made.ninja()
        assert ran.code != 0 and "h2 does not answer; the others are looked after" in ran.out, ran
        assert "how h2 is, is not known, for it does not answer: " in ran.out, ran
        assert (made.root(0) / "etc/web/colour").read_text(encoding="ascii") == "red\n"
        again = made.ninja()
        assert again.code != 0 and "how h2 is, is not known" in again.out, again
    finally:
        made.hosts[1].start()
        made.hosts[1].link.arm()
    assert no_work(made), made.ninja().out


def test_apply_asks_only_those_that_it_is_for(made):
    take_down(made)
    try:
        edit(made.root(0) / "etc/web/colour")
        ran = made.kplan("apply", "--yes", "--limit", "h1")
        assert ran.code == 0 and "done: 1 changed" in ran.out and "h2 does not answer" not in ran.out + ran.err, ran
        assert (made.root(0) / "etc/web/colour").read_text(encoding="ascii") == "red\n"
        edit(made.root(0) / "etc/web/colour")
        ran = made.kplan("apply", "--yes")
        assert ran.code == 3 and "done: 1 changed" in ran.out and "not known: h2 does not answer" in ran.out, ran
        assert (made.root(0) / "etc/web/colour").read_text(encoding="ascii") == "red\n"
        ran = made.kplan("apply")
        assert ran.code == 3 and "nothing to do: " in ran.out and "kplan: error: h2: " in ran.err, ran
        edit(made.root(0) / "etc/web/colour")
        ran = made.kplan("apply", "--offline")
        assert ran.code == 0 and ran.out.splitlines()[-1].endswith("; 2 hosts not asked"), ran
        assert made.kplan("plan", "--out", "saved.plan", offline="1").code == 0
        assert made.kplan("apply", "--yes", "saved.plan").code == 0, "as it was saved: nobody was asked"
        assert made.kplan("plan", "--limit", "h1", "--out", "saved.plan").code == 2
    finally:
        made.hosts[1].start()
        made.hosts[1].link.arm()
    made.kplan("apply", "--yes", "saved.plan").ok()
    assert no_work(made), made.ninja().out


def test_an_answer_of_a_part_does_not_count_for_the_whole(made):
    """`contact.every` lets an answer count for a while: not that of one file for the whole host."""
    made.project.spec = made.project.spec + "contact: {every: 10m}\n"
    made.project.gen().ok()
    shutil.rmtree(made.project.path(".kplan/answered"), ignore_errors=True)
    try:
        edit(made.root(0) / "etc/web/colour")
        assert made.kplan("plan", "--limit", "file/h1/etc/web/token").code == 0
        steps, _ = made.plan()
        assert steps["file/h1/etc/web/colour"] == "change", steps
        assert made.ninja().code == 0
    finally:
        made.project.edit_spec("contact: {every: 10m}\n", "")
        made.project.gen().ok()
    assert no_work(made), made.ninja().out
