"""Those who verify certificates: OpenSSL, GnuTLS, Go (in cfssl and etcd) and Node, each asked in its own way.

Each has rules of its own about what a certificate is good for; what they are is written down here once, so that a test
can hold a verifier to a yes as well as to a no.
"""

import contextlib
import json
import os
import pathlib
import socket
import ssl
import subprocess
import tarfile
import threading
import urllib.error
import urllib.request

import pytest

import harness
import pki_specs

OUTSIDER = "elsewhere.example.org"
OUTSIDE_IP = "203.0.113.7"
OUTSIDE_EMAIL = "nobody@elsewhere.example.org"

SERVER_AUTH, CLIENT_AUTH = pki_specs.EXTENDED["server auth"], pki_specs.EXTENDED["client auth"]
EMAIL_PROTECTION = pki_specs.EXTENDED["email protection"]
ANY = pki_specs.EXTENDED["any"]
SGC = {pki_specs.EXTENDED["microsoft sgc"], pki_specs.EXTENDED["netscape sgc"]}

_TLS = {"signing", "digital signature", "key encipherment", "key agreement"}
_SIGNS = {"signing", "digital signature"}


def run(*argv, check=False):
    """The finished command."""
    ran = subprocess.run([str(arg) for arg in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="backslashreplace",
                         timeout=120, check=False)
    if check:
        assert ran.returncode == 0, f"{argv}: exit {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran


# OpenSSL.


def openssl_purposes(leaf):
    """{purpose: whether a certificate with LEAF's usages has it}, by the rules of OpenSSL 3.0 (crypto/x509/v3_purp.c).

    Unlike the others it takes "any" for none of these: anyExtendedKeyUsage only counts for -purpose any.
    """
    key_usage = leaf.usages - set(pki_specs.EXTENDED)

    def good(extended, usages):
        return (not leaf.extended or bool(leaf.extended & extended)) and (not key_usage or bool(key_usage & usages))

    return {
        "sslserver": good({SERVER_AUTH} | SGC, _TLS),
        "sslclient": good({CLIENT_AUTH}, _SIGNS | {"key agreement"}),
        "smimesign": good({EMAIL_PROTECTION}, _SIGNS | {"content commitment"}),
        "smimeencrypt": good({EMAIL_PROTECTION}, {"key encipherment"}),
        "any": True,
    }


def openssl(root, chain, certificate, purpose="any", host=None, ip=None, email=None, extra=()):
    """"" when openssl accepts CERTIFICATE, else what it says. CHAIN: a file of intermediates, or None."""
    argv = ["openssl", "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", root, "-purpose", purpose, *extra]
    if chain:
        argv += ["-untrusted", chain]
    for option, value in (("-verify_hostname", host), ("-verify_ip", ip), ("-verify_email", email)):
        if value:
            argv += [option, value]
    ran = run(*argv, certificate)
    assert ran.returncode in (0, 1, 2), ran
    return "" if ran.returncode == 0 and ran.stdout.endswith(": OK\n") else ran.stdout + ran.stderr


# GnuTLS.


def gnutls_has(leaf, purpose):
    """Whether GnuTLS takes a certificate with LEAF's usages for the OID PURPOSE: it looks at the extended key usage alone."""
    return not leaf.extended or bool(leaf.extended & {purpose, ANY})


def gnutls_minds(leaf):
    """Whether GnuTLS finds LEAF to violate name constraints that it does not violate, by its own rules (lib/x509/name_constraints.c).

    It cannot compare URIs, and refuses any below a CA that excludes some. Of a server
    without a DNS name it takes the CN for one, whatever it looks like (the others only when it looks like one).
    """
    excluded = [each for authority in leaf.chain for each in authority.excluded]
    if leaf.uris and any(each.startswith("uri:") for each in excluded):
        return True
    if leaf.dns or not gnutls_has(leaf, SERVER_AUTH):
        return False
    permitted = [[each.lstrip(".") for each in authority.permitted if not set("@:/") & set(each)] for authority in leaf.chain]
    return any(domains and not any(leaf.CN.endswith(f".{domain}") for domain in domains) for domains in permitted)


def gnutls(root, chain, host=None, email=None, purpose=None):
    """"" when certtool accepts CHAIN (a file, the leaf first), else what it says. HOST may be an IP address."""
    argv = ["certtool", "--verify", "--infile", chain, "--load-ca-certificate", root]
    for option, value in (("--verify-hostname", host), ("--verify-email", email), ("--verify-purpose", purpose)):
        if value:
            argv += [option, value]
    ran = run(*argv)
    good = ran.returncode == 0 and "Chain verification output: Verified. The certificate is trusted." in ran.stdout
    # It prints its opinion, and exits with it only sometimes: both have to agree that there is one.
    assert good or "Chain verification output:" in ran.stdout, ran
    return "" if good else ran.stdout


# Go.


def go_has(leaf, purpose):
    """Whether crypto/x509 takes LEAF's usages for the OID PURPOSE (verify.go, checkChainForKeyUsage): "any" is good for all."""
    return not leaf.extended or bool(leaf.extended & {purpose, ANY})


class Cfssl:
    """`cfssl serve` with ROOTS and INTERMEDIATES (PEM files): its bundler verifies with crypto/x509, at a millisecond a question."""

    # What it says of a key that is neither RSA nor ECDSA, after crypto/x509 had nothing against it.
    UNKNOWN_KEY = 2200
    HANDSHAKE_FAILED = 1200
    # There is a chain, and the leaf has none of the usages that the bundler asks for. crypto/x509 looks at usages last, when
    # signatures, lives and name constraints were all right.
    WRONG_USAGE = 1214

    def __init__(self, folder, roots, intermediates):
        (self.port,) = harness.free_ports(1)
        argv = ["cfssl", "serve", "-address", "127.0.0.1", "-port", str(self.port), "-ca-bundle", str(roots), "-int-bundle",
                str(intermediates)]
        with open(folder / "cfssl.log", "wb") as log:
            self._process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        harness.wait_for("cfssl", self._listens)

    def _listens(self):
        assert self._process.poll() is None, "cfssl serve ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self._process.kill()
        self._process.wait()

    @staticmethod
    def has_usage(leaf):
        """Whether LEAF has a usage that the bundler asks for: a server's, of today or of the nineties."""
        return any(go_has(leaf, purpose) for purpose in {SERVER_AUTH} | SGC)

    def ask(self, **question):
        """The code of the first error, 0 for none, and all that it answered."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1/cfssl/bundle",
                                         json.dumps(question).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            answer = json.load(error)
        errors = answer["errors"]
        return (errors[0]["code"] if errors else 0), answer


class TlsServer:
    """A TLS server on 127.0.0.1:443, where cfssl looks, that shows whatever certificate it is given last.

    `verdicts` has, for each connection, "" when the client finished the handshake, which a client of TLS 1.3 does only
    when it has accepted the certificate, and otherwise the alert that it sent.
    """

    def __init__(self):
        self.verdicts = []
        self._context = None
        self._listener = socket.create_server(("127.0.0.1", 443))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def show(self, chain, key):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._context.load_cert_chain(chain, key)
        self.verdicts.clear()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            try:
                connection.settimeout(30)
                with self._context.wrap_socket(connection, server_side=True):
                    self.verdicts.append("")
            except (OSError, ssl.SSLError) as error:
                self.verdicts.append(str(error))
            finally:
                connection.close()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


class EtcdDoor:
    """A real etcd that lets in whom one of ROOTS (a PEM file) has certified as a client."""

    def __init__(self, folder, roots):
        with tarfile.open(harness.ETCD_ARCHIVE) as archive:
            (member,) = [member for member in archive if pathlib.PurePath(member.name).name == "etcd" and member.isfile()]
            member.name = "etcd"
            archive.extract(member, folder)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=door", "-addext",
            "subjectAltName=IP:127.0.0.1", "-keyout", folder / "door-key.pem", "-out", folder / "door.pem", check=True)
        client, peer = harness.free_ports(2)
        self.port = client
        argv = [folder / "etcd", "--data-dir", folder / "data", "--listen-client-urls", f"https://127.0.0.1:{client}",
                "--advertise-client-urls", f"https://127.0.0.1:{client}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}", "--initial-cluster", f"default=http://127.0.0.1:{peer}",
                "--cert-file", folder / "door.pem", "--key-file", folder / "door-key.pem", "--client-cert-auth", "--trusted-ca-file", roots]
        with open(folder / "etcd.log", "wb") as log:
            self._process = subprocess.Popen([str(arg) for arg in argv], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        harness.wait_for("etcd", self._listens)

    def _listens(self):
        assert self._process.poll() is None, "etcd ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self._process.kill()
        self._process.wait()

    def knock(self, chain, key):
        """"" when etcd lets a client with CHAIN and KEY in, else how it ended. Without them: a client with no certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # In TLS 1.3 a client is done before the server has seen its certificate, and may never see why it was refused.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if chain:
            context.load_cert_chain(chain, key)
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=30) as plain, context.wrap_socket(plain) as secured:
                secured.sendall(b"GET /version HTTP/1.0\r\n\r\n")
                answer = secured.recv(4096)
        except (ssl.SSLError, ConnectionResetError) as error:
            # An alert; or a reset, when it hung up with a part of our flight unread.
            assert self._process.poll() is None, "etcd ended"
            return str(error)
        assert answer.startswith(b"HTTP/1.0 200"), answer
        return ""


# Node.


def node(script, questions, folder):
    """What SCRIPT (tests/pki_node.js) answers to QUESTIONS, in one process for all of them."""
    asked = folder / "node-questions.json"
    asked.write_text(json.dumps(questions), encoding="utf-8")
    ran = run("node", script, asked, check=True)
    answers = json.loads(ran.stdout)
    assert len(answers) == len(questions)
    return answers


@contextlib.contextmanager
def closing(thing):
    """THING, closed in the end however the test ends."""
    try:
        yield thing
    finally:
        thing.close()


def may_listen_on_443():
    """Whether this process may: in the tests' own network namespace, as root."""
    if not harness.ISOLATED_ROOT:
        try:
            socket.create_server(("127.0.0.1", 443)).close()
        except OSError:
            return False
    return True


def pem(*files):
    """The texts of FILES, one after the other."""
    return "".join(pathlib.Path(file).read_text(encoding="ascii") for file in files)
