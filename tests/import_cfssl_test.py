"""`kplan import cfssl`: real cfssl makes a PKI, kplan takes it over, and makes nothing again that need not be.

cfssl is Debian's golang-cfssl.
"""

import datetime
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import harness
from cfssl_pki import EC, RSA, TUTORIAL_PROFILE, Cfssl, Import, NEEDS_CFSSL, openssl, where

pytestmark = NEEDS_CFSSL


def make_tutorial(folder, key):
    """Chapter 4 of Kubernetes the hard way, command for command."""
    cfssl = Cfssl(folder)
    cfssl.config(kubernetes=TUTORIAL_PROFILE)
    cfssl.ca(key=key)
    cfssl.sign("admin", key=key, names=where("system:masters"))
    for i in range(3):
        cfssl.sign(f"worker-{i}", key=key, names=where("system:nodes"), CN=f"system:node:worker-{i}",
                   hostname=f"worker-{i},203.0.113.{i},10.240.0.2{i}")
    cfssl.sign("kube-controller-manager", key=key, names=where("system:kube-controller-manager"), CN="system:kube-controller-manager")
    cfssl.sign("kube-proxy", key=key, names=where("system:node-proxier"), CN="system:kube-proxy")
    cfssl.sign("kube-scheduler", key=key, names=where("system:kube-scheduler"), CN="system:kube-scheduler")
    cfssl.sign("kubernetes", key=key,
               hostname="10.32.0.1,10.240.0.10,10.240.0.11,10.240.0.12,203.0.113.9,127.0.0.1,kubernetes,kubernetes.default,"
               "kubernetes.default.svc,kubernetes.default.svc.cluster,kubernetes.svc.cluster.local")
    cfssl.sign("service-account", key=key, CN="service-accounts")
    return cfssl


@pytest.fixture(name="made", scope="module")
def fixture_made(tmp_path_factory):
    """Folders that are made once: the tutorial's with RSA and EC keys, and a small one."""
    folder = tmp_path_factory.mktemp("cfssl")
    made = {"rsa": make_tutorial(folder / "rsa", RSA), "ec": make_tutorial(folder / "ec", EC), "small": Cfssl(folder / "small")}
    small = made["small"]
    small.config(kubernetes=TUTORIAL_PROFILE)
    small.ca()
    small.sign("web", hostname="web.example,127.0.0.1")
    return made


def serials(folder):
    return {path.name: openssl("x509", "-in", path, "-noout", "-serial")
            for path in folder.glob("*.pem") if not path.name.endswith("-key.pem")}


TUTORIAL_YAML = """\
# What `kplan import cfssl` found. `kplan gen cluster.yaml && ninja pki` keeps every key and every
# certificate, and makes again only what is changed here.
ca:
  CN: Kubernetes
  names: [{C: US, ST: Oregon, L: Portland, O: Kubernetes, OU: CA}]
certs:
  admin:
    names: [{C: US, ST: Oregon, L: Portland, O: system:masters, OU: Kubernetes The Hard Way}]
  kube-controller-manager:
    CN: system:kube-controller-manager
    names: [{C: US, ST: Oregon, L: Portland, O: system:kube-controller-manager, OU: Kubernetes The Hard Way}]
  kube-proxy:
    CN: system:kube-proxy
    names: [{C: US, ST: Oregon, L: Portland, O: system:node-proxier, OU: Kubernetes The Hard Way}]
  kube-scheduler:
    CN: system:kube-scheduler
    names: [{C: US, ST: Oregon, L: Portland, O: system:kube-scheduler, OU: Kubernetes The Hard Way}]
  kubernetes:
    names: [{C: US, ST: Oregon, L: Portland, O: Kubernetes, OU: Kubernetes The Hard Way}]
    hosts: [kubernetes, kubernetes.default, kubernetes.default.svc, kubernetes.default.svc.cluster,
            kubernetes.svc.cluster.local, 10.32.0.1, 10.240.0.10, 10.240.0.11, 10.240.0.12, 203.0.113.9,
            127.0.0.1]
  service-account:
    CN: service-accounts
    names: [{C: US, ST: Oregon, L: Portland, O: Kubernetes, OU: Kubernetes The Hard Way}]
  worker-0:
    CN: system:node:worker-0
    names: [{C: US, ST: Oregon, L: Portland, O: system:nodes, OU: Kubernetes The Hard Way}]
    hosts: [worker-0, 203.0.113.0, 10.240.0.20]
  worker-1:
    CN: system:node:worker-1
    names: [{C: US, ST: Oregon, L: Portland, O: system:nodes, OU: Kubernetes The Hard Way}]
    hosts: [worker-1, 203.0.113.1, 10.240.0.21]
  worker-2:
    CN: system:node:worker-2
    names: [{C: US, ST: Oregon, L: Portland, O: system:nodes, OU: Kubernetes The Hard Way}]
    hosts: [worker-2, 203.0.113.2, 10.240.0.22]

# To run etcd with these certificates on this machine, take the # away:
#hosts:
#  worker: {}
#etcd:
#  version: 3.4.15
#  cert: kubernetes
"""


