"""A private mirror: a CA of its own, a login, a list of mirrors. What it is told is told nobody else, and stands nowhere."""

import base64
import contextlib
import http.server
import os
import pathlib
import ssl
import subprocess
import threading

import pytest

import harness

PASSWORD = "s3cret-of-ops"
TOKEN = "t0ken-of-ops"
BASIC = base64.b64encode(f"ops:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, TOKEN, BASIC)
MIRROR, STORE = "127.0.0.1", "127.0.0.2"  # the mirror, and where it sends those whom it knows


def commands():
    """Of every process, the words that everybody on the machine may read."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


class Mirror(http.server.ThreadingHTTPServer):
    """Serves FILES, {path: bytes}, at every address of loopback: the mirror itself only to who shows what it wants."""

    daemon_threads = True

    def __init__(self, folder, files):
        super().__init__(("0.0.0.0", 0), Handler)
        self.files = files
        self.asked = []  # (host, path, what was shown)
        self.seen = []  # all commands while one was answered
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "mirror.pem", folder / "mirror.key")
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *unused):
        pass  # who does not trust it goes away

    def url(self, path, host=MIRROR):
        return f"https://{host}:{self.server_port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *unused):
        pass

    def do_GET(self):
        host = self.headers["Host"].partition(":")[0]
        shown = self.headers.get("Authorization", "")
        self.server.asked.append((host, self.path, shown))
        self.server.seen += commands()
        if host == MIRROR and shown not in (f"Basic {BASIC}", f"Bearer {TOKEN}"):
            return self.send_error(401)
        content = self.server.files.get(self.path)
        if content is None:
            return self.send_error(404)
        if host == MIRROR:
            self.send_response(302)
            self.send_header("Location", self.server.url(self.path, STORE))
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def make_certificates(folder):
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=corp")
    openssl("req", *new_key, "-keyout", "mirror.key", "-out", "mirror.csr", "-subj", "/CN=mirror")
    (folder / "names").write_text(f"subjectAltName=IP:{MIRROR},IP:{STORE}\n", encoding="ascii")
    openssl("x509", "-req", "-in", "mirror.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names",
            "-out", "mirror.pem")


SPEC = """\
hosts:
  worker: {{root: image, service-manager: none}}
ca: {{CN: ca, key: {{algo: ecdsa, size: 256}}}}
certs: {{kubernetes: {{key: {{algo: ecdsa, size: 256}}, hosts: [worker, 127.0.0.1]}}}}
etcd:
  version: 3.4.15
  cert: kubernetes
  archive:
    mirrors: ["https://127.0.0.1:1/etcd/", "{gone}", "{folder}"]
    sha256: {etcd}
    ca: corp-ca.pem
    netrc: mirror.netrc
services:
  tool:
    command: [/usr/local/bin/tool]
    archive: {{url: "{tool}", sha256: {tool_sha256}, members: {{tool: /usr/local/bin/tool}}, ca: corp-ca.pem, token-file: mirror.token}}
"""


@pytest.fixture(name="mirror")
def fixture_mirror(tmp_path):
    make_certificates(tmp_path)
    etcd = pathlib.Path(harness.TUTORIAL_ARCHIVE).read_bytes()
    (tmp_path / "tool").write_text("#!/bin/sh\nexit 0\n", encoding="ascii")
    subprocess.run(["tar", "-C", tmp_path, "-czf", tmp_path / "tool.tar.gz", "tool"], check=True)
    mirror = Mirror(tmp_path, {"/v1/etcd-v3.4.15-linux-amd64.tar.gz": etcd, "/tool.tar.gz": (tmp_path / "tool.tar.gz").read_bytes()})
    yield mirror
    mirror.shutdown()
    mirror.server_close()


@pytest.fixture(name="project")
def fixture_project(tmp_path, mirror):
    folder = tmp_path / "project"
    folder.mkdir()
    project = harness.Project(folder, harness.Here(), harness.KPLAN)
    harness.copy_file(tmp_path / "ca.pem", folder / "corp-ca.pem")
    for name, text in (("mirror.netrc", f"machine {MIRROR}\n  login ops\n  password {PASSWORD}\n"), ("mirror.token", f"{TOKEN}\n")):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text, encoding="ascii")
    project.spec = SPEC.format(
        gone=mirror.url("/gone/etcd-v3.4.15-linux-amd64.tar.gz"), folder=mirror.url("/v1/"), etcd=harness.sha256(harness.TUTORIAL_ARCHIVE),
        tool=mirror.url("/tool.tar.gz"), tool_sha256=harness.sha256(tmp_path / "tool.tar.gz"))
    return project


def secrets_in(text):
    return [secret for secret in SECRETS if secret in text]


def test_what_a_mirror_is_told_stands_nowhere(project, mirror):
    gen = project.gen().ok()
    plan = [project.run(project.kplan, "plan", *more) for more in ([], ["--json"])]
    ran = project.ninja("-v").ok()
    assert {"archive/etcd", "archive/tool", "unpack/etcd", "unpack/tool"} <= set(project.ran_at()), ran
    # Redirected, it says nothing to the other host.
    path = "/v1/etcd-v3.4.15-linux-amd64.tar.gz"
    gone = "/gone/etcd-v3.4.15-linux-amd64.tar.gz"
    of_etcd = [asked for asked in mirror.asked if "etcd" in asked[1]]
    assert of_etcd == [(MIRROR, gone, f"Basic {BASIC}"), (MIRROR, path, f"Basic {BASIC}"), (STORE, path, "")]
    of_tool = [asked for asked in mirror.asked if "tool" in asked[1]]
    assert of_tool == [(MIRROR, "/tool.tar.gz", f"Bearer {TOKEN}"), (STORE, "/tool.tar.gz", "")]

    assert any(command.startswith("curl ") for command in mirror.seen)
    assert [command for command in mirror.seen if secrets_in(command)] == []
    outputs = [gen, *plan, ran]
    for words in (["show"], ["show", "archive/etcd"], ["show", "archive/tool"], ["status", "--json"], ["why", "archive/etcd"], ["graph"]):
        outputs.append(project.run(project.kplan, *words))
    assert [output for output in outputs if secrets_in(output.out + output.err)] == []
    written = {
        os.path.relpath(path, project.folder)
        for path in project.folder.rglob("*") if path.is_file() and secrets_in(path.read_text(encoding="latin-1"))
    }
    assert written == {"mirror.netrc", "mirror.token"}
    assert project.ninja().no_work

    # Another password is nobody's business but the next download's.
    project.path("mirror.netrc").write_text("machine elsewhere login x password y\n", encoding="ascii")
    assert project.ninja().no_work


def test_a_secret_that_others_may_read_is_refused(project, mirror):
    project.path("mirror.netrc").chmod(0o644)
    project.gen()
    plan = project.run(project.kplan, "plan")
    ran = project.ninja("-k0")
    for output in (plan, ran):
        assert output.code != 0
        assert "the netrc file mirror.netrc has mode 0644" in output.out + output.err, output
        assert not secrets_in(output.out + output.err), output
    assert not [asked for asked in mirror.asked if "etcd" in asked[1]]
    # What it says works.
    project.path("mirror.netrc").chmod(0o600)
    project.ninja().ok()


def test_a_wrong_login_says_whose_it_is(project, mirror):
    project.path("mirror.token").write_text("wr0ng\n", encoding="ascii")
    project.gen().ok()
    ran = project.ninja("-k0")
    assert ran.code != 0 and "it does not accept the token in mirror.token" in ran.out + ran.err and "wr0ng" not in ran.out + ran.err, ran


def test_a_file_that_a_clone_does_not_have_is_no_hindrance_to_a_plan(project):
    """A review in CI has no secrets."""
    project.path("mirror.netrc").unlink()
    project.path("mirror.token").unlink()
    project.gen().ok()
    plan = project.run(project.kplan, "plan")
    assert plan.code == 2 and "mirror.netrc" not in plan.out + plan.err, plan
    ran = project.ninja("-k0", "archive/etcd")
    assert ran.code != 0 and "cannot read the netrc file mirror.netrc: No such file or directory" in ran.out + ran.err, ran
