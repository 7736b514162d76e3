"""What an error tells a user to do can be done: every name in a remedy exists, with the arguments that it names."""

import ast
import inspect
import re
from importlib import import_module

import pytest

import bayesjoint as bj
from bayesjoint.engines import dense

from .test_layers import package_files

RAISING = {"fail": (1, 3), "as_count": (3,), "refuse": (2,)}  # places of requirement and remedy among arguments
OTHERS = {  # that users may meet elsewhere
    "LinearOperator", "DataArray", "NumPy", "NaN", "Matplotlib", "ParameterBlock", "AgreementTest", "GeoTIFF", "ArviZ"}
ANY = {"f", "kernel", "replace", "dimension", "function"}  # a user's own function, a method named before, a plural
OWNERS = {"mesh": bj.Mesh, "post": bj.Posterior, "posterior": bj.Posterior, "joint": bj.Posterior,
          "problem": bj.JointProblem, "survey": bj.Survey, "modality": bj.Modality, "operator": bj.GravityOperator,
          **{cls.__name__: cls for cls in (bj.Mesh, bj.Survey, bj.Parameter, bj.RockTable, bj.GravityOperator)}}


def attributes(cls):
    """Names that objects of a class or of the engines derived from it have."""
    family = [*cls.__mro__[:-1], *([dense.DensePosterior] if cls is bj.Posterior else [])]
    written = "".join(inspect.getsource(c) for c in family if c.__module__.startswith("bayesjoint"))
    return {*re.findall(r"self\.([a-z]\w*)\b", written), *(m for c in family for m in dir(c) if m[0] != "_")}


HAS = {name: attributes(cls) for name, cls in OWNERS.items()}


def texts(files):
    """(place, text) of every string in a call that raises an error; names of constants are looked up in the file."""
    for path, source in files.items():
        tree = ast.parse(source)
        constants = {t.id: node.value for node in tree.body if isinstance(node, ast.Assign)
                     for t in node.targets if isinstance(t, ast.Name)}
        for node in ast.walk(tree):
            places = RAISING.get(getattr(node.func, "id", "")) if isinstance(node, ast.Call) else None
            if places is None:
                continue
            keyed = [k.value for k in node.keywords if k.arg == "remedy"]
            for argument in [*(a for k, a in enumerate(node.args) if k in places), *keyed]:
                found = constants.get(argument.id) if isinstance(argument, ast.Name) else argument
                if found is not None:
                    yield f"{path}:{node.lineno}", said(found)


def said(node):
    """The text of an expression; what is filled in shows as “…”."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(said(v) if isinstance(v, ast.Constant) else "…" for v in node.values)
    if isinstance(node, ast.BinOp):
        return said(node.left) + said(node.right)
    if isinstance(node, ast.IfExp):
        return f"{said(node.body)} {said(node.orelse)}"
    return ""


def public(name):
    return getattr(bj, name, None) if name in bj.__all__ else None


def complaints(text):
    """What a text names that there is not."""
    for name in re.findall(r"\bbj\.(\w+)", text):
        if public(name) is None:
            yield f"bj.{name} does not exist"
    for name in re.findall(r"(?<!bj\.)\b([A-Z][a-z]+[A-Z]\w*)", text):
        if public(name) is None and name not in OTHERS:
            yield f"{name} is no public name"
    for owner, name in re.findall(r"(?<![.\w])(\w+)\.([a-z]\w*)\b", text):
        if owner in HAS and name not in HAS[owner]:
            yield f"{owner}.{name} does not exist"
    for room, name in re.findall(r"\bbayesjoint\.([a-z]\w*)\.(\w+)", text):
        if not hasattr(import_module(f"bayesjoint.{room}"), name):
            yield f"bayesjoint.{room}.{name} does not exist"
    for before, name, inside in re.findall(r"([.\w]?)\b([A-Za-z_]\w*)\(([^()]*)", text):
        found = public(name)
        if found is None and before != "." and name not in ANY:
            yield f"{name}(...) is no public name"
        if found is not None:
            yield from unknown_keywords(name, found, inside)
    if "active=" in text:
        yield "active= is an argument of operators alone, which surveys build themselves"


def unknown_keywords(name, found, inside):
    known = inspect.signature(found).parameters
    if any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return
    for key in re.findall(r"(?:^|, ?)(\w+)=", inside):
        if key not in known:
            yield f"{name} takes no {key}="


def test_every_remedy_can_be_followed():
    found = [f"{place}: {complaint}" for place, text in texts(package_files()) for complaint in complaints(text)]
    assert found == []


@pytest.mark.parametrize(("text", "wrong"), [
    ("Use bj.StationSelect(operator).", "bj.StationSelect does not exist"),
    ("Wrap it in MaternKern.", "MaternKern is no public name"),
    ("Use refined_mesh(mesh, 2).", "refined_mesh(...) is no public name"),
    ("Use bayesjoint.forward.refine(mesh).", "bayesjoint.forward.refine does not exist"),
    ("Ask problem.linearized(x).", "problem.linearized does not exist"),
    ("Use find_map(problem, iterations=9).", "find_map takes no iterations="),
    ("Mark air cells with active=.", "active= is an argument of operators alone, which surveys build themselves"),
])
def test_the_check_catches_what_is_not_there(text, wrong):
    source = f"def f():\n    fail('a', 'be b', 'c', {text!r})\n"
    assert [c for _, said in texts({"x.py": source}) for c in complaints(said)] == [wrong]
