"""Completion in bash, zsh and fish themselves: a shell on a terminal, a Tab, and what then stands on its line."""

import os
import re
import select
import signal
import subprocess
import time

import pytest

import cli_terminal

KPLAN = os.environ.get("KPLAN", "kplan")

SPEC = """\
hosts: {worker: {root: ./rootfs, service-manager: none}}
ca: {CN: authority, key: {algo: ecdsa, size: 256}}
certs:
  web: {key: {algo: ecdsa, size: 256}, hosts: [web.example, 10.0.0.1]}
"""
PROMPT = b"READY>"
TAB, WHOLE_LINE_AWAY = b"\t", b"\x15"


class Shell:
    """An interactive shell; completed() types something and gives back what the shell made of it."""

    def __init__(self, name, folder):
        self.name = name
        scripts = {
            "bash": f"PS1='{PROMPT.decode()}'; bind 'set bell-style none'; bind 'set enable-bracketed-paste off';"
                    " bind 'set show-all-if-ambiguous off'; source <(kplan completion bash)\n",
            "zsh": "unsetopt prompt_cr zle_bracketed_paste beep; zle_bracketed_paste=(); autoload -Uz compinit; compinit -u -D;"
                   f" source <(kplan completion zsh); PS1='{PROMPT.decode()}'\n",
        }
        commands = {
            "bash": ["bash", "--norc", "--noprofile", "-i"],
            "zsh": ["zsh", "-f", "-i"],
        }
        self.leader, follower = cli_terminal.open_terminal(200)
        env = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "dumb", "LC_ALL": "C.UTF-8",
               "HISTFILE": "/dev/null"}
        self.process = subprocess.Popen(commands[name], cwd=folder, stdin=follower, stdout=follower, stderr=follower,
                                        env=env, start_new_session=True)
        os.close(follower)
        self.write(scripts[name].encode())
        self.until(lambda text: text.count(PROMPT) >= 2)  # the echo of the line above has the first

    def write(self, keys):
        os.write(self.leader, keys)

    def until(self, good):
        """Reads until what came is GOOD."""
        text, end = b"", time.monotonic() + 30
        while not good(text):
            ready, _, _ = select.select([self.leader], [], [], max(0, end - time.monotonic()))
            assert ready, f"{self.name} did not go on after {text!r}"
            text += os.read(self.leader, 65536)
        return text

    def completed(self, typed):
        """What stands on the line after TYPED and a Tab: the shell itself says so, when the line is made echo's argument."""
        to_the_beginning, to_the_end = b"\x01", b"\x05"
        self.write(WHOLE_LINE_AWAY + typed.encode() + TAB)
        self.write(to_the_beginning + b"echo GOT '<" + to_the_end + b">'\r")
        text = self.until(lambda text: re.search(rb"GOT <[^\r\n]*>\r?\n", text))
        return re.search(rb"GOT <([^\r\n]*)>\r?\n", text).group(1).decode()

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.leader)


@pytest.fixture(name="folder", scope="module")
def fixture_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    (folder / "bin").mkdir()
    (folder / "bin/kplan").symlink_to(KPLAN)
    (folder / "cluster.yaml").write_text(SPEC, encoding="utf-8")
    (folder / "clusterfolder").mkdir()
    (folder / "notes.txt").touch()
    subprocess.run([KPLAN, "gen", "-C", "there", "cluster.yaml"], cwd=folder, check=True, capture_output=True)
    subprocess.run([KPLAN, "gen", "cluster.yaml"], cwd=folder, check=True, capture_output=True)
    return folder


