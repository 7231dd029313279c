"""Hostile strings in every string of cluster.yaml: refused with the place, or found byte for byte where they belong.

Each field of the spec meets each value of VALUES. What is accepted must give exactly the files of a harmless value with
the one text in place of the other: the same edges and commands, the same directives of the unit, the same arguments of
etcd. What is refused leaves nothing behind, and no control character on the terminal.
"""

import calendar
import collections
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
import unicodedata

import pytest

import cluster as clusters
import harness

VALUES = {
    "variable": "$HOME",
    "braces": "${HOME}",
    "ninja variable": "$kplan $in $out $$",
    "ninja line end": "$\n  command = touch PWNED",
    "command": "$(touch PWNED)",
    "backticks": "`touch PWNED`",
    "specifier": "%h",
    "percents": "%%",
    "percent": "100%",
    "space": "a b",
    "leading space": " a",
    "trailing space": "a ",
    "single quote": "it's",
    "double quote": 'a "b" c',
    "quote at the end": 'a"',
    "backslash": "a\\b",
    "backslash at the end": "a\\",
    "escapes": "\\n\\x41\\u0041",
    "line end": "a\nb",
    "directive": "a\nExecStartPre=/usr/bin/touch PWNED",
    "section": "a\n[Service]\nUser=root",
    "edge": "a\nbuild PWNED: phony",
    "carriage return": "a\rb",
    "tab": "a\tb",
    "nul": "a\0b",
    "escape": "a\x1b[31mb",
    "delete": "a\x7fb",
    "bell": "a\x07b",
    "C1 control": "a\u009b31mb",
    "next line": "a\u0085b",
    "line separator": "a\u2028b",
    "upwards": "../../x",
    "absolute": "/etc/passwd",
    "dot": ".",
    "dots": "..",
    "options": "-rf",
    "flag": "--flag",
    "semicolon": "a; touch PWNED",
    "lone semicolon": ";",
    "and": "a && touch PWNED",
    "pipe": "a | touch PWNED",
    "pipes": "a || b |@ c",
    "redirection": "a > PWNED",
    "colon": "a:b",
    "hash": "#",
    "comment": "a #b",
    "equals": "a=b",
    "comma": "a,DNS:evil.example",
    "star": "*",
    "braces of YAML": "{}",
    "brackets": "[a]",
    "slash": "CN=x/O=y",
    "plus": "a+b",
    "at": "@a",
    "bang": "!a",
    "lower bound": "<a>",
    "composed": "M\u00fcnchen",
    "decomposed": "Mu\u0308nchen",
    "right to left": "a\u202ecod.exe",
    "isolate": "a\u2066b\u2069",
    "zero width": "a\u200bb",
    "emoji": "\U0001f980",
    "Japanese": "\u65e5\u672c",
    "long": "a" * 10_000,
    "null": "null",
    "tilde": "~",
    "true": "true",
    "no": "no",
    "infinity": ".inf",
    "hexadecimal": "0x10",
    "float": "1e3",
    "huge number": "9" * 40,
    "negative number": "-1",
    "date": "2001-01-01",
    "document": "---",
    "merge": "<<",
    "alias": "*a",
    "anchor": "&a",
    "variable of kplan": "$name",
    "other variable": "$names",
}

SPEC = """\
apiVersion: kplan.dev/v1
kind: Cluster
metadata: {name: prod}
hosts:
  worker: {address: 10.0.0.11, root: rootfs, arch: amd64, service-manager: process}
ca:
  CN: authority
  names: [{C: US, ST: Oregon, L: Portland, O: Kubernetes, OU: CA}]
  key: {algo: ecdsa, size: 256}
  expiry: 43800h
signing: {profiles: {server: {usages: [signing, server auth, client auth], expiry: 8760h}}}
certs:
  serving:
    CN: leaf
    names: [{C: DE, ST: Bayern, L: Erlangen, O: Verein, OU: Vorstand}]
    key: {algo: ecdsa, size: 384}
    profile: server
    hosts: [127.0.0.1, names.example]
etcd:
  version: 3.5.32
  archive: {path: etcd.tar.gz, sha256: 3bd00836ea328db89ecba3ed2155293934c0d09e64b53d6c9dfc0a256e724b81}
  cert: serving
  initial-cluster-token: blue-1
  members: [worker]
  flags: {name: alpha, experimental-enable-distributed-tracing: true, experimental-distributed-tracing-service-name: bar}
  unit: {Service: {LimitNOFILE: 65536}}
verify: {refuse: [no-cert]}
"""

# OLD stands once in SPEC; NEW replaces it, with the value at @it@. HARMLESS is a value that nobody minds; the value is
# put into WRAP first.
Field = collections.namedtuple("Field", "old new harmless wrap", defaults=["{}"])
TEXT_FLAG = "experimental-distributed-tracing-service-name"  # of etcd 3.5: any text
DIGEST = "3bd00836ea328db89ecba3ed2155293934c0d09e64b53d6c9dfc0a256e724b81"


def there(old, harmless):
    """The field whose harmless value stands in SPEC itself, within the unique text OLD."""
    return Field(old, old.replace(harmless, "@it@"), harmless)


