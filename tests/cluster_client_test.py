"""Another client than etcdctl uses the cluster with the certificate that kplan issued: Debian's python3-etcd3."""

import textwrap

import pytest

import hosts
import ssh_cluster

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not())


def client(cluster, certificate, body):
    """Runs BODY with `client`, an etcd3.client for the second member, made with CERTIFICATE: the arguments for it."""
    address = cluster.hosts[1].address
    program = f"import etcd3\nclient = etcd3.client(host={address!r}, port=2379, ca_cert='pki/ca.pem', timeout=5{certificate})\n"
    return cluster.project.run("/usr/bin/python3", "-c", program + textwrap.dedent(body))


def test_python_etcd3(tmp_path):
    with hosts.lab(count=3) as lab, ssh_cluster.formed(lab, tmp_path) as cluster:
        ours = ", cert_cert='pki/root.pem', cert_key='pki/root-key.pem'"
        ran = client(cluster, ours, """
            client.put("/a", "written by another client")
            print(client.get("/a")[0].decode())
            print(sorted(member.name for member in client.members))
            """).ok()
        assert ran.out == f"written by another client\n{[host.name for host in cluster.hosts]}\n"
        assert cluster.etcdctl("get", "/a", "--print-value-only").ok().out == "written by another client\n"

        # Without a certificate, and with a stranger's: turned away.
        refused = client(cluster, "", "client.put('/b', 'x')")
        assert refused.code != 0 and "etcd3.exceptions.ConnectionFailedError" in refused.err, refused.err
        cluster.project.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=root",
                            "-keyout", "stranger-key.pem", "-out", "stranger.pem").ok()
        stranger = client(cluster, ", cert_cert='stranger.pem', cert_key='stranger-key.pem'", "client.put('/b', 'x')")
        assert stranger.code != 0 and "etcd3.exceptions.ConnectionFailedError" in stranger.err, stranger.err
        assert cluster.etcdctl("get", "/b", "--print-value-only").ok().out == ""
