"""Steps of a host over ssh: a real sshd, real ssh, and kplan's agent; no cluster, and no root rights.

What is refused is refused before a byte of a key leaves; what is cut, at any byte, leaves each file old or new and is
finished by the next run; whoever is killed; one connection carries everything, and only what changed travels.

KPLAN_SWEEP=full: a cut after every KiB; else a sample of them.
"""

import concurrent.futures
import contextlib
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest

import harness
import ssh_host

FULL = os.environ.get("KPLAN_SWEEP") == "full"

pytestmark = pytest.mark.skipif(bool(ssh_host.why_not()), reason=ssh_host.why_not() or "none")

KIB = 1024


@pytest.fixture(name="folder")
def _folder():
    folder = harness.make_folder("ssh")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(name="host")
def _host(folder):
    host = ssh_host.SshHost(folder / "host")
    # A login shell's start-up file may say what it wants.
    (host.home / ".bashrc").write_text('echo "Welcome to \\"h1\\"!"; echo {} \n', encoding="utf-8")
    yield host
    host.close()


@pytest.fixture(name="root")
def _root(folder):
    return folder / "root"


@pytest.fixture(name="client")
def _client(folder, host, root):
    client = ssh_host.Client(folder / "client", harness.KPLAN, host)
    client.add_host(root)
    (client.folder / "pki").mkdir()
    yield client
    client.close()


def write(client, name, content):
    path = client.folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def noise(size, seed=0):
    return random.Random(seed).randbytes(size)


def refused(ran, *words):
    """That RAN failed with an error that has WORDS in it, in one piece: no lines of ssh's beyond what it quotes."""
    assert ran.code == 1, f"exit {ran.code}\n{ran.out}\n{ran.err}"
    for word in words:
        assert word in ran.err, f"{word!r} is not in:\n{ran.err}"
    assert ran.err.startswith("kplan: error: "), ran.err


# ---- what works -----------------------------------------------------------------------------------------------------


def test_a_host_is_found_and_claimed(client, host, root):
    client.step("host/h1").ok()
    facts = json.loads((client.folder / ".kplan/hosts/h1.json").read_text(encoding="utf-8"))
    assert facts.keys() == {"agent", "arch", "id", "kernel", "machine-id", "os", "systemd"}
    assert facts["kernel"] == os.uname().release
    assert list(host.files()) == [f"claims/{name}" for name in os.listdir(host.state / "claims")] + [facts["agent"]]
    assert (client.folder / ".kplan/deps/host/h1").read_text(encoding="utf-8").endswith(": .kplan/hosts/h1.json\n")
    assert not root.exists()
    assert stat.S_IMODE(host.state.stat().st_mode) == 0o700
    before = harness.snapshot(client.folder / ".kplan/hosts", client.folder / ".kplan/stamps")
    (client.folder / ".kplan/deps/host/h1").unlink()  # as ninja does when it has read it
    assert client.step("host/h1").ok().out == ""
    assert harness.snapshot(client.folder / ".kplan/hosts", client.folder / ".kplan/stamps") == before


def test_files_land_by_the_same_code_as_here(client, host, root):
    write(client, "pki/ca.pem", "certificate\n")
    label = client.add_file("pki/ca.pem", "/etc/etcd/ca.pem", root, mode="0640")
    client.add("dir/h1/var/lib/etcd", host="h1", kind="dir", mode="0700", path="/var/lib/etcd", root=str(root))
    client.step("host/h1").ok()
    assert client.step(label).ok().out == ""
    client.step("dir/h1/var/lib/etcd").ok()
    target = root / "etc/etcd/ca.pem"
    assert target.read_text(encoding="utf-8") == "certificate\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert stat.S_IMODE((root / "var/lib/etcd").stat().st_mode) == 0o700
    # The stamp is what the step here has, and stands for no file of this machine.
    here = ssh_host.Client(client.folder / "here", client.kplan, host, name="h2")
    (here.folder / "pki").mkdir()
    write(here, "pki/ca.pem", "certificate\n")
    record = {key: value for key, value in client.records[label].items() if key != "host"}
    here.add(label, **{**record, "root": str(client.folder / "sandbox")})
    here.step(label).ok()
    stamp = f".kplan/stamps/{label}"
    assert (here.folder / stamp).read_text() == (client.folder / stamp).read_text()
    assert (client.folder / f".kplan/deps/{label}").read_text() == f"{stamp}:\n"
    # As here: a mode that is wrong is a reason, and nothing else is touched.
    target.chmod(0o600)
    inode = target.stat().st_ino
    assert client.step(label).ok().out == f"{label}: mode was 0600, is 0640\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    before = harness.snapshot(root)
    assert client.step(label).ok().out == f"{label}: only checked\n"
    assert harness.snapshot(root) == before and target.stat().st_ino != inode
    assert [name for name in host.files() if name.startswith(("work-", "spool/"))] == []