def flag(name, harmless="harmless", wrap="{}"):
    return Field(f"{TEXT_FLAG}: bar", f"{name}: @it@", harmless, wrap)


def unit(section, key, harmless="harmless", wrap="{}"):
    return Field("{Service: {LimitNOFILE: 65536}}", f"{{{section}: {{{key}: @it@}}}}", harmless, wrap)


def url(wrap):
    return Field("path: etcd.tar.gz", "url: @it@", "harmless", wrap)


# Where any text on one line is good.
FREE = {
    "ca.CN": there("authority", "authority"),
    "ca.O": there("Kubernetes", "Kubernetes"),
    "ca.OU": there("OU: CA", "CA"),
    "ca.ST": there("Oregon", "Oregon"),
    "ca.L": there("Portland", "Portland"),
    "cert.O": there("Verein", "Verein"),
    "cert.OU": there("Vorstand", "Vorstand"),
    "cert.ST": there("Bayern", "Bayern"),
    "cert.L": there("Erlangen", "Erlangen"),
    "metadata.name": there("name: prod}", "prod"),
    "etcd.initial-cluster-token": there("blue-1", "blue-1"),
    "etcd.unit.Unit.Description": unit("Unit", "Description"),
    "etcd.unit.Service.Environment": unit("Service", "Environment", wrap="A={}"),
    # etcd's flags of 3.5 that take any text.
    "etcd.flags.experimental-distributed-tracing-service-name": flag(TEXT_FLAG),
    "etcd.flags.host-whitelist": flag("host-whitelist"),
}

