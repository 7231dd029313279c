"""What `revoked:` comes to: a running etcd refuses the certificate and nobody else's, and is not restarted for it."""

import datetime

import pytest

import cluster as clusters
import harness


def later_than(moment):
    """Waits until the clock shows another second than MOMENT."""
    harness.wait_for("next second", lambda: datetime.datetime.now(datetime.timezone.utc) >= moment + datetime.timedelta(seconds=1))


class Etcd:
    """The quickstart's cluster with two more clients and a CRL from the beginning."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.project = cluster.project
        self.project.edit_spec("ca:\n  CN: Kubernetes\n", "ca:\n  CN: Kubernetes\n  crl-expiry: 720h\n")
        self.project.edit_spec("certs:\n", "certs:\n  alice: {}\n  bob: {}\n")

    def member_list(self, certificate, key):
        """`etcdctl member list` with a client certificate and its key, paths in the project."""
        return self.project.run(
            self.cluster.on_host("/usr/local/bin/etcdctl"), "--dial-timeout=2s", "--command-timeout=3s", "member", "list",
            f"--endpoints=https://127.0.0.1:{self.cluster.client_port}", "--cacert=pki/ca.pem", f"--cert={certificate}", f"--key={key}")

    def accepts(self, certificate, key):
        ran = self.member_list(certificate, key)
        return ran.code == 0 and ran.out == self.cluster.member_line

    def refuses(self, certificate, key):
        """Whether etcd turns the certificate away because it is revoked: it answers another one, and its log says so."""
        log = self.cluster.on_host("/var/log/etcd.log")
        size = log.stat().st_size
        ran = self.member_list(certificate, key)
        told = log.read_bytes()[size:].decode(errors="replace")
        return ran.code != 0 and "revoked" in told and self.accepts("pki/kubernetes.pem", "pki/kubernetes-key.pem")

    def serial(self, certificate):
        out = self.project.run("openssl", "x509", "-in", certificate, "-noout", "-serial").ok().out
        return out.strip().partition("=")[2].lower()

    def crl(self):
        return self.project.run("openssl", "crl", "-in", "pki/ca-crl.pem", "-noout", "-text").ok().out


@pytest.fixture(name="etcd")
def fixture_etcd():
    with clusters.in_folder() as cluster:
        etcd = Etcd(cluster)
        cluster.provision()
        yield etcd


ALICE = ("pki/alice.pem", "pki/alice-key.pem")
BOB = ("pki/bob.pem", "pki/bob-key.pem")


def test_revoked_by_serial(etcd):
    cluster, project = etcd.cluster, etcd.project
    assert etcd.accepts(*ALICE) and etcd.accepts(*BOB)
    assert f"--client-crl-file={cluster.on_host('/etc/etcd/ca.crl')}" in cluster.arguments()
    pid = cluster.pid()

    project.spec += f"revoked:\n  - {{serial: '0x{etcd.serial('pki/alice.pem')}', reason: keyCompromise}}\n"
    ran = project.gen_and_ninja().ok()
    assert "ca/crl" in ran.edges
    assert not [label for label in ran.edges if label.startswith(("cert/", "key/", "ca/key", "ca/cert"))]
    assert cluster.on_host("/etc/etcd/ca.crl").read_bytes() == project.path("pki/ca.crl").read_bytes()
    assert etcd.refuses(*ALICE)
    assert etcd.accepts(*BOB)
    assert cluster.pid() == pid
    assert project.ninja().no_work
    assert "Key Compromise" in etcd.crl()

    # Taken off the list: what the user declares is what holds.
    project.spec = project.spec.partition("revoked:\n")[0]
    ran = project.gen_and_ninja().ok()
    assert "no longer revokes" in ran.out
    assert etcd.accepts(*ALICE)
    assert cluster.pid() == pid
    assert project.ninja().no_work


def test_revoked_by_name(etcd):
    cluster, project = etcd.cluster, etcd.project
    pid = cluster.pid()
    harness.copy_file(project.path("pki/alice.pem"), project.path("stolen.pem"))
    moment = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    later_than(moment)
    project.spec += f"revoked:\n  - {{cert: alice, reason: superseded, date: {moment:%Y-%m-%dT%H:%M:%SZ}}}\n"
    ran = project.gen_and_ninja().ok()
    assert "cert/alice" in ran.edges and "ca/crl" in ran.edges and "cert/bob" not in ran.edges
    # The new one is good at once, the old one, whoever has it, no more.
    assert etcd.accepts(*ALICE)
    assert etcd.refuses("stolen.pem", ALICE[1])
    assert etcd.accepts(*BOB)
    assert cluster.pid() == pid
    assert project.ninja().no_work
    verify = ["openssl", "verify", "-crl_check", "-CAfile", "pki/ca.pem", "-CRLfile", "pki/ca-crl.pem"]
    assert project.run(*verify, "pki/alice.pem", "pki/bob.pem").code == 0
    refused = project.run(*verify, "stolen.pem")
    assert refused.code != 0 and "certificate revoked" in refused.err + refused.out


def test_lost_crl_comes_back_with_its_number(etcd):
    cluster, project = etcd.cluster, etcd.project
    before = project.path("pki/ca.crl").read_bytes()
    for name in ("pki/ca.crl", "pki/ca-crl.pem"):
        project.path(name).unlink()
        project.ninja().ok()
        assert project.path("pki/ca.crl").read_bytes() == before
        assert project.ninja().no_work
    # The one on the host is the host's step to restore, and etcd answers nobody until then.
    cluster.on_host("/etc/etcd/ca.crl").unlink()
    assert not etcd.accepts(*BOB)
    project.ninja().ok()
    assert cluster.on_host("/etc/etcd/ca.crl").read_bytes() == before
    assert etcd.accepts(*BOB)
