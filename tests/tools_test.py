"""The scripts of tools/, each with the programs it would call replaced where they would change this machine."""

import json
import os
import pathlib
import shutil
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
def fixture_apt(tmp_path, monkeypatch):
    """A folder of stubs: a system without any package, and an apt-get that only writes down what it was asked for.
    What comes from npm is there."""
    (tmp_path / "npm-packages/node_modules").mkdir(parents=True)
    monkeypatch.setenv("KPLAN_NPM", str(tmp_path / "npm-packages"))
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


@pytest.fixture(name="npm")
def fixture_npm(apt, monkeypatch):
    """The same with all Debian packages there and none of npm's; `npm ci` unpacks one that the lock file has."""
    stub(apt, "dpkg-query", 'for name; do [[ $name == -* ]] || echo "$name installed"; done\n')
    stub(apt, "npm", f'echo "$@" >>{apt}/npm-calls\ngrep -q "node_modules/ajv" package-lock.json && mkdir -p node_modules/ajv\n')
    monkeypatch.setenv("KPLAN_NPM", str(apt / "cache/npm-1"))
    return apt


def test_install_deps_installs_from_npm_once(npm):
    assert run("install-deps", "build", path=npm).returncode == 0
    assert not (npm / "cache").exists(), "only the tests need them"
    for _ in range(2):
        assert run("install-deps", "test", path=npm).returncode == 0
    assert os.listdir(npm / "cache") == ["npm-1"]
    assert (npm / "cache/npm-1/node_modules/ajv").is_dir()
    (call,) = (npm / "npm-calls").read_text().splitlines()
    assert call.startswith("ci --ignore-scripts")


def test_install_deps_leaves_nothing_when_npm_fails(npm):
    stub(npm, "npm", "mkdir node_modules; exit 1\n")
    assert run("install-deps", "test", path=npm).returncode != 0
    assert os.listdir(npm / "cache") == []


def test_install_deps_takes_debians_npm_only_without_another(npm, monkeypatch):
    stub(npm, "dpkg-query", "exit 1\n")
    assert run("install-deps", "test", path=npm).returncode == 0
    assert " npm " not in f"{calls(npm)[0]} "
    (npm / "npm").unlink()
    for name in ("bash", "cat", "chmod", "cp", "cut", "dirname", "env", "getent", "id", "mkdir", "mktemp", "mv", "realpath", "rm", "sha256sum"):
        (npm / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(npm))
    run("install-deps", "test")
    assert calls(npm)[-1].endswith(" npm")


def test_npm_folder_changes_with_the_lock_file(tmp_path, monkeypatch):
    for name in ("KPLAN_NPM", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tests/npm").mkdir(parents=True)
    shutil.copy(TOOLS / "npm-folder", tmp_path / "tools")
    lock = tmp_path / "tests/npm/package-lock.json"

    def folder(**environment):
        ran = subprocess.run([tmp_path / "tools/npm-folder"], env=dict(os.environ, **environment), capture_output=True, text=True, check=True)
        return ran.stdout.strip()

    lock.write_text("1")
    first = folder(HOME="/home/a")
    assert first.startswith("/home/a/.cache/kplan/npm-")
    assert folder(XDG_CACHE_HOME="/cache") == first.replace("/home/a/.cache", "/cache")
    assert folder(KPLAN_NPM="/npm") == "/npm"
    lock.write_text("2")
    assert folder(HOME="/home/a") != first


# What is in the tests' lock file comes from wherever npm is told to look.
def test_npm_lock_names_no_registry():
    npm = TOOLS.parent / "tests/npm"
    lock = json.loads((npm / "package-lock.json").read_text())
    wanted = json.loads((npm / "package.json").read_text())["dependencies"]
    assert lock["packages"][""]["dependencies"] == wanted
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name
    for name, version in wanted.items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version


@pytest.mark.parametrize("tool, args", [
    ("install-deps", ["rubbish"]), ("fetch-debian", ["folder", "program"]), ("fetch-etcd", []), ("pack-etcd", ["one"]), ("install", []), ("install", [""]), ("man", []),
    ("test", ["--fast=1"]), ("test", ["--fast", "--test_tag_filters=-x"]), ("format", ["src"]), ("format", ["--check", "src"])])
def test_wrong_usage(tool, args):
    ran = run(tool, *args)
    assert ran.returncode == 64
    assert "usage: " in ran.stderr


@pytest.fixture(name="bazel")
def fixture_bazel(apt):
    """All packages are there, and bazel writes down what it was asked for."""
    stub(apt, "dpkg-query", 'for name; do [[ $name == -* ]] || echo "$name installed"; done\n')
    stub(apt, "bazel", f'printf "%s\\n" "$@" >{apt}/calls\n')
    return apt


def test_test_runs_all(bazel):
    ran = run("test", "--config=x", "--test_arg", "a b", path=bazel)
    assert ran.returncode == 1 and "0 passed" in ran.stdout, "no test ran"
    asked = calls(bazel)
    assert asked[0] == "test" and asked[-4:] == ["--config=x", "--test_arg", "a b", "//..."]
    assert not [option for option in asked if "tag" in option]


def test_test_fast_leaves_out_by_tags(bazel):
    run("test", "--jobs=2", "--fast", path=bazel)
    asked = calls(bazel)
    assert "--test_tag_filters=-hosts,-sweep,-slow" in asked and "--build_tests_only" in asked
    assert "--fast" not in asked and asked[-2:] == ["--jobs=2", "//..."]


def test_test_tells_its_options(bazel):
    ran = run("test", "--help", path=bazel)
    assert ran.returncode == 0 and ran.stdout.startswith("usage: tools/test [--fast]") and "--fast: " in ran.stdout
    assert calls(bazel) == []


@pytest.fixture(name="sources")
def fixture_sources(tmp_path):
    """A tree with tools/format and three files, of which two are not formatted."""
    for name, text in {"src/good.cc": "int a;\n", "src/a/bad.h": "int  a;\n", "tests/b/bad.cc": "int b  ;\n"}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / ".clang-format").write_text("BasedOnStyle: Google\n")
    (tmp_path / "tools").mkdir()
    shutil.copy(TOOLS / "format", tmp_path / "tools")
    return tmp_path


