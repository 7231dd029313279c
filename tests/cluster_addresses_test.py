"""Members that are reached elsewhere than they listen: behind a translated address, by a name, over IPv6, each with its own flags. Booted hosts."""

import contextlib
import json

import pytest

import harness
import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

# What the first host does not have: a relay on the machine in between passes it on, as NAT does.
OUTSIDE, INSIDE_PORT = "203.0.113.11", 12379
SIX = "fd77::12"
FIRST = f"""
    etcd:
      listen: ["$address:{INSIDE_PORT}"]
      advertise: [{OUTSIDE}]
      peer-listen: ["0.0.0.0"]
      peer-advertise: [$name]"""
SECOND = f"""
    etcd:
      listen: [$address, "{SIX}"]
      advertise: ["{SIX}", $address]
      peer-advertise: [$address, "[{SIX}]:2380"]
      peer-listen: ["::"]"""
THIRD = """
    etcd: {flags: {snapshot-count: 5000}}"""
RELAY = ["systemd-socket-activate", f"--listen={OUTSIDE}:2379", "/lib/systemd/systemd-socket-proxyd"]


class Cluster(ssh_cluster.SshCluster):
    def __init__(self, lab, folder):
        super().__init__(lab, folder, 3)
        spec = self.project.spec
        for host, own in zip(self.hosts, (FIRST, SECOND, THIRD), strict=True):
            line = next(line for line in spec.splitlines() if line.startswith(f"  {host.name}:"))
            flow = line.partition(": ")[2].strip("{}")
            keys = "".join(f"\n    {key}" for key in flow.split(", "))
            spec = spec.replace(line, f"  {host.name}:{keys}{own}")
        spec = spec.replace("hosts: [$name, $address, localhost", f"hosts: [{OUTSIDE}, \"{SIX}\", $name, $address, localhost")
        spec = spec.replace("hosts: [$name, $address]", f"hosts: [\"{SIX}\", $name, $address]")
        spec = spec.replace("flags: {quota-backend-bytes: 1073741824}",
                            'flags: {quota-backend-bytes: 1073741824, listen-metrics-urls: "http://$address:2381"}')
        self.project.spec = spec
        first = self.hosts[0]
        lab.admin.in_network("ip", "address", "add", f"{OUTSIDE}/32", "dev", "lab0")
        for number, place in enumerate(self.hosts, start=11):
            place.run(["ip", "address", "add", f"fd77::{number}/64", "dev", place.device, "nodad"], check=True)
        lab.admin.in_network("ip", "address", "add", "fd77::1/64", "dev", "lab0", "nodad")
        self.relay = lab.admin.popen([*RELAY, f"{first.address}:{INSIDE_PORT}"])

    @property
    def endpoints(self):
        return [f"https://{OUTSIDE}:2379", f"https://[{SIX}]:2379", f"https://{self.hosts[2].address}:2379"]

    def arguments(self, host):
        return host.run(["sh", "-c", f"tr '\\0' '\\n' </proc/{self.pids()[host.name]}/cmdline"], check=True).stdout.split("\n")


@pytest.fixture(scope="module", name="cluster")
def _cluster(tmp_path_factory):
    with hosts.lab(count=3) as lab, contextlib.ExitStack() as stack:
        cluster = Cluster(lab, tmp_path_factory.mktemp("project"))
        stack.callback(cluster.relay.wait)
        stack.callback(cluster.relay.terminate)
        yield cluster


def test_they_are_formed(cluster):
    cluster.project.gen().ok()
    cluster.project.ninja(timeout=240).ok()
    assert cluster.is_healthy()
    listed = json.loads(cluster.etcdctl("member", "list", "--write-out=json").ok().out)["members"]
    found = {member["name"]: (sorted(member["clientURLs"]), sorted(member["peerURLs"])) for member in listed}
    first, second, third = cluster.hosts
    assert found == {
        first.name: ([f"https://{OUTSIDE}:2379"], [f"https://{first.name}:2380"]),
        second.name: (sorted([f"https://[{SIX}]:2379", f"https://{second.address}:2379"]),
                      sorted([f"https://[{SIX}]:2380", f"https://{second.address}:2380"])),
        third.name: ([f"https://{third.address}:2379"], [f"https://{third.address}:2380"]),
    }
    assert cluster.project.ninja().ok().no_work


def test_each_has_its_own_flags(cluster):
    for host in cluster.hosts:
        arguments = cluster.arguments(host)
        assert f"--listen-metrics-urls=http://{host.address}:2381" in arguments, arguments
        assert ("--snapshot-count=5000" in arguments) == (host is cluster.hosts[2]), arguments
        answer = cluster.lab.admin.in_network("curl", "--silent", "--fail", f"http://{host.address}:2381/health")
        assert '"health":"true"' in answer, answer


def test_one_members_flag_restarts_that_member(cluster):
    before = cluster.pids()
    cluster.project.edit_spec("snapshot-count: 5000", "snapshot-count: 6000")
    cluster.gen_and_ninja().ok()
    after = cluster.pids()
    third = cluster.hosts[2].name
    assert {name for name in before if before[name] != after[name]} == {third}
    assert cluster.project.ninja().ok().no_work


def test_where_it_is_reached_changes_without_another_member(cluster):
    """The client URLs are published at the next start; nobody's data or identity is touched."""
    before = cluster.pids()
    cluster.project.edit_spec(f'advertise: ["{SIX}", $address]', f'advertise: ["{SIX}"]')
    cluster.gen_and_ninja().ok()
    after = cluster.pids()
    assert {name for name in before if before[name] != after[name]} == {cluster.hosts[1].name}
    listed = json.loads(cluster.etcdctl("member", "list", "--write-out=json").ok().out)["members"]
    assert [member["clientURLs"] for member in listed if member["name"] == cluster.hosts[1].name] == [[f"https://[{SIX}]:2379"]]
    assert cluster.project.ninja().ok().no_work


def test_its_own_host_reaches_it_where_it_listens(cluster):
    """No host has a way to the address outside; each member's own asks it at one that etcd has."""
    cluster.project.spec += "verify: {from: [hosts]}\n"
    cluster.gen_and_ninja().ok()
    cluster.project.run(harness.KPLAN, "status").ok()
    assert cluster.project.ninja().ok().no_work


def test_a_snapshot_is_restored(cluster):
    cluster.check_a_snapshot_is_restored()


def test_a_port_is_not_served_twice(cluster):
    """What etcd would end with is an error of gen, and nothing is restarted."""
    before = cluster.pids()
    cluster.project.edit_spec("$address:2381", "$address:2379")
    ran = cluster.project.gen()
    assert ran.code == 65 and "etcd on etcd-2 cannot listen at both" in ran.err, ran
    assert cluster.pids() == before
