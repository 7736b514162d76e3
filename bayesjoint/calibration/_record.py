"""What a recalibration found on worlds left out, as datasets and in sentences."""

from dataclasses import dataclass, field

import numpy as np

from ..dataset import Approximation, DatasetBuilder
from ._coverage import KINDS, PROBABILITIES, mean_and_error, median_ratio, ratio_and_error
from ._plausibility import MARKS

SHOWN = 0.9
MEASURES = ("coverage", "width", "score")


@dataclass(frozen=True, kw_only=True)
class Record:
    """Everything a recalibration says of itself.

    Parameters
    ----------
    family : str
        The family, in sentences.
    name : str
        Its name.
    worlds : int
        Simulated for each family.
    seed : int or str
        Of the worlds; words where a generator was given, whose worlds nobody can draw again.
    kind : {"classes", "learned quantiles"}
        How intervals were learned.
    coverage, classes, sensitivity, plausibility : xarray.Dataset
        `sensitivity` is None where it was not asked for.
    inside : xarray.Dataset, optional
        What intervals that were widened for cells inside bodies hold of these.
    contrast_factor : float
        By which contrasts may differ from the family's.
    scores : dict of ndarray, shape (kinds, probabilities, 3, worlds)
        {parameter: coverage, mean width and mean interval score of each world left out}, behind `coverage`.
    coarse : tuple of str
        Surveys that were simulated on the engine's own cells.
    functionals : dict of callable
        Those given to `recalibrate`.
    """

    family: str
    name: str
    worlds: int
    seed: object
    kind: str
    coverage: object
    classes: object
    plausibility: object
    sensitivity: object = None
    inside: object = None
    contrast_factor: float = 1.0
    scores: dict = field(default_factory=dict)
    coarse: tuple = ()
    functionals: dict = field(default_factory=dict)

    def statements(self):
        """Approximations that the posterior states."""
        held = self.coverage.sel(kind="recalibrated", probability=SHOWN)
        parts = [f"{name} {float(held.coverage.sel(parameter=name)):.1%} ± "
                 f"{float(held.coverage_error.sel(parameter=name)):.1%}" for name in held.parameter.values]
        worst = float(self.classes.tail_error.max())
        out = [Approximation(
            name="recalibrated intervals", status="measured", error=worst,
            statement=f"Learned from {self.worlds} simulated worlds, by {self.kind}: {self.family} On worlds left out, "
            f"90 % intervals hold {'; '.join(parts)} of the cells (standard error over worlds). They hold for this "
            "family, on average over its grounds, cell by cell; on ground of another kind they may not. The error is "
            "the largest Monte Carlo error of the level of a class's tail. Mean, std and draws are the engine's."
            + self._stretched() + self._widened() + self._coarse())]
        if self.sensitivity is not None:
            out.append(self._sensitive())
        out.append(self._ordinary())
        return out

    def _stretched(self):
        return "" if self.contrast_factor == 1 else (
            f" The end of each that is farther from the prior mean is widened for contrasts {self.contrast_factor:g} "
            "times stronger or weaker than the family's; the coverage stated is on the family itself.")

    def _widened(self):
        if self.inside is None:
            return ""
        sheet = self.inside.sel(probability=SHOWN)
        each = {str(name): (sheet.sel(parameter=name, kind="plain"), sheet.sel(parameter=name, kind="widened"))
                for name in sheet.parameter.values}
        rows = (f"{name} {float(wide.held):.0%} ± {float(wide.held_error):.0%} of the cells more than "
                f"{float(wide.deviation):g} from the prior mean, {float(plain.held):.0%} if all cells counted alike"
                for name, (plain, wide) in each.items())
        return f" They are widened to hold inside bodies too: {'; '.join(rows)}."

    def _coarse(self):
        return "" if not self.coarse else (
            f" Data of {', '.join(self.coarse)} were simulated on the engine's own cells: what these leave out is not "
            "in the intervals.")

    def _sensitive(self):
        share = self.sensitivity.coverage.min("parameter")
        rows = "; ".join(f"{v} {float(share.sel(variant=v)):.0%}" for v in self.sensitivity.variant.values)
        worst = float(share.min())
        return Approximation(
            name="other grounds", status="measured", error=float(max(0.9 - worst, 0.0)),
            statement="The same 90 % intervals on worlds of other families, the property that fares worse: " + rows +
            ". The error is what the worst of them lacks.")

    def _ordinary(self):
        p = self.plausibility.p_value
        odd = [(str(s), str(m), float(p.sel(survey=s, mark=m))) for s in p.survey.values for m in p.mark.values
               if float(p.sel(survey=s, mark=m)) <= 0.05]
        said = ("; ".join(f"{m} of {s} (p = {v:.2g})" for s, m, v in odd) if odd else "none")
        return Approximation(
            name="observed data among the worlds'", status="measured", error=float(np.nanmin(p.values)),
            statement=f"Marks of the observed data beyond 95 % of the worlds' data, each taken alone: {said}. "
            "Agreement proves little: such a look sees another geometry at times and a wrong contrast hardly ever. The "
            "error is the smallest p-value.")

    def gain_over(self, other):
        """{parameter: (ratio of mean interval scores at 90 % over another record's, its error)}; None if not paired.

        Paired are records of the same family, contrast factor, number of worlds and seed, and parameters widened for
        bodies in both or in neither: their worlds are the same, and so the error is that of the differences. Below 1
        this record's intervals are the better ones.
        """
        mine, theirs = ((r.family, r.worlds, r.seed, r.contrast_factor) for r in (self, other))
        if mine != theirs or not isinstance(self.seed, int):
            return None
        at = PROBABILITIES.index(SHOWN)
        return {name: ratio_and_error(s[0, at, 2], other.scores[name][0, at, 2]) for name, s in self.scores.items()
                if name in other.scores and (name in self.widened) == (name in other.widened)}

    @property
    def widened(self):
        """Names of the parameters whose intervals are widened to hold inside bodies."""
        return set() if self.inside is None else set(map(str, self.inside.parameter.values))

    def gain_over_no_data(self):
        """{parameter: (ratio of mean interval scores at 90 % over the family's by depth without data, its error)}."""
        return {str(p): (float(self.coverage.score_over_no_data.sel(parameter=p)),
                         float(self.coverage.score_over_no_data_error.sel(parameter=p)))
                for p in self.coverage.parameter.values}

    def datasets(self):
        """{group: xarray.Dataset} for a result file."""
        named = {"recalibration": self.coverage, "recalibration_classes": self.classes,
                 "recalibration_plausibility": self.plausibility, "recalibration_sensitivity": self.sensitivity,
                 "recalibration_inside": self.inside}
        return {name: value for name, value in named.items() if value is not None}


