"""p-values of tests whose hyperparameters came from the same data, by a bootstrap that fits them anew each time."""

from dataclasses import replace
from functools import partial

import numpy as np

from .._checks import as_count, fail
from ..calibration import simulate
from ..hyperparameters import as_measured
from ..problem import check_problem
from ._result import AgreementTest
from ._shared import check_proper

FEWEST, FEWEST_FAMILY = 19, 39  # simulated data sets with which 5 % can be reached at all, and 2.5 % by a family


def recalibrated(problem, test, refit, draws=199, seed=0, executor=None):
    """A test with its p-value recalibrated for hyperparameters that were fitted to the data it tests.

    A fit takes part of a conflict for noise or for a rougher ground, so that stated p-values come out too large: with
    prior and noise std fitted, node splits at 5 % gave 4 and 5 false alarms in 1,000 in place of 50
    (``case_studies/agreement``). Here data are simulated from the fitted problem, hyperparameters fitted to them in
    turn and the test made again: the p-value becomes its rank among those of the simulations (prepivoting: Beran 1988,
    J. Am. Stat. Assoc. 83, 687).

    Parameters
    ----------
    problem : JointProblem
        With the fitted hyperparameters; proper Gaussian priors.
    test : callable
        ``test(problem) -> AgreementTest``, such as ``lambda p: bj.node_split(p, pair)[0]``.
    refit : callable
        ``refit(problem) -> JointProblem``, such as ``lambda p: bj.fit_hyperparameters(p).problem``.
    draws : int, default 199
        Simulated data sets, at least 19, each one fit and one test; no p-value falls below 1/(draws + 1).
    seed : int or numpy.random.Generator, default 0
    executor : concurrent.futures.Executor, optional
        Maps over simulations; functions must then be importable.

    Returns
    -------
    AgreementTest
        The same with another p-value, its Monte Carlo error, and the stated p-value in `note`.

    Raises
    ------
    ValueError, TypeError
        If draws are too few, the problem has flat priors or is not linear-Gaussian, or `test` gives something else.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> level = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 100.0))
    >>> surveys = [bj.Modality(name, [[1.0]] * 3, [d, d + 1, d - 1], bj.DiagonalNoise([1.0] * 3), "level")
    ...            for name, d in (("ground", 0.0), ("air", 4.0))]
    >>> def noise_of(p):  # the noise that makes χ² what it should be
    ...     pair = [m.data for m in p.modalities]
    ...     size = np.sqrt(np.mean([np.var(d, ddof=1) for d in pair]))
    ...     return p.replace(modalities=[m.replace(noise=bj.DiagonalNoise([size] * 3)) for m in p.modalities])
    >>> found = recalibrated(noise_of(bj.JointProblem([level], surveys)),
    ...                      lambda p: bj.likelihood_ratio_test(p, ("ground", "air")), noise_of, draws=99)
    >>> found.note.startswith("stated as p = ")
    True
    """
    check_problem(problem)
    problem = as_measured(problem)
    draws = as_count("draws", draws, FEWEST, "199 resolve p-values of a few per cent.")
    check_proper(problem, "as data are simulated from it")
    found = test(problem)
    if not isinstance(found, AgreementTest):
        fail("test", "return an AgreementTest", type(found).__name__, "Pick one direction of a node split.", TypeError)
    if np.isnan(found.p_value):
        return found
    again = np.array([t.p_value for t in _refitted(problem, test, refit, draws, seed, executor)])
    p = (1 + int(np.sum(again <= found.p_value))) / (draws + 1)
    near = np.mean(np.abs(again - found.p_value) <= found.p_value_error)
    floor = "; raise draws to resolve it" if p == 1 / (draws + 1) else ""
    return replace(
        found, p_value=p, p_value_error=float(np.sqrt(p * (1 - p) / (draws + 1)) + near),
        null=f"rank of the stated p-value among those of {draws} data sets simulated from the fitted problem, "
             "hyperparameters fitted to each",
        note=f"stated as p = {found.p_value:.3g} ({found.null}){floor}" + (f"; {found.note}" if found.note else ""))


def refitted_family(problem, p_values, run, refit, draws=99, seed=0, executor=None):
    """p-values adjusted for all tests and for the fit: how often the smallest of simulated families is as small.

    Data are simulated from the problem as fitted, hyperparameters fitted to them in turn and all tests made again;
    adjusted is the share of data sets whose smallest p-value is at most the one at hand (single-step min-p: Westfall &
    Young 1993, Resampling-Based Multiple Testing, section 2.3). Unlike Holm over recalibrated p-values it needs no
    thousands of simulations to reach 5 %.

    Parameters
    ----------
    problem : JointProblem
        With the fitted hyperparameters; proper priors.
    p_values : array_like, shape (tests,)
        As stated; NaN where nothing can be tested.
    run : callable
        ``run(problem) -> p-values`` of the same tests.
    refit : callable
        ``refit(problem) -> JointProblem``.
    draws : int, default 99
        At least 39; each costs a fit and all tests.
    seed : int, default 0
    executor : concurrent.futures.Executor, optional
        Maps over simulations; functions must then be importable.

    Returns
    -------
    ndarray, shape (tests,)
        No smaller than 1 / (draws + 1); NaN stays NaN.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> level = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> one = bj.Modality("one", [[1.0]], [0.0], bj.DiagonalNoise([1.0]), "level")
    >>> def run(p):  # of a tail that is uniform under the problem
    ...     from scipy.stats import norm
    ...     return [norm.sf(p.modalities[0].data[0] / np.sqrt(2.0)), np.nan]
    >>> found = refitted_family(bj.JointProblem([level], [one]), [0.05, np.nan], run, lambda p: p, draws=199)
    >>> bool(0.01 < found[0] < 0.1), bool(np.isnan(found[1]))
    (True, True)
    """
    draws = as_count("draws", draws, FEWEST_FAMILY, "99 resolve family-wise 5 %.")
    check_proper(problem, "as data are simulated from it")
    families = np.array(_refitted(problem, run, refit, draws, seed, executor), dtype=float)
    smallest = np.min(families, axis=1, where=np.isfinite(families), initial=1.0)
    p_values = np.asarray(p_values, dtype=float)
    with np.errstate(invalid="ignore"):
        counts = 1 + np.sum(smallest[:, None] <= p_values, axis=0)
    return np.where(np.isfinite(p_values), counts / (draws + 1), np.nan)


def _refitted(problem, measure, refit, draws, seed, executor):
    """[``measure(refit(problem))``] of `draws` data sets simulated from a problem."""
    data = simulate(problem, draws, None, np.random.default_rng(seed))[1]
    return list((map if executor is None else executor.map)(partial(_again, problem, measure, refit), data))


def _again(problem, measure, refit, data):
    """What is measured of one simulated data set (n_data,), hyperparameters fitted to it."""
    return measure(refit(problem.with_data(data)))
