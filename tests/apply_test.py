"""kplan apply: the plan, a question, ninja and a summary; parts of a plan (--limit); saved plans, and what refuses them."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess

import pytest

import cli_terminal
import harness

EC = "key: {algo: ecdsa, size: 256}"

# Two hosts with a service that runs, and one that only gets files. All of them are folders of this machine.
SPEC = """\
metadata: {name: lab}
hosts:
  a: {address: 10.0.0.1, root: ./a, service-manager: process}
  b: {address: 10.0.0.2, root: ./b, service-manager: process}
  c: {address: 10.0.0.3, root: ./c, service-manager: none}
ca: {CN: lab-ca, EC}
certs:
  web: {hosts: [localhost], EC}
services:
  web:
    hosts: [a, b]
    command: [/bin/sleep, "100000"]
    archive: {path: sleep.tar.gz, sha256: DIGEST, members: {sleep: /bin/sleep}}
    certs: [{name: web, cert: /etc/web/web.pem, key: /etc/web/web-key.pem}]
    dirs: {/var/lib/web: {mode: "0700"}}
    files:
      /etc/web/colour: {content: "red\\n"}
      /etc/web/token: {content: "t0ken-of-web\\n", mode: "0600"}
      /etc/web/mine: {from: mine.txt, on-change: nothing}
  notes:
    hosts: [c]
    command: [/bin/true]
    files: {/etc/notes: {content: "one\\n"}}
