"""What silence means: the smallest disturbances that tests would have seen, and which ones the data exclude."""

from __future__ import annotations

import numpy as np

from .._checks import as_positive, as_share, checked, fail
from .._typing import JointProblem, xr
from ..augment import held_by_biases
from ..dataset import DatasetBuilder
from ..gaussian import DenseSystem
from ._additive import additive_fits
from ._disturbances import KINDS, disturbances_of
from ._gain_test import gain_fits
from ._local_conflict import LEVEL, POWER
from ._pair import make_pair
from ._shared import add_columns
from ._sizes import Sizes

MISSED = 0.2  # share of agreeing pairs that by chance exclude too little
FAR = 5.0  # noise std beyond which it says nothing that a disturbance is excluded
_WORDS = {
    "estimate": ("size_units", "estimate, the model marginalised"),
    "p_value": ("1", "p-value of none, two-sided"),
    "margin": ("size_units", "size that matters"),
    "scale": ("size_units", "size as large as the noise"),
    "equivalence_p_value": ("1", "p-value of a size of the margin or more"),
    "modelled": ("1", "1 where biases of the survey hold it"),
    "own": ("1", "1 where it is no more than a wrong prior std of the survey"),
    "excluded": ("1", "1 where a size that matters is excluded"),
    "bound": ("size_units", "size above which all are excluded"),
    "easting": ("m", "easting of the place that is worst known"),
    "northing": ("m", "northing of the place that is worst known"),
}
_LABELS = {  # coordinate: (field of a `Disturbance`, words)
    "survey": ("survey", "survey"), "form": ("name", "form"), "kind": ("kind", "kind of the form"),
    "size_units": ("units", "units of the size"), "words": ("words", "what the size means")}


@checked
def detectability(problem: JointProblem, pair: tuple | None = None, *, level: float = LEVEL, power: float = POWER,
                  margins: dict | None = None, radius: float | None = None, method: str = "auto",
                  seed: int = 0) -> xr.Dataset:
    """What each test of a pair of surveys would have detected, and which disturbances the data exclude.

    For every survey of the pair, an offset, a tilt, a patch, levels of lines and a gain are held against: the test of
    that very nuisance (Gaussian: z_{α/2} + z_β standard deviations), the two node splits (noncentral χ²) and the
    likelihood ratio (signed weighted noncentral χ², sampled; with iterative solves its linear part is taken as
    independent). All but the last are exact for offset, tilt and patch, which are added. Levels of the rows and of the
    columns of a lattice are independent and Gaussian, their size a root mean square, exact for their own test. A gain
    multiplies the signal, whose energy differs from ground to ground: its size is what is seen in that share of data
    sets simulated from the problem with the gain in them, both signs alike. So it is for node splits and ratio, and for
    levels under these, with matrices; with iterative solves they are given the signal that all surveys together
    predict, as if it were known, and one draw of the levels.

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
        signal off by as much (``scale``): a difference below the noise is seen by no one who looks at a map. Where that
        is less than can be excluded, the default is what at least 80 % of agreeing pairs exclude, all disturbances
        together, so that agreement can be found at all; between surveys of one property never more than five noise std
        or the std of the signal that the prior expects, beyond which excluding it would say nothing. It depends on
        stations, noise and prior, and not on the data: a disturbance as large as the margin is still taken for
        excluded in at most `level` of cases.
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
        it is part of the model), ``own`` (1 for a gain where a coupling alone ties the surveys: it is then no more than
        a wrong prior std of one of them), ``excluded`` (1 where one of the margin's size is excluded at `level`) and
        ``bound``, the size above which all are; ``easting`` and ``northing`` of the patch that is worst known.
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
    >>> found.margin.values.round(2).tolist(), found.excluded.values.tolist()  # excluded from 4.65, not from 1.0 on
    ([4.65, 4.65], [1, 1])
    """
    level, power = as_share("level", level), as_share("power", power)
    if radius is not None:
        as_positive("radius", radius, 0)
    names = [m.name for m in problem.modalities]
    if pair is None:
        if len(names) != 2:
            fail("pair", "be given where there are not exactly two surveys", f"{names}", "Name two of them.")
        pair = tuple(names)
    return tabulate(make_pair(problem, pair, method), level, power, margins, radius, seed)


