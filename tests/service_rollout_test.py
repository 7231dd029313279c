"""A service of three hosts over ssh: one is touched at a time, and the first check that fails ends that."""

import calendar
import time

import pytest

import harness
import hosts

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not() or "none")

# It takes half a second until it serves. With a colour that it does not know it starts, thinks, and ends.
PROGRAM = """\
import http.server, sys, time
colour = open("/etc/web/colour", encoding="ascii").read().strip()
print("the colour is", colour, flush=True)
time.sleep(0.5)
if colour == "bad":
    sys.exit("there is no such colour")
http.server.HTTPServer(("127.0.0.1", 8080), http.server.BaseHTTPRequestHandler).serve_forever()
"""

SPEC = """\
metadata: {{name: prod}}
hosts:
{hosts}
ca: {{CN: prod, key: {{algo: ecdsa, size: 256}}}}
services:
  web:
    hosts: [{names}]
    command: [/usr/bin/python3, /etc/web/serve.py]
    files:
      /etc/web/serve.py: {{from: serve.py}}
      /etc/web/colour: {{content: "red\\n"}}
    unit: {{Service: {{Restart: "no"}}}}
    checks:
      - {{systemd: active}}
      - {{tcp: "127.0.0.1:8080"}}
      - {{exec: [/usr/bin/grep, -q, "^[a-z]*$", /etc/web/colour]}}
"""


class Web:
    """The hosts and the project."""

    def __init__(self, lab, folder):
        self.hosts = lab.hosts
        self.project = harness.Project(folder, harness.There(lab.admin), harness.KPLAN)
        self.project.path("serve.py").write_text(PROGRAM, encoding="ascii")
        self.project.spec = SPEC.format(
            hosts="\n".join(f"  {host.name}: {{address: {host.address}, ssh: root@{host.address}}}" for host in self.hosts),
            names=", ".join(host.name for host in self.hosts))

    def build(self):
        self.project.gen().ok()
        return self.project.ninja("-j8", timeout=240)

    def show(self, key):
        """{host name: what systemctl says}"""
        command = ["systemctl", "show", "--timestamp=us+utc", f"--property={key}", "--value", "web"]
        return {host.name: host.run(command, check=True).stdout.strip() for host in self.hosts}

    def starts(self):
        """When the program was started on each host, in seconds since 1970, in the order of the hosts."""
        times = []
        for text in self.show("ExecMainStartTimestamp").values():
            _, day, clock, _ = text.split()
            whole, micros = clock.split(".")
            times.append(calendar.timegm(time.strptime(f"{day} {whole}", "%Y-%m-%d %H:%M:%S")) + int(micros) / 1e6)
        return times


@pytest.fixture(name="web", scope="module")
def fixture_web(tmp_path_factory):
    with hosts.lab(count=3) as lab:
        yield Web(lab, tmp_path_factory.mktemp("project"))


def check_one_after_the_other(web):
    first, second, third = web.starts()
    # The next one only when the one before serves.
    assert second - first > 0.5 and third - second > 0.5, (first, second, third)


def test_they_come_up_one_after_the_other(web):
    ran = web.build().ok()
    assert ran.out.count("127.0.0.1:8080 accepts connections\n") == 3, ran.out
    check_one_after_the_other(web)
    pids = web.show("MainPID")
    assert web.build().ok().no_work
    assert web.show("MainPID") == pids


def test_a_change_goes_from_host_to_host(web):
    before = web.show("MainPID")
    web.project.edit_spec('content: "red', 'content: "green')
    web.build().ok()
    after = web.show("MainPID")
    assert all(after[name] != before[name] for name in before)
    check_one_after_the_other(web)
    assert web.build().ok().no_work


def test_the_first_check_that_fails_ends_it(web):
    before = web.show("MainPID")
    first, second, third = [host.name for host in web.hosts]
    web.project.edit_spec('content: "green', 'content: "bad')
    ran = web.build()
    assert ran.code != 0, ran
    text = ran.out + ran.err
    assert "check failed: tcp 127.0.0.1:8080\n" in text and "check failed: systemd active\n" in text, text
    assert "check failed: exec" not in text
    assert f"the last log lines of web on {first}:\n" in text and "    there is no such colour" in text.replace("\t", " "), text
    now = web.show("MainPID")
    assert now[first] == "0"
    assert (now[second], now[third]) == (before[second], before[third])
    # Who was not reached starts again as it ran, whoever starts it.
    host = web.hosts[1]
    host.run(["systemctl", "restart", "web"], check=True)
    assert host.read_text("/etc/web/colour") == "green\n"
    harness.wait_for("its port", lambda: host.run(["bash", "-c", "</dev/tcp/127.0.0.1/8080"]).returncode == 0)
    before = web.show("MainPID")
    assert before[second] not in ("0", now[second])
    assert web.build().code != 0 and web.show("MainPID")[second] == before[second]
    # What is right again goes on; who never had the bad one with it stays as it is.
    web.project.edit_spec('content: "bad', 'content: "green')
    web.build().ok()
    now = web.show("MainPID")
    assert now[first] not in ("0", before[first])
    assert (now[second], now[third]) == (before[second], before[third])
    for host in web.hosts:
        assert host.run(["find", "/etc", "-name", ".*.kplan-next"], check=True).stdout == ""
    assert web.build().ok().no_work


def test_a_service_that_was_stopped_is_started(web):
    second = web.hosts[1]
    before = web.show("MainPID")
    second.run(["systemctl", "stop", "web"], check=True)
    ran = web.build().ok()
    assert f"service/{second.name}/web: web on {second.name} does not run\n" in ran.out, ran.out
    assert f"service/{second.name}/web: started: was not running\n" in ran.out, ran.out
    after = web.show("MainPID")
    assert after.pop(second.name) not in ("0", before.pop(second.name))
    assert after == before
    assert web.build().ok().no_work


def test_where_a_check_failed_the_service_is_looked_at_again(web):
    """Also when no host is asked before the build."""
    second = web.hosts[1]

    def build():
        web.project.gen().ok()
        return web.project.run("env", "KPLAN_OFFLINE=1", "ninja", "-j8", timeout=240)

    second.run(["systemctl", "stop", "web"], check=True)
    ran = build().ok()
    assert ran.out.endswith("3 hosts not asked\n") and "web:" not in ran.out, ran.out
    before = web.show("MainPID")
    web.project.edit_spec("      - {systemd: active}\n", "      - {systemd: active}\n      - {exec: [/usr/bin/true]}\n")
    ran = build()
    assert ran.code != 0 and f"the last log lines of web on {second.name}:\n" in ran.out + ran.err, ran
    ran = build().ok()
    assert f"service/{second.name}/web: started: was not running\n" in ran.out, ran.out
    after = web.show("MainPID")
    assert before.pop(second.name) == "0" and after.pop(second.name) != "0"
    assert after == before
    assert web.build().ok().no_work

