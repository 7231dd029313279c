"""The service step on a booted systemd host: with "await": "start", by which the first members of a cluster are started; with
"reload-on", for services that read files again; with "start": "by-unit", for those that a timer or a socket starts."""

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

READ_AGAIN = "service/thing: put right: systemd had not read its unit again\n"


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

    def arguments(self, **keys):
        """The command of the step."""
        text = json.dumps({**self.record, **keys}, sort_keys=True, separators=(",", ":"))
        folder = self.host.root / "root/project"
        (folder / ".kplan/steps").mkdir(parents=True, exist_ok=True)
        (folder / ".kplan/steps/thing.json").write_text('{\n"service/thing":' + text + "\n}\n", encoding="ascii")
        digest = hashlib.sha256(text.encode()).hexdigest()
        return ["/usr/local/sbin/kplan", "step", ".kplan/steps/thing.json", "service/thing", digest]

    def step(self, **keys):
        """Runs the step, as ninja would."""
        return self.host.run(self.arguments(**keys), cwd="/root/project")

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


def test_of_a_long_log_the_end_is_shown(host):
    """The journal of a service that talks a lot is longer than what is read of it."""
    script = "i=0; while [ $i -lt 800 ]; do i=$((i+1)); echo line $i; done; echo the reason is here; exit 3"
    service = Service(host, ["/bin/sh", "-c", script.replace("$", "$$")])
    host.run(["systemctl", "stop", "thing"])
    for _ in range(3):  # also the journal of the runs before it is read
        service.step()
    ran = service.step()
    assert ran.code != 0
    text = ran.err + ran.out
    assert "    line 800\n    the reason is here\n" in text, text


def test_of_a_panic_the_reason_is_shown(host):
    script = "echo panic: the disk is on fire; i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo frame $i; done; exit 2"
    service = Service(host, ["/bin/sh", "-c", script.replace("$", "$$")])
    host.run(["systemctl", "stop", "thing"])
    ran = service.step()
    assert ran.code != 0
    lines = [line.strip() for line in (ran.err + ran.out).splitlines()]
    # Whether systemd's own "Starting thing.service..." is the first line of all depends on what the journal had by then.
    assert "panic: the disk is on fire" in lines and "frame 100" in lines, lines
    assert "..." in lines and "frame 50" not in lines, lines


ON_THE_WAY = "service/thing: put right: was on its way up\n"
# Takes its time before its main process is started, and notes that it was run.
SLOW_UNIT = """[Service]
Type=exec
ExecStartPre=/bin/sh -c 'echo begun >> /run/before; while test -e /run/hold; do sleep 0.1; done'
ExecStart=/bin/sleep {seconds}
TimeoutStartSec=300
"""


class Slow(Service):
    """A service that is held before its main process is started while /run/hold is there."""

    def __init__(self, host):
        host.run(["systemctl", "stop", "thing"])
        super().__init__(host, ["/bin/sleep", "1000"])
        host.run(["sh", "-c", "rm -f /run/before; touch /run/hold"]).ok()

    def write_unit(self, argv):
        self.unit.write_text(SLOW_UNIT.format(seconds=argv[1]), encoding="ascii")

    def runs(self):
        return (self.host.root / "run/before").read_text(encoding="ascii").count("begun")


def test_one_that_takes_its_time_is_waited_for(host):
    service = Slow(host)
    ran = service.step(timeout=1)
    assert ran.code != 0 and "did not become active in time" in ran.out + ran.err
    assert service.show("SubState") == "start-pre" and service.show("MainPID") == "0"
    # No run begins it anew, not one without the marker of the first either, nor one that is killed.
    ran = service.step(timeout=1)
    assert ran.code != 0 and "did not become active in time" in ran.out + ran.err
    (host.root / "run/kplan/thing.started").unlink()
    ran = service.step(timeout=1)
    assert ran.code != 0 and "did not become active in time" in ran.out + ran.err
    host.run(["timeout", "-s", "KILL", "1", *service.arguments(timeout=30)], cwd="/root/project")
    assert service.runs() == 1
    (host.root / "run/hold").unlink()
    service.step(timeout=60).ok()
    assert service.runs() == 1
    assert service.step().ok().out == "service/thing: only checked\n"