def test_a_step_fails_there_as_here_and_the_next_run_goes_on(client, root, host):
    write(client, "pki/ca.pem", "certificate\n")
    label = client.add_file("pki/ca.pem", "/etc/etcd/ca.pem", root)
    client.step("host/h1").ok()
    (root / "etc/etcd/ca.pem").mkdir(parents=True)
    refused(client.step(label), label, "host h1: cannot install pki/ca.pem as", "there is a folder")
    assert len([name for name in host.files() if name.startswith("spool/")]) == 1  # it has arrived, and is kept
    (root / "etc/etcd/ca.pem").rmdir()
    host.link.arm()
    client.step(label).ok()
    assert [name for name in host.files() if name.startswith(("work-", "spool/"))] == []


def test_only_what_changed_travels(client, host, root):
    size = 300 * KIB
    names = [f"pki/{number}.bin" for number in range(4)]
    for number, name in enumerate(names):
        write(client, name, noise(size, number))
    targets = [f"/opt/{number}" for number in range(4)]
    files = [client.add_file(name, target, root) for name, target in zip(names, targets)]
    client.add("send/h1", files=[{"from": name, "path": target, "secret": False} for name, target in zip(names, targets)],
               host="h1", kind="send", root=str(root))
    client.step("host/h1").ok()

    def sent(label):
        host.link.arm()
        client.step(label).ok()
        return host.link.to_host

    agent = os.path.getsize(client.kplan)
    assert sent("host/h1") < 8 * KIB < agent  # the program went once
    assert 4 * size < sent("send/h1") < 4 * size + 64 * KIB
    assert sent("send/h1") < 8 * KIB
    assert sum(sent(label) for label in files) < 32 * KIB
    assert [name for name in host.files() if name.startswith(("work-", "spool/"))] == []
    assert sent("send/h1") < 8 * KIB  # all is in place
    write(client, names[2], noise(size, 99))
    assert size < sent("send/h1") < size + 32 * KIB
    assert sum(sent(label) for label in files) < 32 * KIB
    assert (root / "opt/2").read_bytes() == noise(size, 99)
    # What the plan no longer has leaves the spool.
    write(client, names[0], noise(size, 100))
    sent("send/h1")
    assert len([name for name in host.files() if name.startswith("spool/")]) == 1
    client.add("send/h1", **{**client.records["send/h1"], "files": client.records["send/h1"]["files"][1:]})
    sent("send/h1")
    assert [name for name in host.files() if name.startswith("spool/")] == []
    assert host.logins() == 1


def test_many_steps_at_once_share_one_connection(client, host, root):
    labels = []
    for number in range(12):
        write(client, f"pki/{number}.pem", f"certificate {number}\n")
        labels.append(client.add_file(f"pki/{number}.pem", f"/etc/etcd/{number}.pem", root))
    client.step("host/h1").ok()
    client.disconnect()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for ran in pool.map(client.step, labels):
            ran.ok()
    assert host.logins() == 2  # before and after the disconnection
    assert host.link.connections == 2
    assert len(list((root / "etc/etcd").iterdir())) == 12
    # The program is gone, and eight find out at once: it is copied once.
    for path in host.state.glob("kplan-agent-*"):
        path.unlink()
    host.link.arm()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for ran in pool.map(client.step, labels):
            ran.ok()
    assert host.link.to_host < 1.5 * os.path.getsize(client.kplan)


def test_a_host_that_lets_few_sessions_share_a_connection(client, host, root):
    """As hardened hosts do: the steps wait for their turn."""
    write(client, "pki/ca.pem", "certificate\n")
    labels = [client.add_file("pki/ca.pem", f"/etc/{number}", root) for number in range(12)]
    host.stop()
    host.start("MaxSessions 1")
    client.step("host/h1").ok()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for ran in pool.map(client.step, labels):
            ran.ok()
    assert host.logins() == 1


def test_the_connection_holds_nobody_up_and_ends_by_itself(client):
    """A step that opens the connection ends with it open: ninja waits for whoever has its output."""
    begun = time.monotonic()
    client.step("host/h1").ok()
    assert time.monotonic() - begun < 30
    assert len(client.masters()) == 1
    argv = pathlib.Path(f"/proc/{client.masters()[0]}/cmdline").read_bytes()
    assert b"ControlPersist=60" in argv


