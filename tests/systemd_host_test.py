"""The tests' own systemd hosts: they boot, are machines of their own, and leave nothing behind."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

import harness
import systemd_host

pytestmark = pytest.mark.skipif(bool(systemd_host.why_not()), reason=systemd_host.why_not() or "none")


def test_boots_and_is_a_machine_of_its_own():
    before = systemd_host.left_behind()
    with systemd_host.SystemdHost("worker") as host:
        failed = host.run(["systemctl", "list-units", "--failed", "--plain", "--no-legend"]).ok().out
        assert failed == "", failed + host.console
        assert host.run(["systemctl", "is-system-running"]).out == "running\n"
        assert host.run(["hostname"]).ok().out == "worker\n"
        machine_id = host.run(["cat", "/etc/machine-id"]).ok().out.strip()
        assert len(machine_id) == 32
        if os.path.exists("/etc/machine-id"):
            assert machine_id != pathlib.Path("/etc/machine-id").read_text(encoding="ascii").strip()
        # Its files and its network are its own: nothing but loopback, and that is up.
        host.run(["touch", "/etc/only-here"]).ok()
        assert (host.root / "etc/only-here").exists() and not os.path.exists("/etc/only-here")
        links = host.run(["ip", "-o", "link"]).ok().out.splitlines()
        assert len(links) == 1 and " lo: <LOOPBACK,UP" in links[0], links
        assert host.run(["systemctl", "is-active", "ssh"]).out == "active\n"
        assert not host.run(["sh", "-c", "systemctl cat etcd.service; ls /etc/etcd /usr/local/bin/etcd"]).out
    assert systemd_host.left_behind() == before
    assert host.cgroups and not any(cgroup.exists() for cgroup in host.cgroups)


def test_two_hosts_at_once():
    before = systemd_host.left_behind()
    with systemd_host.SystemdHost("one") as one, systemd_host.SystemdHost("two") as two:
        assert (one.run(["hostname"]).out, two.run(["hostname"]).out) == ("one\n", "two\n")
        one.run(["systemd-run", "--unit=job", "sleep", "1000"]).ok()
        assert one.run(["systemctl", "is-active", "job"]).out == "active\n"
        assert two.run(["systemctl", "is-active", "job"]).out == "inactive\n"
    assert systemd_host.left_behind() == before


def test_a_test_that_fails_leaves_nothing():
    before = systemd_host.left_behind()
    with pytest.raises(ZeroDivisionError):
        with systemd_host.SystemdHost("worker"):
            1 / 0  # pylint: disable=pointless-statement
    assert systemd_host.left_behind() == before


def test_a_killed_test_leaves_nothing():
    before = systemd_host.left_behind()
    script = (
        "import systemd_host, signal, sys\n"
        "with systemd_host.SystemdHost('worker') as host:\n"
        "    print(host.leader, *host.cgroups, flush=True)\n"
        "    signal.pause()\n"
    )
    tester = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    leader, *cgroups = tester.stdout.readline().split()
    assert harness.alive(leader) and all(os.path.exists(cgroup) for cgroup in cgroups)
    tester.send_signal(signal.SIGKILL)
    tester.wait()
    harness.wait_for("end of the host", lambda: not harness.alive(leader), timeout=10)
    # What has a name of its own goes when the next host boots: empty cgroups (and the folder, with the run's tmpfs).
    systemd_host.remove_orphans()
    assert not any(os.path.exists(cgroup) for cgroup in cgroups)
    harness.wait_for("end of its processes", lambda: systemd_host.left_behind()["processes"] == before["processes"], timeout=10)
    after = systemd_host.left_behind()
    assert (after["mounts"], after["netns"]) == (before["mounts"], before["netns"])
