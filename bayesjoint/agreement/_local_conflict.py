"""Where surveys disagree: maps of what one survey says beyond the others, at several patch sizes, with errors."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree
from scipy.stats import norm, t

from .._checks import as_finite, as_share, checked, fail, one_of
from .._typing import JointProblem, Sequence, xr
from ..dataset import DatasetBuilder
from ..hyperparameters import as_measured
from ..problem import layout
from ._multiple_testing import CONTROLS, false_discovery, log_simes
from ._residuals import residual_of
from ._sentences import against_words

PATCHES = (0.0, 2.5, 6.0)  # radii in station spacings: one station, about 21, about 113
LEVEL, POWER = 0.05, 0.8
_WORDS = {
    "z": ("1", "mean residual of the patch in its standard deviations"),
    "p_value": ("1", "p-value of the residual, two-sided"),
    "flagged": ("1", "1 where the residual is a discovery"),
    "anomaly_z": ("1", "extra anomaly of the patch in its standard deviations"),
    "anomaly_p_value": ("1", "p-value of the extra anomaly, two-sided"),
    "anomaly_flagged": ("1", "1 where the extra anomaly is a discovery"),
}


@checked
def local_conflict(problem: JointProblem, survey: str, given: str | tuple | None = None,
                   patches: Sequence[float] | None = None, *, control: str = "hochberg", level: float = LEVEL,
                   method: str = "auto", draws: int = 64, seed: int = 0) -> xr.Dataset:
    """Map where a survey disagrees with the others, or with its own model.

    Two maps, each at several patch sizes. The residual: the mean over a patch of what the survey says beyond what the
    others predict, in its standard deviations. The extra anomaly: the least-squares height of a disc that would have to
    be added to the survey, the model marginalised and the rest of the survey believed; sharper, as the survey's own
    surroundings take part. Under agreement both are standard normal (Student's t where the standard deviation comes
    from draws), station by station, whatever the coupling, noise and gaps: this rests on the stated prior.

    Parameters
    ----------
    problem : JointProblem
        Linear-Gaussian, proper priors.
    survey : str
        Which survey is mapped.
    given : str or tuple of str, optional
        Surveys that predict it; default all others; ``()`` sets it against its own model.
    patches : sequence of float, optional
        Radii in metres, 0 for single stations; default 0, 2.5 and 6 station spacings (about 1, 21 and 113 stations).
    control : {"hochberg", "yekutieli"}, default "hochberg"
        False discoveries over all stations and sizes of one map, see `false_discovery`. Residuals are correlated: the
        first is customary and held in simulations, the second is proved.
    level : float, default 0.05
        Share of false discoveries that is accepted.
    method : {"auto", "dense", "iterative"}, default "auto"
        Matrices over the data up to 6,000 data, else solves.
    draws : int, default 64
        Simulated residuals where surveys are too large for matrices: √(1/128) = 9 % error of a standard deviation,
        which the t distribution takes into account exactly.
    seed : int, default 0

    Returns
    -------
    xarray.Dataset
        On the survey's own dims: ``residual`` and, with ``patch`` (radius, m) in front, ``z``, ``p_value``,
        ``flagged``; ``anomaly`` with ``anomaly_error``, ``anomaly_z``, ``anomaly_p_value``, ``anomaly_flagged`` and
        ``anomaly_detectable``, the height that a single test at 5 % sees in 80 % of cases. Attributes: ``p_value``
        (Simes 1986, Biometrika 73, 751) and ``anomaly_p_value`` of the whole maps, ``dof`` of the null, ``verdict``.

    Raises
    ------
    ValueError, TypeError
        If the problem is not linear-Gaussian, a name or radius is wrong, or the survey does not know its stations and
        a radius above 0 is asked for.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1e6))
    >>> a = bj.Modality("a", [[1.0]] * 9, [3.0] * 9, bj.DiagonalNoise([1.0] * 9), "slope")
    >>> b = bj.Modality("b", [[1.0]] * 4, [3.0, 3.0, 3.0, 9.0], bj.DiagonalNoise([1.0] * 4), "slope")
    >>> found = local_conflict(bj.JointProblem([slope], [a, b]), "b")
    >>> found.flagged.values.tolist(), found.z.values.round(2).tolist()
    ([[0, 0, 0, 1]], [[0.0, 0.0, 0.0, 5.69]])
    """
    one_of("control", control, CONTROLS)
    level = as_share("level", level)
    return map_residual(residual_of(as_measured(problem), survey, given, draws, seed, method), patches, control, level)


def map_residual(residual, patches=None, control="hochberg", level=LEVEL):
    """`local_conflict` of a residual that is there already."""
    m = residual.modality
    radii, weights = patch_weights(m, patches)
    dims, coords, mask, _ = layout(m)
    table, shape, against = DatasetBuilder(), tuple(coords[d][1].size for d in dims), against_words(residual.given)
    table.place({"name": m.name, "dims": dims, "coords": coords})
    table.along("patch", radii, "radius of the patch", "m")

    def add(name, values, units, words, errors=None):
        """Values of every station, or of every patch and station."""
        along = ("patch", *dims) if values.ndim > 1 else dims
        errors = None if errors is None else _spread(errors, shape, mask)
        table.add(name, along, _spread(values, shape, mask), units, words, errors)

    add("residual", residual.value, m.units, f"{m.name} less what {against} predicts")
    means = [w.multiply(1.0 / np.asarray(w.sum(axis=1))).tocsr() for w in weights]
    mean, mean_std = map(np.stack, zip(*map(residual.project, means), strict=True))
    score, score_std = map(np.stack, zip(*map(residual.project_weighted, weights), strict=True))
    whole = {}
    for key, values in (("", mean / mean_std), ("anomaly_", score / score_std)):
        p = two_sided(values, residual.dof)
        adjusted = false_discovery(p, control)
        flagged = (adjusted <= level).astype(np.int8)
        whole[f"{key}p_value"] = float(adjusted.min()) if control == "hochberg" else float(false_discovery(p).min())
        whole[f"{key}log_p_value"] = log_simes(log_two_sided(values, residual.dof))
        for name, array in (("z", values), ("p_value", p), ("flagged", flagged)):
            add(key + name, array, *_WORDS[key + name])
        whole[f"{key}count"] = int(flagged.sum())
    add("anomaly", score / score_std**2, m.units, f"height of an extra anomaly of the size of the patch in {m.name}",
        1.0 / score_std)
    add("anomaly_detectable", smallest(residual.dof) / score_std, m.units,
        "height that a single test at 5 % sees in 80 % of cases")
    null = "standard normal, exact" if np.isinf(residual.dof) else (
        f"Student's t with {residual.dof:.0f} degrees of freedom, exact for standard deviations from draws")
    verdict = _verdict(m.name, against, whole.pop("count"), whole.pop("anomaly_count"), whole, mean.size, level)
    return table.dataset(whole | {
        "survey": m.name, "given": ", ".join(residual.given) or "its own model", "null": null,
        "control": f"false discoveries at {level:g}, Benjamini-{control.capitalize()}", "level": level,
        "dof": residual.dof, "verdict": verdict})


def two_sided(z, dof):
    """Two-sided p-value of a standardised value."""
    return 2 * (norm.sf(np.abs(z)) if np.isinf(dof) else t.sf(np.abs(z), dof))


def log_two_sided(z, dof):
    """Its natural logarithm; of Student's t as far as the p-value is not 0 to rounding."""
    if np.isinf(dof):
        return np.log(2) + norm.logsf(np.abs(z))
    return np.log(np.maximum(two_sided(z, dof), np.finfo(float).tiny))


