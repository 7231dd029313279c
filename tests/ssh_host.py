"""A host at the other end of ssh for tests: an sshd of their own on loopback, which any user can start.

The machine is this one, but for what a login finds: a home folder of its own, and programs in front of PATH. Between
kplan and sshd is a Link, which counts bytes, and cuts when told.
"""

import contextlib
import getpass
import hashlib
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import threading

import harness

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ.get("PATH", ""))


def why_not():
    """Why there can be no such host here; "" when there can."""
    if SSHD is None or shutil.which("ssh") is None:
        return "there is no OpenSSH (client and server)"
    return ""


def make_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)], check=True)


class Link:
    """A TCP proxy to PORT of 127.0.0.1 at a port of its own."""

    def __init__(self, port):
        self.target = port
        self.to_host = 0  # bytes since the last arm()
        self.connections = 0
        self._cut_after = None
        self._lock = threading.Lock()
        self._open = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, cut_after=None):
        """Counts from 0, and breaks the connection once CUT_AFTER more bytes went to the host."""
        with self._lock:
            self.to_host = 0
            self._cut_after = cut_after

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        try:
            host = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        with self._lock:
            self._open |= {client, host}
        try:
            while True:
                for each in select.select([client, host], [], [])[0]:
                    data = each.recv(65536)
                    if not data:
                        return
                    if each is host:
                        client.sendall(data)
                        continue
                    with self._lock:
                        room = len(data) if self._cut_after is None else self._cut_after - self.to_host
                        self.to_host += min(room, len(data))
                    host.sendall(data[:room])
                    if room < len(data):
                        return
        except OSError:
            return
        finally:
            for each in (client, host):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            with self._lock:
                self._open -= {client, host}

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            still_open = list(self._open)
        for each in still_open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class SshHost:
    """The host: sshd with its own keys, home and log."""

    def __init__(self, folder):
        self.folder = folder
        self.home = folder / "home"
        self.programs = folder / "programs"
        self.log = folder / "sshd.log"
        self.state = self.home / ".local/state/kplan"
        self.home.mkdir(parents=True)
        self.programs.mkdir()
        make_key(folder / "host_key")
        (folder / "authorized_keys").touch()
        # Whoever runs the test, on the host kplan is an ordinary user, and works in the home folder.
        self.program("id", "#!/bin/sh\necho 1000\n")
        self.port = harness.free_ports(1)[0]
        self.process = None
        self.link = Link(self.port)
        self.start()

    def program(self, name, text):
        path = self.programs / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def start(self, more=""):
        """Starts sshd, with a line MORE in its configuration."""
        self.log.touch()
        config = self.folder / "sshd_config"
        config.write_text(
            f"""\
Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.folder}/host_key
PidFile none
AuthorizedKeysFile {self.folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel VERBOSE
MaxStartups 100
SetEnv HOME={self.home} PATH={self.programs}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
{more}
""",
            encoding="utf-8",
        )
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self.process = subprocess.Popen(
            [SSHD, "-D", "-f", str(config), "-E", str(self.log)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        harness.wait_for("sshd", self.answers)

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
        return False

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        self.process.wait()
        self.process = None

    def close(self):
        self.link.close()
        self.stop()

    def new_key(self):
        """As after an installation anew."""
        self.stop()
        for name in ("host_key", "host_key.pub"):
            (self.folder / name).unlink()
        make_key(self.folder / "host_key")
        self.start()

    def logins(self):
        return self.log.read_text(encoding="utf-8", errors="replace").count("Accepted publickey")

    def sessions(self):
        """The sessions that anybody had: where a byte that is not ssh's own goes."""
        return len(re.findall(r"Starting session: command|User child is on pid", self.log.read_text(encoding="utf-8", errors="replace")))

    def files(self):
        """{path in kplan's folder: size} of all that kplan keeps there."""
        return {str(path.relative_to(self.state)): path.stat().st_size for path in sorted(self.state.rglob("*")) if path.is_file()}


class Client:
    """A project folder with an ssh of its own config, and the steps of a shard that the tests write themselves."""

    def __init__(self, folder, kplan, host, name="h1"):
        self.folder = folder
        self.kplan = str(kplan)
        self.host = host
        self.name = name
        self.records = {}
        self.known_hosts = folder / "known_hosts"
        (folder / "bin").mkdir(parents=True)
        make_key(folder / "id")
        self.authorize()
        (folder / "config").write_text(
            f"Host *\n  IdentityFile {folder}/id\n  IdentityAgent none\n  UserKnownHostsFile {self.known_hosts}\n"
            f"  GlobalKnownHostsFile /dev/null\n", encoding="utf-8")
        wrapper = folder / "bin/ssh"
        wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/config "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)
        self.know()

    @property
    def shard(self):
        return f".kplan/steps/{self.name}.json"

    def authorize(self):
        key = (self.folder / "id.pub").read_text(encoding="utf-8")
        with open(self.host.folder / "authorized_keys", "a", encoding="utf-8") as file:
            file.write(key)

    def know(self, key=None):
        """Has KEY, or the host's own, in known_hosts."""
        key = key or (self.host.folder / "host_key.pub").read_text(encoding="utf-8")
        self.known_hosts.write_text(f"[127.0.0.1]:{self.host.link.port} {' '.join(key.split()[:2])}\n", encoding="utf-8")

    def add(self, label, **record):
        self.records[label] = {key.replace("_", "-"): value for key, value in record.items()}

    def add_host(self, root, **more):
        values = {
            "arch": "", "cluster": "prod", "kind": "host", "manager": "none", "name": self.name, "root": str(root),
            "ssh_host": "127.0.0.1", "ssh_port": self.host.link.port, "ssh_user": getpass.getuser(), **more,
        }
        self.add(f"host/{self.name}", **values)

    def add_file(self, source, target, root, **more):
        label = f"file/{self.name}{target}"
        self.add(label, **{"from": source, "host": self.name, "kind": "install", "mode": "0644", "path": target, "root": str(root), "secret": False, **more})
        return label

    def _write_shard(self):
        """As `gen` does: one record a line. The same text is not written again."""
        lines = [f"{json.dumps(label, ensure_ascii=False)}:{self.text(label)}" for label in sorted(self.records)]
        path = self.folder / self.shard
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")

    def text(self, label):
        return json.dumps(self.records[label], sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def start(self, label, through=()):
        """`kplan step` of LABEL, as ninja starts it; THROUGH: a command that starts it in its turn."""
        self._write_shard()
        digest = hashlib.sha256(self.text(label).encode()).hexdigest()
        return subprocess.Popen(
            [*through, self.kplan, "step", self.shard, label, digest], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="backslashreplace", start_new_session=True,
            env={"PATH": f"{self.folder}/bin:/usr/bin:/bin", "HOME": str(self.folder), "LC_ALL": "C.UTF-8"})

    def step(self, label, timeout=120):
        process = self.start(label)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"{label} still ran after {timeout} s\n{out}\n{err}") from None
        return harness.Ran(process.returncode, out, err)

    def masters(self):
        """The process ids of the connections of this folder that are open."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                argv = (path / "cmdline").read_bytes().split(b"\0")
                if b"-M" in argv and os.readlink(path / "cwd") == str(self.folder.resolve()) and harness.alive(int(path.name)):
                    found.append(int(path.name))
        return found

    def disconnect(self):
        """Ends the connection, so that the next step makes another one."""
        for pid in self.masters():
            harness.kill(pid)

    def close(self):
        self.disconnect()
