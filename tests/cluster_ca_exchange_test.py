"""The CA of servers and the CA of peers exchanged on booted hosts over ssh, under a hundred writes a second."""

import os
import shutil
import subprocess
import threading

import pytest

import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())

CA, PEERS = "ca: {CN: prod-etcd-ca", "cas: {peers: {CN: prod-etcd-peers"


def with_peers(spec, below):
    """SPEC with a CA of the peers' own, and both with BELOW."""
    spec = spec.replace("  peer:   {profile: member,", "  peer:   {profile: member, ca: peers,")
    return f"{PEERS}{below}, key: {{algo: ecdsa, size: 256}}}}}}\n" + spec.replace(CA, CA + below)


class Client(threading.Thread):
    """Keeps the files of a client of somebody else's: it trusts old and new, and gets its new certificate with all that comes with it."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.pki = cluster.project.path("pki")
        self.cas = (self.pki / "ca.pem").read_bytes()
        shutil.copy(self.pki / "root.pem", self.pki / "client.pem")
        shutil.copy(self.pki / "root-key.pem", self.pki / "client-key.pem")
        (self.pki / "client-ca.pem").write_bytes(self.cas)
        self._over = threading.Event()

    @property
    def credentials(self):
        return "pki/client-ca.pem", "pki/client.pem", "pki/client-key.pem"

    def take(self, name, content):
        if (self.pki / name).read_bytes() != content:
            (self.pki / f"{name}.new").write_bytes(content)
            os.replace(self.pki / f"{name}.new", self.pki / name)

    def run(self):
        while not self._over.wait(0.01):
            new = self.pki / "ca-g2.pem"
            if new.exists():
                self.take("client-ca.pem", self.cas + new.read_bytes())
            if (self.pki / "root-chain.pem").exists():
                self.take("client.pem", (self.pki / "root-chain.pem").read_bytes())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join()


def issuer(project, address, port):
    pem = subprocess.run(["openssl", "x509", "-noout", "-issuer", "-nameopt", "RFC2253"], check=True, text=True, capture_output=True,
                         input=project.run("openssl", "s_client", "-connect", f"{address}:{port}").out).stdout
    return pem.strip().removeprefix("issuer=")


@pytest.mark.parametrize("below, restarts", [("", 1), (", ca_constraint: {max_path_len: 0}", 2)], ids=["cross-signed", "both"])
def test_servers_and_peers_under_load(tmp_path, below, restarts):
    with hosts.lab(count=3) as lab, ssh_cluster.formed(lab, tmp_path, spec=lambda spec: with_peers(spec, below)) as cluster:
        starts = cluster.starts()
        cluster.project.edit_spec(CA, CA + ", key-generation: 2")
        cluster.project.edit_spec(PEERS, PEERS + ", key-generation: 2")
        code, planned = cluster.planned()
        assert code == 2
        assert {"trust/both", "ca/cert", "ca/peers/cert", "cert/root"} <= set(planned)
        with Client(cluster) as client, cluster.writing(credentials=client.credentials) as load:
            ran = cluster.gen_and_ninja(timeout=400)
        report = load.end()
        print(ran.out)
        ran.ok()
        assert report["written"] > 100
        assert report["lost"] == [] and cluster.lost_writes(report) == 0
        # Attempts fail where a member is just being restarted; none is turned away for a certificate.
        refused = [failure for failure in report["failed"] if "alert" in failure["error"].lower() or "verify failed" in failure["error"]]
        assert not refused, refused[:5]
        assert {name: count - starts[name] for name, count in cluster.starts().items()} == {host.name: restarts for host in cluster.hosts}
        for host in cluster.hosts:
            assert issuer(cluster.project, host.address, 2379) == "CN=prod-etcd-ca G2"
            assert issuer(cluster.project, host.address, 2380) == "CN=prod-etcd-peers G2"
        assert sorted(path.name for path in cluster.project.path("pki/retired").iterdir() if path.name.endswith("-key.pem")) == [
            "ca-key.pem", "peers-key.pem"]
        cluster.check_all_right()
