"""What a lab has a name for outside its namespaces: the cgroups of its hosts, and its folder."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile


def folders():
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


def remove(folder):
    """Removes the cgroup FOLDER and those below, as far as they are empty, and says whether it is gone."""
    for path, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(path)
        except OSError:
            pass
    return not folder.exists()


@contextlib.contextmanager
def locked():
    """Keeps other labs from taking for a left-over what this one has made and not entered yet."""
    with contextlib.ExitStack() as stack:
        for parent in folders():
            descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _parent_of_labs():
    # Not Bazel's folder for a test: that is below root's home, where an ordinary user of a test cannot go.
    return pathlib.Path(os.environ.get("KPLAN_TEST_ROOT") or tempfile.gettempdir())


class LabFolder:
    """A lab's folder. It is locked as long as this process lives, so that whoever comes next knows a left-over."""

    def __init__(self):
        with locked():
            self.path = pathlib.Path(tempfile.mkdtemp(prefix="kplan-lab-", dir=_parent_of_labs()))
            self.path.chmod(0o755)
            self._lock = _lock(self.path)

    def remove(self):
        with locked():
            shutil.rmtree(self.path)
            os.close(self._lock)


def _lock(folder):
    """The descriptor that holds the lock of FOLDER, or None when another process does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def remove_orphans():
    """Removes what the kernel leaves behind of labs whose process was killed: empty cgroups, and a folder each."""
    with locked():
        parents = folders()
        orphans = {folder.name for parent in parents for folder in parent.glob("kplan-*")}
        for parent in parents:
            # cgroup2 counts processes of any pid namespace. A host that runs has empty cgroups too, for a moment.
            for events in parent.glob("kplan-*/cgroup.events"):
                if "populated 1" in events.read_text(encoding="ascii"):
                    orphans.discard(events.parent.name)
        for parent in parents:
            for name in orphans:
                remove(parent / name)
        for folder in _parent_of_labs().glob("kplan-lab-*"):
            if (descriptor := _lock(folder)) is not None:
                shutil.rmtree(folder)
                os.close(descriptor)