def test_the_tutorials_pki(tmp_path, made):
    it = Import(tmp_path, made["rsa"])
    ran = it.ok()
    assert ran.err == ""
    assert ran.out == f"imported 1 CA and 9 certificates to {it.target}/cluster.yaml\nnext: kplan gen cluster.yaml && ninja pki\n"
    assert it.yaml == TUTORIAL_YAML
    before = serials(it.target / "pki")
    # Not even the requests: cfssl's are kplan's.
    requests = {path: path.read_bytes() for path in (it.target / "pki").glob("*.csr")}
    assert len(requests) == 10
    assert it.reissues_nothing().out.count("differs") == 0
    assert {path: path.read_bytes() for path in (it.target / "pki").glob("*.csr")} == requests

    # The first changed host name: one certificate, by the old CA.
    it.project.edit_spec("            127.0.0.1]", "            127.0.0.1, etcd.example]")
    it.project.gen().ok()
    ran = it.project.ninja("pki").ok()
    assert ran.edges == ["cert/kubernetes", "csr/kubernetes"]
    after = serials(it.target / "pki")
    assert {name for name in before if before[name] != after[name]} == {"kubernetes.pem"}
    for path in (it.target / "pki").glob("*.pem"):
        if not path.name.endswith("-key.pem"):
            openssl("verify", "-x509_strict", "-CAfile", it.source / "ca.pem", path)
    openssl("verify", "-verify_hostname", "etcd.example", "-CAfile", it.source / "ca.pem", it.target / "pki/kubernetes.pem")
    assert harness.sha256(it.target / "pki/kubernetes-key.pem") == harness.sha256(it.source / "kubernetes-key.pem")


def test_the_same_input_gives_the_same_bytes(tmp_path, made):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    a, b = Import(tmp_path / "a", made["ec"]), Import(tmp_path / "b", made["ec"])
    a.ok()
    b.ok(*sorted(b.source.iterdir(), reverse=True))  # files one by one, in another order
    assert a.yaml == b.yaml
    assert {p.name: p.read_bytes() for p in (a.target / "pki").iterdir()} == {p.name: p.read_bytes() for p in (b.target / "pki").iterdir()}


def test_ec_certificates_keep_what_cfssl_gave_them(tmp_path, made):
    it = Import(tmp_path, made["ec"])
    it.ok()
    assert "  compat: cfssl" in it.yaml
    assert "key: {algo: ecdsa, size: 256}" in it.yaml
    it.reissues_nothing()


def test_the_hint_for_etcd_is_good_yaml(tmp_path, made):
    it = Import(tmp_path, made["rsa"])
    it.ok()
    mark = "take the # away:\n"
    head, tail = it.yaml.split(mark)
    it.project.spec = head + mark + re.sub(r"^#", "", tail, flags=re.MULTILINE)
    assert "cluster.yaml is good" in it.project.run(harness.KPLAN, "check", "cluster.yaml").ok().out


def test_several_cas(tmp_path):
    it = Import(tmp_path)
    it.cfssl.config(kubernetes=TUTORIAL_PROFILE)
    it.cfssl.ca()
    it.cfssl.ca("front-proxy-ca", CN="front-proxy", key=RSA, ca={"expiry": "87600h", "pathlen": 1})
    it.cfssl.sign("kubernetes", hostname="kubernetes,127.0.0.1")
    it.cfssl.sign("front-proxy-client", ca="front-proxy-ca", key={"algo": "ecdsa", "size": 384})
    it.ok()
    assert ("cas:\n  front-proxy-ca:\n    CN: front-proxy\n    names: [{C: US, ST: Oregon, L: Portland, O: Kubernetes, OU: CA}]\n"
            "    expiry: 87600h\n    ca_constraint: {max_path_len: 1}\n") in it.yaml
    assert "key: {algo: ecdsa, size: 384}\n    ca: front-proxy-ca\n" in it.yaml
    it.reissues_nothing()