def test_one_that_is_on_its_way_with_old_inputs_is_started_anew(host):
    service = Slow(host)
    assert service.step(timeout=1).code != 0
    service.write_unit(["/bin/sleep", "2000"])
    service.record["argv"][1][0] = "2000"
    ran = service.step(timeout=1)
    assert ran.code != 0
    assert service.runs() == 2
    (host.root / "run/hold").unlink()
    service.step(timeout=60).ok()
    assert service.runs() == 2
    assert "argv[]=/bin/sleep 2000" in service.show("ExecStart")


def test_between_two_tries_the_next_one_is_waited_for(host):
    host.run(["systemctl", "stop", "thing"])
    host.run(["touch", "/run/broken"]).ok()
    script = "echo tried >> /run/tried; if test -e /run/broken; then echo cannot; exit 3; fi; systemd-notify --ready; exec sleep 1000"
    service = Service(host, ["/bin/sh", "-c", script])
    service.unit.write_text(service.unit.read_text(encoding="ascii") + "[Service]\nNotifyAccess=all\n", encoding="ascii")
    (host.root / "run/tried").unlink(missing_ok=True)
    ran = service.step(timeout=30)
    assert ran.code != 0 and "systemd is going to try again" in ran.out + ran.err
    assert service.show("SubState") == "auto-restart"
    ran = service.step(timeout=30)
    assert ran.code != 0 and "    cannot\n" in ran.out + ran.err and "systemd is going to try again" in ran.out + ran.err
    assert service.show("NRestarts") != "0", "it was systemd that tried again"
    (host.root / "run/broken").unlink()
    ran = service.step(timeout=30).ok()
    assert ran.out in (ON_THE_WAY, "service/thing: only checked\n") or ON_THE_WAY in ran.out, ran.out
    assert service.show("NRestarts") != "0"
    assert service.show("ActiveState") == "active"


def test_a_unit_of_the_distribution_that_was_loaded_before_ours(host):
    host.run(["systemctl", "stop", "thing"])
    (host.root / "etc/systemd/system/thing.service").unlink()
    theirs = host.root / "lib/systemd/system/thing.service"
    theirs.write_text("[Service]\nExecStart=/bin/sleep 7\n", encoding="ascii")
    host.run(["systemctl", "daemon-reload"]).ok()
    host.run(["systemctl", "start", "thing"]).ok()
    assert service_fragment(host) == "/lib/systemd/system/thing.service"
    service = Service(host, ["/bin/sh", "-c", "systemd-notify --ready; exec sleep 1000"])
    service.unit.write_text(service.unit.read_text(encoding="ascii") + "[Service]\nNotifyAccess=all\n", encoding="ascii")
    assert service.show("NeedDaemonReload") == "no", "systemd does not see it"
    ran = service.step(timeout=30).ok()
    assert "restarted: " in ran.out and "unit changed" in ran.out, ran.out
    assert service_fragment(host) == "/etc/systemd/system/thing.service"
    assert service.step().ok().out == "service/thing: only checked\n"
    theirs.unlink()
    host.run(["systemctl", "daemon-reload"]).ok()


def service_fragment(host):
    return host.run(["systemctl", "show", "--property=FragmentPath", "--value", "thing"]).ok().out.strip()


@pytest.mark.parametrize("folder", ["thing.service.d", "service.d"])
def test_a_first_drop_in_is_read(host, folder):
    service = Reader(host)
    service.step().ok()
    path = host.root / "etc/systemd/system" / folder / "more.conf"
    path.parent.mkdir()
    path.write_text("[Service]\nNice=3\n", encoding="ascii")
    assert service.show("NeedDaemonReload") == "no", "systemd does not see it"
    assert service.step().ok().out == READ_AGAIN
    assert service.show("Nice") == "3"
    assert service.step().ok().out == "service/thing: only checked\n"
    path.unlink()
    path.parent.rmdir()
    assert service.step().ok().out == READ_AGAIN
    assert service.show("Nice") == "0"


