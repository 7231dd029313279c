"""Certificates of hundreds of random specs are held up to everybody who verifies certificates.

A cluster.yaml a spec (tests/pki_specs.py), made by kplan and ninja, and made again by nobody: the second run does nothing.
KPLAN_SWEEP=full takes ten times as many; KPLAN_PKI_SEED=N takes others.
"""

import concurrent.futures
import os
import pathlib
import shutil

import pytest

import harness
import pki_specs
import pki_verifiers as verifiers

SEED = int(os.environ.get("KPLAN_PKI_SEED", "3"))
COUNT = 5000 if os.environ.get("KPLAN_SWEEP") == "full" else int(os.environ.get("KPLAN_PKI_COUNT", "500"))
WORKERS = 2


def in_pool(function, items):
    """[function(item)], some at a time."""
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(function, items))


class Made:
    """A spec's folder, with what kplan made in it."""

    def __init__(self, below, spec):
        self.spec = spec
        self.folder = below / str(spec.number)
        self.folder.mkdir()
        for name, content in spec.files.items():
            path = self.folder / name
            path.write_text(content, encoding="utf-8")
            path.chmod(0o600)
        self.project = harness.Project(self.folder, harness.Here(), harness.KPLAN)
        self.project.spec = spec.yaml
        self._environment = ["env", *(f"{name}={value}" for name, value in spec.environment.items())]

    def run(self, *argv):
        ran = self.project.run(*self._environment, *argv)
        return "" if ran.code == 0 else f"{' '.join(map(str, argv))}: exit {ran.code}\n{ran.out}{ran.err}"

    def make(self):
        """"" or what went wrong."""
        wrong = self.run(harness.KPLAN, "gen", "cluster.yaml") or self.run("ninja", "-j1")
        if not wrong:
            again = self.project.run(*self._environment, "ninja")
            if not again.no_work:
                wrong = f"the second run did something:\n{again.out}{again.err}"
        if wrong:
            return wrong
        for authority in self.spec.authorities:
            # What is shown beside a leaf, and what is trusted.
            issuers = authority.chain[:-1]
            if issuers:
                self.intermediates(authority).write_text(verifiers.pem(*map(self.certificate, issuers)), encoding="ascii")
        for leaf in self.spec.leaves:
            text = verifiers.pem(self.certificate(leaf), *map(self.certificate, leaf.chain[:-1]))
            self.chain(leaf).write_text(text, encoding="ascii")
        return ""

    def certificate(self, of):
        return self.folder / "pki" / f"{of.stem}.pem"

    def key(self, of):
        return self.folder / "pki" / f"{of.stem}-key.pem"

    def root(self, leaf):
        return self.certificate(leaf.chain[-1])

    def intermediates(self, authority):
        """A file, or None where there are none."""
        return self.folder / f"intermediates-{authority.stem}.pem" if len(authority.chain) > 1 else None

    def chain(self, leaf):
        """A file: LEAF and the intermediates above it."""
        return self.folder / f"chain-{leaf.stem.replace('/', '-')}.pem"


def fail_with(made_and_wrong):
    """Fails when there is something wrong; names the seed, and shows the first cluster.yaml whole."""
    wrong = [(made, text) for made, text in made_and_wrong if text]
    if wrong:
        first = wrong[0][0]
        texts = "\n".join(f"spec {made.spec.number}: {text}" for made, text in wrong[:10])
        pytest.fail(f"seed {SEED}: {len(wrong)} of {COUNT} specs\n{texts}\n\nspec {first.spec.number}:\n{first.spec.yaml}", pytrace=False)


@pytest.fixture(name="all_made", scope="module")
def fixture_all_made():
    below = harness.make_folder("proof")
    all_made = [Made(below, pki_specs.generate(SEED, number)) for number in range(COUNT)]
    wrong = in_pool(Made.make, all_made)
    # One bad spec is no reason not to look at the others: the tests that follow have those that were made.
    yield below, [made for made, text in zip(all_made, wrong) if not text], list(zip(all_made, wrong))
    shutil.rmtree(below)


@pytest.fixture(name="made")
def fixture_made(all_made):
    assert all_made[1], "kplan made none of the specs"
    return all_made[1]


@pytest.fixture(name="trust", scope="module")
def fixture_trust(all_made):
    """Two files: every root and every CA. A leaf can be verified under its own alone, so there may as well be others."""
    below, made, _ = all_made
    paths = []
    for name, wanted in (("roots.pem", lambda authority: authority.issuer is None), ("authorities.pem", lambda authority: True)):
        paths.append(below / name)
        files = [one.certificate(authority) for one in made for authority in one.spec.authorities if wanted(authority)]
        paths[-1].write_text(verifiers.pem(*files), encoding="ascii")
    return paths


def test_every_spec_is_made_and_the_second_run_does_nothing(all_made):
    fail_with(all_made[2])