# Where a text has a form, or a place among others.
FORMED = {
    "apiVersion": there("kplan.dev/v1", "kplan.dev/v1"),
    "kind": there("kind: Cluster", "Cluster"),
    "host": there("  worker: {", "worker"),
    "host.address": there("10.0.0.11", "10.0.0.11"),
    "host.root": there("rootfs", "rootfs"),
    "host.root's part": Field("rootfs", "@it@", "harmless", "/srv/{}/root"),
    "host.arch": there("arch: amd64", "amd64"),
    "host.service-manager": there("process", "process"),
    "ca.C": there("C: US", "US"),
    "ca.key.algo": there("algo: ecdsa, size: 256", "ecdsa"),
    "ca.key.size": there("size: 256", "256"),
    "ca.expiry": there("43800h", "43800h"),
    "profile": Field("{server: {", "{@it@: {usages: [signing]}, server: {", "harmless"),
    "profile.usage": there("usages: [signing,", "signing"),
    "profile.expiry": there("8760h", "8760h"),
    "cert": there("  serving:\n", "serving"),
    "cert's part": Field("  serving:\n", "  @it@:\n", "harmless", "a-{}-b"),
    "cert.C": there("C: DE", "DE"),
    "ca.SerialNumber": Field("{C: US, ST", "{SerialNumber: @it@, C: US, ST", "harmless"),
    "ca.key.passphrase-file": Field("size: 256}", "size: 256, passphrase-file: @it@}", "harmless"),
    "ca.key.passphrase-env": Field("size: 256}", "size: 256, passphrase-env: @it@}", "harmless"),
    "ca.key.format": Field("size: 256}", "size: 256, format: @it@}", "pkcs8"),
    "ca.backdate": Field("  expiry: 43800h", "  expiry: 43800h\n  backdate: @it@", "1h"),
    "ca.max_path_len": Field("  expiry: 43800h", "  ca_constraint: {max_path_len: @it@}", "7"),
    "ca.excluded": Field("  expiry: 43800h", "  name-constraints: {excluded: [@it@]}", "harmless", "uri:{}.example.com"),
    "ca.crl-expiry": Field("  expiry: 43800h", "  crl-expiry: @it@", "100h"),
    "ca.cert": Field("ca:\n", "cas: {corp: {cert: @it@}}\nca:\n", "harmless"),
    "ca.key's file": Field("ca:\n", "cas: {corp: {cert: a.pem, key: @it@}}\nca:\n", "harmless"),
    "cas' name": Field("ca:\n", "cas: {@it@: {CN: other}}\nca:\n", "harmless", "d-{}"),
    "cas.CN": Field("ca:\n", "cas: {other: {CN: @it@}}\nca:\n", "harmless"),
    "signing.compat": Field("signing: {", "signing: {compat: @it@, ", "cfssl"),
    "profile.crl_url": Field("expiry: 8760h}", "crl_url: @it@}", "http://example.com/harmless"),
    "profile.crl_url's path": Field("expiry: 8760h}", "crl_url: @it@}", "harmless", "http://example.com/{}"),
    "profile.ocsp_url's path": Field("expiry: 8760h}", "ocsp_url: @it@}", "harmless", "http://example.com/{}"),
    "profile.issuer_urls' path": Field("expiry: 8760h}", "issuer_urls: [@it@]}", "harmless", "http://example.com/{}"),
    "cert.ca": Field("CN: leaf", "CN: leaf\n    ca: @it@", "ca"),
    "cert.key-generation": Field("CN: leaf", "CN: leaf\n    key-generation: @it@", "77"),
    "cert.files": Field("CN: leaf", "CN: leaf\n    files: [@it@]", "bundle"),
    "cert.pkcs12.passphrase-file": Field("CN: leaf", "CN: leaf\n    pkcs12: {passphrase-file: @it@}", "harmless"),
    "revoked.cert": Field("etcd:\n", "revoked: [{cert: @it@, date: 2026-11-22}]\netcd:\n", "serving"),
    "revoked.serial": Field("etcd:\n", "revoked: [{serial: @it@}]\netcd:\n", "feed"),
    "revoked.reason": Field("etcd:\n", "revoked: [{serial: 12, reason: @it@}]\netcd:\n", "superseded"),
    "revoked.date": Field("etcd:\n", "revoked: [{serial: 12, date: @it@}]\netcd:\n", "2026-11-22"),
    "cert.CN": there("CN: leaf", "leaf"),
    "cert.CN per host": Field("CN: leaf", "CN: @it@\n    per: host", "harmless"),
    "cert.hosts per host": Field("names.example]", "@it@]\n    per: host", "harmless"),
    "cert.key.algo": there("algo: ecdsa, size: 384", "ecdsa"),
    "cert.key.size": there("384", "384"),
    "cert.profile": there("profile: server", "server"),
    "cert.per": Field("CN: leaf", "per: @it@", "host"),
    "cert.hosts": there("names.example", "names.example"),
    "cert.hosts, label": Field("names.example", "@it@", "harmless", "{}.example.com"),
    "cert.hosts, mailbox": Field("names.example", "@it@", "harmless", "{}@example.com"),
    "cert.hosts, domain": Field("names.example", "@it@", "harmless", "admin@{}"),
    "cert.hosts, authority": Field("names.example", "@it@", "harmless", "spiffe://{}/etcd"),
    "cert.hosts, path": Field("names.example", "@it@", "harmless", "spiffe://example.com/{}"),
    "cert.hosts, scheme": Field("names.example", "@it@", "harmless", "{}://example.com/"),
    "etcd.version": there("3.5.32", "3.5.32"),
    "etcd.archive.path": there("etcd.tar.gz", "etcd.tar.gz"),
    "etcd.archive.path's part": Field("etcd.tar.gz", "@it@", "harmless", "downloads/{}/etcd.tar.gz"),
    "etcd.archive.url": Field("path: etcd.tar.gz", "url: @it@", "https://example.com/etcd.tar.gz"),
    "etcd.archive.url's host": url("https://{}/etcd.tar.gz"),
    "etcd.archive.url's path": url("https://example.com/{}/etcd.tar.gz"),
    "etcd.archive.url's file": url("https://example.com/{}"),
    "etcd.archive.sha256": there(DIGEST, DIGEST),
    "etcd.archive.sha256 of amd64": Field(DIGEST, "{amd64: @it@}", DIGEST),
    "etcd.archive.sha256's key": Field(DIGEST, "{amd64: " + DIGEST + ", @it@: " + DIGEST + "}", "arm64"),
    "etcd.cert": there("  cert: serving", "serving"),
    "etcd.members": there("[worker]", "worker"),
    "etcd.flags' key": Field(f"{TEXT_FLAG}: bar", "@it@: bar", TEXT_FLAG),
    "etcd.flags' key's part": Field(f"{TEXT_FLAG}: bar", "@it@: bar", "distributed-tracing-service-name", "experimental-{}"),
    "etcd.flags.auth-token": flag("auth-token", "simple"),
    "etcd.flags.auth-token's part": flag("auth-token", wrap="jwt,sign-method={}"),
    "etcd.flags.auto-compaction-mode": flag("auto-compaction-mode", "periodic"),
    "etcd.flags.auto-compaction-retention": flag("auto-compaction-retention", "1h"),
    "etcd.flags.backend-bbolt-freelist-type": flag("backend-bbolt-freelist-type", "map"),
    "etcd.flags.cipher-suites": flag("cipher-suites", "TLS_AES_128_GCM_SHA256"),
    "etcd.flags.client-cert-allowed-hostname": flag("client-cert-allowed-hostname"),
    "etcd.flags.cors": flag("cors", "*"),
    "etcd.flags.log-level": flag("log-level", "info"),
    "etcd.flags.log-outputs": flag("log-outputs", "stderr"),
    "etcd.flags.log-outputs' part": flag("log-outputs", wrap="/var/log/{}"),
    "etcd.flags.log-rotation-config-json": flag("log-rotation-config-json", wrap='{{"a": "{}"}}'),
    "etcd.flags.logger": flag("logger", "zap"),
    "etcd.flags.metrics": flag("metrics", "extensive"),
    "etcd.flags.peer-cert-allowed-cn": flag("peer-cert-allowed-cn"),
    "etcd.flags.peer-cert-allowed-hostname": flag("peer-cert-allowed-hostname"),
    "etcd.flags.tls-max-version": flag("tls-max-version", "TLS1.3"),
    "etcd.flags.tls-min-version": flag("tls-min-version", "TLS1.2"),
    "etcd.flags.v2-deprecation": flag("v2-deprecation", "not-yet"),
    "etcd.flags.name": there("name: alpha", "alpha"),
    "etcd.flags.initial-cluster": Field("name: alpha", "name: alpha, initial-cluster: @it@", "alpha=http://localhost:2380"),
    "etcd.flags.advertise-client-urls": flag("advertise-client-urls", "https://127.0.0.1:2379"),
    "etcd.flags.backend-batch-interval": flag("backend-batch-interval", "100ms"),
    "etcd.flags.client-crl-file": flag("client-crl-file", "/etc/etcd/crl.der"),
    "etcd.flags.client-crl-file's part": flag("client-crl-file", wrap="/etc/{}/crl.der"),
    "etcd.flags.enable-pprof": flag("enable-pprof", "true"),
    "etcd.flags.initial-advertise-peer-urls": flag("initial-advertise-peer-urls", "http://127.0.0.1:2380"),
    "etcd.flags.initial-advertise-peer-urls' host": flag("initial-advertise-peer-urls", wrap="http://{}:2380"),
    "etcd.flags.listen-client-urls": flag("listen-client-urls", "https://127.0.0.1:2379"),
    "etcd.flags.listen-metrics-urls": flag("listen-metrics-urls", "http://127.0.0.1:2381"),
    "etcd.flags.listen-metrics-urls' host": flag("listen-metrics-urls", wrap="http://{}:2381"),
    "etcd.flags.listen-peer-urls": flag("listen-peer-urls", "http://127.0.0.1:2380"),
    "etcd.flags.snapshot-count": flag("snapshot-count", "4711"),
    "etcd.unit's section": Field("{Service: {L", "{@it@: {L", "Service"),
    "etcd.unit's key": there("LimitNOFILE", "LimitNOFILE"),
    "etcd.unit.Service.LimitNOFILE": there("65536", "65536"),
    "etcd.unit.Service.User": unit("Service", "User", "nobody"),
    "etcd.unit.Service.Group": unit("Service", "User: root, Group", "nogroup"),
    "etcd.unit.Install.WantedBy": unit("Install", "WantedBy", "harmless.target"),
    "verify.refuse": there("no-cert", "no-cert"),
}
# Where a key of kplan's own belongs, and any other is unknown.
UNKNOWN = {
    "key": ("verify:", "@it@: {}\nverify:"),
    "host's key": ("arch: amd64", "@it@: amd64"),
    "ca's key": ("  expiry: 43800h", "  @it@: 43800h"),
    "name's key": ("ST: Bayern", "@it@: Bayern"),
    "cert's key": ("    profile: server", "    @it@: server"),
    "archive's key": ("path: etcd.tar.gz", "path: etcd.tar.gz, @it@: b"),
    "etcd's key": ("  cert: serving", "  cert: serving\n  @it@: b"),
}
FIELDS = FREE | FORMED

