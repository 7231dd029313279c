"""A cluster of etcd on booted hosts, provisioned by kplan over ssh: what the tests of clusters share."""

import base64
import contextlib
import hashlib
import json
import pathlib
import re
import signal
import ssl
import time

import harness
import hosts
from cluster import member_id
from hosts.places import descendants, name_of

TESTS = pathlib.Path(__file__).parent
DATA = "/var/lib/etcd"

SPEC = """\
metadata: {{name: prod}}
hosts:
{hosts}
ca: {{CN: prod-etcd-ca, key: {{algo: ecdsa, size: 256}}, expiry: 87600h}}
signing:
  profiles:
    member: {{expiry: 8760h, usages: [signing, key encipherment, server auth, client auth]}}
    client: {{expiry: 8760h, usages: [signing, key encipherment, client auth]}}
certs:
  server: {{profile: member, per: host, key: {{algo: ecdsa, size: 256}}, hosts: [$name, $address, localhost, 127.0.0.1]}}
  peer:   {{profile: member, per: host, key: {{algo: ecdsa, size: 256}}, hosts: [$name, $address]}}
  root:   {{profile: client, CN: root, key: {{algo: ecdsa, size: 256}}}}
etcd:
  version: {version}
  archive: {{path: etcd.tar.gz, sha256: {sha256}}}
  members: [{members}]
  tls: {{server: server, peer: peer, client: root}}
  flags: {{quota-backend-bytes: 1073741824}}
"""


def with_quota(spec, quota):
    """SPEC with another value of a flag: every member has to be restarted."""
    return re.sub("quota-backend-bytes: [0-9]+", f"quota-backend-bytes: {quota}", spec)


def with_san(spec, name):
    """SPEC with one name of the test's own in the servers' and in the peers' certificates: nobody has to be restarted."""
    return re.sub(r"hosts: \[([^$]*)\$name", f"hosts: [{name}, $name", spec)


def _main_pid(host):
    try:
        out = host.run(["systemctl", "show", "--property=MainPID", "--value", "etcd"]).stdout.strip()
    except hosts.LabError:
        return 0  # it is off
    return int(out) if out else 0


class _Admin:
    """Runs commands on the machine of the lab that kplan runs on."""

    def __init__(self, lab):
        self.lab = lab

    def popen(self, argv, cwd, **kwargs):
        return self.lab.admin.popen(argv, cwd=cwd, **kwargs)

    run = harness.Here.run


