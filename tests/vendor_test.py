"""tools/vendor, with a stub for npm: what it takes from a package, and that it refuses what is not the package."""

import base64
import hashlib
import io
import json
import os
import pathlib
import subprocess
import tarfile

import pytest

VENDOR = pathlib.Path("tools/vendor").resolve()
DAGRE = pathlib.Path("third_party/dagre").resolve()

FILES = {"LICENSE": b"do as you like\n", "dist/lib.min.js": b"var lib;\n"}


def digest(algorithm, content):
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def run(*args, path=None):
    environment = dict(os.environ, PATH=f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"])
    return subprocess.run([VENDOR, *args], env=environment, capture_output=True, text=True, check=False)


def pack(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in {**files, "dist/other.js": b"not wanted\n"}.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    """A folder of third_party with a package.json alone, and an npm that packs FILES, whatever it is asked for."""
    packed = pack(FILES)
    (tmp_path / "lib-1.2.3.tgz").write_bytes(packed)
    npm = tmp_path / "npm"
    npm.write_text(f'#!/bin/bash\necho "$@" >>{tmp_path}/calls\ncp {tmp_path}/lib-1.2.3.tgz .\necho lib-1.2.3.tgz\n')
    npm.chmod(0o755)
    folder = tmp_path / "third_party/lib"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({
        "dependencies": {"lib": "1.2.3"},
        "vendored": {
            "integrity": digest("sha512", packed),
            "files": {name: digest("sha256", content) for name, content in FILES.items()},
        },
    }))
    return folder


def test_takes_the_files_that_are_named(folder, tmp_path):
    ran = run(folder, path=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "calls").read_text().split()[-1] == "lib@1.2.3"
    assert sorted(os.listdir(folder)) == ["LICENSE", "lib.min.js", "package.json"]
    assert (folder / "lib.min.js").read_bytes() == FILES["dist/lib.min.js"]
    assert run("--check", folder).returncode == 0


def test_refuses_another_package(folder, tmp_path):
    (tmp_path / "lib-1.2.3.tgz").write_bytes(pack({**FILES, "LICENSE": b"pay\n"}))
    ran = run(folder, path=tmp_path)
    assert ran.returncode == 1 and "should be sha512-" in ran.stderr
    assert os.listdir(folder) == ["package.json"]


def test_refuses_another_file(folder, tmp_path):
    manifest = json.loads((folder / "package.json").read_text())
    manifest["vendored"]["files"]["LICENSE"] = digest("sha256", b"")
    (folder / "package.json").write_text(json.dumps(manifest))
    ran = run(folder, path=tmp_path)
    assert ran.returncode == 1 and "LICENSE" in ran.stderr
    assert os.listdir(folder) == ["package.json"]


def test_says_that_npm_failed(folder, tmp_path):
    (tmp_path / "npm").write_text("#!/bin/bash\nexit 1\n")
    ran = run(folder, path=tmp_path)
    assert ran.returncode == 1 and "npm could not fetch lib@1.2.3" in ran.stderr


@pytest.mark.parametrize("change", ["edited", "missing"])
def test_check_sees_what_was_changed(folder, tmp_path, change):
    assert run(folder, path=tmp_path).returncode == 0
    if change == "edited":
        (folder / "lib.min.js").write_bytes(b"var other;\n")
    else:
        (folder / "lib.min.js").unlink()
    ran = run("--check", folder)
    assert ran.returncode == 1 and "lib.min.js" in ran.stderr


def test_wrong_usage():
    ran = run("--chekc")
    assert ran.returncode == 64 and "usage: " in ran.stderr


def test_dagre_is_what_its_package_json_says():
    ran = run("--check", DAGRE)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "MIT" in (DAGRE / "package.json").read_text()
    assert "Permission is hereby granted, free of charge" in (DAGRE / "LICENSE").read_text()