# Names that stand in two places, and have to change in both.
_ALSO = {
    "cert": there("  cert: serving", "serving"),
    "cert's part": there("  cert: serving", "serving"),
    "host": there("[worker]", "worker"),
}


def quoted(text):
    """TEXT as a double-quoted scalar of YAML: whatever it holds, it is this one value."""
    out = ""
    for char in text:
        if char in '"\\':
            out += "\\" + char
        elif unicodedata.category(char) in ("Cc", "Zl", "Zp"):
            out += f"\\u{ord(char):04x}"
        else:
            out += char
    return f'"{out}"'


def spec_with(name, value):
    """(cluster.yaml with VALUE in the field NAME, the text that the field then has)."""
    field = FIELDS[name]
    whole = field.wrap.format(value)
    text = SPEC
    for each in [field, *([_ALSO[name]] if name in _ALSO else [])]:
        assert SPEC.count(each.old) == 1, f"{each.old!r} must stand in SPEC once"
        text = text.replace(each.old, each.new.replace("@it@", quoted(whole)))
    return text


class Generated:
    """What one `kplan gen` said and wrote."""

    def __init__(self, base, spec):
        self.folder = base / "out"
        shutil.rmtree(self.folder, ignore_errors=True)
        (base / "cluster.yaml").write_text(spec, encoding="utf-8")
        ran = subprocess.run(
            [harness.KPLAN, "gen", "-C", "out", "cluster.yaml"], cwd=base, capture_output=True, timeout=60, check=False)
        self.code, self.out, self.err = ran.returncode, ran.stdout.decode(), ran.stderr.decode()
        self.left = sorted(os.listdir(base))
        if self.code != 0:
            return
        self.ninja_file = (self.folder / "build.ninja").read_text(encoding="utf-8")
        self.records = {}
        for shard in sorted((self.folder / ".kplan/steps").glob("*.json")):
            self.records.update(json.loads(shard.read_text(encoding="utf-8")))
        self.plan = json.loads((self.folder / ".kplan/plan.json").read_text(encoding="utf-8"))
        renders = [label for label in self.records if label.startswith("render/")]
        assert len(renders) == 1
        self.unit = directives(self.records[renders[0]].pop("content"))
        services = [record for label, record in self.records.items() if label.startswith("service/")]
        assert len(services) == 1
        self.argv = ["".join(argument) for argument in services[0]["argv"]]

    def ninja(self, *argv):
        ran = subprocess.run(["ninja", *argv], cwd=self.folder, capture_output=True, timeout=60, check=True)
        return sorted(ran.stdout.decode().splitlines())


