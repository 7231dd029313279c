"""The layers in docs/architecture.md are those of the BUILD files: who sees whom, and nobody else may.

The BUILD files are read as Python, which they are but for the meaning, so no build is needed. The functions take a
folder; the last tests break a small one in every way, to see that each is told.
"""

import ast
import os
import re

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
PAGE = "docs/architecture.md"


class Rule:
    """A call in a BUILD file: cc_library(name = ..., deps = [...])."""

    def __init__(self, call):
        self.kind = call.func.id
        self.values = {keyword.arg: keyword.value for keyword in call.keywords}
        self.arguments = call.args

    def text(self, key):
        value = self.values.get(key)
        return value.value if isinstance(value, ast.Constant) else None

    def labels(self):
        """Every //LABEL in it, but for those that it is visible to."""
        values = [value for key, value in self.values.items() if "visibility" not in key] + self.arguments
        nodes = [node for value in values for node in ast.walk(value) if isinstance(node, ast.Constant)]
        # Also in texts like "$(location //tools:man)".
        return {label for node in nodes if isinstance(node.value, str)
                for label in re.findall(r"(?<![\w@:])//[\w./-]*(?::[\w./+-]+)?", node.value)}

    def is_of_product(self):
        testonly = self.values.get("testonly")
        return self.kind in ("cc_library", "cc_binary", "genrule") and not (testonly and ast.literal_eval(testonly))


def rules_of(root):
    """A map: package ("src/pki"; "" is the root) to its rules."""
    packages = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith((".", "bazel-"))]
        if folder == root and "build" in folders:
            folders.remove("build")  # where tools/quickstart works
        if "BUILD.bazel" not in files:
            continue
        with open(os.path.join(folder, "BUILD.bazel"), encoding="utf-8") as file:
            tree = ast.parse(file.read())
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        package = os.path.relpath(folder, root)
        packages["" if package == "." else package] = [Rule(call) for call in calls if call.func.id != "load"]
    return packages


def package_of(label):
    """"//src/pki:names" as "src/pki"."""
    return label[2:].split(":")[0]


def layers_of(packages):
    """A map: package of src to those that what is built of it for users depends on."""
    return {
        package: {package_of(label) for rule in rules if rule.is_of_product() for label in rule.labels()
                  if label.startswith("//src/")} - {package}
        for package, rules in packages.items() if package.startswith("src/")
    }


def users_of(packages):
    """A map: package of src to all that use it, also for tests."""
    users = {package: set() for package in packages if package.startswith("src/")}
    for package, rules in packages.items():
        for label in {label for rule in rules for label in rule.labels()}:
            if package_of(label) != package:
                users.get(package_of(label), set()).add(package)
    return users


def table_of(page):
    """The rows of the page's table, in order: package to those that it may see."""
    rows = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if not re.match(r"\| `[\w/]+` \|", line) or len(cells) != 3:
            continue
        package, _, may_see = cells
        assert may_see == "-" or re.fullmatch(r"`[\w/]+`(, `[\w/]+`)*", may_see), line
        rows["src/" + package.strip("`")] = {"src/" + name for name in re.findall(r"`([\w/]+)`", may_see)}
    return rows


def problems_of_table(table, layers):
    problems = []
    for package in layers.keys() - table.keys():
        problems.append(f"{package} has no row in {PAGE}")
    for package in table.keys() - layers.keys():
        problems.append(f"{package} has a row in {PAGE}, and no BUILD.bazel")
    above = set()
    for package, may_see in table.items():
        sees = layers.get(package, set())
        problems += [f"{package} depends on {other}, which {PAGE} does not let it see" for other in sees - may_see]
        problems += [f"{PAGE} lets {package} see {other}, which it does not need" for other in may_see - sees]
        problems += [f"{PAGE} has {package} before {other}, which it sees" for other in may_see - above]
        above.add(package)
    return sorted(problems)


def cycle_in(layers):
    """Packages of which each depends on the next, and the last is the first; None when there is no such thing."""
    done = set()

    def visit(package, path):
        if package in path:
            return path[path.index(package):] + [package]
        if package in done:
            return None
        for other in sorted(layers.get(package, set())):
            cycle = visit(other, path + [package])
            if cycle:
                return cycle
        done.add(package)
        return None

    for package in sorted(layers):
        cycle = visit(package, [])
        if cycle:
            return cycle
    return None


