"""A real systemd, booted for a test: a machine of its own over a throw-away copy of this one's files.

The root is an overlay over / whose upper layer is on a tmpfs; systemd-nspawn boots it in mount, process and network
namespaces that nobody else has. Nothing of that has a name outside: when the process that booted it dies, by whatever
signal, the kernel kills the host and drops its mounts and its network with it.
"""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import time
import uuid

import pytest

import harness

# Started in the namespaces, with the host's folder and name. Everything that this machine's administrator enabled
# (its databases, its mail) stays out: a host has systemd's own services, D-Bus and sshd.
_BOOT = r"""
set -euo pipefail
folder=$1 name=$2
mount -t tmpfs -o mode=0755 tmpfs "$folder"
mkdir "$folder"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
cd "$folder/root"
tr -d - </proc/sys/kernel/random/uuid >machine-id
mv machine-id etc/machine-id
echo "$name" >etc/hostname
for wants in etc/systemd/system/*.wants; do
  for unit in "$wants"/*; do
    case ${unit##*/} in
      ssh.service | systemd-*) ;;
      *) rm -f "$unit" ;;
    esac
  done
done
# Of no use here; recording the run level fails now and then when D-Bus comes up late.
for unit in apt-daily.timer apt-daily-upgrade.timer systemd-firstboot.service systemd-timesyncd.service \
  systemd-update-utmp.service systemd-update-utmp-runlevel.service; do
  ln -sf /dev/null "etc/systemd/system/$unit"
done
# An etcd of this machine is not the host's.
rm -rf etc/systemd/system/etcd.service lib/systemd/system/etcd.service usr/local/bin/etcd* etc/etcd var/lib/etcd
mkdir -p etc/systemd/system/multi-user.target.wants
ln -sf /lib/systemd/system/ssh.service etc/systemd/system/multi-user.target.wants/ssh.service
ip link set lo up
cd /
exec systemd-nspawn --quiet --directory="$folder/root" --machine="$name" --boot --register=no --keep-unit \
  --network-namespace-path=/proc/self/ns/net --console=pipe
"""

_ISOLATE = ["unshare", "--mount", "--propagation=private", "--pid", "--net", "--fork", "--kill-child=SIGKILL", "--mount-proc"]


