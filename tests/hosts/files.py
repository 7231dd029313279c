"""What a host's disk has of its own, over this machine's files.

Everything that this machine's administrator set up (databases, keys, logins) stays out: a host has systemd's own
services, D-Bus and sshd, and two users.
"""

import os
import shutil
import stat
import subprocess
import uuid

OPS_PASSWORD = "let ops in"
_OPS_SHADOW = "$6$kplanlab$zj/xs1E4oFOlATL3Z5NvRCKxpQgOyu5WxRCXUf6YYEOe5C9qcjw3MWPD54uRtHaaqw6wZZ7gyi8sAYLikq7AC1"
_OPS_UID = 1500

# How sudo treats `ops`: the lines of sudoers.
_NOPASSWD = "ops ALL=(ALL:ALL) NOPASSWD: ALL\n"
SUDO_RULES = {
    "nopasswd": _NOPASSWD,
    "password": "ops ALL=(ALL:ALL) ALL\n",
    "denied": "",
    "other-commands": "ops ALL=(ALL:ALL) NOPASSWD: /usr/bin/id\n",
    "other-user": "ops ALL=(daemon) NOPASSWD: ALL\n",
    "requiretty": f"Defaults requiretty\n{_NOPASSWD}",
    "noexec": f"Defaults noexec\n{_NOPASSWD}",
    "secure-path": f'Defaults secure_path="/opt"\n{_NOPASSWD}',
}
SUDO = "usr/bin/sudo"
SUDO_AWAY = "usr/bin/.sudo-away"

_SSHD_CONFIG = """\
# VERBOSE says of every connection that it came.
HostKey /etc/ssh/ssh_host_ed25519_key
LogLevel VERBOSE
PermitRootLogin prohibit-password
KbdInteractiveAuthentication no
UsePAM yes
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
"""

# Units of no use here. Recording the run level fails now and then when D-Bus comes up late.
_MASKED = [
    "apt-daily.timer", "apt-daily-upgrade.timer", "systemd-firstboot.service", "systemd-timesyncd.service",
    "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service",
]


def lay_under(upper):
    """Before the overlay is there: folders of UPPER that hide the whole of this machine's."""
    for name, mode in [("root", 0o700), ("home", 0o755)]:
        (upper / name).mkdir()
        (upper / name).chmod(mode)
        os.setxattr(upper / name, "trusted.overlay.opaque", b"y")


def lay_out(root, name, etc_hosts, public_key):
    """Makes the files below ROOT those of the host NAME, with PUBLIC_KEY (a line) for its logins."""
    etc = root / "etc"
    put(etc / "machine-id", uuid.uuid4().hex + "\n")
    put(etc / "hostname", name + "\n")
    put(etc / "hosts", etc_hosts)
    _units(etc / "systemd/system")
    _no_etcd(root)
    _users(root, public_key)
    for key in (etc / "ssh").glob("ssh_host_*"):
        key.unlink()
    _remove(etc / "ssh/sshd_config.d")
    put(etc / "ssh/sshd_config", _SSHD_CONFIG)
    if (root / SUDO).exists():
        _remove(etc / "sudoers.d")
        set_sudo(root, "nopasswd")
    # The log of a host survives its power cuts.
    _remove(root / "var/log/journal")
    (root / "var/log/journal").mkdir()
    # Else systemd rebuilds the caches of ld.so, hwdb and its catalog at the first boot.
    for folder in (etc, root / "var"):
        put(folder / ".updated", "")


def put(path, text, mode=0o644):
    """Writes TEXT to PATH, over a file or a symlink; the parent folder is there."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with open(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, mode)
        file.write(text)


def set_sudo(root, how):
    """Has sudo below ROOT treat `ops` so: a key of SUDO_RULES, or "absent" for a host without sudo."""
    present, away = root / SUDO, root / SUDO_AWAY
    if how == "absent":
        if present.exists():
            present.rename(away)
        return
    if away.exists():
        away.rename(present)
    put(root / "etc/sudoers", "Defaults env_reset\n"
        'Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"\n'
        f"root ALL=(ALL:ALL) ALL\n{SUDO_RULES[how]}@includedir /etc/sudoers.d\n", 0o440)


def _remove(path):
    try:
        is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if is_folder:
        shutil.rmtree(path)
    else:
        path.unlink()


def _units(system):
    for wants in system.glob("*.wants"):
        for unit in wants.iterdir():
            if unit.name != "ssh.service" and not unit.name.startswith("systemd-"):
                unit.unlink()
    for unit in _MASKED:
        (system / unit).unlink(missing_ok=True)
        (system / unit).symlink_to("/dev/null")
    wants = system / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "ssh.service").unlink(missing_ok=True)
    (wants / "ssh.service").symlink_to("/lib/systemd/system/ssh.service")


def _no_etcd(root):
    """An etcd of this machine is not the host's."""
    for name in ("etc/systemd/system/etcd.service", "lib/systemd/system/etcd.service", "etc/etcd", "var/lib/etcd"):
        _remove(root / name)
    for binary in (root / "usr/local/bin").glob("etcd*"):
        _remove(binary)


def _users(root, public_key):
    """root and ops, who log in with the key of PUBLIC_KEY."""
    etc = root / "etc"
    for name, lines in {
        "passwd": ["root:x:0:0:root:/root:/bin/bash", f"ops:x:{_OPS_UID}:{_OPS_UID}:ops:/home/ops:/bin/bash"],
        "group": [f"ops:x:{_OPS_UID}:"],
        "shadow": ["root:*:19000:0:99999:7:::", f"ops:{_OPS_SHADOW}:19000:0:99999:7:::"],
    }.items():
        path = etc / name
        replaced = {line.partition(":")[0] for line in lines}
        lines += [line for line in path.read_text(encoding="utf-8").splitlines() if line.partition(":")[0] not in replaced]
        info = path.stat()
        put(path, "\n".join(lines) + "\n", stat.S_IMODE(info.st_mode))
        os.chown(path, info.st_uid, info.st_gid)
    (root / "home/ops").mkdir(mode=0o755)
    os.chown(root / "home/ops", _OPS_UID, _OPS_UID)
    for home, uid in ((root / "root", 0), (root / "home/ops", _OPS_UID)):
        (home / ".ssh").mkdir(mode=0o700)
        put(home / ".ssh/authorized_keys", public_key, 0o600)
        os.chown(home / ".ssh", uid, uid)
        os.chown(home / ".ssh/authorized_keys", uid, uid)


def make_key(path, comment):
    """Makes an Ed25519 key: PATH and PATH.pub."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)],
        stdin=subprocess.DEVNULL, capture_output=True, check=True)
