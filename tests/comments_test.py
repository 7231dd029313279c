"""Every file that a comment or a page of docs/ names is there.

A file of the repository is named in one of these ways:

    src/base/files.h, tests/cli_test.py    from the root; folders, too: src/pki, tests/hosts/
    base/files.h                           below src, as in `#include "src/base/files.h"`
    harness.py                             in the folder of the comment; outside src also in the root, tests, docs
    //src/spec:reference_test.update       a target of Bazel
    [text](hosts.md#what-stays-on-a-host)  a link of a page

Upper case words stand for anything (tests/NAME_test.py), and * does. Whatever has none of these shapes, such as
pki/ca.pem, is a file of a user's folder and not looked for; neither is a header of the system.
"""

import ast
import functools
import glob
import io
import os
import re
import tokenize

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

# Folders of the root; what begins with one of them is a path from there.
FOLDERS = "src|tests|docs|tools|examples|rules|third_party"
# What sources are called. A path that begins otherwise is one only when it ends like this.
ENDINGS = r"(?:h|cc|def|inc|py|bzl|js|css|md|sh)"

LABEL = re.compile(r"(?<![\w:/.])//(?:[\w.-]+(?:/[\w.-]+)*)?(?::[\w.+*/-]+)?")
PATH = re.compile(
    rf"(?<![\w./$~:*-])(?:(?:{FOLDERS})/[\w./*-]*|(?:[\w*-]+/)*[\w*][\w*-]*\.{ENDINGS}\b)(?![\w/*-])")
LINK = re.compile(r"\]\(([^)\s]+)\)")

# Not of this repository: headers of systems and libraries, and files of those who use kplan.
FOREIGN = re.compile(r"(openssl|sys|linux|absl|gtest|gmock|yaml-cpp|nlohmann)/|sysexits\.h$")
# Upper case: it stands for any name.
ANY_NAME = re.compile(r"(?<![A-Za-z])[A-Z][A-Z_]+(?![A-Za-z])")


