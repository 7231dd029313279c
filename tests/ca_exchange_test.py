"""A CA is exchanged for one with another key while three etcds serve: who trusts whom at every moment, and who is restarted for it."""

import contextlib
import json
import os
import random
import re
import ssl
import subprocess
import threading
import time

import pytest

import harness
import rollout_test

pytestmark = pytest.mark.skipif(not harness.ISOLATED_ROOT, reason="it needs the ports 2379 and 2380 of its own network")

NAMES, ADDRESSES = rollout_test.NAMES, rollout_test.ADDRESSES
CA = "ca: {CN: lab-ca"

# Each is killed at three random moments. KPLAN_SWEEP=full: at a hundred of each way.
EXCHANGES = 34 if os.environ.get("KPLAN_SWEEP") == "full" else 2
OF_PEERS = "cas: {peers: {CN: lab-peers, key: {algo: ecdsa, size: 256}}}\n"


def issuer_of(path):
    return subprocess.run(["openssl", "x509", "-in", path, "-noout", "-issuer", "-nameopt", "RFC2253"],
                          check=True, capture_output=True, text=True).stdout.strip().removeprefix("issuer=")


def shown_at(address, port):
    """The subject's issuer of the certificate that is shown there."""
    pem = ssl.get_server_certificate((address, port))
    out = subprocess.run(["openssl", "x509", "-noout", "-issuer", "-nameopt", "RFC2253"], input=pem, check=True,
                         capture_output=True, text=True).stdout
    return out.strip().removeprefix("issuer=")


def certificates_in(path):
    return path.read_text(encoding="ascii").count("BEGIN CERTIFICATE")


class Client(threading.Thread):
    """Somebody else's client of one member: it trusts old and new, and makes a new connection each time.

    Its own certificate is the one that it was given, until the new one is there with all that comes with it."""

    def __init__(self, trio, member):
        super().__init__(daemon=True)
        self.trio, self.member = trio, member
        self.done, self.refused = 0, []
        self._over = threading.Event()
        pki = trio.project.path("pki")
        base = trio.project.folder.parent
        self._key, self._new = pki / "root-key.pem", pki / "root-chain.pem"
        self._old, self._trust = base / f"old-{member}.pem", base / f"trust-{member}.pem"
        self._old.write_bytes((pki / "root.pem").read_bytes())
        self._cas = b""

    def trust(self):
        """All generations that there ever were."""
        pki = self.trio.project.path("pki")
        for path in sorted(pki.glob("ca*.pem")) + sorted(pki.glob("retired/ca*.pem")):
            if re.fullmatch(r"ca(-g\d+)?\.pem", path.name):
                with contextlib.suppress(FileNotFoundError):
                    text = path.read_bytes()
                    if text not in self._cas:
                        self._cas += text
        self._trust.write_bytes(self._cas)
        return self._trust

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join()

    def run(self):
        while not self._over.is_set():
            try:
                context = ssl.create_default_context(cafile=self.trust())
                context.load_cert_chain(self._new if self._new.exists() else self._old, self._key)
                connection = rollout_test.http.client.HTTPSConnection(ADDRESSES[self.member], 2379, context=context, timeout=5)
                try:
                    connection.request("POST", "/v3/maintenance/status", "{}", {"Content-Type": "application/json"})
                    json.loads(connection.getresponse().read())
                    self.done += 1
                finally:
                    connection.close()
            except ssl.SSLError as error:
                # Who ends in the middle of a handshake refuses nobody.
                if "alert" in str(error).lower() or "verify failed" in str(error):
                    self.refused.append((time.monotonic(), str(error)))
            except (OSError, rollout_test.http.client.HTTPException, ValueError):
                pass  # it is being restarted
            time.sleep(0.01)


@contextlib.contextmanager
def clients(trio):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Client(trio, i)) for i in range(3)]


@contextlib.contextmanager
def formed(edit=lambda spec: spec):
    with rollout_test.in_folder() as trio:
        trio.project.spec = edit(trio.project.spec)
        trio.project.gen_and_ninja().ok()
        yield trio


def raise_generation(trio, generation=2, ca=CA):
    spec = re.sub(r", key-generation: \d+", "", trio.project.spec)
    trio.project.spec = spec.replace(ca, f"{ca}, key-generation: {generation}")


def check_done(trio, generation=2, was=1, ca="ca"):
    pki = trio.project.path("pki")
    name = lambda number: ca if number == 1 else f"{ca}-g{number}"
    new = (pki / f"{name(generation)}.pem").read_bytes()
    assert (pki / f"{ca}-trust.pem").read_bytes() == new
    assert not (pki / f"{name(was)}.pem").exists() and not (pki / f"{name(was)}-key.pem").exists()
    retired = pki / f"retired/{name(was)}-key.pem"
    assert retired.stat().st_mode & 0o777 == 0o600
    assert (pki / f"retired/{name(was)}.pem").exists()
    ran = trio.project.gen_and_ninja()
    assert ran.no_work, ran.out


