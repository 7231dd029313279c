"""What not everybody may read on a host, nobody else reads here: not in what kplan prints, and not in a file that it writes.

Secret is the content of a file whose mode does not let others read it (src/base/secret_content.h), and any digest by which it
could be guessed.
"""

import hashlib
import json
import os
import pathlib
import stat
import subprocess

import harness
import pytest

# Each has a word that is nowhere else, and stands in another notation.
SPEC = """\
hosts: {w: {root: ./r, service-manager: none}}
ca: {CN: sealed, key: {algo: ecdsa, size: 256, passphrase-file: ca.passphrase}}
certs:
  web:
    key: {algo: ecdsa}
    hosts: [web.example.com]
    files: [bundle]
    pkcs12: {passphrase-file: ca.passphrase}
services:
  app:
    command: [/bin/true]
    files:
      /etc/app/token: {content: "canary-token\\n", mode: "0600"}
      /etc/app/group: {content: canary-group, mode: 0640}
      /etc/app/lines:
        mode: "0600"
        content: |
          first
          canary-lines
      /etc/app/unit.conf: {content: "[Service]\\nPassword=canary-unit\\n", mode: "0600"}
      /etc/app/copied: {from: copied.txt, mode: "0600"}
      /etc/app/public: {content: "everybody-may-read-this\\n"}
    certs:
      - {name: web, cert: /etc/app/web.pem, key: /etc/app/web-key.pem}
      - {name: web, cert: /etc/app/bundle.pem, include: bundle}
"""

CONTENTS = ["canary-token\n", "canary-group", "first\ncanary-lines\n", "[Service]\nPassword=canary-unit\n", "canary-copied\n"]
MARK = "canary-"


def second(text):
    """The same after every secret was changed."""
    return text.replace(MARK, MARK + "second-")


class Secrets:
    """A project with secrets, and all that was said in it."""

    def __init__(self, owner=None):
        self.owner = owner
        folder = harness.make_folder("secrets", owner)
        # What a person's own files are to be; kplan's come later.
        for name, text in {"ca.passphrase": "canary-passphrase\n", "copied.txt": "canary-copied\n", "cluster.yaml": SPEC}.items():
            (folder / name).write_text(text, encoding="utf-8")
            (folder / name).chmod(0o600)
            if owner is not None:
                os.chown(folder / name, owner, owner)
        kplan = folder / "kplan"
        harness.copy_file(harness.KPLAN, kplan, 0o755)
        self.project = harness.Project(folder, harness.Here(owner), "./kplan")
        self.said = []

    def run(self, *argv):
        ran = self.project.run(*argv)
        self.said.append((argv, ran))
        return ran

    def kplan(self, *argv):
        return self.run(self.project.kplan, *argv)

    def say_all(self):
        """Every command that only tells, of everything."""
        for argv in (["check"], ["plan"], ["status", "--all"], ["certs"], ["prune"]):
            self.kplan(*argv, "cluster.yaml")
            self.kplan(*argv[:1], "--json", "cluster.yaml")
        for what in ([], ["app"]):
            for form in ("dot", "mermaid", "json", "html"):
                self.kplan("graph", f"--format={form}", *what)
        self.kplan("graph", "--format=html", "--output", "graph.html").ok()
        self.kplan("show").ok()
        self.kplan("show", "--json").ok()
        for label in self.project.records():
            for argv in (["show", label], ["why", label], ["why", "--last", label]):
                self.kplan(*argv)
                self.kplan(*argv, "--json")

    def edit(self):
        for name in ("cluster.yaml", "copied.txt"):
            path = self.project.path(name)
            path.write_text(second(path.read_text(encoding="utf-8")), encoding="utf-8")

    def digests(self):
        """Those of all that is secret, as far as they can be made from it alone."""
        found = set()
        for content in CONTENTS:
            for text in (content, second(content)):
                found.add(hashlib.sha256(text.encode()).hexdigest())
        return found

    def record_digests(self):
        found = set()
        for label, record in self.project.records().items():
            if label.startswith("render/") and MARK in record["content"]:
                canonical = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
                found.add(hashlib.sha256(canonical.encode()).hexdigest())
        assert len(found) == 4
        return found

    def check_said(self):
        # Of digests people see the first digits. Ninja shows the digests of records when it is asked for commands.
        short = [digest[:8] for digest in self.digests()]
        records = self.record_digests()
        assert len(self.said) > 10
        for argv, ran in self.said:
            text = ran.out + ran.err
            assert MARK not in text, (argv, text)
            for digest in short:
                assert digest not in text, (argv, digest, text)
            if argv[0] != "ninja":
                assert not any(digest in text for digest in records), (argv, text)

    def check_files(self):
        """Nobody else finds a secret, or a digest of one, in a file here."""
        words = [MARK, *self.digests(), *self.record_digests()]
        patterns = self.project.path("words")
        patterns.write_text("\n".join(words) + "\n", encoding="utf-8")
        patterns.chmod(0o644)
        argv = ["grep", "-r", "-l", "-F", "-s", "-a", "-f", "words", "--exclude=words", "."]
        stranger = harness.NOBODY - 1
        who = {"user": stranger, "group": stranger, "extra_groups": []}
        ran = subprocess.run(argv, cwd=self.project.outside, capture_output=True, text=True, check=False, **who)
        patterns.unlink()
        # grep: 1 when it found nothing, 2 when there was something that it could not read.
        assert ran.stdout == "" and ran.returncode in (1, 2), ran.stdout
        for path in self.project.outside.rglob("*"):
            info = path.lstat()
            # Nor wherever it is copied to; the group of a file on a host may read that.
            others = 0o004 if path.is_relative_to(self.project.path("r")) else 0o044
            if stat.S_ISREG(info.st_mode) and info.st_mode & others and info.st_size < 1 << 20:
                assert MARK.encode() not in path.read_bytes(), path


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can look as somebody else")


