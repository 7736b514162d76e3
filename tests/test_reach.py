"""No room reads an underscored attribute of another room's object."""

import ast

from .test_layers import package_files


def room_of(path):
    return path.split("/")[0].removesuffix(".py")


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def defined(tree):
    """Underscored names that a file defines: methods, class attributes, attributes that it sets."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (t.id for t in targets if isinstance(t, ast.Name))


def is_own(value):
    """Whether an attribute is read of the object itself: of self, cls or super()."""
    if isinstance(value, ast.Call):
        return getattr(value.func, "id", "") == "super"
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


def reaches(files):
    """["path:line: name"] of underscored attributes that only other rooms define."""
    trees = {path: ast.parse(source) for path, source in files.items()}
    own = {}
    for path, tree in trees.items():
        own.setdefault(room_of(path), set()).update(name for name in defined(tree) if is_private(name))
    return [f"{path}:{node.lineno}: {node.attr}" for path, tree in trees.items() for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and is_private(node.attr) and not is_own(node.value)
            and node.attr not in own[room_of(path)] and node.attr not in ("_asdict", "_replace", "_fields")]


def test_no_room_reads_what_another_keeps_to_itself():
    assert reaches(package_files()) == []


def test_a_reach_is_seen():
    reader = "def f(a):\n    return a._x\n"
    files = {"engines/a.py": "class A:\n    def __init__(self):\n        self._x = 1\n", "plot/b.py": reader,
             "engines/c.py": reader}
    assert reaches(files) == ["plot/b.py:2: _x"]
