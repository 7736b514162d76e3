"""What silence means: the smallest disturbances that tests would have seen, and which ones the data exclude."""

from __future__ import annotations

import numpy as np

from .._checks import as_positive, check_object, fail
from .._places import blocks
from .._typing import JointProblem, xr
from ..augment import held_by_biases
from ..dataset import DatasetBuilder
from ._additive import additive_fits
from ._disturbances import KINDS, disturbances_of
from ._gain_test import gain_fits
from ._likelihood_ratio import split_dof, split_name
from ._local_conflict import LEVEL, POWER, smallest
from ._pair import make_pair
from ._shared import add_columns, as_share, crossing, widened
from ._spectral_conflict import noncentrality

DRAWS, VALUES = 20_000, 2e8  # of the likelihood ratio under agreement, and random numbers spent on them
_WORDS = {
    "estimate": ("size_units", "estimate, the model marginalised"),
    "p_value": ("1", "p-value of none, two-sided"),
    "margin": ("size_units", "size that matters"),
    "equivalence_p_value": ("1", "p-value of a size of the margin or more"),
    "modelled": ("1", "1 where biases of the survey hold it"),
    "excluded": ("1", "1 where a size that matters is excluded"),
    "bound": ("size_units", "size above which all are excluded"),
    "easting": ("m", "easting of the place that is worst known"),
    "northing": ("m", "northing of the place that is worst known"),
}
_LABELS = {  # coordinate: (field of a `Disturbance`, words)
    "survey": ("survey", "survey"), "form": ("name", "form"), "kind": ("kind", "kind of the form"),
    "size_units": ("units", "units of the size"), "words": ("words", "what the size means")}
UNSEEN = 1e-12  # share of a disturbance's own precision below which a statistic does not feel it


def detectability(problem: JointProblem, pair: tuple | None = None, *, level: float = LEVEL, power: float = POWER,
                  margins: dict | None = None, radius: float | None = None, method: str = "auto",
                  seed: int = 0) -> xr.Dataset:
    """What each test of a pair of surveys would have detected, and which disturbances the data exclude.

    For every survey of the pair, an offset, a tilt, a patch, levels of lines and a gain are held against: the test of
    that very nuisance (Gaussian: z_{α/2} + z_β standard deviations), the two node splits (noncentral χ²) and the
    likelihood ratio (signed weighted noncentral χ², sampled; with iterative solves its linear part is taken as
    independent). All but the last are exact for offset, tilt and patch, which are added. Levels of the rows and of the
    columns of a lattice are independent and Gaussian, their size a root mean square, exact for their own test; splits
    and ratio are given one draw of them. A gain multiplies the signal and is first order: node splits and ratio are
    given the signal which all surveys together predict as if it were known, its own test the spread that its score has
    over simulated data (see `gain_test`).

    Beside it the estimate of each disturbance, the model marginalised, and a test of equivalence: two one-sided tests
    (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15, 657) of "at least as large as the margin". A patch is tried on a
    grid of places from edge to edge, and counts as excluded only if it is at every one of them (intersection-union:
    Berger 1982, Technometrics 24, 295: no correction is needed): estimate and bound are of the place where least is
    excluded, ``detectable`` of that where most is needed, ``p_value`` of all (Simes). For levels the test is of most
    power between that root mean square and none. For a gain both come from the score: by bootstrap and from data
    simulated at the margin with matrices, by Student's t of 39 simulated scores, taken as Gaussian and of one spread
    for every gain, with iterative solves. Surveys are consistent only if disturbances that matter are excluded; all of
    this rests on prior, coupling and noise as stated, and speaks of these forms only.

    Parameters
    ----------
    problem : JointProblem
        Linear-Gaussian.
    pair : (str or tuple of str, str or tuple of str), optional
        As in `likelihood_ratio_test`; default the two surveys of a problem that has two.
    level, power : float, default 0.05 and 0.8
        Of every single test.
    margins : dict, optional
        {"offset" | "tilt" | "patch" | "levels" | "gain": size} that matters, in units of the data or percent, for all
        surveys, or {survey: such a dict}. Default the noise std (median over the survey), and for a gain what makes the
        signal off by as much: a difference below the noise is seen by no one who looks at a map.
    radius : float, optional
        Of the patch, metres; default six station spacings, at most a quarter of the survey.
    method : {"auto", "dense", "iterative"}, default "auto"
        As in `node_split`.
    seed : int, default 0

    Returns
    -------
    xarray.Dataset
        Over (disturbance, test) ``detectable`` with its error, NaN where the test does not see such a disturbance; over
        ``disturbance`` ``estimate`` with ``estimate_error``, ``p_value`` (two-sided) with its error, ``margin``,
        ``equivalence_p_value`` with its error, ``modelled`` (1 where biases of the survey hold such a disturbance and
        it is part of the model), ``excluded`` (1 where one of the margin's size is excluded at `level`) and ``bound``,
        the size above which all are; ``easting`` and ``northing`` of the patch that is worst known.
        Coordinates tell ``survey``, ``form``, ``size_units``, and in ``words`` what the size means.

    Raises
    ------
    ValueError, TypeError
        As `likelihood_ratio_test`; a margin that is not positive or has an unknown name.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> level = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 1e4))
    >>> surveys = [bj.Modality(name, [[1.0]], [d], bj.DiagonalNoise([1.0]), "level", units="mGal")
    ...            for name, d in (("ground", 0.0), ("air", 0.5))]
    >>> found = detectability(bj.JointProblem([level], surveys))
    >>> found.detectable.sel(disturbance="offset of air", test="nuisance").item().__round__(2)
    3.96
    >>> found.excluded.values.tolist()
    [0, 0]
    """
    check_object("problem", problem)
    level, power = as_share("level", level), as_share("power", power)
    names = [m.name for m in problem.modalities]
    if pair is None:
        if len(names) != 2:
            fail("pair", "be given where there are not exactly two surveys", f"{names}", "Name two of them.")
        pair = tuple(names)
    return tabulate(make_pair(problem, pair, method), level, power, margins, radius, seed)


