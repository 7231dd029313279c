"""A real systemd, booted for a test: one host of tests/hosts, with nothing but loopback for a network."""

import os
import pathlib

import pytest

import harness
import hosts

remove_orphans = hosts.remove_orphans
why_not = hosts.why_not


class SystemdHost:
    """One booted host; `with SystemdHost("worker") as host: host.run(["systemctl", "status"])`."""

    def __init__(self, name="worker"):
        self.name = name
        self.leader = 0  # the process id of the host's systemd, seen from here
        self.cgroups = []  # one in each hierarchy
        self._lab = hosts.lab(names=[name], network=False, disk="50%")
        self._host = None

    def __enter__(self):
        (self._host,) = self._lab.__enter__().hosts
        self.leader = self._host.leader
        self.cgroups = self._host.cgroups
        return self

    def __exit__(self, *error):
        return self._lab.__exit__(*error)

    @property
    def root(self):
        """The host's / as a path of ours."""
        return self._host.root

    @property
    def console(self):
        return self._host.console

    def reboot(self):
        """Shuts it down in order, and boots it again."""
        self._host.reboot()
        self.leader = self._host.leader
        self.cgroups = self._host.cgroups

    def set_sudo(self, how):
        """How sudo treats `ops` (hosts.Host.set_sudo)."""
        self._host.set_sudo(how)

    def popen(self, argv, cwd="/", **kwargs):
        """Starts ARGV as `run` runs it."""
        return harness.There(self._host).popen(argv, cwd, **kwargs)

    def run(self, argv, cwd="/", timeout=120):
        """Runs ARGV on the host, as root, in the folder CWD of the host, with a clean environment."""
        return harness.There(self._host).run(argv, cwd=cwd, timeout=timeout)


def left_behind():
    """What hosts could leave behind, to compare: mounts, network devices and namespaces, processes, folders."""
    commands = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and harness.alive(entry.name):
            try:
                commands.append((entry / "comm").read_text(encoding="utf-8").strip())
            except (FileNotFoundError, ProcessLookupError):
                continue
    of_hosts = ("dbus-daemon", "nsenter", "ssh", "sshd", "unshare")
    return {
        "mounts": pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").count("\n"),
        "links": sorted(os.listdir("/sys/class/net")),
        "netns": sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else [],
        "processes": sorted(name for name in commands if name.startswith("systemd") or name in of_hosts),
        "folders": sorted(path.name for path in pathlib.Path(harness.ISOLATED_ROOT or "/nonexistent").glob("kplan-*")),
    }


def require():
    """Skips the test, with the reason, where no host can be booted."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
