"""Data moves one way: every module imports only from rooms above it in the flow of the design.

The order below is the design's table of rooms. Imports anywhere in a file count, those inside functions and
`import_module` calls too; the package's front door resolves names by string and is held by `test_import`.
"""

import ast
from pathlib import Path

import pytest

import bayesjoint

PACKAGE = Path(bayesjoint.__file__).parent
FLOW = (
    "mesh", "quantities", "survey", "dataset", "forward", "noise", "priors", "couplings", "problem", "solvers",
    "gaussian", "augment", "preparation", "map_estimate", "engines", "hyperparameters", "functionals", "diagnostics",
    "geology", "calibration", "tempering", "agreement", "assimilation", "io", "plot", "reporting", "cli", "__main__",
)  # fmt: skip
RANK = {room: k for k, room in enumerate(FLOW)}
ALONE = ("testing",)  # knows no other room, for it serves people who add physics of their own
# Survey.modality, Survey.plot and Posterior.plot, resolved when called: what a user holds offers the next step
LATE_BINDINGS = {("survey/_survey.py", "problem"), ("survey/_views.py", "plot"), ("engines/_views.py", "plot")}
ONLY_IN = {"choclo": ("forward/_kernels.py",)}  # foreign packages that one file alone may import
TYPES = "_typing.py"  # imports rooms where type checkers look, and nowhere else
ONLY_WRITER = ("dataset", "to_netcdf")


def is_shared(room):
    """Whether a module belongs to no room: `_checks` and other private ones at the top, and the front door."""
    return room.startswith("_") and room not in RANK


def imported(tree, package):
    """(dotted module, line) of every import in a syntax tree whose file lives in `package` ("bayesjoint.survey")."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute("." * node.level + (node.module or ""), package)
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
            name = node.args[0]
            if isinstance(name, ast.Constant):
                # `import_module(".x", __name__)` counts its dots from the module, one level below its package.
                own = len(node.args) > 1 and getattr(node.args[1], "id", "") == "__name__"
                text = name.value[1:] if own and name.value.startswith(".") else name.value
                yield absolute(text, package), node.lineno


def absolute(name, package):
    level = len(name) - len(name.lstrip("."))
    if level == 0:
        return name
    base = package.split(".")[: len(package.split(".")) - level + 1]
    return ".".join([*base, name.lstrip(".")]).rstrip(".")


def violations(files):
    """Complaints about a package given as {path relative to it: source}."""
    found = []
    for path, source in files.items():
        parts = path.removesuffix(".py").split("/")
        room = parts[0]
        package = ".".join(["bayesjoint", *parts[:-1]])
        tree = ast.parse(source)
        if not is_shared(room) and room not in RANK and room not in ALONE:
            found.append(f"{path}: {room} is no room of the flow; give it a place in FLOW")
        for name, line in imported(tree, package):
            found += [f"{path}:{line}: {complaint}" for complaint in complaints(path, room, name.split("."))]
        found += [
            f"{path}:{node.lineno}: only {ONLY_WRITER[0]} calls {ONLY_WRITER[1]}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr == ONLY_WRITER[1] and room != ONLY_WRITER[0]
        ]
    return found


def complaints(path, room, name):
    if name[0] != "bayesjoint":
        allowed = ONLY_IN.get(name[0], (path,))
        return [] if path in allowed else [f"only {', '.join(allowed)} may import {name[0]}"]
    if len(name) == 1:
        return ["imports the front door, which imports everything"]
    target = name[1]
    if target == room or is_shared(target) or (path, target) in LATE_BINDINGS:
        return []
    if path == TYPES:
        return []
    if is_shared(room) or room in ALONE:
        return [f"{room} must know no room, imports {target}"]
    if target not in RANK:
        return [f"imports {target}, which is no room of the flow"]
    return [] if RANK[target] < RANK.get(room, -1) else [f"{room} imports {target}, which is not above it"]


def package_files():
    return {
        path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))
    }


def test_every_module_keeps_to_the_flow():
    assert violations(package_files()) == []


GOOD = {
    "import numpy": ("priors/matern.py", "import numpy as np\nfrom scipy.fft import dctn"),
    "room above": ("problem/joint.py", "from ..noise import DiagonalNoise\nfrom ..forward.base import ForwardOperator"),
    "same room": ("problem/joint.py", "from .parameter import Parameter\nfrom . import modality"),
    "shared checks": ("testing.py", "from ._checks import fail"),
    "from the top": ("map_estimate.py", "from .solvers import pcg"),
    "the late binding": ("survey/_survey.py", 'x = import_module("...problem.from_survey", __name__)'),
    "kernels": ("forward/_kernels.py", "from choclo.prism import kernel_u"),
    "writer": ("dataset/netcdf.py", "tree.to_netcdf(path)"),
}  # fmt: skip
BAD = {
    "below": ("noise.py", "from .problem import JointProblem", "noise imports problem"),
    "below, absolute": ("noise.py", "import bayesjoint.problem._joint_problem", "noise imports problem"),
    "below, from": ("noise.py", "from bayesjoint.problem import joint", "noise imports problem"),
    "package of rooms": ("priors/matern.py", "from .. import couplings", "priors imports couplings"),
    "inside a function": ("mesh.py", "def f():\n    from .survey import Survey", "mesh imports survey"),
    "by string": ("noise.py", 'import_module(".problem", __package__)', "noise imports problem"),
    "by string, nested": ("priors/a.py", 'importlib.import_module("..engines", __package__)', "priors imports engines"),
    "by string, own name": ("survey/rogue.py", 'import_module("...problem", __name__)', "survey imports problem"),
    "another late binding": ("survey/_survey.py", "from ..forward import GravityOperator", "survey imports forward"),
    "front door": ("engines/dense.py", "import bayesjoint as bj", "front door"),
    "front door names": ("engines/dense.py", "from bayesjoint import Mesh", "no room"),
    "alone": ("testing.py", "from .mesh import Mesh", "testing must know no room"),
    "shared": ("_checks.py", "from .mesh import Mesh", "_checks must know no room"),
    "nobody needs testing": ("engines/dense.py", "from ..testing import assert_adjoint", "no room"),
    "new room": ("magic.py", "x = 1", "give it a place"),
    "edges": ("engines/dense.py", "from ..plot import model", "engines imports plot"),
    "choclo": ("forward/toeplitz.py", "from choclo.prism import kernel_u", "may import choclo"),
    "another writer": ("reporting/html.py", "tree.to_netcdf('x.nc')", "only dataset calls"),
}


@pytest.mark.parametrize(("path", "source"), GOOD.values(), ids=GOOD)
def test_the_checker_passes_what_is_right(path, source):
    assert violations({path: source}) == []


@pytest.mark.parametrize(("path", "source", "complaint"), BAD.values(), ids=BAD)
def test_the_checker_catches_what_is_wrong(path, source, complaint):
    found = violations({path: source})
    assert len(found) == 1
    assert complaint in found[0]