def smallest(dof=np.inf, level=LEVEL, power=POWER):
    """Shift, in standard deviations, that a two-sided test sees with the given power (the far tail is left out)."""
    if np.isinf(dof):
        return norm.isf(level / 2) + norm.ppf(power)
    return t.isf(level / 2, dof) + t.ppf(power, dof)


def patch_weights(modality, patches=None):
    """(radii, [sparse (n, n) of ones where stations lie within a radius of one another]) of a survey."""
    if not hasattr(modality.forward, "coordinates"):
        if patches is not None and np.any(np.asarray(patches) > 0):
            fail("patches", "be (0,) where the forward operator does not know its stations", repr(patches),
                 "Use an operator of bayesjoint, or leave it out.")
        return np.zeros(1), [sparse.identity(modality.size, format="csr")]
    easting, northing, _ = modality.forward.coordinates()
    places = np.column_stack([easting, northing])
    tree = cKDTree(places)
    if patches is None:
        patches = [r * spacing_of(places) for r in PATCHES]
    radii = as_finite("patches", patches, 1)
    if radii.size == 0 or radii.min() < 0 or np.unique(radii).size != radii.size:
        fail("patches", "hold different radii >= 0", repr(patches), "Give metres.")
    return radii, [_within(tree, float(r)) for r in radii]


def spacing_of(places):
    """Median distance of a station to its nearest neighbour, metres."""
    if len(places) == 1:
        return 1.0
    distance = cKDTree(places).query(places, k=2)[0][:, 1]
    return float(np.median(distance[distance > 0])) if np.any(distance > 0) else 1.0


def _within(tree, radius):
    if radius == 0:
        return sparse.identity(tree.n, format="csr")
    pairs = tree.query_pairs(radius * (1 + 1e-9), output_type="ndarray")
    ones = np.ones(len(pairs))
    half = sparse.coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(tree.n, tree.n))
    return (half + half.T + sparse.identity(tree.n)).tocsr()


def _spread(values, shape, mask):
    """Values of stations laid out on the survey's own dims, gaps NaN (0 for flags)."""
    if mask is None:
        return values.reshape(*values.shape[:-1], *shape)
    out = np.full((*values.shape[:-1], *mask.shape), 0 if values.dtype.kind == "i" else np.nan, values.dtype)
    out[..., mask] = values
    return out


def _verdict(survey, against, flags, more, whole, count, level):
    if flags or more:
        return (f"{survey} disagrees with {against} in places: {flags} of {count} residuals and {more} of {count} "
                f"extra anomalies are discoveries, of which {level:.0%} or fewer are expected to be false.")
    return (f"{survey} shows no place of conflict with {against}: smallest adjusted p {whole['p_value']:.2g} for "
            f"residuals and {whole['anomaly_p_value']:.2g} for extra anomalies; what could have been seen is in "
            "anomaly_detectable.")