def test_a_service_outlives_the_session_that_started_it(client, root):
    if shutil.which("start-stop-daemon", path="/usr/sbin:/sbin:/usr/bin") is None:
        pytest.skip("there is no start-stop-daemon")
    (root / "bin").mkdir(parents=True)
    shutil.copy2("/bin/sleep", root / "bin/sleeper")
    client.add("service/h1/sleeper", answers=[], argv=[["", "/bin/sleeper"], ["1000", ""]], environment=[], host="h1",
               kind="service", manager="process", name="sleeper", restart_on=["/bin/sleeper"], root=str(root), timeout=20, unit="")
    client.step("host/h1").ok()
    client.step("service/h1/sleeper").ok()
    pid = int(next(root.rglob("sleeper.pid")).read_text(encoding="utf-8"))
    try:
        client.step("service/h1/sleeper").ok()
        assert harness.alive(pid)
        assert os.readlink(f"/proc/{pid}/cwd") == str(root)
    finally:
        harness.kill(pid)


# ---- what is refused ------------------------------------------------------------------------------------------------


def unknown_key(client, _host):
    client.known_hosts.write_text("", encoding="utf-8")
    return ["is not known here, so nothing was sent", f"ssh-keyscan -p {client.host.link.port} 127.0.0.1",
            f"{client.known_hosts} has none for [127.0.0.1]:{client.host.link.port}"]


def changed_key(client, host):
    host.new_key()
    return ["is another one than", "so nothing was sent", f'ssh-keygen -R "[127.0.0.1]:{client.host.link.port}"',
            f"{client.known_hosts}:1"]


def refused_login(_client, host):
    (host.folder / "authorized_keys").write_text("", encoding="utf-8")
    return ["it refused the login of", "it takes publickey", "authorized_keys"]


def closed_port(client, _host):
    port = harness.free_ports(1)[0]
    client.add_host(client.records["host/h1"]["root"], ssh_port=port)
    return [f"nobody listens at", f"127.0.0.1:{port}", "does sshd run there?"]


def no_address(client, _host):
    client.add_host(client.records["host/h1"]["root"], ssh_host="no-such-host.invalid")
    return ["the name no-such-host.invalid has no address"]


def no_sshd(_client, host):
    """Something accepts the connection and hangs up."""
    host.stop()
    return ["ssh cannot connect to"]


@pytest.mark.parametrize("trouble", [unknown_key, changed_key, refused_login, closed_port, no_address, no_sshd],
                         ids=lambda trouble: trouble.__name__)
def test_nothing_goes_to_a_host_that_is_not_proven(client, host, root, trouble):
    words = trouble(client, host)
    known = client.known_hosts.read_bytes()
    write(client, "pki/ca-key.pem", "SECRET\n")
    # The steps of its files, too, not only the one that comes first.
    label = client.add_file("pki/ca-key.pem", "/etc/etcd/ca-key.pem", root)
    (client.folder / ".kplan/hosts").mkdir(parents=True)
    facts = {key: "x" for key in ("agent", "arch", "id", "kernel", "machine-id", "os", "systemd")}
    (client.folder / ".kplan/hosts/h1.json").write_text(json.dumps(facts), encoding="utf-8")
    for each in ("host/h1", label):
        ran = client.step(each)
        refused(ran, f"{each}: host h1: ", *words)
        assert "SECRET" not in ran.err
    assert host.sessions() == 0
    assert host.link.to_host < 8 * KIB
    assert client.known_hosts.read_bytes() == known
    assert not root.exists() and not host.state.exists()
    assert client.masters() == []


def test_a_server_that_says_nothing_is_given_up(client, root):
    with socket.create_server(("127.0.0.1", 0)) as server:
        client.add_host(root, ssh_port=server.getsockname()[1])
        begun = time.monotonic()
        refused(client.step("host/h1"), "did not answer; is the machine up")
        assert 5 < time.monotonic() - begun < 30


def test_what_failed_for_one_fails_for_those_that_waited(client, host, root):
    """Eight steps on a host that is down do not time out one after another."""
    labels = [client.add_file("pki/ca.pem", f"/etc/{number}", root) for number in range(8)]
    write(client, "pki/ca.pem", "certificate\n")
    client.step("host/h1").ok()
    client.disconnect()
    with socket.create_server(("127.0.0.1", 0)) as server:
        client.add_host(root, ssh_port=server.getsockname()[1])
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for ran in pool.map(client.step, labels):
                refused(ran, "did not answer")
        assert time.monotonic() - begun < 30


SUDO = {
    "password": ("echo 'sudo: a password is required' >&2; exit 1", "sudo wants a password there"),
    "tty": ("echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1", "sudo wants a terminal there (requiretty)"),
    "not-allowed": ("echo 'ops is not in the sudoers file.' >&2; exit 1", "sudo does not let 1000 run anything there"),
    "other": ("test $2 = -v", "sudo does not let 1000 run sh as root there"),
    "unknown": ("echo 'sudo: kein Anschluss' >&2; exit 1", "sudo there ended with exit code 1 and started no shell"),
    "noexec": ("echo kplan-shell; exit 126", "sudo starts a shell there that may start nothing"),
    "none": ("echo 'sh: 1: sudo: not found' >&2; exit 127", "there is no sudo there"),
}


