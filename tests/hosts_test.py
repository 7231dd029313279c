"""The tests' lab of hosts: what it promises of power, network, disks and ssh, and that it leaves nothing behind."""

import os
import signal
import subprocess
import sys

import pytest

import harness
import hosts
import systemd_host

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not() or "none")

KIB = 1 << 10

# Run by another Python: a lab with a daemon of the admin's, and what it is made of.
_LAB = """\
import hosts, signal
with hosts.lab(count=2) as lab:
    lab.admin.run(["ssh", "-fNM", "-oControlPath=~/mux", "-oControlPersist=yes", "etcd-1"], check=True, timeout=30)
    proxy = lab.proxy(lab.hosts[1])
    print(lab.folder, *(host.leader for host in lab.hosts), *(cgroup for host in lab.hosts for cgroup in host.cgroups), flush=True)
    signal.pause()
"""


def start_lab():
    """Another process with a lab: the process, the lab's folder, its hosts' leaders, its cgroups."""
    tester = subprocess.Popen([sys.executable, "-c", _LAB], stdout=subprocess.PIPE, text=True, cwd=os.path.dirname(__file__))
    folder, first, second, *cgroups = tester.stdout.readline().split()
    tester.stdout.close()
    assert os.path.isdir(folder) and harness.alive(first) and harness.alive(second) and all(map(os.path.isdir, cgroups))
    assert len(cgroups) >= 2
    return tester, folder, (first, second), cgroups


# First, while no other lab is there to be counted.


def test_a_lab_leaves_nothing():
    before = systemd_host.left_behind()
    tester, folder, _, cgroups = start_lab()
    assert systemd_host.left_behind() != before
    tester.send_signal(signal.SIGINT)
    assert tester.wait(timeout=60) != 0
    assert systemd_host.left_behind() == before
    assert not os.path.exists(folder) and not any(map(os.path.exists, cgroups))


def test_a_killed_lab_leaves_nothing():
    before = systemd_host.left_behind()
    tester, folder, leaders, cgroups = start_lab()
    tester.kill()
    tester.wait()
    harness.wait_for("end of the hosts", lambda: not any(map(harness.alive, leaders)), timeout=10)
    harness.wait_for("end of all processes", lambda: systemd_host.left_behind()["processes"] == before["processes"], timeout=10)
    # What has a name of its own goes when the next lab comes, as do labs that are not ours, but none that is in use.
    with hosts.lab(names=["other"], network=False) as other:
        assert not os.path.exists(folder) and not any(map(os.path.exists, cgroups))
        hosts.remove_orphans()
        assert other.folder.exists() and all(cgroup.exists() for cgroup in other.hosts[0].cgroups)
        assert other.hosts[0].run(["systemctl", "is-system-running"]).stdout == "running\n"
    assert systemd_host.left_behind() == before


@pytest.fixture(name="lab", scope="module")
def fixture_lab():
    """One lab for all; every test leaves it whole."""
    with hosts.lab(count=3, volumes={"/srv/small": "2m"}) as lab:
        yield lab


def greet(address):
    """A command that prints what the sshd at ADDRESS greets with, within half a second."""
    return ["timeout", "0.5", "bash", "-c", f"exec 3<>/dev/tcp/{address}/22 && read -r greeting <&3 && echo $greeting"]


def reaches(here, there):
    """Whether the sshd of THERE greets whoever connects from HERE."""
    return here.run(greet(there.address)).stdout.startswith("SSH-2.0-")


def soon_reaches(here, there):
    harness.wait_for(f"way from {here.name} to {there.name}", lambda: reaches(here, there))


def ssh(lab, *argv, **kwargs):
    return lab.admin.run(["ssh", "-oBatchMode=yes", *argv], **kwargs)


def test_hosts_are_up_and_machines_of_their_own(lab):
    assert [(host.name, host.address) for host in lab.hosts] == [
        ("etcd-1", "10.77.0.11"), ("etcd-2", "10.77.0.12"), ("etcd-3", "10.77.0.13")]
    assert lab["etcd-2"] is lab.hosts[1]
    ids = set()
    for host in lab.hosts:
        assert host.run(["systemctl", "is-system-running"]).stdout == "running\n", host.console
        assert host.run(["hostname"]).stdout == f"{host.name}\n"
        ids.add((host.read_text("/etc/machine-id"), host.host_key))
        # Nothing of whoever uses this machine.
        assert sorted(os.listdir(host.disk / "root")) == [".ssh"] and os.listdir(host.disk / "home") == ["ops"]
        for there in lab.hosts:
            assert host.run(["getent", "hosts", there.name]).stdout.split() == [there.address, there.name]
            soon_reaches(host, there)
    assert len(ids) == 3
    # And nobody gets in from outside.
    assert subprocess.run(greet("10.77.0.11"), capture_output=True, check=False).stdout == b""