# What is typed, and what stands there after a Tab.
CASES = [
    ("kplan gr", "kplan graph "),
    ("kplan comp", "kplan completion "),
    ("kplan completion f", "kplan completion fish "),
    ("kplan graph --form", "kplan graph --format="),
    ("kplan graph --format=mer", "kplan graph --format=mermaid "),
    ("kplan graph --format htm", "kplan graph --format html "),
    ("kplan check --js", "kplan check --json "),
    ("kplan why cert/", "kplan why cert/web "),
    ("kplan why ca/ce", "kplan why ca/cert "),
    ("kplan show -C there ke", "kplan show -C there key/web "),
    ("kplan plan --limit=pk", "kplan plan --limit=pki "),
    ("kplan apply --limit ca/ce", "kplan apply --limit ca/cert "),
    ("kplan help unknown-k", "kplan help unknown-key "),
    ("kplan help etcd.fl", "kplan help etcd.flags "),
    ("kplan check cluster.", "kplan check cluster.yaml "),
    ("kplan gen -C clusterf", "kplan gen -C clusterfolder/"),
    ("kplan gen note", "kplan gen note"),  # no YAML
    ("kplan nonsense ", "kplan nonsense "),
]


@pytest.fixture(name="shell", scope="module", params=["bash", "zsh"])
def fixture_shell(request, folder):
    shell = Shell(request.param, folder)
    yield shell
    shell.close()


@pytest.mark.parametrize("typed, expected", CASES, ids=[typed for typed, _ in CASES])
def test_tab(shell, typed, expected):
    if shell.name == "zsh" and typed == "kplan gen note":
        expected = "kplan gen notes.txt"  # where no file fits, zsh offers all
    # A shell may take the last space or slash back when something else than a word follows.
    assert shell.completed(typed).rstrip(" /") == expected.rstrip(" /")


def fish(folder, line):
    """What fish offers after LINE: word -> what it is."""
    env = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    ran = subprocess.run(["fish", "-c", f"kplan completion fish | source; complete -C '{line}'"],
                         cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stderr == ""
    return dict((offered.split("\t") + [""])[:2] for offered in ran.stdout.splitlines())


@pytest.mark.parametrize("typed, expected", CASES, ids=[typed for typed, _ in CASES])
def test_fish(folder, typed, expected):
    offered = list(fish(folder, typed))
    if expected == typed:
        assert offered == []
    else:
        assert offered == [expected.split()[-1]]


def test_fish_says_what_they_are(folder):
    commands = fish(folder, "kplan ")
    assert commands["gen"] == "write build.ninja and .kplan from cluster.yaml"
    assert fish(folder, "kplan gen -") == {
        "-C": "the folder to write to", "--contact": "asks the hosts over ssh, too", "--kplan=": "the kplan that ninja will run", "--help": ""}
    assert set(fish(folder, "kplan why ")) == {"ca/", "cert/", "csr/", "key/"}
    assert set(fish(folder, "kplan check ")) >= {"cluster.yaml", "clusterfolder/"}


def test_labels_of_150000_steps_are_there_at_once(tmp_path):
    certs = "".join(f"  c{i:05}: {{}}\n" for i in range(50000))
    (tmp_path / "cluster.yaml").write_text("ca: {CN: authority}\ncerts:\n" + certs, encoding="utf-8")
    subprocess.run([KPLAN, "gen", "cluster.yaml"], cwd=tmp_path, check=True, capture_output=True, timeout=300)
    assert (tmp_path / ".kplan/plan.json").read_text().count('"label"') >= 150000

    def labels(prefix):
        ran = subprocess.run([KPLAN, "completion", "candidates", "why", prefix], cwd=tmp_path, check=True, capture_output=True,
                             text=True, timeout=60)
        return [line.split("\t")[0] for line in ran.stdout.splitlines()]

    start = time.monotonic()
    assert labels("") == ["ca/", "cert/", "csr/", "key/"]
    assert labels("key/c4999") == [f"key/c4999{i}" for i in range(10)]
    assert len(labels("csr/")) == 50000
    assert time.monotonic() - start < 3, "a person waits for it"


def test_scripts_are_clean(tmp_path):
    for shell, check in (("bash", ["shellcheck", "--shell=bash"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])):
        script = subprocess.run([KPLAN, "completion", shell], check=True, capture_output=True, text=True).stdout
        (tmp_path / shell).write_text(script, encoding="utf-8")
        ran = subprocess.run([*check, tmp_path / shell], capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", ""), shell
    ran = subprocess.run([KPLAN, "completion", "tcsh"], capture_output=True, text=True, check=False)
    assert ran.returncode == 64 and 'there is nothing for the shell "tcsh"' in ran.stderr