def fitted_forms(pair, seed=0, radius=None, about=None):
    """[(Disturbance, what data say of it: `SinglePlaces`, `LevelFit` or `GainFit`)] of surveys of a `Pair`.

    `about` names the surveys; default all.
    """
    problem, both = pair.problem, pair.both
    white = both.residual - both.project(both.residual[:, None])[:, 0]
    clean = both.model.colour(white) + both.model.data_mean  # as all surveys predict it, prior mean and flat values too
    forms = [d for m in problem.modalities if about is None or m.name in about
             for d in disturbances_of(m, problem.weights[m.name], clean[both.rows[m.name]], radius)]
    fits = additive_fits(both, [d for d in forms if d.kind != "gain"]) | gain_fits(
        both, [d.survey for d in forms if d.kind == "gain"], seed)
    return [(d, fits[d.survey, d.name]) for d in forms]


def tabulate(pair, level=LEVEL, power=POWER, margins=None, radius=None, seed=0, fitted=None, found=None):
    """`detectability` of a `Pair`, and of its `fitted_forms` and their `Sizes` where they are there already."""
    forms, fits = zip(*(fitted_forms(pair, seed, radius) if fitted is None else fitted), strict=True)
    given = [_given_margin(d, margins, pair.names) for d in forms]
    apart = not shares(pair)
    rows = [_row(pair.problem, d, fit, margin, level, power) | {
        "own": np.int8(apart and d.kind == "gain")} for d, fit, margin in zip(
        forms, fits, _margins(pair, forms, fits, given, level), strict=True)]
    if found is None:
        found = Sizes(pair, list(zip(forms, fits, strict=True)), seed, pair.spectrum())
    sizes, errors = (np.column_stack([[r[key] for r in rows], each]) for key, each in
                     zip(("size", "size_error"), found.table(level, power), strict=True))
    tests, result = ["nuisance", *found.tests], DatasetBuilder()
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
            "scale": disturbance.scale, "bound": fit.bound(level), "easting": easting, "northing": northing}


def _margins(pair, forms, fits, given, level):
    """Sizes that matter: those given, else the noise std, or what the surveys can exclude where that is larger.

    Of agreeing pairs at most `MISSED` fail by chance to exclude one disturbance or another (Bonferroni over all places
    of all). Surveys of one property are held to no more than `FAR` noise std, or the std of the signal that the prior
    expects: beyond that nothing is said by excluding it.
    """
    places = max(sum(fit.places for fit, own in zip(fits, given, strict=True) if own is None), 1)
    shared, out = shares(pair), []
    for d, fit, own in zip(forms, fits, given, strict=True):
        reach = d.scale if own is not None else fit.reach(level, MISSED / places)
        far = max(FAR * d.scale, d.scale * _signal_over_noise(pair, d.survey)) if shared else np.inf
        out.append(own if own is not None else reach if d.scale < reach <= far else d.scale)
    return out


def shares(pair):
    """Whether the two groups see one property, or directions that no prior holds; else a coupling alone ties them."""
    one, other = ({name for m in pair.problem.modalities if m.name in group for name in m.parameters}
                  for group in pair.groups)
    return bool(one & other) or pair.excess > 0


def _signal_over_noise(pair, survey):
    """Std of the signal that the prior expects, median over the data, in noise std; 0 with flat priors or by solves."""
    if pair.both.rank or not isinstance(pair.both, DenseSystem):
        return 0.0
    return float(np.sqrt(np.median(np.maximum(np.diag(pair.both.signal)[pair.both.rows[survey]], 0.0))))


def _given_margin(disturbance, margins, names):
    given = {} if margins is None else margins
    kind, allowed = disturbance.kind, set(KINDS)
    own = given.get(disturbance.survey, given) if isinstance(given, dict) else given
    if not isinstance(own, dict) or (set(given) | set(own)) - allowed - set(names):
        fail("margins", f"be a dict with keys among {sorted(allowed)}, or surveys", repr(margins), "Mend the keys.")
    return float(as_positive(f"margins[{kind!r}]", own[kind], 0)) if kind in own else None
