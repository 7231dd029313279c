"""Puts the page of `kplan graph --format=html` together and writes it as a C++ source (graph_page.h).

    embed.py page.html page.css LIBRARY.js LICENSE OUT.cc JS...

In page.html @CSS@, @JS@, @LIBRARY@ and @LICENSE@ stand for the files, those of JS one after another as one program,
@CSS_HASH@, @JS_HASH@ and @LIBRARY_HASH@ for their digests as a Content-Security-Policy has them
(https://www.w3.org/TR/CSP3/#grammardef-hash-source), @TITLE@ and @DATA@ for those of the graph.
"""

import base64
import hashlib
import re
import sys


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def policy_hash(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def literal(text):
    """TEXT as C++ string literals, a line of it each; what is no plain ASCII as octal escapes."""
    lines = []
    for line in text.encode().splitlines(keepends=True):
        # A compiler need not take more than 65,536 characters in one literal before it joins them.
        for begin in range(0, len(line), 4096):
            escaped = "".join(
                chr(byte) if 0x20 <= byte < 0x7F and chr(byte) not in '"\\?' else f"\\{byte:03o}"
                for byte in line[begin:begin + 4096])
            lines.append(f'    "{escaped}"')
    return "\n".join(lines)


def main():
    page, css, library, licence = (read(path) for path in sys.argv[1:5])
    js = "".join(read(path) for path in sys.argv[6:])
    # A map is for whoever mends the library, and would be looked for beside the page.
    library = re.sub(r"^//# sourceMappingURL=.*\n?", "", library, flags=re.MULTILINE)
    # HTML's parser looks for these whatever the program means by them.
    for name, text in (("script", js), ("script", library), ("style", css)):
        if re.search(rf"</{name}|<!--", text, re.IGNORECASE):
            sys.exit(f"embed.py: a file holds </{name} or <!--, and would end its element")
        # The parser makes them LF before the digest is compared.
        if "\r" in text:
            sys.exit("embed.py: a file has carriage returns")
    if "-->" in licence:
        sys.exit("embed.py: the licence would end its comment")
    values = {
        "CSS": css,
        "JS": js,
        "LIBRARY": library,
        "LICENSE": licence,
        "CSS_HASH": policy_hash(css),
        "JS_HASH": policy_hash(js),
        "LIBRARY_HASH": policy_hash(library),
    }
    parts = [re.sub(r"@([A-Z_]+)@", lambda match: values[match.group(1)], part) for part in re.split("@TITLE@|@DATA@", page)]
    with open(sys.argv[5], "w", encoding="ascii") as out:
        out.write('#include "src/show/graph_page/graph_page.h"\n\nnamespace kplan {\nnamespace {\n')
        for name, part in zip(("kHead", "kBody", "kTail"), parts):
            out.write(f"\nconstexpr char {name}[] =\n{literal(part)};\n")
        out.write("\n}  // namespace\n")
        for function, name in (("GraphPageHead", "kHead"), ("GraphPageBody", "kBody"), ("GraphPageTail", "kTail")):
            out.write(f"\nabsl::string_view {function}() {{ return {{{name}, sizeof({name}) - 1}}; }}\n")
        out.write("\n}  // namespace kplan\n")


main()
