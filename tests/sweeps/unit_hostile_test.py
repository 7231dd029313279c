"""Hostile texts in every field of a unit: a real systemd has them byte for byte, or kplan refuses them.

1,000 texts by default; KPLAN_SWEEP=full: 10,000."""

import collections
import json
import os
import pathlib
import subprocess
import time

import pytest

import harness
import systemd_host

pytestmark = pytest.mark.skipif(bool(systemd_host.why_not()), reason=systemd_host.why_not() or "none")

COUNT = 10000 if os.environ.get("KPLAN_SWEEP") == "full" else 1000
PROGRAM = pathlib.Path(os.environ.get("KPLAN_HOSTILE_UNITS", "tests/units/hostile_units")).resolve()

# Says what it was started with.
DUMP = """#!/bin/sh
cat /proc/$$/cmdline > /run/dump/"$1".arguments
cat /proc/$$/environ > /run/dump/"$1".environment
"""

# What follows from a value by systemd's own rules.
FOLLOWS = {
    "WorkingDirectory": {"After", "Requires", "RequiresMountsFor"},
    "StateDirectory": {"After", "CanClean", "StateDirectorySymlink", "Requires", "RequiresMountsFor"},
    "StandardOutput": {"After", "Requires", "RequiresMountsFor", "StandardError"},
    "EnvironmentFile": {"EnvironmentFiles"},
    "PIDFile": {"GuessMainPID"},
}
FOLLOWS_ALWAYS = {"Id", "Names", "FragmentPath"}


UNORDERED = {"After", "Before", "Conflicts", "Requires", "RequiresMountsFor", "Wants"}


def properties(block):
    """One unit of `systemctl show`, as a list of values for each name."""
    found = collections.defaultdict(list)
    for line in block.split("\n"):
        name, equals, value = line.partition("=")
        if equals:
            found[name].append(sorted(value.split()) if name in UNORDERED else value)
    return found


class Units:
    """What the program makes, on a booted host."""

    def __init__(self, host):
        out = subprocess.run([str(PROGRAM), str(COUNT), "20261122"], check=True, stdout=subprocess.PIPE).stdout.decode()
        *lines, last = map(json.loads, out.rstrip("\n").split("\n"))
        self.host = host
        self.refused = last["refused"]
        self.run = [unit for unit in lines if "arguments" in unit]
        self.look = [unit for unit in lines if "arguments" not in unit]
        self.folder = host.root / "etc/systemd/system"
        (self.folder / "hostile-none.service").write_text("[Unit]\nDescription=hostile\n\n[Service]\nExecStart=/bin/true\n",
                                                          encoding="ascii")
        dump = host.root / "usr/local/bin/kplan-dump"
        dump.write_text(DUMP, encoding="ascii")
        dump.chmod(0o755)
        (host.root / "run/dump").mkdir()

    def install(self, units):
        for unit in units:
            (self.folder / unit["name"]).write_text(unit["text"], encoding="utf-8", newline="")
        self.host.run(["systemctl", "daemon-reload"]).ok()

    def show(self, units):
        """What `systemctl show` says of each. It goes through all files of the folder for every unit: a few at a time."""
        shown = {}
        for begin in range(0, len(units), 200):
            some = units[begin:begin + 200]
            self.install(some)
            names = [unit["name"] for unit in some] + ["hostile-none.service"]
            blocks = self.host.run(["systemctl", "show", "--"] + names, timeout=300).ok().out.rstrip("\n").split("\n\n")
            assert len(blocks) == len(names)
            shown.update(zip(names, blocks))
            for unit in some:
                (self.folder / unit["name"]).unlink()
        return shown


@pytest.fixture(name="units", scope="module")
def fixture_units():
    with systemd_host.SystemdHost("worker") as host:
        yield Units(host)