def coverage_sheet(scores, family, worlds):
    """Dataset of {parameter: scores (kinds, probabilities, 3, worlds)} on worlds left out."""
    table = DatasetBuilder()
    table.along("parameter", list(scores), "property")
    table.along("kind", list(KINDS), "intervals: recalibrated, the engine's own, the family's by depth without data")
    table.along("probability", np.array(PROBABILITIES), "nominal probability of the interval")
    dims = ("parameter", "kind", "probability")
    moments = [mean_and_error(s) for s in scores.values()]
    for k, name in enumerate(MEASURES):
        value, error = (np.stack([m[i][..., k] for m in moments]) for i in (0, 1))
        words = {"coverage": "share of cells whose interval holds the truth", "width": "mean width of the interval",
                 "score": "mean interval score, smaller is better"}[name]
        table.add(name, dims, value, "1" if name == "coverage" else "of the property", words, error)
    at = PROBABILITIES.index(SHOWN)
    for other in ("no data", "gaussian"):
        j, label = KINDS.index(other), other.replace(" ", "_")
        rows = [ratio_and_error(s[0, at, 2], s[j, at, 2]) for s in scores.values()]
        table.add(f"score_over_{label}", ("parameter",), [r[0] for r in rows], "1",
                  f"interval score at 90 % over that of the {other} intervals", [r[1] for r in rows])
        table.add(f"median_score_over_{label}", ("parameter",), [
            median_ratio(s[0, at, 2], s[j, at, 2]) for s in scores.values()], "1",
            f"median over worlds of the interval score at 90 % over that of the {other} intervals")
    return table.dataset({"family": family, "worlds": worlds, "kind": "cross-validated over worlds"})