def fitted_forms(pair, seed=0, radius=None):
    """[(Disturbance, what data say of it: `SinglePlaces`, `LevelFit` or `GainFit`)] of the surveys of a `Pair`."""
    problem, both = pair.problem, pair.both
    white = both.residual - both.project(both.residual[:, None])[:, 0]
    clean = both.model.colour(white) + both.model.data_mean  # as all surveys predict it, prior mean and flat values too
    forms = [d for m in problem.modalities
             for d in disturbances_of(m, problem.weights[m.name], clean[both.rows[m.name]], radius)]
    fits = additive_fits(both, [d for d in forms if d.kind != "gain"]) | gain_fits(
        both, [d.survey for d in forms if d.kind == "gain"], seed)
    return [(d, fits[d.survey, d.name]) for d in forms]


def tabulate(pair, level=LEVEL, power=POWER, margins=None, radius=None, seed=0, fitted=None, spectrum=None):
    """`detectability` of a `Pair`, and of its `fitted_forms` and spectrum where they are there already."""
    forms, fits = zip(*(fitted_forms(pair, seed, radius) if fitted is None else fitted), strict=True)
    rows = [_row(pair.problem, d, fit, _margin(d, margins, pair.names), level, power)
            for d, fit in zip(forms, fits, strict=True)]
    white = widened(pair.both, [(d.survey, d.column(fit.least_seen)) for d, fit in zip(forms, fits, strict=True)])
    spectrum = pair.spectrum() if spectrum is None else spectrum
    tests, sizes, errors = _sizes(pair, white, forms, rows, level, power, seed, spectrum)
    result = DatasetBuilder()
    result.along("disturbance", [f"{d.name} of {d.survey}" for d in forms], "what may be wrong")
    result.along("test", tests, "test")
    result.add("detectable", ("disturbance", "test"), sizes, "size_units",
              f"smallest size seen in {power:.0%} of cases at level {level:.0%}", errors)
    add_columns(result, ("disturbance",), rows, _WORDS)
    table = result.dataset({"pair": f"{pair.label(0)} and {pair.label(1)}", "level": level, "power": power,
                           "method": pair.method})
    return table.assign_coords({key: ("disturbance", [getattr(d, name) for d in forms], {
        "units": "1", "long_name": words}) for key, (name, words) in _LABELS.items()})


def _row(problem, disturbance, fit, margin, level, power):
    """What is known of a disturbance, at the place that counts where there are several; `size` is what is seen."""
    size, (p, p_error), places = fit.detectable(level, power), fit.equivalence(margin), disturbance.places
    easting, northing = (np.nan, np.nan) if places is None else places[fit.worst]
    held = held_by_biases(problem, disturbance.survey, disturbance.columns).all()
    return {"size": size, "size_error": size * fit.doubt, "estimate": fit.value, "estimate_error": fit.std,
            "p_value": fit.p_value, "p_value_error": fit.p_value_error, "margin": margin, "equivalence_p_value": p,
            "equivalence_p_value_error": p_error, "modelled": np.int8(held), "excluded": np.int8(p <= level),
            "bound": fit.bound(level), "easting": easting, "northing": northing}


