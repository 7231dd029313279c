"""The command line: usage, help, exit codes, colours, and what `check` and `certs` say."""

import datetime
import json
import os
import re
import subprocess

import pytest

import cli_terminal

KPLAN = os.environ.get("KPLAN", "kplan")

SPEC = """\
hosts: {worker: {root: ./rootfs, service-manager: none}}
ca: {CN: authority, key: {algo: ecdsa, size: 256}}
certs:
  web: {key: {algo: ecdsa, size: 256}, hosts: [web.example, 10.0.0.1]}
"""


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    (tmp_path / "cluster.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


def kplan(folder, *arguments):
    ran = subprocess.run([KPLAN, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def on_terminal(folder, *arguments, **environment):
    """What kplan writes to a terminal."""
    return cli_terminal.on_terminal(folder, *arguments, **environment)[0]


def test_version(tmp_path):
    code, out, err = kplan(tmp_path, "--version")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"kplan \d+\.\d+\.\d+\n", out)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ([], None),
        (["chek"], 'there is no command "chek"; did you mean "check"?'),
        (["frobnicate"], 'there is no command "frobnicate"\n'),
        (["help", "gne"], 'there is no topic "gne"; did you mean "gen"?'),
        (["gen", "a", "b"], "takes 0 to 1 argument, not 2"),
        (["why"], "takes 1 to 2 arguments, not 0"),
        (["gen", "--jsno", "cluster.yaml"], "there is no option --jsno"),
        (["check", "--jsno", "cluster.yaml"], 'there is no option --jsno; did you mean "--json"?'),
        (["gen", "-C"], "-C needs a value"),
        (["step", "one"], "takes 3 arguments, not 1"),
    ],
)
def test_wrong_usage(folder, arguments, said):
    code, _, err = kplan(folder, *arguments)
    assert code == 64
    assert said is None or said in err
    assert os.listdir(folder) == ["cluster.yaml"], "nothing is written"


@pytest.mark.parametrize("command", ["gen", "check", "certs"])
def test_a_spec_that_is_not_there(tmp_path, command):
    code, out, err = kplan(tmp_path, command, "cluster.yaml")
    assert (code, out) == (1, "")
    assert "cannot open cluster.yaml: No such file or directory" in err


def test_a_spec_of_more_than_64_mib(folder):
    with open(folder / "cluster.yaml", "a", encoding="utf-8") as file:
        file.truncate((64 << 20) + 1)
    assert kplan(folder, "gen", "cluster.yaml") == (
        65, "", "cluster.yaml: error: larger than 64 MiB [too-large]\n   10,000 hosts are 2.4 MB: is this a cluster.yaml?\n")
    assert os.listdir(folder) == ["cluster.yaml"]


def test_check(folder):
    assert kplan(folder, "check", "cluster.yaml") == (0, "cluster.yaml is good: 6 steps on 1 host\n", "")
    code, out, _ = kplan(folder, "check", "--json", "cluster.yaml")
    assert code == 0
    assert json.loads(out) == {"file": "cluster.yaml", "good": True, "diagnostics": []}
    (folder / "cluster.yaml").write_text(SPEC + "etdc: {}\n", encoding="utf-8")
    code, out, err = kplan(folder, "check", "--json", "cluster.yaml")
    assert (code, err) == (65, "")
    assert json.loads(out)["diagnostics"] == [
        {"severity": "error", "code": "unknown-key", "message": 'unknown key "etdc" in a cluster.yaml',
         "help": 'did you mean "etcd"?', "line": 5, "column": 1,
         "fix": {"begin": len(SPEC), "end": len(SPEC) + len("etdc"), "text": "etcd"}}
    ]
    assert os.listdir(folder) == ["cluster.yaml"]


def test_colours_on_a_terminal_only(folder):
    (folder / "cluster.yaml").write_text(SPEC + "etdc: {}\n", encoding="utf-8")
    assert "\033" not in kplan(folder, "check", "cluster.yaml")[2]
    assert "\033[" in on_terminal(folder, "check", "cluster.yaml")
    assert "\033" not in on_terminal(folder, "check", "cluster.yaml", NO_COLOR="1")


def certs(folder):
    code, out, err = kplan(folder, "certs", "--json", "cluster.yaml")
    assert err == ""
    return code, {entry["label"]: entry for entry in json.loads(out)}


