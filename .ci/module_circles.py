#!/usr/bin/env python3
"""Fails if modules of a Rust crate use one another in a circle, and prints the circle.

    python3 .ci/module_circles.py FOLDER...     each the src/ folder of a crate
    python3 .ci/module_circles.py --self-test   whether planted circles are found

Module a uses module b if a path in a's file, outside its tests, leads through `crate`, `super` or `self` into b's file;
what `mod.rs`, `lib.rs` or `main.rs` re-exports is followed to where it comes from. One folder uses another if a file of
it does. Parents and children are not compared, for a parent declares its children. But nothing uses what `main.rs` or
`lib.rs` define themselves: they stand above everything.
"""

import re
import sys
import tempfile
from pathlib import Path

Module = tuple[str, ...]
Graph = dict[Module, set[Module]]

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
TESTS = re.compile(r"^#\[cfg\(test\)\]\s*mod \w+ \{.*\Z", re.DOTALL | re.MULTILINE)
USE = re.compile(r"(\bpub(?:\([^)]*\))?\s+)?\buse\s+([^;]*);")
PATH = re.compile(r"(?<![\w:$])(?:crate|super|self)(?:::\w+)+")
ROOTS = ("lib", "main", "mod")


def use_paths(tree: str) -> list[list[str]]:
    """The paths of a use tree such as `crate::a::{self, b::C, d as e}`."""
    stem, brace, branches = re.sub(r"\s+as\s+\w+", "", tree).strip().partition("{")
    stem = re.findall(r"\w+", stem)
    if not brace:
        return [stem]
    parts, depth = [""], 0
    for character in branches.removesuffix("}"):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    parts = [part.strip() for part in parts if part.strip()]
    return [stem + path for part in parts for path in ([[]] if part == "self" else use_paths(part))]


class Crate:
    def __init__(self, root: Path):
        self.files = {}
        for file in sorted(root.rglob("*.rs")):
            parts = file.relative_to(root).with_suffix("").parts
            self.files[parts[:-1] if parts[-1] in ROOTS else parts] = file
        self.exports: dict[Module, dict[str, list[str]]] = {}
        uses: dict[Module, list[list[str]]] = {}
        for module, file in self.files.items():
            text = TESTS.sub("", COMMENT.sub("", file.read_text()))
            trees = USE.findall(text)
            uses[module] = [path for _, tree in trees for path in use_paths(tree)]
            uses[module] += [path.split("::") for path in PATH.findall(USE.sub("", text))]
            public = [path for visible, tree in trees if visible for path in use_paths(tree)]
            self.exports[module] = {path[-1]: path for path in public}
        self.graph: Graph = {module: set() for module in self.files}
        for module, paths in uses.items():
            for path in paths:
                target = self.resolve(module, path)
                if target is not None and not self.are_related(module, target):
                    self.graph[module].add(target)

    def resolve(self, module: Module, path: list[str], depth: int = 0) -> Module | None:
        """The module that a path leads to, seen from this one; nothing for what is not of this crate."""
        here = module
        if path[0] not in ("crate", "super", "self"):
            if module + (path[0],) not in self.files:
                return None
        while path and path[0] in ("crate", "super", "self"):
            here = {"crate": (), "super": here[:-1], "self": here}[path[0]]
            path = path[1:]
        while path and here + (path[0],) in self.files:
            here, path = here + (path[0],), path[1:]
        export = self.exports[here].get(path[0]) if path and here in self.exports else None
        if export and depth < 8:
            return self.resolve(here, export, depth + 1) or here
        return here

    @staticmethod
    def are_related(one: Module, other: Module) -> bool:
        """Whether they are one, or one of them, the root apart, stands above the other."""
        if one == other:
            return True
        shared = min(len(one), len(other))
        return shared > 0 and one[:shared] == other[:shared]

    def folders(self) -> Graph:
        """The same graph of folders at the top, and of the files beside them."""
        lifted: Graph = {}
        for module, targets in self.graph.items():
            lifted.setdefault(module[:1], set()).update(target[:1] for target in targets if target[:1] != module[:1])
        return lifted


def circle(graph: Graph) -> list[Module] | None:
    """A shortest list of modules, each of which uses the next and the last the first."""
    best = None
    for start in sorted(graph):
        came_from: dict[Module, Module] = {}
        queue = [start]
        for module in queue:
            if start in graph[module]:
                found = [module]
                while found[-1] != start:
                    found.append(came_from[found[-1]])
                if best is None or len(found) < len(best):
                    best = found[::-1]
                break
            fresh = [target for target in sorted(graph[module]) if target not in came_from and target != start]
            came_from.update(dict.fromkeys(fresh, module))
            queue += fresh
    return best


def check(root: Path) -> str | None:
    """What is wrong with a crate."""
    crate = Crate(root)
    for graph, what in ((crate.graph, "modules"), (crate.folders(), "folders")):
        found = circle(graph)
        if found:
            names = ["::".join(module) or "crate" for module in [*found, found[0]]]
            return f"a circle of {what}: {' -> '.join(names)}"
    return None


def self_test() -> None:
    def found(files: dict[str, str]) -> str | None:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                file = Path(folder, name)
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
            return check(Path(folder))

    assert use_paths("crate::a::{self, b::{C, D as E}, f}") == [
        ["crate", "a"],
        ["crate", "a", "b", "C"],
        ["crate", "a", "b", "D"],
        ["crate", "a", "f"],
    ]
    straight = {"main.rs": "mod a;\nmod b;\nuse crate::a::A;", "a.rs": "use crate::b::{self, B};", "b.rs": "pub struct B;"}
    assert found(straight) is None
    harmless = "// use crate::a::A;\nuse other::a::A;\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n"
    assert found(straight | {"b.rs": harmless}) is None
    planted = "a circle of modules: a -> b -> a"
    assert found(straight | {"b.rs": "use crate::{\n    a::A,\n    c::C,\n};"}) == planted
    assert found(straight | {"b.rs": "fn f() -> crate::a::A;"}) == planted
    assert found(straight | {"b.rs": "use super::a::A as C;"}) == planted
    exported = {"lib.rs": "mod a;\nmod b;\npub use a::A;\npub use b::B;", "a.rs": "use crate::B;", "b.rs": ""}
    assert found(exported) is None
    assert found(exported | {"b.rs": "use crate::A;"}) == planted
    assert found(straight | {"b.rs": "use crate::Cli;"}) == "a circle of modules: crate -> a -> b -> crate"
    three = straight | {"b.rs": "use crate::c::C;", "c.rs": "use crate::a::{inner::X, A};"}
    assert found(three) == "a circle of modules: a -> b -> c -> a"
    folders = {
        "main.rs": "mod x;\nmod y;",
        "x/mod.rs": "pub mod one;\npub mod two;",
        "x/one.rs": "use crate::y::three::T;",
        "x/two.rs": "pub struct U;",
        "y/mod.rs": "pub mod three;\npub mod four;",
        "y/three.rs": "use super::four::V;",
        "y/four.rs": "use crate::x::two::U;",
    }
    assert found(folders) == "a circle of folders: x -> y -> x"


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    faults = [f"{folder}: {fault}" for folder in sys.argv[1:] if (fault := check(Path(folder)))]
    print(*faults, sep="\n", end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
