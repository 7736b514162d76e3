"""Runs side by side: one page and one table of what differs between them, each number with its error."""

from __future__ import annotations

import csv
import io
from functools import partial

import numpy as np

from .. import plot
from .._checks import checked, fail
from . import _agreement as accord
from . import _compare_facts as compared
from . import _facts as facts
from . import _first_screen as first_screen
from . import _ground as ground
from . import _targets as targets
from . import _words as words
from ._figures import aspect_of, limits_of, mapped
from ._tables import labelled
from ._tied import tied, tied_page

COLUMNS = ("part", "run", "against", "item", "value", "error", "units", "note")


@checked
def compare_runs(trees: dict) -> tuple:
    """Set results side by side; all but the first are compared with the first.

    Parameters
    ----------
    trees : dict of {str: xarray.DataTree}
        Two or more results by the names that they are to have, as `bayesjoint.dataset.read_tree` gives them.

    Returns
    -------
    page : str
        HTML, self-contained and without scripts.
    table : str
        CSV of all its numbers: part, run, against, item, value, error, units, note.

    Raises
    ------
    ValueError, TypeError
        If there are fewer than two, or one is no result tree.
    """
    if len(trees) < 2:
        fail("trees", "hold two results or more", f"{len(trees)}", "Name another one.")
    for name, tree in trees.items():
        if not plot.is_tree(tree):
            fail(f"trees[{name!r}]", "be a result tree", type(tree).__name__, "Pass post.to_datatree().", TypeError)
    content = _content(trees)
    return tied_page(labelled(_render(content))), _table(content)


def _render(content):
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                              loader=PackageLoader(__package__, ""))
    environment.filters |= {"number": words.number, "pretty": plot.pretty, "signed": words.signed, "fixed": words.fixed,
                            "tied": tied, "with_error": words.within}
    return environment.get_template("compare.html").render(content)


def _content(trees):
    first = next(iter(trees))
    differences, apart = compared.model_differences(trees)
    return {"runs": list(trees), "first": first, "answers": _answers(trees), "asked": compared.asked(trees),
            "fits": _fits(trees), "evidences": compared.evidences(trees), "differences": differences, "apart": apart,
            "pictures": [(d, _pictures(trees[first], trees[d.run], first, d)) for d in differences]}


def _answers(trees):
    """[(question, [answer of each run])] of the first screens of their reports."""
    columns = [_first_screen(tree) for tree in trees.values()]
    return [(row[0].question, list(row)) for row in zip(*columns, strict=True)]


def _first_screen(tree):
    properties, fits = [facts.ReportedProperty(tree, name) for name in plot.mesh_parameters(tree)], facts.fits(tree)
    return first_screen.answers(properties, fits, facts.gains(tree), ground.ground(tree), accord.agreement(tree),
                                facts.unmixed(tree), targets.targets(tree, fits))


def _fits(trees):
    """[(survey, [its `Fit` in each run, or None])]."""
    found = {run: {fit.name: fit for fit in map(partial(compared.with_error, tree), facts.fits(tree))}
             for run, tree in trees.items()}
    names = dict.fromkeys(name for fits in found.values() for name in fits)
    return [(name, [fits.get(name) for fits in found.values()]) for name in names]


def _pictures(one, other, first, difference):
    """Panels of mean and standard deviation of both, and of what lies between, at the depth that stands out."""
    at = {"depth": plot.best_sections(one)["depth"]}
    out = []
    for what, kind, between, change in (("mean", "diverging", "diverging", np.subtract),
                                        ("std", "sequential", "ratio", np.divide)):
        if not all(plot.has(tree, "posterior_summary", f"{difference.name}_{what}") for tree in (one, other)):
            continue
        values = [plot.model_values(tree, difference.name, what).values for tree in (one, other)]
        limits = limits_of(kind, np.concatenate(values))
        both = [_panel(one, v, difference, f"{what} of {run}", kind, limits, at)
                for v, run in zip(values, (first, difference.run), strict=True)]
        changed = change(values[1], values[0])
        title = f"{what} of {difference.run} {'less' if what == 'mean' else 'over'} that of {first}"
        out.append([*both, _panel(one, changed, difference, title, between, limits_of(between, changed), at,
                                  difference.units if what == "mean" else "1")])
    return out


def _panel(tree, values, difference, title, kind, limits, at, units=None):
    section = plot.cut(values, difference.title, mesh=plot.mesh_of(tree), units=units or difference.units, **at)
    known = section.values[np.isfinite(section.values)]
    reach = words.span(known, section.units) if known.size else "not known in any cell"
    return mapped(lambda ax, cax: plot.draw_section(section, title, kind, ax, limits=limits, colorbar=cax),
                  aspect_of(section), f"{difference.title}: {title}, {section.place}: {reach}")


def _table(content):
    """All numbers as CSV."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(tuple("" if value is None or value != value else value for value in row)
                     for row in _rows(content))
    return stream.getvalue()


def _rows(content):
    runs, first = content["runs"], content["first"]
    for question, answers in content["answers"]:
        for run, answer in zip(runs, answers, strict=True):
            yield "status", run, None, question, answer.status, None, None, " ".join((answer.line, *answer.more))
    for key, values in content["asked"]:
        for run, value in zip(runs, values, strict=True):
            yield "asked", run, None, key, value, None, None, None
    for name, fits in content["fits"]:
        for run, fit in zip(runs, fits, strict=True):
            if fit is not None:
                value, low, high, whose = fit.judged
                yield ("fit", run, None, f"chi2/n of {name}", value, fit.draws_error, "1",
                       f"of {whose}; {low:.3g} to {high:.3g} expected; {fit.verdict}")
    for e in content["evidences"]:
        yield "evidence", e.run, first, "log evidence less that of the first", e.value, e.error, "nats", e.why
    for d in content["differences"]:
        rows = (("rms difference of means", d.rms, d.error, d.units),
                ("largest difference of means", d.largest, d.largest_error, d.units),
                ("rms difference of means over the std of both", d.in_std, None, "1"),
                ("correlation of means", d.correlation, None, "1"), *(
                    (f"ratio of std, {word}", value, None, "1") for word, value in zip(
                        ("lower decile", "median", "upper decile"), d.std_ratio, strict=True)))
        for item, value, error, units in rows:
            note = "easting {:.7g}, northing {:.7g}, upward {:.5g} m".format(*d.where) if "largest" in item else None
            yield "model", d.run, first, f"{d.name}: {item}", value, error, units, note
    for run, why in content["apart"].items():
        yield "model", run, first, "maps", None, None, None, f"not subtracted: {why}"
