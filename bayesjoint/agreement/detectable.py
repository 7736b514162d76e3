"""What silence means: the smallest disturbances that tests would have seen, and which ones the data exclude."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from .._checks import as_positive, fail
from ..augment import held_by_biases
from ..dataset import Sheet
from .additive import AdditiveColumns, level_fits
from .bands import noncentrality
from .disturbances import disturbances_of
from .gain import gain_fits
from .local import LEVEL, POWER, _share, smallest
from .pair import make_pair
from .splitting import split_dof

DRAWS, VALUES = 20_000, 2e8  # of the likelihood ratio under agreement, and random numbers spent on them
FAR = 1e6  # noise standard deviations: what is not seen there is not seen
UNSEEN = 1e-12  # share of a disturbance's own precision below which a statistic does not feel it


def detectability(problem, pair=None, *, level=LEVEL, power=POWER, margins=None, radius=None, method="auto", seed=0):
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
    level, power = _share("level", level), _share("power", power)
    names = [m.name for m in problem.modalities]
    if pair is None:
        if len(names) != 2:
            fail("pair", "be given where there are not exactly two surveys", f"{names}", "Name two of them.")
        pair = tuple(names)
    return tabulate(make_pair(problem, pair, method), level, power, margins, radius, seed)


def tabulate(made, level=LEVEL, power=POWER, margins=None, radius=None, seed=0, gains=None, spectrum=None, levels=None):
    """`detectability` of a pair that is there already, and of what of its fits is."""
    forms = [d for m in made.problem.modalities
             for d in disturbances_of(m, made.problem.weights[m.name], _signal(made, m.name), radius)]
    sized = [_margin(d, margins, made.names) for d in forms]
    if gains is None:
        gains = gain_fits(made.both, [d.survey for d in forms if d.name == "gain"], seed)
    levels = level_fits(made.both, forms) if levels is None else levels
    single = [d for d in forms if d.kind not in ("gain", "levels")]
    columns, white, rows = AdditiveColumns(made.both, single), _whitened(made, forms), []
    for k, (d, margin) in enumerate(zip(forms, sized, strict=True)):
        if d.kind == "gain":
            rows.append(_gain_row(gains[d.survey], margin, level, power))
        elif d.kind == "levels":
            rows.append(_level_row(levels[d.survey, d.name], margin, level, power))
        else:
            j = next(i for i, other in enumerate(single) if other is d)
            found = columns.singly(j)
            rows.append(_place_row(found, margin, level, power, d.places))
            white[:, k] = columns.white[:, columns.where[j]][:, found.least_seen]
    spectrum = made.spectrum() if spectrum is None else spectrum
    found = _sizes(made, white, forms, rows, level, power, seed, spectrum)
    return _dataset(made, forms, rows, sized, found, level, power)


def _whitened(made, forms):
    """A column of each, whitened, shape (n_data, forms)."""
    model = made.both.model
    places = dict(zip((m.name for m in made.problem.modalities), model.data_slices, strict=True))
    wide = np.zeros((made.both.size, len(forms)))
    for k, d in enumerate(forms):
        wide[places[d.survey], k] = d.column
    return model.whiten(wide)


def _dataset(made, forms, rows, margins, found, level, power):
    tests, sizes, errors = found
    sheet = Sheet()
    sheet.along("disturbance", [f"{d.name} of {d.survey}" for d in forms], "what may be wrong")
    sheet.along("test", tests, "test")
    sheet.add("detectable", ("disturbance", "test"), sizes, "size_units",
              f"smallest size seen in {power:.0%} of cases at level {level:.0%}", errors)

    def column(name):
        return np.array([getattr(row, name) for row in rows])

    sheet.add("estimate", ("disturbance",), column("estimate"), "size_units", "estimate, the model marginalised",
              column("std"))
    sheet.add("p_value", ("disturbance",), column("p"), "1", "p-value of none, two-sided", column("p_error"))
    sheet.add("margin", ("disturbance",), margins, "size_units", "size that matters")
    sheet.add("equivalence_p_value", ("disturbance",), column("equivalence"), "1",
              "p-value of a size of the margin or more", column("equivalence_error"))
    modelled = [bool(held_by_biases(made.problem, d.survey, d.columns).all()) for d in forms]
    sheet.add("modelled", ("disturbance",), np.array(modelled, np.int8), "1", "1 where biases of the survey hold it")
    sheet.add("excluded", ("disturbance",), (column("equivalence") <= level).astype(np.int8), "1",
              "1 where a size that matters is excluded")
    sheet.add("bound", ("disturbance",), column("bound"), "size_units", "size above which all are excluded")
    for k, name in enumerate(("easting", "northing")):
        sheet.add(name, ("disturbance",), column("place")[:, k], "m", f"{name} of the place that is worst known")
    table = sheet.dataset({"pair": f"{made.label(0)} and {made.label(1)}", "level": level, "power": power,
                           "method": made.method})
    return table.assign_coords(
        survey=("disturbance", [d.survey for d in forms], {"units": "1", "long_name": "survey"}),
        form=("disturbance", [d.name for d in forms], {"units": "1", "long_name": "form"}),
        size_units=("disturbance", [d.units for d in forms], {"units": "1", "long_name": "units of the size"}),
        words=("disturbance", [d.words for d in forms], {"units": "1", "long_name": "what the size means"}))


def equivalence_p_value(estimate, std, margin):
    """p-value of two one-sided tests of "its size is at least the margin", for a Gaussian estimate.

    Examples
    --------
    >>> round(equivalence_p_value(0.0, 1.0, 1.645), 3)
    0.05
    """
    return float(norm.cdf((abs(estimate) - margin) / std))


@dataclass(frozen=True)
class _Row:
    """What is known of one disturbance, by the test that is made for it."""

    size: float  # that this test sees
    size_error: float
    estimate: float
    std: float
    p: float
    p_error: float
    equivalence: float
    bound: float
    place: tuple = (np.nan, np.nan)
    equivalence_error: float = 0.0


def _place_row(found, margin, level, power, places):
    """Of a disturbance at one place or at several, the worst of which counts."""
    worst, p = found.worst, found.p_value()
    return _Row(smallest(level=level, power=power) * found.std[found.least_seen], 0.0, found.value[worst],
                found.std[worst], *p, found.equivalence(margin), found.bound(level),
                (np.nan, np.nan) if places is None else tuple(places[worst]))


def _level_row(fit, margin, level, power):
    return _Row(fit.detectable(level, power), 0.0, fit.value, fit.std, fit.p_value, fit.p_value_error,
                fit.equivalence(margin), fit.bound(level))


def _gain_row(fit, margin, level, power):
    least, (p, p_error) = smallest(level=level, power=power), fit.equivalence_with_error(margin)
    return _Row(least * fit.resolution, least * fit.resolution_error, fit.value, fit.std, fit.p_value,
                fit.p_value_error, p, abs(fit.value) + norm.isf(level) * fit.std, equivalence_error=p_error)


def _signal(made, name):
    """Clean data of a survey as all surveys predict it, less nothing: prior mean and flat values included."""
    both, model = made.both, made.both.model
    where = dict(zip((m.name for m in made.problem.modalities), model.data_slices, strict=True))[name]
    white = both.residual - both.project(both.residual[:, None])[:, 0]
    return (model.colour(white) + model.data_mean)[where]


def _margin(disturbance, margins, names):
    given = {} if margins is None else margins
    kind, allowed = disturbance.kind, {"offset", "tilt", "patch", "levels", "gain"}
    if not isinstance(given, dict) or set(given) - allowed - set(names):
        fail("margins", f"be a dict with keys among {sorted(allowed)}, or surveys", repr(margins), "Mend the keys.")
    own = given.get(disturbance.survey, given)
    if set(own) - allowed - set(names):
        fail("margins", f"have keys among {sorted(allowed)}", repr(own), "Mend the keys.")
    return float(as_positive(f"margins[{kind!r}]", own[kind], 0)) if kind in own else disturbance.scale


def _sizes(made, white, forms, rows, level, power, seed, spectrum):
    """(tests, sizes, errors), shapes (disturbances, tests)."""
    felt = made.statistics(white)
    tests, sizes = ["nuisance"], [np.array([row.size for row in rows])]
    errors = [np.array([row.size_error for row in rows])]
    precision = (smallest(level=level, power=power) / sizes[0]) ** 2
    for source, split in ((0, felt.into_second), (1, felt.into_first)):
        dof = split_dof(made, source)
        tests.append(f"node split {made.label(source)} -> {made.label(1 - source)}")
        needed = noncentrality(float(dof), level, power) if dof else np.nan
        sizes.append(np.sqrt(needed / np.where(split > UNSEEN * precision, split, np.nan)))
        errors.append(0.5 * sizes[-1] * felt.error / np.maximum(split, UNSEEN * precision))
    tests.append("likelihood ratio")
    rng = np.random.default_rng(seed)
    null, linear = _ratio_draws(made, white, rng, spectrum)
    found = [_ratio_size(null, linear[k], r, d.scale, level, power) if r > UNSEEN * p else (np.nan, np.nan)
             for k, (r, p, d) in enumerate(zip(felt.ratio, precision, forms, strict=True))]
    sizes.append(np.array([s for s, _ in found]))
    errors.append(np.array([e for _, e in found]))
    return tests, np.stack(sizes, axis=1), np.stack(errors, axis=1)


def _ratio_draws(made, white, rng, spectrum):
    """(q under agreement, (draws,), what is linear in each disturbance, (k, draws)): q + a linear + a² felt."""
    weights = np.concatenate([spectrum.correlations, -spectrum.correlations])
    if made.method != "dense":
        null = spectrum.null().sample(rng, DRAWS) if spectrum.testable else np.zeros(DRAWS)
        spread = _linear_std(made, white)
        return null, spread[:, None] * rng.standard_normal((white.shape[1], DRAWS))
    u, v, _, _, w = made.canonical(white)
    rho = spectrum.correlations[:, None]
    shifts = np.concatenate([(u - v) / np.sqrt(2 * (1 - rho)), (u + v) / np.sqrt(2 * (1 + rho)), w])
    weights = np.concatenate([weights, np.ones(made.excess)])
    count = max(1, min(DRAWS, int(VALUES // max(weights.size, 1))))
    null, linear = np.zeros(count), np.zeros((white.shape[1], count))
    for first in range(0, weights.size, 256):
        block = slice(first, first + 256)
        z = rng.standard_normal((weights[block].size, count))
        null += weights[block] @ z**2
        linear += 2 * (weights[block, None] * shifts[block]).T @ z
    return null, linear


def _linear_std(made, white):
    """Standard deviation of 2 hᵀM e with M the matrix of q_ab − q_a − q_b: e has the covariance K."""
    pulled = made.both.project(white)
    for part, rows in zip((made.first, made.second), made.rows, strict=True):
        pulled[rows] -= part.project(white[rows])
    return 2 * np.sqrt(np.maximum(np.einsum("ij,ij->j", pulled, made.both.product(pulled)), 0.0))


def _ratio_size(null, linear, square, scale, level, power):
    """(size that the likelihood ratio sees with the power asked for, its error)."""
    threshold = np.quantile(null, 1 - level)

    def seen(size):
        return float(np.mean(null + size * linear + size**2 * square > threshold))

    high = scale
    while seen(high) < power:
        high *= 4.0
        if high > FAR * scale:
            return np.nan, np.nan
    size = brentq(lambda a: seen(a) - power, 0.0, high, xtol=1e-4 * high)
    slope = (seen(1.1 * size) - seen(0.9 * size)) / (0.2 * size)
    # both the threshold and the power come from a sample: the level is off by √(α (1 − α) / N), which moves the power
    drift = abs(float(np.mean(null + size * linear + size**2 * square > np.quantile(null, 1 - level * 1.1)))
                - seen(size)) / (0.1 * level) * np.sqrt(level * (1 - level) / null.size)
    return size, float(np.hypot(np.sqrt(power * (1 - power) / null.size), drift) / max(slope, 1e-300))
