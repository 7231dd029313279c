"""The kube-apiserver on top of the tutorial's etcd (examples/apiserver): planned everywhere, run where its archive is.

Debian 12's source package `kubernetes` makes one of 1.20.2, with golang-1.19 and rsync: `make WHAT=cmd/kube-apiserver`;
KPLAN_APISERVER_ARCHIVE is a tar.gz with it as kubernetes/server/bin/kube-apiserver.
"""

import json
import os
import pathlib
import re

import pytest

import harness
import systemd_host

EXAMPLE = pathlib.Path(__file__).parent.parent / "examples/apiserver/cluster.yaml"
ARCHIVE = os.environ.get("KPLAN_APISERVER_ARCHIVE", "")
ENCRYPTION = """\
kind: EncryptionConfig
apiVersion: v1
resources:
  - resources: [secrets]
    providers:
      - aescbc: {keys: [{name: key1, secret: "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}]}
      - identity: {}
"""


@pytest.fixture(name="project")
def fixture_project(tmp_path):
    project = harness.Project(tmp_path, harness.Here(), harness.KPLAN)
    project.spec = EXAMPLE.read_text(encoding="utf-8")
    return project


def test_the_unit_is_the_tutorials(project):
    project.gen().ok()
    records = project.records()
    unit = records["render/worker/etc/systemd/system/kube-apiserver.service"]["content"]
    assert unit.startswith("[Unit]\nDescription=Kubernetes API Server\n")
    assert "\nDocumentation=https://github.com/kubernetes/kubernetes\n" in unit
    assert re.search(r"^After=.*\betcd\.service\b", unit, re.MULTILINE)
    assert "ExecStart=/usr/local/bin/kube-apiserver \\\n  --allow-privileged=true \\\n" in unit
    assert "  --etcd-certfile=/var/lib/kubernetes/kubernetes.pem \\\n" in unit and "  --v=2\nRestart=on-failure\nRestartSec=5\n" in unit
    assert records["unpack/kube-apiserver"]["members"] == [["kubernetes/server/bin/kube-apiserver", "kube-apiserver"]]
    restart_on = records["service/worker/kube-apiserver"]["restart-on"]
    for name in ("kubernetes.pem", "ca.pem", "service-account.pem", "encryption-config.yaml"):
        assert f"/var/lib/kubernetes/{name}" in restart_on


def test_the_plan_misses_the_file_that_is_not_kplans(project):
    project.gen().ok()
    ran = project.run(project.kplan, "plan")
    assert ran.code == 3
    assert re.search("source/kube-apiserver/var/lib/kubernetes/encryption-config.yaml +would fail: encryption-config.yaml is not there", ran.out), ran.out
    assert re.search("verify/worker/kube-apiserver +waits: behind file/worker/var/lib/kubernetes/encryption-config.yaml", ran.out), ran.out
    project.path("encryption-config.yaml").write_text(ENCRYPTION, encoding="ascii")
    ran = project.run(project.kplan, "plan")
    assert ran.code == 3 and "encryption-config.yaml is not there" not in ran.out
    # What is in it stays in it.
    everything = "".join(path.read_text(encoding="utf-8") for path in project.path(".").rglob("*")
                         if path.is_file() and path.name != "encryption-config.yaml")
    assert "MDEyMzQ1" not in everything


@pytest.mark.skipif(bool(systemd_host.why_not()), reason=systemd_host.why_not() or "none")
@pytest.mark.skipif(not ARCHIVE, reason="KPLAN_APISERVER_ARCHIVE does not name a kubernetes-server-linux-amd64.tar.gz")
def test_it_serves():
    with systemd_host.SystemdHost("worker") as host:
        folder = host.root / "root/project"
        folder.mkdir(parents=True)
        harness.copy_file(harness.KPLAN, host.root / "usr/local/sbin/kplan", mode=0o755)
        harness.copy_file(harness.TUTORIAL_ARCHIVE, folder / "etcd.tar.gz")
        harness.copy_file(ARCHIVE, folder / "kubernetes.tar.gz")
        project = harness.Project("/root/project", host, "/usr/local/sbin/kplan", outside=folder)
        spec = EXAMPLE.read_text(encoding="utf-8")
        spec = re.sub(r"      url: .*\n      sha256: .*\n", f"      path: kubernetes.tar.gz\n      sha256: {harness.sha256(ARCHIVE)}\n", spec)
        spec = spec.replace("  version: 3.4.15\n",
                            f"  version: 3.4.15\n  archive: {{path: etcd.tar.gz, sha256: {harness.sha256(harness.TUTORIAL_ARCHIVE)}}}\n")
        project.spec = spec
        project.path("encryption-config.yaml").write_text(ENCRYPTION, encoding="ascii")
        # The address that it tells others is that of the default route.
        for words in ("link add lan type veth peer name lan-peer", "address add 10.240.0.10/24 dev lan", "link set lan up", "link set lan-peer up",
                      "route add default dev lan"):
            host.run(["ip", *words.split()]).ok()
        project.gen().ok()
        ran = project.ninja(timeout=300).ok()
        assert "https://127.0.0.1:6443/api answers 200, serves pki/kubernetes.pem; refuses no-cert, wrong-ca, plaintext\n" in ran.out
        version = project.run("curl", "-sS", "--cacert", "pki/ca.pem", "--cert", "pki/admin.pem", "--key", "pki/admin-key.pem",
                              "https://127.0.0.1:6443/version").ok()
        assert json.loads(version.out)["gitVersion"].startswith("v1.")
        assert project.ninja().ok().no_work
