"""Tree in, one HTML file out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .._checks import as_target, checked, fail
from .._typing import xr
from ..dataset import beside, read_attributes, read_tree
from ..plot import has, is_tree, labels_of, mesh_of, mesh_parameters, pretty
from . import _agreement as accord
from . import _facts as facts
from . import _figures as figures
from . import _first_screen as first_screen
from . import _ground as ground
from . import _heading as heading
from . import _outliers as outliers
from . import _panels as panels
from . import _questions as questions
from . import _targets as targets
from . import _viewer as view
from . import _words as words
from ._tables import labelled
from ._tied import tied, tied_page


@checked
def report(tree: xr.DataTree | str | Path, path: str | Path = "report.html", title: str | None = None) -> Path:
    """Write a result as one self-contained HTML file: no network, readable on a phone, on paper and without scripts.

    Everything it says is computed from the tree. It names what is approximate and by how much, and prints
    probability and kind with every interval.

    Parameters
    ----------
    tree : xarray.DataTree or path-like
        From `to_datatree` or `bayesjoint.dataset.build_tree`, or the netCDF file of one; or what `load` gave.
    path : path-like, default "report.html"
        Target; written beside and renamed, so it is never half there.
    title : str, optional
        Heading; default the tree's own ``title``, else one made of its data sets.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        If `tree` is no result tree, or a file that is missing or not ours, or the target's folder does not exist.

    Examples
    --------
    >>> import tempfile
    >>> from bayesjoint.dataset import ParameterBlock, build_tree
    >>> tree = build_tree([ParameterBlock(name="H0", dims=("H0_id",), units="km/s/Mpc", mean=[70.0], std=[1.5])])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     "H0" in report(tree, folder + "/report.html").read_text(encoding="utf-8")
    True
    """
    source = tree if isinstance(tree, str | os.PathLike) else "posterior.nc"
    if isinstance(tree, str | os.PathLike):
        tree = read_tree(tree)
    if not is_tree(tree):
        fail("tree", "be a result tree or the path of one", type(tree).__name__,
             "Pass posterior.to_datatree(), or the netCDF file it was saved as.", TypeError)
    path = as_target("path", path)
    _refuse_other(path)
    beside_it = path.with_name(Path(source).name)
    content = _content(tree, title) | {"dataset": beside_it.name if beside_it.is_file() else None}
    text = tied_page(labelled(_render(content)))
    with beside(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def _render(content):
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                              loader=PackageLoader(__package__, ""))
    environment.filters |= {"number": words.number, "percent": words.percent, "pretty": pretty,
                            "tail": words.tail, "readable": words.readable, "fixed": words.fixed,
                            "tied": tied, "with_error": words.within}
    return environment.get_template("template.html").render(content)


def _content(tree, title):
    root, fits = read_attributes(tree), facts.fits(tree)
    properties = [facts.ReportedProperty(tree, name) for name in mesh_parameters(tree)]
    gains = facts.gains(tree)
    stated = [a | {"statement": ground.without_family(a["statement"], tree)} for a in facts.approximations(tree)]
    mesh, vectors = mesh_of(tree) if properties else None, facts.vectors(tree)
    for p in properties:
        p.cell = targets.cell_of(mesh)
    held, warned = ground.ground(tree), ground.unchecked(tree)
    brief = [a for a in stated if held is None or a["name"] not in ground.STATED]
    agreed = accord.agreement(tree)
    objected = () if agreed is None else agreed["objected"]
    lead, details = words.answer(fits, properties, gains, brief, mesh, facts.unmixed(tree), held, objected)
    if agreed is not None:
        lead = f"{agreed['headline']} {lead}"
    listed = targets.targets(tree, fits)
    pictures = {p.name: figures.ModelPictures(tree, p.name) for p in properties}
    return {
        "answers": first_screen.answers(properties, fits, gains, held, agreed, facts.unmixed(tree), listed),
        "maps": first_screen.maps(tree, pictures),
        "viewer": view.viewer(tree), "too_many": view.too_many(tree), "scripts": view.scripts(),
        "targets": listed,
        "title": heading.title(title or root.get("title"), root, fits), "system": heading.system(fits),
        "root": root,
        "unchecked": root.get("unchecked", warned) if warned else None,
        "ground": held,
        "lead": lead,
        "details": [*details, *outliers.outlier_details(tree)],
        "interval": words.interval_name(),
        "single": outliers.single_data(tree),
        "fits": [(fit, figures.survey_pictures(tree, fit)) for fit in fits],
        "models": [_model(tree, p, pictures[p.name]) for p in properties],
        "uncertain": any(p.peak_std is not None for p in properties),
        "vectors": vectors,
        "confusions": any(v["confused"] for v in vectors),
        "gains": gains,
        "relations": [(row, figures.relation_pictures(tree, row)) for row in facts.relations(tree)],
        "history": figures.history_pictures(tree),
        "accord": {"tests": agreed, "matrix": accord.matrix(tree), "remedies": accord.remedies(tree),
                   "pictures": accord.agreement_pictures(tree), "slices": accord.remedy_pictures(tree)},
        "asked": {"quantities": questions.quantity_rows(tree), "resolved": questions.resolved(tree),
                  "leaks": questions.leaks(tree), "information": questions.information(tree),
                  "bought": questions.bought(tree), "calibrated": questions.calibrated(tree),
                  "pictures": panels.pictures_of(tree)},
        "approximations": stated,
        "settings": facts.settings_rows(root.get("settings", {})),
        "mesh": mesh,
        "facts": _run_facts(tree, root),
        "versions": root.get("versions", {}),
    }


def _refuse_other(path):
    """Refuse to replace what is no web page: data, a configuration, a result."""
    if path.is_file():
        with path.open("rb") as stream:
            begins = stream.read(200).lstrip().lower()
        if begins and not begins.startswith((b"<!doctype html", b"<html")):
            fail("path", "be free or hold an earlier report", f"{str(path)!r}, which is no web page",
                 "Choose another name.")


def _model(tree, p, pictures):
    """Pictures and numbers of one parameter."""
    depth = {"depth": pictures.best["depth"]}
    planes = [{axis: pictures.best[axis]} for axis in ("depth", "northing", "easting")]
    separate = [{"label": label.replace("_", " "), "joint": pictures.pair(**depth),
                 "alone": pictures.pair(label, **depth), "ratios": [pictures.ratio(label, **at) for at in planes]}
                for label in labels_of(tree, p.name) if pictures.sure]
    draws = [pictures.panel("draw", **depth)] if p.draws else []
    return {"property": p, "slices": pictures.slices(), "sections": pictures.sections(), "profile": pictures.profile(),
            "draws": draws, "separate": separate, "held": has(tree, "active_bounds", f"{p.name}_active")}


def _run_facts(tree, root):
    """Rows (key, value) that say how the result came about."""
    keys = (("command", "command"),
            ("method", "posterior engine"), ("engine", "posterior engine"), ("reason", "why this engine"),
            ("seed", "seed"), ("log_evidence", "log evidence (nats)"), ("log_evidence_error", "its error (nats)"),
            ("log_evidence_method", "how the evidence was computed"), ("map_method", "optimiser"),
            ("map_converged", "optimiser converged"), ("map_message", "optimiser's message"),
            ("run_time", "run time (s)"), ("draw_storage", "storage of draws"), ("created_at", "made"))
    rows = [(text, root[key]) for key, text in keys if key in root]
    if "posterior" in tree.children:
        sizes = tree["posterior"].sizes
        rows.append(("draws kept", f"{sizes['chain']} chains of {sizes['draw']}"))
    names = mesh_parameters(tree)
    if names:
        rows.append(("cells", int(np.prod(tree["posterior_summary"][f"{names[0]}_mean"].shape))))
    return rows