def exchange(trio, restarts):
    """One ninja, watched: how often each member is restarted, and that nobody is refused anything."""
    with rollout_test.Watcher(trio) as watcher, clients(trio) as all_clients:
        ran = trio.project.gen_and_ninja()
    print(ran.out)
    ran.ok()
    assert sorted(watcher.order) == sorted(list(range(3)) * restarts), watcher.ended
    assert watcher.down_together == 1
    for client in all_clients:
        assert client.done > 10
        assert not client.refused, client.refused[:5]
    return ran


def test_cross_signed_by_the_one_before_each_member_is_restarted_once():
    with formed() as trio:
        old = trio.project.path("pki/ca-key.pem").read_bytes()
        raise_generation(trio)
        plan = trio.project.run(trio.project.kplan, "plan", "cluster.yaml").out
        assert "cross-signed: one restart of each that trusts it" in plan
        ran = exchange(trio, restarts=1)
        assert "the CA, generation 2 for 1: generation 1 signs the new key" in ran.out
        for i, name in enumerate(NAMES):
            assert shown_at(ADDRESSES[i], 2379) == "CN=lab-ca G2"
            assert shown_at(ADDRESSES[i], 2380) == "CN=lab-ca G2"
            on_host = trio.project.path(f"h{i + 1}/etc/etcd")
            assert (on_host / "ca.pem").read_bytes() == trio.project.path("pki/ca-g2.pem").read_bytes()
            # The new leaf and the new CA, signed by the one before.
            assert certificates_in(trio.project.path(f"pki/{name}/server-chain.pem")) == 2
        assert trio.project.path("pki/retired/ca-key.pem").read_bytes() == old
        check_done(trio)
        # The key goes when somebody says so; that there was one is not forgotten.
        prune = lambda *words: trio.project.run(trio.project.kplan, "prune", "--retired", *words)
        assert "pki/retired/ca-key.pem" in prune().out and trio.project.path("pki/retired/ca-key.pem").exists()
        assert "removed 1" in prune("--yes").ok().out
        assert not trio.project.path("pki/retired/ca-key.pem").exists() and trio.project.path("pki/retired/ca.pem").exists()
        assert "no CA was retired" in prune("--yes").ok().out
        assert trio.project.gen_and_ninja().no_work
        # Once more, and from there.
        raise_generation(trio, 3)
        exchange(trio, restarts=1)
        check_done(trio, 3, 2)


def test_of_a_ca_that_may_have_none_below_it_both_are_trusted_first():
    no_cas_below = lambda spec: spec.replace(CA, CA + ", ca_constraint: {max_path_len: 0}")
    with formed(no_cas_below) as trio:
        raise_generation(trio)
        plan = trio.project.run(trio.project.kplan, "plan", "cluster.yaml").out
        assert "both are trusted first: two restarts of each that trusts it" in plan
        ran = exchange(trio, restarts=2)
        assert "it says that no CA may be below it (max_path_len)" in ran.out
        for i, name in enumerate(NAMES):
            assert shown_at(ADDRESSES[i], 2379) == "CN=lab-ca G2"
            assert certificates_in(trio.project.path(f"pki/{name}/server-chain.pem")) == 1
        check_done(trio)


@pytest.mark.parametrize("below", ["", ", ca_constraint: {max_path_len: 0}"], ids=["cross-signed", "both"])
def test_of_servers_and_peers_at_the_same_time(below):
    def with_peers(spec):
        spec = spec.replace(CA, CA + below)
        spec = spec.replace("  peer: {per: host,", "  peer: {per: host, ca: peers,")
        return OF_PEERS.replace("{CN: lab-peers", "{CN: lab-peers" + below) + spec

    with formed(with_peers) as trio:
        trio.project.edit_spec(CA, CA + ", key-generation: 2")
        trio.project.edit_spec("{CN: lab-peers", "{CN: lab-peers, key-generation: 2")
        exchange(trio, restarts=2 if below else 1)
        for address in ADDRESSES:
            assert shown_at(address, 2379) == "CN=lab-ca G2"
            assert shown_at(address, 2380) == "CN=lab-peers G2"
        check_done(trio)
        check_done(trio, ca="peers")


def test_held_the_one_before_signs_as_long_as_one_likes():
    with formed() as trio:
        trio.project.edit_spec(CA, CA + ", key-generation: 2, hold: trust-both")
        exchange(trio, restarts=1)
        pki = trio.project.path("pki")
        both = (pki / "ca-trust.pem").read_bytes()
        assert both == (pki / "ca-g2.pem").read_bytes() + (pki / "ca.pem").read_bytes()
        for i in range(3):
            assert trio.project.path(f"h{i + 1}/etc/etcd/ca.pem").read_bytes() == both
            assert shown_at(ADDRESSES[i], 2379) == "CN=lab-ca"
        assert trio.project.gen_and_ninja().no_work
        assert (pki / "ca-key.pem").exists()
        # And on: who trusts both already is restarted for the last stage alone.
        trio.project.edit_spec(", hold: trust-both", "")
        ran = exchange(trio, restarts=1)
        assert "signs the new key" not in ran.out
        check_done(trio)