def _margin(disturbance, margins, names):
    given = {} if margins is None else margins
    kind, allowed = disturbance.kind, set(KINDS)
    own = given.get(disturbance.survey, given) if isinstance(given, dict) else given
    if not isinstance(own, dict) or (set(given) | set(own)) - allowed - set(names):
        fail("margins", f"be a dict with keys among {sorted(allowed)}, or surveys", repr(margins), "Mend the keys.")
    return float(as_positive(f"margins[{kind!r}]", own[kind], 0)) if kind in own else disturbance.scale


def _sizes(pair, white, forms, rows, level, power, seed, spectrum):
    """(tests, sizes, errors), shapes (disturbances, tests)."""
    felt = pair.statistics(white)
    tests, sizes, errors = ["nuisance"], [[r["size"] for r in rows]], [[r["size_error"] for r in rows]]
    precision = (smallest(level=level, power=power) / np.array(sizes[0])) ** 2
    for source, split in ((0, felt.into_second), (1, felt.into_first)):
        dof = split_dof(pair, source)
        tests.append(split_name(pair, source))
        needed = noncentrality(float(dof), level, power) if dof else np.nan
        sizes.append(np.sqrt(needed / np.where(split > UNSEEN * precision, split, np.nan)))
        errors.append(0.5 * sizes[-1] * felt.error / np.maximum(split, UNSEEN * precision))
    null, linear = _ratio_draws(pair, white, np.random.default_rng(seed), spectrum)
    found = [_ratio_size(null, linear[k], r, d.scale, level, power) if r > UNSEEN * p else (np.nan, np.nan)
             for k, (r, p, d) in enumerate(zip(felt.ratio, precision, forms, strict=True))]
    ratio, ratio_errors = zip(*found, strict=True)
    return [*tests, "likelihood ratio"], np.stack([*sizes, ratio], axis=1), np.stack([*errors, ratio_errors], axis=1)


def _ratio_draws(pair, white, rng, spectrum):
    """(q under agreement, (draws,), what is linear in each disturbance, (k, draws)): q + a linear + a² felt."""
    if pair.method != "dense":
        null = spectrum.null().sample(rng, DRAWS) if spectrum.testable else np.zeros(DRAWS)
        pulled = pair.both.project(white)  # 2 hᵀM e is linear, M the matrix of q_ab − q_a − q_b; e has the covariance K
        for part, rows in pair.parts:
            pulled[rows] -= part.project(white[rows])
        spread = 2 * np.sqrt(np.maximum(np.einsum("ij,ij->j", pulled, pair.both.product(pulled)), 0.0))
        return null, spread[:, None] * rng.standard_normal((white.shape[1], DRAWS))
    u, v, w = pair.canonical.of(white)
    rho = spectrum.correlations[:, None]
    shifts = np.concatenate([(u - v) / np.sqrt(2 * (1 - rho)), (u + v) / np.sqrt(2 * (1 + rho)), w])
    weights = np.concatenate([spectrum.correlations, -spectrum.correlations, np.ones(pair.excess)])
    count = max(1, min(DRAWS, int(VALUES // max(weights.size, 1))))
    null, linear = np.zeros(count), np.zeros((white.shape[1], count))
    for block in blocks(weights.size, 256):
        z = rng.standard_normal((weights[block].size, count))
        null += weights[block] @ z**2
        linear += 2 * (weights[block, None] * shifts[block]).T @ z
    return null, linear


def _ratio_size(null, linear, square, scale, level, power):
    """(size that the likelihood ratio sees with the power asked for, its error)."""
    threshold = np.quantile(null, 1 - level)

    def seen(size, threshold=threshold):
        return float(np.mean(null + size * linear + size**2 * square > threshold))

    size = crossing(lambda a: seen(a) - power, scale, 1e-4)
    if np.isinf(size):
        return np.nan, np.nan
    slope = (seen(1.1 * size) - seen(0.9 * size)) / (0.2 * size)
    # both the threshold and the power come from a sample: the level is off by √(α (1 − α) / N), which moves the power
    drift = abs(seen(size, np.quantile(null, 1 - 1.1 * level)) - seen(size)) / (0.1 * level) * np.sqrt(
        level * (1 - level) / null.size)
    return size, float(np.hypot(np.sqrt(power * (1 - power) / null.size), drift) / max(slope, 1e-300))
