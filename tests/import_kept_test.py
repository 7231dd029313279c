"""`kplan import cfssl` keeps whatever cfssl made, however odd: what it can be blamed for is only what is wrong.

The proof is always the same: after the import `gen` and `ninja` sign nothing and write no given file again.
"""

import re
import shutil

import pytest

import harness
from cfssl_pki import EC, NEEDS_CFSSL, TUTORIAL_PROFILE, Import, openssl

pytestmark = NEEDS_CFSSL

CENTURY = "876000h"


@pytest.fixture(name="it")
def fixture_it(tmp_path):
    it = Import(tmp_path)
    it.cfssl.config(kubernetes=TUTORIAL_PROFILE)
    return it


def resign(it, name, *, ca="ca", days=365, extensions=""):
    """NAME's certificate once more, by openssl: from its request, for DAYS, with EXTENSIONS (lines of openssl.cnf)."""
    extfile = it.cfssl.write(
        "x.cnf", "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n"
        "extendedKeyUsage=serverAuth,clientAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n" + extensions)
    openssl("x509", "-req", "-in", it.source / f"{name}.csr", "-CA", it.source / f"{ca}.pem", "-CAkey", it.source / f"{ca}-key.pem",
            "-days", days, "-set_serial", "4711", "-sha256", "-extfile", extfile, "-out", it.source / f"{name}.pem")
    extfile.unlink()


def sign_nothing(it):
    """And `plan` knows it before."""
    it.reissues_nothing()
    plan = it.project.run(harness.KPLAN, "plan", "cluster.yaml")
    assert plan.code == 0, plan.out


# How long.


def test_leaves_that_live_as_long_as_their_ca(it):
    it.cfssl.config(kubernetes=TUTORIAL_PROFILE | {"expiry": CENTURY})
    it.cfssl.ca(ca={"expiry": CENTURY})
    it.cfssl.sign("web", hostname="web.example")
    # As if it had been a minute later, which is as long as nobody here waits.
    resign(it, "web", days=36500 + 1, extensions="subjectAltName=DNS:web.example\n")
    ran = it.ok()
    assert "again" not in ran.err, ran.err
    assert f"  expiry: {CENTURY}\n" in it.yaml
    sign_nothing(it)
    it.project.edit_spec("[web.example]", "[web.example, b.example]")
    it.project.gen().ok()
    it.project.ninja("pki").ok()
    end = lambda name: openssl("x509", "-in", it.target / f"pki/{name}.pem", "-noout", "-enddate")
    assert end("web") == end("ca"), "what is signed now ends with its CA"


def test_lives_are_written_in_hours(it):
    it.cfssl.config(kubernetes=TUTORIAL_PROFILE | {"expiry": CENTURY})
    it.cfssl.ca(ca={"expiry": CENTURY})
    it.cfssl.sign("web")
    it.ok()
    assert re.findall(r"expiry: (\S+)", it.yaml) == [CENTURY, CENTURY]
    sign_nothing(it)


# Names.


def test_names_in_capitals(it):
    it.cfssl.ca()
    it.cfssl.sign("caps", hosts=["WEB.Lab.Example", "web.example.", "Ops@Lab.example", "web.lab.example", "*.LAB.Example"])
    ran = it.ok()
    assert ran.err == ""
    assert "hosts: [web.lab.example, web.example, '*.lab.example', Ops@lab.example]" in it.yaml.replace('"', "'"), it.yaml
    sign_nothing(it)
    # A name more is a reason.
    it.project.edit_spec("[web.lab.example, ", "[web.lab.example, b.example, ")
    it.project.gen().ok()
    assert it.project.ninja("pki").ok().edges == ["cert/caps", "csr/caps"]


# URLs.


