"""The service step with "await": "start", on a booted systemd host: the first members of a cluster are started so."""

import hashlib
import json
import time

import pytest

import harness
import systemd_host

pytestmark = pytest.mark.skipif(bool(systemd_host.why_not()), reason=systemd_host.why_not() or "none")

UNIT = """[Service]
Type=notify
ExecStart={command}
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"""


class Service:
    """A service of the host, and its step."""

    def __init__(self, host, argv):
        self.host = host
        self.unit = host.root / "etc/systemd/system/thing.service"
        self.write_unit(argv)
        self.record = {
            "answers": [], "argv": [[argv[0], ""]] + [[word, ""] for word in argv[1:]], "environment": [], "kind": "service",
            "manager": "systemd", "name": "thing", "restart-on": ["/etc/systemd/system/thing.service"], "root": "/",
            "timeout": 3, "unit": "/etc/systemd/system/thing.service",
        }

    def write_unit(self, argv):
        words = " ".join(f'"{word}"' if " " in word else word for word in argv)
        self.unit.write_text(UNIT.format(command=words), encoding="ascii")

    def step(self, **keys):
        """Runs the step, as ninja would."""
        text = json.dumps({**self.record, **keys}, sort_keys=True, separators=(",", ":"))
        folder = self.host.root / "root/project"
        (folder / ".kplan/steps").mkdir(parents=True, exist_ok=True)
        (folder / ".kplan/steps/thing.json").write_text('{\n"service/thing":' + text + "\n}\n", encoding="ascii")
        digest = hashlib.sha256(text.encode()).hexdigest()
        return self.host.run(["/usr/local/sbin/kplan", "step", ".kplan/steps/thing.json", "service/thing", digest], cwd="/root/project")

    def show(self, key):
        return self.host.run(["systemctl", "show", f"--property={key}", "--value", "thing"]).ok().out.strip()


@pytest.fixture(name="host", scope="module")
def fixture_host():
    with systemd_host.SystemdHost("worker") as host:
        harness.copy_file(harness.KPLAN, host.root / "usr/local/sbin/kplan", mode=0o755)
        yield host
        host.run(["systemctl", "stop", "thing"])


def test_started_and_not_waited_for(host):
    service = Service(host, ["/bin/sleep", "1000"])  # it never says that it is ready
    begun = time.monotonic()
    ran = service.step(**{"await": "start"}).ok()
    assert time.monotonic() - begun < 3
    assert "started: was not running" in ran.out
    assert service.show("ActiveState") == "activating"
    pid = service.show("MainPID")
    assert pid != "0"
    # It is on its way up: neither run starts it again, and the one that waits says what it waited for.
    assert "restarted" not in service.step(**{"await": "start"}).ok().out
    waited = service.step()
    assert waited.code != 0 and "did not become active in time" in waited.err + waited.out
    assert service.show("MainPID") == pid
    # With another unit it is.
    service.write_unit(["/bin/sleep", "2000"])
    service.record["argv"][1][0] = "2000"
    ran = service.step(**{"await": "start"}).ok()
    assert "restarted: unit changed" in ran.out
    assert service.show("MainPID") not in (pid, "0")


def test_a_start_that_fails_at_once_is_seen(host):
    service = Service(host, ["/bin/sh", "-c", "echo cannot do that; exit 3"])
    host.run(["systemctl", "stop", "thing"])
    ran = service.step(**{"await": "start"})
    if ran.code == 0:  # it was there for a moment, and that was the moment of the look
        ran = service.step()
    assert ran.code != 0
    text = ran.err + ran.out
    assert "cannot do that" in text
    assert "ended at once" in text or "failed to start, systemd is going to try again" in text, text
