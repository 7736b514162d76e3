"""The door: hyperparameters by the evidence."""

from __future__ import annotations

from functools import partial

import numpy as np

from .._checks import checked, fail, one_of
from .._shown import ordinal
from .._typing import HyperparameterFit, JointProblem, Seed, Sequence
from ..problem import check_gaussian_noise, check_problem
from ._dense_evidence import DenseEvidence, check_evidence
from ._discrepancy import KINDS, discrepancies
from ._large_evidence import LargeEvidence
from ._newton import climb
from ._order import in_order, spread
from ._parts import matern_parameters, rough_std, std_factors
from ._search import EvidenceObjective, distinct, maximise
from ._summary import summarise, summarise_noisy
from ._thinning import strides_of, thinned, whittle_maximum, whittle_spread
from ._vector import HyperVector
from ._whittle import whittle_suits

DENSE_BEST = 1_500  # data: a gradient takes a second there on one core, and the cube of the data beyond
SUBSET = 300  # data of a modality on which the starts are tried


@checked
def fit_hyperparameters(problem: JointProblem, method: str = "evidence", free: Sequence[str] | None = None, *,
                        ranges: str = "common", bounds: dict | None = None, prior: str = "weak",
                        thin: str | int | dict = "auto", curve: bool = True, seed: Seed = 0) -> HyperparameterFit:
    """Prior std, ranges, cross-correlation and noise scales that the data themselves prefer.

    Maximises log p(d | θ) + log p(θ), the evidence with every constant and weak priors on the hyperparameters, which
    keep a std or a noise scale from running to zero in silence. Whatever ends at a bound, is held by its prior, or
    cannot be told from the data, is said to be so in ``table["verdict"]``; so is a field that the data do without, and
    noise under data that are not like a Gaussian field (`HyperparameterFit.table`).

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Matérn priors (others stay as they are), no bounds, no penalties. Its own values are one of
        the starts.
    method : {"evidence", "dense", "lanczos"}, default "evidence"
        "dense": by Cholesky factors, exact, up to 20,000 data. "lanczos": by stochastic traces, for lattices under
        continued fields, of any size; intervals then come from the curvature. "evidence": dense up to 1,500 data, or
        where lanczos does not suit.
    free : list of str, optional
        Which to fit, among names like "density_std", "density_range" ("range" where `Coregionalization` ties it),
        "correlation", "gravity_noise"; under `StationaryNoise(MaternKernel(...))` also "gravity_noise_correlated" and
        "gravity_noise_range", "gravity_bias_std", the common size of the coefficients of a bias, and of a discrepancy
        "gravity_discrepancy_std", "discrepancy_range", "discrepancy_correlation" (two surveys). Parts of a sum of
        Matérns are numbered, "density_std_1", "density_range_1", "density_std_2", …, but for "range" of the part that
        `Coregionalization` ties; like ones keep the order of the ranges that the problem states. Default: all but those
        of biases and discrepancies, which are held as stated; a bias whose std came from the evidence is fitted.
    ranges : {"common", "layered", "axes"}, default "common"
        One factor on all ranges; one on the vertical and one on the horizontal; or one on each axis. One is what a
        survey at one height can tell best.
    bounds : dict of {str: (low, high)}, optional
        Natural units. Default: std within a factor 1000 of what the data's size asks for, ranges from half a cell to
        twice the mesh, noise from 1e-4 to 3 times the data's std, correlation within ±0.995.
    prior : {"weak", "flat"}, default "weak"
        Priors of the hyperparameters; flat in log (atanh) values means maximum likelihood.
    thin : "auto", int or dict of {modality name: int}, default "auto"
        Use every k-th node of a lattice survey, both ways. A grid interpolated from stations further apart than its
        nodes has no noise and a long range of its own; "auto" thins, up to 6, a survey of more than 300 data whose
        noise runs to its lower bound by the Whittle likelihood, until it no longer does, and says so. 1 never thins.
        In `.problem` all nodes stand, and share the information of those used: their noise variance is k² times it.
    curve : bool, default True
        Compute the profiles. Without them intervals come from the curvature, and the evidence is asked at their ends
        where the curvature leaves a value uncertain by more than a tenth; not by method "lanczos".
    seed : int or numpy.random.Generator, default 0
        Chooses the subset of data on which starts are tried, where the surveys are no lattices.

    Returns
    -------
    HyperparameterFit

    Raises
    ------
    ValueError, TypeError
        If the problem is not linear-Gaussian, knows cells exactly, or a name or a bound is wrong.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> rng, mesh = np.random.default_rng(1), bj.Mesh.regular((2, 10, 10), (100, 100, 100))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=200.0))
    >>> gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> truth = density.bound_prior.covariance.sample(rng, 1)[0] * 1000
    >>> data = gravity @ truth + 0.1 * rng.standard_normal(100)
    >>> stated = density.replace(prior=bj.Matern(std=30.0, range=500.0))
    >>> survey = bj.Modality("gravity", gravity, data, bj.DiagonalNoise(np.full(100, 0.5)), "density")
    >>> fit = fit_hyperparameters(bj.JointProblem([stated], [survey]))
    >>> [f"{name} {value:.3g}" for name, value in fit.estimate.items()]
    ['density_std 120', 'density_range 309', 'gravity_noise 0.114']
    >>> fit.table["verdict"][2]
    np.str_('identified: 95 % interval 0.0907 to 0.139 mGal')
    """
    check_problem(problem)
    check_gaussian_noise(problem, "for its evidence")
    one_of("method", method, ("evidence", "dense", "lanczos"))
    one_of("prior", prior, ("weak", "flat"))
    build = partial(HyperVector, free=free, ranges=ranges, bounds=bounds, flat=prior == "flat", whole=problem)
    vector, start, note = _thin(problem, thin, build)
    way, reason = _way(vector.problem, method)
    reason += note
    if way == "lanczos":
        return _fit_large(vector, start, reason, seed)
    evidence = DenseEvidence(vector)
    objective = EvidenceObjective(evidence, vector)
    starts, units, how = _starts(vector, start, evidence, np.random.default_rng(seed))
    optima = distinct([in_order(vector, maximise(objective, s, units=units)) for s in starts])
    return summarise(objective, optima, curve, f"{how}{reason}")