def test_urls_of_the_default_are_inherited(it):
    urls = {"ocsp_url": "http://ocsp.lab.example", "crl_url": "http://crl.lab.example/ca.crl", "issuer_urls": ["http://crl.lab.example/ca.pem"]}
    it.cfssl.config(default={"expiry": "26280h"} | urls,
                    server={"usages": ["signing", "key encipherment", "server auth"], "expiry": "17520h"},
                    client={"usages": ["signing", "key encipherment", "client auth"], "expiry": "17520h", "crl_url": "http://other.example/"})
    it.cfssl.ca()
    it.cfssl.sign("web", profile="server")
    it.cfssl.sign("app", profile="client")
    ran = it.ok()
    assert ran.err == ""
    assert it.yaml.count("ocsp_url: http://ocsp.lab.example\n") == 2 and it.yaml.count("issuer_urls: ") == 2
    assert it.yaml.count("crl_url: http://crl.lab.example/ca.crl\n") == 1 and it.yaml.count("crl_url: http://other.example/\n") == 1
    sign_nothing(it)


# Requests.


def test_one_request_for_several_certificates(it):
    """As in etcd's hack/tls-setup."""
    it.cfssl.ca()
    for name in ("m1", "m2"):
        it.cfssl.sign(name, CN="etcd", hostname=f"{name},127.0.0.1")
    (it.source / "m1-csr.json").rename(it.source / "req-csr.json")
    (it.source / "m2-csr.json").unlink()
    ran = it.ok()
    assert re.search(r"req-csr\.json: warning: is, by its subject and key, the request of \S*m1\.pem, \S*m2\.pem: no certificate req is issued", ran.err), ran.err
    assert "imported 1 CA and 2 certificates" in ran.out and "more to be issued" not in ran.out
    assert "req:" not in it.yaml
    sign_nothing(it)


def test_a_request_of_another_name(it):
    it.cfssl.ca()
    it.cfssl.sign("web", hostname="web.example")
    it.cfssl.sign("app")
    (it.source / "web.csr").rename(it.source / "server.csr")
    (it.source / "app.csr").rename(it.source / "web.csr")
    ran = it.ok()
    assert ran.err == ""
    assert harness.sha256(it.target / "pki/web.csr") == harness.sha256(it.source / "server.csr")
    assert harness.sha256(it.target / "pki/app.csr") == harness.sha256(it.source / "web.csr")
    before = it.files()
    it.project.gen().ok()
    it.project.ninja("pki").ok()
    assert harness.changes(before, it.files()) == {}


def test_a_request_that_its_signer_did_not_follow(it):
    """cfssl sign -hostname: the names are in the certificate only."""
    it.cfssl.ca()
    it.cfssl.sign("web", hostname="web.example")
    openssl("req", "-new", "-key", it.source / "web-key.pem", "-out", it.source / "web.csr", "-subj",
            "/C=US/ST=Oregon/L=Portland/O=Kubernetes/OU=Kubernetes The Hard Way/CN=web", "-utf8")
    ran = it.ok()
    assert "web.csr: warning: asks for " in ran.err and "left out" in ran.err, ran.err
    assert not (it.target / "pki/web.csr").exists()
    sign_nothing(it)


def test_the_request_of_a_ca_with_a_path_length(it):
    """cfssl asks for basic constraints in it, which kplan's requests have not."""
    it.cfssl.ca(ca={"expiry": "87600h", "pathlen": 1})
    it.cfssl.sign("web")
    assert "pathlen:1" in openssl("req", "-in", it.source / "ca.csr", "-noout", "-text")
    assert it.ok().err == ""
    assert harness.sha256(it.target / "pki/ca.csr") == harness.sha256(it.source / "ca.csr")
    sign_nothing(it)


# Configurations.


