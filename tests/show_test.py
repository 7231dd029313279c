"""kplan show: the spec that it prints is the spec, and what it says of one artifact is so.

After a change that is meant: KPLAN=... KPLAN_ETCD_ARCHIVE=... /usr/bin/python3 tests/show_test.py --update, and read the difference.
"""

import ast
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

import cluster as clusters
import harness
import pki_specs

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE / "show"
EXAMPLES = ["tutorial", "quickstart", "pki", "cluster"]
SEED, RANDOM = 7, 200

# What differs from run to run, and from etcd to etcd.
MASKS = [
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?( UTC|Z)"), "TIME"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"(serial +)[0-9a-f]+"), r"\1SERIAL"),
    (re.compile(r'("name": "serial",\s+"text": ")[0-9a-f]+'), r"\1SERIAL"),
    (re.compile(r"process \d+"), "process PID"),
    (re.compile(r"\b(18\d\d|36\d) days left"), "N days left"),
    # The ordinary user, whoever that is.
    (re.compile(r"(  0[67]\d\d  )\S+"), r"\1OWNER"),
    (re.compile(r'("owner": ")[^"]+'), r"\1OWNER"),
]


def kplan(folder, *arguments):
    return subprocess.run([harness.KPLAN, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def good(folder, *arguments):
    ran = kplan(folder, *arguments)
    assert ran.returncode == 0, f"{arguments}: exit {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def generated(folder):
    """All that gen makes of the spec: {path: text}."""
    good(folder, "gen", "--kplan", "/usr/bin/kplan", "cluster.yaml")
    paths = [folder / "build.ninja", folder / ".kplan/plan.json", *sorted((folder / ".kplan/steps").iterdir())]
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in paths}


def check_prints_the_spec(folder, text):
    """What show prints of TEXT compiles to what TEXT compiles to, and says of every value that it is written."""
    (folder / "cluster.yaml").write_text(text, encoding="utf-8")
    before = generated(folder)
    shown = good(folder, "show")
    values = json.loads(good(folder, "show", "--json"))
    (folder / "cluster.yaml").write_text(shown, encoding="utf-8")
    assert generated(folder) == before, f"{text}\nis shown as\n{shown}"
    again = json.loads(good(folder, "show", "--json"))
    for path, entry in values.items():
        if not entry.get("note"):
            assert again[path]["value"] == entry["value"], path
            assert again[path]["origin"]["kind"] == "file", path


def specs_in_tests():
    """The good specs that other tests hold: {where: text}."""
    found = {}
    for path in sorted([*HERE.glob("*.py"), *HERE.glob("sweeps/*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"^cas?:", node.value, re.MULTILINE):
                found[f"{path.name}:{node.lineno}"] = node.value.replace("@DIGEST@", "a" * 64)
    return found


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_printed_as_they_are(tmp_path, example):
    check_prints_the_spec(tmp_path, (clusters.EXAMPLES / example / "cluster.yaml").read_text(encoding="utf-8"))


def test_specs_of_tests_are_printed_as_they_are(tmp_path):
    texts = specs_in_tests()
    texts |= {path.name: path.read_text(encoding="utf-8") for path in (HERE.parent / "src/spec/testdata").glob("*.yaml")}
    checked = 0
    for text in texts.values():
        (tmp_path / "cluster.yaml").write_text(text, encoding="utf-8")
        if kplan(tmp_path, "check", "cluster.yaml").returncode != 0 or "(secret)" in good(tmp_path, "show", "--spec", "cluster.yaml"):
            continue  # what is secret is not printed, so that what is printed is another spec
        check_prints_the_spec(tmp_path, text)
        checked += 1
    assert checked >= 10, f"only {checked} of {len(texts)} are good"


def test_random_specs_are_printed_as_they_are(tmp_path):
    for number in range(RANDOM):
        spec = pki_specs.generate(SEED, number)
        check_prints_the_spec(tmp_path, spec.yaml)
        # The journal of one spec is not the next one's.
        shutil.rmtree(tmp_path / ".kplan")


def test_says_where_each_value_came_from(tmp_path):
    """Every origin "file" names the line where the value stands."""
    for example in EXAMPLES:
        text = (clusters.EXAMPLES / example / "cluster.yaml").read_text(encoding="utf-8")
        (tmp_path / "cluster.yaml").write_text(text, encoding="utf-8")
        lines = text.splitlines()
        written = 0
        for path, entry in json.loads(good(tmp_path, "show", "--spec", "cluster.yaml", "--json")).items():
            origin, value = entry["origin"], entry["value"]
            if origin["kind"] != "file":
                continue
            values = value if isinstance(value, list) else [value]
            for line, each in zip(origin.get("lines", [origin["line"]] * len(values)), values, strict=True):
                assert each in lines[line - 1], (path, each, lines[line - 1])
                written += 1
        assert written > 10


# One artifact.

ASKED = ["cert/kubernetes", "key/kubernetes", "ca/cert", "file/worker/etc/etcd/kubernetes.pem", "service/worker/etcd", "verify/etcd", "worker"]


def masked(text, cluster):
    text = text.replace(harness.sha256(harness.ETCD_ARCHIVE), "DIGEST").replace(harness.etcd_version(), "VERSION")
    text = text.replace(f":{cluster.client_port}", ":CLIENT").replace(re.search(r"http://127.0.0.1:(\d+)", cluster.project.spec).group(1), "PEER")
    for pattern, replacement in MASKS:
        text = pattern.sub(replacement, text)
    return re.sub(r"\b[0-9a-f]{12,16}\b", "ID", text)


def what_is_shown(cluster):
    """{name of a golden file: text} of the running CLUSTER."""
    texts = {}
    for label in ASKED:
        for form, options in (("txt", []), ("json", ["--json"])):
            ran = cluster.project.run(cluster.project.kplan, "show", *options, label).ok()
            texts[label.replace("/", "-") + "." + form] = masked(ran.out, cluster)
    return texts


def what_the_tutorial_is(folder):
    (folder / "cluster.yaml").write_bytes((clusters.EXAMPLES / "tutorial/cluster.yaml").read_bytes())
    return {
        "tutorial.yaml": good(folder, "show", "--spec", "cluster.yaml"),
        "tutorial.json": good(folder, "show", "--spec", "cluster.yaml", "--json"),
    }


def check_golden(texts):
    for name, text in texts.items():
        assert text == (GOLDEN / name).read_text(encoding="utf-8"), name


@pytest.fixture(name="running", scope="module")
def fixture_running():
    with clusters.in_folder() as cluster:
        cluster.provision()
        # The certificate is there, and after it what was made from it: one more look finds nothing to do.
        cluster.project.ninja().ok()
        yield cluster


def show(cluster, *arguments):
    return json.loads(cluster.project.run(cluster.project.kplan, "show", "--json", *arguments).ok().out)


def test_the_tutorials_spec(tmp_path):
    check_golden(what_the_tutorial_is(tmp_path))


def test_artifacts_of_a_running_cluster(running):
    check_golden(what_is_shown(running))


def test_changes_nothing(running):
    before = harness.snapshot(running.project.outside, skip=("/var/lib/etcd", "/var/log"))
    what_is_shown(running)
    assert not harness.changes(before, harness.snapshot(running.project.outside, skip=("/var/lib/etcd", "/var/log")))


def test_agrees_with_openssl(running):
    shown = {entry["name"]: entry["text"] for entry in show(running, "cert/kubernetes")["details"]}
    project = running.project
    out = project.run("openssl", "x509", "-in", "pki/kubernetes.pem", "-noout", "-fingerprint", "-sha256", "-serial").ok().out
    fingerprint, serial = re.search(r"=(\S+)\n", out).group(1), re.search(r"serial=(\S+)", out).group(1)
    assert shown["SHA-256"] == fingerprint.replace(":", "").lower()
    assert int(shown["serial"], 16) == int(serial, 16)
    key = {entry["name"]: entry["text"] for entry in show(running, "key/kubernetes")["details"]}
    public = project.run("sh", "-c", "openssl pkey -in pki/kubernetes-key.pem -pubout -outform DER | sha256sum").ok().out.split()[0]
    assert key["public key"] == f"SHA256:{public}"


def test_knows_the_process(running):
    shown = {entry["name"]: entry["text"] for entry in show(running, "service/worker/etcd")["details"]}
    assert re.fullmatch(rf"process {running.pid()}, since .+ UTC", shown["running"])


def test_drift(running):
    """What somebody changed behind kplan's back is said, and gone after the next ninja."""
    path = running.on_host("/etc/etcd/kubernetes-key.pem")
    path.chmod(0o644)
    label = "file/worker/etc/etcd/kubernetes-key.pem"
    shown = show(running, label)
    assert (shown["state"], shown["next"]) == ("stale", "change")
    assert {"path": "./rootfs/etc/etcd/kubernetes-key.pem", "mode": "0644"}.items() <= shown["files"][1].items()
    assert any("0644" in reason for reason in shown["reasons"]), shown["reasons"]
    running.project.ninja().ok()
    running.project.ninja().ok()
    assert show(running, label)["state"] == "fresh"


def test_the_groups(running):
    labels = {label for path in running.project.path(".kplan/steps").iterdir() for label in json.loads(path.read_text(encoding="utf-8"))}
    for group in ("pki", "worker", "etcd", "verify"):
        shown = show(running, group)
        assert shown["group"] == group
        members = [member["label"] for member in shown["members"]]
        assert members and set(members) <= labels
        assert {member["state"] for member in shown["members"]} == {"fresh"}


def test_each_label_is_shown(running):
    """Inputs and users of all artifacts are each other's."""
    artifacts = {}
    for label in running.project.records():
        artifacts[label] = show(running, label)
        assert artifacts[label]["from"]["line"] > 0
    for label, artifact in artifacts.items():
        for other in artifact["inputs"] + artifact["after"]:
            assert label in [user["label"] for user in artifacts[other["label"]]["used-by"]]
        for user in artifact["used-by"]:
            above = artifacts[user["label"]]
            assert label in [other["label"] for other in above["inputs"] + above["after"]]
        assert (artifact["dependents"] == 0) == (not artifact["used-by"])


def test_unknown_labels(running):
    project = running.project
    ran = project.run(project.kplan, "show", "cert/kubernets")
    assert (ran.code, ran.out) == (1, "")
    assert 'did you mean "cert/kubernetes"?' in ran.err


def test_without_a_plan(tmp_path):
    ran = kplan(tmp_path, "show")
    assert ran.returncode == 1 and "there is no plan in this folder, and no cluster.yaml" in ran.stderr
    (tmp_path / "cluster.yaml").write_text("ca: {CN: ca, nonsense: 1}\n", encoding="utf-8")
    ran = kplan(tmp_path, "show", "--spec", "cluster.yaml")
    assert ran.returncode == 65 and "cluster.yaml:1:" in ran.stderr and ran.stdout == ""


def test_many_hosts_cost_little(tmp_path):
    """10,000 hosts: the text is written as it is made, and gen keeps nothing for it."""
    hosts = "".join(f"  h{i}: {{root: h{i}, service-manager: none, address: 10.{i >> 8}.{i & 255}.1}}\n" for i in range(10000))
    text = f"ca: {{CN: ca}}\ncerts: {{each: {{per: host, hosts: [$name, $address]}}}}\nhosts:\n{hosts}"
    (tmp_path / "cluster.yaml").write_text(text, encoding="utf-8")

    def cost(*arguments):
        with open(os.devnull, "wb") as nowhere:
            process = subprocess.Popen([harness.KPLAN, *arguments], cwd=tmp_path, stdout=nowhere)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return usage.ru_maxrss / 1024  # MiB

    check, shown = cost("check", "cluster.yaml"), cost("show", "--spec", "cluster.yaml")
    # The spec as it was read, and not the text that is written, which is as large again.
    assert shown < check + 16, (check, shown)


def update():
    GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, clusters.in_folder() as cluster:
        cluster.provision()
        cluster.project.ninja().ok()
        for name, text in (what_the_tutorial_is(pathlib.Path(folder)) | what_is_shown(cluster)).items():
            (GOLDEN / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit(__doc__)
    update()
