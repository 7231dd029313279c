"""A service that only its own host reaches is proved by an https check all the same: the host carries the connection. Booted hosts."""

import json

import pytest

import harness
import hosts

pytestmark = pytest.mark.skipif(bool(hosts.why_not()), reason=hosts.why_not() or "none")

PROGRAM = """\
import http.server, ssl
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ready")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/etc/web/web.pem", "/etc/web/web-key.pem")
context.load_verify_locations("/etc/web/ca.pem")
context.verify_mode = ssl.CERT_REQUIRED
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"""

SPEC = """\
metadata: {{name: prod}}
hosts:
  web-1: {{address: {address}, ssh: root@{address}}}
ca: {{CN: prod, key: {{algo: ecdsa, size: 256}}}}
certs:
  web: {{key: {{algo: ecdsa, size: 256}}, hosts: [web.example, 127.0.0.1]}}
  client: {{key: {{algo: ecdsa, size: 256}}}}
services:
  web:
    hosts: [web-1]
    command: [/usr/bin/python3, /etc/web/serve.py]
    files: {{/etc/web/serve.py: {{from: serve.py}}}}
    certs: [{{name: web, cert: /etc/web/web.pem, key: /etc/web/web-key.pem, ca: /etc/web/ca.pem}}]
    checks:
      - https: {{url: "https://127.0.0.1:8443/ready", cert: client, serves: web, refuse: [no-cert, wrong-ca, plaintext]}}
"""


@pytest.fixture(name="project", scope="module")
def fixture_project(tmp_path_factory):
    with hosts.lab(names=["web-1"]) as lab:
        project = harness.Project(tmp_path_factory.mktemp("project"), harness.There(lab.admin), harness.KPLAN)
        project.host = lab.hosts[0]
        project.path("serve.py").write_text(PROGRAM, encoding="ascii")
        project.spec = SPEC.format(address=project.host.address)
        yield project


def test_it_is_asked_by_way_of_its_host(project):
    project.gen().ok()
    code = project.run(harness.KPLAN, "plan").code
    assert code == 2
    ran = project.ninja(timeout=240).ok()
    assert "https://127.0.0.1:8443/ready answers 200, serves pki/web.pem; refuses no-cert, wrong-ca, plaintext" in ran.out, ran.out
    assert project.ninja().ok().no_work


def test_a_renewed_certificate_is_seen_there(project):
    before = json.loads(project.run(harness.KPLAN, "show", "cert/web", "--json").ok().out)
    project.edit_spec("[web.example,", "[web.example, second.example,")
    project.gen().ok()
    ran = project.ninja(timeout=240).ok()
    assert "serves pki/web.pem" in ran.out, ran.out
    assert json.loads(project.run(harness.KPLAN, "show", "cert/web", "--json").ok().out) != before
    assert project.ninja().ok().no_work


def test_who_listens_nowhere_is_told_as_its_host_saw_it(project):
    project.edit_spec(":8443/ready", ":8444/ready")
    project.gen().ok()
    ran = project.ninja(timeout=240)
    assert ran.code != 0 and "by way of the host" in ran.out and "8444" in ran.out and "refused" in ran.out, ran.out
    project.edit_spec(":8444/ready", ":8443/ready")
    project.gen().ok()
    project.ninja(timeout=240).ok()
    assert project.ninja().ok().no_work

