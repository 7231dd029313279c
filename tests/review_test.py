"""What a reviewer gets: a plan in a clone without keys, in every format, and `kplan diff`.

After a change that is meant: KPLAN=... python3 tests/review_test.py --update, and read the difference.
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

import npm_packages

KPLAN = os.environ.get("KPLAN", "kplan")
GOLDEN = pathlib.Path(__file__).parent / "review"
SCRIPT = pathlib.Path("tests/review_node.js").resolve()
# No answer is waited for: nobody is there.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("KPLAN_OFFLINE")}
ELEMENTS = {"h3", "h4", "p", "ul", "li", "code", "blockquote", "details", "summary", "b", "strong"}


def run(folder, *words, text=None, env=None):
    ran = subprocess.run(words, cwd=folder, input=text, capture_output=True, text=True, timeout=120, check=False,
                         env=ENVIRONMENT | (env or {}))
    return ran.returncode, ran.stdout, ran.stderr


def kplan(folder, *words, text=None, env=None):
    return run(folder, os.path.realpath(KPLAN), *words, text=text, env=env)


def edit(folder, old, new):
    spec = folder / "cluster.yaml"
    text = spec.read_text(encoding="utf-8")
    assert old in text
    spec.write_text(text.replace(old, new), encoding="utf-8")


NAMES = ("hosts: [$name, $address, localhost, 127.0.0.1]", "hosts: [$name, $address, localhost, 127.0.0.1, etcd.example.com]")
FLAG = ("quota-backend-bytes: 8589934592", "quota-backend-bytes: 4294967296")


def author(folder):
    """Where ninja runs: three hosts over ssh, whose keys and certificates are made."""
    folder.mkdir()
    assert kplan(folder, "init", "--from", "three-members", "cluster.yaml")[0] == 0
    assert kplan(folder, "gen", "cluster.yaml")[0] == 0
    code, out, err = run(folder, "ninja", "pki", env={"KPLAN_OFFLINE": "1"})
    assert code == 0, out + err
    return folder


@pytest.fixture(name="project", scope="module")
def fixture_project(tmp_path_factory):
    return author(tmp_path_factory.mktemp("author") / "project")


@pytest.fixture(name="clone")
def fixture_clone(project, tmp_path):
    """What a CI job checks out: cluster.yaml and what is public of pki/."""
    for file in [project / "cluster.yaml", *project.glob("pki/**/*.pem")]:
        if file.name.endswith("-key.pem"):
            continue
        to = tmp_path / file.relative_to(project)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, to)
    return tmp_path


def steps(folder, *words):
    code, out, err = kplan(folder, "plan", "--json", "--offline", *words, "cluster.yaml")
    assert code in (0, 2, 3), err
    return {step["label"]: step for step in json.loads(out)["steps"]}


# What differs from run to run.
MASKS = [
    # A certificate that is signed again in another minute than the first time also ends in another one.
    (re.compile(r", until [\d: UTC-]+ -> [\d-]+ [\d:]+ UTC"), ""), (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), "DATE"), (re.compile(r"more than \d+ bytes"), "N bytes"),
         (re.compile(r"SHA256:[0-9a-f]+"), "SHA256:...")]


def masked(text):
    for pattern, replacement in MASKS:
        text = pattern.sub(replacement, text)
    return text


def check_golden(name, text):
    path = GOLDEN / name
    if "--update" in sys.argv or os.environ.get("KPLAN_UPDATE"):
        path.write_text(masked(text), encoding="utf-8")
    assert masked(text) == path.read_text(encoding="utf-8")


def test_a_clone_has_nothing_to_change(clone):
    code, out, err = kplan(clone, "plan", "--offline", "cluster.yaml")
    assert (code, err) == (2, "")
    assert out.splitlines()[-1] == "0 changes, 65 to look at; 3 hosts not asked"
    assert out.startswith("keyless: ")
    # Nothing is called fresh that was not looked at, and nothing was written.
    summary = json.loads(kplan(clone, "plan", "--json", "--offline", "cluster.yaml")[1])
    assert summary["notes"] == "elsewhere" and summary["summary"]["fresh"] == 0
    assert summary["summary"]["check"] + summary["summary"]["unknown"] == 65
    assert sorted(path.name for path in clone.iterdir()) == ["cluster.yaml", "pki"]


def test_a_ca_key_that_is_elsewhere_fails_only_what_is_signed(clone):
    edit(clone, *FLAG)
    # Neither notes nor hosts: what the flag was, nobody here knows.
    assert kplan(clone, "plan", "--offline", "cluster.yaml")[0] == 2
    edit(clone, *NAMES)
    code, out, err = kplan(clone, "plan", "--offline", "cluster.yaml")
    assert code == 3
    assert "this takes a private key that is not here: pki/ca-key.pem" in err and "in the folder that has the key" in err
    found = steps(clone)
    assert found["cert/etcd-2/server"]["fate"] == "change" and found["cert/etcd-2/server"]["needs"] == ["pki/ca-key.pem"]
    assert any(change["to"] == "dns etcd.example.com" for change in found["cert/etcd-2/server"]["changes"])
    assert not any(label.startswith("key/") for label in found)
    assert "= service/etcd-2/etcd" in out and "restart" not in out.splitlines()[-1]
    check_golden("keyless.txt", out)


def test_what_is_new_in_a_clone_is_new(clone):
    edit(clone, "  root: {profile: client, CN: root}", "  root: {profile: client, CN: root}\n  backup: {profile: client, CN: backup}")
    found = steps(clone)
    assert {"key/backup", "csr/backup", "cert/backup"} <= set(found)
    assert found["key/backup"]["fate"] == "change" and found["cert/backup"]["needs"] == ["pki/ca-key.pem"]
    assert "key/root" not in found


def test_another_kind_of_key(clone):
    edit(clone, "  root: {profile: client, CN: root}", "  root: {profile: client, CN: root, key: {algo: ecdsa, size: 384}}")
    found = steps(clone)
    assert found["key/root"]["fate"] == "change"
    edit(clone, "key: {algo: ecdsa, size: 256}, expiry: 87600h", "key: {algo: ecdsa, size: 384}, expiry: 87600h")
    key = steps(clone)["ca/key"]
    assert key["fate"] == "fail" and "holds a key of kind ecdsa 256" in key["failure"] and "never replaced" in key["failure"]


def test_keyless_by_word_and_by_itself(clone, project):
    # With notes of its own a folder is one in which ninja runs, and only the word says otherwise.
    assert kplan(clone, "gen", "cluster.yaml")[0] == 0
    assert "x ca/key" in kplan(clone, "plan", "--offline", "cluster.yaml")[1]
    out = kplan(clone, "plan", "--offline", "--keyless", "cluster.yaml")[1]
    assert "x ca/key" not in out and out.startswith("keyless: ")
    # Where the keys are a lost one is made again, and the certificate with it.
    key = project / "pki/root-key.pem"
    kept = key.read_bytes()
    key.unlink()
    try:
        found = steps(project)
        assert found["key/root"]["fate"] == "change" and found["cert/root"]["fate"] == "change"
    finally:
        key.write_bytes(kept)
        key.chmod(0o600)


def test_lost_notes_where_the_keys_are(project, tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(project, folder)
    shutil.rmtree(folder / ".kplan")
    code, out, _ = kplan(folder, "plan", "--offline", "cluster.yaml")
    assert code == 2 and "kplan's notes (.kplan) are gone" in out
    data = json.loads(kplan(folder, "plan", "--json", "--offline", "cluster.yaml")[1])
    assert data["notes"] == "lost"
    # Nothing of a host is said to be missing, and no member to be started.
    changing = {step["label"].split("/")[0] for step in data["steps"] if step["fate"] == "change"}
    assert changing <= {"archive", "unpack", "render"}
    assert data["summary"]["start"] == data["summary"]["restart"] == 0


def test_markdown_of_a_clone(clone):
    edit(clone, *NAMES)
    code, out, _ = kplan(clone, "plan", "--offline", "--format=markdown", "cluster.yaml")
    assert code == 3
    check_golden("keyless.md", out)


HOSTILE = ["`</code></details><script>alert(1)</script>", "![x](https://example.com/x.png) [a](javascript:alert(1))",
           "@everyone #1 <img src=x onerror=alert(1)>", "``` ~~~ | a | b |", "::error file=a,line=1::x %0A%0D 100%", "&lt;b&gt; &amp;",
           "` a `", "\\`*_{}[]()#+-.!"]


def quoted(value):
    return json.dumps(value)


def spec_of(values):
    """A cluster.yaml in which VALUES are names of people: the alphabet is anything."""
    names = "".join(f"  c{i}: {{CN: {quoted(value)}, names: [{{O: {quoted(value)}}}]}}\n" for i, value in enumerate(values))
    return f"ca: {{CN: authority}}\ncerts:\n{names}"


@pytest.fixture(name="hostile")
def fixture_hostile(tmp_path):
    (tmp_path / "old.yaml").write_text(spec_of(["plain"] * len(HOSTILE)), encoding="utf-8")
    (tmp_path / "new.yaml").write_text(spec_of(HOSTILE), encoding="utf-8")
    return tmp_path


def page_of(folder, text):
    file = folder / "page.md"
    file.write_text(text, encoding="utf-8")
    return json.loads(npm_packages.node(SCRIPT, "markdown", file))


def test_nothing_of_a_spec_is_markup(hostile):
    code, out, err = kplan(hostile, "diff", "--format=markdown", "old.yaml", "new.yaml")
    assert code == 2, err
    page = page_of(hostile, out)
    assert set(page["elements"]) <= ELEMENTS, page["elements"]
    for value in HOSTILE:
        assert any(value in span for span in page["spans"]), value
    # Outside of code spans stands what kplan says itself.
    assert not any(re.search("alert|example.com|everyone", text) for text in page["texts"])


def test_nothing_of_a_spec_is_a_workflow_command(hostile):
    out = kplan(hostile, "diff", "--format=github", "old.yaml", "new.yaml")[1]
    for line in out.splitlines():
        assert re.fullmatch(r"::(error|warning|notice)( [a-zA-Z]+=[^,:]*(,[a-zA-Z]+=[^,:]*)*)?::.*", line), line
        # Every percent sign is one of kplan's own.
        assert re.fullmatch(r"([^%]|%(25|0D|0A|3A|2C))*", line), line
    assert "%25" in out and "100%25" in out


def test_sarif_is_sarif(hostile, clone):
    edit(clone, *NAMES)
    files = []
    for name, folder, words in [("plan", clone, ["plan", "--offline", "--format=sarif", "cluster.yaml"]),
                                ("diff", hostile, ["diff", "--format=sarif", "old.yaml", "new.yaml"]),
                                ("none", hostile, ["diff", "--format=sarif", "old.yaml", "old.yaml"])]:
        files.append(hostile / f"{name}.sarif")
        files[-1].write_text(kplan(folder, *words)[1], encoding="utf-8")
    bad = hostile / "bad.yaml"
    bad.write_text("ca: {CN: a}\ncerts:\n  web: {host: [a], hosts: [b], hosts: [c]}\n", encoding="utf-8")
    files.append(hostile / "check.sarif")
    files[-1].write_text(kplan(hostile, "check", "--format=sarif", "bad.yaml")[1], encoding="utf-8")
    assert json.loads(npm_packages.node(SCRIPT, "sarif", *files)) == [[]] * len(files)
    results = json.loads(files[0].read_text(encoding="utf-8"))["runs"][0]["results"]
    signed = [result for result in results if result["level"] == "error"]
    assert {result["partialFingerprints"]["label/v1"] for result in signed} == {f"cert/etcd-{i}/server" for i in (1, 2, 3)}
    region = signed[0]["locations"][0]["physicalLocation"]["region"]
    assert clone.joinpath("cluster.yaml").read_text(encoding="utf-8").splitlines()[region["startLine"] - 1].startswith("  server:")
    assert json.loads(files[2].read_text(encoding="utf-8"))["runs"][0]["results"] == []


def test_check_says_where(tmp_path):
    (tmp_path / "cluster.yaml").write_text("ca: {CN: a}\ncerts:\n  web: {host: [a]}\n", encoding="utf-8")
    code, out, err = kplan(tmp_path, "check", "--format=github", "cluster.yaml")
    assert code == 65 and err == ""
    assert out.startswith("::error file=cluster.yaml,line=3,endLine=3,col=9,endColumn=13,title=kplan%3A unknown-key::unknown key")
    assert "%0A" in out and out.count("\n") == 1
    data = json.loads(kplan(tmp_path, "check", "--format=json", "cluster.yaml")[1])
    assert data == json.loads(kplan(tmp_path, "check", "--json", "cluster.yaml")[1])
    result = json.loads(kplan(tmp_path, "check", "--format=sarif", "cluster.yaml")[1])["runs"][0]["results"][0]
    assert result["ruleId"] == "unknown-key"
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 9, "endLine": 3, "endColumn": 13}
    assert result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"] == {"text": "hosts"}
    # Of standard input no file is told.
    out = kplan(tmp_path, "check", "--format=github", "-", text="ca: {CN: a, x: 1}\n")[1]
    assert out.startswith("::error title=")


def test_a_page_is_not_too_long(tmp_path):
    old = spec_of([f"name {i}" for i in range(2000)])
    (tmp_path / "old.yaml").write_text(old, encoding="utf-8")
    (tmp_path / "new.yaml").write_text(old.replace("name ", "another name "), encoding="utf-8")
    out = kplan(tmp_path, "diff", "--format=markdown", "old.yaml", "new.yaml")[1]
    assert len(out.encode()) <= 65000
    page = page_of(tmp_path, out)
    assert page["elements"].count("details") >= 1 and out.count("<details>") == out.count("</details>")
    assert any("are left out here" in text for text in page["texts"])
    lines = kplan(tmp_path, "diff", "--format=github", "old.yaml", "new.yaml")[1].splitlines()
    assert len(lines) <= 31 and "annotations more" in lines[-1]
    results = json.loads(kplan(tmp_path, "diff", "--format=sarif", "old.yaml", "new.yaml")[1])["runs"][0]
    assert len(results["results"]) <= 5000


def hosts_of(count):
    hosts = "".join(f"  node-{i}: {{address: 10.0.{i // 250}.{i % 250 + 1}, ssh: ops@10.0.{i // 250}.{i % 250 + 1}, become: sudo}}\n"
                    for i in range(1, count + 1))
    return f"""hosts:
{hosts}ca: {{CN: authority, key: {{algo: ecdsa, size: 256}}}}
certs:
  node: {{per: host, key: {{algo: ecdsa, size: 256}}, hosts: [$name]}}