@pytest.mark.parametrize("what", SUDO)
def test_sudo_that_asks(client, host, root, what):
    script, words = SUDO[what]
    host.program("sudo", f"#!/bin/sh\n{script}\n")
    client.add_host(root, become="sudo")
    host.link.arm()
    refused(client.step("host/h1"), "host h1: ", words)
    assert host.link.to_host < 16 * KIB  # no program
    assert not host.state.exists()


def test_sudo_that_lets_us(client, host, root):
    host.program("sudo", '#!/bin/sh\ntest "$1 $2" = "-n --" || exit 9\nshift 2\nBECAME=1 exec "$@"\n')
    client.add_host(root, become="sudo")
    client.step("host/h1").ok()


@pytest.mark.parametrize("says, arch, words", [
    ("Darwin arm64", "", "is no Linux machine"),
    ("Linux aarch64", "amd64", "is arm64, and cluster.yaml says amd64"),
    ("Linux x86_64", "riscv64", "/kplan-linux-riscv64"),
], ids=["another-system", "another-arch", "no-program"])
def test_a_host_that_cannot_run_this_kplan(client, host, root, says, arch, words):
    if os.uname().machine != "x86_64":
        pytest.skip("written for amd64")
    system, machine = says.split()
    host.program("uname", f'#!/bin/sh\ntest "$1" = -s && echo {system} || echo {machine}\n')
    client.add_host(root, arch=arch)
    refused(client.step("host/h1"), "host h1", words)
    assert not host.state.exists()


def test_a_home_where_nothing_may_be_executed(client, host):
    if not harness.ISOLATED_ROOT:
        pytest.skip("needs a mount namespace")
    host.state.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec", "tmpfs", str(host.state)], check=True)
    try:
        refused(client.step("host/h1"), "host h1: ", "mounted noexec?")
        assert host.files() == {}
    finally:
        client.close()
        subprocess.run(["umount", "-l", str(host.state)], check=True)


def test_a_disk_that_is_full(client, host, root):
    if not harness.ISOLATED_ROOT:
        pytest.skip("needs a mount namespace")
    host.state.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(host.state)], check=True)
    try:
        refused(client.step("host/h1"), "host h1: there is no room there", "No space left on device")
        assert host.files() == {}
        # Room for the program alone: what does not arrive is not left behind either.
        size = os.path.getsize(client.kplan) + 300 * KIB
        subprocess.run(["mount", "-o", f"remount,size={size}", str(host.state)], check=True)
        client.step("host/h1").ok()
        write(client, "pki/big", noise(4 << 20))
        label = client.add_file("pki/big", "/opt/big", root)
        refused(client.step(label), "host h1: ", "No space left on device")
        assert [name for name in host.files() if name.startswith("spool/")] == []
        subprocess.run(["mount", "-o", "remount,size=64m", str(host.state)], check=True)
        client.step(label).ok()
        assert (root / "opt/big").read_bytes() == noise(4 << 20)
    finally:
        client.close()
        subprocess.run(["umount", "-l", str(host.state)], check=True)


@pytest.mark.parametrize("key, value", [
    ("ssh_host", "-oProxyCommand=touch pwned"),
    ("ssh_host", "-oProxyCommand=touch${IFS}pwned"),
    ("ssh_host", "--"),
    ("ssh_host", ""),
    ("ssh_host", "127.0.0.1 touch pwned"),
    ("ssh_host", "127.0.0.1;touch pwned"),
    ("ssh_host", "$(touch pwned)"),
    ("ssh_host", "ssh://127.0.0.1"),
    ("ssh_host", "ops@127.0.0.1"),
    ("ssh_host", "127.0.0.1\ntouch pwned"),
    ("ssh_host", "%h"),
    ("ssh_user", "-oProxyCommand=touch pwned"),
    ("ssh_user", "ops@elsewhere"),
    ("ssh_user", "$(touch pwned)"),
    ("ssh_port", -1),
    ("ssh_port", 65536),
    ("become", "sh -c"),
])
def test_a_target_is_never_an_option_or_a_command(client, root, key, value):
    wrapper = client.folder / "bin/ssh"
    wrapper.write_text(f"#!/bin/sh\ntouch {client.folder}/asked\nexit 1\n", encoding="utf-8")
    client.add_host(root, **{key: value})
    refused(client.step("host/h1"), "host/h1: ")
    assert not (client.folder / "asked").exists()
    assert not list(client.folder.rglob("pwned"))


HOSTILE = "a b\"c'd$(touch pwned)`touch pwned`;touch pwned\n|&>x*?[]{}!\\%h #é"


