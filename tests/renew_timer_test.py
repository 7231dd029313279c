"""kplan renew-timer on a booted host: installed, it renews what is due with nobody there; removed, nothing is left."""

import pwd

import pytest

import harness
import shifted
import systemd_host

pytestmark = pytest.mark.skipif(bool(systemd_host.why_not()), reason=systemd_host.why_not() or "none")

KPLAN = "/usr/local/sbin/kplan"
UNITS = "etc/systemd/system"
SPEC = """hosts:
  worker: {}
ca: {CN: Renewed, key: {algo: ecdsa, size: 256}}
certs:
  web: {key: {algo: ecdsa, size: 256}, hosts: [127.0.0.1]}
"""


class Plan(harness.Project):
    """A plan in /srv/NAME of HOST, and its timer."""

    def __init__(self, host, name):
        super().__init__(f"/srv/{name}", host, KPLAN, outside=host.root / "srv" / name)
        self.host = host
        self.unit = "kplan-renew-" + host.run(["systemd-escape", "--path", self.folder]).ok().out.strip()
        self.outside.mkdir()
        self.spec = SPEC

    def timer(self, what, *arguments):
        """`kplan renew-timer WHAT`, in another folder."""
        spec = [] if what == "remove" else [f"{self.folder}/cluster.yaml"]
        return self.host.run([KPLAN, "renew-timer", "-C", str(self.folder), *arguments, what, *spec])

    def files(self):
        """What systemd keeps of the units, anywhere."""
        folders = [self.host.root / UNITS, self.host.root / "var/lib/systemd/timers", self.host.root / UNITS / "timers.target.wants"]
        return {path.name: path.lstat().st_mtime_ns for folder in folders if folder.is_dir() for path in folder.glob("*kplan-renew*")}

    def ask(self, verb, suffix):
        return self.run("systemctl", verb, self.unit + suffix).out.strip()

    def start(self):
        return self.run("systemctl", "start", self.unit + ".service")

    def journal(self):
        return self.run("journalctl", "-o", "cat", "-u", self.unit + ".service").ok().out

    def served(self):
        return shifted.read_certificate(self.path("pki/web.pem"))


@pytest.fixture(name="host", scope="module")
def fixture_host():
    with systemd_host.SystemdHost("worker") as host:
        harness.copy_file(shifted.KPLAN_SHIFTED, host.root / "usr/local/sbin/kplan", mode=0o755)
        (host.root / "srv").mkdir(exist_ok=True)
        yield host


@pytest.fixture(name="plan", scope="module")
def fixture_plan(host):
    plan = Plan(host, "prod-1")
    plan.gen_and_ninja().ok()
    return plan


def test_installed_once(plan):
    said = plan.timer("install").ok().out
    assert said.startswith(f"{plan.unit}.timer: installed; next ") and said.rstrip()[-1] != " "
    assert plan.ask("is-enabled", ".timer") == "enabled" and plan.ask("is-active", ".timer") == "active"
    assert plan.unit in plan.run("systemctl", "list-timers").ok().out
    assert plan.run("systemd-analyze", "verify", f"/{UNITS}/{plan.unit}.service", f"/{UNITS}/{plan.unit}.timer").err == ""
    wanted = {"OnCalendar=*-*-* 00:00:00": "TimersCalendar", "yes": "Persistent", "1h": "RandomizedDelayUSec"}
    for value, key in wanted.items():
        assert value in plan.run("systemctl", "show", "-p", key, plan.unit + ".timer").ok().out
    before = plan.files()
    assert len([name for name in before if name.endswith((".service", ".timer"))]) >= 2
    assert plan.timer("install").ok().out == f"{plan.unit}.timer: nothing to do\n"
    assert plan.files() == before
    shown = plan.timer("show").ok().out
    assert shown.count("(installed)") == 2 and f"WorkingDirectory={plan.folder}" in shown


def test_renews_what_is_due_and_nothing_else(plan, host):
    old = plan.served()
    plan.start().ok()
    assert "no work to do" in plan.journal()
    assert plan.served() == old
    # 250 of its 365 days later a third of its life is left.
    drop_in = host.root / UNITS / f"{plan.unit}.service.d"
    drop_in.mkdir()
    (drop_in / "clock.conf").write_text(f"[Service]\nEnvironment=KPLAN_TEST_CLOCK={250 * shifted.DAY}\n", encoding="ascii")
    plan.run("systemctl", "daemon-reload").ok()
    plan.start().ok()
    new = plan.served()
    assert new.serial != old.serial and new.key == old.key
    assert new.not_after > old.not_after + 249 * shifted.DAY
    assert "expires soon" in plan.journal()
    # By the same clock there is nothing left to do.
    env = ["env", f"KPLAN_TEST_CLOCK={250 * shifted.DAY}"]
    plan.run(*env, KPLAN, "gen", "cluster.yaml").ok()
    assert "no work to do" in plan.run(*env, "ninja").ok().out
    (drop_in / "clock.conf").unlink()
    drop_in.rmdir()
    plan.run("systemctl", "daemon-reload").ok()