def provision(folder):
    subprocess.run([KPLAN, "gen", "cluster.yaml"], cwd=folder, check=True, capture_output=True, timeout=60)
    subprocess.run(["ninja"], cwd=folder, check=True, capture_output=True, timeout=60)


def test_certs_before_and_after(folder):
    code, found = certs(folder)
    assert code == 2
    assert {label: entry["state"] for label, entry in found.items()} == {"ca/cert": "missing", "cert/web": "missing"}
    provision(folder)
    code, found = certs(folder)
    assert code == 0
    web = found["cert/web"]
    assert web["names"] == ["web.example", "10.0.0.1"]
    assert (web["file"], web["issuer"], web["state"], web["good"]) == ("pki/web.pem", "CN=authority", "good", True)
    assert web["days-left"] == 364
    end = subprocess.run(
        ["openssl", "x509", "-in", "pki/web.pem", "-noout", "-enddate", "-dateopt", "iso_8601"],
        cwd=folder, check=True, capture_output=True, text=True).stdout
    assert end == f"notAfter={web['not-after'].replace('T', ' ')}\n"
    code, out, _ = kplan(folder.parent, "certs", "-C", folder, folder / "cluster.yaml")
    assert code == 0
    assert out.splitlines()[0].split() == ["LABEL", "FILE", "DAYS", "LEFT", "STATE", "ISSUER", "NAMES"]
    assert out.splitlines()[2].split(maxsplit=5) == [
        "cert/web", "pki/web.pem", "364", "good", "CN=authority", "web.example, 10.0.0.1"]