def test_the_specs_have_every_feature(made):
    """A generator that has lost a branch would prove nothing about it."""
    text = "".join(one.spec.yaml for one in made)
    for word in ["rsa", "ecdsa", "ed25519", "pkcs1", "pkcs8", "sec1", "384", "521", "issuer", "max_path_len", "permitted", "excluded",
                 "uri:", "renew-before", "backdate", "crl_url", "ocsp_url", "issuer_urls", "default", "compat", "SerialNumber", "per",
                 "passphrase-file", "passphrase-env", "key-generation", "is_ca", "crl-expiry", "bundle", "chain", *pki_specs.WORDS[2:6],
                 *(idn for idn, _ in pki_specs.IDNS), *pki_specs.EXTENDED, *pki_specs.KEY_USAGES]:
        assert word in text, word
    depths = {len(leaf.chain) for one in made for leaf in one.spec.leaves}
    assert depths == {1, 2, 3}
    for kind in ("dns", "ips", "emails", "uris"):
        assert sum(1 for one in made for leaf in one.spec.leaves if getattr(leaf, kind)) > COUNT / 10
    assert sum(1 for one in made for leaf in one.spec.leaves if any(authority.permitted + authority.excluded for authority in leaf.chain)) > COUNT / 10


def names_to_check(leaf):
    """[(host, ip, email)]: every name of LEAF once, several kinds in one go."""
    hosts, ips, emails = leaf.hosts, leaf.ips, leaf.emails
    return [(hosts[i] if i < len(hosts) else None, ips[i] if i < len(ips) else None, emails[i] if i < len(emails) else None)
            for i in range(max(len(hosts), len(ips), len(emails)))]


def ask_openssl(one):
    wrong = []
    for leaf in one.spec.leaves:
        def ask(expected, what, leaf=leaf, **question):
            said = verifiers.openssl(one.root(leaf), one.intermediates(leaf.ca), one.certificate(leaf), **question)
            if (said == "") != expected:
                wrong.append(f"{leaf.label}, {what}: {said or 'accepted'}")

        purposes = verifiers.openssl_purposes(leaf)
        good = [purpose for purpose, has in purposes.items() if has]
        if leaf.is_ca:
            good, purposes = ["any"], {}
        names = names_to_check(leaf)
        # Every purpose that it has, and every name that it has: together, as far as they go.
        for i in range(max(len(good), len(names))):
            host, ip, email = names[i % len(names)] if names else (None, None, None)
            purpose = good[i % len(good)]
            ask(True, f"{purpose} {host} {ip} {email}", purpose=purpose, host=host, ip=ip, email=email)
        for purpose, has in purposes.items():
            if not has:
                ask(False, purpose, purpose=purpose)
        outsiders = {"host": verifiers.OUTSIDER, "ip": verifiers.OUTSIDE_IP, "email": verifiers.OUTSIDE_EMAIL}
        kind = ["host", "ip", "email"][one.spec.number % 3]
        ask(False, f"another {kind}", **{kind: outsiders[kind]})
    return "\n".join(wrong)


def test_openssl(made):
    fail_with(zip(made, in_pool(ask_openssl, made)))


def ask_gnutls(one):
    wrong = []
    for leaf in one.spec.leaves:
        def ask(expected, what, leaf=leaf, **question):
            said = verifiers.gnutls(one.root(leaf), one.chain(leaf), **question)
            if (said == "") != expected:
                wrong.append(f"{leaf.label}, {what}: {said or 'accepted'}")

        good = not verifiers.gnutls_minds(leaf)
        for purpose in (verifiers.SERVER_AUTH, verifiers.CLIENT_AUTH):
            host = (leaf.hosts + leaf.ips + [None])[0]
            ask(good and verifiers.gnutls_has(leaf, purpose), f"{purpose} {host}", purpose=purpose, host=host)
        for host in (leaf.hosts + leaf.ips)[1:]:
            ask(good, host, host=host)
        for email in leaf.emails[:1]:
            ask(good, email, email=email)
        outside = [{"host": verifiers.OUTSIDER}, {"host": verifiers.OUTSIDE_IP}, {"email": verifiers.OUTSIDE_EMAIL}]
        ask(False, "another name", **outside[one.spec.number % 3])
    return "\n".join(wrong)


def test_gnutls(made):
    fail_with(zip(made, in_pool(ask_gnutls, made)))


def test_go_verifies_every_chain(made, trust, all_made):
    """crypto/x509, asked through cfssl's bundler about every leaf's chain, whatever the leaf is for."""
    unknown_keys = set()
    wrong = []
    with verifiers.closing(verifiers.Cfssl(all_made[0], *trust)) as cfssl:
        for one in made:
            for leaf in one.spec.leaves:
                code, answer = cfssl.ask(certificate=verifiers.pem(one.chain(leaf)))
                if code == cfssl.UNKNOWN_KEY:
                    # cfssl of 2016 knows no such key. The handshakes below have Go verify those.
                    unknown_keys.add(leaf.algo)
                    continue
                if code != (0 if cfssl.has_usage(leaf) else cfssl.WRONG_USAGE):
                    wrong.append((one, f"{leaf.label}: {answer}"))
    fail_with(wrong)
    assert unknown_keys <= {"ed25519"}


