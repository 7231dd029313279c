"""The disks of a host: tmpfs of limited sizes, which outlive its power cuts and can be filled."""

import errno
import os

from . import files


class Disks:
    """A host's files, as an overlay over this machine's, and volumes for some of its folders, all below FOLDER.

    Each is a tmpfs with room beside what the host sees of it, for what fills it.
    """

    def __init__(self, admin, folder, volumes):
        self._admin = admin
        self._folder = folder
        self._volumes = {path: f"volume{index}" for index, path in enumerate(volumes)}

    @property
    def root(self):
        return self._seen_from_here("root")

    @property
    def nspawn_options(self):
        return [f"--bind={self._folder}/{volume}/content:{path}" for path, volume in self._volumes.items()]

    def _seen_from_here(self, name):
        return self._admin.root / str(self._folder / name).lstrip("/")

    def _mount_tmpfs(self, name, size):
        (self._folder / name).mkdir()
        self._admin.run(
            ["mount", "-t", "tmpfs", "-o", f"mode=0755,size={size}", "tmpfs", self._folder / name], check=True)

    def make(self, size):
        self._mount_tmpfs("disk", size)
        (self._folder / "root").mkdir()
        for part in ("upper", "work"):
            self._seen_from_here(f"disk/{part}").mkdir()
        files.lay_under(self._seen_from_here("disk/upper"))
        disk = self._folder / "disk"
        self._admin.run(
            ["mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={disk}/upper,workdir={disk}/work",
             self._folder / "root"], check=True)

    def make_volume(self, path, size):
        self._mount_tmpfs(self._volumes[path], size)
        self._seen_from_here(f"{self._volumes[path]}/content").mkdir(mode=0o755)

    def _filler(self, path):
        """The file that fills the disk or volume that PATH is on, unseen by the host."""
        path = os.path.normpath(path)
        while path not in self._volumes and path != "/":
            path = os.path.dirname(path)
        return self._seen_from_here(self._volumes.get(path, "disk")) / "filler"

    def fill(self, path, leave):
        with open(self._filler(path), "ab", buffering=0) as file:
            piece = 1 << 40
            while piece and (free := _free(file) - leave) > 0:
                piece = min(piece, free)
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, piece)
                except OSError as error:
                    # Somebody else was faster, or the file system needs some itself to keep account of it.
                    if error.errno != errno.ENOSPC:
                        raise
                    piece //= 2

    def free(self, path):
        self._filler(path).unlink(missing_ok=True)


def _free(file):
    info = os.fstatvfs(file.fileno())
    return info.f_bavail * info.f_frsize