def directives(text):
    """[(section, key, value)] of a unit as systemd reads it (systemd.syntax(7)): comments, continued lines."""
    found, section, lines = [], None, iter(text.split("\n"))
    for line in lines:
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        while line.endswith("\\"):
            line = line[:-1] + " " + next(lines)
        if line.startswith("["):
            section = line
        else:
            key, equals, value = line.partition("=")
            assert equals, f"no directive: {line!r}"
            found.append((section, key.strip(), value.strip()))
    return found


def exec_words(text):
    """The arguments that systemd makes of an ExecStart: quotes, escapes, %% and $$ (systemd.service(5), Command lines).

    Only what stands for itself is allowed: a specifier, a variable, an escape of another kind or a second command fails.
    """
    words, word, quote, chars = [], None, "", iter(text)
    assert " ; " not in f"{text} ", f"a second command in {text!r}"
    for char in chars:
        if char == "\\":
            char = next(chars)
            assert char in '"\\', f"an escape in {text!r}"
        elif char in "%$":
            assert next(chars) == char, f"a specifier or variable in {text!r}"
        elif char == quote:
            quote = ""
            continue
        elif not quote and char in "\"'":
            quote, word = char, word or ""
            continue
        elif not quote and char in " \t":
            if word is not None:
                words.append(word)
            word = None
            continue
        word = (word or "") + char
    assert not quote
    return words + ([] if word is None else [word])


def replaced(json_value, old, new):
    if isinstance(json_value, str):
        return json_value.replace(old, new)
    if isinstance(json_value, list):
        return [replaced(item, old, new) for item in json_value]
    if isinstance(json_value, dict):
        return {replaced(key, old, new): replaced(item, old, new) for key, item in json_value.items()}
    return json_value


def check_terminal(text):
    """Nothing but characters that leave the terminal, and the order of the text on it, as they are."""
    bad = {f"U+{ord(c):04X}" for c in text if c != "\n" and (unicodedata.category(c) in ("Cc", "Zl", "Zp") or unicodedata.bidirectional(
        c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))}
    assert not bad, f"{sorted(bad)} in {text!r}"
    assert len(text) < 10_000, f"{len(text)} characters"


def check_refused(generated, left):
    assert generated.code == 65, (generated.code, generated.err)
    assert re.match(r"cluster\.yaml:\d+:\d+: error: ", generated.err), generated.err
    assert re.search(r"^ +\d+ \| .*\n +\| +\^", generated.err, re.MULTILINE), generated.err
    assert generated.out == ""
    assert generated.left == left


def dns_spelling(text):
    """The one spelling of a DNS name: lower case, A-labels (for those of VALUES RFC 3490 has the same ones)."""
    return text.lower() if text.isascii() else text.encode("idna").decode()


def expected_records(name, harmless, value):
    """The records that VALUE must give: those of the harmless value, but for the one text."""
    old = FIELDS[name].harmless
    if name.endswith("per host") or name.startswith("etcd.flags."):
        value = value.replace("$name", "worker")  # a variable, there and nowhere else
    if name in ("cert.hosts", "cert.hosts, label", "cert.hosts, domain", "cert.hosts per host", "ca.excluded"):
        value = dns_spelling(value)
    if name == "revoked.serial":
        value = f"{int(value, 10 if value.isdecimal() else 16):x}"
    if name == "revoked.date":
        old, value = (str(int(calendar.timegm(time.strptime(day, "%Y-%m-%d")))) for day in (old, value))
    records = replaced(harmless.records, old, value)
    if "etcd.archive.url" in name:
        records["archive/etcd"]["path"] = records["unpack/etcd"]["archive"] = (
            "archives/" + FIELDS[name].wrap.format(value).rpartition("/")[2])
    verify = records["verify/etcd"]
    (member,) = verify["members"]
    token = value if name == "etcd.initial-cluster-token" else "blue-1"
    member["id"] = clusters.member_id("".join(member["peer-urls"]), token)
    verify["cluster-id"] = hashlib.sha1(bytes.fromhex(member["id"].rjust(16, "0"))).hexdigest()[:16].lstrip("0")
    return records


def check_accepted(name, generated, harmless, value):
    old = FIELDS[name].harmless
    digests = re.compile(r"\b[0-9a-f]{64}\b")
    assert generated.records == expected_records(name, harmless, value)
    ninja_file, harmless_file = (digests.sub("", each.ninja_file) for each in (generated, harmless))
    if ninja_file != harmless_file:
        # The field is in labels: then it is of the characters that labels have, and nothing else changes.
        assert re.fullmatch(r"[A-Za-z0-9._/-]+", value), value
        assert ninja_file == harmless_file.replace(old, value)
        for tool in (("-t", "targets", "all"), ("-t", "commands")):
            mine, theirs = ([digests.sub("", line) for line in each.ninja(*tool)] for each in (generated, harmless))
            assert mine == sorted(line.replace(old, value) for line in theirs)
    assert [(section, key) for section, key, _ in generated.unit] == [(section, key) for section, key, _ in harmless.unit]
    for (_, key, text), (_, _, harmless_text) in zip(generated.unit, harmless.unit):
        if key == "ExecStart":
            assert exec_words(text) == generated.argv
        else:
            assert text == harmless_text.replace(old, value)
    steps = [{**step, "digest": ""} for step in generated.plan["steps"]]
    assert steps == [{**step, "digest": ""} for step in replaced(harmless.plan["steps"], old, value)]


