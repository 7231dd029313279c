"""A way to a host's sshd that can be watched and cut: a TCP proxy in the lab's network."""

import array
import ctypes
import fcntl
import os
import select
import socket
import termios
import threading

from .places import LabError

_CLONE_NEWNET = 0x40000000
_SSH_PORT = 22
_PIECE = 1 << 16
# Seconds; in effect for ever. With a timeout Python waits in poll() and not in recv(), where a reset by another thread
# is refused by some kernels (6.4 to 6.6).
_PATIENCE = 86400


class Proxy:
    """Passes TCP connections on to a host's sshd.

    limit: each connection is cut in both directions as soon as that many bytes have gone to the host; None: never. It may
    be changed at any time, and counts for connections made from then on.
    """

    def __init__(self, lab, host, address, limit=None, record=False):
        self.host = host
        self.address = address
        self.port = _SSH_PORT
        self.limit = limit
        self.connections = 0  # that clients made
        self.bytes_forwarded = 0  # from clients to the host, of all connections
        self.recorded = bytearray() if record else None  # those bytes
        self._lab = lab
        self._lock = threading.Lock()
        self._open = set()
        self._closed = False
        self._failure = None
        self._listener = None
        listening = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(listening,), daemon=True)
        self._thread.start()
        listening.wait()
        if self._failure:
            raise LabError(f"no proxy at {address}: {self._failure}")

    @property
    def _intercepts(self):
        return self._lab.ssh_folder / "config.d" / self.host.name

    def intercept(self):
        """From now on ssh to the host, under its name or address, goes through this proxy, and checks the same key."""
        self._intercepts.write_text(
            f"Host {self.host.address} {self.host.name}\n  HostName {self.address}\n  HostKeyAlias {self.host.address}\n",
            encoding="utf-8")

    def cut(self):
        """Cuts all connections of now."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            connection.cut()

    def close(self):
        """Cuts all connections and goes away. ssh to the host goes there again."""
        if self._closed:
            return
        self._closed = True
        if self._intercepts.exists() and self.address in self._intercepts.read_text(encoding="utf-8").split():
            self._intercepts.unlink()
        self._listener.shutdown(socket.SHUT_RDWR)  # ends accept()
        self._thread.join()
        self.cut()
        self._lab.drop_proxy(self)

    def _serve(self, listening):
        """Accepts connections, in a thread that is in the lab's network; so are the threads it starts."""
        try:
            _enter_network(self._lab.admin.leader)
            self._listener = socket.create_server((self.address, self.port))
        except OSError as error:
            self._failure = error
            return
        finally:
            listening.set()
        with self._listener:
            while not self._closed:
                try:
                    client, _ = self._listener.accept()
                except OSError:
                    if self._closed:
                        return
                    raise
                self.connections += 1
                _Connection(self, client).start()

    def add(self, connection):
        with self._lock:
            self._open.add(connection)

    def remove(self, connection):
        with self._lock:
            self._open.discard(connection)

    def count(self, data):
        with self._lock:
            self.bytes_forwarded += len(data)
            if self.recorded is not None:
                self.recorded += data


class _Connection:
    """One client's connection, and the one to the host that belongs to it."""

    def __init__(self, proxy, client):
        self._proxy = proxy
        self._client = client
        self._server = None
        self._left = proxy.limit
        self._lock = threading.Lock()
        self._is_cut = False

    def start(self):
        self._proxy.add(self)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            if self._left == 0:
                return
            self._client.settimeout(_PATIENCE)
            self._server = socket.create_connection((self._proxy.host.address, _SSH_PORT), timeout=30)
            self._server.settimeout(_PATIENCE)
            back = threading.Thread(target=self._pass_back, daemon=True)
            back.start()
            self._pass_on()
            back.join()
        except OSError:
            pass  # one of the two is gone: the other one gets to know below
        finally:
            self.cut()
            self._proxy.remove(self)
            for each in (self._client, self._server):
                if each:
                    each.close()

    def _pass_on(self):
        """From the client to the host, up to the limit."""
        while data := self._client.recv(_PIECE if self._left is None else min(_PIECE, self._left)):
            self._server.sendall(data)
            self._proxy.count(data)
            if self._left is not None:
                self._left -= len(data)
                if self._left == 0:
                    _wait_until_sent(self._server)
                    self.cut()
                    return
        self._server.shutdown(socket.SHUT_WR)

    def _pass_back(self):
        try:
            while data := self._server.recv(_PIECE):
                self._client.sendall(data)
            self._client.shutdown(socket.SHUT_WR)
        except OSError:
            self.cut()

    def cut(self):
        """Resets both connections (RST): no data that is under way arrives."""
        with self._lock:
            if self._is_cut:
                return
            self._is_cut = True
            for each in (self._client, self._server):
                if each:
                    _reset(each)


def _reset(connection):
    """Sends a reset at once, also when another thread waits for it, which close() would not end."""
    # connect() to AF_UNSPEC disconnects.
    if ctypes.CDLL(None, use_errno=True).connect(connection.fileno(), bytes(16), 16) != 0:
        raise OSError(ctypes.get_errno(), "resetting a connection")


def _wait_until_sent(connection):
    """Until the host has acknowledged all bytes, or is gone, or says nothing for a second."""
    for _ in range(1000):
        unsent = array.array("i", [0])
        fcntl.ioctl(connection, termios.TIOCOUTQ, unsent)
        if unsent[0] == 0:
            return
        select.select([], [], [connection], 0.001)


def _enter_network(pid):
    """Moves the calling thread into the network namespace of PID."""
    descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(descriptor)
