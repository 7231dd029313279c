"""The whole life of certificates, as plain `ninja` lives it: issued, renewed, with another key, revoked, signed elsewhere.

Years pass by setting kplan's clock (tests/clock); openssl is asked at every stage, at the time that it is then.
"""

import datetime
import re
import shutil
import stat

import pytest

import harness
import pki_verifiers as verifiers
import shifted
from shifted import DAY, HOUR

EC = "key: {algo: ecdsa, size: 256}"

SPEC = f"""
ca:
  CN: Life CA
  {EC}
certs:
  server:
    {EC}
    hosts: [server.example.com]
"""

CHAIN_SPEC = f"""
ca:
  CN: Root
  {EC}
  ca_constraint: {{max_path_len: 2}}
cas:
  upper:
    CN: Upper
    {EC}
    issuer: ca
    expiry: 26280h
  lower:
    CN: Lower
    {EC}
    issuer: upper
    expiry: 26280h
    ca_constraint: {{max_path_len: 0}}
certs:
  server:
    {EC}
    ca: lower
    hosts: [server.example.com]
    files: [chain, bundle]
    pkcs12: {{passphrase-file: p12.txt}}
"""

YEAR_THIRD = 8760 * HOUR // 3


@pytest.fixture(name="make_project")
def fixture_make_project():
    folders = []

    def make(spec):
        folders.append(harness.make_folder("life"))
        return shifted.ShiftedProject(folders[-1], spec)

    yield make
    for folder in folders:
        shutil.rmtree(folder)


def done(project):
    """Runs plain ninja, and once more: the first one's edges."""
    ran = project.ninja().ok()
    project.does_nothing()
    return ran


def made(project):
    project.gen().ok()
    return done(project)


def state(project, label):
    """The row of LABEL in `kplan certs`, of which the exit code is as the rows say."""
    code, rows = project.certs()
    assert (code == 0) == all(row["good"] for row in rows.values())
    return rows[label]


def table(project):
    ran = project.run(project.kplan, "certs", "cluster.yaml")
    assert ran.code in (0, 2), ran
    return ran.out


# Renewal.


def test_a_certificate_in_its_last_third_is_signed_again_with_its_key(make_project):
    project = make_project(SPEC)
    made(project)
    keys, first = project.keys(), project.certificate("server")
    assert first.not_after - first.not_before == 8760 * HOUR

    project.clock = str(2 * YEAR_THIRD - HOUR)
    assert state(project, "cert/server")["good"]
    project.does_nothing()

    project.clock = str(2 * YEAR_THIRD + HOUR)
    row = state(project, "cert/server")
    assert row["reasons"] == ["expires-soon"] and row["days-left"] == 121, row
    assert "expires soon" in table(project)
    assert project.verify("server", host="server.example.com") == "", "it is good until then"
    ran = done(project)
    assert "cert/server" in ran.edges and "key/server" not in ran.edges and "ca/cert" not in ran.edges
    second = project.certificate("server")
    assert project.keys() == keys and second.key == first.key
    assert second.serial != first.serial and second.not_after > first.not_after
    assert state(project, "cert/server")["good"]
    assert project.verify("server", host="server.example.com", purpose="sslserver") == ""


def test_renew_before(make_project):
    project = make_project(SPEC + """
signing:
  profiles:
    kubernetes: {usages: [signing, server auth], expiry: 720h, renew-before: 24h}
""")
    made(project)
    first = project.certificate("server")
    project.clock = str(720 * HOUR - 25 * HOUR)
    project.does_nothing()
    project.clock = str(720 * HOUR - 23 * HOUR)
    assert state(project, "cert/server")["reasons"] == ["expires-soon"]
    done(project)
    assert project.certificate("server").serial != first.serial


