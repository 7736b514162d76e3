"""Public signatures are annotated, and the package says so."""

import ast
import inspect
from pathlib import Path

import pytest

import bayesjoint as bj

PACKAGE = Path(bj.__file__).parent


def callables():
    """(label, function) of every public function, constructor and method."""
    for name in bj.__all__:
        thing = getattr(bj, name)
        if inspect.isfunction(thing):
            yield name, thing
        elif inspect.isclass(thing):
            for key, value in vars(thing).items():
                function = getattr(value, "__func__", value)
                own = inspect.isfunction(function) and function.__module__ == thing.__module__
                if own and (key == "__init__" or not key.startswith("_")):
                    yield f"{name}.{key}", function


CALLABLES = dict(callables())


@pytest.mark.parametrize("function", CALLABLES.values(), ids=list(CALLABLES))
def test_every_argument_is_annotated(function):
    open_ = [p.name for p in inspect.signature(function).parameters.values()
             if p.annotation is p.empty and p.name not in ("self", "cls")]
    assert open_ == []


def test_type_checkers_are_told():
    assert (PACKAGE / "py.typed").is_file()


def test_rooms_are_imported_for_type_checkers_alone():
    """At run time `_typing` knows no room: only its TYPE_CHECKING block imports them."""
    tree = ast.parse((PACKAGE / "_typing.py").read_text(encoding="utf-8"))
    outside = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.level]
    assert outside == []
