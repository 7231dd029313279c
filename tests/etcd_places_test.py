"""An etcd of one member whose data moves: it never starts without what it had. The ports of a machine of one's own."""

import re

import pytest

import cluster
import harness

pytestmark = pytest.mark.skipif(not harness.ISOLATED_ROOT, reason="it needs the ports 2379 and 2380 of its own network")


@pytest.fixture(name="single")
def fixture_single():
    with cluster.in_folder() as single:
        single.use_quick_keys()
        yield single


def ctl(single, *argv):
    etc = single.on_host("/etc/etcd")
    return single.project.run(
        single.on_host("/usr/local/bin/etcdctl"), *argv, f"--endpoints=https://127.0.0.1:{single.client_port}", f"--cacert={etc}/ca.pem",
        f"--cert={etc}/kubernetes.pem", f"--key={etc}/kubernetes-key.pem").ok().out


def test_data_moves_by_hand_and_never_stays_behind(single):
    single.provision()
    ctl(single, "put", "kept", "yes")
    pid = single.pid()
    single.project.edit_spec("etcd:\n", "etcd:\n  data-dir: /srv/etcd\n")
    for ran in (single.project.gen(), single.project.ninja(), single.project.run(single.project.kplan, "plan", "cluster.yaml")):
        said = ran.out + ran.err
        assert ran.code not in (0, 2) and "etcd's data is in " in said and "it would start without" in said, said
    assert single.pid() == pid and not single.on_host("/srv").exists()
    # What it says to do works.
    single.stop()
    single.project.run("mkdir", "-p", single.on_host("/srv")).ok()
    single.project.run("mv", single.on_host("/var/lib/etcd"), single.on_host("/srv/etcd")).ok()
    single.project.gen_and_ninja().ok()
    assert ctl(single, "get", "kept", "--print-value-only") == "yes\n"
    assert f"--data-dir={single.on_host('/srv/etcd')}" in single.arguments()
    assert single.project.ninja().no_work


def test_ports_and_folders_from_the_beginning(single):
    # The example's flags say all this themselves.
    single.project.spec = re.sub(r"  flags:.*\n(    .*\n)+", "", single.project.spec)
    single.project.edit_spec("etcd:\n", "etcd:\n  client-port: 12379\n  peer-port: 12380\n  bin-dir: /opt/bin\n  config-dir: /opt/etc\n  data-dir: /opt/data\n")
    single.provision()
    arguments = single.arguments()
    assert arguments[0] == str(single.on_host("/opt/bin/etcd"))
    assert "https://127.0.0.1:12379" in arguments and "--listen-peer-urls=http://localhost:12380" in arguments, arguments
    assert single.on_host("/opt/data/member").is_dir() and single.on_host("/opt/etc/ca.pem").is_file()
    assert not any(single.on_host(path).exists() for path in ("/etc/etcd", "/var/lib/etcd", "/usr/local/bin"))
    assert single.project.ninja().no_work