@pytest.fixture(name="base", scope="module")
def fixture_base():
    base = harness.make_folder("hostile")
    yield base
    pwned = [os.path.join(folder, name) for folder, _, names in os.walk(base) for name in names if "PWNED" in name]
    shutil.rmtree(base)
    assert not pwned, pwned


@pytest.mark.parametrize("name", FIELDS)
def test_refused_or_found_byte_for_byte(base, name):
    harmless_base = base / "harmless"
    harmless_base.mkdir(exist_ok=True)
    harmless = Generated(harmless_base, spec_with(name, FIELDS[name].harmless))
    assert harmless.code == 0, harmless.err
    assert any("touch" not in command and " step " in command for command in harmless.ninja("-t", "commands"))
    hostile_base = base / "hostile"
    hostile_base.mkdir(exist_ok=True)
    wrong, accepted = [], set()
    for what, value in VALUES.items():
        generated = Generated(hostile_base, spec_with(name, value))
        try:
            check_terminal(generated.err)
            check_terminal(generated.out)
            if generated.code == 0:
                accepted.add(what)
                check_accepted(name, generated, harmless, value)
            else:
                check_refused(generated, ["cluster.yaml"])
        except (AssertionError, StopIteration) as error:
            wrong.append(f"{what} ({value[:60]!r}): {str(error)[:1500]}")
        shutil.rmtree(generated.folder, ignore_errors=True)
    assert not wrong, "\n".join(wrong)
    if name in FREE:
        # Text is text, but for what looks like a variable (tests/bad_specs/variables.yaml).
        assert not {"backticks", "space", "semicolon", "composed", "Japanese", "null"} - accepted
    # A line end is the end of a directive, of an edge, of a line on the terminal: nowhere.
    assert not {"line end", "directive", "section", "edge", "carriage return", "nul", "escape"} & accepted, accepted


# A cluster of one, reached by ssh: every text that only a cluster has.
CLUSTER = """\
metadata: {name: prod}
hosts:
  etcd-1: {address: 10.0.0.11, ssh: "ops@ssh.example:2222", become: sudo, root: /srv/box, service-manager: process}
ca: {CN: authority, key: {algo: ecdsa, size: 256}}
certs: {serving: {hosts: [10.0.0.11], key: {algo: ecdsa, size: 256}}}
etcd:
  version: 3.4.15
  members: [etcd-1]
  initial-cluster-token: blue-1
  tls: {server: serving, peer: serving, client: serving}
  flags: {initial-cluster-state: new}
rollout: {max-unavailable: 1}
"""
# The text in CLUSTER, what replaces it, and what the value is put into.
CLUSTER_FIELDS = {
    "ssh": ("ops@ssh.example:2222", "{}"),
    "ssh's user": ("ops@ssh.example:2222", "{}@ssh.example"),
    "ssh's host": ("ops@ssh.example:2222", "ops@{}"),
    "ssh's port": ("ops@ssh.example:2222", "ssh.example:{}"),
    "become": ("sudo", "{}"),
    "root": ("/srv/box", "{}"),
    "root's part": ("/srv/box", "/srv/{}"),
    "address": ("10.0.0.11, ssh", "{}"),
    "token": ("blue-1", "{}"),
    "name as token": ("prod", "{}"),
    "state": ("initial-cluster-state: new", "{}"),
    "tls.server": ("server: serving", "{}"),
    "tls.peer": ("peer: serving", "{}"),
    "tls.client": ("client: serving", "{}"),
    "max-unavailable": ("max-unavailable: 1", "{}"),
}


def cluster_with(field, value):
    old, wrap = CLUSTER_FIELDS[field]
    text = CLUSTER.replace("  initial-cluster-token: blue-1\n", "") if field == "name as token" else CLUSTER
    text = text.replace('"ops@ssh.example:2222"', "ops@ssh.example:2222")
    assert text.count(old) == 1, old
    written = quoted(wrap.format(value))
    if ": " in old:
        written = old.partition(": ")[0] + ": " + written
    return text.replace(old, written + (", ssh" if old.endswith(", ssh") else ""))


def shell_words(line):
    """What a POSIX shell makes of NAME=VALUE, which systemd's EnvironmentFile is a subset of; nothing may expand."""
    ran = subprocess.run(["env", "-i", "sh", "-c", f"{line}\nprintf %s \"$T\""], capture_output=True, timeout=60, check=True)
    assert ran.stderr == b""
    return ran.stdout.decode()


