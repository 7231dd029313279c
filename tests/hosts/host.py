"""One host of a lab: a systemd of its own over a throw-away copy of this machine's files."""

import os
import select
import socket
import subprocess
import time
import uuid

from . import cgroups, files
from .disks import Disks
from .places import LabError, Place, descendants, kill_below, name_of, wait_for

# Started in the lab's namespaces; the network device's other end goes to the lab's, whose first process is 1 here.
_START = r"""
set -euo pipefail
root=$1 name=$2 port=$3 mac=$4 address=$5 state=$6
shift 6
ip link set lo up
if [[ $port ]]; then
  ip link add name eth0 address "$mac" type veth peer name "$port" netns 1
  ip address add "$address/24" dev eth0
  ip link set eth0 up
  nsenter --target=1 --net ip link set "$port" master lab0 "$state"
fi
mount -t tmpfs -o mode=0755 tmpfs /run
exec unshare --pid --fork --kill-child=SIGKILL --mount-proc \
  systemd-nspawn --quiet --directory="$root" --machine="$name" --boot --register=no --keep-unit --notify-ready=yes \
  --network-namespace-path=/proc/self/ns/net --console=pipe "$@"
"""


class Host(Place):
    """A host; Lab makes and boots them."""

    device = "eth0"

    def __init__(self, lab, name, number, volumes):
        self.lab = lab
        self.name = name
        self.address = f"10.77.0.{10 + number}" if lab.network else ""
        self.cgroups = []  # of its processes while it is up, one in each hierarchy
        self._port = f"host{number}" if lab.network else ""  # the lab's end of its cable
        self._mac = f"02:00:0a:4d:00:{10 + number:02x}"  # ever the same: the others remember it
        self._cable_in = True
        self._leader = 0
        self._process = None  # nsenter, above all of the host's processes
        self._ready = None
        self._folder = lab.folder / name
        self._disks = Disks(lab.admin, self._folder, volumes)

    @property
    def leader(self):
        """Its systemd, as a process id of ours."""
        if not self._leader:
            raise LabError(f"{self.name} is off")
        return self._leader

    @property
    def is_up(self):
        return bool(self._leader)

    @property
    def console(self):
        """What it wrote to its console since the lab was made."""
        return (self._folder / "console").read_text(encoding="utf-8", errors="replace")

    # Its disk.

    def make_disk(self, size, etc_hosts, public_key):
        """Lays out its files, on a disk of SIZE (as in tmpfs's option)."""
        self._folder.mkdir()
        self._disks.make(size)
        files.lay_out(self.disk, self.name, etc_hosts, public_key)
        self._new_host_key()

    def make_volume(self, path, size):
        """Gives its folder PATH a disk of its own."""
        self._disks.make_volume(path, size)

    @property
    def disk(self):
        """The folder of its files as a path of ours, also when it is off; without what is mounted over them."""
        return self._disks.root

    def fill_disk(self, path="/", leave=0):
        """Leaves LEAVE bytes free of the disk or volume that PATH is on: writing there ends with ENOSPC."""
        self._disks.fill(path, leave)

    def free_disk(self, path="/"):
        self._disks.free(path)

    # Power.

    def start(self):
        """Begins to boot. The caller holds cgroups.locked()."""
        if self._process:
            raise LabError(f"{self.name} is on already")
        # Two hosts in one cgroup would take each other's services for their own.
        ident = f"kplan-{uuid.uuid4().hex}"
        self.cgroups = [parent / ident for parent in cgroups.folders()]
        for cgroup in self.cgroups:
            cgroup.mkdir()
        enter = "".join(f'echo $$ >"{cgroup}/cgroup.procs"; ' for cgroup in self.cgroups)
        notify = self.lab.folder / f"ready-{self.name}"
        notify.unlink(missing_ok=True)
        self._ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ready.bind(str(notify))
        admin = self.lab.admin.leader
        with open(self._folder / "console", "ab") as console:
            self._process = subprocess.Popen(
                ["sh", "-ec", enter + 'echo; exec "$@"', "sh",
                 "nsenter", f"--target={admin}", "--mount", "--net", "--pid", f"--wd=/proc/{admin}/root", "--",
                 "unshare", "--mount", "--propagation=private", "--net", "--",
                 "bash", "-c", _START, "bash", str(self._folder / "root"), self.name, self._port, self._mac, self.address,
                 "up" if self._cable_in else "down", *self._disks.nspawn_options],
                env=dict(os.environ, NOTIFY_SOCKET=str(notify)),
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, start_new_session=True)
        # Entered means: not to be taken for a left-over.
        wait_for(f"process in {self.cgroups}", lambda: self._process.poll() is not None or all(
            (cgroup / "cgroup.procs").read_text(encoding="ascii") for cgroup in self.cgroups))

    def finish_start(self, timeout=120.0):
        """Waits until systemd has started everything that is to start."""
        self._wait_until_ready(time.monotonic() + timeout)
        below = descendants(self._process.pid)
        self._leader = next((pid for pid in below if name_of(pid) == "systemd"), 0)
        if not self._leader:
            raise LabError(f"{self.name} has no systemd:\n{self.console}")
        state = self.run(["systemctl", "is-system-running", "--wait"], timeout=timeout)
        if state.stdout.strip() not in ("running", "degraded"):
            jobs = self.run(["systemctl", "list-jobs"])
            raise LabError(f"{self.name} did not boot: {state}\n{jobs}\n{self.console}")
        self.lab.restore_partitions(self)

    def _wait_until_ready(self, deadline):
        ended = os.pidfd_open(self._process.pid)
        try:
            while True:
                readable, _, _ = select.select([self._ready, ended], [], [], max(0, deadline - time.monotonic()))
                if not readable or ended in readable:
                    raise LabError(f"{self.name} did not boot:\n{self.console}")
                if b"READY=1" in self._ready.recv(4096).splitlines():
                    return
        finally:
            os.close(ended)
            self._ready.close()

    def boot(self):
        """Boots it, from the disk as it is, and waits until it is up."""
        with cgroups.locked():
            self.start()
        self.finish_start()

    def kill(self):
        """A power cut: nothing of it says good-bye, to nobody. What was written to its disk stays."""
        if not self._process:
            return
        if self._port:
            # First the cable: the kernel would close a dead process's connections in order.
            self._link("set", self._port, "down", check=False)
        kill_below(self._process.pid)
        self._gone()

    def _gone(self):
        self.ended()
        if self._port:
            # The kernel drops the dead end of the cable, and with it this one, when it comes to it.
            self._link("delete", self._port, check=False)

    def ended(self):
        """Puts away what is left of its processes, all of which have ended or are about to."""
        self._leader = 0
        if self._process:
            self._process.wait()
            self._process = None
            self._ready.close()
        for cgroup in self.cgroups:
            # A process on its way out holds it for a moment.
            wait_for(f"end of {cgroup}", lambda cgroup=cgroup: cgroups.remove(cgroup))

    def reboot(self, timeout=60.0):
        """Shuts it down in order, and boots it."""
        self.run(["systemctl", "poweroff"])
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{self.name} did not shut down in {timeout:g} s:\n{self.console}") from error
        self._gone()
        self.boot()

    # Its network.

    def _link(self, *arguments, check=True):
        self.lab.admin.run(["ip", "link", *arguments], check=check)

    def partition(self):
        """Pulls its cable: nobody reaches it, and it reaches nobody."""
        self._cable_in = False
        if self._process:
            self._link("set", self._port, "down")

    def heal(self):
        """Plugs its cable in."""
        self._cable_in = True
        if self._process:
            self._link("set", self._port, "up")

    # Its files and users.

    def read_text(self, path):
        return self.run(["cat", "--", path], check=True).stdout

    def write_text(self, path, text, mode=0o644):
        """Writes TEXT to its file PATH, with MODE from the first byte on; the parent folder is there."""
        script = 'umask 077; rm -f -- "$1"; : >"$1"; chmod -- "$2" "$1"; cat >"$1"'
        self.run(["sh", "-euc", script, "sh", path, f"{mode:o}"], input=text, check=True)

    def set_sudo(self, how):
        """How sudo treats `ops`: "nopasswd", "password", "denied" (not in sudoers), "absent" (no sudo on the host), and
        what else files.SUDO_RULES has."""
        files.set_sudo(self.disk, how)

    @property
    def has_sudo(self):
        return (self.disk / files.SUDO).exists()

    # Its sshd.

    @property
    def host_key(self):
        """Its public key, "ssh-ed25519 AAAA..."."""
        return " ".join((self._folder / "host_key.pub").read_text(encoding="ascii").split()[:2])

    def _new_host_key(self):
        key = self._folder / "host_key"
        key.unlink(missing_ok=True)
        files.make_key(key, f"root@{self.name}")
        files.put(self.disk / "etc/ssh/ssh_host_ed25519_key", key.read_text(encoding="ascii"), 0o600)
        files.put(self.disk / "etc/ssh/ssh_host_ed25519_key.pub", (self._folder / "host_key.pub").read_text(encoding="ascii"))

    def set_host_key(self):
        """Gives its sshd a new key, as a host that was installed anew has."""
        self._new_host_key()
        if self.is_up:
            self.run(["systemctl", "restart", "ssh"], check=True)

    def _count_in_log(self, begin):
        self.run(["journalctl", "--sync"], check=True)
        # By the name in the message: sshd's process may be in the session's cgroup by the time that journald looks.
        log = self.run(["journalctl", "--identifier=sshd", "--output=cat", "--no-pager", "--quiet"], check=True).stdout
        return sum(line.startswith(begin) for line in log.splitlines())

    def ssh_connections(self):
        """How many logins by key its sshd has accepted since the lab was made."""
        return self._count_in_log("Accepted publickey")

    def ssh_contacts(self):
        """How many TCP connections have reached its sshd since the lab was made."""
        return self._count_in_log("Connection from")