def test_a_mask_is_left_and_its_remedy_works(host):
    service = Reader(host)
    service.step().ok()
    host.run(["systemctl", "stop", "thing"]).ok()
    text = service.unit.read_text(encoding="ascii")
    service.unit.unlink()
    host.run(["systemctl", "mask", "thing"]).ok()
    ran = service.step()
    assert ran.code != 0 and "thing.service is masked" in ran.out + ran.err, ran.out + ran.err
    assert "`systemctl unmask thing.service` first" in ran.out + ran.err
    assert service.unit.is_symlink()
    host.run(["systemctl", "unmask", "thing.service"]).ok()
    service.unit.write_text(text, encoding="ascii")
    service.step().ok()
    assert service.show("ActiveState") == "active"
    # One that somebody takes away by hand, without telling systemd.
    host.run(["systemctl", "stop", "thing"]).ok()
    service.unit.unlink()
    host.run(["systemctl", "mask", "thing"]).ok()
    service.unit.unlink()
    service.unit.write_text(text, encoding="ascii")
    service.step().ok()
    assert service.show("ActiveState") == "active"


def test_a_folder_that_its_user_may_not_enter(host):
    service = Reader(host)
    host.run(["sh", "-c", "mkdir -p /etc/thing/deep; cp /usr/local/bin/reader /etc/thing/deep/; chmod 700 /etc/thing; touch /run/read; chmod 666 /run/read"]).ok()
    service.unit.write_text(service.unit.read_text(encoding="ascii").replace(
        "/usr/local/bin/reader", "/etc/thing/deep/reader").replace("[Service]", "[Service]\nUser=nobody"), encoding="ascii")
    service.record["argv"][1][0] = "/etc/thing/deep/reader"
    ran = service.step()
    what = "nobody may not enter /etc/thing (0700, of root), which is on the way to /etc/thing/deep/reader; `chmod o+x /etc/thing`"
    assert ran.code != 0 and what in ran.out + ran.err, ran.out + ran.err
    assert service.show("ActiveState") == "inactive"
    host.run(["chmod", "o+x", "/etc/thing"]).ok()
    service.step().ok()
    # One that runs is told, too, and goes on.
    pid = service.show("MainPID")
    host.run(["chmod", "o-x", "/etc/thing"]).ok()
    ran = service.step()
    assert ran.code != 0 and what in ran.out + ran.err, ran.out + ran.err
    assert service.show("MainPID") == pid
    host.run(["chmod", "o+x", "/etc/thing"]).ok()
    assert service.step().ok().out == "service/thing: only checked\n"
    host.run(["systemctl", "stop", "thing"])
    service.unit.unlink()


# Reads its file when it is started and when it is told to, and keeps what it has read in /run/read.
READER = """#!/bin/sh
read_it() { cat /etc/thing.conf >> /run/read; }
trap read_it HUP
read_it
while :; do sleep 0.05; done
"""
READER_UNIT = """[Service]
Type=exec
ExecStart=/bin/sh /usr/local/bin/reader
ExecReload=/bin/sh -c 'test ! -e /run/refuse || {{ echo I refuse; exit 3; }}; while test -e /run/slow; do sleep 0.1; done; kill -HUP $MAINPID'
{more}
"""


