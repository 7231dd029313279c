"""A service beside etcd on a booted host: nginx before etcd's metrics, as examples/metrics has it.

It comes up after etcd is verified; a change of each kind of input does what on-change says, and nothing else; a check
that fails fails the build. One host for the whole file: each test leaves it as it should be.
"""

import calendar
import os
import pathlib
import time

import pytest

import harness
import systemd_host

pytestmark = pytest.mark.skipif(bool(systemd_host.why_not()), reason=systemd_host.why_not() or "none")

TESTS = pathlib.Path(__file__).parent
NGINX = TESTS / "nginx.tar.gz"  # nginx-1/nginx
EXAMPLE = TESTS.parent / "examples/metrics/cluster.yaml"
URL = "https://127.0.0.1:8443/metrics"

# Two files more than the example has, for the other two values of on-change.
MORE_FILES = """\
      /etc/metrics/note.txt: {content: "first\\n", on-change: nothing}
      /etc/metrics/limits.conf: {content: "first\\n"}
"""

FRONT = """\
  front:                            # a program out of an archive
    after: [metrics]
    archive: {{path: nginx.tar.gz, sha256: {sha256}, members: {{nginx-1/nginx: /usr/local/sbin/front}}}}
    command: [/usr/local/sbin/front, -e, stderr, -c, /etc/front/nginx.conf]
    files:
      /etc/front/nginx.conf:
        content: |
          daemon off; pid /run/front.pid; error_log stderr; events {{}}
          http {{
            access_log off; client_body_temp_path /run/front-body; proxy_temp_path /run/front-proxy;
            fastcgi_temp_path /run/front-fastcgi; uwsgi_temp_path /run/front-uwsgi; scgi_temp_path /run/front-scgi;
            server {{ listen 127.0.0.1:8444; return 204; }}
          }}
    checks: [{{tcp: "127.0.0.1:8444"}}]
"""

TICK = """\
  tick:
    command: [/bin/true]
    units: {tick.timer: {Timer: {OnCalendar: daily}, Install: {WantedBy: timers.target}}}
    checks: [{systemd: active}]
"""


class Host:
    """The booted host and the project on it."""

    def __init__(self, booted):
        self.booted = booted
        folder = booted.root / "root/project"
        folder.mkdir(parents=True)
        harness.copy_file(harness.KPLAN, booted.root / "usr/local/sbin/kplan", mode=0o755)
        harness.copy_file(harness.TUTORIAL_ARCHIVE, folder / "etcd.tar.gz")
        harness.copy_file(NGINX, folder / "nginx.tar.gz")
        self.project = harness.Project("/root/project", booted, "/usr/local/sbin/kplan", outside=folder)
        # Debian's nginx where its package puts it; the package would start one of its own.
        booted.run(["tar", "-xzf", "/root/project/nginx.tar.gz", "-C", "/usr/sbin", "--strip-components=1"]).ok()
        spec = EXAMPLE.read_text(encoding="utf-8")
        spec = spec.replace("  version: 3.4.15\n",
                            f"  version: 3.4.15\n  archive: {{path: etcd.tar.gz, sha256: {harness.sha256(harness.TUTORIAL_ARCHIVE)}}}\n")
        self.project.spec = spec.replace("    certs:                          # nginx reads", MORE_FILES + "    certs:                          # nginx reads")
        assert "note.txt" in self.project.spec and "etcd.tar.gz" in self.project.spec

    def build(self):
        self.project.gen().ok()
        return self.project.ninja()

    def show(self, unit, key):
        return self.booted.run(["systemctl", "show", "--timestamp=us+utc", f"--property={key}", "--value", unit]).ok().out.strip()

    def started(self, unit):
        """When the main process of UNIT was started, in seconds since 1970."""
        _, day, clock, _ = self.show(unit, "ExecMainStartTimestamp").split()
        whole, micros = clock.split(".")
        return calendar.timegm(time.strptime(f"{day} {whole}", "%Y-%m-%d %H:%M:%S")) + int(micros) / 1e6

    def reloads(self):
        """How often nginx was told to read its configuration again."""
        journal = self.booted.run(["journalctl", "-u", "metrics", "-o", "cat", "--no-pager"]).ok().out
        return journal.count("signal 1 (SIGHUP) received")

    def state(self):
        """What a change may touch, and what not: {what: how it is}."""
        return {
            "etcd": (self.show("etcd", "MainPID"), self.show("etcd", "ActiveEnterTimestampMonotonic")),
            "nginx": (self.show("metrics", "MainPID"), self.show("metrics", "ActiveEnterTimestampMonotonic")),
            "reloads": self.reloads(),
        }

    def on_host(self, path):
        return self.booted.root / path.lstrip("/")


@pytest.fixture(name="host", scope="module")
def fixture_host():
    with systemd_host.SystemdHost("worker") as booted:
        yield Host(booted)


