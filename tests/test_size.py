"""Rooms stay small: no file over 400 lines, no function over 50."""

import ast

from .test_layers import package_files

FILE, FUNCTION = 400, 50


def code_span(node):
    """Lines of a function without its docstring."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(getattr(first, "value", None), ast.Constant)
    return node.end_lineno - node.lineno + 1 - ((first.end_lineno - first.lineno + 1) if documented else 0)


def too_long(files):
    """["path: lines"] of files, and ["path:line name: lines"] of functions, that are."""
    out = [f"{path}: {source.count(chr(10))}" for path, source in files.items() if source.count("\n") > FILE]
    for path, source in files.items():
        out += [f"{path}:{node.lineno} {node.name}: {code_span(node)}" for node in ast.walk(ast.parse(source))
                if isinstance(node, ast.FunctionDef) and code_span(node) > FUNCTION]
    return out


def test_no_file_and_no_function_is_too_long():
    assert too_long(package_files()) == []


def test_what_is_too_long_is_seen():
    body = "\n".join(["    x = 1"] * 50)
    assert too_long({"a.py": f'def f():\n    """Words."""\n{body}\n'}) == ["a.py:1 f: 51"]
    assert too_long({"b.py": "x = 1\n" * 401}) == ["b.py: 401"]


def test_nothing_looks_for_a_basis_by_name():
    """Terms of a modality are fields: an operator of a user's may have any attribute."""
    for path, source in package_files().items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("hasattr", "getattr"):
                assert getattr(node.args[1], "value", None) != "basis", f"{path}:{node.lineno}"
