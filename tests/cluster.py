"""The tutorial's cluster, provisioned for a test: on a booted systemd host, or in a folder as an ordinary user."""

import contextlib
import hashlib
import os
import pathlib
import shutil

import harness

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"

def member_id(peer_url, token="etcd-cluster"):
    """etcd's id of a bootstrap member: the first eight bytes of SHA-1 over its peer URLs and the token (member.go)."""
    return hashlib.sha1((peer_url + token).encode()).hexdigest()[:16].lstrip("0")


class Cluster:
    """One host with one etcd, and the project that provisions it."""

    def __init__(self, project, root, manager, client_port, member_line):
        self.project = project
        self.root = root  # the host's / as a path of this process
        self.manager = manager  # "systemd" or "process"
        self.client_port = client_port
        self.member_line = member_line

    def on_host(self, path):
        return self.root / path.lstrip("/")

    def pid(self):
        """etcd's process id as its manager knows it; 0 when it does not run."""
        if self.manager == "systemd":
            return int(self.project.run("systemctl", "show", "--property=MainPID", "--value", "etcd").ok().out)
        try:
            pid = int(self.on_host("/run/etcd.pid").read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0
        return pid if harness.alive(pid) else 0

    def arguments(self):
        """The arguments of the running etcd."""
        pid = self.pid()
        assert pid
        if self.manager == "systemd":
            return self.project.run("cat", f"/proc/{pid}/cmdline").ok().out.split("\0")[:-1]
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")[:-1]

    def stop(self):
        """Stops etcd as an administrator would."""
        pid = self.pid()
        if self.manager == "systemd":
            self.project.run("systemctl", "stop", "etcd").ok()
        else:
            os.kill(pid, 15)
            harness.wait_for("end of etcd", lambda: not harness.alive(pid))

    def member_list(self):
        """What `etcdctl member list` prints with the tutorial's options, run by nobody but this test."""
        if self.manager == "systemd":
            etc, binary = "/etc/etcd", "/usr/local/bin/etcdctl"
        else:
            etc, binary = self.on_host("/etc/etcd"), self.on_host("/usr/local/bin/etcdctl")
        return self.project.run(
            binary, "member", "list", f"--endpoints=https://127.0.0.1:{self.client_port}", f"--cacert={etc}/ca.pem",
            f"--cert={etc}/kubernetes.pem", f"--key={etc}/kubernetes-key.pem").ok().out

    def served(self):
        """The certificate etcd serves now, in PEM, as a client with the tutorial's credentials sees it."""
        if self.manager == "systemd":
            etc = "/etc/etcd"
        else:
            etc = self.on_host("/etc/etcd")
        # openssl and not Python's ssl: it has to run in the host's network.
        out = self.project.run(
            "openssl", "s_client", "-connect", f"127.0.0.1:{self.client_port}", "-CAfile", f"{etc}/ca.pem",
            "-cert", f"{etc}/kubernetes.pem", "-key", f"{etc}/kubernetes-key.pem", "-verify_return_error", "-verify_ip", "127.0.0.1").out
        assert "Verify return code: 0 (ok)" in out, out
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----\n"
        return out[out.index(begin):out.index(end) + len(end)]

    def artifacts(self):
        """A snapshot of all that must not get lost: keys, certificates, the host's files."""
        return harness.snapshot(
            self.project.path("pki"),
            self.on_host("/etc/etcd"),
            self.on_host("/usr/local/bin/etcd"),
            self.on_host("/usr/local/bin/etcdctl"),
            self.on_host("/etc/systemd/system/etcd.service"),
        )

    def use_quick_keys(self):
        """ECDSA in cluster.yaml: RSA keys are what takes time, where nothing depends on the kind."""
        self.project.edit_spec("  CN: Kubernetes\n", "  CN: Kubernetes\n  key: {algo: ecdsa, size: 256}\n")
        self.project.edit_spec("  kubernetes:\n", "  kubernetes:\n    key: {algo: ecdsa, size: 256}\n")

    def provision(self):
        """The first run."""
        return self.project.gen_and_ninja().ok()


def contents(entries):
    """A snapshot without times and inodes: equal when what is there is equal."""
    return {path: (entry.sha256, entry.mode, entry.uid) for path, entry in entries.items()}


def san_names(project, pem):
    """The SANs of the certificate PEM (text), as openssl prints them: ["DNS:worker", "IP Address:127.0.0.1", ...]."""
    project.path("served.pem").write_text(pem, encoding="ascii")
    out = project.run("openssl", "x509", "-in", "served.pem", "-noout", "-ext", "subjectAltName").ok().out
    return [name.strip() for name in out.splitlines()[1].split(",")]


@contextlib.contextmanager
def on_systemd(host):
    """The tutorial's cluster.yaml, but for the archive, on the booted HOST."""
    folder = host.root / "root/project"
    folder.mkdir(parents=True)
    harness.copy_file(harness.KPLAN, host.root / "usr/local/sbin/kplan", mode=0o755)
    harness.copy_file(harness.TUTORIAL_ARCHIVE, folder / "etcd.tar.gz")
    project = harness.Project("/root/project", host, "/usr/local/sbin/kplan", outside=folder)
    spec = (EXAMPLES / "tutorial/cluster.yaml").read_text(encoding="utf-8")
    spec += f"  archive: {{path: etcd.tar.gz, sha256: {harness.sha256(harness.TUTORIAL_ARCHIVE)}}}\n"
    project.spec = spec
    line = "8e9e05c52164694d, started, etcd, http://localhost:2380, https://127.0.0.1:2379, false\n"
    yield Cluster(project, host.root, "systemd", 2379, line)


@contextlib.contextmanager
def in_folder(user=harness.NOBODY):
    """The quickstart's cluster.yaml in a folder of its own, as the ordinary user USER (as ourselves when we are not root)."""
    base = harness.make_folder("process", owner=user)
    runner = harness.Here(user)
    kplan = base / "kplan"
    harness.copy_file(harness.KPLAN, kplan, mode=0o755)
    folder = base / "project"
    runner.run(["mkdir", folder]).ok()
    harness.copy_file(harness.ETCD_ARCHIVE, folder / "etcd.tar.gz", owner=user)
    project = harness.Project(folder, runner, kplan)
    client, peer = (2379, 2380) if harness.ISOLATED_ROOT else harness.free_ports(2)
    spec = (EXAMPLES / "quickstart/cluster.yaml").read_text(encoding="utf-8")
    lines = []
    for line in spec.replace(":2379", f":{client}").replace(":2380", f":{peer}").splitlines():
        key = line.strip().partition(":")[0]
        value = {
            "version": harness.etcd_version(),
            "path": "etcd.tar.gz",
            "sha256": harness.sha256(harness.ETCD_ARCHIVE),
        }.get(key)
        lines.append(line if value is None else line.partition(":")[0] + ": " + value)
    project.spec = "\n".join(lines) + "\n"
    if os.geteuid() == 0:
        os.chown(project.path("cluster.yaml"), user, user)
    peer_url = f"http://127.0.0.1:{peer}"
    cluster = Cluster(
        project, folder / "rootfs", "process", client,
        f"{member_id(peer_url)}, started, etcd, {peer_url}, https://127.0.0.1:{client}, false\n")
    try:
        yield cluster
    finally:
        if pid := cluster.pid():
            harness.kill(pid)
        shutil.rmtree(base)
