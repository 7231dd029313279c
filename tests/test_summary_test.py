"""tools/test_summary.py: what it counts, and when it is red."""

import json
import subprocess

import pytest

GTEST = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="4" failures="1" disabled="1" errors="0" name="AllTests">
  <testsuite name="Files" tests="4">
    <testcase name="Writes" status="run" result="completed" classname="Files" />
    <testcase name="AsRoot" status="run" result="skipped" classname="Files">
      <skipped message="src/base/files_test.cc:7&#x0A;needs root&#x0A;" />
    </testcase>
    <testcase name="Breaks" status="run" result="completed" classname="Files">
      <failure message="src/base/files_test.cc:9&#x0A;Expected: true" type=""></failure>
    </testcase>
    <testcase name="DISABLED_Old" status="notrun" result="suppressed" classname="Files" />
  </testsuite>
</testsuites>"""

PYTEST = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="1" failures="0" skipped="1" tests="3">
  <testcase classname="a_test" name="test_one" time="0.1" />
  <testcase classname="a_test" name="test_two" time="0"><skipped type="pytest.skip" message="there is no etcd">a.py:3</skipped></testcase>
  <testcase classname="a_test" name="test_three" time="0"><error message="failed on setup">no</error></testcase>
</testsuite></testsuites>"""


def configured(label):
    return {"id": {"targetConfigured": {"label": label}}, "configured": {"targetKind": "cc_test rule", "testSize": "SMALL"}}


def result(label, status, xml=None, **ident):
    outputs = [{"name": "test.log", "uri": "file:///dev/null"}]
    if xml:
        outputs.append({"name": "test.xml", "uri": f"file://{xml}"})
    return {"id": {"testResult": {"label": label, **ident}}, "testResult": {"status": status, "testActionOutput": outputs}}


@pytest.fixture(name="summary")
def fixture_summary(tmp_path):
    def run(events, bazel_exit=0):
        path = tmp_path / "events"
        path.write_text("\n".join(json.dumps(event) for event in events))
        ran = subprocess.run(
            ["/usr/bin/python3", "tools/test_summary.py", f"--bazel-exit={bazel_exit}", path],
            capture_output=True, text=True, check=False)
        assert not ran.stderr
        return ran.returncode, ran.stdout.splitlines()
    return run


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def test_counts_cases_and_names_reasons(summary, tmp_path):
    code, lines = summary([
        configured("//a"), configured("//b"),
        result("//a", "FAILED", write(tmp_path, "a.xml", GTEST)),
        result("//b", "FAILED", write(tmp_path, "b.xml", PYTEST)),
    ], 3)
    assert code == 1
    assert lines == [
        "skipped: //a Files.AsRoot: src/base/files_test.cc:7; needs root",
        "skipped: //a Files.DISABLED_Old: disabled",
        "skipped: //b a_test.test_two: there is no etcd",
        "failed: //a Files.Breaks: src/base/files_test.cc:9; Expected: true",
        "failed: //b a_test.test_three: failed on setup",
        "2 passed, 2 failed, 3 skipped",
    ]


def test_green(summary, tmp_path):
    xml = write(tmp_path, "a b.xml", "<testsuites><testsuite><testcase name='x'/></testsuite></testsuites>")
    assert summary([configured("//a"), result("//a", "PASSED", str(xml).replace(" ", "%20"))]) == (
        0, ["1 passed, 0 failed, 0 skipped"])


def test_a_crash_without_xml_is_one_failure(summary):
    code, lines = summary([configured("//a"), result("//a", "FAILED")], 3)
    assert (code, lines[-1]) == (1, "0 passed, 1 failed, 0 skipped")


def test_a_crash_after_the_xml_is_one_failure(summary, tmp_path):
    xml = write(tmp_path, "a.xml", "<testsuites><testsuite><testcase name='x'/></testsuite></testsuites>")
    code, lines = summary([configured("//a"), result("//a", "FAILED", xml)], 3)
    assert (code, lines[-1]) == (1, "1 passed, 1 failed, 0 skipped")


def test_torn_xml_is_a_failure(summary, tmp_path):
    code, lines = summary([configured("//a"), result("//a", "TIMEOUT", write(tmp_path, "a.xml", "<testsuites><tes"))], 3)
    assert (code, lines[-1]) == (1, "0 passed, 1 failed, 0 skipped")
    assert "TIMEOUT" in lines[0]


def test_a_target_that_did_not_build_is_one_failure(summary, tmp_path):
    xml = write(tmp_path, "a.xml", "<testsuites><testsuite><testcase name='x'/></testsuite></testsuites>")
    code, lines = summary([configured("//a"), configured("//b"), result("//a", "PASSED", xml)], 1)
    assert code == 1
    assert lines[-2:] == ["failed: //b: it did not build, or was not run", "1 passed, 1 failed, 0 skipped"]


def test_a_program_that_did_not_build_is_red(summary, tmp_path):
    xml = write(tmp_path, "a.xml", "<testsuites><testsuite><testcase name='x'/></testsuite></testsuites>")
    code, lines = summary([configured("//a"), result("//a", "PASSED", xml)], 1)
    assert code == 1
    assert lines == ["failed: bazel test ended with 1", "1 passed, 1 failed, 0 skipped"]


@pytest.mark.parametrize("bazel_exit", [0, 2, 4])
def test_no_test_is_red(summary, bazel_exit):
    code, lines = summary([], bazel_exit)
    assert code == 1
    assert "failed: no test ran" in lines


def test_only_skipped_is_red(summary, tmp_path):
    xml = write(tmp_path, "a.xml", "<testsuites><testsuite><testcase name='x'><skipped/></testcase></testsuite></testsuites>")
    code, lines = summary([configured("//a"), result("//a", "PASSED", xml)])
    assert (code, lines) == (1, ["skipped: //a x: no reason given", "0 passed, 0 failed, 1 skipped"])


def test_the_last_attempt_of_a_shard_counts(summary, tmp_path):
    xml = write(tmp_path, "a.xml", "<testsuites><testsuite><testcase name='x'/></testsuite></testsuites>")
    code, lines = summary([
        configured("//a"),
        result("//a", "FAILED", attempt=1, shard=1), result("//a", "PASSED", xml, attempt=2, shard=1),
        result("//a", "PASSED", xml, attempt=1, shard=2),
    ])
    assert (code, lines[-1]) == (0, "2 passed, 0 failed, 0 skipped")