def test_back_while_the_one_before_is_there():
    with formed() as trio:
        trio.project.edit_spec(CA, CA + ", key-generation: 2, hold: trust-both")
        trio.project.gen_and_ninja().ok()
        trio.project.edit_spec("key-generation: 2, hold: trust-both", "key-generation: 1")
        exchange(trio, restarts=1)
        for address in ADDRESSES:
            assert shown_at(address, 2379) == "CN=lab-ca"
        pki = trio.project.path("pki")
        assert (pki / "ca-trust.pem").read_bytes() == (pki / "ca.pem").read_bytes()
        assert (pki / "retired/ca-g2-key.pem").exists()
        assert trio.project.gen_and_ninja().no_work
        # What was retired never comes back.
        trio.project.edit_spec("key-generation: 1", "key-generation: 2")
        ran = trio.project.gen_and_ninja()
        assert ran.code != 0
        assert "pki/retired/ca-g2.pem" in ran.out
        assert not (pki / "ca-g2-key.pem").exists()


def test_of_one_that_is_revoked_nobody_trusts_it_while_it_lasts():
    with formed() as trio:
        trio.ctl("put", "kept", "yes").ok()
        trio.project.edit_spec(CA, CA + ", key-generation: 2, revoked: [1]")
        plan = trio.project.run(trio.project.kplan, "plan", "cluster.yaml").out
        assert "generation 1 is revoked: all who trust it are restarted at the same time" in plan
        old = trio.project.path("pki/root.pem").read_bytes()
        base = trio.project.folder.parent
        (base / "old.pem").write_bytes(old)
        with rollout_test.Watcher(trio) as watcher:
            ran = trio.project.gen_and_ninja().ok()
        print(ran.out)
        assert sorted(watcher.order) == [0, 1, 2], watcher.ended
        check_done(trio)
        etcdctl = next(trio.project.path("archives/unpacked").glob("**/etcdctl"))
        ask = lambda cert: trio.project.run(etcdctl, "get", "kept", f"--endpoints=https://{ADDRESSES[0]}:2379", "--cacert=pki/ca-g2.pem",
                                            f"--cert={cert}", "--key=pki/root-key.pem", "--command-timeout=3s")
        assert ask("pki/root.pem").ok().out == "kept\nyes\n"
        assert ask(base / "old.pem").code != 0
        # They were never widened.
        assert "both are trusted" not in ran.out and "cross" not in ran.out


def test_a_spec_that_forgot_the_generation_is_told_so():
    with formed() as trio:
        raise_generation(trio)
        trio.project.gen_and_ninja().ok()
        pids = trio.pids()
        trio.project.edit_spec(", key-generation: 2", "")
        ran = trio.project.gen_and_ninja()
        assert ran.code != 0
        assert "pki/ca-key.pem is of a CA that was exchanged and retired" in ran.out
        assert trio.pids() == pids
        trio.project.edit_spec(CA, CA + ", key-generation: 2")
        trio.project.gen_and_ninja().ok()
        assert trio.pids() == pids


# Ninja and kplan are killed at a random moment, again and again.
@pytest.mark.parametrize("below", ["", ", ca_constraint: {max_path_len: 0}"], ids=["cross-signed", "both"])
def test_killed_at_any_moment_the_next_run_completes(below):
    moments = random.Random(below)
    with formed(lambda spec: spec.replace(CA, CA + below)) as trio, clients(trio) as all_clients:
        for generation in range(2, 2 + EXCHANGES):
            raise_generation(trio, generation)
            for _ in range(3):
                trio.project.gen().ok()
                process = subprocess.Popen(["ninja"], cwd=trio.project.folder, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL, start_new_session=True)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(moments.uniform(0.05, 6))
                rollout_test.kill_ninja_and_kplan(process)
            trio.project.gen_and_ninja().ok()
            check_done(trio, generation, generation - 1)
            assert all(trio.pids())
        for client in all_clients:
            assert client.done > 10
            assert not client.refused, client.refused[:5]


def test_what_is_trusted_is_looked_at_by_every_run_until_it_is_over():
    with formed() as trio:
        raise_generation(trio)
        trio.project.gen().ok()
        trio.project.ninja("trust/both").ok()
        assert "trust/both: pki/ca.pem is there still" in trio.project.gen().ok().out
        ran = trio.project.ninja().ok()
        assert ran.out.index("TRUST trust/both") < ran.out.index("SIGN cert/root")
        check_done(trio)
