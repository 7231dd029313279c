"""No two headers define a type of one name: the linker takes one of the two for both (C++17, 6.2, one-definition rule), and says nothing."""

import collections
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
# At the margin: what is in another class, or in a namespace of its own, is indented or has another name.
DEFINITION = re.compile(r"^(?:template <[^>]*>\s*)?(?:class|struct|enum class)\s+(?:ABSL_\w+\s+)?(\w+)(?:\s+final)?\s*(?::[^:;{]*)?\{", re.MULTILINE)
# Whose types are seen by one file alone.
ANONYMOUS = re.compile(r"^namespace \{$.*?^\}  // namespace$", re.MULTILINE | re.DOTALL)


def definitions():
    """{name of a type: the files that define it}, of all that other files can see."""
    found = collections.defaultdict(list)
    for path in sorted((ROOT / "src").rglob("*.h")) + sorted((ROOT / "src").rglob("*.cc")):
        text = ANONYMOUS.sub("", path.read_text(encoding="utf-8"))
        for name in DEFINITION.findall(text):
            found[name].append(str(path.relative_to(ROOT)))
    return found


def test_types_have_names_of_their_own():
    found = definitions()
    assert len(found) > 300, "the pattern finds the types"
    twice = {name: files for name, files in found.items() if len(set(files)) > 1}
    assert not twice, twice
