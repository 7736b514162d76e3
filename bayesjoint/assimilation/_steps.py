"""What every step of an assimilation leaves behind."""

from dataclasses import dataclass, field

import numpy as np
from scipy.stats import chi2 as chi2_law

from ..dataset import DatasetBuilder
from ..engines import EPS, Estimate


@dataclass(frozen=True, kw_only=True)
class Step:
    """One update: what the new data said, how surprising they were, and what is left unknown.

    With ν the innovation (new data less their forecast from everything before) and S its covariance, χ² = νᵀS⁻¹ν is
    χ² distributed where the model is right, the log evidence gained is log N(ν; 0, S) and the information
    ½ log₂ det S / det C (Evensen 2009, chapter 7; MacKay 1992).

    Parameters
    ----------
    surveys : tuple of str
        Modalities taken up together.
    data : int
        How many data.
    chi2 : Estimate
        χ² of the innovation.
    dof : int
        Its degrees of freedom: the data, in the first step less the values with a flat prior.
    information : Estimate
        Bits gained about the whole model; infinite where the step made a flat prior proper.
    log_evidence : Estimate
        Log predictive density of the new data given all earlier ones, nats; NaN where a flat prior leaves none.
    std_left : dict of {str: float}
        {parameter: root mean square posterior std over the prior's}, hence 1 where nothing was learnt; NaN where flat.
    std_left_error : float
        Largest standard error of `std_left`, as a share of it.
    std : dict of {str: (float, str)}
        {parameter: (root mean square posterior std, its units)}, which a flat prior leaves too.
    """

    surveys: tuple
    data: int
    chi2: Estimate
    dof: int
    information: Estimate
    log_evidence: Estimate
    std_left: dict
    std_left_error: float = 0.0
    std: dict = field(default_factory=dict)

    @property
    def p_value(self):
        """Chance of a larger χ² where the model is right, an `Estimate`; NaN where no degree of freedom is left."""
        if self.dof < 1:
            return Estimate(np.nan, np.nan, method="no degree of freedom")
        slope = float(chi2_law.pdf(float(self.chi2), self.dof))
        return Estimate(chi2_law.sf(float(self.chi2), self.dof), slope * self.chi2.error, method="chi-squared")

    def __str__(self):
        tested = f"p = {float(self.p_value):.3g}" if self.dof > 0 else "nothing to test"
        return (f"{' + '.join(self.surveys)}: {self.data} data, innovation χ² {float(self.chi2):.4g} on {self.dof} "
                f"({tested}), {self._gained()}, {self._left()}")

    def _gained(self):
        bits, density = float(self.information), float(self.log_evidence)
        if np.isinf(bits):
            return "flat prior: no bits"
        return "bits not asked for" if np.isnan(bits) else f"{bits:.4g} bits, log evidence {density:+.6g}"

    def _left(self):
        """Shares of the prior's std; the std itself where that prior is flat."""
        shared = [f"{name} {value:.3g}" for name, value in self.std_left.items() if np.isfinite(value)]
        whole = [f"{name} {self.std[name][0]:.3g}{'' if self.std[name][1] == '1' else ' ' + self.std[name][1]}"
                 for name, value in self.std_left.items() if not np.isfinite(value) and name in self.std]
        parts = (("std left", shared), ("std", whole))
        return ", ".join(f"{words}: {', '.join(each)}" for words, each in parts if each)


