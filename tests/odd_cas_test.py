"""CAs that some verifiers refuse: what kplan says of each, and what those that are installed say.

Each CA is odd in one way. What kplan says about OpenSSL and GnuTLS has to be what they do with a server's certificate that
it signed; Go has no command for that, and stands in the table as it was seen (src/pki/verifier_objections.h).
"""

import json
import re
import shutil
import subprocess

import pytest

import harness

EXTENSIONS = {"basicConstraints": "critical,CA:TRUE", "keyUsage": "critical,keyCertSign,cRLSign", "subjectKeyIdentifier": "hash"}
P256 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
RSA = lambda bits, *more: ["-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}", *more]


class Odd:
    """A CA: its key, and where its extensions are other ones than usual (None: it has none of that name)."""

    def __init__(self, *says, key=None, serial="1", arguments=(), below=False, **extensions):
        self.says, self.key, self.serial, self.arguments, self.below = set(says), key or P256, serial, arguments, below
        self.extensions = {name: value for name, value in (EXTENSIONS | extensions).items() if value is not None}


CAS = {
    "usual": Odd(),
    "usual RSA": Odd(key=RSA(2048)),
    "RSA 1024": Odd("weak-key", key=RSA(1024)),
    "RSA 1016": Odd("rsa-bits", key=RSA(1016)),
    "exponent 3": Odd(key=RSA(2048, "-pkeyopt", "rsa_keygen_pubexp:3")),
    "large exponent": Odd("rsa-exponent", key=RSA(2048, "-pkeyopt", "rsa_keygen_pubexp:4294967297")),
    "secp256k1": Odd("curve", key=["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"]),
    "P-224": Odd(key=["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"]),
    "no key usage": Odd("key-usage", keyUsage=None),
    "empty key usage": Odd("empty-key-usage", keyUsage="critical,DER:03:01:00"),
    "no key identifier": Odd("key-identifier", subjectKeyIdentifier="none"),
    "critical key identifier": Odd("critical-key-identifier", subjectKeyIdentifier="critical,01:02"),
    "basic constraints": Odd("basic-constraints", basicConstraints="CA:TRUE"),
    "key usage": Odd(keyUsage="keyCertSign,cRLSign"),
    "negative serial": Odd("negative-serial", serial="-5"),
    "serial zero": Odd(serial="0"),
    "long serial": Odd(serial="0x01" + "ab" * 20),
    "SHA-1 root": Odd(key=RSA(2048), arguments=["-sha1"]),
    "SHA-1 below a root": Odd("weak-hash", below=True, arguments=["-sha1"]),
    "MD5 below a root": Odd("weak-hash", below=True, arguments=["-md5"]),
    "usual below a root": Odd(below=True),
    "a network that is none": Odd("bad-network", nameConstraints="critical,DER:30:0e:a0:0c:30:0a:87:08:7f:00:00:00:ff:00:ff:00"),
    "no name constraints": Odd("empty-name-constraints", nameConstraints="critical,DER:30:00"),
    "rare names": Odd("other-constraints", "unchecked-constraints", nameConstraints="critical,permitted;RID:1.2.3"),
    "no alternative names": Odd("empty-alternative-names", subjectAltName="DER:30:00"),
}
# What refuses the CA of a property, of those that can be asked here; without being asked strictly, and strictly.
STRICT_ONLY = {"openssl strict"}
REFUSED_BY = {
    "weak-key": {"openssl level 2", "openssl strict"},
    "rsa-bits": {"openssl level 2", "openssl strict", "gnutls"},
    "curve": {"gnutls"},
    "weak-hash": {"openssl level 1", "openssl level 2", "openssl strict", "gnutls"},
    "key-usage": STRICT_ONLY,
    "key-identifier": STRICT_ONLY,
    "basic-constraints": STRICT_ONLY,
    "empty-alternative-names": STRICT_ONLY,
    "empty-key-usage": {"openssl level 1", "openssl level 2", "openssl strict", "gnutls"},
    "critical-key-identifier": {"openssl level 1", "openssl level 2", "openssl strict"},
    "bad-network": {"gnutls"},
    "unchecked-constraints": {"gnutls"},
    "negative-serial": set(),
    "rsa-exponent": set(),
    "empty-name-constraints": set(),
    "other-constraints": set(),
}


def run(*argv, check=True, **kwargs):
    ran = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=120, check=False, errors="replace", **kwargs)
    assert not check or ran.returncode == 0, f"{argv}\n{ran.stdout}{ran.stderr}"
    return ran


def section(extensions):
    return "[req]\ndistinguished_name=d\n[d]\n[x]\n" + "".join(f"{name}={value}\n" for name, value in extensions.items())