def test_admin_has_the_files_of_the_caller_and_an_ssh_of_its_own(lab, tmp_path):
    (tmp_path / "note").write_text("from outside", encoding="utf-8")
    ran = lab.admin.run(["sh", "-c", 'cat note; printf %s "$WORD" >answer; pwd'], cwd=tmp_path, env={"WORD": "a 'word'"})
    assert ran.stdout == f"from outside{tmp_path}\n"
    assert (tmp_path / "answer").read_text(encoding="utf-8") == "a 'word'"
    assert lab.admin.run(["cat"], input="straße\n", check=True).stdout == "straße\n"
    settings = ssh(lab, "-G", "etcd-1", check=True).stdout.splitlines()
    assert f"identityfile {lab.identity}" in settings and f"userknownhostsfile {lab.known_hosts}" in settings
    with pytest.raises(hosts.CommandFailed, match="a reason"):
        lab.admin.run(["sh", "-c", "echo a reason >&2; exit 3"], check=True)
    with pytest.raises(hosts.LabError, match="so far"):
        lab.admin.run(["sh", "-c", "echo so far; sleep 1000"], timeout=0.5)


# Ends with 7 when SIGTERM comes, however soon: a trap of bash may be asked for just before bash begins to wait, and is
# then run only afterwards.
ENDS_WITH_7 = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
sys.exit(7)
"""


def test_signals_reach_the_command(lab):
    for send, code in ((lambda process: process.kill(), -9), (lambda process: process.terminate(), 7)):
        process = lab.admin.popen(["python3", "-c", ENDS_WITH_7])
        assert process.stdout.readline() == "ready\n"
        command = process.command_pid
        send(process)
        assert process.wait(timeout=30) == code
        assert not harness.alive(command) and process.command_pid == 0
        process.communicate()


def test_ssh_as_root_and_with_sudo(lab):
    host = lab.hosts[0]
    assert ssh(lab, "etcd-1", "id -un; hostname", check=True).stdout == "root\netcd-1\n"
    assert ssh(lab, "ops@10.77.0.11", "id -un; sudo -n id -un", check=True).stdout == "ops\nroot\n"
    assert host.has_sudo
    try:
        host.set_sudo("password")
        assert "a password is required" in ssh(lab, "ops@etcd-1", "sudo -n id -un").stderr
        with_password = ssh(lab, "ops@etcd-1", "sudo -S -p '' id -un", input=hosts.OPS_PASSWORD + "\n")
        assert with_password.stdout == "root\n", with_password
        host.set_sudo("denied")
        denied = ssh(lab, "ops@etcd-1", "sudo -S -p '' id -un", input=hosts.OPS_PASSWORD + "\n")
        assert denied.returncode == 1 and "not in the sudoers file" in denied.stderr
        host.set_sudo("absent")
        assert not host.has_sudo and ssh(lab, "ops@etcd-1", "sudo -n id -un").returncode == 127
    finally:
        host.set_sudo("nopasswd")
    assert ssh(lab, "ops@etcd-1", "sudo -n id -un", check=True).stdout == "root\n"


def test_ssh_refuses_an_unknown_and_a_changed_key(lab):
    host = lab.hosts[1]
    assert f"{host.address} {host.host_key}\n" in lab.known_hosts.read_text(encoding="utf-8")
    accepted, contacts = host.ssh_connections(), host.ssh_contacts()
    lab.forget(host)
    ran = ssh(lab, "root@10.77.0.12", "touch /was-here")
    assert ran.returncode == 255 and ran.stderr.strip() == "Host key verification failed.", ran
    lab.trust(host)
    old = host.host_key
    host.set_host_key()
    assert host.host_key != old
    ran = ssh(lab, "etcd-2", "touch /was-here")
    assert ran.returncode == 255 and "REMOTE HOST IDENTIFICATION HAS CHANGED" in ran.stderr, ran
    assert host.run(["test", "-e", "/was-here"]).returncode == 1
    assert (host.ssh_connections(), host.ssh_contacts()) == (accepted, contacts + 2)
    lab.trust(host)
    assert ssh(lab, "etcd-2", "hostname", check=True).stdout == "etcd-2\n"
    assert (host.ssh_connections(), host.ssh_contacts()) == (accepted + 1, contacts + 3)


def test_connections_are_counted(lab):
    before = [host.ssh_connections() for host in lab.hosts]
    master = ["-oControlMaster=auto", "-oControlPath=~/mux-%C", "-oControlPersist=yes"]
    # The master keeps what it is given for its standard error.
    lab.admin.run(["sh", "-c", 'exec ssh "$@" 2>/dev/null', "sh", *master, "etcd-3", "true"], check=True)
    for _ in range(3):
        assert ssh(lab, *master, "etcd-3", "hostname", check=True).stdout == "etcd-3\n"
    assert ssh(lab, "ops@etcd-1", "true").returncode == 0
    assert [host.ssh_connections() for host in lab.hosts] == [before[0] + 1, before[1], before[2] + 1]
    ssh(lab, *master, "-Oexit", "etcd-3", check=True)


class Talk:
    """An ssh to a host that says back what it is told."""

    def __init__(self, lab, host):
        self._process = lab.admin.popen(["ssh", host.name, "cat"], stdin=subprocess.PIPE, bufsize=1)

    def say(self, line):
        self._process.stdin.write(line + "\n")

    def hear(self):
        return self._process.stdout.readline().rstrip("\n")

    @property
    def has_ended(self):
        return self._process.poll() is not None

    def end(self):
        self._process.kill()
        self._process.communicate()


def test_a_partition_cuts_a_host_off_and_heals(lab):
    first, second, third = lab.hosts
    talk = Talk(lab, second)
    talk.say("one")
    assert talk.hear() == "one"
    second.partition()
    try:
        talk.say("two")
        assert not reaches(first, second) and not reaches(second, first) and not reaches(lab.admin, second)
        soon_reaches(first, third)
        soon_reaches(lab.admin, first)
        assert second.run(["systemctl", "is-system-running"]).stdout == "running\n"
    finally:
        second.heal()
    # Nobody was told: what was under way arrives.
    assert talk.hear() == "two"
    talk.end()
    soon_reaches(first, second)
    soon_reaches(second, first)


def test_a_partition_between_two(lab):
    first, second, third = lab.hosts
    lab.partition(first, second)
    lab.partition(lab.admin, third)
    assert not reaches(first, second) and not reaches(second, first) and not reaches(lab.admin, third)
    for here, there in ((first, third), (third, first), (second, third), (lab.admin, first), (lab.admin, second)):
        soon_reaches(here, there)
    # It outlives a power cut.
    second.kill()
    second.boot()
    soon_reaches(second, third)
    assert not reaches(first, second) and not reaches(second, first)
    lab.heal(second, first)
    soon_reaches(first, second)
    soon_reaches(second, first)
    assert not reaches(lab.admin, third)
    lab.heal()
    soon_reaches(lab.admin, third)


def test_a_power_cut_keeps_the_disk(lab):
    first, _, third = lab.hosts
    third.write_text("/etc/secret", "kept\n", mode=0o600)
    third.write_text("/etc/systemd/system/parting.service", (
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=true\nExecStop=touch /var/parted\n"
        "[Install]\nWantedBy=multi-user.target\n"))
    third.run(["systemctl", "enable", "--now", "parting"], check=True)
    third.run(["touch", "/run/volatile"], check=True)
    connections, machine, leader = third.ssh_connections(), third.read_text("/etc/machine-id"), third.leader
    talk = Talk(lab, third)
    talk.say("one")
    assert talk.hear() == "one"
    third.kill()
    assert not third.is_up and not harness.alive(leader)
    with pytest.raises(hosts.LabError, match="etcd-3 is off"):
        third.run(["true"])
    talk.say("two")
    assert not reaches(first, third) and not talk.has_ended
    talk.end()
    assert (third.disk / "etc/secret").read_text(encoding="utf-8") == "kept\n"
    third.boot()
    assert third.run(["stat", "--format=%a %u", "/etc/secret"]).stdout == "600 0\n"
    assert third.read_text("/etc/machine-id") == machine and third.ssh_connections() == connections + 1
    assert third.run(["ls", "/run/volatile", "/var/parted"]).stdout == ""
    soon_reaches(first, third)
    soon_reaches(third, first)
    third.reboot()
    assert third.run(["ls", "/run/volatile", "/var/parted"]).stdout == "/var/parted\n"
    assert ssh(lab, "etcd-3", "cat /etc/secret", check=True).stdout == "kept\n"


def test_a_full_disk(lab):
    host = lab.hosts[0]
    write = ["sh", "-c", "head -c 20000 /dev/zero >/var/lib/file"]
    host.run(write, check=True)
    host.run(["rm", "/var/lib/file"], check=True)
    try:
        host.fill_disk("/var/lib/etcd", leave=12 * KIB)
        assert "No space left on device" in host.run(write).stderr
        host.run(["rm", "/var/lib/file"], check=True)
        host.fill_disk()
        assert "No space left on device" in host.run(["sh", "-c", "head -c 1 /dev/zero >/var/lib/file"]).stderr
        assert host.run(["stat", "--file-system", "--format=%f", "/"]).stdout == "0\n"
        # Full for root too, and over ssh; and for nobody else.
        assert "No space left on device" in ssh(lab, "etcd-1", "cat >/root/file", input="x" * 10000).stderr
        lab.hosts[1].run(write, check=True)
    finally:
        host.free_disk()
    host.run(write, check=True)
    # A folder with a disk of its own.
    host.fill_disk("/srv/small/deeper")
    assert "No space left on device" in host.run(["sh", "-c", "head -c 1 /dev/zero >/srv/small/file"]).stderr
    assert host.run(["ls", "-A", "/srv/small"]).stdout == "file\n"
    host.run(write, check=True)
    host.free_disk("/srv/small")
    host.run(["sh", "-c", "echo x >/srv/small/file"], check=True)
    host.kill()
    host.boot()
    assert host.read_text("/srv/small/file") == "x\n"


@pytest.mark.parametrize("limit", [0, 1, 1 * KIB, 100 * KIB, 100 * KIB + 1])
def test_a_link_cut_after_n_bytes(lab, limit):
    host = lab.hosts[0]
    host.run(["rm", "-f", "/root/file"], check=True)
    proxy = lab.cut_link_after(host, limit)
    ran = ssh(lab, "root@10.77.0.11", "cat >/root/file", input="x" * 300 * KIB, timeout=60)
    assert ran.returncode == 255, ran
    assert (proxy.connections, proxy.bytes_forwarded) == (1, limit)
    # ssh has its own to say: less of the file than that came through.
    assert int(host.run(["sh", "-c", "cat /root/file 2>/dev/null | wc -c"]).stdout) < max(limit, 1)
    proxy.limit = None
    assert ssh(lab, "etcd-1", "wc -c", input="x" * 300 * KIB, check=True).stdout == f"{300 * KIB}\n"
    assert proxy.connections == 2 and proxy.bytes_forwarded > limit + 300 * KIB
    proxy.close()
    assert ssh(lab, "etcd-1", "hostname", check=True).stdout == "etcd-1\n"
    assert proxy.connections == 2


def test_a_proxy_is_another_way_to_a_host(lab):
    host = lab.hosts[1]
    proxy, other = lab.proxy(host, record=True), lab.proxy(lab.hosts[2])
    ran = ssh(lab, f"-p{proxy.port}", f"root@{proxy.address}", "hostname", check=True)
    assert ran.stdout == "etcd-2\n"
    assert ssh(lab, f"root@{other.address}", "hostname", check=True).stdout == "etcd-3\n"
    assert len(proxy.recorded) == proxy.bytes_forwarded > 0 and proxy.recorded.startswith(b"SSH-2.0-")
    assert (proxy.connections, other.connections) == (1, 1)
    talk = lab.admin.popen(["ssh", f"root@{proxy.address}", "cat"], stdin=subprocess.PIPE, bufsize=1)
    talk.stdin.write("one\n")
    assert talk.stdout.readline() == "one\n"
    proxy.cut()
    assert talk.wait(timeout=30) == 255
    talk.communicate()
    proxy.close()
    assert ssh(lab, "-oConnectTimeout=1", f"root@{proxy.address}", "hostname").returncode == 255
    assert ssh(lab, f"root@{other.address}", "hostname", check=True).stdout == "etcd-3\n"
    other.close()


COMMAND_LINE = [sys.executable, os.path.join(os.path.dirname(__file__), "hosts"), "up", "--count=1"]


def test_the_command_line_runs_a_command(tmp_path):
    script = 'pwd; ssh -n root@etcd-1 "hostname; stat -fc %b:%S /srv/v"; cat; exit 3'
    ran = subprocess.run(
        [*COMMAND_LINE, "--volume=/srv/v=1m", "--", "sh", "-c", script], cwd=tmp_path, input="typed\n",
        capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stdout) == (3, f"{tmp_path}\netcd-1\n256:4096\ntyped\n"), ran


def test_the_command_line_keeps_hosts_until_ctrl_c(tmp_path):
    with subprocess.Popen(COMMAND_LINE, stdout=subprocess.PIPE, text=True) as up:
        try:
            said = [up.stdout.readline() for _ in range(5)]
            assert said[0].startswith("1 hosts, up after ") and said[1].split() == ["10.77.0.11", "etcd-1"], said
            command = said[3].split()[:3]
            assert command[1:] == ["ssh", "root@etcd-1"]
            # As from another terminal.
            ran = subprocess.run([*command, "hostname"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
            assert ran.stdout == "etcd-1\n", ran
        finally:
            up.send_signal(signal.SIGINT)
        assert up.wait(timeout=60) == 0
    assert not os.path.exists(command[0])