def test_an_intermediate(tmp_path):
    it = Import(tmp_path)
    it.cfssl.config(
        kubernetes=TUTORIAL_PROFILE,
        intermediate={"usages": ["cert sign", "crl sign"], "expiry": "26280h",
                      "ca_constraint": {"is_ca": True, "max_path_len": 0, "max_path_len_zero": True}})
    it.cfssl.ca("root", CN="root", ca={"expiry": "87600h"})
    it.cfssl.sign("ca", ca="root", profile="intermediate", CN="Kubernetes CA")
    it.cfssl.sign("kubernetes", hostname="kubernetes,127.0.0.1")
    it.ok()
    assert "  issuer: root\n  ca_constraint: {max_path_len: 0}\n" in it.yaml
    it.reissues_nothing()
    before = serials(it.target / "pki")
    it.project.edit_spec("[kubernetes, 127.0.0.1]", "[kubernetes, 127.0.0.1, b.example]")
    it.project.gen().ok()
    it.project.ninja("pki").ok()
    after = serials(it.target / "pki")
    assert {name for name in before if before[name] != after[name]} == {"kubernetes.pem", "kubernetes-chain.pem"}
    openssl("verify", "-x509_strict", "-CAfile", it.source / "root.pem", "-untrusted", it.source / "ca.pem",
            it.target / "pki/kubernetes.pem")


def test_an_intermediate_with_more_usages(tmp_path):
    it = Import(tmp_path)
    it.cfssl.config(
        kubernetes=TUTORIAL_PROFILE,
        intermediate={"usages": ["signing", "key encipherment", "cert sign", "crl sign", "server auth", "client auth"], "expiry": "26280h",
                      "ca_constraint": {"is_ca": True}})
    it.cfssl.ca("root", CN="root", ca={"expiry": "87600h"})
    it.cfssl.sign("ca", ca="root", profile="intermediate", CN="Kubernetes CA")
    it.cfssl.sign("web", hostname="web.example")
    ran = it.ok()
    assert re.search(r"ca\.pem: warning: is a CA that kplan would make otherwise: usages differ", ran.err), ran.err
    assert "ca:\n  cert: pki/ca.pem\n  key: pki/ca-key.pem\n  issuer: root\n" in it.yaml
    it.reissues_nothing()
    it.project.edit_spec("[web.example]", "[web.example, b.example]")
    it.project.gen().ok()
    it.project.ninja("pki").ok()
    openssl("verify", "-verify_hostname", "b.example", "-CAfile", it.source / "root.pem", "-untrusted", it.source / "ca.pem",
            it.target / "pki/web.pem")


def test_a_root_whose_key_is_kept_elsewhere(tmp_path):
    it = Import(tmp_path)
    it.cfssl.config(
        kubernetes=TUTORIAL_PROFILE,
        intermediate={"usages": ["cert sign", "crl sign"], "expiry": "26280h", "ca_constraint": {"is_ca": True}})
    it.cfssl.ca("root", CN="root", ca={"expiry": "87600h"})
    it.cfssl.sign("ca", ca="root", profile="intermediate", CN="Kubernetes CA")
    it.cfssl.sign("web", hostname="web.example")
    (it.source / "root-key.pem").unlink()
    ran = it.ok()
    assert "root.pem: warning: has no key beside it (root-key.pem): whoever has it will have to renew the CAs" in ran.err
    assert "cas:\n  root:\n    cert: pki/root.pem\n" in it.yaml
    it.reissues_nothing()


def test_a_ca_that_cfssl_did_not_make(tmp_path):
    it = Import(tmp_path)
    it.cfssl.config(kubernetes=TUTORIAL_PROFILE)
    it.cfssl.ca()  # for the request
    openssl("req", "-x509", "-new", "-key", it.source / "ca-key.pem", "-subj", "/CN=by hand/emailAddress=a@b.example", "-days", "3000",
            "-addext", "keyUsage=critical,digitalSignature,keyCertSign", "-out", it.source / "ca.pem")
    (it.source / "ca-csr.json").unlink()
    it.cfssl.sign("web", hostname="web.example")
    ran = it.ok()
    assert "ca.pem: warning: is a CA that kplan would make otherwise: has the field emailAddress" in ran.err
    assert "ca:\n  cert: pki/ca.pem\n  key: pki/ca-key.pem\n" in it.yaml
    it.reissues_nothing()


def test_a_ca_with_a_country_that_is_none(tmp_path):
    it = Import(tmp_path)
    it.cfssl.config(kubernetes=TUTORIAL_PROFILE)
    it.cfssl.ca(names=[{"C": "USA"}])
    it.cfssl.sign("web", hostname="web.example")
    ran = it.ok()
    assert 'ca.pem: warning: is a CA that kplan would make otherwise: subject C: "USA": a country is two' in ran.err
    it.reissues_nothing()


