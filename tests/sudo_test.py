"""A sudo that refuses, on a booted host over ssh, with a language of its own: each reason is told as what it is, and what the
error says to do, done word for word, works."""

import re

import pytest

import harness
import hosts

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not() or "none")

SPEC = """\
hosts:
  worker: {{ssh: ops@{address}, become: sudo, service-manager: none}}
ca: {{CN: ca, key: {{algo: ecdsa, size: 256}}}}
certs: {{leaf: {{CN: leaf, key: {{algo: ecdsa, size: 256}}, hosts: [127.0.0.1]}}}}
services:
  greet:
    command: [/bin/true]
    files: {{/etc/greeting: {{content: "hello\\n"}}}}
"""
GREETING = "/etc/greeting"
AGENT_HOME = "/var/lib/kplan"

REFUSALS = {
    "password": "sudo wants a password there, and nobody can type one",
    "denied": "sudo does not let ops run anything there: no entry of sudoers(5) is for it",
    "other-commands": "sudo does not let ops run sh as root there: its entries of sudoers(5) are for something else",
    "other-user": "sudo does not let ops run sh as root there: its entries of sudoers(5) are for something else",
    "requiretty": "sudo wants a terminal there (requiretty), and there is none",
    "noexec": "sudo starts a shell there that may start nothing (noexec)",
}
REMEDY = re.compile(r"have root write `([^`]+)` with `visudo -f (/etc/sudoers\.d/\w+)` there")


class OverSsh:
    """The one host of the lab, and projects on the admin machine, as kplan finds the former behind ssh."""

    def __init__(self, lab):
        self.lab = lab
        (self.host,) = lab.hosts
        self.project = None

    def reset(self, how):
        """Nothing of kplan on the host, whose sudo is HOW, and a project that has never met it."""
        self.host.set_sudo(how)
        self.host.run(["rm", "-rf", GREETING, AGENT_HOME, "/etc/sudoers.d"], check=True)
        self.host.run(["mkdir", "-m", "0750", "/etc/sudoers.d"], check=True)
        self.project = harness.Project(harness.make_folder("sudo"), harness.There(self.lab.admin), harness.KPLAN)
        self.project.spec = SPEC.format(address=self.host.address)
        self.project.gen().ok()

    def touched(self):
        return self.host.run(["ls", "-d", GREETING, AGENT_HOME]).stdout

    def follow(self, message):
        """Does what MESSAGE says, by visudo as it says."""
        line, path = REMEDY.search(message).groups()
        self.host.run(["env", "EDITOR=tee", "visudo", "-f", path], input=line + "\n", check=True)


@pytest.fixture(name="over_ssh", scope="module")
def fixture_over_ssh():
    with hosts.lab(names=["worker"]) as lab:
        # As Debian's installer writes it, and PAM reads it. The texts are those of de_DE; that locale is not everywhere.
        lab.hosts[0].write_text("/etc/default/locale", "LANG=C.UTF-8\nLANGUAGE=de\n")
        yield OverSsh(lab)


def test_the_host_speaks_german(over_ssh):
    """Else the others say less than they seem to."""
    over_ssh.reset("password")
    said = over_ssh.project.run("ssh", f"ops@{over_ssh.host.address}", "sudo -n true")
    assert said.code == 1
    if "a password is required" in said.err:
        pytest.skip("sudo here has no German texts")
    assert "Ein Passwort ist notwendig" in said.err, said


@pytest.mark.parametrize("how", REFUSALS)
def test_each_refusal_is_told_and_its_remedy_works(over_ssh, how):
    over_ssh.reset(how)
    ran = over_ssh.project.ninja("-k0")
    assert ran.code != 0
    assert f"host worker: {REFUSALS[how]}\n" in ran.out, ran
    assert "Passwort" not in ran.out, ran
    assert over_ssh.touched() == ""
    status = over_ssh.project.run(over_ssh.project.kplan, "status")
    assert status.code != 0 and REFUSALS[how] in status.out + status.err, status

    over_ssh.follow(ran.out)
    over_ssh.project.ninja().ok()
    assert over_ssh.host.read_text(GREETING) == "hello\n"
    assert over_ssh.project.ninja().no_work


def test_a_host_without_sudo(over_ssh):
    over_ssh.reset("absent")
    try:
        ran = over_ssh.project.ninja("-k0")
        assert ran.code != 0 and "host worker: there is no sudo there\n  install it" in ran.out, ran
        assert over_ssh.touched() == ""
    finally:
        over_ssh.host.set_sudo("nopasswd")


def test_a_secure_path_without_the_usual_folders_is_no_hindrance(over_ssh):
    over_ssh.reset("secure-path")
    found = over_ssh.project.run("ssh", f"ops@{over_ssh.host.address}", "sudo -n sh -c true")
    assert found.code == 1 and "sh" in found.err, found  # what kplan does not do
    over_ssh.project.ninja().ok()
    assert over_ssh.host.read_text(GREETING) == "hello\n"


@pytest.mark.parametrize("shell", ["/bin/dash", "/usr/bin/fish", "/bin/tcsh"])
def test_whatever_the_login_shell_is(over_ssh, shell):
    """The questions behind a refusal go through it, too."""
    if over_ssh.host.run(["test", "-x", shell]).returncode != 0:
        pytest.skip(f"there is no {shell}")
    over_ssh.reset("denied")
    over_ssh.host.run(["usermod", "--shell", shell, "ops"], check=True)
    try:
        ran = over_ssh.project.ninja("-k0")
        assert ran.code != 0 and f"host worker: {REFUSALS['denied']}\n" in ran.out, ran
        over_ssh.follow(ran.out)
        over_ssh.project.ninja().ok()
    finally:
        over_ssh.host.run(["usermod", "--shell", "/bin/bash", "ops"], check=True)