class Pki:
    """The ODD CA as corp/ca.pem, a root above it where it is below one, and a server's certificate."""

    def __init__(self, folder, odd):
        self.folder = folder / "corp"
        self.folder.mkdir()
        self.key("ca", odd.key)
        if odd.below:
            self.key("root", RSA(2048))
            self.certify("root", EXTENSIONS, "-x509", "-days", "100")
            self.sign("ca", "root", odd.extensions | {"authorityKeyIdentifier": "keyid"}, "-set_serial", odd.serial, *odd.arguments)
        else:
            self.certify("ca", odd.extensions, "-x509", "-days", "100", "-set_serial", odd.serial, *odd.arguments)
        self.key("leaf", P256)
        keyed = odd.extensions["subjectKeyIdentifier"] == "hash"
        self.sign("leaf", "ca", {"basicConstraints": "critical,CA:FALSE", "keyUsage": "critical,digitalSignature", "extendedKeyUsage": "serverAuth",
                                 "subjectKeyIdentifier": "hash", "authorityKeyIdentifier": "keyid" if keyed else "none",
                                 "subjectAltName": "DNS:localhost,IP:127.0.0.1"})

    def path(self, name):
        return self.folder / name

    def key(self, name, kind):
        run("openssl", "genpkey", *kind, "-out", self.path(f"{name}-key.pem"))
        self.path(f"{name}-key.pem").chmod(0o600)

    def certify(self, name, extensions, *arguments):
        self.path("cnf").write_text(section(extensions), encoding="ascii")
        run("openssl", "req", "-new", "-config", self.path("cnf"), "-key", self.path(f"{name}-key.pem"), "-subj", f"/CN=odd {name}", "-extensions",
            "x", *arguments, "-out", self.path(f"{name}.pem"))

    def sign(self, name, issuer, extensions, *arguments):
        self.path("cnf").write_text(section({}), encoding="ascii")
        run("openssl", "req", "-new", "-config", self.path("cnf"), "-key", self.path(f"{name}-key.pem"), "-subj", f"/CN=odd {name}", "-out",
            self.path(f"{name}.csr"))
        self.path("cnf").write_text(section(extensions), encoding="ascii")
        run("openssl", "x509", "-req", "-in", self.path(f"{name}.csr"), "-CA", self.path(f"{issuer}.pem"), "-CAkey", self.path(f"{issuer}-key.pem"),
            "-days", "90", "-extfile", self.path("cnf"), "-extensions", "x", *(arguments or ["-set_serial", "7"]), "-out", self.path(f"{name}.pem"))

    def refused_by(self):
        """Who refuses the server's certificate."""
        root = "root" if self.path("root.pem").exists() else "ca"
        refused = set()
        for name, options in [("level 1", ["-auth_level", "1"]), ("level 2", ["-auth_level", "2"]), ("strict", ["-x509_strict", "-auth_level", "2"])]:
            ran = run("openssl", "verify", *options, "-purpose", "sslserver", "-verify_hostname", "localhost", "-CAfile", self.path(f"{root}.pem"),
                      "-untrusted", self.path("ca.pem"), self.path("leaf.pem"), check=False)
            if ran.returncode != 0:
                refused.add(f"openssl {name}")
        chain = self.path("chain.pem")
        chain.write_text(self.path("leaf.pem").read_text() + ("" if root == "ca" else self.path("ca.pem").read_text()))
        if run("certtool", "--verify", "--verify-profile", "low", "--load-ca-certificate", self.path(f"{root}.pem"), "--infile", chain, check=False).returncode != 0:
            refused.add("gnutls")
        return refused


@pytest.fixture(name="project")
def fixture_project(tmp_path):
    project = harness.Project(tmp_path, harness.Here(), harness.KPLAN)
    project.spec = "ca:\n  cert: corp/ca.pem\ncerts:\n  web: {hosts: [web.example]}\n"
    return project


def said(project):
    checked = json.loads(project.run(harness.KPLAN, "check", "--json", "cluster.yaml").ok().out)
    assert checked["good"]
    assert {(d["severity"], d["code"], d["line"]) for d in checked["diagnostics"]} <= {("warning", "given-ca", 1), ("warning", "given-ca", 2)}
    assert all(d["help"] for d in checked["diagnostics"])
    return [d["message"] for d in checked["diagnostics"]]


@pytest.mark.skipif(shutil.which("certtool") is None, reason="there is no certtool (Debian package gnutls-bin)")
@pytest.mark.parametrize("name", CAS)
def test_what_is_said_is_so(project, tmp_path, name):
    odd = CAS[name]
    pki = Pki(tmp_path, odd)
    assert pki.refused_by() == set().union(*(REFUSED_BY[says] for says in odd.says))
    messages = said(project)
    project.gen().ok()
    ran = project.ninja("ca/cert").ok()
    rows = {row["label"]: row for row in json.loads(project.run(harness.KPLAN, "certs", "--json", "cluster.yaml").out)}
    refused = rows["ca/cert"].get("refused", [])
    assert {entry["property"] for entry in refused} == odd.says
    assert messages == [f"the CA corp/ca.pem is refused by {entry['by']}: {entry['what']}" for entry in refused]
    if odd.says:
        for entry in refused:
            assert entry["what"] in ran.out
    else:
        assert messages == [] and "not everybody" not in ran.out
    # For each that refuses here the words name it.
    words = {"openssl level 1": "OpenSSL", "openssl level 2": "OpenSSL", "openssl strict": "OpenSSL", "gnutls": "GnuTLS"}
    for who in pki.refused_by():
        assert any(words[who] in entry["by"] for entry in refused), (who, refused)


def test_gen_plan_and_certs_say_it(project, tmp_path):
    Pki(tmp_path, CAS["no key usage"])
    line = "cluster.yaml:1:1: warning: the CA corp/ca.pem is refused by Python 3.13 and later, and OpenSSL 3 with -x509_strict: it has no key usage [given-ca]"
    assert line in project.gen().ok().err
    plan = project.run(harness.KPLAN, "plan", "cluster.yaml")
    assert line in plan.err, plan.err
    assert "it has no key usage" in project.ninja("ca/cert").ok().out
    certs = project.run(harness.KPLAN, "certs", "cluster.yaml")
    assert "ca/cert: it has no key usage (refused by Python 3.13 and later, and OpenSSL 3 with -x509_strict)\n" in certs.out
    assert re.search(r"ca/cert +pki/ca\.pem +\d+ +good ", certs.out), "a refusal is nothing that kplan could put right"


def test_without_the_file_nothing_is_said(project):
    assert said(project) == []