def test_profiles_urls_and_all_subject_fields(tmp_path):
    it = Import(tmp_path)
    it.cfssl.config(
        server={"usages": ["signing", "server auth"], "expiry": "720h", "crl_url": "http://x.example/ca.crl",
                "ocsp_url": "http://ocsp.example/", "issuer_urls": ["http://x.example/ca.pem"]},
        client={"usages": ["signing", "client auth"], "expiry": "24h30m", "backdate": "1h"},
        unused={"usages": ["code signing"], "expiry": "24h"})
    it.cfssl.ca(key=RSA)
    it.cfssl.sign("web", profile="server", key={"algo": "rsa", "size": 3072}, hosts=["b.example", "10.0.0.1", "a.example", "u@example.org"],
                  names=[{"C": "US", "O": "one", "OU": "x"}, {"C": "DE", "O": "two"}], serialnumber="S-1")
    it.cfssl.sign("app", profile="client")
    ran = it.ok()
    assert "expires soon" not in ran.err
    assert "names: [{C: DE, O: one, OU: x, SerialNumber: S-1},\n            {C: US, O: two}]" in it.yaml
    assert "hosts: [b.example, a.example, u@example.org, 10.0.0.1]" in it.yaml
    assert "      backdate: 1h\n" in it.yaml
    assert "    unused:\n      usages: [code signing]\n" in it.yaml
    it.reissues_nothing()


def test_keys_in_pkcs8(tmp_path, made):
    it = Import(tmp_path, made["small"])
    key = it.source / "web-key.pem"
    key.write_text(openssl("pkcs8", "-topk8", "-nocrypt", "-in", key), encoding="utf-8")
    it.ok()
    assert "key: {algo: ecdsa, size: 256, format: pkcs8}" in it.yaml
    it.reissues_nothing()


HOSTILE = ['a "quoted" name', "it's: a #comment", "[x, {y: z}]", "- dash", "Zürich 日本", "&anchor *alias !tag", "%percent @at `tick`",
           "true", "null", "0x10", "trailing:", "\\back\\slash"]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values(tmp_path, value):
    it = Import(tmp_path)
    it.cfssl.config(kubernetes=TUTORIAL_PROFILE)
    it.cfssl.ca()
    it.cfssl.sign("web", CN=value, names=[{"O": value, "OU": value + "x"}], hostname="web.example")
    it.ok()
    it.reissues_nothing()


def test_a_request_without_a_certificate_is_issued(tmp_path, made):
    it = Import(tmp_path, made["small"])
    it.cfssl.write("api-csr.json", {"CN": "api server", "hosts": ["api.example"], "key": {"algo": "ecdsa", "size": 384}, "names": where("API")})
    ran = it.ok()
    assert "api-csr.json: warning: has no certificate api.pem: kplan will issue one, by the profile kubernetes" in ran.err
    assert "imported 1 CA and 1 certificate to" in ran.out and "; 1 more to be issued" in ran.out
    assert "  # not issued yet: kplan will\n  api:\n    CN: api server\n" in it.yaml
    before = it.pems()
    it.project.gen().ok()
    it.project.ninja("pki").ok()
    found = harness.changes(before, it.pems())
    assert {pathlib.Path(path).name: what for path, what in found.items()} == {"api.pem": "new", "api-key.pem": "new"}
    openssl("verify", "-verify_hostname", "api.example", "-CAfile", it.source / "ca.pem", it.target / "pki/api.pem")


def test_where_json_and_certificate_differ_the_certificate_counts(tmp_path, made):
    it = Import(tmp_path, made["small"])
    it.cfssl.write("web-csr.json", {
        "CN": "other", "key": {"algo": "rsa", "size": 4096}, "hosts": ["other.example"], "names": [{"C": "DE", "O": "Kubernetes"}]})
    it.cfssl.write("ca-csr.json", {"CN": "Kubernetes", "key": EC, "names": where("Kubernetes", "CA"), "ca": {"expiry": "1h"}})
    ran = it.ok()
    for line in [
            'web-csr.json:1:8: warning: CN: says "other", and the certificate has "web"',
            'C: says "DE", and the certificate has "US"',
            'warning: OU: says "", and the certificate has "Kubernetes The Hard Way"',
            "hosts are [other.example], and the certificate has [web.example, 127.0.0.1]",
            "key.algo: says rsa 4096, and the key is ecdsa 256",
            "ca.expiry: says 1h, and the certificate lives 43800h",
    ]:
        assert line in re.sub(r"web-csr\.json:\d+:\d+: warning: CN", "web-csr.json:1:8: warning: CN", ran.err), f"{line}\n{ran.err}"
    it.reissues_nothing()


