"""Tests of a named additive nuisance of one survey: an offset, a tilt, a level for each line, columns of one's own."""

from __future__ import annotations

import numpy as np

from .._checks import as_count, checked
from .._typing import AgreementTest, ArrayLike, JointProblem, Seed
from ..augment import bias_basis
from ..gaussian import data_system
from ..hyperparameters import as_measured, measured_rows
from ..problem import one_survey
from ._gain_test import gain_test
from ._result import chi2_test, untestable
from ._sentences import CONFOUNDED, columns_note
from ._shared import widened

SOLVE = 1e-8  # relative residual of the solves
CONFOUNDING = 1e-10  # share of a column's precision below which it cannot be told
SOLVED_CONFOUNDING = 1e-6  # the same where it comes from iterative solves
OPEN = 1e-6  # part of a value in a direction that cannot be told, above which it has no estimate
SHOWN = 3  # names of columns in a title
BASES = {"offset": "constant", "tilt": "linear", "row levels": "rows", "column levels": "columns",
         "line levels": "lines"}


@checked
def nuisance_test(problem: JointProblem, survey: str, basis: str | int | ArrayLike | dict | tuple = "constant",
                  method: str = "auto", draws: int | None = None, seed: Seed = 0) -> AgreementTest:
    """Test whether one survey carries an error of a given form, the model marginalised.

    With d = A m + B b + e for this survey, b̂ and its covariance follow by generalised least squares under the prior
    predictive of all data of the problem; b̂ᵀ Cov(b̂)⁻¹ b̂ is χ² with rank B degrees of freedom where b = 0. The model is
    Gaussian and b is flat and fixed in number, so here the χ² of Wilks is exact. A gain multiplies the model and is no
    column: ``basis="gain"`` is a score test whose null is simulated, see `gain_test`.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors, no bounds; all its surveys take part.
    survey : str
        Modality under suspicion.
    basis : str, int, array_like, dict or tuple, default "constant"
        As in `add_bias`: "constant", "linear", "quadratic", a degree, "rows" or "columns" for a level of each line
        of a lattice, "lines" for those that the survey names, labels of flight lines, or columns (n_data, q) of your
        own. Or "gain".
    method : {"auto", "dense", "iterative"}, default "auto"
        Matrices over the data, or conjugate gradients; auto: matrices up to 6,000 data.
    draws : int, optional
        Simulated data sets behind the null of "gain"; see `gain_test`.
    seed : int or numpy.random.Generator, default 0
        Of them.

    Returns
    -------
    AgreementTest
        ``effect`` holds b̂ and its standard deviation in units of the data (columns have a largest value of 1, unless
        they are your own), their ``names`` and ``covariance``; values that model or other flat values explain are NaN.

    Raises
    ------
    ValueError, TypeError
        If the survey is unknown, the basis does not fit it, or the problem is not linear-Gaussian.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> level = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 100.0))
    >>> surveys = [bj.Modality(name, [[1.0]] * 4, [d] * 4, bj.DiagonalNoise([1.0] * 4), "level")
    ...            for name, d in (("ground", 0.0), ("air", 4.0))]
    >>> found = nuisance_test(bj.JointProblem([level], surveys), "air", basis=[[1.0]] * 4)
    >>> round(float(found.effect["value"][0]), 2), round(float(found.effect["std"][0]), 2), found.dof
    (4.0, 0.71, 1)
    """
    if draws is not None:
        as_count("draws", draws)
    if isinstance(basis, str) and basis == "gain":
        return gain_test(problem, survey, method, draws, seed)
    columns, labels = bias_basis(one_survey(problem, survey), basis)
    columns, problem = columns[measured_rows(problem, survey)], as_measured(problem)
    form = next((form for form, of in BASES.items() if isinstance(basis, str) and of == basis), "nuisance")
    name = f"nuisance of {survey}: {_title(labels)}"
    data = data_system(problem, method)
    return fitted_test(data, NuisanceFit(data, survey, columns), labels, form, name)


def fitted_test(data, fit, labels, form, name=""):
    """The test of a `NuisanceFit` of some data, whose columns bear labels."""
    survey = fit.modality.name
    surveys = (survey, *(m.name for m in data.model.problem.modalities if m is not fit.modality))
    if not fit.rank:
        return untestable(form, surveys, CONFOUNDED, name=name, target=survey, dof=0)
    statistic, value, error = fit.test(data.residual[:, None])
    return chi2_test(
        form, surveys, statistic[0], float(error[0]), fit.rank, name=name, target=survey,
        note=columns_note(len(labels) - fit.rank),
        effect={"what": _title(labels), "names": labels, "value": value[:, 0], "std": fit.std,
                "covariance": fit.covariance, "units": fit.modality.units})


def _title(labels):
    return " + ".join(labels) if len(labels) <= SHOWN else f"{labels[0]} ... {labels[-1]}"


class NuisanceFit:
    """Generalised least squares of additive columns of one survey, the model and flat values marginalised.

    Parameters
    ----------
    data : System
    survey : str
    columns : ndarray, shape (n_data of the survey, q)
        Units of the data for a coefficient of 1.

    Attributes
    ----------
    rank : int
        Directions of b that data can tell.
    covariance, std : ndarray, shapes (q, q) and (q,)
        Of b̂, NaN for values that cannot be told.
    modality : Modality
    """

    def __init__(self, data, survey, columns):
        self._data, self.modality = data, one_survey(data.model.problem, survey)
        self._white = widened(data, [(survey, columns)])
        solved, left = data.solve(self._white, SOLVE)
        self._weights = data.eliminate(solved, self._white)
        self._left = np.linalg.norm(left)
        precision = self._white.T @ self._weights
        # against what the columns would tell were nothing flat: a share of rounding size is confounding
        alone = np.sqrt(np.einsum("ij,ij->j", self._white, solved))
        scale = 1.0 / np.where(alone > 0, alone, 1.0)
        values, turned = np.linalg.eigh(0.5 * (precision + precision.T) * np.outer(scale, scale))
        told = values > (CONFOUNDING if self._left == 0 else SOLVED_CONFOUNDING)
        self.rank, self._turn = int(told.sum()), turned[:, told] * scale[:, None] / np.sqrt(values[told])
        self.covariance = self._turn @ self._turn.T
        self._open = np.abs(turned[:, ~told]).max(axis=1, initial=0.0) > OPEN
        self.covariance[self._open] = self.covariance[:, self._open] = np.nan
        self.std = np.sqrt(np.diag(self.covariance))

    def squares(self, scores):
        """The test's statistic for scores (q, k), columns' products with P times the data; shape (k,)."""
        return np.sum((self._turn.T @ scores) ** 2, axis=0)

    def test(self, white):
        """(statistic (k,), b̂ (q, k), bound on the statistic's error (k,)) for whitened residuals (n_data, k)."""
        pulled = self._turn.T @ (self._weights.T @ white)
        statistic = np.sum(pulled**2, axis=0)
        value = self._turn @ pulled
        value[self._open] = np.nan
        slip = 0.0
        if self._left > 0 and self.rank:
            # weights are off by K⁻¹ρ, ρ the residual of their solves: products by |ρᵀK⁻¹y| <= ‖ρ‖ √(yᵀK⁻¹y), as K >= I
            size = np.einsum("ij,ij->j", white, self._data.solve(white, SOLVE)[0])
            slip = np.linalg.norm(self._turn, 2) * self._left * np.sqrt(size)
        return statistic, value, 2 * np.sqrt(statistic) * slip + 64 * np.finfo(float).eps * statistic