def comments_of_c(text):
    """(line, comment) of each // and /* */, also of JavaScript, CSS and Bazel's kin: not those within strings."""
    token = re.compile(
        r"""R"(?P<end>[^()\s]{0,16})\(.*?\)(?P=end)"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
        r"""|(?P<comment>//[^\n]*|/\*.*?\*/)""", re.S)
    for match in token.finditer(text):
        if match["comment"]:
            first = text.count("\n", 0, match.start()) + 1
            for number, line in enumerate(match["comment"].splitlines(), first):
                yield number, line.strip().lstrip("/*").strip()


def comments_of_python(text):
    """Those after #, and the texts that are no values: docstrings."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("#")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for number, line in enumerate(node.value.value.splitlines(), node.lineno):
                yield number, line


def comments_of_shell(text):
    for number, line in enumerate(text.splitlines(), 1):
        comment = re.search(r"(?:^|\s)#(?!!)(.*)", line)
        if comment:
            yield number, comment[1]


def comments_of(name, text):
    """(line, text) of all comments of the file NAME; of a page all lines. Nothing of what is no source."""
    base = os.path.basename(name)
    ending = base.rpartition(".")[2] if "." in base else ""
    if ending == "md":
        return list(enumerate(text.splitlines(), 1))
    if ending in ("h", "cc", "def", "js", "css"):
        return list(comments_of_c(text))
    if ending in ("py", "bzl", "bazel"):
        return list(comments_of_python(text))
    if ending == "sh" or text.startswith(("#!/bin/bash", "#!/bin/sh")):
        return list(comments_of_shell(text))
    if text.startswith("#!") and "python" in text.partition("\n")[0]:
        return list(comments_of_python(text))
    return []


class Files:
    """The files below a folder, and whether a comment's word names one."""

    def __init__(self, root):
        self.root = root
        self.names = []
        for folder, folders, files in os.walk(root):
            # At the root only what is the repository's: a checkout may hold other folders, too.
            known = FOLDERS.split("|") if folder == root else folders
            folders[:] = sorted(set(folders) & set(known) - {"third_party", "node_modules", "__pycache__"})
            self.names += sorted(os.path.relpath(os.path.join(folder, name), root) for name in files)

    def read(self, name):
        try:
            with open(os.path.join(self.root, name), encoding="utf-8") as file:
                return file.read()
        except UnicodeDecodeError:
            return ""  # a picture

    def there(self, path):
        """Whether PATH is there, in which upper case words and * stand for anything."""
        if self.exactly(path):
            return True
        pattern = ANY_NAME.sub("*", path)
        return "*" in pattern and bool(glob.glob(os.path.join(self.root, pattern)))

    def exactly(self, path):
        return os.path.exists(os.path.join(self.root, path))

    @functools.lru_cache(maxsize=None)
    def targets(self, package):
        """What the BUILD file of PACKAGE calls something; None when there is none."""
        build = os.path.join(package, "BUILD.bazel")
        if not self.exactly(build):
            return None
        return set(re.findall(r'"([\w.+/%-]+)"', self.read(build)))

    def has_label(self, label):
        if ANY_NAME.search(label):
            return True
        package, colon, target = label[2:].partition(":")
        if package.endswith("..."):
            return self.exactly(package[:-3])
        targets = self.targets(package)
        if targets is None:
            return False
        if not colon or target == "all":
            return True
        # Macros give a second target to what they make: golden_test.update.
        return bool({target, target.removesuffix(".update")} & targets) or self.exactly(os.path.join(package, target))

    def names_a_file(self, word, of):
        """Whether WORD, in a comment of the file OF, names a file or folder that is there, or is made."""
        folder = os.path.dirname(of)
        if ANY_NAME.fullmatch(word.partition(".")[0]) or word in (self.targets(folder) or ()):
            return True
        if re.match(rf"({FOLDERS})/", word):
            return self.there(word)
        places = [folder, "src"] if "/" in word else [folder]
        if not folder.startswith("src"):
            places += ["", "tests", "docs"]
        if word.endswith(".md"):
            places.append("docs")
        return any(self.there(os.path.join(place, word)) for place in places)


def missing_in(files, name, text):
    """NAME:LINE: WORD, of each word in the comments of NAME that names a file that is not there."""
    missing = []
    for number, line in comments_of(name, text):
        wrong = []
        if name.endswith(".md"):
            links = [link.partition("#")[0] for link in LINK.findall(line) if not re.match(r"\w+:|#", link)]
            wrong += [link for link in links if not files.exactly(os.path.join(os.path.dirname(name), link))]
            line = LINK.sub("]", line).replace("\\", "")
        line = re.sub(r"\w+://\S+", "", line)  # addresses
        labels = [label.rstrip(".") for label in LABEL.findall(line) if re.search(r"\w", label)]
        wrong += [label for label in labels if not files.has_label(label)]
        line = LABEL.sub("", line)
        words = [word.rstrip(".") for word in PATH.findall(line)]
        wrong += [word for word in words if not FOREIGN.match(word) and not files.names_a_file(word, name)]
        missing += [f"{name}:{number}: {word}" for word in wrong]
    # What a program tells people to run.
    for number, line in enumerate(text.splitlines(), 1):
        labels = [label.rstrip(".:") for label in re.findall(r"bazel (?:run|test|build) (//[\w./:+-]+)", line)]
        lines = [f"{name}:{number}: {label}" for label in labels if not files.has_label(label)]
        missing += [line for line in lines if line not in missing]
    return missing


def test_what_comments_name_is_there():
    files = Files(ROOT)
    missing = [line for name in files.names for line in missing_in(files, name, files.read(name))]
    assert not missing, "\n".join(["comments and pages name files that are not there:"] + missing)


# ---- A small repository.


@pytest.fixture(name="missing")
def fixture_missing(tmp_path):
    for name in ("src/base/files.h", "src/pki/names.h", "tests/harness.py", "docs/hosts.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "src/base/BUILD.bazel").write_text('cc_library(name = "base", srcs = ["made.cc"])')

    def words(name, text):
        files = Files(str(tmp_path))
        return [line.rpartition(": ")[2] for line in missing_in(files, name, text)]

    return words


@pytest.mark.parametrize("comment", [
    "src/base/files.h", "base/files.h", "(see base/files.h)", "names.h", "src/pki", "tests/", "src/base/files.h.",
    "tests/harness.py", "docs/hosts.md", "src/*/files.h", "src/NAME/files.h", "NAME.h", "//src/base",
    "//src/base:files.h", "pki/ca.pem", "a/b", "https://example.com/base/gone.h", "and/or", "openssl/x509.h",
])
def test_what_is_there_or_is_no_path(missing, comment):
    assert missing("src/pki/names.h", f"int x;  // as {comment} has it\n") == []


@pytest.mark.parametrize("comment", [
    "src/base/gone.h", "base/gone.h", "gone.h", "files.h", "src/gone", "tests/gone_test.py", "docs/gone.md",
    "src/gone/*.h", "//src/gone", "//src/base:gone", "harness.py", "plan/drift.h",
])
def test_what_is_not_there(missing, comment):
    assert missing("src/pki/names.h", f"int x;  // as {comment} has it\n") == [comment]


def test_the_line(tmp_path):
    assert missing_in(Files(str(tmp_path)), "src/a.h", "\n\n// Long:\n// gone.h\n") == ["src/a.h:4: gone.h"]


@pytest.mark.parametrize("name, text, gone", [
    ("src/a.cc", 'f("// gone.h"); g(R"x(// gone.h)x");  /* see\n gone.h */ h(\'"\');  // lost.h', ["gone.h", "lost.h"]),
    ("src/base/a.cc", "// made.cc", []),
    ("src/a.py", '"""See gone.py."""\nx = "lost.py"  # no.py\n', ["no.py", "gone.py"]),
    ("src/BUILD.bazel", 'x(name = "lost.h")  # gone.h\n', ["gone.h"]),
    ("tools/run", "#!/bin/bash\n# harness.py, gone.sh\ncat lost.sh\n", ["gone.sh"]),
    ("docs/a.md", "[hosts](hosts.md#x) [no](gone.md) [a](https://a.b/c.md) [up](../src/base/files.h) `lost.md`",
     ["gone.md", "lost.md"]),
    ("README.md", "[hosts](docs/hosts.md) [no](hosts.md)", ["hosts.md"]),
    ("docs/a.pem", "gone.h", []),
    ("src/a.cc", 'f("bazel run ' '//src/gone:x");  // bazel test //src/base: all', ["//src/gone:x"]),
])
def test_comments_by_language(missing, name, text, gone):
    assert missing(name, text) == gone