def why_not():
    """Why no host can be booted here; empty when one can."""
    if os.geteuid() != 0:
        return "booting a systemd host needs root"
    for tool in ("systemd-nspawn", "nsenter", "unshare", "ip"):
        if not shutil.which(tool):
            return f"there is no {tool}"
    probe = subprocess.run(
        [*_ISOLATE, "sh", "-c", "mount -t tmpfs t /mnt && mkdir /mnt/u /mnt/w /mnt/r &&"
         " mount -t overlay o -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r"],
        capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        return f"the kernel refuses namespaces or an overlay: {probe.stderr.strip()}"
    for parent in _cgroup_folders():
        if not os.access(parent, os.W_OK):
            return f"{parent} is not writable"
    return ""


def _cgroup_folders():
    """Our own cgroup in the hierarchies that systemd uses: cgroup2, and the named one of a hybrid set-up."""
    found = []
    for line in pathlib.Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "name=systemd":
            found.append(pathlib.Path("/sys/fs/cgroup/systemd") / path.lstrip("/"))
        elif controllers == "":
            hybrid = pathlib.Path("/sys/fs/cgroup/unified")
            found.append((hybrid if hybrid.is_dir() else pathlib.Path("/sys/fs/cgroup")) / path.lstrip("/"))
    return [folder for folder in found if folder.is_dir()]


def _remove_cgroup(folder):
    """Removes the cgroup FOLDER and those below, as far as they are empty, and says whether it is gone."""
    for path, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(path)
        except OSError:
            pass
    return not folder.exists()


@contextlib.contextmanager
def _cgroups_locked():
    """Keeps other tests from taking a cgroup that no process has entered yet for a left-over."""
    with contextlib.ExitStack() as stack:
        for parent in _cgroup_folders():
            descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def remove_orphans():
    """Removes the cgroups of hosts whose test was killed: the one thing with a name that the kernel leaves behind."""
    with _cgroups_locked():
        parents = _cgroup_folders()
        orphans = {folder.name for parent in parents for folder in parent.glob("kplan-*")}
        for parent in parents:
            # cgroup2 counts processes of any pid namespace. A host that runs has empty cgroups too, for a moment.
            for events in parent.glob("kplan-*/cgroup.events"):
                if "populated 1" in events.read_text(encoding="ascii"):
                    orphans.discard(events.parent.name)
        for parent in parents:
            for name in orphans:
                _remove_cgroup(parent / name)


def _children(pid):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(encoding="ascii", errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(stat.rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return found


def _descendants(pid):
    found = _children(pid)
    for child in list(found):
        found += _descendants(child)
    return found


def _die_with_parent():
    """In the child, before exec: SIGKILL when the test's process ends (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class SystemdHost:
    """One booted host; `with SystemdHost("worker") as host: host.run(["systemctl", "status"])`."""

    def __init__(self, name="worker"):
        self.name = name
        self.leader = 0  # the process id of the host's systemd, seen from here
        self._unshare = None
        self._folder = None
        self.cgroups = []  # one in each hierarchy

    def __enter__(self):
        try:
            self._boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def root(self):
        """The host's / as a path of ours."""
        return pathlib.Path(f"/proc/{self.leader}/root")

    @property
    def console(self):
        return (self._folder / "console").read_text(encoding="utf-8", errors="replace")

    def _boot(self):
        remove_orphans()
        self._folder = harness.make_folder(f"host-{self.name}")
        mount_point = self._folder / "host"
        mount_point.mkdir()
        with _cgroups_locked():
            self._start(mount_point)
            self.leader = harness.wait_for(f"systemd on {self.name}", self._find_leader, timeout=60)
        # Until systemd serves its socket, `is-system-running --wait` says "offline" and does not wait.
        deadline = time.monotonic() + 60
        while (state := self.run(["systemctl", "is-system-running", "--wait"])).out.strip() not in ("running", "degraded"):
            if time.monotonic() > deadline:
                jobs = self.run(["systemctl", "list-jobs"])
                pytest.fail(f"{self.name} did not boot: {state}\n{jobs}\n{self.console}")
            time.sleep(0.01)

    def _start(self, mount_point):
        # Two hosts in one cgroup would take each other's services for their own.
        ident = f"kplan-{uuid.uuid4().hex}"
        for parent in _cgroup_folders():
            (parent / ident).mkdir()
            self.cgroups.append(parent / ident)
        enter = "".join(f'echo $$ >"{cgroup}/cgroup.procs"; ' for cgroup in self.cgroups)
        with open(self._folder / "console", "wb") as console:
            self._unshare = subprocess.Popen(
                ["sh", "-ec", enter + 'exec "$@"', "sh", *_ISOLATE, "bash", "-c", _BOOT, "bash", str(mount_point), self.name],
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=_die_with_parent)

    def _find_leader(self):
        if self._unshare.poll() is not None:
            pytest.fail(f"the host {self.name} did not boot:\n{self.console}")
        for nspawn in _children(self._unshare.pid):
            for child in _children(nspawn):
                try:
                    if pathlib.Path(f"/proc/{child}/comm").read_text(encoding="ascii").strip() == "systemd":
                        return child
                except (FileNotFoundError, ProcessLookupError):
                    continue
        return 0

    def run(self, argv, cwd="/", timeout=120):
        """Runs ARGV on the host, as root, in the folder CWD of the host, with a clean environment."""
        return harness.Here().run(
            ["nsenter", f"--target={self.leader}", "--all", f"--wd={self.root}{cwd}", "--", *argv], cwd="/", timeout=timeout)

    def close(self):
        """Ends the host at once, like a power cut, and waits until nothing of it is left."""
        if self._unshare:
            processes = _descendants(self._unshare.pid)
            self._unshare.kill()
            self._unshare.wait()
            harness.wait_for(f"end of the host {self.name}", lambda: not any(map(harness.alive, processes)))
        for cgroup in self.cgroups:
            # A process on its way out holds it for a moment.
            harness.wait_for(f"end of {cgroup}", lambda cgroup=cgroup: _remove_cgroup(cgroup))
        if self._folder:
            shutil.rmtree(self._folder)
            self._folder = None
        self._unshare = None


def require():
    """Skips the test, with the reason, where no host can be booted."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
