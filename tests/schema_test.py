"""`kplan schema`, as editors use it: it takes what kplan takes, and refuses every slip in a key or a word."""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading

import pytest

import harness
import npm_packages

SCRIPT = pathlib.Path("tests/schema_node.js").resolve()
EXAMPLES = sorted(pathlib.Path("examples").glob("*/cluster.yaml")) + sorted(pathlib.Path("examples/starters").glob("*.yaml"))
EVERY_KEY = sorted(pathlib.Path("src/spec/testdata").glob("*.yaml"))
BAD_SPECS = sorted(pathlib.Path("tests/bad_specs").glob("*.yaml"))

# What an editor has to see, too: these are about the form alone.
FORM = {"unknown-key", "duplicate-key", "wrong-type", "no-value", "api-version", "unknown-value"}
# A code at the end of a message's first line.
CODE = re.compile(r": (?:error|warning): .*\[([a-z-]+)\]$", re.MULTILINE)


def check(path):
    """(whether kplan takes PATH, the codes of what it says)"""
    ran = subprocess.run(
        [harness.KPLAN, "check", path.name], cwd=path.parent, capture_output=True, text=True, errors="replace", timeout=60, check=False
    )
    assert ran.returncode in (0, 65), ran.stderr
    return ran.returncode == 0, set(CODE.findall(ran.stderr))


@pytest.fixture(name="schema", scope="session")
def fixture_schema(tmp_path_factory):
    path = tmp_path_factory.mktemp("schema") / "cluster.schema.json"
    with open(path, "wb") as out:
        subprocess.run([harness.KPLAN, "schema"], stdout=out, check=True, timeout=60)
    return path


def validate(schema, paths):
    """For each path the errors of the schema."""
    listing = schema.parent / "files"
    listing.write_text("".join(f"{path.resolve()}\n" for path in paths), encoding="utf-8")
    with open(listing, "rb") as files:
        environment = dict(os.environ, NODE_PATH=str(npm_packages.folder() / "node_modules"))
        ran = subprocess.run(
            ["node", SCRIPT, "validate", schema, "-"], env=environment, stdin=files, capture_output=True, timeout=300, check=False
        )
    assert ran.returncode == 0, ran.stderr.decode()
    return json.loads(ran.stdout)


