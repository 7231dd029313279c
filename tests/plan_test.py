"""What `plan` and `why` say where the stories do not go: what would fail or waits, budgets, lost notes, interrupted runs, bad arguments."""

import json
import re
import shutil

import pytest

import cluster as clusters
import harness


@pytest.fixture(name="cluster")
def fixture_cluster():
    with clusters.in_folder() as cluster:
        cluster.use_quick_keys()
        cluster.provision()
        yield cluster


def ask(cluster, *words):
    return cluster.project.run(cluster.project.kplan, *words)


def plan(cluster, *words):
    """{label: step} of `kplan plan --json`."""
    ran = ask(cluster, "plan", "--json", *words)
    assert ran.code in (0, 2, 3), ran
    return {step["label"]: step for step in json.loads(ran.out)["steps"]}


def test_looking_changes_nothing(cluster):
    cluster.project.edit_spec("hosts: [worker, ", "hosts: [worker, etcd.example.com, ")
    before = harness.snapshot(cluster.project.path("."))
    for words in (["plan"], ["plan", "--json"], ["why", "verify/etcd"], ["why", "--last", "verify/etcd"], ["status"], ["show"],
                  ["show", "cert/kubernetes"], ["graph"], ["graph", "--format=html"], ["graph", "--format=json"]):
        assert ask(cluster, *words).code in (0, 2), words
    after = harness.snapshot(cluster.project.path("."))
    assert harness.changes(before, after) == {}


def test_a_lost_ca_key_fails_and_what_is_behind_it_waits(cluster):
    cluster.project.path("pki/ca-key.pem").rename(cluster.project.path("ca-key.backup"))
    cluster.project.edit_spec("hosts: [worker, ", "hosts: [worker, etcd.example.com, ")
    steps = plan(cluster)
    assert steps["ca/key"]["fate"] == "fail"
    assert "a CA key is never made a second time" in steps["ca/key"]["failure"]
    text = ask(cluster, "plan").out
    assert "  x ca/key" in text and "would fail: " in text and "would fail" in text.splitlines()[-1]
    ran = cluster.project.ninja()
    assert ran.code == 1 and steps["ca/key"]["failure"] in ran.out
    why = ask(cluster, "why", "ca/key").ok().out
    assert why.startswith("ca/key would fail: pki/ca-key.pem is missing")


def test_what_waits_for_a_signature_elsewhere(cluster):
    project = cluster.project
    project.run("sh", "-c", "cp pki/ca.pem given.pem").ok()
    spec = project.spec
    begin, end = spec.index("ca:\n"), spec.index("certs:\n")
    project.spec = (spec[:begin] + "cas:\n  there: {cert: given.pem}\n" + spec[end:]).replace(
        "  kubernetes:\n", "  kubernetes:\n    ca: there\n", 1).replace("certs:\n", "certs:\n  other: {ca: there, hosts: [other]}\n", 1)
    steps = plan(cluster)
    assert steps["cert/other"]["fate"] == "wait"
    text = ask(cluster, "plan").out
    assert "  . cert/other" in text and "waits: " in text


@pytest.mark.parametrize("words, code, text", [
    (["--max-restarts", "1"], 2, ""),
    (["--max-restarts=0"], 1, "1 restart, and --max-restarts allows 0"),
    (["--no-reissue-ca"], 1, "1 CA certificate would be issued again, and --no-reissue-ca allows none"),
    (["--max-restarts", "-1"], 64, "--max-restarts takes a number"),
    (["--max-restarts", "many"], 64, "--max-restarts takes a number"),
    (["--max-restart", "1"], 64, 'did you mean "--max-restarts"?'),
])
def test_budgets(cluster, words, code, text):
    cluster.project.edit_spec("  CN: Kubernetes\n", "  CN: Kubernetes\n  expiry: 35040h\n")
    ran = ask(cluster, "plan", *words, "cluster.yaml")
    assert ran.code == code and text in ran.err, ran
    if code == 1:
        assert "because ca.expiry: + 35040h (cluster.yaml:" in ran.err