def format_sources(sources, *args):
    return subprocess.run([sources / "tools/format", *args], capture_output=True, text=True, check=False)


def test_format_names_what_differs_and_mends_it(sources):
    ran = format_sources(sources, "--check")
    assert (ran.returncode, ran.stdout) == (1, "not formatted:\nsrc/a/bad.h\ntests/b/bad.cc\nto mend it: tools/format\n")
    assert (sources / "src/a/bad.h").read_text() == "int  a;\n", "a check changes nothing"
    assert format_sources(sources).returncode == 0
    assert (sources / "src/a/bad.h").read_text() == "int a;\n"
    ran = format_sources(sources, "--check")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_format_does_not_pass_when_it_checked_nothing(sources):
    (sources / ".clang-format").write_text("nonsense: [\n")
    ran = format_sources(sources, "--check")
    assert ran.returncode == 1 and "clang-format" in ran.stderr
    shutil.rmtree(sources / "src")
    shutil.rmtree(sources / "tests")
    (sources / "src").mkdir()
    (sources / "tests").mkdir()
    ran = format_sources(sources, "--check")
    assert ran.returncode == 1 and "no C++" in ran.stderr


INSTALLED = {
    "bin/kplan": 0o755,
    "share/man/man1/kplan.1": 0o644,
    "share/bash-completion/completions/kplan": 0o644,
    "share/zsh/site-functions/_kplan": 0o644,
    "share/fish/vendor_completions.d/kplan.fish": 0o644,
}


def installed(prefix):
    """Path to (mode, inode) of every file below."""
    return {str(path.relative_to(prefix)): (path.stat().st_mode & 0o7777, path.stat().st_ino)
            for path in prefix.rglob("*") if path.is_file()}


def test_install_puts_everything_where_it_belongs(tmp_path):
    built = tmp_path / "built"
    built.mkdir()
    (built / "kplan").write_text("the binary")
    (built / "kplan.1").write_text("the page")
    stub(tmp_path, "bazel", f'[[ $1 != info ]] || echo {built}\n')
    prefix = tmp_path / "usr"
    ran = run("install", prefix, path=tmp_path)
    assert ran.returncode == 0, ran.stderr
    first = installed(prefix)
    assert {path: mode for path, (mode, _) in first.items()} == INSTALLED
    assert (prefix / "bin/kplan").read_text() == "the binary"
    assert ran.stdout == "".join(f"installed {prefix}/{path}\n" for path in INSTALLED)
    # What is equal is left alone, what is not is replaced whole.
    (built / "kplan").write_text("another")
    ran = run("install", prefix, path=tmp_path)
    assert ran.stdout == f"installed {prefix}/bin/kplan\n"
    second = installed(prefix)
    assert {path for path in INSTALLED if first[path] != second[path]} == {"bin/kplan"}


def test_the_man_page_is_clean(tmp_path):
    page = run("man", pathlib.Path("docs/commands.md").resolve()).stdout
    (tmp_path / "kplan.1").write_text(page)
    lint = subprocess.run(["mandoc", "-Tlint", "-W", "warning", "kplan.1"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", "")
    groff = subprocess.run(["groff", "-ww", "-man", "-Kutf8", "-Tutf8", "kplan.1"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (groff.returncode, groff.stderr) == (0, "")
    for said in ("NAME\n", "SYNOPSIS\n", "kplan gen [-C DIR]", "EXIT CODES\n", "build.ninja"):
        assert said in page
    assert "](" not in page and "|---" not in page, "links and tables are no Markdown any more"


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