def test_other_keys_say_what_is_written_or_are_seen_to_differ(units):
    """And never is there a directive more: no property differs from those of a plain unit but the key's own."""
    began = time.monotonic()
    services = [unit for unit in units.look if "key" in unit]
    shown = units.show(services)
    plain = properties(shown["hostile-none.service"])
    lines = [json.dumps({"name": unit["name"], "text": unit["text"], "shown": shown[unit["name"]]}) for unit in services]
    compared = subprocess.run([str(PROGRAM), "compare"], input="\n".join(lines) + "\n", check=True, stdout=subprocess.PIPE,
                              encoding="utf-8").stdout
    seen = {tuple(line.split(" ", 1)) for line in compared.rstrip("\n").split("\n")}
    same, differ, refused = 0, 0, 0
    for unit in services:
        name, key = unit["name"], unit["key"]
        got = properties(shown[name])
        if got["LoadState"] != ["loaded"]:  # systemd refuses the whole of it
            assert got["LoadState"] == ["bad-setting"], unit["text"]
            refused += 1
            continue
        changed = {what for what in set(got) | set(plain) if got.get(what) != plain.get(what)}
        assert changed <= FOLLOWS_ALWAYS | {key} | FOLLOWS.get(key, set()), (unit["text"], changed)
        if key in ("User", "Group", "SyslogIdentifier", "Restart"):
            text = bytes.fromhex(unit["value"]).decode().replace("%%", "%")
            is_same = got.get(key) == [text]
            assert is_same == ((name, key) not in seen), (unit["text"], got.get(key))
            same += is_same
            differ += not is_same
    assert min(same, differ, refused) > 5
    print(f"{len(services)} values of other keys: {time.monotonic() - began:.1f} s; {same} as written, {differ} otherwise, which was "
          f"seen; {refused} refused by systemd")


def test_arguments_and_environment_arrive_byte_for_byte(units):
    began = time.monotonic()
    assert sum(len(unit["arguments"]) for unit in units.run) + units.refused["utf-8"] == COUNT
    assert len(units.run) * 20 > COUNT / 2
    units.install(units.run)
    started = units.host.run(["systemctl", "start", "--"] + [unit["name"] for unit in units.run], timeout=300)
    assert started.code == 0, started.err[:3000]
    dump = units.host.root / "run/dump"
    for unit in units.run:
        stem = unit["name"].removesuffix(".service")
        arguments = (dump / f"{stem}.arguments").read_bytes().split(b"\0")[3:-1]  # sh, the script, the name
        assert arguments == [bytes.fromhex(text) for text in unit["arguments"]], unit["text"]
        environment = (dump / f"{stem}.environment").read_bytes().split(b"\0")
        ours = sorted(variable for variable in environment if variable[:1] == b"V")
        assert ours == sorted(bytes.fromhex(text) for text in unit["environment"]), unit["text"]
    assert not (units.host.root / "owned").exists()
    print(f"{COUNT} texts as arguments and variables of {len(units.run)} units: {time.monotonic() - began:.1f} s; refused: {units.refused}")


def test_descriptions_arrive_byte_for_byte(units):
    began = time.monotonic()
    targets = [unit for unit in units.look if "description" in unit]
    wants = "".join(f"Wants={unit['name']}\n" for unit in targets)
    units.install(targets + [{"name": "hostile-all.target", "text": "[Unit]\n" + wants}])
    units.host.run(["systemctl", "start", "hostile-all.target"], timeout=300).ok()
    listed = json.loads(units.host.run(["systemctl", "list-units", "--all", "--output=json", "hostile-look-*.target"]).ok().out)
    descriptions = {entry["unit"]: entry["description"] for entry in listed}
    assert len(targets) > COUNT / 3
    for unit in targets:
        assert descriptions[unit["name"]] == bytes.fromhex(unit["description"]).decode().replace("%%", "%"), unit["text"]
    print(f"{len(targets)} descriptions: {time.monotonic() - began:.1f} s")
