"""PKIs as cfssl makes them, and what becomes of them when kplan takes them over.

cfssl is Debian's golang-cfssl.
"""

import json
import pathlib
import shutil
import subprocess

import pytest

import harness

NEEDS_CFSSL = pytest.mark.skipif(shutil.which("cfssl") is None, reason="there is no cfssl (Debian package golang-cfssl)")

TUTORIAL_PROFILE = {"usages": ["signing", "key encipherment", "server auth", "client auth"], "expiry": "8760h"}
EC = {"algo": "ecdsa", "size": 256}
RSA = {"algo": "rsa", "size": 2048}


def where(organization, unit="Kubernetes The Hard Way"):
    return [{"C": "US", "L": "Portland", "O": organization, "OU": unit, "ST": "Oregon"}]


class Cfssl:
    """A folder in which somebody used cfssl and cfssljson as the tutorial does."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def write(self, name, content):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2), encoding="utf-8")
        return path

    def config(self, default=None, **profiles):
        self.write("ca-config.json", {"signing": {"default": default or {"expiry": "8760h"}, "profiles": profiles}})

    def run(self, name, *arguments):
        made = subprocess.run(
            ["cfssl", "gencert", "-loglevel=3", *arguments], cwd=self.folder, capture_output=True, text=True, timeout=120, check=False)
        assert made.returncode == 0, made.stderr
        subprocess.run(["cfssljson", "-bare", name], cwd=self.folder, input=made.stdout, text=True, timeout=60, check=True)

    def ca(self, name="ca", **request):
        self.write(f"{name}-csr.json", {"CN": "Kubernetes", "key": EC, "names": where("Kubernetes", "CA")} | request)
        self.run(name, "-initca", f"{name}-csr.json")

    def sign(self, name, *arguments, ca="ca", profile="kubernetes", hostname="", **request):
        self.write(f"{name}-csr.json", {"CN": name, "key": EC, "names": where("Kubernetes")} | request)
        self.run(name, f"-ca={ca}.pem", f"-ca-key={ca}-key.pem", "-config=ca-config.json", f"-profile={profile}",
                 *([f"-hostname={hostname}"] if hostname else []), *arguments, f"{name}-csr.json")


class Import:
    """An import from a copy of SOURCE to a folder of its own."""

    def __init__(self, tmp_path, source=None):
        self.cfssl = Cfssl(tmp_path / "cfssl")
        if source is not None:
            shutil.copytree(source.folder, self.cfssl.folder, dirs_exist_ok=True)
        self.source = self.cfssl.folder
        self.target = tmp_path / "target"
        self.project = harness.Project(self.target, harness.Here(), harness.KPLAN)

    def run(self, *paths, options=()):
        return harness.Here().run(
            [harness.KPLAN, "import", "cfssl", "-C", self.target, *options, *(paths or [self.source])], cwd=self.source.parent)

    def ok(self, *paths, options=()):
        before = harness.snapshot(self.source)
        ran = self.run(*paths, options=options).ok()
        assert harness.changes(before, harness.snapshot(self.source)) == {}, "the originals were touched"
        assert sorted(p.name for p in self.target.iterdir()) == ["cluster.yaml", "pki"], "something was left behind"
        return ran

    def refused(self, *said, code=65):
        """An import that is refused for the reasons SAID, and writes nothing."""
        before = harness.snapshot(self.source)
        ran = self.run()
        assert ran.code == code, f"{ran.code}\n{ran.err}"
        for line in said:
            assert line in ran.err, f"{line!r} is not in\n{ran.err}"
        assert "nothing was written" in ran.err
        assert harness.changes(before, harness.snapshot(self.source)) == {}
        assert not self.target.exists()
        return ran

    @property
    def yaml(self):
        return (self.target / "cluster.yaml").read_text(encoding="utf-8")

    def files(self):
        return {path: entry for path, entry in harness.snapshot(self.target / "pki").items() if "." in pathlib.Path(path).name}

    def pems(self):
        return {path: entry for path, entry in self.files().items() if path.endswith(".pem")}

    def reissues_nothing(self):
        """gen and ninja keep every key, certificate and request, untouched, and the second time there is nothing to do."""
        before = self.files()
        assert before
        for name, entry in before.items():
            original = self.source / pathlib.Path(name).name
            if original.exists():  # a request may have come from a file of another name
                assert entry.sha256 == harness.sha256(original), name
            assert entry.mode & 0o777 == (0o600 if name.endswith("-key.pem") else 0o644), name
        self.project.gen().ok()
        ran = self.project.ninja("pki").ok()
        after = {path: entry for path, entry in self.files().items() if path in before}  # chains are new
        assert harness.changes(before, after) == {}, ran.out
        assert self.project.ninja("pki").no_work
        return ran


def openssl(*arguments):
    ran = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