def mode_of(path):
    return stat.S_IMODE(pathlib.Path(path).lstat().st_mode)


@needs_root
def test_nobody_else_reads_a_secret():
    it = Secrets()
    it.kplan("plan", "cluster.yaml")
    it.kplan("gen", "cluster.yaml").ok()
    it.say_all()
    it.run("ninja", "-v", "-d", "explain").ok()
    it.say_all()
    it.edit()
    it.say_all()  # says what was edited
    it.run("ninja", "-d", "explain").ok()
    it.say_all()
    # What is there by hand, and what fails.
    it.project.path("r/etc/app/token").write_text("canary-by-hand", encoding="utf-8")
    it.kplan("plan", "cluster.yaml")
    it.project.path("r/etc/app/group").unlink()
    it.project.path("r/etc/app/group").mkdir()
    it.say_all()
    assert it.run("ninja", "-k0").code != 0
    it.say_all()
    it.project.path("r/etc/app/group").rmdir()
    it.run("ninja").ok()
    it.check_said()
    it.check_files()
    for shard in it.project.path(".kplan/steps").iterdir():
        assert mode_of(shard) == 0o600
    for spec in it.project.path(".kplan/specs").iterdir():
        assert mode_of(spec) == 0o600
    assert mode_of(it.project.path(".kplan")) == mode_of(it.project.path("rendered")) == 0o700
    assert mode_of(it.project.path("rendered/w/etc/app/token")) == 0o600
    # What is public is shown.
    assert "everybody-may-read-this" in it.kplan("show").out
    before = len(it.said)
    it.project.spec = it.project.spec[: it.project.spec.index("services:")]
    it.kplan("gen", "cluster.yaml").ok()
    it.kplan("plan", "cluster.yaml")
    it.kplan("prune", "--yes", "cluster.yaml").ok()
    for argv, ran in it.said[before:]:
        assert MARK not in ran.out + ran.err, argv


