"""Every bad cluster.yaml of bad_specs/ is refused with the text in the file beside it, and nothing is written.

To accept new texts after reading them: KPLAN=PATH python3 tests/bad_spec_test.py --update
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

FOLDER = pathlib.Path(__file__).parent / "bad_specs"
SPECS = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def refuse(name, command):
    """Runs kplan on the spec; (exit code, stdout, stderr, what it left in the output folder)."""
    with tempfile.TemporaryDirectory() as out:
        argv = {"gen": ["gen", "-C", out], "check": ["check"]}[command]
        ran = subprocess.run(
            [os.environ["KPLAN"], *argv, f"{name}.yaml"], cwd=FOLDER, capture_output=True, timeout=60, check=False
        )
        return ran.returncode, ran.stdout.decode(), ran.stderr.decode(), os.listdir(out)


# Codes that no cluster.yaml has, and why.
ELSEWHERE = {
    "cfssl-file": "of kplan import (import_cfssl_test.py)",
    "cfssl-mismatch": "of kplan import",
    "cfssl-left-out": "of kplan import",
    "cfssl-differs": "of kplan import",
    "internal": "kplan's own fault: none is known",
}


def pytest_generate_tests(metafunc):
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", SPECS)


def test_is_refused(name):
    code, out, err, left = refuse(name, "gen")
    assert err == (FOLDER / f"{name}.err").read_text(encoding="utf-8")
    assert code == 65
    assert out == ""
    assert left == []
    assert refuse(name, "check") == (65, "", err, []), "check says the same"


def said_of(name):
    """The codes in the text for a spec: of each error and warning one."""
    text = (FOLDER / f"{name}.err").read_text(encoding="utf-8")
    lines = re.findall(r"^\S+\.yaml:(?:\d+:\d+:)? (?:error|warning): .*$", text, re.MULTILINE)
    return [re.search(r" \[([a-z-]+)\]$", line).group(1) for line in lines]


def test_every_code_is_shown_by_a_spec():
    used = {code for name in SPECS for code in said_of(name)}
    there_is = re.findall(r"^## (.*)$", pathlib.Path("docs/errors.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert used | set(ELSEWHERE) == set(there_is)
    assert not used & set(ELSEWHERE)
    for code in used:
        ran = subprocess.run([os.environ["KPLAN"], "help", code], capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0 and f"{code} (the code of an error)\n" in ran.stdout, code


@pytest.mark.parametrize("spec, line, other", [
    ("yaml_duplicate_key", 10, {"line": 3, "column": 1, "message": "the first is here"}), ("key_unknown_at_top", 10, None)])
def test_json_has_the_code_and_the_other_place(spec, line, other):
    argv = [os.environ["KPLAN"], "check", "--json", f"{spec}.yaml"]
    ran = subprocess.run(argv, cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    found = json.loads(ran.stdout)["diagnostics"]
    assert [entry["code"] for entry in found] == said_of(spec)
    assert found[0]["line"] == line
    assert found[0].get("other") == other


def diagnosed(text, folder):
    """What kplan check says of TEXT beside the files of FOLDER, errors and warnings."""
    path = folder / "spec.yaml"
    path.write_bytes(text)
    argv = [os.environ["KPLAN"], "check", "--json", path.name]
    ran = subprocess.run(argv, cwd=folder, capture_output=True, timeout=60, check=False)
    return json.loads(ran.stdout)["diagnostics"]


def said(entry):
    return entry["severity"], entry["code"], entry["message"]


# A remedy that is one text and nothing else. What has a form or a choice in it ("write new, or existing") is none.
ONE_TEXT = re.compile(r'did you mean "[^"]+"\?|write [^\s`,;]+|kplan calls this "[^"]+"')
FORMS = {"write [user@]host[:port]", "write scheme://host/path"}


def test_remedies_help(name, tmp_path):
    """Each text that is proposed, written in its place, is accepted there, and nothing else is said than before."""
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.err"))
    text = (FOLDER / f"{name}.yaml").read_bytes()
    before = diagnosed(text, tmp_path)
    for entry in before:
        fix = entry.get("fix")
        if fix is None:
            # A key that is called otherwise may be there already, or hold something else.
            one = ONE_TEXT.fullmatch(entry["help"]) and entry["help"] not in FORMS and entry["code"] != "unknown-key"
            assert not one, f"a proposal that no program can follow: {entry}"
            continue
        spelt = re.findall(r'"([^"]+)"|([^\s"`;,]+)', entry["help"])
        assert entry["help"] in WITHOUT_TEXT or any(a and a in fix["text"] or b and b in fix["text"] for a, b in spelt), entry
        changed = text[: fix["begin"]] + fix["text"].encode() + text[fix["end"] :]
        after = [said(other) for other in diagnosed(changed, tmp_path)]
        expected = [said(other) for other in before if other is not entry]
        assert sorted(after) == sorted(expected), f"{fix} of {said(entry)}"


# Words that say the change without spelling it.
WITHOUT_TEXT = {"remove it", "write it without the 0", "write https://"}


if __name__ == "__main__" and sys.argv[1:] == ["--update"]:
    for spec in SPECS:
        (FOLDER / f"{spec}.err").write_text(refuse(spec, "gen")[2], encoding="utf-8")