class SshCluster:
    """The hosts of LAB, and the project that makes etcd members of the first COUNT of them."""

    def __init__(self, lab, folder, count, become=False):
        self.lab = lab
        self.hosts = lab.hosts[:count]
        self.project = harness.Project(folder, _Admin(lab), harness.KPLAN)
        harness.copy_file(harness.ETCD_ARCHIVE, folder / "etcd.tar.gz")
        login = "ssh: ops@{0}, become: sudo" if become else "ssh: root@{0}"
        self.project.spec = SPEC.format(
            hosts="\n".join(f"  {host.name}: {{address: {host.address}, {login.format(host.address)}}}" for host in self.hosts),
            version=harness.etcd_version(), sha256=harness.sha256(harness.ETCD_ARCHIVE),
            members=", ".join(host.name for host in self.hosts))

    @property
    def endpoints(self):
        return [f"https://{host.address}:2379" for host in self.hosts]

    def gen_and_ninja(self, *argv, timeout=240):
        self.project.gen().ok()
        return self.project.ninja(*argv, timeout=timeout)

    def plan(self, *words):
        """What `kplan plan` says: (its exit code, {label: step})."""
        ran = self.project.run(harness.KPLAN, "plan", "--json", *words)
        return ran.code, {step["label"]: step for step in json.loads(ran.out)["steps"]}

    def planned(self):
        """The same of what changes or fails alone."""
        code, steps = self.plan()
        return code, {label: step for label, step in steps.items() if step["fate"] not in ("check", "wait")}

    def check_a_snapshot_is_restored(self):
        """A key that was deleted comes back with the snapshot, and there is nothing left to do."""
        self.etcdctl("put", "kept", "yes").ok()
        self.project.run(harness.KPLAN, "snapshot", "kept.db").ok()
        self.etcdctl("del", "kept").ok()
        self.project.run(harness.KPLAN, "restore", "kept.db", "--yes", timeout=240).ok()
        assert self.etcdctl("get", "kept", "--print-value-only").ok().out == "yes\n"
        self.gen_and_ninja().ok()
        assert self.project.ninja().ok().no_work

    @property
    def credentials(self):
        """(the CAs, certificate, key) of the plan's client, as files: of a CA that is exchanged all that comes with them."""
        trust, chain = self.project.path("pki/ca-trust.pem"), self.project.path("pki/root-chain.pem")
        return ("pki/ca-trust.pem" if trust.exists() else "pki/ca.pem", "pki/root-chain.pem" if chain.exists() else "pki/root.pem",
                "pki/root-key.pem")

    # What etcd says.

    def etcdctl(self, *argv, endpoints=None):
        """Runs the etcdctl of the archive on the admin's machine with the client's certificate."""
        binary = next(self.project.path("archives").rglob("etcdctl"))
        cacert, cert, key = self.credentials
        return self.project.run(
            binary, f"--cacert={cacert}", f"--cert={cert}", f"--key={key}", "--command-timeout=15s",
            f"--endpoints={','.join(endpoints or self.endpoints)}", *argv)

    def status(self):
        """{host name: its member's status} of the members that answer."""
        found = {}
        for host in self.hosts:
            ran = self.etcdctl("endpoint", "status", "--write-out=json", endpoints=[f"https://{host.address}:2379"])
            if ran.code == 0 and ran.out.strip():
                found[host.name] = json.loads(ran.out)[0]["Status"]
        return found

    def leader(self):
        """The name of the host whose member leads; empty when none does."""
        for name, status in self.status().items():
            if status.get("leader") and status["leader"] == status["header"]["member_id"]:
                return name
        return ""

    def is_healthy(self, endpoints=None):
        return self.etcdctl("endpoint", "health", endpoints=endpoints).code == 0

    # What the hosts say.

    def pids(self):
        """{host name: etcd's process id as systemd has it}; 0 where it does not run, or the host is off."""
        return {host.name: _main_pid(host) for host in self.hosts}

    def outer_pid(self, host):
        """The process id of HOST's etcd as seen from here."""
        children = {pid for pid in descendants(host.leader) if name_of(pid) == "etcd"}
        assert len(children) == 1, children
        return children.pop()

    def starts(self):
        """{host name: how often systemd started etcd since the host was booted}"""
        script = "journalctl -u etcd -o cat --no-pager _PID=1 | grep -c '^Starting etcd' || :"
        return {host.name: int(host.run(["sh", "-c", script]).stdout) for host in self.hosts}

    def connections(self):
        """{host name: how many logins its sshd has accepted}"""
        return {host.name: host.ssh_connections() for host in self.hosts}

    def served(self, host, port=2379):
        """The SHA-256 of the certificate (DER) that HOST serves to clients now, or at PORT."""
        command = ["openssl", "s_client", "-connect", f"{host.address}:{port}", "-CAfile", self.credentials[0]]
        out = self.project.run(*command).out
        pem = re.search("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", out, re.DOTALL)
        assert pem, out
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.group())).hexdigest()

    def made(self, name):
        """The SHA-256 of the certificate (DER) in pki/NAME.pem."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.project.path(f"pki/{name}.pem").read_text(encoding="ascii"))).hexdigest()

    def litter(self):
        """{host name: files that an interrupted write could have left}, beside kplan's own folder."""
        script = "find /etc/etcd /usr/local/bin /etc/systemd/system -name '.*kplan*' -o -name '*.tmp' -o -name '.[!.]*' -type f"
        return {host.name: out for host in self.hosts if (out := host.run(["sh", "-c", script]).stdout)}

    def check_all_right(self, passes=0):
        """What has to hold whatever happened before: verified, nothing left to do, and each host asked over one connection.

        PASSES: how many more runs ninja may need that change nothing (one that was killed has forgotten what it did).
        """
        assert len(self.status()) == len(self.hosts)
        for host in self.hosts:
            assert self.served(host) == self.made(f"{host.name}/server")
            assert self.served(host, 2380) == self.made(f"{host.name}/peer")
        report = json.loads(self.project.path("reports/verify-etcd.json").read_text(encoding="utf-8"))
        assert len(report["members"]) == len(self.hosts)
        self.project.gen().ok()
        pids = self.pids()
        while passes > 0 and not self.project.ninja().ok().no_work:
            passes -= 1
        before = self.connections()
        ran = self.project.ninja("-d", "explain").ok()
        assert ran.no_work, ran.out + ran.err
        # None, where the one of the run before is still open.
        assert all(count - before[name] in (0, 1) for name, count in self.connections().items())
        assert self.pids() == pids

    # Load.

    @contextlib.contextmanager
    def writing(self, rate=100, credentials=("pki/ca.pem", "pki/root.pem", "pki/root-key.pem")):
        """Writes go on at RATE a second while the block runs; the report is in the result afterwards."""
        load = WriteLoad(self, rate, credentials)
        try:
            yield load
        finally:
            load.end()

    def lost_writes(self, report):
        """The acknowledged writes that the cluster no longer has."""
        ran = self.etcdctl("get", "--prefix", "load/", "--write-out=json").ok()
        there = {base64.b64decode(pair["key"]).decode() for pair in json.loads(ran.out).get("kvs", [])}
        missing = report["written"] - len(there)
        return max(0, missing)


class WriteLoad:
    """write_load.py at work."""

    def __init__(self, cluster, rate, credentials):
        cacert, cert, key = credentials
        self.report_path = cluster.project.path("load.json")
        self.process = cluster.lab.admin.popen(
            ["/usr/bin/python3", str(TESTS / "write_load.py"), f"--endpoints={','.join(cluster.endpoints)}", f"--cacert={cacert}",
             f"--cert={cert}", f"--key={key}", f"--rate={rate}", f"--report={self.report_path}"],
            cwd=cluster.project.folder)
        assert self.process.stdout.readline().strip() in ("writing", b"writing")
        self.report = None

    def end(self):
        if self.report is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
            self.report = json.loads(self.report_path.read_text(encoding="utf-8"))
        return self.report


class Watch:
    """Looks again and again, from a thread of the caller's choice, which members' processes changed and who leads."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.events = []  # (time, host name, "down" | "up")
        self._last = cluster.pids()

    def look(self):
        pids = self.cluster.pids()
        for name, pid in pids.items():
            if pid != self._last[name]:
                if self._last[name]:
                    self.events.append((time.time(), name, "down"))
                if pid:
                    self.events.append((time.time(), name, "up"))
        self._last = pids


@contextlib.contextmanager
def formed(lab, folder, count=3, spec=lambda text: text, **kwargs):
    """A cluster that runs and is verified. SPEC makes its cluster.yaml of the usual one."""
    cluster = SshCluster(lab, folder, count, **kwargs)
    cluster.project.spec = spec(cluster.project.spec)
    cluster.gen_and_ninja().ok()
    yield cluster


__all__ = ["DATA", "SshCluster", "Watch", "formed", "member_id", "with_quota", "with_san"]
