"""Every call that can fail, fails: strace makes one system call of `gen` or of a step return an error.

Either it does not matter, or the error is reported; and the next ninja completes, and leaves no temporary file.
KPLAN_SWEEP=full: every error at every call; else a few of each kind of step.
"""

import re
import shutil

import pytest

import fault_points as points
import harness

pytestmark = pytest.mark.skipif(bool(points.why_not()), reason=points.why_not() or "none")

# How calls fail in real life.
WRITING = {
    "write": ("ENOSPC", "EIO", "EDQUOT", "EINTR"),
    "pwrite64": ("ENOSPC", "EIO", "EINTR"),
    "openat": ("ENOSPC", "EACCES", "EMFILE", "EINTR"),
    "open": ("ENOSPC", "EACCES", "EMFILE", "EINTR"),
    "fsync": ("EIO", "ENOSPC", "EINTR"),
    "fdatasync": ("EIO", "EINTR"),
    "syncfs": ("EIO",),
    "sync_file_range": ("EIO",),
    "rename": ("EACCES", "ENOSPC"),
    "renameat": ("EACCES", "ENOSPC"),
    "renameat2": ("EACCES", "ENOSPC", "EIO"),
    "linkat": ("ENOSPC", "EACCES"),
    "symlinkat": ("ENOSPC", "EACCES"),
    "mkdir": ("ENOSPC", "EACCES"),
    "mkdirat": ("ENOSPC", "EACCES"),
    "fchmod": ("EPERM", "EIO"),
    "fchown": ("EPERM",),
    "ftruncate": ("EIO", "EINTR"),
    "fallocate": ("ENOSPC", "EINTR"),
    "unlink": ("EACCES",),
    "unlinkat": ("EACCES",),
    "utimensat": ("EPERM",),
    "copy_file_range": ("ENOSPC", "EIO"),
    "sendfile": ("ENOSPC", "EIO"),
    "flock": ("EINTR", "ENOLCK"),
    "getrandom": ("EIO",),
    "chdir": ("EACCES",),
}
LOOKING = {
    "read": ("EIO", "EINTR"),
    "pread64": ("EIO", "EINTR"),
    "fstat": ("EIO", "ENOMEM"),
    "newfstatat": ("EACCES", "EIO"),
    "lseek": ("EIO",),
    "getdents64": ("EIO",),
    "readlink": ("EACCES",),
    "fcntl": ("EMFILE",),
    "access": ("EACCES",),
}
ERRORS = {**WRITING, **LOOKING}

# What a loader or malloc asks for before main, and OpenSSL's first use of its random numbers: no error is told there.
BEFORE_MAIN = re.compile(r"8, GRND_NONBLOCK|/sys/devices/system/cpu|/proc/self/exe")


@pytest.fixture(name="base")
def fixture_base():
    base = harness.make_folder("error")
    yield base
    shutil.rmtree(base)


def errors_of(point):
    if BEFORE_MAIN.search(point.arguments):
        return []
    return [f"error={error}" for error in ERRORS.get(point.name, ())]


def fail(scene, point, fault):
    what = f"{scene.label}, {fault} at {point.name} {point.number}"
    folder = scene.fresh()
    ran, hit = scene.disturb(folder, point, fault)
    if "INJECTED" not in hit:
        # Two runs need not make the same calls in the same number.
        assert ran.code == 0, f"{what}: {ran}"
        scene.complete(folder, what)
        shutil.rmtree(folder)
        return "ended before"
    assert ran.code in (0, 1), f"{what}: {ran}"
    if ran.code == 1:
        assert re.fullmatch(r"(kplan: .+\n)(.+\n)*", ran.err), f"{what}: {ran}"
        # What cannot be removed stays, and what is in a folder that cannot be opened or looked at.
        left = [path for path in points.files(folder) if points.is_temporary(path)]
        if point.name in LOOKING or re.search(r"O_DIRECTORY.*INJECTED", hit):
            left = [path for path in left if ".kplan-pair" not in path]
        assert not left or point.name.startswith("unlink"), f"{what}: {left} stay"
    hidden = points.check_state(folder, scene.before, scene.after, what)
    assert not any(secret.decode() in ran.out + ran.err for secret in hidden), what
    if ran.code == 0:
        lost = {path for path in scene.after.keys() - points.files(folder).keys()
                if scene.label != points.GEN or not path.startswith(".kplan/stamps/")}
        assert not lost, f"{what}: said done, and is not: {lost}"
    scene.complete(folder, what)
    shutil.rmtree(folder)
    return "failed" if ran.code == 1 else "done"


def test_error_at_every_call(base):
    stage = points.Stage(base)
    scenes = stage.all_scenes() if points.FULL else stage.one_of_each_kind()
    outcomes = points.sweep(stage, scenes, 3, errors_of, fail)
    assert outcomes["failed"] >= 20 and outcomes["done"] >= 5, outcomes


@pytest.mark.skipif(not harness.ISOLATED_ROOT, reason="needs root rights to mount a small file system")
def test_full_disk(base):
    """A file system that is really full, a little later each time, and then is not."""
    folder = base / "disk"
    completed, key, full = False, b"", 0
    template = base / "template"
    template.mkdir()
    points.write_spec(template, 0)
    folder.mkdir()
    run = points.run
    for size in range(120, 4000, 40 if points.FULL else 120):
        run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", folder], base).ok()
        try:
            for path in template.iterdir():
                shutil.copy(path, folder)
            first = run(["sh", "-c", f"{harness.KPLAN} gen cluster.yaml && exec ninja"], folder)
            found = points.files(folder)
            key = found.get("pki/ca-key.pem", b"")
            for path, text in found.items():
                if path.endswith((".pem", ".csr")) and not path.startswith(".kplan/"):
                    assert points.is_whole_pem(text), (size, path, text)
                if path.startswith("rootfs/usr"):
                    assert text == f"{path.rpartition('/')[2]} 0\n".encode() * 30_000, (size, path)
            if first.code == 0:
                completed = True
                break
            full += 1
            assert "No space left on device" in first.out + first.err, (size, first)
            assert not [path for path in found if points.is_temporary(path)], (size, found.keys())
            run(["mount", "-o", "remount,size=64m", folder], base).ok()
            run(["sh", "-c", f"{harness.KPLAN} gen cluster.yaml && exec ninja"], folder).ok()
            if key:
                assert points.files(folder)["pki/ca-key.pem"] == key, size
            assert run(["ninja"], folder).no_work, size
        finally:
            # What held ninja's lock ends a moment after ninja.
            harness.wait_for("end of all that uses the disk", lambda: run(["umount", folder], base).code == 0)
    assert completed and full >= 5, (completed, full)
