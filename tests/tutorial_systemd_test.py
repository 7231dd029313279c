"""The tutorial, end to end, on a booted systemd host."""

import pytest

import cluster as clusters
import systemd_host
from tutorial_checks import *  # pylint: disable=wildcard-import,unused-wildcard-import

pytestmark = pytest.mark.skipif(bool(systemd_host.why_not()), reason=systemd_host.why_not() or "none")

UNIT = r"""[Unit]
Description=etcd
Documentation=https://github.com/coreos

[Service]
Type=notify
ExecStart=/usr/local/bin/etcd \
  --client-cert-auth \
  --name etcd \
  --cert-file=/etc/etcd/kubernetes.pem \
  --key-file=/etc/etcd/kubernetes-key.pem \
  --trusted-ca-file=/etc/etcd/ca.pem \
  --listen-client-urls https://127.0.0.1:2379 \
  --advertise-client-urls https://127.0.0.1:2379 \
  --data-dir=/var/lib/etcd
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"""


@pytest.fixture(name="cluster")
def fixture_cluster():
    with systemd_host.SystemdHost("worker") as host, clusters.on_systemd(host) as cluster:
        yield cluster


@pytest.fixture(name="running")
def fixture_running(cluster):
    cluster.provision()
    return cluster


def test_unit_to_the_byte_active_and_enabled(running):
    assert running.on_host("/etc/systemd/system/etcd.service").read_text(encoding="utf-8") == UNIT
    assert running.project.run("systemctl", "is-active", "etcd").out == "active\n"
    assert running.project.run("systemctl", "is-enabled", "etcd").out == "enabled\n"
    assert running.project.run("systemctl", "show", "-p", "NeedDaemonReload", "--value", "etcd").out == "no\n"
    assert running.project.run("systemctl", "is-system-running").out == "running\n"
    assert running.project.run("systemd-analyze", "verify", "/etc/systemd/system/etcd.service").err == ""


def test_disabled_service_is_enabled(running):
    pid = running.pid()
    running.project.run("systemctl", "disable", "etcd").ok()
    running.project.gen_and_ninja().ok()
    assert running.project.run("systemctl", "is-enabled", "etcd").out == "enabled\n"
    assert running.pid() == pid


HOSTILE = [
    "a $b ${c} $$d",
    "100% %h %i %%n",
    "it's a \"quoted\" string",
    "back\\slash \\n \\x41",
    "$(touch /root/owned) `touch /root/owned`; touch /root/owned",
    "../../../root/owned",
    "größer als 日本",
    " leading and trailing ",
    "#; comment",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_description_arrives_or_is_refused(cluster, text):
    """A free text of the unit: what systemctl show gives back is the text, and it is nothing else."""
    project = cluster.project
    quoted = "'" + text.replace("'", "''") + "'"
    project.spec += f"  unit: {{Unit: {{Description: {quoted}}}}}\n"
    before = harness.snapshot(project.outside)
    generated = project.gen()
    if generated.code == 65:
        assert "cluster.yaml:" in generated.err
        assert harness.changes(before, harness.snapshot(project.outside)) == {}
        return
    generated.ok()
    project.ninja().ok()
    assert project.run("systemctl", "show", "--property=Description", "--value", "etcd").out == text + "\n"
    assert not cluster.on_host("/root/owned").exists()


@pytest.mark.parametrize("text", ["two\nExecStartPre=/usr/bin/touch /root/owned", "nul\0"])
def test_line_ends_are_refused(cluster, text):
    project = cluster.project
    escaped = text.replace("\n", "\\n").replace("\0", "\\0")
    project.spec += f'  unit: {{Unit: {{Description: "{escaped}"}}}}\n'
    before = harness.snapshot(project.outside)
    generated = project.gen()
    assert generated.code == 65, generated
    assert harness.changes(before, harness.snapshot(project.outside)) == {}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("key", ["initial-cluster-token", "name"])
def test_hostile_argument_arrives_or_is_refused(cluster, key, text):
    """A value that the program gets: /proc/PID/cmdline holds it byte for byte, within one argument."""
    project = cluster.project
    quoted = "'" + text.replace("'", "''") + "'"
    project.spec += f"  flags: {{name: {quoted}}}\n" if key == "name" else f"  {key}: {quoted}\n"
    before = harness.snapshot(project.outside)
    generated = project.gen()
    if generated.code == 65:
        assert "cluster.yaml:" in generated.err
        assert harness.changes(before, harness.snapshot(project.outside)) == {}
        return
    generated.ok()
    project.ninja().ok()
    arguments = cluster.arguments()
    assert text in arguments or f"--{key}={text}" in arguments, arguments
    assert not cluster.on_host("/root/owned").exists()