def test_a_profile_that_changed_since(tmp_path, made):
    it = Import(tmp_path, made["small"])
    it.cfssl.config(kubernetes=TUTORIAL_PROFILE | {"expiry": "17520h"})
    ran = it.ok()
    assert "web.pem: warning: was signed by no profile of this configuration" in ran.err
    assert ('    # web lives 8760h, and by the profile "kubernetes" it would 17520h\n    kubernetes-8760h:\n') in it.yaml
    assert "profile: kubernetes-8760h" in it.yaml
    it.reissues_nothing()


def test_a_profile_that_did_not_exist(tmp_path):
    it = Import(tmp_path)
    it.cfssl.config(default={"usages": ["signing", "client auth"], "expiry": "48h"}, kubernetes=TUTORIAL_PROFILE)
    it.cfssl.ca()
    it.cfssl.sign("web", profile="kubernets")
    ran = it.ok()
    assert "web.pem: warning: was signed by cfssl's `default` profile, [signing, client auth] for 48h" in ran.err
    assert "cfssl takes it without a word for a profile that does not exist" in ran.err
    assert "profile: cfssl-default" in it.yaml
    it.reissues_nothing()


def test_what_only_a_server_needs_is_dropped_with_a_warning(tmp_path, made):
    it = Import(tmp_path, made["small"])
    it.cfssl.write("ca-config.json", {
        "signing": {"profiles": {
            "kubernetes": TUTORIAL_PROFILE | {"auth_key": "k", "remote": "r", "name_whitelist": "x", "auth_remote": {}, "usage": 1},
            "odd": {"usages": ["signing", "serverauth"], "expiry": "1h"},
            "signs": {"usages": ["cert sign"], "expiry": "1h"}}},
        "auth_keys": {}, "remotes": {}})
    ran = it.ok()
    for line in [
            "signing.profiles.kubernetes.auth_key: dropped", "signing.profiles.kubernetes.remote: dropped",
            "signing.profiles.kubernetes.name_whitelist: dropped", "signing.profiles.kubernetes.auth_remote: dropped",
            'signing.profiles.kubernetes.usage: cfssl has no field "usage", and ignored it', 'did you mean "usages"?',
            'signing.profiles.odd.usages[1]: cfssl has no usage "serverauth"', 'did you mean "server auth"?',
            "no certificate has this profile: left out", "auth_keys: dropped", "remotes: dropped",
    ]:
        assert line in ran.err, f"{line}\n{ran.err}"
    assert re.search(r"ca-config\.json:\d+:\d+: warning", ran.err)
    assert "odd:" in it.yaml and "signs:" not in it.yaml
    it.reissues_nothing()


def test_hosts_in_a_ca_request(tmp_path):
    it = Import(tmp_path)
    it.cfssl.config(kubernetes=TUTORIAL_PROFILE)
    it.cfssl.ca(hosts=["10.0.0.1", "ca.example"])
    it.cfssl.sign("web")
    assert "ca.pem: warning: names hosts (10.0.0.1), which no CA certificate should" in it.ok().err
    it.reissues_nothing()


def test_a_key_that_others_can_read(tmp_path, made):
    it = Import(tmp_path, made["small"])
    (it.source / "web-key.pem").chmod(0o644)
    assert "web-key.pem: warning: has the mode 0644: others can read this private key" in it.ok().err
    assert (it.source / "web-key.pem").stat().st_mode & 0o777 == 0o644
    it.reissues_nothing()


def test_a_certificate_without_its_key_is_left_out(tmp_path, made):
    it = Import(tmp_path, made["small"])
    shutil.copy(it.source / "web.pem", it.source / "kubelet.pem")
    (it.source / "lone-key.pem").write_bytes((it.source / "web-key.pem").read_bytes())
    (it.source / "chain.pem").write_bytes((it.source / "web.pem").read_bytes() + (it.source / "ca.pem").read_bytes())
    (it.source / "other.json").write_text('{"version": 1}', encoding="utf-8")
    ran = it.ok()
    assert "kubelet.pem: warning: has no key beside it (kubelet-key.pem): left out" in ran.err
    assert "lone-key.pem: warning: is a key without a certificate: left out" in ran.err
    assert "chain.pem: warning: holds 2 PEM blocks where one certificate belongs: left out" in ran.err
    assert "other.json: warning: is neither a configuration nor a request of cfssl's: left out" in ran.err
    assert sorted(p.name for p in (it.target / "pki").iterdir()) == ["ca-key.pem", "ca.csr", "ca.pem", "web-key.pem", "web.csr", "web.pem"]
    it.reissues_nothing()


