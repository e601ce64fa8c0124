#!/usr/bin/env python3
"""Checks every #include "..." of c_core/src against the table "Rooms" of ARCHITECTURE.md.

    python3 .ci/rooms.py

The table's first column names folders and files of c_core/src, the last one the rooms that these may include headers
of, all of them further up; a room may always include its own headers, those of common/ and the public ones. A header
belongs to the row that names it most exactly: predecode/event/ is not predecode/.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


class Rooms:
    """The table: for each room, the rooms that it may use."""

    def __init__(self, text):
        table = text.split("\n| Room |", 1)[1].split("\n\n", 1)[0]
        self.may_use = {}
        for row in table.splitlines()[2:]:
            cells = [cell.strip() for cell in row.strip("|").split("|")]
            names = re.findall(r"`([^`]+)`", cells[0])
            used = {name.strip(" `").rstrip("/") for name in cells[-1].split(",") if name.strip(" `")}
            above = {name.rstrip("/") for name in self.may_use}
            if not names or used - above:
                raise SystemExit(f"ARCHITECTURE.md: rooms in this row are no rows above it: {row}")
            for name in names:
                self.may_use[name] = used | {"common"} | {other.rstrip("/") for other in names}

    def room_of(self, path):
        """The row that names a file, below c_core/src, most exactly; None if there is none."""
        fits = [name for name in self.may_use if path == name or (name.endswith("/") and path.startswith(name))]
        return max(fits, key=len, default=None)

    def violations(self, files):
        """A line for each include that the table does not allow; `files` are texts by path below c_core/src."""
        for path, text in sorted(files.items()):
            room = self.room_of(path)
            if room is None:
                yield f"{path}: in no room"
                continue
            for header in INCLUDE.findall(text):
                if header.startswith("outrider/"):
                    continue
                target = self.room_of(header)
                if header not in files or target is None:
                    yield f'{path}: #include "{header}" is no file of a room'
                elif target.rstrip("/") not in self.may_use[room]:
                    yield f'{path}: #include "{header}", which {room} may not use'


def test_that_violations_are_found():
    rooms = Rooms(
        "# Title\n\n| Room | Holds | May use |\n|---|---|---|\n| `common/` | | |\n| `low/` | | |\n"
        "| `low/deep/` | | low |\n| `top.c`, `top.h` | | `low/deep` |\n\n| Other | |\n"
    )
    files = {
        "common/bits.h": '#include "outrider/status.h"\n#include <stdint.h>\n',
        "low/a.h": '#include "common/bits.h"\n#include "low/b.h"\n',
        "low/b.h": "",
        "low/deep/c.h": '#include "low/a.h"\n',
        "top.c": '#include "top.h"\n#include "low/deep/c.h"\n',
        "top.h": "",
    }
    assert not list(rooms.violations(files))
    for path, include in [
        ("common/bits.h", "low/a.h"),
        ("low/a.h", "low/deep/c.h"),
        ("low/b.h", "top.h"),
        ("top.c", "low/a.h"),
        ("low/a.h", "low/missing.h"),
        ("elsewhere/d.h", "common/bits.h"),
    ]:
        planted = {**files, path: files.get(path, "") + f'#include "{include}"\n'}
        assert len(list(rooms.violations(planted))) == 1, (path, include)


def main():
    test_that_violations_are_found()
    source = ROOT / "c_core/src"
    files = {str(path.relative_to(source)): path.read_text() for path in source.rglob("*.[ch]")}
    violations = list(Rooms((ROOT / "ARCHITECTURE.md").read_text()).violations(files))
    for line in violations:
        print(f"c_core/src/{line}", file=sys.stderr)
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