@pytest.mark.parametrize("field", CLUSTER_FIELDS)
def test_of_a_cluster(base, field):
    folder = base / "cluster"
    folder.mkdir(exist_ok=True)

    def generate(spec):
        shutil.rmtree(folder / "out", ignore_errors=True)
        (folder / "cluster.yaml").write_text(spec, encoding="utf-8")
        ran = subprocess.run([harness.KPLAN, "gen", "-C", "out", "cluster.yaml"], cwd=folder, capture_output=True, timeout=60, check=False)
        check_terminal(ran.stderr.decode())
        check_terminal(ran.stdout.decode())
        if ran.returncode != 0:
            assert ran.returncode == 65 and os.listdir(folder) == ["cluster.yaml"], ran
            assert re.match(r"cluster\.yaml:\d+:\d+: error: ", ran.stderr.decode()), ran.stderr
            return None
        records = {}
        for shard in (folder / "out/.kplan/steps").glob("*.json"):
            records.update(json.loads(shard.read_text(encoding="utf-8")))
        ninja_file = (folder / "out/build.ninja").read_text(encoding="utf-8")
        return records, re.sub(r"[0-9a-f]{64}", "", ninja_file)

    harmless, harmless_ninja = generate(CLUSTER)
    unit = "render/etcd-1/etc/systemd/system/etcd.service"
    keys = [(section, key) for section, key, _ in directives(harmless[unit]["content"])]
    accepted, wrong = set(), []
    for what, value in VALUES.items():
        try:
            generated = generate(cluster_with(field, value))
            if generated is None:
                continue
            accepted.add(what)
            records, ninja_file = generated
            # What steps there are, and what ninja runs, no value changes but for the digests; an address is what a
            # person reads beside a step.
            assert set(records) == set(harmless)
            assert ninja_file == harmless_ninja
            assert [(section, key) for section, key, _ in directives(records[unit]["content"])] == keys
            host = records["host/etcd-1"]
            for part in (host["ssh-user"], host["ssh-host"]):
                assert re.fullmatch(r"([A-Za-z0-9_.][A-Za-z0-9_.-]*)?", part), part
            if field == "ssh":
                assert value == (host["ssh-user"] + "@" if host["ssh-user"] else "") + host["ssh-host"]
            assert host.get("become", "sudo") == "sudo"
            assert re.fullmatch(r"/[A-Za-z0-9/._+@=~-]*", host["root"])
            bootstrap = records["render/etcd-1/etc/etcd/bootstrap.env"]["content"].splitlines()
            assert [line.partition("=")[0] for line in bootstrap] == [
                "ETCD_INITIAL_CLUSTER", "ETCD_INITIAL_CLUSTER_STATE", "ETCD_INITIAL_CLUSTER_TOKEN"]
            assert bootstrap[:2] == ["ETCD_INITIAL_CLUSTER=etcd-1=https://10.0.0.11:2380", "ETCD_INITIAL_CLUSTER_STATE=new"]
            token = value if field in ("token", "name as token") else "blue-1"
            quoted_token = bootstrap[2].partition("=")[2]
            assert re.fullmatch(r'[A-Za-z0-9._:/=,\[\]-]+|"(?:[^"\\`$]|\\["\\`$])*"', quoted_token), quoted_token
            assert shell_words("T=" + quoted_token) == token
            assert records["survey/etcd"]["members"][0]["id"] == clusters.member_id("https://10.0.0.11:2380", token)
            assert host["cluster"] == (value if field == "name as token" else "prod")
        except AssertionError as error:
            wrong.append(f"{what} ({value[:60]!r}): {str(error)[:1500]}")
    assert not wrong, "\n".join(wrong)
    expected = {
        "token": {"backticks", "space", "semicolon", "quote at the end", "backslash", "comment", "Japanese"},
        "name as token": {"backticks", "space", "semicolon", "quote at the end", "backslash", "comment", "Japanese"},
        "ssh's host": {"no", "true", "hexadecimal"},
        "ssh's user": {"no", "true", "hexadecimal"},
        "root": {"absolute"},
    }
    assert expected.get(field, set()) <= accepted, accepted
    assert not {"line end", "directive", "section", "edge", "carriage return", "nul", "escape"} & accepted, accepted
    if field not in ("token", "name as token"):
        assert not {"command", "space", "semicolon", "variable", "single quote"} & accepted, accepted
    if field.startswith("ssh"):
        assert not {"options", "flag"} & accepted, accepted


@pytest.mark.parametrize("where", UNKNOWN)
def test_unknown_key_is_refused(base, where):
    hostile_base = base / "hostile"
    hostile_base.mkdir(exist_ok=True)
    old, new = UNKNOWN[where]
    assert SPEC.count(old) == 1
    wrong = []
    for what, value in VALUES.items():
        generated = Generated(hostile_base, SPEC.replace(old, new.replace("@it@", quoted(value))))
        try:
            check_terminal(generated.err)
            check_refused(generated, ["cluster.yaml"])
        except AssertionError as error:
            wrong.append(f"{what} ({value[:60]!r}): {str(error)[:1500]}")
    assert not wrong, "\n".join(wrong)


def name_of(text, field):
    """The value of the attribute FIELD in what `openssl x509 -nameopt sep_multiline,utf8` printed."""
    values = [line.strip().partition("=")[2] for line in text.splitlines() if line.strip().startswith(f"{field}=")]
    assert len(values) == 1, text
    return values[0]


@pytest.fixture(name="pki")
def fixture_pki():
    folder = harness.make_folder("hostile-pki", owner=harness.NOBODY)
    runner = harness.Here(harness.NOBODY)
    harness.copy_file(harness.KPLAN, folder / "kplan", mode=0o755)
    runner.run(["mkdir", folder / "project"]).ok()
    project = harness.Project(folder / "project", runner, folder / "kplan")
    yield project
    shutil.rmtree(folder)