def backdated(it, name, ca, days_from, days_to):
    """NAME, as OpenSSL signs it: from so many days from now to so many."""
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp = lambda days: (now + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")
    extensions = it.cfssl.write("extensions", "[x]\nkeyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth\n"
                                "basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    it.cfssl.write("database", "")
    settings = it.cfssl.write("settings", f"[ca]\ndefault_ca=d\n[d]\ndatabase={it.source}/database\nnew_certs_dir={it.source}\n"
                              "default_md=sha256\npolicy=p\nunique_subject=no\nrand_serial=yes\n[p]\nC=optional\nST=optional\nL=optional\nO=optional\n"
                              "OU=optional\ncommonName=supplied\n")
    openssl("ca", "-batch", "-notext", "-preserveDN", "-config", settings, "-extfile", extensions, "-extensions", "x",
            "-cert", it.source / f"{ca}.pem", "-keyfile", it.source / f"{ca}-key.pem", "-in", it.source / f"{name}.csr",
            "-out", it.source / f"{name}.pem", "-startdate", stamp(days_from), "-enddate", stamp(days_to))
    for path in [extensions, settings, *it.source.glob("database*")]:
        path.unlink()
    for path in it.source.glob("*.pem"):
        if re.fullmatch(r"[0-9A-F]{20,}\.pem", path.name):
            path.unlink()


@pytest.mark.parametrize("days_from, days_to, said", [
    (-30, -1, "expired on "),
    (-300, 30, "expires soon, on "),
])
def test_what_kplan_will_make_again_is_said_before(tmp_path, made, days_from, days_to, said):
    it = Import(tmp_path, made["small"])
    backdated(it, "web", "ca", days_from, days_to)
    ran = it.ok()
    assert re.search(rf"web\.pem: warning: {said}.*: the next ninja will make it again, with the same key", ran.err), ran.err
    before = it.pems()
    it.project.gen().ok()
    it.project.ninja("pki").ok()
    assert [pathlib.Path(path).name for path in harness.changes(before, it.pems()) if path.endswith("/web.pem")] == ["web.pem"]
    assert {pathlib.Path(p).name for p in harness.changes(before, it.pems()) if "superseded" not in p} == {"web.pem"}


# What is refused: how the small PKI is spoilt, and what is said.


def other_ca(it):
    it.cfssl.ca("ca", CN="another")


def same_name_other_key(it):
    it.cfssl.ca("ca")


def wrong_key(it):
    it.cfssl.sign("app")
    shutil.copy(it.source / "app-key.pem", it.source / "web-key.pem")


def encrypted(it):
    key = it.source / "ca-key.pem"
    key.write_text(openssl("pkcs8", "-topk8", "-passout", "pass:x", "-in", key), encoding="utf-8")


def resign(**request):
    def spoil(it):
        it.cfssl.sign("web", **request)
    return spoil


def write_json(name, text):
    def spoil(it):
        it.cfssl.write(name, text)
    return spoil


def remove(*names):
    def spoil(it):
        for name in names:
            (it.source / name).unlink()
    return spoil


def write_bytes(name, content):
    def spoil(it):
        (it.source / name).write_bytes(content)
    return spoil


def damaged_certificate(it):
    path = it.source / "web.pem"
    lines = path.read_text(encoding="ascii").splitlines()
    lines[3] = lines[3][:10] + ("A" if lines[3][10] != "A" else "B") * 8 + lines[3][18:]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def by_openssl(subject):
    def spoil(it):
        openssl("req", "-new", "-key", it.source / "web-key.pem", "-subj", subject, "-out", it.source / "web.csr")
        openssl("x509", "-req", "-in", it.source / "web.csr", "-CA", it.source / "ca.pem", "-CAkey", it.source / "ca-key.pem",
                "-days", "300", "-out", it.source / "web.pem", "-set_serial", "7")
    return spoil


BAD = {
    "another CA": (other_ca, ['web.pem: error: was signed by no CA of these files, but by "C=US, ST=Oregon, L=Portland']),
    "same name, another key": (same_name_other_key, ["web.pem: error: was signed by no CA of these files"]),
    "another key": (wrong_key, ["web-key.pem: error: is not the key of ", "web.pem"]),
    "encrypted key": (encrypted, ["ca-key.pem: error: is encrypted with a passphrase", "openssl pkey -in ca-key.pem"]),
    "country": (resign(names=[{"C": "USA"}]), ['web.pem: error: subject C: "USA"', "two capital letters"]),
    "long CN": (resign(CN="x" * 85), ["web.pem: error: subject CN: ", "CN has 85 characters; at most 64"]),
    "space": (resign(CN=" web"), ["web.pem: error: subject CN: "]),
    "host with a port": (resign(hostname="etcd-0:2379"), ["web.pem: error: ", " SAN: \"etcd-0:2379\": a name with a port", "write etcd-0"]),
    "underscore": (resign(hostname="a_b.example"), ["web.pem: error: dns SAN: ", "underscore"]),
    "variable": (resign(CN="$name"), ["web.pem: error: subject CN: ", "variable"]),
    "no CN": (resign(CN=""), ["web.pem: error: subject: has no CN"]),
    "country in a request": (
        write_json("api-csr.json", '{"CN": "api",\n "names": [{"C": "USA"}]}'),
        ['api-csr.json:2:18: error: names[0].C: "USA"', " | ", "^~~~"]),
    "long CN in a request": (write_json("api-csr.json", {"CN": "x" * 85}), ["api-csr.json:2:9: error: CN: ", "at most 64"]),
    "port in a request": (
        write_json("api-csr.json", {"CN": "api", "hosts": ["a", "etcd-0:2379"]}),
        ['api-csr.json:5:5: error: hosts[1]: "etcd-0:2379"', "port"]),
    "key of a request": (write_json("api-csr.json", {"CN": "api", "key": {"algo": "dsa", "size": 1}}), ["api-csr.json", "key.algo: "]),
    "name of a file": (write_json("ca key-csr.json", {"CN": "api"}), ["ca key-csr.json: error: "]),
    "broken JSON": (write_json("ca-config.json", '{"signing": {\n  "profiles" {}}}'), ["ca-config.json:2:", "error: not JSON: syntax error"]),
    "a key twice": (write_json("x-csr.json", '{"CN": "a", "CN": "b"}'), ['x-csr.json:1:13: error: the key "CN" is there twice']),
    "another kind of value": (write_json("x-csr.json", {"CN": 5}), ["x-csr.json:2:9: error: CN: must be a text, not a number"]),
    "days": (
        write_json("ca-config.json", {"signing": {"profiles": {"a": {"usages": ["signing"], "expiry": "90d"}}}}),
        ['signing.profiles.a.expiry: "90d" is not a duration', "ca-config.json:8:"]),
    "no CA": (remove("ca.pem", "ca-key.pem"), ["error: there is no CA certificate with its key", "web.pem: error: was signed by no CA"]),
    "no CA key": (remove("ca-key.pem"), ["ca.pem: error: signed certificates of these files, but its key, ca-key.pem, is not among them"]),
    "nothing": (lambda it: [path.unlink() for path in it.source.iterdir()], ["error: there is no CA certificate with its key"]),
    "no PEM": (write_bytes("x.pem", b"hello\n"), ["x.pem: error: there is no PEM block in it"]),
    "damaged certificate": (damaged_certificate, ["web.pem: error: "]),
    "truncated key": (
        write_bytes("web-key.pem", b"-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n"),
        ["web-key.pem: error: it is not a private key, or damaged"]),
    "key of another name": (lambda it: (it.source / "web-key.pem").rename(it.source / "web.key.pem"), ["does not end with -key.pem"]),
    "fields in another order": (by_openssl("/CN=web/O=x"), ["web.pem: error: subject: has its fields in another order"]),
    "unknown field": (by_openssl("/CN=web/emailAddress=a@b.example"), ["web.pem: error: subject: has the field emailAddress"]),
    "version 1": (by_openssl("/O=x/CN=web"), ["web.pem: error: usages: it says nothing of what it may be used for"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(tmp_path, made, case):
    spoil, said = BAD[case]
    it = Import(tmp_path, made["small"])
    spoil(it)
    ran = it.refused(*said)
    assert "PRIVATE KEY" not in ran.err


def test_all_errors_are_said_at_once(tmp_path, made):
    it = Import(tmp_path, made["small"])
    it.cfssl.sign("web", names=[{"C": "USA"}], CN="x" * 85)
    it.cfssl.write("api-csr.json", {"CN": "api", "hosts": ["etcd-0:2379"]})
    it.refused('subject C: "USA"', "CN has 85 characters", '"etcd-0:2379"')


def test_files_that_are_there(tmp_path, made):
    it = Import(tmp_path, made["small"])
    it.target.mkdir()
    (it.target / "cluster.yaml").write_text("mine\n", encoding="utf-8")
    (it.target / "pki").mkdir()
    (it.target / "pki/web.pem").write_text("mine\n", encoding="utf-8")
    before = harness.snapshot(it.target)
    ran = it.run()
    assert ran.code == 65
    assert "cluster.yaml is there; an import replaces nothing" in ran.err
    assert "pki/web.pem is there, and is another file" in ran.err
    after = harness.snapshot(it.target)
    assert {path for path in harness.changes(before, after) if path != str(it.target)} == set()
    # What is there already, and the same, is no hindrance.
    (it.target / "cluster.yaml").unlink()
    shutil.copy(it.source / "web.pem", it.target / "pki/web.pem")
    it.ok()
    it.reissues_nothing()


def test_into_the_folder_that_it_reads(tmp_path, made):
    it = Import(tmp_path, made["small"])
    here = harness.Here()
    here.run([harness.KPLAN, "import", "cfssl", "."], cwd=it.source).ok()
    project = harness.Project(it.source, here, harness.KPLAN)
    before = harness.snapshot(it.source / "pki")
    project.gen().ok()
    project.ninja("pki").ok()
    pems = lambda entries: {path: entry for path, entry in entries.items() if path.endswith(".pem")}
    assert harness.changes(pems(before), pems(harness.snapshot(it.source / "pki"))) == {}


@pytest.mark.parametrize("arguments, said", [
    ([], "takes 2 arguments or more, not 0"),
    (["cfssl"], "takes 2 arguments or more, not 1"),
    (["easyrsa", "."], 'there is nothing to import from "easyrsa"'),
    (["cfssl", "--force", "."], "there is no option --force"),
])
def test_usage(tmp_path, arguments, said):
    ran = harness.Here().run([harness.KPLAN, "import", *arguments], cwd=tmp_path)
    assert ran.code == 64 and said in ran.err and "usage: kplan import cfssl" in ran.err


def test_a_path_that_is_not_there(tmp_path):
    ran = harness.Here().run([harness.KPLAN, "import", "cfssl", "nowhere"], cwd=tmp_path)
    assert ran.code == 1 and "cannot open nowhere" in ran.err


# Half way: nothing is half done.


def strace(it, inject):
    log = it.source.parent / "strace"
    return harness.Here().run(
        ["strace", "-f", "-o", log, "-e", f"inject={inject}", harness.KPLAN, "import", "cfssl", "-C", it.target, it.source],
        cwd=it.source.parent)


def can_trace():
    try:
        ran = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", "inject=getppid:error=EIO", "true"], timeout=30, check=False,
                             capture_output=True)
    except FileNotFoundError:
        return False
    return ran.returncode == 0


def count(it, call):
    """How often an import makes the system CALL."""
    log = it.source.parent / "strace"
    harness.Here().run(["strace", "-f", "-o", log, "-e", f"trace={call}", harness.KPLAN, "import", "cfssl", "-C", it.target, it.source],
                       cwd=it.source.parent).ok()
    shutil.rmtree(it.target)
    return sum(f" {call}(" in line for line in log.read_text(errors="replace").splitlines())


@pytest.mark.skipif(not can_trace(), reason="strace cannot trace here")
@pytest.mark.parametrize("call", ["write", "fsync", "renameat2", "mkdir", "fchmod", "unlinkat"])
def test_killed_at_every_call(tmp_path, made, call):
    it = Import(tmp_path, made["small"])
    calls = count(it, call)
    killed = 0
    for when in range(1, calls + 1):
        ran = strace(it, f"{call}:signal=KILL:when={when}")
        killed += ran.code in (-9, 137)
        # Either it is done, or it can be done again.
        if not (it.target / "cluster.yaml").exists():
            it.ok()
        left = [path.name for path in it.target.rglob("*") if "kplan" in path.name]
        assert left in ([], [".kplan-import"]), left
        it.reissues_nothing()
        shutil.rmtree(it.target)
    assert killed == calls > 0


@pytest.mark.skipif(not can_trace(), reason="strace cannot trace here")
@pytest.mark.parametrize("call, error", [
    ("write", "ENOSPC"), ("fsync", "EIO"), ("renameat2", "ENOSPC"), ("fchmod", "EPERM"), ("mkdir", "ENOSPC"), ("fchdir", "EIO"),
])
def test_every_call_fails_once(tmp_path, made, call, error):
    it = Import(tmp_path, made["small"])
    failed = 0
    for when in range(1, count(it, call) + 1):
        ran = strace(it, f"{call}:error={error}:when={when}")
        if ran.code == 0 or "cannot write to stdout" in ran.err:  # what needs not be, or only the message of what was done
            assert (it.target / "cluster.yaml").exists(), when
            shutil.rmtree(it.target)
            continue
        failed += 1
        assert ran.code == 1 and ran.err, f"{when}: {ran}"
        assert not (it.target / "cluster.yaml").exists(), when
        assert not list(it.target.glob("pki/*")), f"{when}: half an import is there"
        it.ok()
        shutil.rmtree(it.target)
    assert failed > 0


def test_a_full_disk(tmp_path, made):
    if not harness.ISOLATED_ROOT:
        pytest.skip("needs a mount of its own")
    it = Import(tmp_path, made["small"])
    it.target.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", it.target], check=True)
    try:
        ran = it.run()
        assert ran.code == 1 and "No space left on device" in ran.err, ran
        assert list(it.target.iterdir()) == []
    finally:
        subprocess.run(["umount", it.target], check=True)
    it.target.rmdir()
    it.ok()
