"""A project whose kplan is told another time of day (tests/clock), and looks at its certificates."""

import dataclasses
import datetime
import json
import os
import time

import harness
import pki_verifiers as verifiers

KPLAN_SHIFTED = os.environ.get("KPLAN_SHIFTED", "")

MINUTE = 60
HOUR = 3600
DAY = 24 * HOUR
YEAR = 365 * DAY


@dataclasses.dataclass
class Certificate:
    """What `openssl x509` says of a file."""

    serial: str
    not_before: int  # Unix seconds
    not_after: int
    key: str  # the public key, PEM

    def valid(self, when):
        return self.not_before <= when < self.not_after


def read_certificate(path):
    ran = verifiers.run("openssl", "x509", "-in", path, "-noout", "-serial", "-startdate", "-enddate", "-dateopt", "iso_8601", "-pubkey",
                        check=True)
    fields = dict(line.split("=", 1) for line in ran.stdout.splitlines() if line.startswith(("serial=", "notBefore=", "notAfter=")))

    def seconds(text):
        return int(datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%SZ").replace(tzinfo=datetime.timezone.utc).timestamp())

    key = ran.stdout[ran.stdout.index("-----BEGIN"):]
    return Certificate(fields["serial"].lower().lstrip("0"), seconds(fields["notBefore"]), seconds(fields["notAfter"]), key)


class ShiftedProject(harness.Project):
    """`clock`: KPLAN_TEST_CLOCK for what is run, by how many seconds kplan's clock is wrong ("-3600", "0 cert/=-3600")."""

    def __init__(self, folder, spec, kplan=KPLAN_SHIFTED):
        super().__init__(folder, harness.Here(), kplan)
        self.clock = "0"
        self.path(".").mkdir(exist_ok=True)
        self.spec = spec

    def run(self, *argv, timeout=120):
        return super().run("env", f"KPLAN_TEST_CLOCK={self.clock}", *argv, timeout=timeout)

    @property
    def now(self):
        """The time by kplan's clock, in Unix seconds."""
        return int(time.time()) + int(self.clock.split()[0])

    def certificate(self, stem):
        return read_certificate(self.path(f"pki/{stem}.pem"))

    def pki(self):
        """{path: harness.Entry} of all in pki/."""
        return harness.snapshot(self.path("pki"))

    def keys(self):
        """{name: content} of all private keys."""
        return {str(path): path.read_bytes() for path in sorted(self.path("pki").rglob("*-key.pem"))}

    def verify(self, leaf, root="ca", intermediates=(), when=None, **question):
        """"" when openssl accepts pki/LEAF.pem below pki/ROOT.pem at WHEN (Unix seconds), by default now by kplan's clock."""
        chain = None
        if intermediates:
            chain = self.path("chain.pem")
            chain.write_text(verifiers.pem(*(self.path(f"pki/{stem}.pem") for stem in intermediates)), encoding="ascii")
        extra = ("-attime", str(self.now if when is None else when))
        return verifiers.openssl(self.path(f"pki/{root}.pem"), chain, self.path(f"pki/{leaf}.pem"), extra=extra, **question)

    def certs(self):
        """The exit code of `kplan certs`, and {label: entry} of what it lists."""
        ran = self.run(self.kplan, "certs", "--json", "cluster.yaml")
        assert ran.code in (0, 2), ran
        return ran.code, {entry["label"]: entry for entry in json.loads(ran.out)}

    def does_nothing(self):
        """Fails unless another run does nothing, and every certificate is fresh and good at this time."""
        before = self.pki()
        ran = self.ninja()
        assert ran.no_work, f"{ran.out}\n{ran.err}"
        assert harness.changes(before, self.pki()) == {}
        code, rows = self.certs()
        assert code == 0, rows
        for row in rows.values():
            certificate = read_certificate(self.path(row["file"]))
            assert certificate.valid(self.now), (row, certificate, self.now)
