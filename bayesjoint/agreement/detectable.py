"""What silence means: the smallest disturbances that tests would have seen, and which ones the data exclude."""

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from .._checks import as_positive, fail
from ..dataset import Sheet
from .bands import noncentrality
from .disturbances import disturbances_of
from .gain import gain_fits
from .local import LEVEL, POWER, _share, smallest
from .nuisances import NuisanceFit
from .pair import make_pair
from .result import moved_tail
from .splitting import split_dof

DRAWS, VALUES = 20_000, 2e8  # of the likelihood ratio under agreement, and random numbers spent on them
FAR = 1e6  # noise standard deviations: what is not seen there is not seen
UNSEEN = 1e-12  # share of a disturbance's own precision below which a statistic does not feel it


def detectability(problem, pair=None, *, level=LEVEL, power=POWER, margins=None, radius=None, method="auto", seed=0):
    """What each test of a pair of surveys would have detected, and which disturbances the data exclude.

    For every survey of the pair, an offset, a tilt, a patch and a gain are held against: the test of that very nuisance
    (Gaussian: z_{α/2} + z_β standard deviations), the two node splits (noncentral χ²) and the likelihood ratio (signed
    weighted noncentral χ², sampled; with iterative solves its linear part is taken as independent). All but the last
    are exact for offset, tilt and patch, which are added. A gain multiplies the signal and is first order: node splits
    and ratio are given the signal which all surveys together predict as if it were known, its own test the spread that
    its score has over simulated data (see `gain_test`).

    Beside it the estimate of each disturbance, the model marginalised, and a test of equivalence: two one-sided tests
    (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15, 657) of "at least as large as the margin". For a gain both come
    from the score: by bootstrap and from data simulated at the margin with matrices, by Student's t of 39 simulated
    scores, taken as Gaussian and of one spread for every gain, with iterative solves. Surveys are consistent
    only if disturbances that matter are excluded; all of this rests on prior, coupling and noise as stated.

    Parameters
    ----------
    problem : JointProblem
        Linear-Gaussian.
    pair : (str or tuple of str, str or tuple of str), optional
        As in `likelihood_ratio_test`; default the two surveys of a problem that has two.
    level, power : float, default 0.05 and 0.8
        Of every single test.
    margins : dict, optional
        {"offset" | "tilt" | "patch" | "gain": size} that matters, in units of the data or percent, for all surveys, or
        {survey: such a dict}. Default the noise std (median over the survey), and for a gain what makes the signal off
        by as much: a difference below the noise is seen by no one who looks at a map.
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
        ``equivalence_p_value`` and ``excluded`` (1 where a disturbance of the margin's size is excluded at `level`).
        Coordinates tell ``survey``, ``form``, ``size_units``.

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


def tabulate(made, level=LEVEL, power=POWER, margins=None, radius=None, seed=0, gains=None, spectrum=None):
    """`detectability` of a pair that is there already, and of its `gain_fits` and spectrum where they are."""
    forms = [d for m in made.problem.modalities
             for d in disturbances_of(m, made.problem.weights[m.name], _signal(made, m.name), radius)]
    margins = [_margin(d, margins, made.names) for d in forms]
    model = made.both.model
    places = dict(zip((m.name for m in made.problem.modalities), model.data_slices, strict=True))
    wide = np.zeros((made.both.size, len(forms)))
    for k, d in enumerate(forms):
        wide[places[d.survey], k] = d.column
    white = model.whiten(wide)
    if gains is None:
        gains = gain_fits(made.both, [d.survey for d in forms if d.name == "gain"], seed)
    resolution, doubt, estimate, std, p, p_error, equivalence = np.array(
        [_gain_row(gains[d.survey], margin) if d.name == "gain" else _additive_row(made.both, d, margin)
         for d, margin in zip(forms, margins, strict=True)]).T
    tests, sizes, errors = _sizes(made, white, forms, (resolution, doubt), level, power, seed,
                                  made.spectrum() if spectrum is None else spectrum)
    sheet = Sheet()
    sheet.along("disturbance", [f"{d.name} of {d.survey}" for d in forms], "what may be wrong")
    sheet.along("test", tests, "test")
    sheet.add("detectable", ("disturbance", "test"), sizes, "size_units",
              f"smallest size seen in {power:.0%} of cases at level {level:.0%}", errors)
    sheet.add("estimate", ("disturbance",), estimate, "size_units", "estimate, the model marginalised", std)
    sheet.add("p_value", ("disturbance",), p, "1", "p-value of none, two-sided", p_error)
    sheet.add("margin", ("disturbance",), margins, "size_units", "size that matters")
    sheet.add("equivalence_p_value", ("disturbance",), equivalence, "1", "p-value of a size of the margin or more")
    sheet.add("excluded", ("disturbance",), (equivalence <= level).astype(np.int8), "1",
              "1 where a size that matters is excluded")
    found = sheet.dataset({"pair": f"{made.label(0)} and {made.label(1)}", "level": level, "power": power,
                           "method": made.method})
    return found.assign_coords(
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


def _additive_row(both, disturbance, margin):
    """(std without it, error of that, estimate, std, p-value, its error, p-value of the margin or more)."""
    fit = NuisanceFit(both, disturbance.survey, disturbance.column[:, None])
    statistic, value, error = (float(np.ravel(v)[0]) for v in fit.test(both.residual[:, None]))
    std = float(fit.std[0])
    if not fit.rank:
        return std, 0.0, value, std, np.nan, np.nan, np.nan
    return (std, 0.0, value, std, float(2 * norm.sf(abs(value / std))), moved_tail(statistic, error, 1),
            equivalence_p_value(value, std, margin))


def _gain_row(fit, margin):
    """The same of a `GainFit`."""
    return (fit.resolution, fit.resolution_error, fit.value, fit.std, fit.p_value, fit.p_value_error,
            fit.equivalence(margin))


def _signal(made, name):
    """Clean data of a survey as all surveys predict it, less nothing: prior mean and flat values included."""
    both, model = made.both, made.both.model
    where = dict(zip((m.name for m in made.problem.modalities), model.data_slices, strict=True))[name]
    white = both.residual - both.project(both.residual[:, None])[:, 0]
    return (model.colour(white) + model.data_mean)[where]


def _margin(disturbance, margins, names):
    given = {} if margins is None else margins
    kind = disturbance.name.split()[0]
    allowed = {"offset", "tilt", "patch", "gain"}
    if not isinstance(given, dict) or set(given) - allowed - set(names):
        fail("margins", f"be a dict with keys among {sorted(allowed)}, or surveys", repr(margins), "Mend the keys.")
    own = given.get(disturbance.survey, given)
    if set(own) - allowed - set(names):
        fail("margins", f"have keys among {sorted(allowed)}", repr(own), "Mend the keys.")
    return float(as_positive(f"margins[{kind!r}]", own[kind], 0)) if kind in own else disturbance.scale


def _sizes(made, white, forms, resolution, level, power, seed, spectrum):
    """(tests, sizes, errors), shapes (disturbances, tests); `resolution`: std of the estimates, and its error."""
    std, doubt = resolution
    felt = made.statistics(white)
    precision = 1.0 / std**2
    least = smallest(level=level, power=power)
    tests, sizes, errors = ["nuisance"], [least * std], [least * doubt]
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