services:
  agent:
    hosts: [{", ".join(f"node-{i}" for i in range(1, count + 1))}]
    command: [/usr/bin/agent, --level=info]
    files:
      /etc/agent/agent.conf: {{content: "level: info\\n"}}
"""


@pytest.mark.parametrize("count", [3, 100])
def test_hosts_that_are_alike(tmp_path, count):
    (tmp_path / "cluster.yaml").write_text(hosts_of(count), encoding="utf-8")
    code, out, err = kplan(tmp_path, "plan", "--offline", "cluster.yaml")
    assert code == 2, err
    check_golden(f"new_{count}.txt", out)
    every = kplan(tmp_path, "plan", "--offline", "--all", "cluster.yaml")[1]
    assert f"node-{count}\n" in every and " alike" not in every
    if count == 100:
        assert len(out.splitlines()) <= 30
    edit(tmp_path, "level=info", "level=debug")
    (tmp_path / "old.yaml").write_text(hosts_of(count), encoding="utf-8")
    code, out, err = kplan(tmp_path, "diff", "old.yaml", "cluster.yaml")
    assert code == 2, err
    check_golden(f"edited_{count}.txt", out)
    # For programs nothing is grouped.
    labels = [step["label"] for step in json.loads(kplan(tmp_path, "diff", "--json", "old.yaml", "cluster.yaml")[1])["steps"]]
    assert f"service/node-{count}/agent" in labels


def test_one_that_is_not_alike(tmp_path):
    (tmp_path / "old.yaml").write_text(hosts_of(9), encoding="utf-8")
    spec = hosts_of(9).replace("level=info", "level=debug").replace("10.0.0.4, ssh: ops@10.0.0.4", "10.0.0.4, ssh: ops@10.0.0.44")
    (tmp_path / "new.yaml").write_text(spec, encoding="utf-8")
    out = kplan(tmp_path, "diff", "old.yaml", "new.yaml")[1]
    assert "node-1, node-2, node-4 to node-9 (8 alike)\n" in out and "\nnode-3\n" in out


def test_diff_looks_at_nothing(project, tmp_path):
    shutil.copy(project / "cluster.yaml", tmp_path / "old.yaml")
    shutil.copy(project / "cluster.yaml", tmp_path / "cluster.yaml")
    assert kplan(tmp_path, "diff", "old.yaml", "cluster.yaml") == (0, "nothing to do: 0 changes, 65 the same\n", "")
    edit(tmp_path, *FLAG)
    code, out, err = kplan(tmp_path, "diff", "old.yaml", "cluster.yaml")
    assert (code, err) == (2, "")
    check_golden("diff_flag.txt", out)
    # In a folder that was provisioned it says the same, and on standard input, on either side.
    text = (tmp_path / "cluster.yaml").read_text(encoding="utf-8")
    assert kplan(project, "diff", tmp_path / "old.yaml", tmp_path / "cluster.yaml")[0] == 2
    assert kplan(tmp_path, "diff", "old.yaml", "-", text=text)[1].replace("(-:", "(cluster.yaml:") == out
    assert kplan(tmp_path, "diff", "-", "cluster.yaml", text=text)[0] == 0
    back = kplan(tmp_path, "diff", "cluster.yaml", "old.yaml")[1]
    assert "4294967296 -> 8589934592" in back
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cluster.yaml", "old.yaml"]


def test_what_goes(tmp_path, project):
    shutil.copy(project / "cluster.yaml", tmp_path / "old.yaml")
    shutil.copy(project / "cluster.yaml", tmp_path / "cluster.yaml")
    edit(tmp_path, "  root: {profile: client, CN: root}", "  admin: {profile: client, CN: root}")
    edit(tmp_path, "client: root}", "client: admin}")
    code, out, _ = kplan(tmp_path, "diff", "old.yaml", "cluster.yaml")
    assert code == 2 and "not in cluster.yaml any more\n  - key/root\n" in out
    assert json.loads(kplan(tmp_path, "diff", "--json", "old.yaml", "cluster.yaml")[1])["gone"] == ["key/root", "csr/root", "cert/root"]


@pytest.fixture(name="repository")
def fixture_repository(project, tmp_path):
    """A repository with a project in a folder of it, a file that its cluster.yaml names, and two commits."""
    (tmp_path / "prod").mkdir()

    def git(*words):
        code, out, err = run(tmp_path, "git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words)
        assert code == 0, err
        return out

    spec = hosts_of(1).replace('{content: "level: info\\n"}', "{from: agent.conf}")
    (tmp_path / "prod/cluster.yaml").write_text(spec, encoding="utf-8")
    (tmp_path / "prod/agent.conf").write_text("level: info\n", encoding="utf-8")
    git("init", "-q", ".")
    git("add", ".")
    git("commit", "-qm", "first")
    (tmp_path / "prod/agent.conf").write_text("level: debug\n", encoding="utf-8")
    git("commit", "-qam", "second")
    return tmp_path


def test_diff_of_revisions(repository):
    code, out, err = kplan(repository, "diff", "HEAD~1:prod/cluster.yaml", "HEAD:prod/cluster.yaml")
    assert code == 2, err
    # The text is the same, and a file that it names is not.
    assert "agent.conf was edited" in out and "file/node-1/etc/agent/agent.conf" in out
    assert kplan(repository, "diff", "HEAD:prod/cluster.yaml", "prod/cluster.yaml")[0] == 0
    # As git has it: from the top of the repository, or with ./ from here.
    assert kplan(repository / "prod", "diff", "HEAD~1:./cluster.yaml", "cluster.yaml")[0] == 2
    sarif = json.loads(kplan(repository, "diff", "--format=sarif", "HEAD~1:prod/cluster.yaml", "HEAD:prod/cluster.yaml")[1])
    assert sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "prod/cluster.yaml"
    # Two files of a folder are two texts: nothing beside them is read.
    assert kplan(repository, "diff", "prod/cluster.yaml", "prod/cluster.yaml")[0] == 0


@pytest.mark.parametrize("words, code, text", [
    (["diff", "cluster.yaml"], 64, "takes"),
    (["diff", "a", "b", "c"], 64, "takes"),
    (["diff", "-", "-"], 64, "only one of the two"),
    (["diff", "nowhere.yaml", "cluster.yaml"], 1, "nowhere.yaml"),
    (["diff", "NOWHERE:cluster.yaml", "cluster.yaml"], 1, 'git has no file "NOWHERE:cluster.yaml"'),
    (["diff", "--upload-pack=x:y", "cluster.yaml"], 64, "--upload-pack"),
    (["diff", "HEAD:prod", "cluster.yaml"], 1, "git has no file"),
    (["diff", "HEAD:prod/cluster.yaml\nHEAD", "cluster.yaml"], 1, "control character"),
    (["diff", "bad.yaml", "cluster.yaml"], 65, "bad.yaml:1:"),
    (["diff", "cluster.yaml", "bad.yaml"], 65, "bad.yaml:1:"),
    (["diff", "--format=html", "cluster.yaml", "cluster.yaml"], 64, "--format"),
    (["plan", "--format=html", "cluster.yaml"], 64, "--format"),
    (["check", "--format=markdown", "cluster.yaml"], 64, "--format"),
])
def test_wrong_arguments(repository, words, code, text):
    shutil.copy(repository / "prod/cluster.yaml", repository / "cluster.yaml")
    (repository / "bad.yaml").write_text("hosts: {Bad_Name: {}}\n", encoding="utf-8")
    ran = kplan(repository, *words)
    assert ran[0] == code and text in ran[2] and ran[1] == "", ran


def test_without_a_repository(tmp_path):
    (tmp_path / "cluster.yaml").write_text("ca: {CN: a}\n", encoding="utf-8")
    code, _, err = kplan(tmp_path, "diff", "HEAD:cluster.yaml", "cluster.yaml", env={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    assert code == 1 and "git" in err
    with tempfile.TemporaryDirectory() as empty:
        code, _, err = kplan(tmp_path, "diff", "HEAD:cluster.yaml", "cluster.yaml", env={"PATH": empty})
    assert code == 1 and "there is none in PATH" in err


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