def test_several_configurations(it):
    signs = {"usages": ["cert sign", "crl sign"], "expiry": "26280h", "ca_constraint": {"is_ca": True}}
    server = {"usages": ["signing", "server auth"], "expiry": "100h"}
    it.cfssl.config(default={"expiry": "8760h"}, intermediate=signs, server=server)
    it.cfssl.ca("root", CN="root", ca={"expiry": "87600h"})
    it.cfssl.sign("ca", ca="root", profile="intermediate", CN="Kubernetes CA")
    it.cfssl.sign("old", profile="server")
    (it.source / "ca-config.json").rename(it.source / "root-config.json")
    it.cfssl.config(default={"usages": ["client auth"], "expiry": "8760h"}, server=server | {"expiry": "200h"}, intermediate=signs)
    it.cfssl.sign("web", profile="server")
    ran = it.ok()
    assert ran.err == ""
    assert "    server:\n      usages: [signing, server auth]\n      expiry: 200h\n" in it.yaml
    assert "    # server of root-config.json\n    server-root-config:\n      usages: [signing, server auth]\n      expiry: 100h\n" in it.yaml
    assert it.yaml.count("intermediate") == 1
    sign_nothing(it)


# What a newer cfssl makes.


def test_ed25519_of_a_newer_cfssl(it):
    it.cfssl.ca()
    it.cfssl.sign("web", hostname="web.example")
    key = openssl("genpkey", "-algorithm", "ed25519")
    it.cfssl.write("web-key.pem", key)
    openssl("req", "-new", "-key", it.source / "web-key.pem", "-subj", "/CN=web", "-addext", "subjectAltName=DNS:web.example",
            "-out", it.source / "web.csr")
    resign(it, "web", extensions="subjectAltName=DNS:web.example\n")
    it.cfssl.write("web-key.pem", key.replace(" PRIVATE KEY", " Ed25519 PRIVATE KEY"))
    (it.source / "web-csr.json").unlink()
    ran = it.ok()
    assert "web-key.pem: warning: has the PEM label of newer cfssls" in ran.err and "OpenSSL and GnuTLS do not" in ran.err
    assert "key: {algo: ed25519}" in it.yaml
    sign_nothing(it)


def test_fields_of_a_newer_cfssl(it):
    it.cfssl.ca()
    it.cfssl.sign("web")
    it.cfssl.write("api-csr.json", {"CN": "api", "key": EC, "names": [{"O": "x", "E": "a@b.example", "OID": {"1.2.3.4": "x"}}]})
    ran = it.ok()
    assert "names[0].E: dropped" in ran.err and "names[0].OID: dropped" in ran.err, ran.err


# An intermediate, with its key, whose usages limit what it may sign.


def test_an_intermediate_with_extended_usages(it):
    it.cfssl.config(kubernetes=TUTORIAL_PROFILE,
                    intermediate={"usages": ["cert sign", "crl sign", "server auth", "client auth"], "expiry": "26280h",
                                  "ca_constraint": {"is_ca": True}})
    it.cfssl.ca("root", CN="root", ca={"expiry": "87600h"})
    it.cfssl.sign("sub", ca="root", profile="intermediate", CN="sub")
    it.cfssl.sign("web", ca="sub")
    ran = it.ok()
    assert "sub.pem: warning: is a CA that kplan would make otherwise: usages differ" in ran.err, ran.err
    assert "  sub:\n    cert: pki/sub.pem\n    key: pki/sub-key.pem\n    issuer: root\n" in it.yaml
    sign_nothing(it)


def test_an_intermediate_that_signed_nothing_yet(it):
    """It is a certificate like others, by a profile for CAs: kplan can make it again."""
    it.cfssl.config(kubernetes=TUTORIAL_PROFILE,
                    intermediate={"usages": ["cert sign", "crl sign", "server auth"], "expiry": "26280h", "ca_constraint": {"is_ca": True}})
    it.cfssl.ca("root", CN="root", ca={"expiry": "87600h"})
    it.cfssl.sign("sub", ca="root", profile="intermediate", CN="subordinate")
    assert it.ok().err == ""
    assert "  sub:\n    CN: subordinate\n" in it.yaml and "profile: intermediate" in it.yaml
    sign_nothing(it)


# What is wrong with one does not hinder the others.


def spoil_the_country(it):
    it.cfssl.sign("bad", names=[{"C": "USA"}])