class Reader(Service):
    """A service that is reloaded for /etc/thing.conf."""

    def __init__(self, host, more="[Install]\nWantedBy=multi-user.target"):
        self.more = more
        host.run(["rm", "-f", "/run/read", "/run/refuse", "/run/slow"]).ok()
        (host.root / "etc/systemd/system/multi-user.target.wants/thing.service").unlink(missing_ok=True)
        (host.root / "usr/local/bin/reader").write_text(READER, encoding="ascii")
        super().__init__(host, ["/bin/sh", "/usr/local/bin/reader"])
        self.record["reload-on"] = ["/etc/thing.conf"]
        self.configure("one\n")
        host.run(["systemctl", "stop", "thing"])

    def write_unit(self, argv):
        self.unit.write_text(READER_UNIT.format(more=self.more), encoding="ascii")

    def configure(self, text):
        (self.host.root / "etc/thing.conf").write_text(text, encoding="ascii")

    def read(self, wanted):
        """What it has read, once that is as WANTED; it heeds a signal when its child has ended."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            seen = self.host.run(["sh", "-c", "cat /run/read || true"]).ok().out.split()
            if seen == wanted:
                break
            time.sleep(0.02)
        return seen


def test_reloaded(host):
    service = Reader(host)
    assert "started: was not running" in service.step().ok().out
    assert service.read(["one"]) == ["one"]
    pid = service.show("MainPID")
    service.configure("two\n")
    assert "reloaded: /etc/thing.conf changed" in service.step().ok().out
    assert service.read(["one", "two"]) == ["one", "two"]
    assert service.step().ok().out == "service/thing: only checked\n"
    assert service.show("MainPID") == pid

    # One that fails is an error with what the service said, and is due until it succeeds: whatever the file is then.
    host.run(["touch", "/run/refuse"]).ok()
    service.configure("three\n")
    for _ in range(2):
        ran = service.step()
        assert ran.code != 0 and "I refuse" in ran.err + ran.out, ran.out + ran.err
    host.run(["rm", "/run/refuse"]).ok()
    service.configure("two\n")
    assert "reloaded" in service.step().ok().out
    assert service.read(["one", "two", "two"]) == ["one", "two", "two"]
    assert service.step().ok().out == "service/thing: only checked\n"
    assert service.show("MainPID") == pid

    # What calls for a restart reads everything anew.
    service.configure("four\n")
    service.unit.write_text(service.unit.read_text(encoding="ascii").replace("Type=exec", "Type=exec\nNice=1"), encoding="ascii")
    assert "restarted: unit changed" in service.step().ok().out
    assert service.read(["one", "two", "two", "four"])[-1] == "four"
    assert service.step().ok().out == "service/thing: only checked\n"


def test_killed_in_a_reload(host):
    service = Reader(host)
    service.step().ok()
    assert service.read(["one"]) == ["one"]
    service.configure("two\n")
    host.run(["touch", "/run/slow"]).ok()
    killed = host.run(["timeout", "-s", "KILL", "2", *service.arguments()], cwd="/root/project")
    assert killed.code != 0
    host.run(["rm", "/run/slow"]).ok()
    # It has been told, or has not; and the file is again what it was at the start.
    service.configure("one\n")
    assert "reloaded: /etc/thing.conf changed" in service.step().ok().out
    # Twice, when the first signal came through after all.
    assert service.read(["one", "one"])[-1] == "one"
    assert service.step().ok().out == "service/thing: only checked\n"


def test_started_by_a_unit_of_its_own(host):
    service = Reader(host, more="")
    service.record["start"] = "by-unit"
    assert service.step().ok().out == READ_AGAIN  # by then systemd knows the one of the test before
    assert service.step().ok().out == "service/thing: only checked\n"
    assert service.show("ActiveState") == "inactive"
    # Somebody starts it: it is adopted, reloaded and restarted like any other.
    time.sleep(0.1)
    host.run(["systemctl", "start", "thing"]).ok()
    pid = service.show("MainPID")
    assert service.step().ok().out == "service/thing: only checked\n"
    service.configure("two\n")
    assert "reloaded" in service.step().ok().out
    assert service.show("MainPID") == pid
    service.unit.write_text(service.unit.read_text(encoding="ascii").replace("Type=exec", "Type=exec\nNice=2"), encoding="ascii")
    assert "restarted: unit changed" in service.step().ok().out
    assert service.show("MainPID") != pid
    assert service.step().ok().out == "service/thing: only checked\n"
    # One that has ended has everything new the next time.
    host.run(["systemctl", "stop", "thing"]).ok()
    service.configure("three\n")
    assert service.step().ok().out == "service/thing: only checked\n"
    assert service.show("ActiveState") == "inactive"


def test_a_job_that_is_under_way_is_let_go_on(host):
    service = Reader(host, more="")
    service.record["start"] = "by-unit"
    service.unit.write_text("[Service]\nType=oneshot\nExecStart=/bin/sh /usr/local/bin/reader\n", encoding="ascii")
    service.step().ok()
    host.run(["systemctl", "start", "--no-block", "thing"]).ok()
    assert service.read(["one"]) == ["one"]
    pid = service.show("MainPID")
    assert pid != "0"
    service.unit.write_text("[Service]\nType=oneshot\nExecStart=/bin/sh /usr/local/bin/reader\nNice=1\n", encoding="ascii")
    assert service.step().ok().out == READ_AGAIN
    assert service.step().ok().out == "service/thing: only checked\n"
    assert service.show("MainPID") == pid


def test_links_of_a_time_when_it_was_started_by_itself_go(host):
    service = Reader(host)
    service.step().ok()
    link = host.root / "etc/systemd/system/multi-user.target.wants/thing.service"
    assert link.is_symlink()
    service.unit.write_text(READER_UNIT.format(more=""), encoding="ascii")
    service.record["start"] = "by-unit"
    service.step().ok()
    assert not link.is_symlink()
