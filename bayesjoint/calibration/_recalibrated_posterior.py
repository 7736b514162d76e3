"""The posterior whose intervals hold on a stated family of grounds."""

from dataclasses import replace

import numpy as np

from .._checks import checked, fail
from .._places import blocks
from ..diagnostics import score_table
from ..engines import UNCHECKED, Posterior, PosteriorEngine
from ._functional_rules import FunctionalRule
from ._rules import widest

INTERVALS = ("state_quantiles",)  # of the protocol, what is not the engine's
KEPT = (*(name for name, value in vars(PosteriorEngine).items()
          if callable(value) and not name.startswith("_") and name not in INTERVALS),
        "evidence_or_none", "mean_given", "prediction_std", "log_evidence", "data_system")
TOLD = ("family", "coverage", "classes", "sensitivity", "plausibility", "inside")  # of the record, said here too
BLOCK = 20_000_000  # values of worlds given their shape at once


@checked
class RecalibratedPosterior(Posterior):
    """An engine's posterior with intervals, exceedance and functionals learned from simulated worlds.

    From `recalibrate`. `mean` and `std`, draws, covariances, predictions and evidence are the engine's, as they are;
    its intervals and what is said of functionals are not. Plain vectors keep the engine's intervals.

    Parameters
    ----------
    engine : Posterior
        Which was recalibrated.
    rules : dict of {str: list}
        {parameter: one rule for each family}; of several families the widest interval counts.
    cells : dict of ndarray of int
        {parameter: flat indices of the cells that rules are for}.
    estimates : dict of ndarray, shape (cells,)
        What rules are told of the answer to the observed data; see `Simulator.answers`.
    lived : list of Worlds
        Of each family.
    record : Record
        What was found on worlds left out.

    Attributes
    ----------
    engine : Posterior
        The posterior as it was.
    family : str
        Sentences that state the family.
    coverage, classes, sensitivity, plausibility, inside : xarray.Dataset
        Coverage, width and score on worlds left out; the classes with the Monte Carlo error of each; the same intervals
        on other families; how the observed data rank among those of the worlds; what intervals that were widened for
        bodies hold inside them, None where none was.
    """

    def __init__(self, engine, rules, cells, estimates, lived, record):
        super().__init__(engine.problem)
        self.engine, self.method, self.markov = engine, engine.method, engine.markov
        self.reason = f"{engine.reason}; its intervals were recalibrated on simulated worlds"
        self._rules, self._cells, self.estimates, self.lived, self.record = rules, cells, estimates, lived, record
        for source, names in ((engine, KEPT), (record, TOLD)):
            for name in names:
                setattr(self, name, getattr(source, name))
        checked = [replace(a, statement=a.statement.replace(UNCHECKED, "")) for a in engine.approximations]
        self.approximations = [*record.statements(), *checked]

    # -- intervals -----------------------------------------------------------------------------------------------------
    def state_interval(self, probability):
        """Both ends of the interval of x, (2, size)."""
        out, estimates = self.engine.state_interval(probability), self.estimates
        for name, rules in self._rules.items():
            self._put(out, name, widest(rules, [probability], estimates)[0])
        return out

    def state_quantiles(self, levels):
        """Quantiles of x, (levels, size)."""
        out, estimates = self.engine.state_quantiles(levels), self.estimates
        for name, rules in self._rules.items():
            found = np.stack([rule.quantiles(levels, estimates) for rule in rules])
            low, high, side = found.min(axis=0), found.max(axis=0), np.asarray(levels)[:, None] - 0.5
            self._put(out, name, np.where(side < 0, low, np.where(side > 0, high, (low + high) / 2)))
        return out

    def median(self):
        """Median of every cell: of recalibrated classes, or as learned; where `mean` stays the engine's.

        Cells without a rule and plain vectors have the engine's. Of several families it is the middle of their medians.

        Returns
        -------
        dict of ndarray
            {parameter: array of its shape}, physical units, NaN in air.
        """
        found = self.state_quantiles(np.array([0.5]))[0]
        return self.problem.unpack(np.clip(found, self.problem.lower, self.problem.upper))

    def interval_words(self, parameter: str):
        """What the interval of a parameter is, in words."""
        if parameter not in self._rules:
            return self.engine.interval_words(parameter)
        positive = any(getattr(rule, "positive", False) for rule in self._rules[parameter])
        factor = self.record.contrast_factor
        wide = "" if factor == 1 else f", widened for contrasts {factor:g} times stronger or weaker"
        return f"recalibrated on {self.record.name}, {'shortest' if positive else 'equal-tailed'}{wide}"

    def stored_intervals(self, probability):
        """Intervals that a dataset keeps, with their words."""
        return super().stored_intervals(probability) | {"gaussian": self.engine.stored_intervals(probability)[""]}

    def extra_groups(self):
        """Groups of the dataset that this engine adds."""
        return self.engine.extra_groups() | self.record.datasets()

    def groups_beside(self, separate):
        """Groups that set this posterior beside separate ones."""
        found = score_table(self, separate) if separate else None
        return {} if found is None else {"recalibration_joint": found}

    def extra_attributes(self):
        """Attributes of the dataset that this engine adds."""
        return {f"recalibration_{key}": getattr(self.record, key)
                for key in ("family", "name", "worlds", "seed", "kind", "contrast_factor")}

    def _put(self, out, name, values):
        where = np.arange(self.problem.size)[self.problem.slices[name]][self._cells[name]]
        out[:, where] = values / self.problem.by_name[name].scale

    def tail_probability(self, parameter: str, threshold: float):
        """(probability that the parameter exceeds a threshold, its Monte Carlo error), of its shape; None if unknown.

        Of several families the probability nearest to one half counts: the least certain.
        """
        if parameter not in self._rules:
            return super().tail_probability(parameter, threshold)
        p = self.problem.by_name[parameter]
        below, error = zip(*(rule.below(threshold, self.estimates) for rule in self._rules[parameter]), strict=True)
        below, error = np.array(below), np.array(error)
        pick = np.argmin(np.abs(below - 0.5), axis=0)[None]
        share, slack = np.full(p.size, np.nan), np.full(p.size, np.nan)
        share[self._cells[parameter]] = 1 - np.take_along_axis(below, pick, 0)[0]
        slack[self._cells[parameter]] = np.take_along_axis(error, pick, 0)[0]
        return share.reshape(p.shape), slack.reshape(p.shape)

    # -- functionals ---------------------------------------------------------------------------------------------------
    def functional_interval(self, functional, probability, estimators=()):
        """Interval of a functional from its regression over worlds; of several families the widest.

        Parameters
        ----------
        functional : Functional or str
            Of the mesh's properties; or the name of one given to `recalibrate`.
        probability : float
        estimators : sequence of Functional
            What may stand for it when evaluated on a posterior mean; the one that gives the smallest interval score on
            worlds left out is taken. Default: the functional itself.

        Returns
        -------
        dict
            ``centre``, ``lower``, ``upper``, ``absent`` (probability of no value), ``estimate`` (of the mean),
            ``lower_without_data``, ``upper_without_data``, ``coverage`` on worlds left out with its ``coverage_error``,
            ``worlds``.
        """
        found = [self._one(lived, functional, probability, tuple(estimators) or (functional,))
                 for lived in self.lived]
        widest = max(found, key=lambda f: f["upper"] - f["lower"] if np.isfinite(f["upper"]) else np.inf)
        return widest | {"lower": min(f["lower"] for f in found), "upper": max(f["upper"] for f in found)}

    def _one(self, lived, functional, probability, estimators):
        mean = {name: values[None] for name, values in self.engine.mean().items()}
        if isinstance(functional, str):
            if functional not in lived.functionals:
                fail("functional", f"be one of {sorted(lived.functionals)} or a Functional", repr(functional),
                     "Give it to recalibrate(..., functionals={name: function}).")
            truth, candidates = lived.functionals[functional][0], [lived.functionals[functional][1]]
            here = [float(self.record.functionals[functional](mean)[0])]
        else:
            truth, *candidates = self.over_worlds(lived, lambda real, found: np.stack([
                functional.at(real, functional.pick(found)) if hasattr(functional, "pick") else
                functional.evaluate(real), *(f.evaluate(found) for f in estimators)]))
            here = [float(f.evaluate(mean)[0]) for f in estimators]
        best = min(range(len(candidates)), key=lambda k: FunctionalRule(truth, candidates[k]).score(probability))
        rule = FunctionalRule(truth, candidates[best])
        centre, lower, upper, absent = rule.given(here[best], probability)
        ends, known = rule.left_out(probability), np.isfinite(truth)
        scored = known & np.isfinite(ends).all(axis=0)
        held = (truth >= ends[0]) & (truth <= ends[1])
        share = float(held[scored].mean()) if scored.any() else np.nan
        before = rule.without_data(probability)
        return {"centre": centre, "lower": lower, "upper": upper, "absent": absent, "estimate": here[best],
                "lower_without_data": before[0], "upper_without_data": before[1], "coverage": share,
                "coverage_error": float(np.sqrt(share * (1 - share) / max(scored.sum(), 1))), "worlds": truth.size}

    def over_worlds(self, lived, function):
        """A function of (truths, answers) of worlds, each {parameter: (worlds, *shape)}, its last axis over worlds.

        Parameters
        ----------
        lived : Worlds
            Such as one of `lived`.
        function : callable
        """
        if not lived.whole:
            fail("functional", "be given to recalibrate for a problem of this size", f"{lived.count} worlds in part",
                 "recalibrate(..., functionals={name: function}) evaluates it while worlds are at hand.")
        step = max(1, BLOCK // max(self.problem.by_name[name].size for name in lived.cells))
        both = lived.truth, lived.estimate
        return np.concatenate([function(*(self._fields(lived, values, part) for values in both))
                               for part in blocks(lived.count, step)], axis=-1)

    def _fields(self, lived, values, part):
        """{parameter: (worlds, *shape)} of some worlds; known cells and air as in the engine's mean."""
        fields = {}
        for name, cells in lived.cells.items():
            p = self.problem.by_name[name]
            full = np.tile(self.engine.mean()[name].ravel(), (values[name][part].shape[0], 1))
            full[:, cells] = values[name][part]
            fields[name] = full.reshape(-1, *p.shape)
        return fields