def issued(project, fields, sans):
    """Makes the CA and the leaf with the texts {field: value} in both subjects and the hosts SANS; None when refused.

    Otherwise what openssl reads in the two: [(subject, "subjectAltName" line), ...] of CA and leaf.
    """
    names = ", ".join(f"{field}: {quoted(value)}" for field, value in fields.items() if field != "CN")
    spec = "hosts: {worker: {root: rootfs, service-manager: none}}\n"
    spec += f"ca: {{CN: {quoted(fields['CN'])}, names: [{{{names}}}], key: {{algo: ecdsa, size: 256}}}}\n"
    spec += f"certs: {{leaf: {{CN: {quoted(fields['CN'] if '$' not in fields['CN'] else 'leaf')}, names: [{{{names}, C: US}}], key: {{algo: ecdsa, size: 256}}, "
    spec += "hosts: [" + ", ".join(map(quoted, sans)) + "]}}\n"
    project.run("rm", "-rf", "pki", ".kplan", "build.ninja", "cluster.yaml").ok()
    project.spec = spec
    generated = project.gen()
    if generated.code != 0:
        check_refused_text(generated)
        return None
    project.ninja("pki").ok()
    read = []
    for pem in ("pki/ca.pem", "pki/leaf.pem"):
        subject = project.run("openssl", "x509", "-in", pem, "-noout", "-subject", "-nameopt", "sep_multiline,utf8,sname").ok().out
        names = project.run("openssl", "x509", "-in", pem, "-noout", "-ext", "subjectAltName").out
        read.append((subject, names.splitlines()[1].strip() if pem == "pki/leaf.pem" and sans else ""))
    project.run("openssl", "verify", "-x509_strict", "-CAfile", "pki/ca.pem", "pki/leaf.pem").ok()
    assert project.run("find", ".", "-name", "*PWNED*").out == ""
    return read


def check_refused_text(generated):
    assert generated.code == 65, generated
    assert re.match(r"cluster\.yaml:\d+:\d+: error: ", generated.err), generated


def test_subject_is_byte_for_byte(pki):
    accepted = set()
    for what, value in VALUES.items():
        read = issued(pki, dict.fromkeys(("CN", "O", "OU", "L", "ST"), value), ["a.example"])
        if read is None:
            continue
        accepted.add(what)
        for subject, _ in read:
            for field in ("CN", "O", "OU", "L", "ST"):
                expected = "leaf" if (field, subject) == ("CN", read[1][0]) and "$" in value else value
                assert name_of(subject, field) == expected, what
        assert read[1][1] == "DNS:a.example", what
    missing = {"double quote", "comma", "equals", "slash", "plus", "hash", "composed", "decomposed", "emoji"} - accepted
    assert not missing, "subjects take any text"


def test_san_is_byte_for_byte(pki):
    """Every value, alone and as a part of a name: openssl reads back one name, and it is that text."""
    subject = dict.fromkeys(("CN", "O"), "a")
    accepted = set()
    wraps = {"{}": "DNS", "{}.example.com": "DNS", "{}@example.com": "email", "spiffe://example.com/{}": "URI"}
    for wrap, kind in wraps.items():
        for value in VALUES.values():
            name = wrap.format(value)
            read = issued(pki, subject, [name, "end.example"])
            if read is not None:
                expected = dns_spelling(name) if kind == "DNS" else name
                both = [f"{kind}:{expected}", "DNS:end.example"]
                assert read[1][1] == ", ".join(both if kind == "DNS" else reversed(both))  # DNS, email, IP, URI
                accepted.add(name)
    missing = {"null", "no.example.com", "it's@example.com", "spiffe://example.com/--flag"} - accepted
    assert not missing, accepted


# All of one line that a shell, a unit, make, ninja or etcd itself might read; without "," and "=", which etcd's names
# cannot have, and without variables, which are refused.
NAMES = [
    "`touch PWNED`; touch PWNED && touch PWNED | touch PWNED > PWNED",
    "%h %% $ $1 $$ \\n \\ \"q\" 'q' #;:*?[a]{}<>!~@^",
    "--flag M\u00fcnchen \u65e5\u672c \U0001f980 ",
]


@pytest.mark.parametrize("name", NAMES)
def test_name_reaches_etcd(name):
    """The one text that etcd itself gives back, through records, arguments, its data and etcdctl."""
    with clusters.in_folder() as cluster:
        project = cluster.project
        peer = re.search(r"initial-cluster: etcd=(\S+)", project.spec).group(1)
        project.edit_spec(f"    initial-cluster: etcd={peer}\n", f"    name: {quoted(name)}\n")
        project.gen_and_ninja().ok()
        assert name in cluster.arguments()
        assert cluster.member_list() == cluster.member_line.replace(", etcd, ", f", {name}, ")
        assert project.gen_and_ninja().no_work
        report = json.loads(project.path("reports/verify-etcd.json").read_text(encoding="utf-8"))
        assert name in json.dumps(report, ensure_ascii=False).replace("\\\\", "\\").replace('\\"', '"')
        assert not list(project.outside.rglob("*PWNED*"))