BROKEN = {
    "an unknown key beside it": ('mode: "0600"}', 'mode: "0600", color: red}'),
    "a key that is misspelt": ("{content:", "{contents:"),
    "a mode that is none": ('mode: "0600"}', "mode: secret}"),
    "no map": ('{content: "canary-token\\n", mode: "0600"}', "canary-token"),
    "a list": ('"canary-token\\n"', "[canary-token]"),
    "a control character": ("canary-token\\n", "canary-token\\x01"),
    "a path that is none": ("/etc/app/token:", "etc/app/token:"),
    "two at once": ('mode: "0600"}', 'mode: "0600", from: copied.txt}'),
    "a quote that is open": ('canary-token\\n"', "canary-token"),
    "a bracket that is open": ('mode: "0600"}', 'mode: "0600"'),
    "a tab": ("          canary-lines", "\t  canary-lines"),
    "the same key twice": ('mode: "0600"}', 'mode: "0600", mode: "0600"}'),
    "a key in a block": ("          canary-lines", "          canary-lines\n         canary-lines: x"),
    "an owner that is none": ('mode: "0600"}', 'mode: "0600", owner: "a:b:c"}'),
}


@pytest.mark.parametrize("mistake", BROKEN)
@pytest.mark.parametrize("json_too", [[], ["--json"]], ids=["text", "json"])
def test_an_error_shows_no_secret(tmp_path, mistake, json_too):
    old, new = BROKEN[mistake]
    assert old in SPEC
    (tmp_path / "copied.txt").write_text("x", encoding="utf-8")
    (tmp_path / "cluster.yaml").write_text(SPEC.replace(old, new, 1), encoding="utf-8")
    ran = harness.Here().run([harness.KPLAN, "check", *json_too, "cluster.yaml"], cwd=tmp_path)
    assert ran.code == 65, ran.out + ran.err
    assert MARK not in ran.out + ran.err, ran.out + ran.err
    assert "cluster.yaml" in ran.out + ran.err


@needs_root
def test_what_an_earlier_kplan_left_open_is_closed_and_said_once():
    it = Secrets()
    it.project.gen_and_ninja().ok()
    for folder in (".kplan", "rendered"):
        subprocess.run(["chmod", "-R", "a+rX", it.project.path(folder)], check=True)
    it.project.path("build.ninja").chmod(0o644)
    first = it.run("ninja").ok()
    assert ".kplan and rendered could be read by others" in first.out
    assert not first.edges, first.out
    second_run = it.run("ninja").ok()
    assert second_run.no_work and "could be read" not in second_run.out
    assert mode_of(it.project.path("build.ninja")) == 0o600
    assert it.kplan("plan", "cluster.yaml").ok().out.startswith("nothing to do")
    it.said.extend([it.said[0]] * 10)
    it.check_files()


# Whoever may not look would take it for a folder in which nothing was ever done.
@needs_root
def test_another_user_is_told_why_there_is_nothing_to_see():
    it = Secrets()
    it.project.gen_and_ninja().ok()
    it.project.path("cluster.yaml").chmod(0o644)
    stranger = harness.Project(it.project.folder, harness.Here(harness.NOBODY), "./kplan")
    for argv in (["plan", "cluster.yaml"], ["status", "cluster.yaml"], ["show"], ["why", "ca/cert"]):
        ran = stranger.run(stranger.kplan, *argv)
        assert ran.code == 1 and ".kplan belongs to uid 0, and is closed to others" in ran.err, (argv, ran)


# `sudo ninja` in a person's folder: the person goes on as before.
@needs_root
def test_root_locks_nobody_out():
    it = Secrets(harness.NOBODY)
    root = harness.Project(it.project.folder, harness.Here(), "./kplan")
    root.gen_and_ninja().ok()

    # What is on a host is root's, as ever, and so are the keys.
    def give_the_rest():
        subprocess.run(["chown", "-R", str(harness.NOBODY), it.project.path("r"), it.project.path("pki")], check=True)

    give_the_rest()
    assert it.kplan("plan", "cluster.yaml").ok().out.startswith("nothing to do")
    it.edit()
    root.ninja().ok()
    give_the_rest()
    for path in [".kplan", ".kplan/specs", ".kplan/steps", "rendered", "rendered/w", "rendered/w/etc/app/token", "build.ninja"]:
        assert it.project.path(path).lstat().st_uid == harness.NOBODY, path
    assert it.kplan("plan", "cluster.yaml").ok().out.startswith("nothing to do")
    it.kplan("show", "app").ok()
    assert "another (secret)" in it.kplan("why", "--last", "render/w/etc/app/token").ok().out