class History(tuple):
    """The steps of an assimilation, in their order.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> level = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> read = [bj.Modality(name, [[1.0]], [2.0], bj.DiagonalNoise([1.0]), "level") for name in ("first", "second")]
    >>> history = bj.assimilate(bj.JointProblem([level], read)).history
    >>> [float(step.information.__round__(4)) for step in history]
    [0.5, 0.2925]
    >>> print(history)
    first: 1 data, innovation χ² 2 on 1 (p = 0.157), 0.5 bits, log evidence -2.26551, std left: level 0.707
    second: 1 data, innovation χ² 0.6667 on 1 (p = 0.414), 0.2925 bits, log evidence -1.455, std left: level 0.577
    """

    __slots__ = ()

    def __str__(self):
        return "\n".join(str(step) for step in self)

    __repr__ = __str__

    def to_dataset(self):
        """The steps as an xarray.Dataset over dim ``step``, with the errors of what has one."""
        table = DatasetBuilder()
        table.along("step", [" + ".join(step.surveys) for step in self], "surveys taken up")
        for key, (words, units) in _WORDS.items():
            values = [getattr(step, key) for step in self]
            errors = [v.error for v in values] if isinstance(values[0], Estimate) else None
            table.add(key, ("step",), np.array([float(v) for v in values]), units, words, errors)
        for name in self[0].std_left:
            values = np.array([step.std_left[name] for step in self])
            table.add(f"std_left_{name}", ("step",), values, "1",
                      f"rms posterior std of {name} as a share of the prior's", [s.std_left_error * v for s, v in
                                                                                zip(self, values, strict=True)])
        return table.dataset()


_WORDS = {
    "data": ("number of data", "1"),
    "chi2": ("chi-squared of the innovation", "1"),
    "dof": ("degrees of freedom", "1"),
    "p_value": ("chance of a larger chi-squared", "1"),
    "information": ("information gained about the whole model", "bit"),
    "log_evidence": ("log predictive density of the new data", "nat"),
}


def step_of(problem, names, chi2, roots, variance, prior, estimate, flat=0, std_error=0.0):
    """The `Step` that takes some surveys up.

    Parameters
    ----------
    problem : JointProblem
    names : tuple of str
        Surveys of the step.
    chi2, roots : float
        χ² of the innovation, log det of its whitened covariance.
    variance, prior : ndarray, shape (size,)
        Variance of x after the step, and without data.
    estimate : callable
        ``estimate(key, value)`` makes an `Estimate` of "chi2", "information" or "log_evidence".
    flat : int, default 0
        Values with a flat prior that the step made proper.
    std_error : float, default 0.0
        Of `Step.std_left`, as a share of it.
    """
    surveys = [problem.surveys[name] for name in names]
    count = sum(m.size for m in surveys)
    noise = sum(m.noise.logdet() - m.size * np.log(problem.weights[m.name]) for m in surveys)
    density = -0.5 * (chi2 + roots + noise + count * np.log(2 * np.pi))
    values = {"chi2": chi2, "information": np.inf if flat else 0.5 * roots / np.log(2),
              "log_evidence": np.nan if flat else density}
    return Step(surveys=names, data=count, dof=count - flat, std=spreads(problem, variance),
                std_left=shares(problem, variance, prior), std_left_error=std_error,
                **{key: estimate(key, value) for key, value in values.items()})


def rounded(value, error, method):
    """An `Estimate` of a number that only rounding moves."""
    return Estimate(value, error + EPS * abs(value) if np.isfinite(value) else np.nan, method=method)


def shares(problem, variance, prior):
    """{parameter: rms posterior std over rms prior std}; NaN where the prior is flat or knows everything."""
    out = {}
    for name, where in problem.slices.items():
        before = float(np.mean(prior[where]))
        known = np.isfinite(before) and before > 0
        out[name] = float(np.sqrt(max(np.mean(variance[where]), 0.0) / before)) if known else np.nan
    return out


def spreads(problem, variance):
    """{parameter: (rms posterior std, units)} of variances of x, shape (size,)."""
    return {name: (problem.by_name[name].scale * float(np.sqrt(max(np.mean(variance[where]), 0.0))),
                   problem.by_name[name].units) for name, where in problem.slices.items()}


class Assimilated:
    """A posterior that has `steps` and their `history`."""

    @property
    def order_words(self):
        """Its steps in words."""
        return " then ".join(" with ".join(step) for step in self.steps)

    def __repr__(self):
        problem = getattr(self, "all", self.problem)
        return (f"{type(self).__name__} of {', '.join(problem.by_name)} ({problem.size} "
                f"value{'s' * (problem.size != 1)}) after {self.order_words} ({problem.data_size} data): .history has "
                "the steps")

    def note(self, approximation):
        """Keep an approximation that was made before."""
        self.approximations.append(approximation)

    def extra_groups(self):
        """Groups of the dataset that this engine adds."""
        return super().extra_groups() | {"assimilation": self.history.to_dataset()}
