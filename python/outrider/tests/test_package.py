"""The package as a whole: documentation, stubs."""

import ast
import doctest
import inspect
import pathlib

import pytest

import outrider
from outrider import _outrider


def public(holder):
    return {name for name in vars(holder) if not name.startswith("_")}


def test_everything_is_documented():
    assert set(outrider.__all__) == public(outrider) - {"TYPE_CHECKING", "annotations"}
    for name in outrider.__all__:
        thing = getattr(outrider, name)
        assert inspect.getdoc(thing)
        for member in public(thing) if inspect.isclass(thing) else ():
            assert inspect.getdoc(inspect.getattr_static(thing, member)), f"{name}.{member}"


def test_example_of_the_documentation_runs():
    assert doctest.testmod(outrider) == (0, 6)


def test_stubs_name_what_is_there():
    stub = pathlib.Path(outrider.__file__).with_name("_outrider.pyi")
    assert stub.with_name("py.typed").exists()
    classes = {node.name: node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ClassDef)}
    assert classes.keys() == public(_outrider)
    for name, node in classes.items():
        members = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
        found = getattr(_outrider, name)
        assert members.keys() - {"__new__"} == public(found)
        for member, function in members.items():
            target = found if member == "__new__" else inspect.getattr_static(found, member)
            if inspect.isgetsetdescriptor(target):
                continue
            target = target.__func__ if isinstance(target, staticmethod) else target
            parameters = inspect.signature(target).parameters
            arguments = function.args
            names = [argument.arg for argument in [*arguments.args, *arguments.kwonlyargs]]
            if member == "__new__":
                names = names[1:]
            assert names == list(parameters), f"{name}.{member}"


@pytest.mark.parametrize("name", ["Decoder", "MatchingGraph", "Model", "Sampler", "SurfaceCode"])
def test_objects_describe_themselves(name):
    model = outrider.Model("error(0.1) D0 L0")
    graph = outrider.MatchingGraph(model)
    things = [outrider.Decoder(graph), graph, model, outrider.Sampler(model), outrider.SurfaceCode(3, 2, 0.0)]
    described = {type(thing).__name__: repr(thing) for thing in things}
    assert described[name].startswith(f"<outrider.{name}: ")