def test_no_value_reaches_a_shell(client, host, folder):
    calls = client.folder / "calls"
    wrapper = client.folder / "bin/ssh"
    wrapper.write_text(wrapper.read_text(encoding="utf-8").replace("exec", f'printf "%s\\n" "$@" >>{calls}\nexec', 1), encoding="utf-8")
    root = folder / HOSTILE.replace("/", "")
    name = HOSTILE.replace("\n", "")  # no name in a cluster.yaml has control characters, and no path
    client.add_host(root, cluster=name)
    write(client, "pki/ca.pem", HOSTILE)
    label = client.add_file("pki/ca.pem", f"/etc/{name}/{name}", root)
    client.step("host/h1").ok()
    client.step(label).ok()
    assert (root / f"etc/{name}/{name}").read_text(encoding="utf-8") == HOSTILE
    assert list(folder.rglob("pwned")) == [] and not pathlib.Path.home().joinpath("pwned").exists()
    said = calls.read_text(encoding="utf-8")
    assert "touch" not in said and str(folder) not in said.replace(str(client.folder), "")


def test_a_relative_root_is_refused(client):
    client.add_host("rootfs")
    refused(client.step("host/h1"), "host h1: the root of a host with an agent has to be absolute")


# What a host may say instead of what an agent says; NEED is read before.
LIES = {
    "nothing": ("", "the connection broke"),
    "noise": ("head -c 3000000 /dev/urandom", ""),
    "an-endless-line": ("exec cat /dev/zero", "a line of more than"),
    "words": ("echo Welcome", "answers what no kplan says: \"Welcome\""),
    "too-many": ("""echo '{"need":[0,1,2,3]}'""", "answers what no kplan says"),
    "elsewhere": ("""echo '{"need":["/etc/shadow"]}'""", "answers what no kplan says"),
    "no-digest": ("""echo '{"need":[]}'; echo '{"ok":{"digest":"x","output":"","reason":""}}'""", "answers what no kplan says"),
    "colours": ("""printf '{"error":{"code":"not-found","message":"\\\\u001b[2Jgone"}}\\n'""", "host h1: \\x1b[2Jgone"),
    "another-version": (None, "the agent there is of another version"),
    "a-deep-answer": (f"""head -c 100000 /dev/zero | tr '\\0' '[' >deep; printf '{{"ok":{{"a":'; cat deep; tr '[' ']' <deep; echo '}}}}'""",
                      "(JSON of more than 64 levels)"),
    "brackets": ("""head -c 4000000 /dev/zero | tr '\\0' '['; echo""", "(JSON of more than 64 levels)"),
    "many-values": ("""printf '{"ok":{"a":['; head -c 1300000 /dev/zero | tr '\\0' x | sed 's/x/{},/g'; echo '{}]}}'""",
                    "(JSON of more than 131072 values)"),
    "a-forged-line": ("""printf '{"error":{"code":"not-found","message":"gone\\\\nkplan: error: cert/root: x"}}\\n'""",
                      "host h1: gone\n  kplan: error: cert/root: x"),
}


@pytest.mark.parametrize("what", LIES)
def test_a_host_that_lies(client, host, root, what):
    """It gets no more than it may have, and cannot make kplan write, wait or draw anything here."""
    write(client, "pki/ca.pem", "certificate\n")
    label = client.add_file("pki/ca.pem", "/etc/etcd/ca.pem", root)
    client.step("host/h1").ok()
    says, words = LIES[what]
    agent = next(host.state.glob("kplan-agent-*"))
    agent.unlink()
    agent.write_text("#!/bin/sh\n" + ("echo kplan-agent ready 2\n" if says is None else f"echo kplan-agent ready 1\nread line\n{says}\n"))
    agent.chmod(0o700)
    before = harness.snapshot(client.folder, skip=["/.kplan/journal", "/.kplan/ssh"])
    begun = time.monotonic()
    ran = client.step(label)
    refused(ran, f"{label}: host h1", words)
    assert time.monotonic() - begun < 30
    assert not set(ran.err) & set("\x00\x07\x1b\r\x7f")
    assert not [line for line in ran.err.splitlines()[1:] if not line.startswith(" ")], ran.err
    assert harness.snapshot(client.folder, skip=["/.kplan/journal", "/.kplan/ssh"]) == before


# Runs a program and prints the most memory that it had, in KiB. A small process does it: what is measured counts, until its
# exec, as much as the process that it is made from.
MEASURES = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.parametrize("what", ["brackets", "a-deep-answer", "many-values", "an-endless-line"])
def test_what_a_lie_costs(client, host, root, what):
    """Memory for a line of four megabytes, and not for what it could be made into."""
    write(client, "pki/ca.pem", "certificate\n")
    label = client.add_file("pki/ca.pem", "/etc/etcd/ca.pem", root)
    client.step("host/h1").ok()
    agent = next(host.state.glob("kplan-agent-*"))
    agent.unlink()
    agent.write_text(f"#!/bin/sh\necho kplan-agent ready 1\nread line\n{LIES[what][0]}\n")
    agent.chmod(0o700)
    process = client.start(label, through=[sys.executable, "-c", MEASURES])
    peak, _ = process.communicate()
    assert process.returncode == 1
    assert int(peak.splitlines()[-1]) < 48 * KIB


