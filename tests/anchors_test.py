"""Where kplan begins to write is no link that somebody else can have made: a host's root, DIR of -C, .kplan, pki."""

import os
import shutil

import pytest

import harness

SPEC = """\
hosts:
  worker: {root: image, service-manager: none}
ca: {CN: ca, key: {algo: ecdsa, size: 256}}
certs: {leaf: {CN: leaf, key: {algo: ecdsa, size: 256}, hosts: [127.0.0.1]}}
services:
  greet:
    command: [/bin/true]
    files: {/etc/motd: {content: "hello\\n"}}
"""
SOMEBODY = 1234

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give links away")
run = harness.Here().run


@pytest.fixture(name="base")
def fixture_base():
    base = harness.make_folder("anchors")
    (base / "victim").mkdir()
    (base / "work").mkdir()
    (base / "work/cluster.yaml").write_text(SPEC, encoding="utf-8")
    yield base
    shutil.rmtree(base)


def link(path, target, owner):
    path.symlink_to(target)
    os.lchown(path, owner, owner)


def gen(folder, *options):
    return run([harness.KPLAN, "gen", *options, "cluster.yaml"], folder)


def test_a_root_of_another_is_refused_where_it_stands(base):
    link(base / "work/image", base / "victim", SOMEBODY)
    ran = gen(base / "work")
    assert ran.code == 65
    assert "cluster.yaml:2:18: error: the root of worker cannot be used: image is a symbolic link to " in ran.err
    assert f"and belongs to user {SOMEBODY}" in ran.err and "give the folder itself" in ran.err and "[bad-path]" in ran.err
    assert not (base / "work/build.ninja").exists()


def test_a_root_that_becomes_a_link_behind_gen_is_refused_by_the_step(base):
    folder = base / "work"
    gen(folder).ok()
    run(["ninja", "pki"], folder).ok()
    step = next(line for line in run(["ninja", "-t", "commands"], folder).ok().out.splitlines() if " file/worker/" in line)
    link(folder / "image", base / "victim", SOMEBODY)
    for target in run(["ninja", "-t", "commands"], folder).ok().out.splitlines():
        if " source/" in target or " render/" in target or " text/" in target:
            run(target.split(), folder).ok()
    ran = run(step.split(), folder)
    assert ran.code == 1 and "image is a symbolic link to " in ran.err, ran
    assert run(["ninja"], folder).code != 0
    assert not list((base / "victim").iterdir())


def test_a_root_of_ones_own_is_followed(base):
    folder = base / "work"
    link(folder / "image", base / "victim", 0)
    gen(folder).ok()
    run(["ninja"], folder).ok()
    assert (base / "victim/etc/motd").read_text(encoding="utf-8") == "hello\n"
    assert run(["ninja"], folder).no_work


@pytest.mark.parametrize("name", [".kplan", "pki"])
def test_a_folder_of_the_plan_that_is_a_link_of_another(base, name):
    folder = base / "work"
    link(folder / name, base / "victim", SOMEBODY)
    ran = gen(folder)
    ran = run(["ninja"], folder) if ran.code == 0 else ran
    assert ran.code != 0
    assert f"{name} is a symbolic link to " in ran.out + ran.err
    assert not list((base / "victim").iterdir())
    (folder / name).unlink()
    link(folder / name, base / "victim", 0)
    gen(folder).ok()
    run(["ninja"], folder).ok()
    assert list((base / "victim").iterdir())


def test_the_folder_of_c_that_lies_where_others_may_write(base):
    (base / "open").mkdir()
    (base / "open").chmod(0o1777)
    link(base / "open/work", base / "victim", 0)
    for command in (["gen", "-C", base / "open/work", base / "work/cluster.yaml"], ["plan", "-C", base / "open/work", base / "work/cluster.yaml"]):
        ran = run([harness.KPLAN, *command], base)
        assert ran.code == 1
        assert "lies in a folder that others may write to (mode 1777)" in ran.err
    assert not list((base / "victim").iterdir())