def test_go_as_a_client(made, trust, all_made):
    """Real handshakes: Go's TLS client, in cfssl, meets a server with each certificate under each of its names."""
    if not verifiers.may_listen_on_443():
        pytest.skip("cfssl connects to port 443 alone, which this user may not listen on")
    wrong, met = [], 0
    with verifiers.closing(verifiers.Cfssl(all_made[0], *trust)) as cfssl, verifiers.closing(verifiers.TlsServer()) as server:

        def accepted(name):
            server.verdicts.clear()
            code, answer = cfssl.ask(domain=name, ip="127.0.0.1")
            assert code in (0, cfssl.UNKNOWN_KEY, cfssl.HANDSHAKE_FAILED), answer
            # After a handshake that failed it looks what there is, without verifying.
            connections = 2 if code == cfssl.HANDSHAKE_FAILED else 1
            harness.wait_for("the server's view", lambda: len(server.verdicts) == connections)
            good = server.verdicts[0] == ""
            # Both ends of the connection agree.
            assert good == (code != cfssl.HANDSHAKE_FAILED), (server.verdicts, answer)
            return good

        for one in made:
            for leaf in one.spec.leaves:
                server.show(one.chain(leaf), one.key(leaf))
                has = verifiers.go_has(leaf, verifiers.SERVER_AUTH) and not leaf.is_ca
                names = leaf.hosts + leaf.ips
                for name in names if has else names[:1]:
                    met += 1
                    if accepted(name) != has:
                        wrong.append((one, f"{leaf.label} as {name}: {server.verdicts}"))
                if accepted(verifiers.OUTSIDER):
                    wrong.append((one, f"{leaf.label}: accepted as {verifiers.OUTSIDER}"))
    fail_with(wrong)
    assert met > COUNT


# A server names all CAs that it trusts in its request for a certificate, which has room for 64 KiB of names.
CAS_OF_AN_ETCD = 250


def test_go_as_a_server(made, all_made):
    """Real handshakes: etcd lets in every client certificate that is one, and no other."""
    wrong, let_in = [], 0
    for begin in range(0, len(made), CAS_OF_AN_ETCD):
        batch = made[begin:begin + CAS_OF_AN_ETCD]
        folder = all_made[0] / f"etcd-{begin}"
        folder.mkdir()
        roots = folder / "roots.pem"
        roots.write_text(verifiers.pem(*{one.root(leaf) for one in batch for leaf in one.spec.leaves}), encoding="ascii")
        with verifiers.closing(verifiers.EtcdDoor(folder, roots)) as etcd:
            assert etcd.knock(None, None) != ""
            assert etcd.knock(folder / "door.pem", folder / "door-key.pem") != ""
            for one in batch:
                for leaf in one.spec.leaves:
                    has = verifiers.go_has(leaf, verifiers.CLIENT_AUTH)
                    said = etcd.knock(one.chain(leaf), one.key(leaf))
                    let_in += said == ""
                    if (said == "") != has:
                        wrong.append((one, f"{leaf.label} as a client: {said or 'let in'}"))
    fail_with(wrong)
    assert let_in > COUNT / 2


def test_node(made, all_made):
    asked = [(one, leaf) for one in made for leaf in one.spec.leaves]
    curves = {256: "prime256v1", 384: "secp384r1", 521: "secp521r1"}
    questions = [{
        "certificate": str(one.certificate(leaf)),
        "issuer": str(one.certificate(leaf.ca)),
        "key": str(one.key(leaf)),
        "hosts": leaf.hosts,
        "ips": leaf.ips,
        "emails": leaf.emails,
        "outsider": {"host": verifiers.OUTSIDER, "ip": verifiers.OUTSIDE_IP, "email": verifiers.OUTSIDE_EMAIL},
        "extended": sorted(leaf.extended),
        "ca": leaf.is_ca,
        "kind": {"rsa": ["rsa", leaf.size], "ecdsa": ["ec", curves.get(leaf.size)], "ed25519": ["ed25519", 0]}[leaf.algo],
        "subject": [leaf.CN, *leaf.names],
        "urls": leaf.urls,
    } for one, leaf in asked]
    answers = verifiers.node(pathlib.Path(verifiers.__file__).with_name("pki_node.js"), questions, all_made[0])
    fail_with([(one, f"{leaf.label}: {'; '.join(answer)}" if answer else "") for (one, leaf), answer in zip(asked, answers)])
