"""Files are read and written by src/base/disk.h alone, which makes a call again when a signal came in between.

A call of the system by its own name is a place where EINTR becomes an error, and where no test can see what reaches the
disk. Pipes, sockets and the kernel's other descriptors are no files; whoever has them is named here.
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
CALL = re.compile(
    r"(?<![\w:.>])(?:::)?(open|openat|read|pread|write|pwrite|fsync|fdatasync|syncfs|flock|ftruncate|rename|renameat|renameat2)\((?=[^)])")
# A lambda or a parameter of that name in the file is what is called.
OWN_NAME = r"\bauto {name} =|\b{name}\(\[|TextWriter {name}\b|\[&\]\(.*\b{name}\b"

# What is no file: (file, call).
NO_FILES = {
    ("src/base/conversation.cc", "read"),  # pipes of a child
    ("src/base/conversation.cc", "write"),
    ("src/base/spawn.cc", "read"),
    ("src/base/spawn.cc", "write"),  # between fork and exec
    ("src/host/change_waiter.cc", "read"),  # inotify, signalfd, timerfd
    ("src/remote/agent.cc", "read"),  # the session
    ("src/remote/agent.cc", "write"),
    ("src/remote/stream_mux.cc", "read"),  # likewise
    ("src/remote/stream_mux.cc", "write"),
}


def code(text):
    """TEXT without comments and strings."""
    return re.sub(r'"(?:\\.|[^"\\\n])*"|//[^\n]*', '""', text)


def found_in(text):
    """The calls in TEXT: (line, name)."""
    for number, line in enumerate(code(text).split("\n"), 1):
        for match in CALL.finditer(line):
            yield number, match.group(1)


def test_calls_are_found():
    text = 'int fd = open(path, 0); // open(x)\ndisk::Open(path);\nstream.write("x");\nif (::fsync(fd)) "read(x)";\n'
    assert list(found_in(text)) == [(1, "open"), (4, "fsync")]


def test_files_are_read_and_written_by_disk_alone():
    wrong, unused = [], set(NO_FILES)
    sources = sorted((ROOT / "src").rglob("*.cc")) + sorted((ROOT / "src").rglob("*.h"))
    assert len(sources) > 300
    for path in sources:
        name = str(path.relative_to(ROOT))
        if name.startswith("src/base/disk") or re.search(r"_(test|testing)\.(cc|h)$", name):
            continue
        text = path.read_text(encoding="utf-8")
        for number, call in found_in(text):
            if (name, call) in NO_FILES:
                unused.discard((name, call))
            elif not re.search(OWN_NAME.format(name=call), text):
                wrong.append(f"{name}:{number}: {call}() is to go through src/base/disk.h")
    assert not wrong, "\n".join(wrong)
    assert not unused, f"no such calls any more: {unused}"