def _thin(problem, thin, build):
    """(vector of the data used, Whittle's maximum for them or None, what to say of it)."""
    vector = build(problem)
    check_evidence(problem)
    large = max(m.size for m in problem.modalities) > SUBSET and whittle_suits(problem)
    if thin == "auto":
        if not large:
            return vector, None, ""
        strides, start = strides_of(problem, vector, build, guesses)
        note = ", because at all of them its noise runs to its lower bound: an interpolated grid"
    else:
        strides, start, note = _strides(problem, thin), None, ", as asked for"
    if not strides:
        return vector, start, ""
    said = ", ".join(f"every {ordinal(k)} node of {name}" for name, k in strides.items())
    return build(thinned(problem, strides), strides=strides), start, f"; of {said}{note}"


def _strides(problem, thin):
    """{modality name: stride} of those above 1."""
    names = [m.name for m in problem.modalities]
    given = thin if isinstance(thin, dict) else dict.fromkeys(names, thin)
    for name, stride in given.items():
        if name not in names or not isinstance(stride, (int, np.integer)) or isinstance(stride, bool) or stride < 1:
            fail("thin", f"be 'auto', a positive integer, or a dict of them by {names}", repr(thin), "1 never thins.")
    return {name: int(k) for name, k in given.items() if k > 1}


def _way(problem, method):
    """("dense" or "lanczos", why)."""
    if method != "evidence":
        return method, ""
    suits = not discrepancies(problem) and whittle_suits(problem) and all(
        p.prior.extent == "continued" for p in matern_parameters(problem))
    if problem.data_size > DENSE_BEST and suits:
        return "lanczos", (f" (chosen because {problem.data_size} data on lattices are more than a dense matrix is "
                           "quick for)")
    return "dense", ""


def _fit_large(vector, start, reason, seed):
    """By noisy gradients from the Whittle maximum."""
    evidence = LargeEvidence(vector, seed=seed)
    start = whittle_maximum(vector, guesses(vector)) if start is None else start
    top = in_order(vector, climb(evidence, vector, start))
    how = (f"stochastic evidence of {evidence.count} data{reason}, started by the debiased Whittle likelihood, "
           f"{top.steps} average-information steps with {evidence.probes} probes")
    return summarise_noisy(EvidenceObjective(evidence, vector), top, how)


def guesses(vector):
    """Starts in the search's coordinates: the problem's own, and two from the size of the data and the mesh."""
    problem = vector.problem
    factors, size = std_factors(problem), rough_std(problem)
    out = [vector.start]
    for reach, noise in ((0.25, 0.1), (0.5, 0.02)):
        point, share = vector.start.copy(), spread(vector, reach)
        for i, c in enumerate(vector.coordinates):
            low, high = vector.bounds[i]
            if c.kind == "vector_std" or c.kind in KINDS:
                continue
            if c.kind == "std":
                point[i] = np.log(c.value * factors[c.targets[0]])
            elif c.kind == "noise":
                point[i] = np.log(noise * size[c.targets[0]])
            elif c.kind == "correlation":
                point[i] = 0.0
            else:
                point[i] = low + share[i] * (high - low)
        out.append(np.clip(point, *vector.bounds.T))
    return out


def _starts(vector, start, evidence, rng):
    """(starts, units of the search, how): of few data all guesses, of many the optima of something cheaper."""
    sizes = [m.size for m in vector.problem.modalities]
    if max(sizes) <= SUBSET:
        return guesses(vector), 1.0, f"exact evidence of {evidence.count} data, {len(guesses(vector))} starts"
    if start is not None or whittle_suits(vector.problem):
        best = whittle_maximum(vector, guesses(vector)) if start is None else start
        how = f"exact evidence of {evidence.count} data, started by the debiased Whittle likelihood"
        return [best], whittle_spread(vector, best), how
    rows = [np.sort(rng.permutation(n)[:SUBSET]) for n in sizes]
    rough = EvidenceObjective(DenseEvidence(vector, rows), vector)
    optima = distinct([maximise(rough, s, tolerance=1e-2) for s in guesses(vector)])
    how = (f"exact evidence of {evidence.count} data, started from {len(optima)} maximum(s) of the evidence of "
           f"{sum(r.size for r in rows)} of them")
    return [o.theta for o in optima], 1.0, how
