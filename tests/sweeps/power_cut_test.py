"""The power goes at a system call of `gen` or of a step, on ext4 and on xfs; the next ninja completes.

The file system is in an image, mounted by a loop device. The command is killed at the call, and the file system is shut
down as it is (the ioctl GOINGDOWN of xfs, which ext4 has too): what was not synced is lost, or, in every second try, what the
file system's journal had not yet been told. Then it is mounted again, which replays that journal.

KPLAN_SWEEP=full: hundreds of calls on each file system; else a few.
"""

import fcntl
import os
import shutil
import struct

import pytest

import fault_points as points
import harness

_GOINGDOWN = 0x8004587D
_JOURNAL_FLUSHED, _NOTHING_FLUSHED = 1, 2
MEBIBYTE = 1 << 20


def why_not(kind):
    if not harness.ISOLATED_ROOT:
        return "needs root rights to mount file systems"
    if not shutil.which(f"mkfs.{kind}"):
        return f"there is no mkfs.{kind}"
    return points.why_not()


class Disk:
    """A file system of KIND in a file, mounted at FOLDER."""

    def __init__(self, base, kind):
        self.image, self.folder = base / f"{kind}.image", base / kind
        self.folder.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(320 * MEBIBYTE)  # less xfs does not take
        points.run([f"mkfs.{kind}", "-q", self.image], base).ok()
        self.mount()

    def mount(self):
        points.run(["mount", "-o", "loop", self.image, self.folder], "/").ok()

    def unmount(self):
        # What held ninja's lock ends a moment after ninja.
        harness.wait_for("end of all that uses the disk", lambda: points.run(["umount", self.folder], "/").code == 0)

    def cut(self, flushed):
        """The power goes, and comes again."""
        fd = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _GOINGDOWN, struct.pack("I", flushed))
        finally:
            os.close(fd)
        self.unmount()
        self.mount()


@pytest.fixture(name="base")
def fixture_base():
    base = harness.make_folder("power")
    yield base
    shutil.rmtree(base)


def cut_at(scene, disk, point, flushed):
    where = f"at {point.name} {point.number}" if point else "after its end"
    what = f"{scene.label}, the power goes {where}, {'journal' if flushed == _JOURNAL_FLUSHED else 'nothing'} flushed"
    folder = disk.folder / "project"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(scene.base / "prepared", folder, symlinks=True)
    os.sync()
    if point:
        ran, _ = scene.disturb(folder, point, "signal=KILL")
        assert ran.code in (-9, 0), f"{what}: {ran}"
    else:
        points.run(scene.command, folder).ok()
    disk.cut(flushed)
    found = points.files(folder)
    if "pki/ca-key.pem" in scene.before:
        assert found["pki/ca-key.pem"] == scene.before["pki/ca-key.pem"], f"{what}: another CA key"
    for path, text in found.items():
        # Nothing of the user's is torn. Of kplan's own notes what comes next tells.
        if not path.startswith(".kplan/") and not points.is_temporary(path) and text not in (scene.before.get(path), scene.after.get(path)):
            points.check_whole(path, text, what)
    key = found.get("pki/ca-key.pem")
    points.check_no_stray_key(folder, found, what)
    scene.complete(folder, what, whole=scene.label == points.GEN)
    for path in points.GENERATED if scene.label == points.GEN else ():
        assert (folder / path).read_bytes() == scene.after[path], f"{what}: {path} is another one"
    assert key is None or points.files(folder)["pki/ca-key.pem"] == key, f"{what}: another CA key"


def tries_of(stage, kind):
    """(scene's label and age, how many points): of gen most, which writes what says what is to be done."""
    scenes = stage.one_of_each_kind()
    if points.FULL:
        return [(scene, 120 if scene[0] == points.GEN else 12) for scene in scenes]
    chosen = [scene for i, scene in enumerate(scenes) if scene[0] == points.GEN or i % 6 == (0 if kind == "ext4" else 3)]
    return [(scene, 5 if scene[0] == points.GEN else 1) for scene in chosen]


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_power_cut(base, kind):
    if why_not(kind):
        pytest.skip(why_not(kind))
    stage = points.Stage(base)
    disk = Disk(base, kind)
    tried, wrong = 0, []
    try:
        for (label, old), count in tries_of(stage, kind):
            scene = stage.scene(label, old)
            step = max(1, len(scene.points) // count)
            # What was written last is what is lost: after the end, and then backwards.
            for i, point in enumerate([None, *scene.points[::-step]][:count]):
                tried += 1
                flushed = _NOTHING_FLUSHED if i % 2 == 0 else _JOURNAL_FLUSHED
                try:
                    cut_at(scene, disk, point, flushed)
                except (AssertionError, OSError, KeyError) as error:
                    wrong.append(f"{label}{', over an older state' if old else ''}, {len(scene.points)} points: {point}\n    {str(error)[:700]}")
                    print(wrong[-1], flush=True)
            print(f"{label} {'old' if old else 'cold'}: {len(scene.points)} points; so far {tried} tried, {len(wrong)} wrong", flush=True)
            shutil.rmtree(scene.base)
    finally:
        disk.unmount()
    assert not wrong, f"{len(wrong)} of {tried}\n" + "\n".join(wrong)
    assert tried >= (300 if points.FULL else 10), tried