def issue(folder, begin_days, end_days, usages=("digitalSignature", "serverAuth,clientAuth")):
    """Puts a certificate of the CA in the place of pki/web.pem, valid from and to so many days from now."""
    (folder / "san").write_text(
        f"subjectAltName=DNS:web.example,IP:10.0.0.1\nkeyUsage={usages[0]}\nextendedKeyUsage={usages[1]}\n", encoding="ascii")
    (folder / "index").write_text("", encoding="ascii")
    (folder / "serial").write_text("01\n", encoding="ascii")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=x\n[x]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n",
        encoding="ascii")
    now = datetime.datetime.now(datetime.timezone.utc)

    def when(days):
        return (now + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")

    subprocess.run(
        ["openssl", "ca", "-batch", "-config", "ca.cnf", "-cert", "pki/ca.pem", "-keyfile", "pki/ca-key.pem", "-in", "pki/web.csr",
         "-extfile", "san", "-notext", "-out", "pki/web.pem", "-startdate", when(begin_days), "-enddate", when(end_days)],
        cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(
    "begin, end, reason, state, days",
    [
        (-366, -1, "expired", "expired on", -2),
        (-265, 100, "expires-soon", "expires soon, on", 99),
        (1, 366, "not-yet-valid", "not valid before", 365),
        (-100, 250, "expiry", "expiry differs: spec 8760h, certificate 8400h", 249),
        (-115, 250, None, "good", 249),
    ],
)
def test_certs_tells_the_state(folder, begin, end, reason, state, days):
    provision(folder)
    issue(folder, begin, end)
    code, found = certs(folder)
    web = found["cert/web"]
    assert web["state"].startswith(state)
    assert web["reasons"] == ([reason] if reason else [])
    assert web["days-left"] in (days, days + 1), "rounded down"
    assert code == (0 if state == "good" else 2)
    # The next ninja makes it again, also one whose lifetime is not the spec's; then all is good.
    provision(folder)
    assert certs(folder)[0] == 0


def test_renew_before_moves_the_day(folder):
    (folder / "cluster.yaml").write_text(
        SPEC + "signing: {profiles: {kubernetes: {usages: [signing, server auth], expiry: 8760h, renew-before: 720h}}}\n", encoding="utf-8")
    provision(folder)
    for days, due in ((100, False), (31, False), (29, True)):  # 720h are 30 days; a third of a year would be 121
        issue(folder, days - 365, days, ("digitalSignature", "serverAuth"))
        before = (folder / "pki/web.pem").read_bytes()
        code, found = certs(folder)
        assert (code, found["cert/web"]["state"] != "good") == (2 if due else 0, due), days
        provision(folder)
        assert ((folder / "pki/web.pem").read_bytes() != before) == due, "what certs says is what ninja does"


def test_certs_says_what_the_spec_no_longer_says(folder):
    provision(folder)
    text = (folder / "cluster.yaml").read_text(encoding="utf-8")
    (folder / "cluster.yaml").write_text(text.replace("10.0.0.1", "10.0.0.2"), encoding="utf-8")
    code, found = certs(folder)
    web = found["cert/web"]
    assert (code, web["reasons"]) == (2, ["names"])
    assert web["state"] == "SAN differs: added ip 10.0.0.2, removed ip 10.0.0.1"
    subprocess.run([KPLAN, "gen", "cluster.yaml"], cwd=folder, check=True, capture_output=True, timeout=60)
    ran = subprocess.run(["ninja"], cwd=folder, check=True, capture_output=True, text=True, timeout=60)
    assert f"cert/web: {web['state']}\n" in ran.stdout, "what certs says is what ninja says"


def test_certs_of_a_damaged_file(folder):
    provision(folder)
    (folder / "pki/web.pem").write_text("-----BEGIN CERTIFICATE-----\nno\n", encoding="ascii")
    code, found = certs(folder)
    assert (code, found["cert/web"]["state"]) == (2, "damaged")


def test_a_spec_is_found_by_itself(folder):
    assert kplan(folder, "check")[1].startswith("cluster.yaml is good: ")
    assert kplan(folder, "gen")[0] == 0
    assert kplan(folder, "certs")[0] == 2
    empty = folder / "empty"
    empty.mkdir()
    for command in ("check", "gen", "certs"):
        code, _, err = kplan(empty, command)
        assert code == 1 and "cannot open cluster.yaml: No such file" in err and "`kplan init` writes" in err, err
    assert not list(empty.iterdir())


def test_a_spec_on_standard_input(folder):
    def read(text, *words):
        ran = subprocess.run([KPLAN, *words], cwd=folder, input=text, capture_output=True, text=True, timeout=60, check=False)
        return ran.returncode, ran.stdout, ran.stderr

    spec = (folder / "cluster.yaml").read_text(encoding="utf-8")
    assert read(spec, "check", "-")[1].startswith("standard input is good: ")
    code, _, err = read(spec + "hoss: {}\n", "check", "-")
    assert code == 65 and err.startswith("standard input:") and '"hoss"' in err, err
    assert read(spec, "plan", "-")[0] == 2
    code, _, err = read(spec, "gen", "-")
    assert code == 1 and "gen needs a file" in err
    assert sorted(path.name for path in folder.iterdir()) == ["cluster.yaml"]


def test_a_spec_that_comes_slowly(folder):
    spec = (folder / "cluster.yaml").read_bytes()
    with subprocess.Popen([KPLAN, "check", "-"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for byte in range(0, len(spec), 7):
            process.stdin.write(spec[byte : byte + 7])
            process.stdin.flush()
        process.stdin.close()
        assert process.stdout.read().startswith(b"standard input is good: ")
    assert process.returncode == 0


@pytest.mark.parametrize("word, answer", [
    ("validate", "`kplan check cluster.yaml`"), ("up", "`kplan apply cluster.yaml`"), ("deploy", "`kplan apply cluster.yaml`"),
    ("verify", "`ninja verify`")])
def test_words_of_other_tools_are_answered(folder, word, answer):
    code, out, err = kplan(folder, word)
    assert code == 64 and out == "" and answer in err, err


def test_every_way_to_ask_for_the_version(folder):
    said = kplan(folder, "--version")
    assert said[0] == 0 and re.fullmatch(r"kplan \d+\.\d+\.\d+\n", said[1]), said
    for word in ("version", "-v", "-V"):
        assert kplan(folder, word) == said


@pytest.mark.parametrize("words", [["plan"], ["show"], ["graph", "--format=html"], ["status"], ["help", "gen"]], ids=lambda it: it[0])
def test_a_reader_that_has_read_enough(folder, words):
    provision(folder)
    codes = {"plan": 0, "status": 0}
    with subprocess.Popen([KPLAN, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (codes.get(words[0], 0), b"")


@pytest.mark.parametrize("words", [["plan"], ["show"], ["graph", "--format=html"], ["status"], ["check"], ["--version"]], ids=lambda it: it[0])
def test_output_that_cannot_be_written_is_an_error(folder, words):
    provision(folder)
    with open("/dev/full", "wb") as full:
        ran = subprocess.run([KPLAN, *words], cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert ran.returncode == 1 and "cannot write to stdout: No space left on device" in ran.stderr, ran