""".replace("EC", EC)


class Lab(harness.Project):
    """The project, and what runs on its hosts."""

    def apply(self, *words, timeout=120):
        return self.run(self.kplan, "apply", *words, timeout=timeout)

    def plan(self, *words):
        return self.run(self.kplan, "plan", *words)

    def changes(self, *words):
        """What the next run would do: the labels."""
        ran = self.plan("--json", *words)
        return {step["label"] for step in json.loads(ran.out)["steps"]}

    def pid(self, host):
        try:
            pid = int(self.path(f"{host}/run/web.pid").read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0
        return pid if harness.alive(pid) else 0

    def stop(self, host):
        pid = self.pid(host)
        os.kill(pid, signal.SIGTERM)
        harness.wait_for(f"end of web on {host}", lambda: not harness.alive(pid))

    def on_terminal(self, *words, answer=None, env=None):
        """Runs kplan on a terminal of its own, and answers its question: what it showed, and its exit code."""
        leader, follower = cli_terminal.open_terminal(160)
        process = subprocess.Popen([self.kplan, *words], cwd=self.folder, stdin=follower, stdout=follower, stderr=follower,
                                   env={**os.environ, "NO_COLOR": "1", **(env or {})}, start_new_session=True)
        os.close(follower)
        text = b""
        with contextlib.suppress(OSError):  # the end of a pty
            while block := os.read(leader, 65536):
                text += block
                if answer is not None and text.endswith(b"[y/N] "):
                    os.write(leader, answer)
                    answer = None
        os.close(leader)
        return text.decode().replace("\r\n", "\n"), process.wait(timeout=60)


def make_lab(base):
    folder = base / "project"
    folder.mkdir()
    shutil.copy("/bin/sleep", base / "sleep")
    harness.Here().run(["tar", "-C", base, "-czf", folder / "sleep.tar.gz", "sleep"]).ok()
    lab = Lab(folder, harness.Here(), harness.KPLAN)
    lab.path("mine.txt").write_text("mine\n", encoding="ascii")
    lab.spec = SPEC.replace("DIGEST", harness.sha256(folder / "sleep.tar.gz"))
    return lab


@pytest.fixture(name="lab")
def fixture_lab():
    base = harness.make_folder("apply")
    lab = make_lab(base)
    try:
        yield lab
    finally:
        for host in "ab":
            if pid := lab.pid(host):
                harness.kill(pid)
        shutil.rmtree(base)


@pytest.fixture(name="done")
def fixture_done(lab):
    lab.apply("--yes").ok()
    return lab


def test_the_first_apply_does_all_of_it_and_the_second_nothing(lab):
    ran = lab.apply("--yes", "cluster.yaml").ok()
    first, *_ = ran.out.splitlines()
    assert re.fullmatch(r"\d+ steps on 3 hosts, \d+ changed \(\d+ ms\)", first), ran.out
    assert lab.plan().out in ran.out or "  + ca/key" in ran.out
    assert re.search(r"^done: \d+ changed", ran.out, re.MULTILINE), ran.out
    assert lab.pid("a") and lab.pid("b")
    assert lab.ninja().no_work
    again = lab.apply().ok()  # there is nobody to ask, and nothing to ask for
    assert "nothing to do: " in again.out and "done:" not in again.out and not again.edges


def test_the_plan_is_shown_in_the_words_of_plan(done):
    done.edit_spec("red", "blue")
    shown = done.plan("cluster.yaml").out
    ran = done.apply("--yes").ok()
    assert shown in ran.out, (shown, ran.out)
    assert "done: " in ran.out and ", 2 restarts" in ran.out, ran.out


def test_without_a_terminal_it_wants_a_yes(done):
    done.edit_spec("red", "blue")
    before = done.path("a/etc/web/colour").read_text(encoding="ascii")
    ran = done.apply()
    assert ran.code == 1 and "nothing was done: there is nobody to ask; --yes does it" in ran.err, ran
    assert done.path("a/etc/web/colour").read_text(encoding="ascii") == before


@pytest.mark.parametrize("answer, does", [(b"y\n", True), (b"yes\n", True), (b"n\n", False), (b"\n", False), (b"\x04", False), (b"yy\n", False)])
def test_the_question(done, answer, does):
    done.edit_spec("red", "blue")
    pids = done.pid("a"), done.pid("b")
    text, code = done.on_terminal("apply", answer=answer)
    assert "do this? [y/N] " in text
    assert code == (0 if does else 1), text
    assert ("nothing was done" in text) != does and ("done: " in text.replace("nothing was done", "")) == does, text
    assert (done.path("a/etc/web/colour").read_text(encoding="ascii") == "blue\n") == does
    assert ((done.pid("a"), done.pid("b")) != pids) == does


def test_ctrl_c_at_the_question_and_a_second_apply_meanwhile(done):
    done.edit_spec("red", "blue")
    leader, follower = cli_terminal.open_terminal(160)
    process = subprocess.Popen([done.kplan, "apply"], cwd=done.folder, stdin=follower, stdout=follower, stderr=follower,
                               start_new_session=True)
    os.close(follower)
    text = b""
    while not text.endswith(b"[y/N] "):
        text += os.read(leader, 65536)
    ran = done.apply("--yes")
    assert ran.code == 1 and "another kplan apply is at work in this folder" in ran.err, ran
    os.kill(process.pid, signal.SIGINT)
    process.wait(timeout=60)
    os.close(leader)
    assert done.path("a/etc/web/colour").read_text(encoding="ascii") == "red\n"
    done.apply("--yes").ok()


def test_a_step_that_fails_is_named_and_the_exit_code_says_it(done):
    done.edit_spec("red", "blue")
    done.path("a/etc/web/colour").unlink()
    done.path("a/etc/web/colour").mkdir()
    ran = done.apply("--yes")
    assert ran.code == 1, ran
    summary = ran.out[ran.out.rindex("\ndone: "):]
    assert "failed: file/a/etc/web/colour: " in summary and "not done: " in summary, ran.out


def test_without_ninja(done):
    done.edit_spec("red", "blue")
    ran = done.run("env", "PATH=/nowhere", done.kplan, "apply", "--yes")
    assert ran.code == 1 and "there is no ninja in PATH" in ran.err and "install it" in ran.err, ran


def test_budgets_are_those_of_plan(done):
    done.edit_spec("red", "blue")
    for command in ("plan", "apply"):
        ran = done.run(done.kplan, command, "--max-restarts", "1", *(["--yes"] if command == "apply" else []))
        assert ran.code == 1 and "2 restarts, and --max-restarts allows 1" in ran.err, ran
    assert done.path("a/etc/web/colour").read_text(encoding="ascii") == "red\n"
    assert done.apply("--max-restarts", "x").code == 64
    done.apply("--yes", "--max-restarts", "2").ok()


def test_a_bad_spec_is_refused_by_its_place(done):
    done.edit_spec("hosts: [a, b]", "hosts: [a, d]")
    ran = done.apply("--yes")
    assert ran.code == 65 and "cluster.yaml:" in ran.err, ran


def slow_ninja(lab):
    """A PATH whose ninja does nothing, and says so, until a signal ends it."""
    folder = lab.path("slow")
    folder.mkdir()
    script = folder / "ninja"
    script.write_text(f"""#!/bin/sh
