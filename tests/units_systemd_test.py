"""The steps "unit", "sysusers" and "activate" and the read-back of units, on a booted systemd host."""

import hashlib
import json

import pytest

import harness
import systemd_host

pytestmark = pytest.mark.skipif(bool(systemd_host.why_not()), reason=systemd_host.why_not() or "none")

FOLDER = "etc/systemd/system"


class Steps:
    """Single steps on a host, as ninja would run them."""

    def __init__(self, host):
        self.host = host
        self.folder = host.root / "root/project"
        (self.folder / ".kplan/steps").mkdir(parents=True)

    def run(self, label, **record):
        text = json.dumps(record, sort_keys=True, separators=(",", ":"))
        (self.folder / ".kplan/steps/host.json").write_text('{\n"' + label + '":' + text + "\n}\n", encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        return self.host.run(["/usr/local/sbin/kplan", "step", ".kplan/steps/host.json", label, digest], cwd="/root/project")

    def unit(self, name, text):
        (self.folder / "text").write_text(text, encoding="utf-8")
        return self.run(f"unit/host/{name}", **{"from": "text", "kind": "unit", "mode": "0644", "path": f"/{FOLDER}/{name}", "root": "/",
                                                "secret": False})

    def activate(self, name):
        return self.run(f"service/host/{name}", kind="activate", name=name, path=f"/{FOLDER}/{name}", root="/")

    def show(self, name, *keys):
        return self.host.run(["systemctl", "show", "--value", f"--property={','.join(keys)}", name]).ok().out.strip()


@pytest.fixture(name="steps", scope="module")
def fixture_steps():
    with systemd_host.SystemdHost("worker") as host:
        harness.copy_file(harness.KPLAN, host.root / "usr/local/sbin/kplan", mode=0o755)
        yield Steps(host)


JOB = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo ran >> /run/job.log'\n"
TIMER = "[Timer]\nOnCalendar={when}\n\n[Install]\nWantedBy=timers.target\n"


def test_a_timer_is_installed_enabled_started_and_restarted(steps):
    steps.unit("job.service", JOB).ok()
    steps.unit("job.timer", TIMER.format(when="daily")).ok()
    ran = steps.activate("job.timer").ok()
    assert "was not enabled" in ran.out and "was not active" in ran.out
    assert steps.show("job.timer", "ActiveState") == "active"
    assert (steps.host.root / FOLDER / "timers.target.wants/job.timer").is_symlink()
    invocation = steps.show("job.timer", "InvocationID")
    assert "was not" not in steps.activate("job.timer").ok().out
    assert steps.show("job.timer", "InvocationID") == invocation
    # Another text, and a reload of systemd by somebody else before the step.
    steps.unit("job.timer", TIMER.format(when="weekly")).ok()
    steps.host.run(["systemctl", "daemon-reload"]).ok()
    assert "unit changed" in steps.activate("job.timer").ok().out
    assert steps.show("job.timer", "InvocationID") != invocation
    assert "Mon" in steps.show("job.timer", "TimersCalendar")
    # Stopped and disabled by hand.
    steps.host.run(["systemctl", "disable", "--now", "job.timer"]).ok()
    ran = steps.activate("job.timer").ok()
    assert "was not enabled" in ran.out and "was not active" in ran.out
    # Without a marker what runs is looked at.
    invocation = steps.show("job.timer", "InvocationID")
    (steps.host.root / "run/kplan/job.timer.started").unlink()
    steps.activate("job.timer").ok()
    assert steps.show("job.timer", "InvocationID") == invocation
    assert not (steps.host.root / "run/job.log").exists(), "a timer's job is not run by kplan"


def test_a_job_that_is_installed_runs_once_for_each_text(steps):
    log = steps.host.root / "run/once.log"
    text = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo {word} >> /run/once.log'\n\n[Install]\nWantedBy=multi-user.target\n"
    steps.unit("once.service", text.format(word="one")).ok()
    assert "was not run" in steps.activate("once.service").ok().out
    steps.activate("once.service").ok()
    assert log.read_text(encoding="ascii") == "one\n"
    steps.unit("once.service", text.format(word="two")).ok()
    steps.activate("once.service").ok()
    (steps.host.root / "run/kplan/once.service.started").unlink()
    steps.activate("once.service").ok()
    assert log.read_text(encoding="ascii") == "one\ntwo\n"


def test_a_socket_in_use_is_opened_anew(steps):
    steps.unit("cat@.service", "[Service]\nExecStart=/bin/cat\nStandardInput=socket\n").ok()
    steps.unit("hold.service", "[Service]\nExecStart=/bin/sleep 1000\n").ok()
    text = "[Socket]\nListenStream=127.0.0.1:{port}\n\n[Install]\nWantedBy=sockets.target\n"
    steps.unit("hold.socket", text.format(port=4001)).ok()
    steps.activate("hold.socket").ok()
    steps.host.run(["systemctl", "start", "hold.service"]).ok()
    steps.unit("hold.socket", text.format(port=4002)).ok()
    assert "unit changed" in steps.activate("hold.socket").ok().out
    assert "4002" in steps.show("hold.socket", "Listen")
    assert steps.show("hold.service", "ActiveState") == "inactive"


def test_a_socket_of_the_distribution_that_was_loaded_before_ours(steps):
    theirs = steps.host.root / "lib/systemd/system/ours.socket"
    theirs.write_text("[Socket]\nListenStream=127.0.0.1:4005\nAccept=yes\n", encoding="ascii")
    (theirs.parent / "ours@.service").write_text("[Service]\nExecStart=/bin/cat\nStandardInput=socket\n", encoding="ascii")
    steps.host.run(["systemctl", "daemon-reload"]).ok()
    steps.host.run(["systemctl", "start", "ours.socket"]).ok()
    (steps.host.root / FOLDER / "ours.socket").write_text(
        "[Socket]\nListenStream=127.0.0.1:4006\nAccept=yes\n", encoding="ascii")  # to enable it has systemd reload by itself
    assert steps.show("ours.socket", "NeedDaemonReload") == "no", "systemd does not see it"
    assert "unit changed" in steps.activate("ours.socket").ok().out
    assert "4006" in steps.show("ours.socket", "Listen")
    assert "unit changed" not in steps.activate("ours.socket").ok().out


def test_a_mask_is_replaced_by_nothing(steps):
    for runtime, path in ((["--runtime"], "run/systemd/system/held-back.service"), ([], f"{FOLDER}/held-back.service")):
        steps.host.run(["systemctl", "mask", *runtime, "held-back.service"]).ok()
        ran = steps.unit("held-back.service", JOB)
        command = " ".join(["systemctl", "unmask", *runtime, "held-back.service"])
        assert ran.code != 0 and f"held-back.service is masked (/{path} leads to /dev/null)" in ran.out + ran.err, ran.out + ran.err
        assert f"`{command}` first" in ran.out + ran.err
        assert (steps.host.root / path).is_symlink()
        steps.host.run(command.split()).ok()
        steps.unit("held-back.service", JOB).ok()
        (steps.host.root / FOLDER / "held-back.service").unlink()


def test_a_unit_that_cannot_start_fails_the_step_with_its_log(steps):
    steps.unit("bad.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo no such thing; exit 3'\n").ok()
    ran = steps.activate("bad.service")
    assert ran.code != 0
    assert "no such thing" in ran.out + ran.err and "failed to start" in ran.out + ran.err


def test_a_unit_that_systemd_does_not_like_replaces_nothing(steps):
    steps.unit("job.service", JOB).ok()
    ran = steps.unit("job.service", JOB + "Exec=/bin/x\nExecStartPre=/bin/not-there\n")
    assert ran.code != 0
    assert "job.service:4: Unknown key" in ran.out + ran.err
    assert (steps.host.root / FOLDER / "job.service").read_text(encoding="ascii") == JOB


def test_a_user_is_made_once_and_its_numbers_are_the_digest(steps):
    (steps.host.root / "etc/sysusers.d").mkdir(exist_ok=True)
    (steps.host.root / "etc/sysusers.d/thing.conf").write_text('u thing - "thing" /var/lib/thing\n', encoding="ascii")
    record = {"file": "/etc/sysusers.d/thing.conf", "kind": "sysusers", "name": "thing", "root": "/"}
    steps.run("user/host/thing", **record).ok()
    uid, gid = steps.host.run(["id", "-u", "thing"]).ok().out.strip(), steps.host.run(["id", "-g", "thing"]).ok().out.strip()
    stamp = steps.folder / ".kplan/stamps/user/host/thing"
    assert stamp.read_text(encoding="ascii").strip() == hashlib.sha256(f"thing:{uid}:{gid}".encode()).hexdigest()
    passwd = (steps.host.root / "etc/passwd").stat().st_ino
    steps.run("user/host/thing", **record).ok()
    assert (steps.host.root / "etc/passwd").stat().st_ino == passwd, "written once"
    steps.host.run(["userdel", "thing"]).ok()
    steps.run("user/host/thing", **record).ok()
    assert steps.host.run(["id", "-u", "thing"]).ok().out != ""


def test_what_systemd_has_otherwise_than_written_is_an_error(steps):
    text = "[Unit]\nDescription=held\n\n[Service]\nExecStart=/bin/sleep 1000\nEnvironment=A=b\n\n[Install]\nWantedBy=multi-user.target\n"
    path = f"/{FOLDER}/held.service"
    record = {"answers": [], "argv": [["/bin/sleep", ""], ["1000", ""]], "environment": [], "kind": "service", "manager": "systemd",
              "name": "held", "restart-on": [path], "root": "/", "timeout": 5, "unit": path}
    steps.unit("held.service", text).ok()
    drop_in = steps.host.root / FOLDER / "held.service.d/over.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nUser=nobody\nEnvironment=A=c\n", encoding="ascii")
    ran = steps.run("service/host/held", **record)
    assert ran.code != 0
    assert "Environment: wanted A=b" in ran.out + ran.err and "got    A=c" in ran.out + ran.err
    assert "over.conf" in ran.out + ran.err
    assert steps.show("held", "ActiveState") == "inactive"
    # One that only adds is none of ours.
    drop_in.write_text("[Service]\nEnvironment=B=c\nExecStartPre=/bin/true\n", encoding="ascii")
    steps.run("service/host/held", **record).ok()
    assert steps.show("held", "ActiveState") == "active"