def test_what_a_host_says_of_itself_is_checked(client, host):
    """Before it is a file here: the facts stand in names, messages and the digest of everything on the host."""
    client.step("host/h1").ok()
    facts = client.folder / ".kplan/hosts/h1.json"
    before = {path: path.read_bytes() for path in client.folder.glob(".kplan/**/*.json")}
    answer = json.loads(next(text for path, text in before.items() if b"machine-id" in text))
    agent = next(host.state.glob("kplan-agent-*"))
    for key, bad in (("id", "x\x1b[2J"), ("id", "../../x"), ("agent", "a\nb"), ("arch", "amd64\nkplan: error: x"), ("machine-id", "\u202e")):
        line = json.dumps({"ok": {**answer, key: bad}})
        (host.folder / "answer").write_text(line + "\n", encoding="ascii")
        agent.unlink()
        agent.write_text(f"#!/bin/sh\necho kplan-agent ready 1\nread line\ncat {host.folder}/answer\n")
        agent.chmod(0o700)
        refused(client.step("host/h1"), f'host h1: the facts of a host with a strange "{key}"')
        assert {path: path.read_bytes() for path in before} == before, facts


# ---- secrets --------------------------------------------------------------------------------------------------------


def test_secrets_are_in_no_argument_and_no_log_and_for_us_alone(client, host, root):
    secret = "-----BEGIN PRIVATE KEY-----\nTHESECRET" + "x" * (3 << 20)
    write(client, "pki/key", secret)
    client.add("send/h1", files=[{"from": "pki/key", "path": "/etc/key", "secret": True}], host="h1", kind="send", root=str(root))
    label = client.add_file("pki/key", "/etc/key", root, mode="0600")
    client.step("host/h1").ok()
    process = client.start("send/h1")
    seen = 0
    while process.poll() is None:
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                argv = path.read_bytes()
                seen += b"kplan-agent" in argv
                assert b"THESECRET" not in argv
    assert process.returncode == 0 and seen > 0
    entries = [path for path in host.state.rglob("*") if "spool" in str(path)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in entries if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in entries if path.is_dir()} == {0o700}
    client.step(label).ok()
    assert (root / "etc/key").read_text(encoding="utf-8") == secret
    assert not [path for path in host.state.rglob("*") if path.is_file() and b"THESECRET" in path.read_bytes()]
    outside = [path for path in [host.log, *client.folder.joinpath(".kplan").rglob("*")] if path.is_file()]
    assert not [path for path in outside if b"THESECRET" in path.read_bytes()]
    # No name or stamp is made from its bytes.
    digest = harness.sha256(client.folder / "pki/key")
    assert not [path for path in outside if path.parent.name != "journal" and "file" not in str(path) and digest[:16].encode() in path.read_bytes()]
    client.close()
    assert digest[:16] not in " ".join(str(path) for path in host.state.rglob("*"))


# ---- who is there ---------------------------------------------------------------------------------------------------


def test_two_hosts_with_one_address(client, host, folder, root):
    client.step("host/h1").ok()
    other = ssh_host.Client(folder / "other", client.kplan, host, name="h2")
    try:
        other.add_host(root)
        refused(other.step("host/h2"), "host h2: this machine is already host h1 of prod", "cannot be host h2 of prod",
                "do two hosts have the same address?", f"remove {host.state}/claims/")
        other.add_host(root, name="h1", cluster="other")
        refused(other.step("host/h2"), "cannot be host h1 of other")
        # By another name of the same folder, too.
        other.add_host(f"{root}/../{root.name}//")
        refused(other.step("host/h2"), "this machine is already host h1 of prod")
        # Another root of the same machine is another host.
        other.add_host(folder / "root2")
        other.step("host/h2").ok()
    finally:
        other.close()
    client.step("host/h1").ok()


def test_of_two_that_claim_at_once_one_wins(client, host, folder, root):
    others = [ssh_host.Client(folder / f"other{number}", client.kplan, host, name=f"n{number}") for number in range(6)]
    try:
        for other in others:
            other.add_host(folder / "elsewhere" / other.name)
            other.step(f"host/{other.name}").ok()
            other.add_host(root)
        with concurrent.futures.ThreadPoolExecutor(len(others)) as pool:
            ran = list(pool.map(lambda other: other.step(f"host/{other.name}"), others))
    finally:
        for other in others:
            other.close()
    assert sorted(each.code for each in ran) == [0, 1, 1, 1, 1, 1]
    for each in ran:
        if each.code != 0:
            refused(each, "this machine is already host n")