def test_a_first_ca_is_within_the_budget():
    with clusters.in_folder() as cluster:
        assert ask(cluster, "plan", "--no-reissue-ca", "--max-restarts=0", "cluster.yaml").code == 2


def test_lost_notes(cluster):
    labels = sorted(cluster.project.records())
    project = cluster.project
    # Ninja's log: everything runs, and nothing changes.
    project.path(".kplan/.ninja_log").unlink()
    steps = plan(cluster)
    assert sorted(steps) == labels and {step["fate"] for step in steps.values()} == {"check"}
    # (Ninja drops lines while a download has the console.)
    ran = project.ninja().ok()
    assert "verify/etcd" in ran.edges
    # What was only checked says so, in the words of the plan; a verdict is what its verb says.
    assert sorted(re.findall(r"^(\S+): only checked$", ran.out, re.MULTILINE)) == sorted(set(labels) - {"verify/etcd"})
    assert plan(cluster) == {}
    # The journal: nothing runs for that.
    for journal in project.path(".kplan/journal").iterdir():
        journal.unlink()
    assert sorted(plan(cluster)) == ["verify/etcd"] or plan(cluster) == {}
    # A stamp.
    project.path(".kplan/stamps/cert/kubernetes").unlink()
    steps = plan(cluster)
    assert {step["fate"] for step in steps.values()} == {"check"}
    assert sorted(steps) == ["cert/kubernetes", "file/worker/etc/etcd/kubernetes.pem"]
    assert project.ninja().ok().edges == sorted(steps)
    assert plan(cluster) == {}


def test_after_a_run_that_stopped_half_way(cluster):
    project = cluster.project
    project.edit_spec("  flags:", "  flags:\n    max-wals: 7\n    #")
    project.gen().ok()
    project.ninja("unit/worker/etcd").ok()
    steps = plan(cluster)
    assert sorted(steps) == ["service/worker/etcd", "verify/etcd"]
    assert steps["service/worker/etcd"]["restarts"]
    edits = steps["service/worker/etcd"]["why"]["root"]["edits"]
    assert [edit["path"] for edit in edits] == ["etcd.flags.max-wals"]
    # The unit has come about already; why it did is the service's reason too.
    assert "etcd.flags.max-wals" in ask(cluster, "why", "verify/etcd").ok().out
    assert project.ninja().ok().edges == ["service/worker/etcd", "verify/etcd"]
    assert plan(cluster) == {}


def test_two_edits_each_to_its_own(cluster):
    project = cluster.project
    project.edit_spec("hosts: [worker, ", "hosts: [worker, etcd.example.com, ")
    project.edit_spec("  flags:", "  flags:\n    max-wals: 7\n    #")
    steps = plan(cluster)

    def paths(label):
        return [edit["path"] for edit in steps[label]["why"]["root"]["edits"]]

    assert paths("cert/kubernetes") == ["certs.kubernetes.hosts"]
    assert paths("file/worker/etc/etcd/kubernetes.pem") == ["certs.kubernetes.hosts"]
    assert paths("service/worker/etcd") == ["etcd.flags.max-wals"]
    # Generated, and then edited once more: every edit since the step ran counts.
    project.gen().ok()
    project.edit_spec("etcd.example.com, ", "etcd.example.com, www.example.com, ")
    steps = plan(cluster)
    assert paths("cert/kubernetes") == ["certs.kubernetes.hosts"]
    assert steps["cert/kubernetes"]["why"]["root"]["edits"][0]["to"].startswith("[worker, etcd.example.com, www.example.com")
    assert paths("service/worker/etcd") == ["etcd.flags.max-wals"]


