"""A project folder that was copied without its times (`cp -r`): one run looks at everything once more, and plan says so."""

import json
import re
import shutil

import pytest

import harness

SPEC = """\
hosts:
  worker: {root: ./rootfs, service-manager: none}
ca: {CN: lab, key: {algo: ecdsa, size: 256}}
certs:
  web: {hosts: [web.example], key: {algo: ecdsa, size: 256}}
services:
  web:
    hosts: [worker]
    command: [/bin/web]
    files:
      /etc/web/colour: {content: "red\\n"}
      /etc/web/page: {from: page}
    certs: [{name: web, cert: /etc/web/web.pem, key: /etc/web/web-key.pem}]
"""

MINUTE = 60_000


@pytest.fixture(name="base")
def _base():
    base = harness.make_folder("copy")
    yield base
    shutil.rmtree(base, ignore_errors=True)


def made(base):
    folder = base / "project"
    folder.mkdir()
    project = harness.Project(folder, harness.Here(), harness.KPLAN)
    project.path("page").write_text("hello\n", encoding="ascii")
    project.spec = SPEC
    project.gen().ok()
    project.ninja().ok()
    assert project.ninja().ok().no_work
    return project


def age(project):
    """As if all runs had been a minute before."""
    for path in project.path(".kplan/journal").iterdir():
        lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        for fields in lines:
            fields[1] = str(int(fields[1]) - MINUTE)
        path.write_text("".join("\t".join(fields) + "\n" for fields in lines), encoding="utf-8")


def copied(base, project, names):
    """A copy of PROJECT's folder, NAMES first, then the rest."""
    folder = base / "copy"
    folder.mkdir()
    others = [path.name for path in project.folder.iterdir() if path.name not in names]
    for name in [*names, *others]:
        harness.Here().run(["cp", "-r", project.folder / name, folder / name]).ok()
    return harness.Project(folder, harness.Here(), harness.KPLAN)


@pytest.mark.parametrize("names", [[], [".kplan"], ["pki"], ["rootfs", "pki", "rendered"], ["build.ninja"]], ids=lambda it: "-".join(it) or "any")
def test_one_run_is_enough(base, names):
    project = made(base)
    age(project)
    copy = copied(base, project, names)
    before = harness.snapshot(copy.path("pki"), copy.path("rootfs"))
    ran = copy.run(copy.kplan, "plan", "--json")
    summary = json.loads(ran.out)["summary"]
    assert ran.code == 2 and summary["run"] == 0 and summary["fresh"] == 0, summary
    ran = copy.ninja().ok()
    assert f"this folder is a copy: {summary['check']} artifacts are looked at once more\n" in ran.out, ran.out
    assert re.findall(r"^\[\d+/(\d+)\] ", ran.out, re.MULTILINE)[-1] == str(summary["check"]), ran.out
    assert copy.ninja().ok().no_work
    assert harness.snapshot(copy.path("pki"), copy.path("rootfs")) == before, "all was right"


def test_a_copy_with_its_times_has_nothing_to_do(base):
    project = made(base)
    harness.Here().run(["cp", "-a", project.folder, base / "copy"]).ok()
    copy = harness.Project(base / "copy", harness.Here(), harness.KPLAN)
    assert copy.ninja().ok().no_work
    assert copy.run(copy.kplan, "plan").ok().out.startswith("nothing to do: ")
