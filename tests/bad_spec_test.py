"""Every bad cluster.yaml of bad_specs/ is refused with the text in the file beside it, and nothing is written.

To accept new texts after reading them: KPLAN=PATH tests/bad_spec_test.py --update
"""

import os
import pathlib
import subprocess
import sys
import tempfile

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


def pytest_generate_tests(metafunc):
    metafunc.parametrize("name", SPECS)


def test_is_refused(name):
    code, out, err, left = refuse(name, "gen")
    assert err == (FOLDER / f"{name}.err").read_text(encoding="utf-8")
    assert code == 65
    assert out == ""
    assert left == []
    assert refuse(name, "check") == (65, "", err, []), "check says the same"


if __name__ == "__main__" and sys.argv[1:] == ["--update"]:
    for spec in SPECS:
        (FOLDER / f"{spec}.err").write_text(refuse(spec, "gen")[2], encoding="utf-8")