def test_what_was_edited_is_in_sight_on_long_lines(cluster):
    project = cluster.project
    names = [f"name-{i:03d}.example.com" for i in range(80)]
    project.edit_spec("hosts: [worker, ", f"hosts: [worker, {', '.join(names)}, ")
    project.edit_spec("  flags:", f"  flags:\n    listen-metrics-urls: {','.join(f'http://127.0.0.1:{port}' for port in range(9000, 9040))}\n    #")
    project.gen().ok()
    project.ninja("unit/worker/etcd", "cert/kubernetes").ok()
    project.edit_spec("name-040.example.com", "edited-40.example.com")
    project.edit_spec("http://127.0.0.1:9020", "http://127.0.0.1:9920")
    for label, words in (("cert/kubernetes", ["edited-40.example.com", "name-040.example.com"]), ("unit/worker/etcd", ["9020", "9920"])):
        out = ask(cluster, "why", label).ok().out
        because = [line for line in out.splitlines() if line.strip().startswith("because certs.kubernetes.hosts") or "listen-metrics-urls:" in line.split("|")[0]]
        assert because and all(word in because[-1] for word in words), out
        (excerpt,) = re.findall(r"^ *\d+ \| (.*)$", out, re.MULTILINE)
        assert (words[0] if label.startswith("cert") else "9920") in excerpt and "\u2026" in excerpt, out
        assert max(len(line) for line in out.splitlines()) < 300, out


@pytest.mark.parametrize("words, code, text", [
    (["why", "cert/kubernete"], 1, 'did you mean "cert/kubernetes"?'),
    (["why", "pki"], 1, "several artifacts"),
    (["why"], 64, "takes"),
    (["plan", "nowhere.yaml"], 1, "nowhere.yaml"),
    (["plan", "-C", "nowhere", "cluster.yaml"], 1, "nowhere"),
    (["plan", "a", "b"], 64, "takes"),
])
def test_wrong_arguments(cluster, words, code, text):
    ran = ask(cluster, *words)
    assert ran.code == code and text in ran.err and ran.out == "", ran


def test_without_a_plan():
    with clusters.in_folder() as cluster:
        # A cluster.yaml that is there is found, as `gen` finds it.
        for words in (["status"], ["plan"]):
            assert ask(cluster, *words) == ask(cluster, *words, "cluster.yaml")
        assert "15 to run" in ask(cluster, "plan").out
        spec = cluster.project.spec
        cluster.project.path("cluster.yaml").unlink()
        for words in (["plan"], ["why", "ca/key"], ["status"], ["show"], ["graph"]):
            ran = ask(cluster, *words)
            assert ran.code == 1 and "there is no plan in this folder, and no cluster.yaml" in ran.err, (words, ran)
        cluster.project.spec = "hosts: {Bad_Name: {}}\n"
        for words in (["plan"], ["plan", "cluster.yaml"]):
            ran = ask(cluster, *words)
            assert ran.code == 65 and "cluster.yaml:1:" in ran.err
        cluster.project.spec = spec


def test_from_another_folder(cluster):
    project = cluster.project
    there = project.runner.run([project.kplan, "plan", "-C", project.folder, project.folder / "cluster.yaml"], cwd="/")
    assert (there.code, there.out) == (0, "nothing to do: 17 up to date\n"), there
    there = project.runner.run([project.kplan, "why", "-C", project.folder, "ca/key"], cwd="/").ok()
    assert there.out.startswith("ca/key is up to date; it was made on ")


def test_without_notes_nothing_changes(cluster):
    """All of .kplan is lost: every step is one to look at, by the plan, and ninja makes none of them again."""
    project = cluster.project
    before, pid = clusters.contents(cluster.artifacts()), cluster.pid()
    shutil.rmtree(project.path(".kplan"))
    text = ask(cluster, "plan", "cluster.yaml").out
    assert text.splitlines()[-1] == "0 changes, 17 to look at", text
    assert "kplan's notes (.kplan) are gone" in text
    assert project.gen_and_ninja().ok().edges
    assert clusters.contents(cluster.artifacts()) == before and cluster.pid() == pid
    assert plan(cluster) == {}