def problems_of_visibility(packages):
    problems = []
    for package, users in users_of(packages).items():
        wanted = {f"//{user}:__pkg__" for user in users} or {"//visibility:private"}
        given = []
        for rule in packages[package]:
            if rule.kind == "package" and "default_visibility" in rule.values:
                given = ast.literal_eval(rule.values["default_visibility"])
            elif "visibility" in rule.values:
                problems.append(f"{package}:{rule.text('name')} has a visibility of its own, beside the package's")
        problems += [f"{package} is visible to {grant}, which does not use it" for grant in set(given) - wanted]
        for grant in wanted - set(given):
            problems.append(f"{package} is not visible to {grant}, which uses it" if users else
                            f"{package} is not private, although nobody uses it")
    return sorted(problems)


# ---- The repository.


@pytest.fixture(scope="module", name="repository")
def fixture_repository():
    return rules_of(ROOT)


def test_layers_are_those_of_the_page(repository):
    with open(os.path.join(ROOT, PAGE), encoding="utf-8") as file:
        table = table_of(file.read())
    problems = problems_of_table(table, layers_of(repository))
    assert not problems, "\n".join(problems)


def test_packages_are_in_no_cycle(repository):
    cycle = cycle_in(layers_of(repository))
    assert not cycle, " > ".join(cycle)


def test_packages_are_visible_to_their_users_alone(repository):
    problems = problems_of_visibility(repository)
    assert not problems, "\n".join(problems)


# ---- A repository of three packages, to be broken.

BASE = """
package(default_visibility = ["//src/cli:__pkg__", "//src/pki:__pkg__", "//tests:__pkg__"])
cc_library(name = "base", srcs = glob(["*.cc"]), deps = ["@absl"])
"""
PKI = """
package(default_visibility = ["//src/cli:__pkg__"])
cc_library(name = "pki", deps = [":names", "//src/base"])
cc_library(name = "names", deps = ["//src/base:text"])
cc_library(name = "pki_testing", testonly = True, deps = ["//src/base"])
cc_test(name = "pki_test", deps = [":pki", ":pki_testing"])
"""
CLI = """
package(default_visibility = ["//:__pkg__"])
cc_library(name = "cli", deps = ["//src/base", "//src/pki:names"])
"""
TESTS = '[kplan_pytest(name = what, data = ["//src/base:data"]) for what in ["a", "b"]]\n'
TABLE = """
| package | what it is for | may see |
|---|---|---|
| `base` | files | - |
| `pki` | certificates | `base` |
| `cli` | commands | `base`, `pki` |
"""


@pytest.fixture(name="small")
def fixture_small(tmp_path):
    texts = {"src/base": BASE, "src/pki": PKI, "src/cli": CLI, "tests": TESTS}

    def problems(table=TABLE, root='cc_binary(name = "kplan", deps = ["//src/cli"])', **changes):
        for package, text in texts.items():
            folder = tmp_path / package
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "BUILD.bazel").write_text(changes.get(os.path.basename(package), text))
        (tmp_path / "BUILD.bazel").write_text(root)
        packages = rules_of(str(tmp_path))
        layers = layers_of(packages)
        cycle = cycle_in(layers)
        return (problems_of_table(table_of(table), layers) + problems_of_visibility(packages) +
                ([" > ".join(cycle)] if cycle else []))

    return problems


def files_with(root, pattern):
    """The files of the product below src whose code, without comments and texts, has PATTERN."""
    words = re.compile(pattern)
    found = []
    for folder, _, files in os.walk(os.path.join(root, "src")):
        for name in files:
            if not name.endswith((".cc", ".h")) or name.endswith(("_test.cc", "_testing.cc")):
                continue
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                code = re.sub(r"//.*", "", re.sub(r'"(\\.|[^"\\\n])*"', '""', file.read()))
            if words.search(code):
                found.append(os.path.relpath(path, root))
    return sorted(found)


