"""Counts the test cases of one `bazel test` run.

    test_summary.py --bazel-exit=N EVENTS

EVENTS is the file of `bazel test --build_event_json_file`: it says which test targets this run had and where their
test.xml files are (gtest and pytest write JUnit's XML; for a program that writes none Bazel writes one test case).
Prints each skipped and each failed test case and, as the last line, "N passed, N failed, N skipped". Exits 1 when
one failed, when Bazel failed for any other reason, or when no test case ran.
"""

import argparse
import json
import sys
import urllib.parse
import xml.etree.ElementTree


def first_line(text):
    """The reason on one line: gtest puts FILE:LINE before it, and says "Skipped" when there is none."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return "; ".join(lines) or "no reason given"


def read_cases(path):
    """(name, outcome, reason) of each test case in the JUnit XML at PATH; outcome: passed, failed or skipped."""
    cases = []
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        name = ".".join(part for part in (case.get("classname"), case.get("name")) if part)
        problems = case.findall("failure") + case.findall("error")
        skipped = case.find("skipped")
        if problems:
            cases.append((name, "failed", first_line(problems[0].get("message") or problems[0].text)))
        elif skipped is not None:
            cases.append((name, "skipped", first_line(skipped.get("message") or skipped.text)))
        elif case.get("status") == "notrun":
            cases.append((name, "skipped", "disabled"))
        else:
            cases.append((name, "passed", ""))
    return cases


def read_events(path):
    """The run's test targets: {label: [(status, path of test.xml or None), one a shard or run]}."""
    targets = {}  # label -> {(run, shard): (status, xml)}
    with open(path, encoding="utf-8") as events:
        for line in events:
            if not line.strip():
                continue
            event = json.loads(line)
            kind = event.get("id", {})
            if "targetConfigured" in kind and event.get("configured", {}).get("testSize"):
                targets.setdefault(kind["targetConfigured"]["label"], {})
            if "testResult" in kind and "testResult" in event:
                ident = kind["testResult"]
                files = {output["name"]: output.get("uri", "") for output in event["testResult"].get("testActionOutput", [])}
                uri = urllib.parse.urlparse(files.get("test.xml", ""))
                # A later attempt of the same shard takes the place of the one before.
                targets.setdefault(ident["label"], {})[(ident.get("run", 1), ident.get("shard", 1))] = (
                    event["testResult"].get("status", "NO_STATUS"),
                    urllib.parse.unquote(uri.path) if uri.scheme == "file" else None,
                )
    return {label: list(results.values()) for label, results in targets.items()}


def count(targets):
    """All test cases of TARGETS as (target, case, outcome, reason); what ended badly without saying so failed once."""
    cases = []
    for label, results in sorted(targets.items()):
        if not results:
            cases.append((label, "", "failed", "it did not build, or was not run"))
        for status, path in results:
            found, reason = [], f"ended as {status}"
            if path:
                try:
                    found = read_cases(path)
                except (OSError, xml.etree.ElementTree.ParseError) as error:
                    reason += f", and its test.xml is of no use: {error}"
            if status not in ("PASSED", "FLAKY") and not any(case[1] == "failed" for case in found):
                found.append(("", "failed", reason))
            elif not found:
                found.append(("", "failed", "it passed, but ran no test case"))
            cases.extend((label, name, outcome, why) for name, outcome, why in found)
    return cases


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bazel-exit", type=int, required=True)
    parser.add_argument("events")
    options = parser.parse_args()

    cases = count(read_events(options.events))
    numbers = {outcome: sum(case[2] == outcome for case in cases) for outcome in ("passed", "failed", "skipped")}
    if not cases:
        print("failed: no test ran")
    # 3: some tests failed; they are counted one by one.
    if options.bazel_exit not in (0, 3) or (options.bazel_exit and not numbers["failed"]):
        print(f"failed: bazel test ended with {options.bazel_exit}")
        numbers["failed"] = max(numbers["failed"], 1)
    for outcome in ("skipped", "failed"):
        for label, name, what, reason in cases:
            if what == outcome:
                print(f"{outcome}: {label} {name}: {reason}" if name else f"{outcome}: {label}: {reason}")
    print(f"{numbers['passed']} passed, {numbers['failed']} failed, {numbers['skipped']} skipped")
    return 1 if numbers["failed"] or not numbers["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