def test_another_run_at_work_is_said(plan):
    # Whoever holds the lock is at work; the service waits for nobody.
    held = plan.run("flock", ".kplan/lock", "systemctl", "start", plan.unit + ".service")
    assert held.code != 0
    assert "another ninja or kplan is at work in this folder" in plan.journal()
    assert plan.ask("is-failed", ".service") == "failed"
    plan.start().ok()
    assert plan.ask("is-failed", ".service") == "inactive"


def test_changed_and_wrong_calendars(plan):
    assert plan.timer("install", "--calendar=Mon 03:00").ok().out.startswith(f"{plan.unit}.timer: installed; next Mon ")
    assert "Mon *-*-* 03:00:00" in plan.run("systemctl", "show", "-p", "TimersCalendar", plan.unit + ".timer").ok().out
    before = plan.files()
    for bad in ["", "sometimes", "daily\nUnit=evil.service", "%h"]:
        ran = plan.timer("install", "--calendar=" + bad)
        assert ran.code == 1 and "is no time that systemd knows" in ran.err, bad
    assert plan.files() == before
    ran = plan.host.run([KPLAN, "renew-timer", "instal", "x.yaml"])
    assert ran.code == 64 and 'did you mean "install"?' in ran.err
    plan.host.run(["sh", "-c", "echo 'hosts: [' >/srv/bad.yaml"]).ok()
    assert plan.host.run([KPLAN, "renew-timer", "install", "/srv/bad.yaml"]).code == 65


def test_a_changed_service_is_the_one_that_runs(plan, host):
    def user():
        return plan.run("systemctl", "show", "--property=User", "--value", plan.unit + ".service").ok().out.strip()

    calendar = "--calendar=Mon 03:00"  # the timer stays as it is
    assert user() == ""
    for owner, wanted in (("nobody", "65534"), ("root", "")):
        host.run(["chown", owner, str(plan.folder)]).ok()
        assert plan.timer("install", calendar).ok().out == f"{plan.unit}.timer: its service is a new one\n"
        assert user() == wanted


def test_two_plans_and_each_its_owner(plan, host):
    name = pwd.getpwuid(65534).pw_name  # nobody, on each Debian
    other = Plan(host, "prod/2 %h") if (host.root / "srv/prod").is_dir() else None
    if other is None:
        (host.root / "srv/prod").mkdir()
        other = Plan(host, "prod/2 %h")
    host.run(["chown", "-R", name, str(other.folder)]).ok()
    other.timer("install").ok()
    assert other.unit != plan.unit
    assert other.ask("is-active", ".timer") == "active" and plan.ask("is-active", ".timer") == "active"
    other.start().ok()
    assert other.path("pki/web-key.pem").stat().st_uid == 65534
    assert "pki/web.pem" not in other.run("find", ".", "-user", "root").ok().out
    other.timer("remove").ok()
    assert plan.ask("is-active", ".timer") == "active"
    assert all(plan.unit in name for name in plan.files())


def test_only_root_installs(plan, host):
    ran = host.run(["setpriv", "--reuid=65534", "--clear-groups", KPLAN, "renew-timer", "-C", str(plan.folder), "install",
                    f"{plan.folder}/cluster.yaml"])
    assert ran.code == 1 and "use sudo" in ran.err


def test_removed_without_a_trace(plan):
    assert plan.timer("remove").ok().out == f"{plan.unit}.timer: removed\n"
    assert plan.files() == {}
    assert plan.unit not in plan.run("systemctl", "list-units", "--all", "kplan-renew*", "--plain").ok().out
    assert plan.timer("remove").ok().out == f"{plan.unit}.timer: is not installed\n"
    assert plan.path("pki/web.pem").exists()


def test_not_where_systemd_does_not_run(tmp_path):
    (tmp_path / "cluster.yaml").write_text(SPEC, encoding="ascii")
    project = harness.Project(tmp_path, harness.Here(), harness.KPLAN)
    if project.run("test", "-d", "/run/systemd/system").code == 0:
        pytest.skip("this machine is run by systemd")
    ran = project.run(harness.KPLAN, "renew-timer", "install", "cluster.yaml")
    assert ran.code == 1 and "not run by systemd" in ran.err
    assert "OnCalendar=daily" in project.run(harness.KPLAN, "renew-timer", "show", "cluster.yaml").ok().out
