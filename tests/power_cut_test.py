"""The power goes at a system call of `kplan gen`: what was not synced is lost, and ninja still does what is asked.

On an ext4 of its own. gen is killed at a call, and before anything more gets to the disk the file system is shut down by
EXT4_IOC_SHUTDOWN (Linux, fs/ext4), which is what a power cut is to it, and mounted anew.
"""

import fcntl
import os
import re
import shutil
import struct
import subprocess

import pytest

import harness

# EXT4_IOC_SHUTDOWN, and its flag for "nothing is flushed, not even the journal".
SHUTDOWN = 0x8004587D
NO_FLUSH = 2

# What gen does to a disk. strace numbers the calls of each name.
CALLS = "openat,write,fsync,syncfs,renameat2,mkdirat,unlink,unlinkat,flock"

SPEC = """\
hosts: {worker: {root: rootfs, service-manager: none}}
ca: {CN: ca, key: {algo: ecdsa, size: 256}}
certs: {leaf: {CN: leaf@GENERATION@, key: {algo: ecdsa, size: 256}, hosts: [127.0.0.1]}}
"""


def why_not():
    """Why there can be no file system of our own; "" when there can."""
    if os.geteuid() != 0:
        return "needs root, to mount a file system"
    for tool in ("strace", "mkfs.ext4"):
        if shutil.which(tool) is None:
            return f"there is no {tool}"
    tried = subprocess.run(["losetup", "-f"], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"there is no loop device: {tried.stderr.strip()}"


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "none")


def must(*argv):
    return subprocess.run([str(word) for word in argv], check=True, capture_output=True, text=True).stdout


run = harness.Here().run


class Disk:
    """An ext4 in a file, mounted."""

    def __init__(self, base):
        self.image, self.mountpoint = base / "disk", base / "mounted"
        self.mountpoint.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(32 << 20)
        must("mkfs.ext4", "-q", "-F", self.image)
        self.mount()

    def mount(self):
        must("mount", "-o", "loop", self.image, self.mountpoint)

    def unmount(self):
        must("umount", self.mountpoint)

    def cut(self):
        folder = os.open(self.mountpoint, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, SHUTDOWN, struct.pack("I", NO_FLUSH))
        finally:
            os.close(folder)
        self.unmount()
        self.mount()


@pytest.fixture(name="disk")
def fixture_disk():
    base = harness.make_folder("power")
    disk = Disk(base)
    yield disk
    disk.unmount()
    shutil.rmtree(base)


def write_spec(folder, generation):
    text = SPEC.replace("@GENERATION@", str(generation))
    with open(folder / "cluster.yaml", "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def prepare(disk, old):
    """A folder in which `gen` comes next; over an older state, all of it on the disk, when OLD."""
    folder = disk.mountpoint / "work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if old:
        write_spec(folder, 0)
        run([harness.KPLAN, "gen", "cluster.yaml"], folder).ok()
        run(["ninja"], folder).ok()
    write_spec(folder, 1)
    os.sync()
    return folder


def common_name(folder):
    return must("openssl", "x509", "-in", folder / "pki/leaf.pem", "-noout", "-subject")


@pytest.mark.parametrize("old", [False, True])
def test_a_power_cut_at_every_call_of_gen(disk, old):
    folder = prepare(disk, old)
    log = disk.image.with_name("log")
    gen = [harness.KPLAN, "gen", "cluster.yaml"]
    run(["strace", "-f", "-qq", "-o", log, "-e", f"trace={CALLS}", *gen], folder).ok()
    seen, points = {}, []
    for line in log.read_text(encoding="utf-8").splitlines():
        match = re.match(r"(?:\d+ +)?(\w+)\(", line)
        if match:
            name = match.group(1)
            seen[name] = seen.get(name, 0) + 1
            # Of the calls that only read, the libraries' at the start are the most.
            if name != "openat" or "O_CREAT" in line:
                points.append((name, seen[name]))
    assert len(points) > 20, points
    for name, number in points:
        what = f"{name} {number}"
        folder = prepare(disk, old)
        ran = run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}", *gen],
                          folder)
        disk.cut()
        assert ran.code == -9, f"{what}: {ran}"
        ninja_file = folder / "build.ninja"
        if ninja_file.exists():
            assert b"rule gen" in ninja_file.read_bytes(), f"{what}: build.ninja is empty or torn"
        else:
            # Nothing was there, and nothing is: ninja says so.
            assert not old, what
            assert run(["ninja"], folder).code != 0, what
            run(gen, folder).ok()
        run(["ninja"], folder).ok()
        assert "leaf1" in common_name(folder), f"{what}: the edit is lost"
        assert "no work to do" in run(["ninja"], folder).ok().out, what


def test_an_empty_stamp_is_told_and_made_again(disk):
    folder = prepare(disk, True)
    run([harness.KPLAN, "gen", "cluster.yaml"], folder).ok()
    run(["ninja"], folder).ok()
    stamp = folder / ".kplan/stamps/cert/leaf"
    whole = stamp.read_bytes()
    times = os.stat(stamp)
    stamp.write_bytes(b"")
    os.utime(stamp, ns=(times.st_atime_ns, times.st_mtime_ns))
    ran = run(["ninja"], folder).ok()
    assert "cert/leaf: its stamp is empty, as after a power cut" in ran.out
    assert stamp.read_bytes() == whole
    assert "no work to do" in run(["ninja"], folder).ok().out
