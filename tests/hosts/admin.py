"""The machine that kplan runs on in a lab; its namespaces are those that the hosts' are made in."""

import pathlib
import subprocess

from .files import make_key
from .places import LabError, Place, descendants

ISOLATE = ["unshare", "--mount", "--propagation=private", "--pid", "--net", "--fork", "--kill-child=SIGKILL", "--mount-proc"]

# The first process of the lab's namespaces: when it ends, the kernel kills all others. It ends when its standard input
# does, and that is a pipe from the process that made the lab. It also reaps the daemons that commands leave behind.
_FIRST = r"""
set -euo pipefail
folder=$1 address=$2
ip link set lo up
if [[ $address ]]; then
  ip link add name lab0 address 02:00:0a:4d:00:01 type bridge
  ip address add "$address/24" dev lab0
  ip link set lab0 up
fi
mount --bind "$folder/passwd" /etc/passwd
mount --bind "$folder/hosts" /etc/hosts
echo up
read -r _ || true
"""

# Nothing of this machine's own takes part: no agent, no keys and hosts known to all its users.
_SSH_CONFIG = """\
Include config.d/*
Host *
  IdentityFile {identity}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {known_hosts}
  GlobalKnownHostsFile /dev/null
"""


class Admin(Place):
    """It has the caller's files, and a home of its own for root."""

    name = "admin"
    device = "lab0"
    leader = 0  # the first process, as a process id of ours

    def __init__(self, folder, network):
        self.home = folder / "home"
        self.address = "10.77.0.1" if network else ""
        self._folder = folder
        self._process = None  # unshare, above the first process

    @property
    def ssh_folder(self):
        return self.home / ".ssh"

    def begin(self, etc_hosts):
        """Makes the lab's namespaces, with ETC_HOSTS for /etc/hosts."""
        identity, known_hosts = self.ssh_folder / "id_ed25519", self.ssh_folder / "known_hosts"
        self.ssh_folder.mkdir(parents=True, mode=0o700)
        (self.ssh_folder / "config.d").mkdir()
        make_key(identity, "admin")
        known_hosts.touch(mode=0o600)
        (self.ssh_folder / "config").write_text(
            _SSH_CONFIG.format(identity=identity, known_hosts=known_hosts), encoding="utf-8")
        # ssh asks for root's home here, and not in the environment.
        users = pathlib.Path("/etc/passwd").read_text(encoding="utf-8").splitlines()
        (self._folder / "passwd").write_text("".join(
            f"root:x:0:0:root:{self.home}:/bin/bash\n" if line.startswith("root:") else line + "\n" for line in users),
            encoding="utf-8")
        (self._folder / "hosts").write_text(etc_hosts, encoding="utf-8")
        self._process = subprocess.Popen(
            [*ISOLATE, "bash", "-c", _FIRST, "bash", str(self._folder), self.address],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        if self._process.stdout.readline() != "up\n":
            raise LabError(f"the lab has no namespaces: {self._process.stderr.read()}")
        self.leader = descendants(self._process.pid)[0]

    def end(self):
        """Ends every process in the lab's namespaces, and waits for that."""
        if self._process:
            # The kernel lets the first process go when all others of its namespace are gone.
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()
            self._process.stderr.close()
