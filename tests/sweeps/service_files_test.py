"""The files of services: hostile texts reach the host byte for byte, with the mode that is written, or are refused.

A file a text, of one service in a folder: as `content`, and every tenth as a file to be copied (`from`), which may hold
any bytes. KPLAN_SWEEP=full: 10,000 of them; KPLAN_FILES_SEED: which.
"""

import json
import os
import random
import stat

import harness

COUNT = 10_000 if os.environ.get("KPLAN_SWEEP") == "full" else 600
SEED = int(os.environ.get("KPLAN_FILES_SEED", "1"))

NASTY = [
    "", "\n", "\n\n\n", " ", "\t", "a", "a\n", " a\n", "a ", "a\n ", "$HOME ${HOME} $$ $in", "%h %% %", "`touch PWNED`", "$(touch PWNED)",
    "'", "\"", "\\", "\\\n", "a\\", "#", "# a\n", "---\n", "...\n", "- a\n", "? a\n", "&a *a !a |", "a: b\n", "{a: b", "[a", "@", "~", "null", "true",
    "0o17", "1e3", "<<: *a\n", "[Service]\nExecStartPre=/usr/bin/touch PWNED\n", "\u00e9\u4e2d\U0001f600", "e\u0301", "\ufeff", "\u200b",
    "\ufffd", "{{ x }}", "$name $address", "a" * 70_000, "a\n" * 5_000,
]
PIECES = [*"abcXYZ019 \t\n\n$%#'\"\\`{}[]<>|&;:,.?!*@~^=+-_/()", "\u00e9", "\u4e2d", "\U0001f600", "${x}", "%i", "\\n", "  ", "\n  ", ": ", " #", "- "]
# What YAML, or kplan, refuses: where it stands is said, and nothing is written.
REFUSED = ["\0", "a\x01b", "\x1b[31m", "a\rb", "\x7f", "a\u0085b", "\u009b", "a\u2028b"]
MODES = ["0644", "0600", "0640", "0444", "755", "0400"]
NAMES = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+@=~"


def texts(chance):
    for number in range(COUNT):
        yield NASTY[number] if number < len(NASTY) else "".join(chance.choices(PIECES, k=chance.randrange(1, 60)))


def quoted(value):
    """As YAML: what json writes, but for characters beyond 16 bits, of which JSON makes two."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(char if " " <= char <= "~" else f"\\U{ord(char):08x}" for char in text)


def spec_of(files):
    lines = ["hosts: {box: {root: ./box, service-manager: none}}", "services:", "  web:", "    command: [/usr/bin/true]", "    files:"]
    return "\n".join(lines + [f"      {quoted(path)}: {quoted(entry)}" for path, entry in files.items()]) + "\n"


def project_in(folder):
    return harness.Project(folder, harness.Here(), os.environ["KPLAN"])


def test_byte_for_byte_with_its_mode(tmp_path):
    chance = random.Random(SEED)
    project = project_in(tmp_path)
    (tmp_path / "given").mkdir()
    files, wanted = {}, {}
    for number, text in enumerate(texts(chance)):
        path = f"/etc/web/{number}-" + "".join(chance.choices(NAMES, k=chance.randrange(1, 30)))
        mode = chance.choice(MODES)
        data = text.encode()
        if number % 10 == 9:
            data += bytes(chance.randrange(256) for _ in range(20))
            (tmp_path / f"given/{number}").write_bytes(data)
            files[path] = {"from": f"given/{number}", "mode": mode}
        else:
            files[path] = {"content": text, "mode": mode}
        wanted[path] = data, int(mode, 8)
    project.spec = spec_of(files)
    project.gen().ok()
    project.ninja(timeout=1200).ok()
    for path, (data, mode) in wanted.items():
        file = tmp_path / "box" / path[1:]
        assert file.read_bytes() == data, (SEED, path, files[path])
        assert stat.S_IMODE(file.stat().st_mode) == mode, (SEED, path, files[path])
    # Nothing but these, and the unit.
    below = [os.path.join(folder, name) for folder, _, names in os.walk(tmp_path / "box") for name in names]
    assert len(below) == len(wanted) + 1
    assert not list(tmp_path.rglob("PWNED"))
    unit = (tmp_path / "box/etc/systemd/system/web.service").read_text(encoding="utf-8")
    assert [line for line in unit.splitlines() if line.startswith("Exec")] == ["ExecStart=/usr/bin/true"]
    assert "no work to do" in project.gen_and_ninja().ok().out
    # Nothing of it needs a CA, and none was made.
    assert not (tmp_path / "pki").exists()
    for command in (["plan"], ["status"], ["certs", "cluster.yaml"], ["check", "cluster.yaml"], ["graph"]):
        project.run(project.kplan, *command).ok()


def test_what_is_no_text_is_refused_at_its_place(tmp_path):
    for number, text in enumerate(REFUSED):
        folder = tmp_path / str(number)
        folder.mkdir()
        project = project_in(folder)
        project.spec = spec_of({"/etc/web/good": {"content": "good"}, "/etc/web/bad": {"content": text}})
        ran = project.gen()
        assert ran.code == 65, (text, ran.out, ran.err)
        assert "cluster.yaml:7:" in ran.err, ran.err
        assert text not in ran.err, ran.err
        assert sorted(entry.name for entry in folder.iterdir()) == ["cluster.yaml"]
