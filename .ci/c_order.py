#!/usr/bin/env python3
"""Checks that the C files of the core have one order of functions.

    python3 .ci/c_order.py

A file's public functions come first, its static ones after them; a static one that is used earlier is declared at the
top. In kernels/ the static ones come first, because macros and inlined templates make the public ones out of them.
"""

import re
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "c_core/src"
IGNORED = re.compile(r'/\*.*?\*/|//[^\n]*|^[ \t]*#(?:[^\n\\]|\\.)*|"(?:[^"\\\n]|\\.)*"', re.DOTALL | re.MULTILINE)
# A definition starts in the first column and has no `;` or `=` before its body.
FUNCTION = re.compile(r"^(?!typedef\b)(\w[^;={}()]*?)(\w+)\([^;={}]*\)\s*\{", re.MULTILINE)


def violations(path, text):
    """A line for each function that stands in the wrong half of its file; `path` is below c_core/src."""
    text = IGNORED.sub(lambda match: "\n" * match[0].count("\n"), text)
    functions = [
        (match[1].startswith("static "), match[2], text.count("\n", 0, match.start()) + 1)
        for match in FUNCTION.finditer(text)
    ]
    static_first = path.startswith("kernels/")
    begun = False
    for is_static, name, line in functions:
        begun |= is_static != static_first
        if begun and is_static == static_first:
            order = "static functions come first" if static_first else "public functions come first"
            yield f"{path}:{line}: {name}: {order}"


def test_that_violations_are_found():
    public = "int otr_{0}(\n    int a) {{\n    return {0}(a);\n}}\n"
    static = "static int {0}(int a) {{\n    return a;\n}}\n"
    a, b, f, g = public.format("a"), public.format("b"), static.format("f"), static.format("g")
    top = "typedef int (*otr_x)(int);\nstatic int f(int a);\nstatic const otr_x X[] = {f};\n"
    top += "/*\nstatic int h() {\n}\n*/\n"
    macro = "#define M(x) \\\nstatic int x() { \\\n}\nstruct s {\n    int a;\n};\n"

    def found(path, *parts):
        return [line.split(": ")[1] for line in violations(path, "".join(parts))]

    assert found("a.c", top, macro, a, b, f, g) == []
    assert found("a.c", top, f, macro, g) == found("a.c", a) == []
    assert found("a.c", top, f, macro, a, g, b) == ["otr_a", "otr_b"]
    assert found("a.c", a, g, "static inline ", f.removeprefix("static "), b) == ["otr_b"]
    assert found("kernels/a.c", top, macro, f, g, a, "OTR_KERNEL(otr_k) {\n}\n") == []
    assert found("kernels/a.c", f, a, macro, g) == ["g"]
    assert list(violations("a.c", top + f + a))[0].startswith("a.c:11: ")


def main():
    test_that_violations_are_found()
    found = 0
    for path in sorted(SOURCE.rglob("*.c")):
        for line in violations(str(path.relative_to(SOURCE)), path.read_text()):
            print(f"c_core/src/{line}", file=sys.stderr)
            found += 1
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