def test_it_comes_up_after_etcd_is_verified(host):
    ran = host.build().ok()
    assert f"{URL} answers 200, serves pki/metrics.pem; refuses no-cert, wrong-ca, plaintext\n" in ran.out
    assert "metrics is active (running)\n" in ran.out
    assert "nginx -e stderr -t -q -c /etc/metrics/nginx.conf exits with 0\n" in ran.out
    verified = os.stat(host.project.path("reports/verify-etcd.json")).st_mtime
    assert host.started("etcd") < verified < host.started("metrics")
    # So it is at boot.
    assert "etcd.service" in host.show("metrics", "After").split()
    assert host.show("metrics", "UnitFileState") == "enabled"
    # etcd's own words, through nginx, to who has a certificate of the monitoring's CA.
    ran = host.project.run("curl", "-sS", "--cacert", "pki/monitoring.pem", "--cert", "pki/prometheus.pem", "--key",
                           "pki/prometheus-key.pem", URL).ok()
    assert "etcd_server_has_leader 1\n" in ran.out


def test_the_second_run_does_nothing(host):
    before = host.state()
    assert host.build().ok().no_work
    # Neither does a run that has forgotten everything: it looks, and finds all of it right.
    host.project.run("rm", "-rf", ".kplan", "build.ninja").ok()
    host.build().ok()
    assert host.state() == before


RELOAD, RESTART, NOTHING = "reload", "restart", "nothing"


@pytest.mark.parametrize("edits, effect", [
    ([("server_tokens off", "server_tokens on")], RELOAD),
    ([("names: [{O: Kubernetes, OU: Monitoring}]\n    hosts: [worker, 127.0.0.1]",
       "names: [{O: Kubernetes, OU: Monitoring}]\n    hosts: [worker, 127.0.0.1, metrics.example]")], RELOAD),
    ([('note.txt: {content: "first', 'note.txt: {content: "second')], NOTHING),
    ([('limits.conf: {content: "first', 'limits.conf: {content: "second')], RESTART),
    ([("LimitNOFILE: 4096", "LimitNOFILE: 8192")], RESTART),
    ([("command: [/usr/sbin/nginx, -e, stderr,", "command: [/usr/sbin/nginx, -q, -e, stderr,")], RESTART),
    ([("server_tokens on", "server_tokens off"), ('limits.conf: {content: "second', 'limits.conf: {content: "third')], RESTART),
    ([("OU: Kubernetes The Hard Way}]\n    hosts: [worker", "OU: Kubernetes The Hard Way}]\n    hosts: [etcd.example, worker")], NOTHING),
], ids=["config", "certificate", "note", "limits", "unit", "command", "both", "etcds-certificate"])
def test_a_change_does_what_on_change_says(host, edits, effect):
    before = host.state()
    workers = host.booted.run(["pgrep", "-P", before["nginx"][0]]).ok().out
    for old, new in edits:
        host.project.edit_spec(old, new)
    host.build().ok()
    after = host.state()
    assert after["etcd"] == before["etcd"]
    assert after["reloads"] - before["reloads"] == (1 if effect == RELOAD else 0)
    assert (after["nginx"] != before["nginx"]) == (effect == RESTART)
    if effect == RELOAD:  # the master stays, its workers are new ones
        harness.wait_for("new workers", lambda: host.booted.run(["pgrep", "-P", after["nginx"][0]]).ok().out != workers)
    assert host.build().ok().no_work
    assert host.state() == after


def test_what_on_change_does_not_touch_is_on_the_host_all_the_same(host):
    assert host.on_host("/etc/metrics/note.txt").read_text(encoding="ascii") == "second\n"
    assert host.on_host("/etc/metrics/limits.conf").read_text(encoding="ascii") == "third\n"
    # One that somebody else edited is put right, with what that needs.
    before = host.state()
    host.on_host("/etc/metrics/limits.conf").write_text("mine\n", encoding="ascii")
    host.build().ok()
    assert host.on_host("/etc/metrics/limits.conf").read_text(encoding="ascii") == "third\n"
    assert host.state()["etcd"] == before["etcd"]


def test_a_check_that_fails_fails_the_build(host):
    host.project.edit_spec("location = /metrics", "location = /metrix")
    host.project.gen().ok()
    begun = time.monotonic()
    ran = host.project.ninja()
    assert time.monotonic() - begun < 40
    text = ran.out + ran.err
    assert ran.code != 0
    assert f"check failed: https {URL}\n  expected: {URL} answers 200 to who shows pki/prometheus.pem\n  seen:     it answers 404" in text, text
    assert "the last log lines of metrics:\n    " in text and "start worker process" in text, text
    assert text.count("check failed:") == 1
    # It goes on failing until it is put right, and then nothing is restarted for that.
    pid = host.show("metrics", "MainPID")
    host.project.edit_spec("location = /metrix", "location = /metrics")
    host.build().ok()
    assert host.show("metrics", "MainPID") == pid
    assert host.build().ok().no_work