def test_another_machine_behind_the_name(client, host, root):
    write(client, "pki/key", "SECRET\n")
    label = client.add_file("pki/key", "/etc/key", root)
    client.step("host/h1").ok()
    stamp = (client.folder / ".kplan/stamps/host/h1").read_text()
    # As by an installation anew that kept the host's key.
    shutil.rmtree(host.state)
    client.disconnect()
    refused(client.step(label), label, "host h1: this is another machine", "run ninja again")
    assert not (root / "etc/key").exists()
    assert not any("spool" in name for name in host.files())
    # Ninja runs the host's step again, because its file is gone.
    assert not (client.folder / ".kplan/hosts/h1.json").exists()
    client.step("host/h1").ok()
    assert (client.folder / ".kplan/stamps/host/h1").read_text() != stamp
    client.step(label).ok()


def test_another_address_of_the_same_machine(client, host, root):
    client.step("host/h1").ok()
    stamp = (client.folder / ".kplan/stamps/host/h1").read_text()
    second = ssh_host.Link(host.port)
    try:
        with open(client.known_hosts, "a", encoding="utf-8") as file:
            file.write(client.known_hosts.read_text(encoding="utf-8").replace(str(host.link.port), str(second.port)))
        client.add_host(root, ssh_port=second.port)
        client.step("host/h1").ok()
        assert (client.folder / ".kplan/stamps/host/h1").read_text() == stamp
        assert host.logins() == 2
    finally:
        client.close()
        second.close()


def test_old_programs_are_removed(client, host):
    host.state.mkdir(parents=True)
    (host.state / "kplan-agent-0123456789abcdef").write_text("old", encoding="utf-8")
    (host.state / "incoming-999999999").write_text("half", encoding="utf-8")
    client.step("host/h1").ok()
    assert len(list(host.state.glob("kplan-agent-*"))) == 1
    assert list(host.state.glob("incoming-*")) == []


# ---- cuts and kills -------------------------------------------------------------------------------------------------


def cut_points(first, last, sample):
    """Bytes after which the link is cut, a KiB apart: all of them, or SAMPLE ones."""
    points = list(range(first * KIB, last, KIB))
    return points if FULL or len(points) <= sample else sorted(random.Random(5).sample(points, sample))


