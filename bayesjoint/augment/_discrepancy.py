"""Problems whose forward models are wrong by a Gaussian process: R + Σ(θ), within and across surveys."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from .._checks import as_finite, as_positive, checked, fail
from .._places import runs
from .._typing import Any, ArrayLike, JointProblem
from ..priors import DISCREPANCIES, GaussianPrior, MatrixDiscrepancy, StationDiscrepancy
from ..problem import Parameter, some_surveys

NAME = "discrepancy"


@checked
def add_discrepancy(problem: JointProblem, kernel: Any, surveys: str | list | None = None, std: dict | None = None,
                    correlation: float | ArrayLike = 0.0) -> JointProblem:
    """A problem in which data are G m + δ + e, δ a Gaussian process over the stations of one survey or several.

    δ stands for what is wrong with the forward model or the mesh and varies smoothly from station to station (Kennedy &
    O'Hagan 2001, JRSS B 63, 425). It is one more vector parameter, so that every linear-Gaussian engine marginalises it
    (the noise is then R + Σ(θ), Σ with blocks between surveys) and also says where it is. Between surveys it may be
    correlated: one wrong assumption behind two forward models errs in both. How that makes a parameter easier or harder
    to identify, see the notes.

    Parameters
    ----------
    problem : JointProblem
        The problem to augment.
    kernel : Matern, or an object with std, range and smoothness, array_like of shape (n, n), or DiscretisationNoise
        ``bj.Matern(std, range, smoothness)``: covariance over horizontal distance; of three ranges the vertical one
        plays no part, height neither. Or the covariance of δ at all data of the surveys, in their order. Or what
        `discretisation_noise` returns, an object with ``factors`` {survey: F}: δ = F c with c ~ N(0, I), one value for
        each direction.
    surveys : str or list of str, optional
        Modality names. Default: all.
    std : dict of {str: float}, optional
        σ of each survey, units of its data. Default: the kernel's for all, for surveys of one unit only.
    correlation : float or array_like of shape (K, K), default 0
        Between surveys at one place: a number for all pairs, or the matrix, in the order of `surveys`.

    Returns
    -------
    JointProblem
        With one more parameter, ``discrepancy``: δ at all data of the surveys. To fit std, range and correlation by the
        evidence, with a verdict on whether they can be identified: ``fit_hyperparameters(problem,
        free=["<survey>_discrepancy_std", "discrepancy_range", "discrepancy_correlation", ...])``. How much of δ the
        model would explain away: `diagnostics.discrepancy_overlap`.

    Raises
    ------
    ValueError, TypeError
        On unknown surveys, a second discrepancy, a kernel or correlation that is none, surveys of different units
        without `std`, operators that do not know their stations, or more than 6,000 stations that are on no common
        lattice.

    Notes
    -----
    Two data d_i = a_i m + δ_i + e_i with var δ_i = σ², correlation ρ, noise s² and a flat prior: the variance of m is
    [(σ² + s²)² − ρ²σ⁴] / [(a₁² + a₂²)(σ² + s²) − 2 a₁a₂ρσ²]. With aligned sensitivities (a₁a₂ > 0) common errors look
    like the signal, with opposed ones they cancel: for a₁ = ±a₂ it is (σ²(1 ± ρ) + s²) / 2a².

    Examples
    --------
    >>> import bayesjoint as bj
    >>> m = bj.Parameter("m", 1)
    >>> aligned = [bj.Modality(n, [[a]], [1.0], bj.DiagonalNoise([0.5]), "m") for n, a in (("one", 1.0), ("two", 1.0))]
    >>> common = [[1.0, 0.9], [0.9, 1.0]]
    >>> bj.posterior(bj.add_discrepancy(bj.JointProblem([m], aligned), common)).std()["m"].round(4)
    array([1.0368])
    >>> opposed = [aligned[0], aligned[1].replace(forward=[[-1.0]])]
    >>> bj.posterior(bj.add_discrepancy(bj.JointProblem([m], opposed), common)).std()["m"].round(4)
    array([0.4183])
    """
    chosen = some_surveys(problem, surveys)
    if NAME in problem.by_name:
        fail("problem", "have no discrepancy yet", f"{NAME!r} among its parameters", "Give all surveys at once.")
    if hasattr(kernel, "factors"):
        return _with_factors(problem, chosen, kernel.factors, std, correlation)
    units = list(dict.fromkeys(m.units for m in chosen))
    prior = _prior(kernel, chosen, units, std, correlation)
    count = sum(m.size for m in chosen)
    parameter = Parameter(NAME, count, units=units[0] if len(units) == 1 else "of the data", prior=prior)
    return _joined(problem, parameter, {m.name: sparse.eye_array(m.size, count, k=where.start, format="csr")
                                        for m, where in zip(chosen, runs(m.size for m in chosen), strict=True)})


def _with_factors(problem, chosen, factors, std, correlation):
    """δ = F c of each survey, the directions of all of them one parameter of unit variances."""
    if std is not None or np.any(np.asarray(correlation) != 0):
        fail("std, correlation", "be left out where the kernel is a set of factors", "given", "The factors hold them.")
    missing = [m.name for m in chosen if m.name not in factors or np.shape(factors[m.name])[0] != m.size]
    if missing:
        fail("kernel", "have a factor of one row a datum for every survey", f"none for {', '.join(missing)}",
             "Make it for this problem, or name the surveys it is for.")
    count, columns = sum(factors[m.name].shape[1] for m in chosen), {}
    for m, where in zip(chosen, runs(factors[m.name].shape[1] for m in chosen), strict=True):
        columns[m.name] = np.zeros((m.size, count))
        columns[m.name][:, where] = factors[m.name]
    parameter = Parameter(NAME, count, units="1", prior=GaussianPrior(np.zeros(count), np.eye(count)))
    return _joined(problem, parameter, columns)


def _joined(problem, parameter, columns):
    """The problem with one more parameter, by {survey: columns}."""
    modalities = [m.with_term(parameter.name, columns[m.name]) if m.name in columns else m for m in problem.modalities]
    return problem.replace(parameters=[*problem.parameters, parameter], modalities=modalities)


def without_discrepancy(problem):
    """The problem as it was before `add_discrepancy`.

    Parameters
    ----------
    problem : JointProblem

    Returns
    -------
    JointProblem

    Raises
    ------
    ValueError
        If it has none.
    """
    discrepancy_of(problem)
    return problem.replace(parameters=[p for p in problem.parameters if p.name != NAME],
                           modalities=[m if m.term(NAME) is None else m.without_term(NAME) for m in problem.modalities])


def discrepancy_of(problem):
    """The discrepancy among a problem's parameters, or an error."""
    found = [p for p in problem.parameters if isinstance(p.prior, DISCREPANCIES)]
    if not found:
        fail("problem", "have a discrepancy", "none", "Use add_discrepancy(problem, kernel).")
    return found[0]


def _prior(kernel, chosen, units, std, correlation):
    names = tuple(m.name for m in chosen)
    if not all(hasattr(kernel, key) for key in ("std", "range", "smoothness")):
        return _matrix_prior(kernel, chosen, names, std, correlation)
    lost = [m.name for m in chosen if not hasattr(m.forward, "coordinates")]
    if lost:
        fail("surveys", "know their stations under a kernel of distance", f"{', '.join(lost)} without",
             "Give the covariance at all data as a matrix.")
    reach = np.broadcast_to(as_positive("range", kernel.range, (0, 1)), (3,))[1:]
    place = np.hstack([np.stack(m.forward.coordinates()[:2]).astype(float) for m in chosen])
    return StationDiscrepancy(
        names=names, std=_stds(kernel, names, units, std), range=tuple(float(r) for r in reach),
        smoothness=kernel.smoothness, correlation=_correlation(correlation, len(names)), easting=place[0],
        northing=place[1], member=np.repeat(np.arange(len(names)), [m.size for m in chosen]))


def _matrix_prior(kernel, chosen, names, std, correlation):
    matrix = as_finite("kernel", kernel, 2)
    count = sum(m.size for m in chosen)
    if matrix.shape != (count, count) or np.abs(matrix - matrix.T).max() > 1e-10 * np.abs(matrix).max():
        fail("kernel", f"be Matern(...) or a symmetric matrix of {count} data", f"shape {matrix.shape}",
             "One row and column for each datum of the surveys.")
    if std is not None or np.any(np.asarray(correlation) != 0):
        fail("std, correlation", "be left out where the kernel is a matrix", "given", "The matrix holds them.")
    return MatrixDiscrepancy(names, matrix)


def _stds(kernel, names, units, std):
    if std is None:
        if len(units) > 1:
            fail("std", f"be given for each of {', '.join(names)}, whose units differ", "None",
                 "Pass {survey: std in its units}.")
        value = as_positive("std", kernel.std, 0)
        return (float(value),) * len(names)
    if not isinstance(std, dict) or set(std) != set(names):
        fail("std", f"be a dict with the keys {list(names)}", repr(std)[:60], "Give one for each survey.", TypeError)
    return tuple(float(as_positive(f"std[{name!r}]", std[name], 0)) for name in names)


def _correlation(correlation, count):
    values = as_finite("correlation", correlation, (0, 2))
    return values if values.ndim else np.full((count, count), float(values)) + (1 - float(values)) * np.eye(count)
