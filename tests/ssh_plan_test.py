"""What plan, why, status, show, graph, prune and gen say of hosts over ssh: without contacting one.

The three hosts of examples/cluster do not exist. What a run would have done on them is done in folders by the same steps, and noted
as `kplan step` notes it. An `ssh` in PATH tells on whoever calls it.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

import harness

HOSTS = ("etcd-1", "etcd-2", "etcd-3")
EXAMPLE = pathlib.Path(__file__).parent.parent / "examples/cluster/cluster.yaml"
REMOTE = ("install", "install-pair", "unit", "dir")
MEANWHILE = ("host", "send", "survey-etcd", "rollout-etcd", "verify-etcd")  # what no machine here can do


class Hosts:
    """The project, and what its hosts would have in folders beside it."""

    def __init__(self, folder):
        self.folder = folder
        self.project = harness.Project(folder / "project", harness.Here(), harness.KPLAN)
        self.project.path(".").mkdir()
        programs = folder / "bin"
        programs.mkdir()
        self.called = folder / "ssh-was-called"
        (programs / "ssh").write_text(f'#!/bin/sh\necho "$@" >>{self.called}\nexit 255\n', encoding="ascii")
        (programs / "ssh").chmod(0o755)
        self.path = f"{programs}:{os.environ['PATH']}"
        harness.copy_file(harness.TUTORIAL_ARCHIVE, self.project.path("etcd.tar.gz"))
        spec = EXAMPLE.read_text(encoding="utf-8")
        archive = f"archive: {{path: etcd.tar.gz, sha256: {harness.sha256(harness.TUTORIAL_ARCHIVE)}}}"
        self.project.spec = spec.replace("  version: 3.4.15\n", f"  version: 3.4.15\n  {archive}\n")

    def kplan(self, *words):
        ran = self.project.run("env", f"PATH={self.path}", "KPLAN_OFFLINE=1", self.project.kplan, *words)
        assert not self.called.exists(), self.called.read_text(encoding="utf-8")
        return ran

    def gen(self, *words):
        return self.kplan("gen", *words, "cluster.yaml").ok()

    def plan(self, *words):
        """{label: step} of `kplan plan --json`, and the whole object."""
        ran = self.kplan("plan", "--json", *words)
        assert ran.code in (0, 2), ran
        whole = json.loads(ran.out)
        return {step["label"]: step for step in whole["steps"]}, whole

    def steps(self):
        """[(label, shard, digest of the record, record)] in the order of the graph."""
        plan = json.loads(self.project.path(".kplan/plan.json").read_text(encoding="utf-8"))
        records = self.project.records()
        return [(step["label"], step["host"] or "shared", step["digest"], records[step["label"]]) for step in plan["steps"]]

    def run(self):
        """A whole run: here what is here, in folders what is on hosts, by word what only hosts can do."""
        local = [label for label, _, _, record in self.steps() if "host" not in record and record["kind"] not in MEANWHILE]
        self.project.run("env", f"PATH={self.path}", "KPLAN_OFFLINE=1", "ninja", *local).ok()
        for label, shard, digest, record in self.steps():
            kind = record["kind"]
            if kind in REMOTE:
                self.note(label, shard, digest, self.do_in_folder(label, record))
            elif kind in MEANWHILE:
                if kind == "host":
                    facts = self.project.path(f".kplan/hosts/{record['name']}.json")
                    facts.parent.mkdir(exist_ok=True)
                    facts.write_text(json.dumps({"agent": "0" * 64, "arch": "amd64", "id": record["name"], "kernel": "6.1",
                                                 "machine-id": record["name"], "os": "Debian", "systemd": "252"}), encoding="ascii")
                self.note(label, shard, digest, digest_of(survey_text(record) if kind == "survey-etcd" else label))
        assert not self.called.exists()

    def do_in_folder(self, label, record):
        """The digest that the step of RECORD returns where its host's / is a folder."""
        record = {**record, "root": f"../hosts/{record['host']}"}
        del record["host"]
        if record["kind"] == "unit":  # there is no systemd in a folder that could verify it
            record["kind"] = "install"
        text = json.dumps(record, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        shadow = self.folder / "shadow"
        (shadow / ".kplan").mkdir(parents=True, exist_ok=True)
        for name in ("pki", "archives", "rendered"):
            if not (shadow / name).exists():
                (shadow / name).symlink_to(self.project.path(name))
        (shadow / "shard.json").write_text("{\n" + json.dumps(label) + ":" + text + "\n}\n", encoding="utf-8")
        digest = digest_of(text)
        harness.Here().run([self.project.kplan, "step", "shard.json", label, digest], cwd=shadow).ok()
        return (shadow / ".kplan/stamps" / label).read_text(encoding="ascii").strip()

    def note(self, label, shard, record, digest):
        stamp = self.project.path(".kplan/stamps") / label
        stamp.parent.mkdir(parents=True, exist_ok=True)
        if not stamp.exists() or stamp.read_text(encoding="ascii") != digest + "\n":
            stamp.write_text(digest + "\n", encoding="ascii")
        journal = self.project.path(".kplan/journal") / shard
        journal.parent.mkdir(exist_ok=True)
        at = str(int(time.time() * 1000) + 1)
        with open(journal, "a", encoding="utf-8") as file:
            file.write("\t".join([label, at, "0", record, digest, "missing", at, "0", "missing", record, ""]) + "\n")


def survey_text(record):
    """What the digest of a survey is over that found nobody stopped (src/etcd/survey_etcd.cc)."""
    members = [" ".join(member[key] for key in ("host", "name", "id", "root", "data")) for member in record["members"]]
    return "".join(line + "\n" for line in [record["cluster-id"], *members])


def digest_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(name="hosts")
def fixture_hosts():
    folder = harness.make_folder("ssh-plan")
    try:
        yield Hosts(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(name="done")
def fixture_done(hosts):
    hosts.gen()
    hosts.run()
    return hosts


def test_before_the_first_run(hosts):
    ran = hosts.kplan("plan", "cluster.yaml")
    assert ran.code == 2, ran
    summary = ran.out.splitlines()[-1]
    assert "3 starts" in summary and "restart" not in summary and "0 up to date" in summary
    for host in HOSTS:
        assert f"    + service/{host}/etcd" in ran.out
        assert f"  + send/{host}" in ran.out
    hosts.gen()
    status = hosts.kplan("status")
    assert status.code == 2 and "service/etcd-2/etcd  not asked  never seen" in status.out


def test_after_a_run_all_is_fresh(done):
    plan = done.kplan("plan")
    assert plan.code == 0, plan
    assert plan.out.startswith("nothing to do: ")
    status = done.kplan("status")
    assert status.code == 0 and "3 members, last seen running on " in status.out
    assert "to repair" not in done.gen().out
    assert done.kplan("plan").code == 0


def test_nobody_is_contacted(done):
    done.project.edit_spec("localhost, 127.0.0.1]", "localhost, 127.0.0.1, etcd.example.com]")
    for words in (["plan"], ["plan", "--json"], ["why", "file/etcd-2/etc/etcd/server.pem"], ["why", "--last", "rollout/etcd"],
                  ["why", "service/etcd-2/etcd"], ["status"], ["status", "--json"], ["show"], ["show", "file/etcd-2/etc/etcd/server.pem"],
                  ["show", "rollout/etcd"], ["show", "--json", "host/etcd-3"], ["show", "send/etcd-1"], ["show", "survey/etcd"],
                  ["show", "etcd-2"], ["graph"], ["graph", "--format=mermaid"], ["graph", "--format=html"],
                  ["graph", "--format=json", "rollout/etcd"], ["certs", "cluster.yaml"]):
        assert done.kplan(*words).code in (0, 2), words
    done.gen()
    assert done.kplan("prune").code == 0


def test_a_leaf_that_is_renewed_restarts_nobody(done):
    done.project.edit_spec("localhost, 127.0.0.1]", "localhost, 127.0.0.1, etcd.example.com]")
    steps, whole = done.plan("--max-restarts=0")
    assert whole["summary"]["restart"] == 0 and whole["summary"]["start"] == 0
    changing = {label for label, step in steps.items() if step["fate"] == "change"}
    expected = set()
    for host in HOSTS:
        expected |= {f"csr/{host}/server", f"cert/{host}/server", f"send/{host}", f"file/{host}/etc/etcd/server.pem"}
    assert changing == expected
    assert steps["send/etcd-2"]["reasons"][0]["text"] == "server.pem"
    assert "rollout/etcd" not in steps and steps["verify/etcd"]["fate"] == "check"
    assert any(change["what"] == "SAN" for change in steps["file/etcd-2/etc/etcd/server.pem"]["changes"])
    kept = {entry["label"]: entry for entry in whole["keeps-running"]}
    assert sorted(kept) == [f"service/{host}/etcd" for host in HOSTS]
    text = done.kplan("plan").out
    for host in HOSTS:
        assert kept[f"service/{host}/etcd"]["rereads"] == [f"file/{host}/etc/etcd/server.pem"]
        assert f"  = service/{host}/etcd" in text
    assert "verify/etcd proves by a handshake" in text
    done.gen()
    done.run()
    assert done.kplan("plan").code == 0


def test_a_flag_restarts_every_member(done):
    done.project.edit_spec("quota-backend-bytes: 8589934592", "quota-backend-bytes: 4294967296")
    for _ in ("before gen", "after gen"):
        steps, whole = done.plan("--max-restarts=3")
        assert whole["summary"]["restart"] == 3
        services = steps["rollout/etcd"]["services"]
        assert [service["label"] for service in services] == [f"service/{host}/etcd" for host in HOSTS]
        change = {"what": "flag --quota-backend-bytes", "from": "8589934592", "to": "4294967296"}
        assert all(service["restarts"] and change in service["changes"] for service in services)
        text = done.kplan("plan").out
        assert "    ! service/etcd-2/etcd" in text and "restarts: flag --quota-backend-bytes 8589934592 -> 4294967296" in text
        over = done.kplan("plan", "--max-restarts=2")
        assert over.code == 1 and "3 restarts, and --max-restarts allows 2" in over.err, over
        why = done.kplan("why", "service/etcd-2/etcd").ok().out
        assert why.startswith("service/etcd-2/etcd restarts: flag --quota-backend-bytes 8589934592 -> 4294967296 (rollout/etcd)\n")
        assert "etcd.flags.quota-backend-bytes: 8589934592 -> 4294967296 (" in why
        done.gen()
    done.run()
    assert done.kplan("plan").code == 0


def test_what_an_address_leads_to(done):
    done.project.edit_spec("{address: 10.0.0.12, ssh: ops@10.0.0.12,", "{address: 10.0.0.22, ssh: ops@10.0.0.22,")
    why = done.kplan("why", "file/etcd-2/etc/etcd/server.pem").ok().out
    assert "because cert/etcd-2/server changes" in why and "hosts.etcd-2.address: 10.0.0.12 -> 10.0.0.22" in why
    host = done.kplan("why", "host/etcd-2").ok().out
    assert "hosts.etcd-2.ssh: ops@10.0.0.12 -> ops@10.0.0.22" in host
    steps, _ = done.plan()
    assert "file/etcd-1/etc/etcd/server.pem" not in steps


def test_another_way_to_the_same_machine_stales_nothing_there(done):
    done.project.edit_spec("ssh: ops@10.0.0.12", "ssh: root@bastion-12")
    steps, whole = done.plan()
    assert list(steps) == ["host/etcd-2"], whole
    assert {"what": "ssh-host", "from": "10.0.0.12", "to": "bastion-12"} in steps["host/etcd-2"]["changes"]


def test_this_machines_own_files_are_nobodys(done):
    if not harness.ISOLATED_ROOT:
        pytest.skip("needs a mount namespace of its own")
    subprocess.run(["mount", "-t", "tmpfs", "none", "/usr/local/bin"], check=True)
    try:
        decoy = pathlib.Path("/usr/local/bin/etcd")
        decoy.write_text("#!/bin/false\n", encoding="ascii")
        decoy.chmod(0o600)
        assert done.kplan("plan").code == 0
        assert done.kplan("status").code == 0
        assert "to repair" not in done.gen().out
        shown = done.kplan("show", "file/etcd-1/usr/local/bin/etcd").ok().out
        assert "etcd-1:/usr/local/bin/etcd" in shown and "0600" not in shown and "content" not in shown
        # Nor is it removed for a host that the plan has no longer.
        spec = done.project.spec
        done.project.spec = spec.replace("members: [etcd-1, etcd-2, etcd-3]", "members: [etcd-2, etcd-3]")
        done.gen()
        pruned = done.kplan("prune", "--yes")
        assert "etcd-1:/usr/local/bin/etcd" in pruned.out and "rm -f /usr/local/bin/etcd" in pruned.out, pruned
        assert decoy.read_text(encoding="ascii") == "#!/bin/false\n"
    finally:
        subprocess.run(["umount", "/usr/local/bin"], check=True)


def test_leftovers_are_removed_by_hand_and_forgotten(done):
    done.project.spec = done.project.spec.replace("members: [etcd-1, etcd-2, etcd-3]", "members: [etcd-1, etcd-2]")
    assert "  - file/etcd-3/etc/etcd/ca.pem\n" in done.kplan("plan").out
    done.gen()
    keys = json.loads(done.kplan("plan", "--json").out)["leftovers"]
    assert {"file/etcd-3/etc/etcd/ca.pem", "unit/etcd-3/etcd", "service/etcd-3/etcd", "dir/etcd-3/var/lib/etcd"} <= set(keys)
    text = done.kplan("prune", "--yes").out
    by_hand = text[text.index("  by hand, on etcd-3 as root:\n"):]
    assert by_hand.splitlines()[1] == "    systemctl disable --now etcd.service"
    assert "    rm -f /etc/etcd/ca.pem /etc/etcd/.ca.pem.kplan-next\n" in by_hand and "  and then here:\n    kplan prune --forget etcd-3\n" in by_hand
    items = json.loads(done.kplan("prune", "--yes", "--json").out)
    assert not [item for item in items["remove"] if item["label"].startswith(("file/", "unit/", "service/", "dir/"))]
    by_label = {item["label"]: item for item in items["keep"]}
    assert by_label["service/etcd-3/etcd"]["by-hand"] == ["systemctl disable --now etcd.service"]
    assert by_label["dir/etcd-3/var/lib/etcd"]["by-hand"] == ["rmdir /var/lib/etcd"]
    done.kplan("prune", "--yes", "--forget", "service/etcd-3/etcd,unit/etcd-3/etcd").ok()
    left = json.loads(done.kplan("plan", "--json").out)["leftovers"]
    assert "unit/etcd-3/etcd" not in left and "file/etcd-3/etc/etcd/ca.pem" in left
    done.kplan("prune", "--yes", "--forget", "etcd-3").ok()
    left = json.loads(done.kplan("plan", "--json").out)["leftovers"]
    assert not [key for key in left if key.startswith(("file/", "unit/", "service/", "dir/"))]


def test_status_by_host(done):
    out = done.kplan("status").out
    for host in HOSTS:
        assert f"\n{host}: " in out
    assert "ops@10.0.0.12, amd64, answered on " in out
    status = json.loads(done.kplan("status", "--json").out)
    assert [service["label"] for service in status["services"]] == [f"service/{host}/etcd" for host in HOSTS]
    assert all(service["running"] is None and service["last-seen"] for service in status["services"])
    wrong = done.project.run(done.project.kplan, "status", "--contact", "--watch")
    assert wrong.code == 64


def test_who_does_not_answer_is_named(done):
    ran = done.project.run("env", f"PATH={done.path}", done.project.kplan, "status")
    assert ran.code == 3 and done.called.exists(), ran.out
    for host in HOSTS:
        assert f"\n{host}: " in ran.out
    assert ran.out.count("it does not answer: ") == 3, ran.out
    assert "of 3 the host does not answer" in ran.out
    generated = done.project.run("env", f"PATH={done.path}", done.project.kplan, "gen", "--contact", "cluster.yaml")
    assert generated.code == 1 and generated.err.count("kplan: error: etcd-") == 3, generated
    assert "65 steps on 3 hosts, 0 changed" in generated.out


def test_the_graph_has_the_new_kinds(done):
    nodes = {node["label"]: node for node in json.loads(done.kplan("graph", "--format=json").out)["nodes"]}
    for label in ("host/etcd-1", "survey/etcd", "send/etcd-2", "rollout/etcd"):
        assert label in nodes
    for node in nodes.values():
        for before in node["inputs"]:
            assert nodes[before]["stage"] <= node["stage"], (before, node["label"])
    assert nodes["host/etcd-1"]["stage"] < nodes["survey/etcd"]["stage"] < nodes["send/etcd-1"]["stage"] < nodes["rollout/etcd"]["stage"]
    around = json.loads(done.kplan("graph", "--format=json", "service/etcd-2/etcd").out)
    assert any(node["label"] == "rollout/etcd" for node in around["nodes"])
