"""Booted systemd hosts with sshd, in a network of their own: a lab for tests, and for trying things by hand.

    with hosts.lab(count=3) as lab:                 # etcd-1 10.77.0.11, etcd-2 10.77.0.12, etcd-3 10.77.0.13
        first, second, third = lab.hosts
        lab.admin.run(["ssh", "root@10.77.0.11", "hostname"], check=True)
        first.run(["systemctl", "is-active", "ssh"]).stdout
        second.kill()

Everything is in mount, process and network namespaces of the lab's own. No address and no mount of it has a name
outside, and the kernel takes all of it down when the process that made the lab ends, by whatever signal.

The lab (lab.py):
    hosts.lab(count=3, names=None, network=True, disk="1g", volumes=None)
                                    names instead of a count; DISK is the size of a host's disk; VOLUMES gives folders of
                                    every host a disk of their own: {"/var/lib/etcd": "64m"}
    lab.hosts                       Host, in the order of their names; lab["etcd-2"] is one of them
    lab.admin                       the machine that kplan runs on, 10.77.0.1: it sees the files of the caller under
                                    their own paths; its `ssh` reads the files below and nothing of this machine's root
    lab.ssh_folder                  its ~/.ssh: lab.ssh_config, lab.known_hosts, lab.identity (the private key)
    lab.forget(host)                takes the host out of known_hosts; lab.trust(host) puts its key of now there
    lab.partition(a, b)             no packet from one to the other or back; either may be lab.admin.
                                    lab.heal(a, b) ends that, lab.heal() ends every partition
    lab.proxy(host)                 another way to the host's sshd: counts, and cuts (proxy.py)
    lab.cut_link_after(host, n)     every connection by ssh to the host, under its own name and address, is cut after N
                                    bytes to the host; returns the proxy that does it; proxy.close() ends that

A host (host.py):
    host.name, host.address         "etcd-1", "10.77.0.11"; names are in /etc/hosts everywhere
    host.run(argv, ...)             without ssh, as root
    host.read_text(path), host.write_text(path, text, mode=0o644), host.root (its / as a path of the caller)
    host.kill()                     a power cut: what is on its disk stays. host.boot() boots it again
    host.reboot()                   shuts down in order and boots
    host.partition(), host.heal()   its network cable out, and in again
    host.fill_disk("/"), host.free_disk()   not a byte left on the disk or volume below the path; both also while it is off
    host.set_host_key()             sshd gets a new key; known_hosts keeps the old one
    host.set_sudo(how)              for the user `ops`: "nopasswd" (at first), "password", "denied", "absent", and what else
                                    files.SUDO_RULES has
    host.ssh_connections()          how many logins by key sshd has accepted since the lab was made
    host.ssh_contacts()             how many TCP connections reached its sshd, whatever became of them
    host.console, host.leader, host.is_up

Users: `root` and `ops` (uid 1500, hosts.OPS_PASSWORD for sudo), both by lab.identity.

run(argv, check=False, input=None, env=None, cwd="/", timeout=120) returns a subprocess.CompletedProcess with text; check
raises one with the output in its message. popen(argv, env=None, cwd="/", **kwargs) returns a subprocess.Popen whose
signals reach the command itself. Both start with a clean environment and add ENV.

LabError says what went wrong in the lab itself. hosts.why_not() says why there can be no lab here.
"""

from .cgroups import remove_orphans
from .files import OPS_PASSWORD
from .host import Host
from .lab import Lab, lab, why_not
from .places import CommandFailed, LabError, Place, Process
from .proxy import Proxy

__all__ = [
    "CommandFailed", "Host", "Lab", "LabError", "OPS_PASSWORD", "Place", "Process", "Proxy", "lab", "remove_orphans", "why_not",
]