trap 'kill $!; echo caught; exit 130' INT TERM HUP
sleep 1000 >&- 2>&- &
echo $$ > {lab.path("ninja.pid")}
wait $!
""", encoding="ascii")
    script.chmod(0o755)
    return f"{folder}:/usr/local/bin:/usr/bin:/bin"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_reach_ninja_and_the_summary_is_still_said(done, number):
    done.edit_spec("red", "blue")
    process = subprocess.Popen([done.kplan, "apply", "--yes"], cwd=done.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env={**os.environ, "PATH": slow_ninja(done)}, start_new_session=True)
    pid = done.path("ninja.pid")
    harness.wait_for("ninja", lambda: pid.exists() and pid.read_text(encoding="ascii").strip())
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, (out, err)
    assert "caught" in out and "not done: " in out, (out, err)


def test_ctrl_c_while_ninja_runs(done):
    done.edit_spec("red", "blue")
    leader, follower = cli_terminal.open_terminal(160)
    env = {**os.environ, "PATH": slow_ninja(done), "NO_COLOR": "1"}
    process = subprocess.Popen(["setsid", "--ctty", "--wait", done.kplan, "apply", "--yes"], cwd=done.folder, stdin=follower, stdout=follower,
                               stderr=follower, env=env)
    os.close(follower)
    pid = done.path("ninja.pid")
    harness.wait_for("ninja", lambda: pid.exists() and pid.read_text(encoding="ascii").strip())
    os.write(leader, b"\x03")
    text = b""
    with contextlib.suppress(OSError):
        while block := os.read(leader, 65536):
            text += block
    os.close(leader)
    assert process.wait(timeout=60) == 1
    assert text.decode().count("caught") == 1 and "not done: " in text.decode(), text
    done.apply("--yes").ok()
    assert done.ninja().no_work


def test_killed_it_is_done_by_the_next(done):
    """SIGKILL to apply: ninja goes on, another apply is held off, and then all is right."""
    done.edit_spec("red", "blue")
    process = subprocess.Popen([done.kplan, "apply", "--yes"], cwd=done.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    harness.wait_for("a step", lambda: (done.path(".kplan/apply/journal").exists() and done.path(".kplan/apply/journal").stat().st_size > 0)
                     or process.poll() is not None)
    process.kill()
    process.wait()
    harness.wait_for("end of its ninja", lambda: done.apply("--yes").code == 0)
    assert done.path("b/etc/web/colour").read_text(encoding="ascii") == "blue\n"
    assert done.ninja().no_work


# What slips in between the question and the run.


def test_what_is_not_in_the_plan_does_not_run(done):
    """Somebody edits a file, and cluster.yaml, after the plan was agreed to."""
    real = shutil.which("ninja")
    folder = done.path("late")
    folder.mkdir()
    script = folder / "ninja"
    env = {"PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin"}
    done.edit_spec("red", "blue")
    script.write_text(f'#!/bin/sh\necho other > b/etc/web/token\nexec {real} -k 0 "$@"\n', encoding="ascii")
    script.chmod(0o755)
    ran = done.run("env", f"PATH={env['PATH']}", done.kplan, "apply", "--yes")
    assert ran.code == 1 and "file/b/etc/web/token: it is not in the plan that is applied" in ran.out, ran
    assert done.path("b/etc/web/token").read_text(encoding="ascii") == "other\n"
    done.apply("--yes").ok()
    assert done.path("b/etc/web/token").read_text(encoding="ascii") == "t0ken-of-web\n"
    done.edit_spec("blue", "green")
    script.write_text(f'#!/bin/sh\nsed -i s/green/black/ cluster.yaml\nexec {real} "$@"\n', encoding="ascii")
    before = harness.snapshot(done.path("a"), done.path("b"))
    ran = done.run("env", f"PATH={env['PATH']}", done.kplan, "apply", "--yes")
    assert ran.code == 1 and "cluster.yaml was edited since the plan that is applied was made" in ran.out, ran
    assert harness.changes(before, harness.snapshot(done.path("a"), done.path("b"))) == {}
    done.apply("--yes").ok()
    assert done.ninja().no_work


def test_a_token_that_is_nobodys(done):
    done.edit_spec("red", "blue")
    ran = done.run("env", "KPLAN_APPLY=0123", "ninja")
    assert ran.code == 1 and "KPLAN_APPLY is in the environment, and names no plan" in ran.out, ran
    done.gen_and_ninja().ok()


# Parts.


def test_a_host_alone_and_then_the_rest(done):
    done.edit_spec("red", "blue")
    pids = done.pid("a"), done.pid("b")
    shown = done.plan("--limit", "b")
    assert shown.code == 2 and "service/b/web" in shown.out and "service/a/web  " not in shown.out, shown.out
    owed = json.loads(done.plan("--limit", "b", "--json").out)["owed"]
    assert owed["services"] == ["service/a/web"] and owed["steps"] > 1 and owed["unknown"] == 0, owed
    assert re.search(r"^left out by --limit: \d+ steps; to be started or restarted: service/a/web$", shown.out, re.MULTILINE), shown.out
    ran = done.apply("--yes", "--limit", "b").ok()
    assert "still owed, left out by --limit: " in ran.out and "service/a/web" in ran.out.splitlines()[-1], ran.out
    assert all(not label.startswith(("file/a", "service/a", "render/c")) for label in ran.edges), ran.edges
    assert done.path("a/etc/web/colour").read_text(encoding="ascii") == "red\n"
    assert done.path("b/etc/web/colour").read_text(encoding="ascii") == "blue\n"
    assert done.pid("a") == pids[0] and done.pid("b") != pids[1]
    # Once more there is nothing to do, and the rest is not forgotten.
    again = done.apply("--limit", "b").ok()
    assert "nothing to do: " in again.out and "left out by --limit" in again.out, again.out
    changes = done.changes()
    assert "service/a/web" in changes and "service/b/web" not in changes
    rest = done.ninja().ok()
    assert "service/a/web" in rest.edges and "service/b/web" not in rest.edges
    assert done.ninja().no_work and not done.changes()


@pytest.mark.parametrize("names, runs", [
    (["notes"], {"render/c/etc/notes", "file/c/etc/notes"}),
    (["file/c/etc/notes"], {"render/c/etc/notes", "file/c/etc/notes"}),
    (["c"], {"render/c/etc/notes", "file/c/etc/notes"}),
    (["pki"], set()),
    (["render/c/etc/notes"], {"render/c/etc/notes"}),
    (["file/a/etc/web/colour", "notes"], {"render/a/etc/web/colour", "file/a/etc/web/colour", "render/c/etc/notes", "file/c/etc/notes"}),
])
def test_services_groups_and_labels(done, names, runs):
    done.edit_spec("red", "blue")
    done.edit_spec('"one', '"two')
    limit = [word for name in names for word in ("--limit", name)]
    expected = done.changes(*limit)
    ran = done.apply("--yes", *limit).ok()
    assert set(ran.edges) == expected
    if "file/a/etc/web/colour" in names or not runs or "notes" not in names:
        assert set(ran.edges) - {"service/c/notes"} == runs
    else:
        assert runs <= set(ran.edges)
    left = done.changes()
    assert left & set(ran.edges) == set()
    done.gen_and_ninja().ok()
    assert done.ninja().no_work


def test_a_limit_on_the_first_run(lab):
    lab.apply("--yes", "--limit", "a").ok()
    assert lab.pid("a") and not lab.path("b").exists() and not lab.path("c").exists()
    lab.apply("--yes").ok()
    assert lab.ninja().no_work


@pytest.mark.parametrize("name, said", [
    ("webb", 'there is no host, service, group or label "webb"; did you mean "web"?'),
    ("service/a/wep", 'did you mean "service/a/web"?'),
    ("", 'there is no host, service, group or label ""'),
    ("a\nb\x1b[31m", "there is no host, service, group or label"),
])
def test_a_name_that_nobody_has(done, name, said):
    for command in (["plan"], ["apply", "--yes"]):
        ran = done.run(done.kplan, *command, "--limit", name)
        assert ran.code == 1 and said in ran.err and "\x1b" not in ran.err, ran


def test_two_at_once_as_the_rollout_allows(done):
    """Both are named: one after the other, as in a whole run."""
    done.edit_spec("red", "blue")
    ran = done.apply("--yes", "--limit", "service/b/web", "--limit", "service/a/web").ok()
    order = [label for verb, label in re.findall(r"^\[\d+/\d+\] ([A-Z]+) (\S+)", ran.out, re.MULTILINE) if verb == "SERVICE"]
    assert order == ["service/a/web", "service/b/web"], ran.out


def test_a_part_takes_no_more_away_than_the_whole_would(done):
    done.edit_spec("red", "blue")
    done.stop("a")
    pid = done.pid("b")
    for words in (["plan", "--limit", "b"], ["apply", "--yes", "--limit", "service/b/web"]):
        ran = done.run(done.kplan, *words)
        assert ran.code == 1 and "service/b/web would be restarted while service/a/web does not run" in ran.err, ran
    assert done.pid("b") == pid and done.path("b/etc/web/colour").read_text(encoding="ascii") == "red\n"
    done.apply("--yes", "--limit", "b", "--limit", "a").ok()
    assert done.pid("b") != pid and done.pid("a")
    assert done.ninja().no_work


# Saved plans.


def save(lab, *words, name="saved.plan"):
    ran = lab.plan("--out", name, *words)
    assert ran.code in (0, 2), ran
    return ran


def test_a_saved_plan_is_applied_as_it_was_shown(done):
    done.edit_spec("red", "blue")
    shown = save(done)
    saved = done.path("saved.plan")
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    text = saved.read_text(encoding="utf-8")
    assert "t0ken" not in text and "PRIVATE" not in text
    for record in (record for label, record in done.records().items() if label.startswith("render/") and "token" in label):
        assert "t0ken" in json.dumps(record)  # what must not be known by its digest
    ran = done.apply("--yes", "saved.plan").ok()
    assert shown.out in ran.out and "done: " in ran.out
    assert done.path("b/etc/web/colour").read_text(encoding="ascii") == "blue\n"
    # It has been done: it is no longer the plan.
    again = done.apply("--yes", "saved.plan")
    assert again.code == 1 and "service/b/web: the plan has: " in again.err and "now: nothing to do" in again.err, again


def test_a_digest_of_a_secret_is_in_no_saved_plan(done):
    """Another folder with the same cluster.yaml has other digests of its secrets, and the same of all else."""
    done.edit_spec("t0ken-of-web", "an0ther")
    save(done)
    digest = {label for label, record in done.records().items() if "t0ken" in json.dumps(record)}
    assert digest
    lines = {line["label"]: line for line in map(json.loads, done.path("saved.plan").read_text(encoding="utf-8").splitlines()[1:-1])}
    done.gen().ok()
    graph = json.loads(done.path(".kplan/plan.json").read_text(encoding="utf-8"))
    digests = {step["label"]: step["digest"] for step in graph["steps"]}
    for label, line in lines.items():
        assert (line["record"] == digests[label]) == (label not in digest and not label.endswith("/etc/web/token")), label


def test_a_saved_plan_of_nothing(done):
    save(done)
    ran = done.apply("saved.plan").ok()
    assert "nothing to do: " in ran.out


def test_a_saved_plan_keeps_its_limit(done):
    done.edit_spec("red", "blue")
    save(done, "--limit", "b")
    assert done.apply("--yes", "--limit", "a", "saved.plan").code == 64
    done.apply("--yes", "saved.plan").ok()
    assert done.path("a/etc/web/colour").read_text(encoding="ascii") == "red\n"
    assert done.path("b/etc/web/colour").read_text(encoding="ascii") == "blue\n"


def test_a_saved_plan_is_found_from_elsewhere(done):
    done.edit_spec("red", "blue")
    base = pathlib.Path(done.folder).parent
    run = lambda *words: harness.Here().run([done.kplan, *words], cwd=base)
    assert run("plan", "-C", "project", "--out", "x.plan").code == 2
    assert (base / "x.plan").exists()
    run("apply", "-C", "project", "--yes", "x.plan").ok()
    assert done.path("a/etc/web/colour").read_text(encoding="ascii") == "blue\n"
    assert "nothing to do" in run("apply", "-C", "project").ok().out


def test_what_is_no_saved_plan_is_not_written_over(done):
    done.edit_spec("red", "blue")
    for name in ("cluster.yaml", "mine.txt", "pki/ca-key.pem"):
        before = done.path(name).read_bytes()
        ran = done.plan("--out", name)
        assert ran.code == 1 and "no saved plan: it is not written over" in ran.err, ran
        assert done.path(name).read_bytes() == before
    save(done)
    save(done)
    assert done.plan("--out", "nowhere/at/all/x").code in (1, 2)
    assert done.plan("--out", "/dev/full").code == 1


def damaged(text):
    """(what, a saved plan that is none)"""
    first, *rest = text.splitlines(keepends=True)
    yield "cut", text[:-20]
    yield "a line less", first + "".join(rest[1:])
    yield "no JSON", first + "{\n" + "".join(rest)
    yield "deep", first + "[" * 100000 + "]" * 100000 + "\n" + "".join(rest)
    yield "another version", first.replace('"kplan-plan":1', '"kplan-plan":2') + "".join(rest)
    yield "more behind", text + "x"


def test_damaged_plans_are_refused_by_their_place(done):
    done.edit_spec("red", "blue")
    save(done)
    text = done.path("saved.plan").read_text(encoding="utf-8")
    for what, bad in damaged(text):
        done.path("bad.plan").write_text(bad, encoding="utf-8")
        ran = done.apply("--yes", "bad.plan")
        assert ran.code == 1 and re.search(r"bad\.plan:\d+: ", ran.err), (what, ran)
    assert done.path("a/etc/web/colour").read_text(encoding="ascii") == "red\n"


def swap_certificate(lab):
    """Another certificate of the same CA and key in the place of one: valid, and not the one that was there."""
    lab.run("sh", "-c", "openssl req -new -key pki/web-key.pem -subj /CN=web -out w.csr && openssl x509 -req -in w.csr -CA pki/ca.pem "
            "-CAkey pki/ca-key.pem -days 30 -out pki/web.pem").ok()


def edit_saved(lab, old, new):
    path = lab.path("saved.plan")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


CHANGES = {
    "cluster.yaml edited": (lambda lab: lab.edit_spec("blue", "green"), "colour: "),
    "cluster.yaml edited elsewhere": (lambda lab: lab.edit_spec('"one', '"two'), "render/c/etc/notes: "),
    "a file that it reads edited": (lambda lab: lab.path("mine.txt").write_text("other\n", encoding="ascii"), "source/web/etc/web/mine: "),
    "a key opened": (lambda lab: lab.path("pki/web-key.pem").chmod(0o644), "key/web: "),
    "a file on a host edited": (lambda lab: lab.path("b/etc/web/token").write_text("x\n", encoding="ascii"), "file/b/etc/web/token: "),
    "a file that is to be written edited": (lambda lab: lab.path("b/etc/web/colour").write_text("x\n", encoding="ascii"), "file/b/etc/web/colour: "),
    "a certificate swapped": (swap_certificate, "cert/web: "),
    "a service stopped": (lambda lab: lab.stop("b"), "service/b/web: "),
    "an artifact deleted": (lambda lab: lab.path("c/etc/notes").unlink(), "file/c/etc/notes: "),
    "a secret edited": (lambda lab: lab.edit_spec("t0ken-of-web", "t0ken-of-wob"), "token: "),
    "a host added": (lambda lab: lab.edit_spec("hosts: [c]", "hosts: [c, d]") or lab.edit_spec(
        "  c: {", "  d: {address: 10.0.0.4, root: ./d, service-manager: none}\n  c: {"), "render/d/etc/notes: it is not in the plan"),
    "a host removed": (lambda lab: lab.edit_spec("hosts: [a, b]", "hosts: [a]"), "service/b/web: it is in the plan, and no longer"),
    "another kplan": (lambda lab: edit_saved(lab, '"kplan":"', '"kplan":"0.0.0-'), "kplan: the plan was saved by version 0.0.0-"),
    "another kplan's records": (lambda lab: edit_saved(lab, '"label":"ca/key","record":"', '"label":"ca/key","record":"0'), "ca/key: its record is another"),
    "its notes lost": (lambda lab: shutil.rmtree(lab.path(".kplan")), "key: the plan was saved in another folder"),
    "done already": (lambda lab: lab.gen_and_ninja().ok(), "now: nothing to do"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_saved_plan_that_is_no_longer_the_plan_is_refused(done, change):
    done.edit_spec("red", "blue")
    save(done)
    act, said = CHANGES[change]
    act(done)
    before = harness.snapshot(done.path("a"), done.path("b"), done.path("c"), done.path("pki"))
    ran = done.apply("--yes", "saved.plan")
    assert ran.code == 1 and "nothing was done: what was saved is no longer the plan" in ran.err and said in ran.err, ran
    assert not ran.edges
    after = harness.snapshot(done.path("a"), done.path("b"), done.path("c"), done.path("pki"))
    assert harness.changes(before, after) == {}


def test_what_changes_nothing_refuses_nothing(done):
    """A comment, and a file that was touched: the plan is still the plan."""
    done.edit_spec("red", "blue")
    save(done)
    done.spec = done.spec + "# a comment\n"
    os.utime(done.path("b/etc/web/colour"))
    done.apply("--yes", "saved.plan").ok()
    assert done.ninja().no_work


# Who runs it.


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to lock somebody out")
def test_what_root_began_its_owner_goes_on_with():
    base = harness.make_folder("owner", owner=harness.NOBODY)
    lab = make_lab(base)
    try:
        harness.copy_file(harness.KPLAN, base / "kplan", mode=0o755)
        lab.kplan = str(base / "kplan")
        lab.run("chown", "-R", f"{harness.NOBODY}:{harness.NOBODY}", base).ok()
        assert lab.apply().code == 1  # nobody says yes
        assert lab.plan("--out", "saved.plan").code == 2
        lab.runner = harness.Here(harness.NOBODY)
        lab.apply("--yes").ok()
        lab.edit_spec("red", "blue")
        assert lab.plan("--out", "mine.plan").code == 2
        lab.apply("--yes", "mine.plan").ok()
        lab.edit_spec("blue", "green")
        lab.runner = harness.Here()
        assert lab.apply("--limit", "c").code == 0
        lab.runner = harness.Here(harness.NOBODY)
        lab.apply("--yes", "--limit", "b").ok()
        lab.apply("--yes").ok()
        assert lab.ninja().no_work
    finally:
        for host in "ab":
            if pid := lab.pid(host):
                harness.kill(pid)
        shutil.rmtree(base)


def test_a_full_disk_leaves_nothing_half_done(done):
    """A disk that is full when the plan is to be saved, or handed to ninja."""
    if not harness.ISOLATED_ROOT:
        pytest.skip("it mounts a small disk")
    done.edit_spec("red", "blue")
    small = done.path("small")
    small.mkdir()
    done.run("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", small).ok()
    try:
        ran = done.plan("--out", "small/saved.plan")
        assert ran.code == 1 and "small/saved.plan" in ran.err, ran
        assert not list(small.iterdir())
        (small / "rest").write_bytes(b"x" * 4096)
        done.run("mount", "--bind", small, done.path(".kplan/apply")).ok()
        before = harness.snapshot(done.path("a"), done.path("b"))
        ran = done.apply("--yes")
        assert ran.code == 1 and ".kplan/apply" in ran.err and not ran.edges, ran
        assert harness.changes(before, harness.snapshot(done.path("a"), done.path("b"))) == {}
    finally:
        done.run("umount", done.path(".kplan/apply"))
        done.run("umount", small).ok()
    done.apply("--yes").ok()


# What gen says at its end.


def test_gen_says_what_to_type_next_to_a_person_alone(lab):
    text, code = lab.on_terminal("gen")
    assert code == 0
    first, last = text.splitlines()[0], text.splitlines()[-1]
    assert " steps on 3 hosts, " in first
    assert last == "next: `kplan plan` says what would be done and why, `kplan apply` does it"
    assert "next:" not in lab.gen().ok().out


@pytest.mark.parametrize("word", ["up", "deploy", "run"])
def test_other_words(lab, word):
    ran = lab.run(lab.kplan, word)
    assert ran.code == 64 and "`kplan apply cluster.yaml`" in ran.err


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_umask_and_no_home(done, umask):
    done.edit_spec("red", "blue")
    save(done)
    ran = done.run("sh", "-c", f"umask {umask:o}; unset HOME; exec {done.kplan} apply --yes saved.plan")
    ran.ok()
    assert stat.S_IMODE(done.path(".kplan/apply").stat().st_mode) == 0o700
    for path in done.path(".kplan/apply").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or path.is_dir(), path
    assert stat.S_IMODE(done.path(".kplan/plan.key").stat().st_mode) == 0o600