def test_a_program_out_of_an_archive_after_another_service(host):
    host.project.spec += FRONT.format(sha256=harness.sha256(NGINX))
    ran = host.build().ok()
    assert "127.0.0.1:8444 accepts connections\n" in ran.out
    pid = host.show("front", "MainPID")
    assert host.booted.run(["readlink", f"/proc/{pid}/exe"]).ok().out == "/usr/local/sbin/front\n"
    assert host.on_host("/usr/local/sbin/front").stat().st_mode & 0o7777 == 0o755
    # Where both have to be restarted, the one that comes after waits for the checks of the other.
    host.project.edit_spec('limits.conf: {content: "third', 'limits.conf: {content: "fourth')
    host.project.edit_spec("return 204", "return 205")
    ran = host.build().ok()
    assert ran.out.index(" VERIFY verify/worker/metrics") < ran.out.index(" SERVICE service/worker/front"), ran.out
    assert host.started("metrics") < host.started("front")
    assert host.show("front", "MainPID") != pid
    # A service that ends says so, with its last words, and at once.
    before = host.state()
    host.project.edit_spec("listen 127.0.0.1:8444;", "listen 127.0.0.1:8444; no_such_word;")
    host.project.gen().ok()
    begun = time.monotonic()
    ran = host.project.ninja()
    assert ran.code != 0 and time.monotonic() - begun < 40
    assert 'unknown directive "no_such_word"' in ran.out + ran.err, ran
    assert host.state() == before
    host.project.edit_spec(" no_such_word;", "")
    host.build().ok()
    assert host.build().ok().no_work


def test_a_service_that_a_timer_starts(host):
    host.project.spec += TICK
    ran = host.build().ok()
    assert "tick is started by tick.timer, which is active\n" in ran.out
    assert host.show("tick", "ActiveState") == "inactive"
    host.booted.run(["systemctl", "stop", "tick.timer"]).ok()
    host.project.edit_spec("[/bin/true]", "[/bin/true, again]")
    ran = host.build().ok()
    assert "service/worker/tick.timer: was not active\n" in ran.out and "tick is started by tick.timer" in ran.out, ran.out
    assert host.show("tick.timer", "ActiveState") == "active"


class Asker:
    """Somebody who reads the metrics all the time, over a new connection each time, and trusts both generations."""

    SCRIPT = """
cd /root/project; cat pki/monitoring*.pem > /tmp/trust.pem; cp pki/prometheus.pem pki/prometheus-key.pem /tmp
while [ ! -e /tmp/stop ]; do
  for path in pki/monitoring-g*.pem; do [ -e "$path" ] && case "$path" in *cross*|*key*) ;; *) cat "$path" >> /tmp/trust.pem;; esac; done
  [ -e pki/prometheus-chain.pem ] && cp pki/prometheus-chain.pem /tmp/prometheus.pem
  curl -sS -o /dev/null -w '%{http_code}\\n' --cacert /tmp/trust.pem --cert /tmp/prometheus.pem --key /tmp/prometheus-key.pem URL 2>&1
done
"""

    def __init__(self, host):
        self.host = host

    def __enter__(self):
        self.host.booted.run(["rm", "-f", "/tmp/stop"]).ok()
        self.process = self.host.booted.popen(["sh", "-c", self.SCRIPT.replace("URL", URL)])
        return self

    def __exit__(self, *_):
        self.host.booted.run(["touch", "/tmp/stop"]).ok()
        self.answers = self.process.communicate(timeout=60)[0].splitlines()


def test_both_cas_are_exchanged_and_nginx_is_only_reloaded(host):
    before = host.state()
    host.project.edit_spec("ca:                                 # of etcd and its clients\n",
                           "ca:                                 # of etcd and its clients\n  key-generation: 2\n")
    host.project.edit_spec("    CN: Monitoring\n", "    CN: Monitoring\n    key-generation: 2\n")
    with Asker(host) as asker:
        ran = host.build()
    print(ran.out)
    ran.ok()
    after = host.state()
    assert after["nginx"] == before["nginx"]
    assert after["reloads"] > before["reloads"]
    assert after["etcd"] != before["etcd"]
    for port, issuer in ((8443, "CN = Monitoring G2"), (2379, "CN = Kubernetes G2")):
        out = host.booted.run(["sh", "-c", f"openssl s_client -connect 127.0.0.1:{port} </dev/null 2>/dev/null | openssl x509 -noout -issuer"]).ok().out
        assert issuer in out, out
    for name in ("ca-key.pem", "monitoring-key.pem"):
        assert host.project.path(f"pki/retired/{name}").exists()
    # Nobody was turned away at nginx, and whoever asked while etcd was restarted was told so by it.
    assert asker.answers.count("200") > 10, asker.answers[:10]
    assert set(asker.answers) <= {"200", "502", "504"}, set(asker.answers)
    assert host.build().ok().no_work