def processes(host, words):
    """The processes of the host (its folder is in their environment) with WORDS in their arguments."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            argv = (path / "cmdline").read_bytes().replace(b"\0", b" ")
            if words.encode() in argv and f"HOME={host.home}\0".encode() in (path / "environ").read_bytes():
                found.append(int(path.name))
    return found


def sessions_here(client):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"ProxyCommand=false" in (path / "cmdline").read_bytes() and os.readlink(path / "cwd") == str(client.folder.resolve()):
                found.append(int(path.name))
    return found


def test_a_cut_at_every_kib_of_what_is_sent(client, host, root):
    sizes = [1, 700, 9 * KIB, 40 * KIB, 64 * KIB + 1, 0, 30 * KIB]
    names = [f"pki/{number}" for number in range(len(sizes))]
    targets = [f"/opt/{number}" for number in range(len(sizes))]
    labels = [client.add_file(name, target, root) for name, target in zip(names, targets)]
    client.add("send/h1", files=[{"from": name, "path": target, "secret": False} for name, target in zip(names, targets)],
               host="h1", kind="send", root=str(root))

    def fill(seed):
        for number, (name, size) in enumerate(zip(names, sizes)):
            write(client, name, noise(size, seed + number))

    def spooled():
        return [path for path in (host.state / "spool").rglob("*") if path.is_file()]

    fill(1000)
    client.step("host/h1").ok()
    for label in ["send/h1", *labels]:
        client.step(label).ok()
    before = harness.snapshot(root)
    fill(2000)
    new = {harness.sha256(client.folder / name) for name in names}
    whole = sum(sizes)
    cuts = 0
    for point in cut_points(2, whole + 2 * KIB, 20):
        # Each cut is one of a transfer of everything.
        shutil.rmtree(host.state / "spool", ignore_errors=True)
        client.disconnect()
        host.link.arm(cut_after=point)
        ran = client.step("send/h1")
        host.link.arm()
        if ran.code != 0:
            cuts += 1
            refused(ran, "send/h1: host h1: ")
        # The agent ends by itself, and leaves what arrived whole.
        harness.wait_for("end of the agent", lambda: processes(host, "kplan-agent-") == [])
        assert {harness.sha256(path) for path in spooled()} <= new
        assert len(spooled()) <= len(sizes)
        assert harness.snapshot(root) == before
    assert cuts >= 15
    # Cut after cut without a new beginning: it gets on, and nothing piles up. (A packet of ssh's has up to 32 KiB, and
    # counts when it is whole.)
    shutil.rmtree(host.state / "spool", ignore_errors=True)
    for attempt in itertools.count(1):
        client.disconnect()
        host.link.arm(cut_after=110 * KIB)
        done = client.step("send/h1").code == 0
        harness.wait_for("end of the agent", lambda: processes(host, "kplan-agent-") == [])
        assert len(spooled()) <= len(sizes)
        if done:
            break
        assert attempt < 10
    assert attempt > 1
    host.link.arm()
    for label in labels:
        client.step(label).ok()
    assert {harness.sha256(root / target[1:]) for target in targets} == new
    assert spooled() == []


def test_a_cut_at_every_kib_of_a_step(client, host, root):
    size = 48 * KIB
    write(client, "pki/a", noise(size, 0))
    label = client.add_file("pki/a", "/opt/a", root)
    client.step("host/h1").ok()
    client.step(label).ok()
    cuts = 0
    for number, point in enumerate(cut_points(0, size + 8 * KIB, 20), 1):
        write(client, "pki/a", noise(size, number))
        client.disconnect()
        host.link.arm(cut_after=point)
        ran = client.step(label)
        host.link.arm()
        cuts += ran.code != 0
        there = (root / "opt/a").read_bytes()
        assert there == noise(size, number) or (there == noise(size, number - 1) and ran.code == 1)
        client.step(label).ok()
        assert (root / "opt/a").read_bytes() == noise(size, number)
        assert os.listdir(root / "opt") == ["a"]
        assert [name for name in host.files() if name.startswith(("work-", "spool/"))] == []
    assert cuts >= 15


def test_a_cut_while_the_program_is_copied(client, host):
    size = os.path.getsize(client.kplan)
    points = cut_points(4, size, 20)
    for point in points if len(points) <= 200 else points[:: len(points) // 200]:
        client.disconnect()
        host.link.arm(cut_after=point)
        refused(client.step("host/h1"), "host/h1: host h1: ")
        assert list(host.state.glob("kplan-agent-*")) == []
        harness.wait_for("end of the shell there", lambda: list(host.state.glob("incoming-*")) == [])
    client.disconnect()
    host.link.arm()
    client.step("host/h1").ok()
    assert len(host.files()) == 2


@pytest.mark.parametrize("victim", ["kplan", "ssh", "master", "agent"])
def test_a_kill_in_the_middle(client, host, root, victim):
    size = 8 << 20
    write(client, "pki/a", noise(size, 0))
    label = client.add_file("pki/a", "/opt/a", root)
    client.step("host/h1").ok()
    client.step(label).ok()
    agent = "kplan-agent-"
    killed = 0
    chance = random.Random(7)
    for number in range(1, 60 if FULL else 12):
        write(client, "pki/a", noise(size, number))
        process = client.start(label)
        time.sleep(chance.uniform(0, 0.25))
        victims = {
            "kplan": lambda: [process.pid],
            "ssh": lambda: sessions_here(client),
            "master": client.masters,
            "agent": lambda: processes(host, agent),
        }[victim]()
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
        out, err = process.communicate(timeout=60)
        if process.returncode == 1:
            refused(harness.Ran(1, out, err), f"{label}: host h1: ")
        # Nobody is left who could write later.
        harness.wait_for("end of the agents", lambda: processes(host, agent) == [])
        there = (root / "opt/a").read_bytes()
        assert there in (noise(size, number), noise(size, number - 1))
        assert process.returncode != 0 or there == noise(size, number)
        client.step(label).ok()
        assert (root / "opt/a").read_bytes() == noise(size, number)
        assert os.listdir(root / "opt") == ["a"]
        assert [name for name in host.files() if name.startswith(("work-", "spool/"))] == []
    assert killed >= 3


def test_an_agent_ends_when_nobody_waits_for_it(client, host, root):
    """A service that does not come up keeps the step waiting; the agent goes when kplan goes, and lets go of its lock."""
    if shutil.which("start-stop-daemon", path="/usr/sbin:/sbin:/usr/bin") is None:
        pytest.skip("there is no start-stop-daemon")
    (root / "bin").mkdir(parents=True)
    shutil.copy2("/bin/sleep", root / "bin/sleeper")
    port = harness.free_ports(1)[0]
    client.add("service/h1/sleeper", answers=[f"127.0.0.1:{port}"], argv=[["", "/bin/sleeper"], ["1000", ""]], environment=[],
               host="h1", kind="service", manager="process", name="sleeper", restart_on=["/bin/sleeper"], root=str(root),
               timeout=300, unit="")
    client.step("host/h1").ok()
    process = client.start("service/h1/sleeper")
    pid_file = harness.wait_for("the service", lambda: next(root.rglob("sleeper.pid"), None))
    try:
        harness.wait_for("the agent", lambda: processes(host, "kplan-agent-"))
        process.kill()
        process.communicate()
        harness.wait_for("end of the agent", lambda: processes(host, "kplan-agent-") == [], timeout=10)
    finally:
        harness.kill(int(pid_file.read_text(encoding="utf-8")))