def spoil_the_life(it):
    it.cfssl.config(kubernetes=TUTORIAL_PROFILE, second=TUTORIAL_PROFILE | {"expiry": "1s"})
    it.cfssl.sign("bad", profile="second")


def spoil_the_field(it):
    it.cfssl.sign("bad")
    openssl("req", "-new", "-key", it.source / "bad-key.pem", "-subj", "/CN=bad/emailAddress=a@b.example", "-out", it.source / "bad.csr")
    resign(it, "bad")


def spoil_the_bytes(it):
    it.cfssl.sign("bad")
    (it.source / "bad.pem").write_text("rubbish\n", encoding="ascii")


def spoil_the_key(it):
    it.cfssl.sign("bad")
    it.cfssl.sign("other")
    shutil.copy(it.source / "other-key.pem", it.source / "bad-key.pem")


def spoil_the_issuer(it):
    """The CA of two certificates cannot be read: they go with it."""
    it.cfssl.ca("bad", CN="bad")
    it.cfssl.sign("one", ca="bad")
    (it.source / "bad.pem").write_text("rubbish\n", encoding="ascii")


SPOILT = {
    spoil_the_country: (['bad.pem: warning: subject C: "USA"'], "bad.pem"),
    spoil_the_life: (['bad.pem: warning: was signed by the profile "second" of ', "shorter than ten minutes", "no certificate has this profile: left out"], "bad.pem"),
    spoil_the_field: (["bad.pem: warning: subject: has the field emailAddress, which kplan does not write"], "bad.pem"),
    spoil_the_bytes: (["bad.pem: warning: there is no PEM block in it: left out"], "bad.pem"),
    spoil_the_key: (["bad-key.pem: warning: is not the key of "], "bad-key.pem"),
    spoil_the_issuer: (["bad.pem: warning: there is no PEM block in it", "one.pem: warning: was signed by no CA"], "bad.pem, one.pem"),
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_one_bad_certificate_and_skip(it, spoil):
    said, left_out = SPOILT[spoil]
    it.cfssl.ca()
    it.cfssl.sign("web", hostname="web.example")
    spoil(it)
    it.refused("with --skip what is wrong is left out, and the rest imported")
    ran = it.ok(options=["--skip"])
    for line in said:
        assert line in ran.err, f"{line}\n{ran.err}"
    assert f"; left out {left_out}\n" in ran.out, ran.out
    names = {path.name for path in (it.target / "pki").iterdir()}
    assert {"web.pem", "ca.pem"} <= names and not {name for name in names if name.startswith("bad")}
    assert "\n  bad:" not in it.yaml and "more to be issued" not in ran.out
    sign_nothing(it)


def test_a_request_does_not_bring_back_what_was_skipped(it):
    it.cfssl.ca()
    it.cfssl.sign("web")
    it.cfssl.sign("bad", names=[{"C": "USA"}])
    (it.source / "bad-csr.json").rename(it.source / "template-csr.json")
    ran = it.ok(options=["--skip"])
    assert "more to be issued" not in ran.out, ran.err
    sign_nothing(it)


def test_without_a_ca_there_is_nothing_to_skip_to(it):
    it.cfssl.ca()
    it.cfssl.sign("web")
    (it.source / "ca.pem").write_text("rubbish\n", encoding="ascii")
    ran = it.run(options=["--skip"])
    assert ran.code == 65 and "there is no CA certificate with its key" in ran.err and "nothing was written" in ran.err
    assert "--skip" not in ran.err
    assert not it.target.exists()


def test_broken_json_is_left_out_alone(it):
    it.cfssl.ca()
    it.cfssl.sign("web")
    it.cfssl.write("api-csr.json", "{")
    ran = it.ok(options=["--skip"])
    assert "; left out api-csr.json\n" in ran.out and re.search(r"api-csr\.json:1:\d+: warning: not JSON", ran.err), ran.err
    assert {"web.pem", "web.csr"} <= {path.name for path in (it.target / "pki").iterdir()}
    sign_nothing(it)