def inside_sheet(rules):
    """Dataset of {parameter: rule} of those that were widened for cells inside bodies; None where none was."""
    found = {name: rule for name, rule in rules.items() if getattr(rule, "held", None) is not None}
    if not found:
        return None
    table = DatasetBuilder()
    table.along("parameter", list(found), "property")
    table.along("kind", ["plain", "widened"], "all cells alike; cells inside bodies with the weight")
    table.along("probability", np.array(PROBABILITIES), "nominal probability of the interval")
    share, error = (np.stack([rule.held[k] for rule in found.values()]).transpose(0, 2, 1) for k in (0, 1))
    table.add("held", ("parameter", "kind", "probability"), share, "1",
              "share of the cells inside bodies that intervals hold, on worlds left out", error)
    table.add("weight", ("parameter",), [rule.weight for rule in found.values()], "1", "times that such a cell counts")
    table.add("deviation", ("parameter",), [rule.deviation for rule in found.values()], "of the property",
              "deviation from the prior mean from which a cell is inside a body")
    return table.dataset()


def classes_sheet(rules):
    """Dataset of the classes of {parameter: rule}, one row a class."""
    table = DatasetBuilder()
    features, score = next((rule.features, rule.score) for rule in rules.values())
    rows = [(name, rule.classes.boundaries(len(features)), rule.classes) for name, rule in rules.items()]
    total = sum(c.size for _, _, c in rows)
    table.along("cell_class", np.arange(total), "number of the class")
    owner = np.concatenate([np.full(c.size, k) for k, (_, _, c) in enumerate(rows)])
    table.add("parameter", ("cell_class",), owner, "1",
              "number of the property: " + ", ".join(f"{k} {name}" for k, (name, _, _) in enumerate(rows)))
    bounds = np.concatenate([np.where(np.isfinite(b), b, np.nan) for _, b, _ in rows])
    for k, words in enumerate(features):
        for side, end in enumerate(("least", "most")):
            name = f"{words.replace(' ', '_')}_{end}"
            table.add(name, ("cell_class",), bounds[:, k, side], "m" if k == 0 else "1",
                      f"{end} {words} of the class, NaN where open")
    for name, column, words in (("lower", 0.05, "5 %"), ("upper", 0.95, "95 %")):
        table.add(name, ("cell_class",), np.concatenate([c.level(column) for _, _, c in rows]), "1",
                  f"{words} point of {score}")
    table.add("tail_error", ("cell_class",), np.concatenate([c.error.max(axis=1) for _, _, c in rows]), "1",
              "standard error over worlds of the level at the two points, the larger")
    table.add("cells", ("cell_class",), np.concatenate([c.count for _, _, c in rows]), "1", "cells learned from")
    return table.dataset({"parameters": ", ".join(rules)})


def plausibility_sheet(surveys, p_values, power):
    """Dataset of ranks (surveys, marks) and of {variant: share of its data sets that the mark sees}."""
    table = DatasetBuilder()
    table.along("survey", list(surveys), "survey")
    table.along("mark", list(MARKS), "mark of the data after its biases are removed")
    table.add("p_value", ("survey", "mark"), p_values, "1", "two-sided p-value of the rank among the worlds' data")
    if power:
        table.along("variant", list(power), "other family")
        table.add("seen", ("variant", "survey", "mark"), np.stack(list(power.values())), "1",
                  "share of that family's data sets that the mark tells from the worlds' at 5 %")
    return table.dataset({"note": "silence says nothing about contrast"})


def sensitivity_sheet(found, names, families):
    """Dataset of {variant: {parameter: scores (kinds, probabilities, 3, worlds)}}."""
    table = DatasetBuilder()
    table.along("variant", list(found), "other family")
    table.along("parameter", list(names), "property")
    at, gaussian = PROBABILITIES.index(SHOWN), KINDS.index("gaussian")
    dims = ("variant", "parameter")
    pairs = [[mean_and_error(found[v][n][0, at]) for n in names] for v in found]
    for k, name in enumerate(MEASURES):
        value, error = (np.array([[p[i][k] for p in row] for row in pairs]) for i in (0, 1))
        units = "1" if name == "coverage" else "of the property"
        table.add(name, dims, value, units, f"{name} of 90 % intervals", error)
    own = [[float(found[v][n][gaussian, at, 0].mean()) for n in names] for v in found]
    table.add("gaussian_coverage", dims, own, "1", "coverage of the engine's own 90 % intervals")
    ratio = [[median_ratio(found[v][n][0, at, 2], found[v][n][2, at, 2]) for n in names] for v in found]
    table.add("score_over_no_data", dims, ratio, "1",
              "median over worlds of the interval score over that of the stated family's by depth without data")
    return table.dataset({"families": families})
