"""Certificates and keys change under a real etcd that serves some 200 TLS handshakes a second: none of them fails, every
certificate is served as soon as it is there, and etcd is never restarted."""

import collections
import contextlib
import multiprocessing
import pathlib
import re
import socket
import ssl
import stat
import time

import pytest

import cluster as clusters
import harness

RATE = 200  # handshakes a second, where the machine can
WORKERS = 4

# Keys of a kind that costs little, so that the rate does not take a large machine. The client keeps its own.
PKI = """\
signing:
  profiles:
    server: {usages: [signing, key encipherment, server auth, client auth], expiry: 8760h}
    client: {usages: [signing, client auth], expiry: 8760h}
certs:
  client: {profile: client, key: {algo: ecdsa, size: 256}}
  kubernetes:
    profile: server
    key-generation: 1
    key: {algo: ecdsa, size: 256}
"""


@pytest.fixture(name="running", scope="module")
def fixture_running():
    with clusters.in_folder() as cluster:
        cluster.project.edit_spec("certs:\n  kubernetes:\n", PKI)
        cluster.provision()
        yield cluster


def work(cluster, counts, stop, done):
    """Full handshakes with etcd, one after the other, until STOP: each with a client certificate, and a request, because in
    TLS 1.3 the client is through before the server has looked at its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cluster.project.path("pki/ca.pem"))
    context.load_cert_chain(cluster.project.path("pki/client.pem"), cluster.project.path("pki/client-key.pem"))
    pause = WORKERS / (RATE * 1.3)
    kinds, serials, slowest = collections.Counter(), set(), 0.0
    due = time.monotonic()
    while not stop.is_set():
        begin = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", cluster.client_port), timeout=30) as plain:
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
                    tls.sendall(b"GET /version HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                    answer = tls.recv(4096)
                    serials.add(int(tls.getpeercert()["serialNumber"], 16))
            if not answer.startswith(b"HTTP/1.1 200 "):
                kinds[f"answer {answer[:40]}"] += 1
        except OSError as error:  # ssl.SSLError is one
            kinds[f"{type(error).__name__}: {getattr(error, 'reason', None) or error}"] += 1
        now = time.monotonic()
        slowest = max(slowest, now - begin)
        with done.get_lock():
            done.value += 1
        due = max(due + pause, now - 1)  # what was missed is made up for, but not for ever
        stop.wait(max(0, due - now))
    counts.put((kinds, serials, slowest))


class Load:
    """What the workers found, once load() is over; and how many handshakes there were so far."""

    def __init__(self):
        self.done = multiprocessing.Value("i", 0)
        self.kinds = collections.Counter()
        self.serials = set()
        self.slowest = 0.0
        self.rate = 0.0

    def wait(self, count):
        """Until there were COUNT more handshakes."""
        end = self.done.value + count
        harness.wait_for(f"{count} handshakes", lambda: self.done.value >= end)


@contextlib.contextmanager
def load(cluster):
    result, counts, stop = Load(), multiprocessing.Queue(), multiprocessing.Event()
    workers = [multiprocessing.Process(target=work, args=(cluster, counts, stop, result.done), daemon=True) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    try:
        result.wait(WORKERS)
        begin, first = time.monotonic(), result.done.value
        yield result
        result.rate = (result.done.value - first) / (time.monotonic() - begin)
        stop.set()
        for _ in workers:
            kinds, serials, slowest = counts.get(timeout=60)
            result.kinds += kinds
            result.serials |= serials
            result.slowest = max(result.slowest, slowest)
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def serial_of(cluster, path):
    out = cluster.project.run("openssl", "x509", "-in", path, "-noout", "-serial").ok().out
    return int(out.strip().partition("=")[2], 16)


def start_of(pid):
    """When the process began, in clock ticks since the machine did (proc(5))."""
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19])


def key_of(cluster):
    return cluster.on_host("/etc/etcd/kubernetes-key.pem").read_bytes()


def etcd_log(cluster):
    return cluster.on_host("/var/log/etcd.log").read_text(encoding="utf-8", errors="replace")


def renew(cluster, turn):
    cluster.project.edit_spec(f"expiry: {8760 - turn}h}}\n    client", f"expiry: {8760 - turn - 1}h}}\n    client")


def raise_generation(cluster, turn):
    cluster.project.edit_spec(f"key-generation: {turn + 1}\n", f"key-generation: {turn + 2}\n")


def lose_key(cluster, _):
    cluster.project.path("pki/kubernetes-key.pem").unlink()


def test_no_handshake_fails(running):
    project = running.project
    certificate = running.on_host("/etc/etcd/kubernetes.pem")
    pid = running.pid()
    started = start_of(pid)
    logged = len(etcd_log(running))
    serials = [serial_of(running, certificate)]
    times = {}
    with load(running) as found:
        for turn in range(8):
            for change in (renew, raise_generation, lose_key):
                key = key_of(running)
                change(running, turn)
                begin = time.monotonic()
                ran = project.gen_and_ninja().ok()
                times.setdefault(change.__name__, []).append(time.monotonic() - begin)
                assert "file/worker/etc/etcd/kubernetes.pem" in ran.edges
                assert not [edge for edge in ran.edges if edge.startswith("service/")], ran.edges
                assert (key_of(running) == key) == (change is renew)
                assert sorted(path.name for path in certificate.parent.iterdir()) == ["ca.pem", "kubernetes-key.pem", "kubernetes.pem"]
                for path, mode in ((certificate, 0o644), (certificate.with_name("kubernetes-key.pem"), 0o600)):
                    assert stat.S_ISREG(path.lstat().st_mode) and stat.S_IMODE(path.lstat().st_mode) == mode
                serials.append(serial_of(running, certificate))
                assert running.served().strip() in certificate.read_text(encoding="ascii")
                found.wait(40)
    print(f"{found.done.value} handshakes, {found.rate:.0f}/s, the slowest {found.slowest * 1000:.0f} ms; failed: {dict(found.kinds)}; "
          + ", ".join(f"{name} {len(took)} times, {max(took):.1f} s at most" for name, took in times.items()))
    assert not found.kinds, found.kinds
    assert len(set(serials)) == len(serials) == 25
    assert found.serials == set(serials), "each of them was served"
    # How many there were a second is the machine's affair, and printed.
    assert found.done.value >= 1000, f"only {found.done.value} handshakes"
    assert (running.pid(), start_of(pid)) == (pid, started)
    assert not re.search("private key does not match|failed to find any PEM", etcd_log(running)[logged:])
    assert project.gen_and_ninja().no_work


def test_the_load_sees_a_mismatch(running):
    """The test above is able to fail: a certificate beside another one's key, for as long as some handshakes take."""
    key = running.on_host("/etc/etcd/kubernetes-key.pem")
    right = key.read_bytes()
    with load(running) as found:
        key.write_bytes(running.project.path("pki/client-key.pem").read_bytes())
        found.wait(20)
        key.write_bytes(right)
        found.wait(20)
    assert sum(found.kinds.values()) >= 10, found.kinds
    assert any("ALERT_INTERNAL_ERROR" in kind for kind in found.kinds), found.kinds