def test_there_is_one_reader_of_json():
    """ParseJson in src/base/record.cc, which has bounds. The others parse what they have just written; cfssl's files have a
    parser that shows places."""
    assert files_with(ROOT, r"\b(Ordered)?Json::(sax_)?parse\(") == [
        "src/base/fields.cc", "src/base/record.cc", "src/cli/why.cc", "src/importer/json_tree.cc",
        "src/remote/agent_protocol.cc", "src/spec/json_schema.cc"]


def test_there_is_one_way_to_the_terminal():
    """src/cli/terminal.cc, which escapes. The others: what the agent says to kplan, last words before abort(), and a
    tool of ours."""
    writers = r"\b(printf|fprintf|puts|fputs|putchar|fwrite|perror)\(|\bstd(out|err)\b[,)]|std::c(out|err)\b"
    assert files_with(ROOT, writers) == ["src/base/fields.cc", "src/base/update_page.cc", "src/cli/agent.cc", "src/cli/terminal.cc",
                                 "src/spec/map_reader.cc"]


def test_what_is_right_has_no_problems(small):
    assert small() == []


def test_a_package_without_a_row(small):
    assert small(table=TABLE.replace("| `pki` | certificates | `base` |\n", "").replace(", `pki`", "")) == [
        "src/cli depends on src/pki, which docs/architecture.md does not let it see",
        "src/pki has no row in docs/architecture.md",
    ]


def test_a_row_without_a_package(small):
    assert small(table=TABLE + "| `gone` | nothing | - |\n") == [
        "src/gone has a row in docs/architecture.md, and no BUILD.bazel"
    ]


def test_a_dependency_that_the_table_does_not_grant(small):
    assert small(table=TABLE.replace("| `base`, `pki` |", "| `pki` |")) == [
        "src/cli depends on src/base, which docs/architecture.md does not let it see"
    ]


def test_a_grant_that_nobody_uses(small):
    cli = CLI.replace(', "//src/pki:names"', "")
    assert small(cli=cli, pki=PKI.replace("//src/cli:__pkg__", "//visibility:private")) == [
        "docs/architecture.md lets src/cli see src/pki, which it does not need"
    ]


def test_tests_use_what_the_table_does_not_grant(small):
    cli = CLI + 'cc_test(name = "cli_test", deps = ["//src/look"])'
    assert small(cli=cli) == []


def test_a_table_out_of_order(small):
    row = "| `base` | files | - |\n"
    assert small(table=TABLE.replace(row, "") + row) == [
        "docs/architecture.md has src/cli before src/base, which it sees",
        "docs/architecture.md has src/pki before src/base, which it sees",
    ]


def test_a_cycle(small):
    base = BASE.replace('"@absl"', '"@absl", "//src/pki"')
    pki = PKI.replace('["//src/cli', '["//src/base:__pkg__", "//src/cli')
    assert small(base=base, pki=pki) == [
        "src/base depends on src/pki, which docs/architecture.md does not let it see",
        "src/base > src/pki > src/base",
    ]


def test_a_package_that_is_visible_to_too_many(small):
    assert small(pki=PKI.replace("//src/cli:__pkg__", "//src:__subpackages__")) == [
        "src/pki is not visible to //src/cli:__pkg__, which uses it",
        "src/pki is visible to //src:__subpackages__, which does not use it",
    ]


def test_a_package_that_is_visible_to_too_few(small):
    assert small(base=BASE.replace(', "//tests:__pkg__"', "")) == [
        "src/base is not visible to //tests:__pkg__, which uses it"
    ]


def test_a_package_that_is_visible_to_nobody_who_uses_it(small):
    assert small(tests="") == ["src/base is visible to //tests:__pkg__, which does not use it"]


def test_a_package_that_nobody_uses(small):
    assert small(root="") == ["src/cli is not private, although nobody uses it",
                              "src/cli is visible to //:__pkg__, which does not use it"]


def test_the_root_and_nobody(small):
    assert small(root="", cli=CLI.replace("//:__pkg__", "//visibility:private")) == []


def test_a_target_with_a_visibility_of_its_own(small):
    pki = PKI.replace('name = "names",', 'name = "names", visibility = ["//visibility:public"],')
    assert small(pki=pki) == ["src/pki:names has a visibility of its own, beside the package's"]