@pytest.mark.parametrize("second", [1, 29, 31, 59])
@pytest.mark.parametrize("backdate", ["1s", "29s", "30s", "1m", "90m"])
def test_backdate_at_every_second_of_a_minute(make_project, backdate, second):
    """A start is rounded to the minute; what was just made is good all the same."""
    profile = f"kubernetes: {{usages: [signing, server auth], backdate: {backdate}}}"
    project = make_project(SPEC.replace("CN: Life CA", f"CN: Life CA\n  backdate: {backdate}") + f"""
signing:
  profiles:
    {profile}
""")
    project.clock = str(second - project.now % 60)
    made(project)
    assert project.verify("server", host="server.example.com") == ""


def test_an_expired_certificate_says_so_and_is_made_again(make_project):
    project = make_project(SPEC)
    made(project)
    first = project.certificate("server")
    project.clock = str(8760 * HOUR + DAY)
    row = state(project, "cert/server")
    assert row["reasons"] == ["expired"] and row["days-left"] < 0, row
    assert "expired" in project.verify("server")
    done(project)
    assert project.certificate("server").serial != first.serial
    assert project.verify("server", host="server.example.com") == ""


def test_a_ca_is_renewed_with_its_key_and_its_leaves_stay(make_project):
    project = make_project(SPEC)
    made(project)
    keys, life = project.keys(), 43800 * HOUR
    project.clock = str(2 * life // 3 - 10 * DAY)
    done(project)  # the leaf is a fresh one
    leaf = project.path("pki/server.pem").read_bytes()
    shutil.copyfile(project.path("pki/ca.pem"), project.path("pki/old.pem"))

    project.clock = str(2 * life // 3 + DAY)
    assert state(project, "ca/cert")["reasons"] == ["expires-soon"]
    ran = done(project)
    assert "ca/cert" in ran.edges and "ca/key" not in ran.edges
    assert project.keys() == keys
    assert project.certificate("ca").serial != project.certificate("old").serial
    assert project.path("pki/server.pem").read_bytes() == leaf
    for root in ("old", "ca"):
        assert project.verify("server", root=root, host="server.example.com", purpose="sslserver") == "", root

    # And what is signed from now on is good for those who trust the old one still.
    project.edit_spec("hosts: [server.example.com]", "hosts: [server.example.com, new.example.com]")
    done(project)
    for root in ("old", "ca"):
        assert project.verify("server", root=root, host="new.example.com", purpose="sslserver") == "", root


def test_an_intermediate_is_renewed_with_its_key_and_its_leaves_stay(make_project):
    project = make_project(CHAIN_SPEC)
    project.path("p12.txt").write_text("secret\n", encoding="ascii")
    project.path("p12.txt").chmod(0o600)
    made(project)
    keys = project.keys()
    project.clock = str(2 * 26280 * HOUR // 3 - 10 * DAY)
    done(project)
    leaf = project.certificate("server")
    shutil.copyfile(project.path("pki/lower.pem"), project.path("pki/old.pem"))
    project.clock = str(2 * 26280 * HOUR // 3 + DAY)
    ran = done(project)
    assert {"ca/upper/cert", "ca/lower/cert", "chain/server"} <= set(ran.edges)
    assert project.keys() == keys
    assert project.certificate("lower").serial != project.certificate("old").serial
    assert project.certificate("server").key == leaf.key
    for lower in ("old", "lower"):
        assert project.verify("server", intermediates=[lower, "upper"], host="server.example.com") == "", lower
    assert_files(project)


def test_a_leaf_ends_with_its_ca(make_project):
    project = make_project(SPEC.replace("CN: Life CA", "CN: Life CA\n  expiry: 4380h"))
    project.gen().ok()
    ran = project.ninja().ok()
    assert re.search(r"pki/server\.pem ends with its CA on .* instead of 8760h", ran.out), ran.out
    project.does_nothing()
    ca, leaf = project.certificate("ca"), project.certificate("server")
    assert leaf.not_after == ca.not_after
    assert leaf.not_before >= ca.not_before
    # To the end: when the CA goes on, so does the leaf, and nothing is made again and again in between.
    project.clock = str(2 * 4380 * HOUR // 3 - DAY)
    project.does_nothing()
    project.clock = str(2 * 4380 * HOUR // 3 + DAY)
    done(project)
    assert project.certificate("server").not_after == project.certificate("ca").not_after > ca.not_after


# Another key.


def test_key_generation_makes_another_key_once(make_project):
    project = make_project(SPEC)
    made(project)
    ca, first, key = project.path("pki/ca.pem").read_bytes(), project.certificate("server"), project.path("pki/server-key.pem").read_bytes()
    project.edit_spec("hosts:", "key-generation: 2\n    hosts:")
    ran = done(project)
    assert {"key/server", "csr/server", "cert/server"} <= set(ran.edges) and "ca/cert" not in ran.edges
    second = project.certificate("server")
    assert second.key != first.key and project.path("pki/server-key.pem").read_bytes() != key
    assert project.path("pki/ca.pem").read_bytes() == ca
    assert project.verify("server", host="server.example.com") == ""
    public = verifiers.run("openssl", "pkey", "-in", project.path("pki/server-key.pem"), "-pubout", check=True).stdout
    assert public.strip() == second.key.strip()
    for path in project.path("pki").rglob("*"):
        assert path.is_dir() or key not in path.read_bytes(), f"the old key is still in {path}"

    # Another host name changes the certificate, not the key that is there now.
    project.edit_spec("[server.example.com]", "[server.example.com, b.example.com]")
    done(project)
    assert project.certificate("server").key == second.key
    # A number that was spent is not a third key when it comes back down; it is another one than asked for.
    project.edit_spec("key-generation: 2", "key-generation: 3")
    done(project)
    assert project.certificate("server").key not in (first.key, second.key)


def test_another_kind_of_leaf_key(make_project):
    project = make_project(SPEC)
    made(project)
    ca = project.keys()[str(project.path("pki/ca-key.pem"))]
    project.spec = project.spec[:project.spec.index("certs:")] + project.spec[project.spec.index("certs:"):].replace(EC, "key: {algo: ed25519}")
    done(project)
    assert project.keys()[str(project.path("pki/ca-key.pem"))] == ca
    assert project.verify("server", host="server.example.com") == ""
    assert b"BEGIN PRIVATE KEY" in project.path("pki/server-key.pem").read_bytes()


# Revocation.


def crl_number(project, stem="ca"):
    said = verifiers.run("openssl", "crl", "-in", project.path(f"pki/{stem}-crl.pem"), "-noout", "-crlnumber", check=True).stdout
    return int(said.strip().removeprefix("crlNumber=0x"), 16)


def crl_text(project, stem="ca"):
    der, pem = project.path(f"pki/{stem}.crl"), project.path(f"pki/{stem}-crl.pem")
    texts = [verifiers.run("openssl", "crl", "-inform", form, "-in", path, "-noout", "-text", check=True).stdout
             for form, path in (("DER", der), ("PEM", pem))]
    assert texts[0] == texts[1]
    said = verifiers.run("openssl", "crl", "-in", pem, "-CAfile", project.path(f"pki/{stem}.pem"), "-noout", "-verify")
    assert said.returncode == 0 and "verify OK" in said.stderr + said.stdout, said
    return texts[0]


def check_with_crl(project, path):
    extra = ("-crl_check", "-CRLfile", project.path("pki/ca-crl.pem"), "-attime", str(project.now))
    return verifiers.openssl(project.path("pki/ca.pem"), None, path, extra=extra)


def utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_revoked_by_label(make_project):
    project = make_project(SPEC)
    made(project)
    old = project.path("old.pem")
    shutil.copyfile(project.path("pki/server.pem"), old)
    serial, key = project.certificate("server").serial, project.certificate("server").key

    project.spec += f"revoked:\n  - {{cert: server, reason: keyCompromise, date: '{utc(project.now)}'}}\n"
    row = state(project, "cert/server")
    assert row["reasons"] == ["revoked"], row
    ran = done(project)
    assert {"cert/server", "ca/crl"} <= set(ran.edges)
    new = project.certificate("server")
    assert new.serial != serial and new.key == key
    text = crl_text(project)
    assert f"Serial Number: {serial.upper().zfill((len(serial) + 1) // 2 * 2)}" in text and "Key Compromise" in text
    assert "certificate revoked" in check_with_crl(project, old)
    assert check_with_crl(project, project.path("pki/server.pem")) == ""

    # Signed again for another reason, it is not revoked; the number goes on.
    number = crl_number(project)
    project.edit_spec("[server.example.com]", "[server.example.com, b.example.com]")
    done(project)
    assert check_with_crl(project, project.path("pki/server.pem")) == ""
    assert "certificate revoked" in check_with_crl(project, old)
    assert crl_number(project) >= number

    # Years later: CRLs are renewed in time, and what was revoked stays so.
    for days in (15, 29, 100, 400):
        project.clock = str(days * DAY)
        done(project)
        assert check_with_crl(project, project.path("pki/server.pem")) == ""
        assert f"Serial Number: {serial.upper().zfill((len(serial) + 1) // 2 * 2)}" in crl_text(project)
    assert crl_number(project) > number


def test_revoked_by_serial(make_project):
    project = make_project(SPEC)
    made(project)
    serial = project.certificate("server").serial
    project.spec += f"revoked:\n  - {{serial: '0x{serial}', reason: superseded}}\n"
    done(project)
    assert "certificate revoked" in check_with_crl(project, project.path("pki/server.pem"))
    assert "Superseded" in crl_text(project)
    before = crl_text(project)
    done(project)
    assert crl_text(project) == before


def test_revoked_later_than_now_is_refused(make_project):
    project = make_project(SPEC)
    made(project)
    before = project.pki()
    project.spec += f"revoked:\n  - {{cert: server, date: '{utc(project.now + DAY)}'}}\n"
    ran = project.ninja()
    assert ran.code != 0 and "later than now" in ran.out, ran
    assert harness.changes(before, project.pki()) == {}
    project.clock = str(DAY + HOUR)
    done(project)


# Chains, bundles, PKCS#12.


def assert_files(project):
    """Each file has what it promises, of the certificates of now."""
    leaf, lower, upper = (project.path(f"pki/{stem}.pem").read_text(encoding="ascii") for stem in ("server", "lower", "upper"))
    key = project.path("pki/server-key.pem").read_text(encoding="ascii")
    assert project.path("pki/server-chain.pem").read_text(encoding="ascii") == leaf + lower + upper
    bundle = project.path("pki/server-bundle.pem").read_text(encoding="ascii")
    # Without the line of text that a key of a later generation has.
    assert bundle == key[key.index("-----BEGIN"):] + leaf + lower + upper
    assert verifiers.openssl(project.path("pki/ca.pem"), project.path("pki/server-chain.pem"), project.path("pki/server-chain.pem"),
                             extra=("-attime", str(project.now))) == ""
    p12 = project.path("pki/server.p12")
    unpacked = verifiers.run("openssl", "pkcs12", "-in", p12, "-passin", f"file:{project.path('p12.txt')}", "-nodes", check=True).stdout
    for text in (leaf, lower, upper):
        assert "".join(text.split()) in "".join(unpacked.split())
    public = verifiers.run("openssl", "pkey", "-in", project.path("pki/server-key.pem"), "-pubout", check=True).stdout
    project.path("unpacked.pem").write_text(unpacked, encoding="ascii")
    assert verifiers.run("openssl", "pkey", "-in", project.path("unpacked.pem"), "-pubout", check=True).stdout == public
    project.path("unpacked.pem").unlink()
    assert verifiers.run("openssl", "pkcs12", "-in", p12, "-passin", "pass:wrong", "-nodes").returncode != 0
    for name, mode in (("server-chain.pem", 0o644), ("server-bundle.pem", 0o600), ("server.p12", 0o600)):
        assert stat.S_IMODE(project.path(f"pki/{name}").stat().st_mode) == mode, name


def test_chain_bundle_and_pkcs12_follow_the_certificate(make_project):
    project = make_project(CHAIN_SPEC)
    project.path("p12.txt").write_text("secret\n", encoding="ascii")
    project.path("p12.txt").chmod(0o600)
    made(project)
    assert_files(project)
    project.clock = str(2 * YEAR_THIRD + HOUR)
    done(project)
    assert_files(project)
    project.edit_spec("hosts:", "key-generation: 2\n    hosts:")
    done(project)
    assert_files(project)
    for name in ("server-chain.pem", "server-bundle.pem", "server.p12"):
        project.path(f"pki/{name}").unlink()
        done(project)
        assert_files(project)


# Existing CAs.


def foreign_ca(project, folder="foreign", days=3650, name="Foreign CA", extra=("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")):
    """A CA that openssl makes in FOLDER: ca.pem and ca-key.pem."""
    below = project.path(folder)
    below.mkdir(exist_ok=True)
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/O=Elsewhere/CN={name}",
            "-days", days, "-keyout", below / "ca-key.pem", "-out", below / "ca.pem", "-config", "/dev/null"]
    argv += ["-addext", "subjectKeyIdentifier=hash"]
    for extension in extra:
        argv += ["-addext", extension]
    below.joinpath("empty.cnf").write_text("[req]\ndistinguished_name = dn\n[dn]\n", encoding="ascii")
    argv[argv.index("/dev/null")] = below / "empty.cnf"
    verifiers.run(*argv, check=True)
    (below / "ca-key.pem").chmod(0o600)
    return below


EXISTING_SPEC = f"""
ca: {{cert: foreign/ca.pem, key: foreign/ca-key.pem}}
certs:
  server:
    {EC}
    hosts: [server.example.com]
"""


def test_an_existing_ca_signs_and_is_not_touched(make_project):
    project = make_project(EXISTING_SPEC)
    foreign_ca(project)
    before = harness.snapshot(project.path("foreign"))
    made(project)
    assert project.verify("server", root="../foreign/ca", host="server.example.com", purpose="sslserver") == ""
    assert project.verify("server", host="server.example.com", purpose="sslserver") == ""
    project.clock = str(2 * YEAR_THIRD + HOUR)
    done(project)
    assert project.verify("server", root="../foreign/ca", host="server.example.com", purpose="sslserver") == ""
    assert harness.changes(before, harness.snapshot(project.path("foreign"))) == {}
    assert not [path for path in project.path("pki").rglob("*") if path.name == "ca-key.pem"], "its key was copied"


def test_an_existing_ca_may_be_in_pki_itself(make_project):
    project = make_project(EXISTING_SPEC.replace("foreign/", "pki/"))
    foreign_ca(project, "pki")
    project.path("pki/ca.pem").chmod(0o600)
    before = harness.snapshot(project.path("pki"))
    made(project)
    changed = harness.changes(before, harness.snapshot(project.path("pki")))
    assert not [path for path in changed if "/ca" in path], changed


def test_a_ca_key_behind_a_link(make_project):
    """As one that is mounted when it is needed: nothing to do the second time, and its mode is looked after."""
    project = make_project(SPEC)
    made(project)
    key, elsewhere = project.path("pki/ca-key.pem"), project.path("mounted-ca-key.pem")
    key.rename(elsewhere)
    key.symlink_to(elsewhere)
    done(project)
    elsewhere.chmod(0o644)
    ran = project.ninja().ok()
    assert "ca/key: mode was 0644, is 0600" in ran.out
    assert key.is_symlink() and stat.S_IMODE(elsewhere.stat().st_mode) == 0o600
    assert project.ninja().no_work


def encrypt_key(folder):
    verifiers.run("openssl", "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", folder / "ca-key.pem", "-out", folder / "enc.pem", "-passout",
                  "pass:secret", check=True)
    (folder / "enc.pem").chmod(0o600)
    (folder / "enc.pem").rename(folder / "ca-key.pem")


BAD_CAS = {
    "key of another CA": (lambda p: shutil.copy(foreign_ca(p, "other") / "ca-key.pem", p.path("foreign/ca-key.pem")), r"key does not match"),
    "not a CA": (lambda p: foreign_ca(p, extra=("basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature")),
                 r"not a CA certificate"),
    "a CA that may not sign": (lambda p: foreign_ca(p, extra=("basicConstraints=critical,CA:TRUE", "keyUsage=critical,cRLSign")),
                               r"cert sign"),
    "readable key": (lambda p: p.path("foreign/ca-key.pem").chmod(0o644), r"mode 0644.*chmod 600"),
    "no key": (lambda p: p.path("foreign/ca-key.pem").unlink(), r"foreign/ca-key\.pem"),
    "no certificate": (lambda p: p.path("foreign/ca.pem").unlink(), r"foreign/ca\.pem"),
    "truncated key": (lambda p: p.path("foreign/ca-key.pem").write_bytes(p.path("foreign/ca-key.pem").read_bytes()[:100]),
                      r"foreign/ca-key\.pem"),
    "encrypted key without a passphrase": (lambda p: encrypt_key(p.path("foreign")), r"passphrase"),
}


@pytest.mark.parametrize("bad", BAD_CAS)
def test_a_bad_existing_ca_is_refused_and_left_alone(make_project, bad):
    spoil, message = BAD_CAS[bad]
    project = make_project(EXISTING_SPEC)
    foreign_ca(project)
    spoil(project)
    before = harness.snapshot(project.path("foreign"))
    project.gen().ok()
    ran = project.ninja("-k0")
    assert ran.code != 0
    assert re.search(message, ran.out), ran.out
    assert harness.changes(before, harness.snapshot(project.path("foreign"))) == {}
    assert not project.path("pki/server.pem").exists()


def test_an_existing_ca_that_ends_says_so(make_project):
    project = make_project(EXISTING_SPEC)
    foreign_ca(project, days=100)
    project.gen().ok()
    assert "ends with its CA" in project.ninja().ok().out
    project.clock = str(99 * DAY)
    assert state(project, "ca/cert")["reasons"] == ["expires-soon"]
    project.ninja().ok()
    project.clock = str(101 * DAY)
    code, rows = project.certs()
    assert code == 2 and rows["ca/cert"]["reasons"] == ["expired"] and rows["cert/server"]["reasons"] == ["expired"]
    ran = project.ninja()
    assert ran.code != 0 and "expired" in ran.out, ran.out


# A CA that signs elsewhere.

EXTERNAL_SPEC = f"""
ca: {{cert: foreign/ca.pem}}
certs:
  server:
    {EC}
    hosts: [server.example.com, 10.0.0.1]
  client:
    {EC}
    profile: client
signing:
  profiles:
    client: {{usages: [signing, client auth], expiry: 720h}}
"""

SERVER_EXTENSIONS = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth,clientAuth",
                     "subjectAltName=DNS:server.example.com,IP:10.0.0.1"]
CLIENT_EXTENSIONS = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth"]


def sign_elsewhere(project, name, extensions, ca="foreign", days=365, request=None):
    """Signs pki/NAME.csr with the CA in the folder CA, as somebody with nothing but openssl would, to pki/NAME.pem."""
    extension_file = project.path(ca) / "extensions.cnf"
    extension_file.write_text("\n".join(extensions) + "\n", encoding="ascii")
    verifiers.run("openssl", "x509", "-req", "-in", request or project.path(f"pki/{name}.csr"), "-CA", project.path(ca) / "ca.pem", "-CAkey",
                  project.path(ca) / "ca-key.pem", "-CAcreateserial", "-days", days, "-sha256", "-extfile", extension_file, "-out",
                  project.path(f"pki/{name}.pem"), check=True)


def waiting(project):
    """What `ninja -k0` says waits for signing."""
    ran = project.ninja("-k0")
    assert ran.code != 0
    return set(re.findall(r"pki/(\S+)\.csr -> pki/\1\.pem", ran.out))


def external(make_project):
    project = make_project(EXTERNAL_SPEC)
    foreign_ca(project)
    project.gen().ok()
    assert waiting(project) == {"server", "client"}
    return project


def test_requests_wait_for_a_signer_elsewhere_and_what_is_signed_is_taken_in(make_project):
    project = external(make_project)
    keys = project.keys()
    for name in ("server", "client"):
        said = verifiers.run("openssl", "req", "-in", project.path(f"pki/{name}.csr"), "-noout", "-verify", "-text", check=True)
        assert "verify OK" in said.stderr + said.stdout
        assert state(project, f"cert/{name}")["reasons"] == ["missing"]
    assert "waits for signing" in table(project)

    sign_elsewhere(project, "server", SERVER_EXTENSIONS)
    server = project.path("pki/server.pem").read_bytes()
    assert waiting(project) == {"client"}
    sign_elsewhere(project, "client", CLIENT_EXTENSIONS)
    done(project)
    assert project.path("pki/server.pem").read_bytes() == server
    assert project.keys() == keys
    assert project.verify("server", host="server.example.com", purpose="sslserver") == ""
    assert project.verify("client", purpose="sslclient") == ""

    # In the last third `kplan certs` says so; for ninja there is nothing that it could do, until it is over.
    project.clock = str(300 * DAY)
    assert state(project, "cert/server")["reasons"] == ["expires-soon"]
    assert project.ninja().no_work
    project.clock = str(366 * DAY)
    ran = project.ninja("-k0")
    assert ran.code != 0 and "expired" in ran.out
    assert project.path("pki/server.pem").read_bytes() == server

    # What is signed again is taken in.
    project.clock = "0"
    sign_elsewhere(project, "server", SERVER_EXTENSIONS)
    done(project)
    # Another name is another request, which waits in its turn; the certificate stays where it is.
    server = project.path("pki/server.pem").read_bytes()
    project.edit_spec("10.0.0.1]", "10.0.0.1, b.example.com]")
    ran = project.ninja("-k0")
    assert ran.code != 0 and "b.example.com" in ran.out, ran.out
    assert project.path("pki/server.pem").read_bytes() == server
    assert b"b.example.com" in verifiers.run("openssl", "req", "-in", project.path("pki/server.csr"), "-noout", "-text").stdout.encode()
    sign_elsewhere(project, "server", SERVER_EXTENSIONS[:-1] + [SERVER_EXTENSIONS[-1] + ",DNS:b.example.com"])
    done(project)


def stranger_request(project):
    """A request for the same names, of another key."""
    verifiers.run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=server", "-keyout",
                  project.path("stranger-key.pem"), "-out", project.path("stranger.csr"), check=True)
    return project.path("stranger.csr")


def damaged(project):
    sign_elsewhere(project, "server", SERVER_EXTENSIONS)
    path = project.path("pki/server.pem")
    path.write_bytes(path.read_bytes()[:-100])


def in_the_future(project):
    """`openssl x509` signs from now on only: another kplan is the signer here, with the same CA and a clock of its own."""
    signer = shifted.ShiftedProject(project.path("signer"), EXISTING_SPEC.replace("foreign/", "../foreign/").replace(
        "[server.example.com]", "[server.example.com, 10.0.0.1]"))
    signer.path("pki").mkdir()
    shutil.copy(project.path("pki/server-key.pem"), signer.path("pki"))
    signer.clock = str(10 * DAY)
    made(signer)
    shutil.copy(signer.path("pki/server.pem"), project.path("pki"))


WRONG_CERTIFICATES = {
    "another key": (lambda p: sign_elsewhere(p, "server", SERVER_EXTENSIONS, request=stranger_request(p)), r"key does not match"),
    "another CA": (lambda p: (foreign_ca(p, "other", name="Other CA"), sign_elsewhere(p, "server", SERVER_EXTENSIONS, ca="other")),
                   r"issuer"),
    "another CA of the same name": (lambda p: (foreign_ca(p, "other"), sign_elsewhere(p, "server", SERVER_EXTENSIONS, ca="other")),
                                    r"issuer|signature"),
    "a missing name": (lambda p: sign_elsewhere(p, "server", SERVER_EXTENSIONS[:-1] + ["subjectAltName=DNS:server.example.com"]),
                       r"10\.0\.0\.1"),
    "a name too many": (lambda p: sign_elsewhere(p, "server", SERVER_EXTENSIONS[:-1] + [SERVER_EXTENSIONS[-1] + ",DNS:evil.example.com"]),
                        r"evil\.example\.com"),
    "a missing usage": (lambda p: sign_elsewhere(p, "server", SERVER_EXTENSIONS[:2] + ["extendedKeyUsage=clientAuth"] + SERVER_EXTENSIONS[3:]),
                        r"usages differ"),
    "a CA": (lambda p: sign_elsewhere(p, "server", ["basicConstraints=critical,CA:TRUE"] + SERVER_EXTENSIONS[1:]), r"basic constraints"),
    "expired": (lambda p: sign_elsewhere(p, "server", SERVER_EXTENSIONS, days=-1), r"expired|not valid"),
    "not yet valid": (in_the_future, r"not valid before"),
    "damaged": (damaged, r"pki/server\.pem"),
    "not a certificate": (lambda p: shutil.copy(p.path("pki/server.csr"), p.path("pki/server.pem")), r"pki/server\.pem"),
}


@pytest.mark.parametrize("wrong", WRONG_CERTIFICATES)
def test_a_wrong_certificate_from_elsewhere_is_refused_and_nothing_is_overwritten(make_project, wrong):
    put, message = WRONG_CERTIFICATES[wrong]
    project = external(make_project)
    sign_elsewhere(project, "client", CLIENT_EXTENSIONS)
    put(project)
    before = project.pki()
    ran = project.ninja("-k0")
    assert ran.code != 0
    said = [line for line in ran.out.splitlines() if "cert/server: " in line]
    assert said and re.search(message, said[0]), ran.out
    assert harness.changes(before, project.pki()) == {}
    code, rows = project.certs()
    assert code == 2 and not rows["cert/server"]["good"]
    sign_elsewhere(project, "server", SERVER_EXTENSIONS)
    done(project)
    assert project.verify("server", host="server.example.com", purpose="sslserver") == ""


# What `kplan certs` says.


def test_certs_at_every_stage(make_project):
    project = make_project(CHAIN_SPEC.replace("    pkcs12: {passphrase-file: p12.txt}\n", ""))
    code, rows = project.certs()
    assert code == 2 and {row["state"] for row in rows.values()} == {"missing"}
    assert set(rows) == {"ca/cert", "ca/upper/cert", "ca/lower/cert", "cert/server"}
    made(project)
    code, rows = project.certs()
    assert code == 0
    assert rows["cert/server"]["file"] == "pki/server.pem" and rows["cert/server"]["names"] == ["server.example.com"]
    assert rows["cert/server"]["issuer"] == "CN=Lower" and rows["ca/lower/cert"]["issuer"] == "CN=Upper"
    assert rows["ca/cert"]["issuer"] == "CN=Root" and rows["ca/cert"]["days-left"] == 1824
    for label, row in rows.items():
        certificate = shifted.read_certificate(project.path(row["file"]))
        assert row["not-after"] == utc(certificate.not_after), label
    lines = table(project).splitlines()
    assert lines[0].split("  ")[0] == "LABEL" and len(lines) == 5
    path = project.path("pki/server.pem")
    good = path.read_bytes()
    for content, reason in ((b"", "damaged"), (good[:-50], "damaged"), (project.path("pki/upper.pem").read_bytes(), "key")):
        path.write_bytes(content)
        row = state(project, "cert/server")
        assert not row["good"] and reason in row["reasons"], row
        done(project)
