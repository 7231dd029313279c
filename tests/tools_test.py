"""The scripts of tools/, each with the programs it would call replaced where they would change this machine."""

import os
import pathlib
import subprocess
import tarfile

import pytest

TOOLS = pathlib.Path("tools").resolve()


def stub(folder, name, script):
    path = folder / name
    path.write_text("#!/bin/bash\n" + script)
    path.chmod(0o755)


def run(tool, *args, path=None, cwd=None):
    environment = dict(os.environ, PATH=f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"])
    return subprocess.run([TOOLS / tool, *args], env=environment, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(name="apt")
def fixture_apt(tmp_path):
    """A folder of stubs: a system without any package, and an apt-get that only writes down what it was asked for."""
    stub(tmp_path, "dpkg-query", "exit 1\n")
    stub(tmp_path, "apt-get", f'echo "$@" >>{tmp_path}/calls\n')
    stub(tmp_path, "sudo", 'exec "$@"\n')
    return tmp_path


def calls(folder):
    path = folder / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_install_deps_installs_what_is_missing(apt):
    assert run("install-deps", "test", path=apt).returncode == 0
    (call,) = calls(apt)
    assert " install --no-install-recommends " in call
    packages = set(call.split(" --no-install-recommends ")[1].split())
    assert {"bazel-bootstrap", "ninja-build", "python3-pytest", "systemd-container"} <= packages
    # Installed, it would start an etcd.
    assert not packages & {"etcd", "etcd-server", "etcd-client"}


def test_install_deps_leaves_alone_what_is_there(apt):
    stub(apt, "dpkg-query", 'for name; do [[ $name == -* ]] || echo "$name installed"; done\n')
    ran = run("install-deps", "test", path=apt)
    assert (ran.returncode, ran.stdout, ran.stderr, calls(apt)) == (0, "", "", [])


def test_install_deps_installs_only_the_missing_one(apt):
    stub(apt, "dpkg-query", 'for name; do [[ $name == -* || $name == curl ]] || echo "$name installed"; done; exit 1\n')
    assert run("install-deps", path=apt).returncode == 0
    (call,) = calls(apt)
    assert call.endswith("install --no-install-recommends curl")


def test_install_deps_takes_a_removed_package_for_missing(apt):
    stub(apt, "dpkg-query", 'for name; do [[ $name == -* ]] && continue; [[ $name == curl ]] && echo "$name config-files" || echo "$name installed"; done\n')
    assert run("install-deps", path=apt).returncode == 0
    assert calls(apt)[0].endswith(" curl")


def test_install_deps_updates_old_lists_once(apt):
    stub(apt, "apt-get", f'echo "$@" >>{apt}/calls; [[ $* == *update* || $(wc -l <{apt}/calls) -gt 2 ]]\n')
    assert run("install-deps", path=apt).returncode == 0
    assert [("update" in call) for call in calls(apt)] == [False, True, False]


def test_install_deps_fails_when_apt_does(apt):
    stub(apt, "apt-get", "exit 100\n")
    assert run("install-deps", path=apt).returncode != 0


@pytest.mark.parametrize("tool, args", [
    ("install-deps", ["rubbish"]), ("fetch-etcd", []), ("pack-etcd", ["one"]), ("install", []), ("install", [""])])
def test_wrong_usage(tool, args):
    ran = run(tool, *args)
    assert ran.returncode == 64
    assert "usage: " in ran.stderr


@pytest.fixture(name="etcd")
def fixture_etcd(tmp_path):
    """What fetch-etcd leaves, with scripts for programs."""
    folder = tmp_path / "etcd"
    (folder / "usr/bin").mkdir(parents=True)
    for name in ("etcd", "etcdctl"):
        stub(folder / "usr/bin", name, "echo 'etcd Version: 9.8.7'\necho 'Git SHA: x'\n")
    return folder


def test_fetch_etcd_leaves_alone_what_is_there(etcd, tmp_path):
    stub(tmp_path, "apt-get", "exit 1\n")
    before = sorted(os.listdir(tmp_path))
    assert run("fetch-etcd", etcd, path=tmp_path).returncode == 0
    assert sorted(os.listdir(tmp_path)) == before


def test_fetch_etcd_refuses_a_folder_of_others(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("precious")
    ran = run("fetch-etcd", tmp_path / "mine")
    assert ran.returncode == 1 and "remove it first" in ran.stderr
    assert (tmp_path / "mine/file").read_text() == "precious"


def test_fetch_etcd_leaves_nothing_when_apt_fails(tmp_path):
    stub(tmp_path, "apt-get", "echo no network >&2; exit 100\n")
    before = sorted(os.listdir(tmp_path))
    ran = run("fetch-etcd", tmp_path / "etcd", path=tmp_path)
    assert ran.returncode == 1 and "no network" in ran.stderr
    assert sorted(os.listdir(tmp_path)) == before


def test_pack_etcd_packs_like_a_release_and_the_same_twice(etcd, tmp_path):
    packed = []
    for name in ("a", "b"):
        for program in ("etcd", "etcdctl"):
            os.utime(etcd / "usr/bin" / program)
        ran = run("pack-etcd", etcd, tmp_path / name)
        assert ran.returncode == 0, ran.stderr
        packed.append(pathlib.Path(ran.stdout.strip()))
    arch = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    top = f"etcd-v9.8.7-linux-{arch}"
    assert [path.name for path in packed] == [f"{top}.tar.gz"] * 2
    assert packed[0].read_bytes() == packed[1].read_bytes()
    assert os.listdir(tmp_path / "a") == [f"{top}.tar.gz"]
    with tarfile.open(packed[0]) as archive:
        assert [(member.name, oct(member.mode), member.uid, member.mtime) for member in archive] == [
            (top, "0o755", 0, 0), (f"{top}/etcd", "0o755", 0, 0), (f"{top}/etcdctl", "0o755", 0, 0)]
    before = packed[0].stat()
    assert run("pack-etcd", etcd, tmp_path / "a").stdout.strip() == str(packed[0])
    assert packed[0].stat().st_mtime_ns == before.st_mtime_ns


def test_scripts_are_clean():
    scripts = [path for folder in ("tools", "tests", "rules") for path in sorted(pathlib.Path(folder).iterdir())
               if path.is_file() and path.read_bytes().startswith(b"#!/bin/bash")]
    assert len(scripts) >= 8, scripts
    ran = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    for script in scripts:
        assert "\nset -euo pipefail\n" in script.read_text(encoding="utf-8"), script
