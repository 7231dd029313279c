"""The lab: its hosts, whom the admin knows of them, and who reaches whom."""

import contextlib
import os
import shutil
import subprocess

from . import cgroups
from .admin import ISOLATE, Admin
from .host import Host
from .places import LabError
from .proxy import Proxy

_TOOLS = ["bash", "ip", "nsenter", "ssh", "ssh-keygen", "systemd-nspawn", "unshare"]

# A neighbour with an address that no device has: the switch delivers to everybody, and nobody takes it. Unlike a route
# that refuses, it says nothing to the sender, and it needs no module of the kernel.
_NOBODY = "02:00:0a:4d:ff:ff"


class Lab:
    """A lab; use hosts.lab(), which also ends it."""

    def __init__(self, names, network, volumes):
        self.network = network
        self._owned = cgroups.LabFolder()
        self.folder = self._owned.path
        self.admin = Admin(self.folder, network)
        self.hosts = [Host(self, name, number, volumes) for number, name in enumerate(names, 1)]
        self._proxies = []
        self._partitions = set()  # of frozensets of two places

    def __getitem__(self, name):
        return next(host for host in self.hosts if host.name == name)

    def up(self, disk, volumes):
        """Boots all hosts, at once."""
        etc_hosts = "127.0.0.1 localhost\n::1 localhost\n" + "".join(
            f"{host.address or '127.0.1.1'} {host.name}\n" for host in self.hosts)
        self.admin.begin(etc_hosts)
        public_key = self.identity.with_suffix(".pub").read_text(encoding="ascii")
        for host in self.hosts:
            host.make_disk(disk, etc_hosts, public_key)
            for path, size in volumes.items():
                host.make_volume(path, size)
            self.trust(host)
        with cgroups.locked():
            for host in self.hosts:
                host.start()
        for host in self.hosts:
            host.finish_start()

    def close(self):
        """Ends everything at once, and waits until nothing is left."""
        try:
            for proxy in list(self._proxies):
                proxy.close()
        finally:
            self.admin.end()
            for host in self.hosts:
                host.ended()
            self._owned.remove()

    # ssh.

    @property
    def home(self):
        """Of the admin's root."""
        return self.admin.home

    @property
    def ssh_folder(self):
        return self.admin.ssh_folder

    @property
    def ssh_config(self):
        return self.ssh_folder / "config"

    @property
    def known_hosts(self):
        return self.ssh_folder / "known_hosts"

    @property
    def identity(self):
        return self.ssh_folder / "id_ed25519"

    def _set_known(self, names, key):
        lines = self.known_hosts.read_text(encoding="utf-8").splitlines()
        lines = [line for line in lines if line.partition(" ")[0] not in names]
        lines += [f"{name} {key}" for name in names if key]
        self.known_hosts.write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    def _names(self, host):
        return [host.address or "127.0.0.1", host.name, *(proxy.address for proxy in self._proxies if proxy.host is host)]

    def trust(self, host):
        """Puts the key that HOST has now into known_hosts, under its address, its name and those of its proxies."""
        self._set_known(self._names(host), host.host_key)

    def forget(self, host):
        """Takes HOST out of known_hosts."""
        self._set_known(self._names(host), None)

    # Proxies.

    def proxy(self, host, limit=None, record=False):
        """A Proxy before HOST's sshd, at an address of its own (port 22), known by the host's key."""
        number = 101 + max((int(proxy.address.rpartition(".")[2]) - 100 for proxy in self._proxies), default=0)
        address = f"10.77.0.{number}"
        self.admin.in_network("ip", "address", "add", f"{address}/24", "dev", "lab0")
        proxy = Proxy(self, host, address, limit, record)
        self._proxies.append(proxy)
        self.trust(host)
        return proxy

    def cut_link_after(self, host, n_bytes):
        """A proxy in the way of every ssh to HOST; each connection is cut after N_BYTES bytes to the host."""
        proxy = self.proxy(host, limit=n_bytes)
        proxy.intercept()
        return proxy

    def drop_proxy(self, proxy):
        """What Proxy.close() leaves to us."""
        self._proxies.remove(proxy)
        self._set_known([proxy.address], None)
        self.admin.in_network("ip", "address", "del", f"{proxy.address}/24", "dev", "lab0")

    # Partitions.

    def partition(self, one, other):
        """No packet passes between two hosts, or a host and the admin; neither is told."""
        self._partitions.add(frozenset((one, other)))
        self._cut(one, other)

    def heal(self, one=None, other=None):
        """Ends the partition between two; without arguments all of them, and those of single hosts."""
        if one is None:
            for pair in list(self._partitions):
                self.heal(*pair)
            for host in self.hosts:
                host.heal()
            return
        self._partitions.discard(frozenset((one, other)))
        for here, there in ((one, other), (other, one)):
            if _is_up(here):
                here.in_network("ip", "neighbour", "flush", "to", there.address, "nud", "permanent", "dev", here.device)

    def _cut(self, one, other):
        for here, there in ((one, other), (other, one)):
            if _is_up(here):
                here.in_network(
                    "ip", "neighbour", "replace", there.address, "lladdr", _NOBODY, "nud", "permanent", "dev", here.device)

    def restore_partitions(self, host):
        """For a HOST that has just booted, with a network that knows of none."""
        for pair in self._partitions:
            if host in pair:
                self._cut(*pair)


def _is_up(place):
    return not isinstance(place, Host) or place.is_up


@contextlib.contextmanager
def lab(count=3, names=None, network=True, disk="1g", volumes=None):
    """A Lab of COUNT hosts, or of those with NAMES, all of them up; see the head of this package."""
    names = list(names or (f"etcd-{number}" for number in range(1, count + 1)))
    if reason := why_not():
        raise LabError(reason)
    if not 0 < len(names) <= 80:
        raise LabError(f"a lab has from 1 to 80 hosts, not {len(names)}")
    cgroups.remove_orphans()
    made = Lab(names, network, volumes or {})
    try:
        made.up(disk, volumes or {})
        yield made
    finally:
        made.close()


def why_not():
    """Why there can be no lab here; empty when there can."""
    if os.geteuid() != 0:
        return "booting a systemd host needs root"
    for tool in _TOOLS:
        if not shutil.which(tool):
            return f"there is no {tool}"
    if not os.path.exists("/usr/sbin/sshd"):
        return "there is no sshd"
    probe = subprocess.run(
        [*ISOLATE, "sh", "-c", "mount -t tmpfs t /mnt && mkdir /mnt/u /mnt/w /mnt/r &&"
         " mount -t overlay o -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r"],
        capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        return f"the kernel refuses namespaces or an overlay: {probe.stderr.strip()}"
    for parent in cgroups.folders():
        if not os.access(parent, os.W_OK):
            return f"{parent} is not writable"
    return ""