def test_is_the_same_twice(schema):
    again = subprocess.run([harness.KPLAN, "schema"], capture_output=True, check=True, timeout=60).stdout
    assert again == schema.read_bytes()
    assert json.loads(again)["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_defaults_are_values_that_it_takes(schema):
    assert json.loads(npm_packages.node(SCRIPT, "defaults", schema)) == []


def test_examples_are_good(schema):
    paths = EXAMPLES + EVERY_KEY
    assert len(EXAMPLES) >= 6 and len(EVERY_KEY) == 5
    for path, errors in zip(paths, validate(schema, paths)):
        assert errors == [], path
        assert check(path)[0], path


def test_slips_are_refused(schema):
    wrong = []
    seen = collections.Counter()
    for path, errors in zip(BAD_SPECS, validate(schema, BAD_SPECS)):
        good, codes = check(path)
        seen.update(codes & FORM)
        # Good: there are warnings only.
        if (errors and good) or (not errors and codes & FORM):
            wrong.append((path.name, codes, errors))
    assert not wrong, "\n".join(map(str, wrong))
    assert set(seen) == FORM, "each is met at least once"


def test_takes_what_kplan_takes(schema, tmp_path):
    """Thousands of specs with one thing changed: where kplan finds nothing wrong the schema does not either, and where
    kplan says that the form is wrong the schema says so, too."""
    wrong = []
    counts = collections.Counter()
    for source in EVERY_KEY:
        folder = tmp_path / source.stem
        folder.mkdir()
        made = json.loads(npm_packages.node(SCRIPT, "variants", source.resolve(), folder))
        paths = [folder / f"{i}.yaml" for i in range(len(made))]
        for what, path, errors in zip(made, paths, validate(schema, paths)):
            good, codes = check(path)
            counts[good, not errors] += 1
            if (errors and good) or (not errors and codes & FORM):
                wrong.append((what, codes, errors))
        shutil.rmtree(folder)
    assert not wrong, "\n".join(map(str, wrong))
    assert counts[True, True] > 300 and counts[False, False] > 1000, counts


def words(schema):
    """Every (path, words) of the schema where a value is one of some words; NAME stands for a name, [] for a list."""
    def follow(node):
        for part in node.get("allOf", []):
            node = part
        return schema["definitions"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node

    def walk(node, path):
        node = follow(node)
        if "enum" in node:
            yield path, node["enum"]
        for alternative in node.get("anyOf", []):
            yield from walk(alternative, path)
        for key, value in node.get("properties", {}).items():
            yield from walk(value, path + [key])
        if isinstance(node.get("additionalProperties"), dict):
            yield from walk(node["additionalProperties"], path + ["NAME"])
        if "items" in node:
            yield from walk(node["items"], path + ["[]"])

    return walk(schema, [])


def test_words_are_those_that_kplan_knows(schema, tmp_path):
    """The table's words and the model's are the same: each is known, and no other one."""
    wrong = []
    met = 0
    for path, known in words(json.loads(schema.read_text())):
        if path[:2] == ["etcd", "flags"] or (path[0] == "etcds" and "flags" in path) or path[-1] in ("is_ca", "replace") or "default" in path:
            continue
        for word in known + ["no-such-word"]:
            text = json.dumps(word)
            for part in reversed(path):
                # An RSA key has other formats than an ECDSA key, and the code of that error is about keys.
                beside = "algo: ecdsa, " if part == "format" and word == "sec1" else ""
                text = f"[{text}]" if part == "[]" else f"{{{beside}{part}: {text}}}"
            spec = tmp_path / "cluster.yaml"
            spec.write_text(text + "\n", encoding="utf-8")
            _, codes = check(spec)
            refusals = {"unknown-value", "api-version", "key-kind"}
            if bool(codes & refusals) != (word == "no-such-word"):
                wrong.append(f"{text}: {codes}")
            met += 1
    assert not wrong, "\n".join(map(str, wrong))
    assert met > 80


class LanguageServer:
    """yaml-language-server, spoken to as an editor does (LSP 3.17, JSON-RPC over stdio)."""

    def __init__(self, log):
        server = npm_packages.folder() / "node_modules/yaml-language-server/bin/yaml-language-server"
        self._process = subprocess.Popen(["node", server, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        # It ends with its input; this is for a server that hangs.
        self._timer = threading.Timer(120, self._process.kill)
        self._timer.start()
        self._next = 0
        self._diagnostics = {}
        self.request("initialize", {"processId": None, "rootUri": None, "capabilities": {"workspace": {"configuration": True}}})
        self._send({"method": "initialized", "params": {}})

    def close(self):
        self.request("shutdown", None)
        self._send({"method": "exit"})
        self._process.communicate(timeout=30)
        self._timer.cancel()

    def _send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self):
        length = None
        while line := self._process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert length is not None, "the language server went away"
        message = json.loads(self._process.stdout.read(length))
        if "method" in message and "id" in message:  # it asks: no network, nothing of the user's
            items = message["params"].get("items", []) if message["method"] == "workspace/configuration" else None
            answer = None if items is None else [
                {"schemaStore": {"enable": False}, "validate": True, "hover": True, "completion": True} if item.get("section") == "yaml" else {}
                for item in items
            ]
            self._send({"id": message["id"], "result": answer})
        elif message.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        return message

    def request(self, method, params):
        self._next += 1
        self._send({"id": self._next, "method": method, "params": params})
        while (message := self._receive()).get("id") != self._next or "method" in message:
            pass
        assert "error" not in message, message
        return message["result"]

    def open(self, path):
        """What it finds wrong in PATH."""
        uri = path.as_uri()
        self._diagnostics.pop(uri, None)
        text = path.read_text(encoding="utf-8")
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}}})
        while uri not in self._diagnostics:
            self._receive()
        return self._diagnostics[uri]

    def at(self, method, path, line, character):
        return self.request(f"textDocument/{method}", {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": character}})


def test_in_an_editor(schema, tmp_path):
    shutil.copy(schema, tmp_path / "cluster.schema.json")
    modeline = "# yaml-language-server: $schema=cluster.schema.json\n"
    good = tmp_path / "good.yaml"
    good.write_text(modeline + EVERY_KEY[1].read_text(encoding="utf-8"), encoding="utf-8")
    bad = tmp_path / "bad.yaml"
    bad.write_text(modeline + "hosts:\n  worker: {service-manager: sytemd}\nca: {CN: Kubernetes, colour: red}\n", encoding="utf-8")
    with open(tmp_path / "log", "wb") as log:
        server = LanguageServer(log)
        assert server.open(good) == []
        found = {(each["range"]["start"]["line"], each["message"]) for each in server.open(bad)}
        assert len(found) == 2, found
        assert any(line == 2 and "systemd" in message for line, message in found), found
        assert (3, "Property colour is not allowed.") in found

        hover = json.dumps(server.at("hover", bad, 2, 14))
        assert "runs services in the background without systemd" in hover
        offered = {item["label"] for item in server.at("completion", bad, 3, 5)["items"]}
        assert {"issuer", "expiry", "name-constraints"} <= offered and "ssh" not in offered
        server.close()
