"""At which wavelengths surveys disagree: what one says beyond the others, band by band, each with its null."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cholesky, eigh, solve_triangular
from scipy.optimize import brentq
from scipy.special import chndtrinc
from scipy.stats import chi2, f, ncf

from .._checks import as_count, as_share, checked, one_of
from .._typing import JointProblem, xr
from ..dataset import DatasetBuilder
from ..gaussian import DENSE_DATA
from ..hyperparameters import as_measured
from ._local_conflict import LEVEL, POWER
from ._multiple_testing import holm
from ._residuals import DRAWS, checked_given, residual_of
from ._result import chi2_log_tail
from ._sentences import against_words, range_words
from ._shared import add_columns
from ._wavenumbers import CosineModes, CrossPeriodogram, band_edges

METHODS = ("auto", "dense", "spectral", "iterative")
_WORDS = {
    "statistic": ("1", "statistic, as large as dof on average"),
    "dof": ("1", "modes in the band"),
    "ratio": ("1", "statistic over its mean"),
    "ratio_spread": ("1", "standard deviation of the ratio under agreement"),
    "p_value": ("1", "p-value, one-sided"),
    "log_p_value": ("1", "natural logarithm of the p-value"),
    "p_holm": ("1", "p-value adjusted for all bands (Holm)"),
    "flagged": ("1", "1 where the band is at fault"),
    "residual_rms": ("data", "root mean square of the residual in the band"),
    "expected_rms": ("data", "what agreement would have on average"),
    "detectable_rms": ("data", "disturbance that a single test at 5 % sees in 80 % of cases"),
}
RANK = 1e-10  # of the largest eigenvalue, below which a mode repeats others at stations off a full lattice
SIMULATIONS = 400  # of a null by wavenumber: its degrees of freedom are then known to 7 %
FEW = 64  # modes whose covariance is worked out by wavenumber
TINY = 1e-300  # p-value below which F's is not told from 0


@checked
def spectral_conflict(problem: JointProblem, survey: str, given: str | tuple | None = None, bands: int = 8, *,
                      method: str = "auto", draws: int | None = None, seed: int = 0,
                      level: float = LEVEL) -> xr.Dataset:
    """At which wavelengths a survey disagrees with the others, or with its own model.

    Datum shifts, regional trends and levelling show at long wavelengths, aliasing and a wrong noise std at short ones.

    "dense": with c the cosine coefficients (DCT-II) of the survey's residual given the others that lie in a band and S
    their covariance, edges, gaps and noise included, T = cᵀS⁻¹c is χ² with as many degrees of freedom as there are
    modes, whatever the window. "spectral": tapered Fourier coefficients of all surveys where they overlap; what the
    others predict of each by its own wavenumber is taken off, and the rest compared with its expectation from the
    covariance by lag, taper included (the debiased periodogram: Guillaumin et al. 2022, JRSS B 84, 1526), so
    that a finite window raises no false alarm; the spread of T from exact draws of data. "iterative": cosines of the
    residual, the spread from draws that go through the same solves.

    Parameters
    ----------
    problem : JointProblem
        Linear-Gaussian, proper priors; surveys of one parameter, or of several tied by a `Coregionalization`.
    survey : str
        Which survey is tested; it knows its stations.
    given : str or tuple of str, optional
        Surveys that predict it; default all others; ``()`` sets it against its own model: a noise std, a range or an
        aliased grid at fault.
    bands : int, default 8
        The first holds all that is longer than the survey, the others are equal on a logarithmic scale.
    method : {"auto", "dense", "spectral", "iterative"}, default "auto"
        Dense up to 6,000 data, then spectral where fields are continued and surveys on lattices, else iterative.
    draws : int, optional
        Simulated data behind the null: default 400 for "spectral", 64 for "iterative", at least 20.
    seed : int, default 0
    level : float, default 0.05
        Family-wise over the bands (Holm).

    Returns
    -------
    xarray.Dataset
        Over ``band``, longest wavelengths first: ``wavelength_long`` (NaN: no limit) and ``wavelength_short`` in km,
        ``statistic`` with ``dof`` and ``ratio`` = statistic / dof (``ratio_spread``: its standard deviation under
        agreement), ``p_value`` with its error, ``p_holm``, ``flagged``; ``residual_rms``, ``expected_rms`` and
        ``detectable_rms`` in units of the data. Attributes: ``method``, ``null``, ``p_value`` (smallest Holm-adjusted),
        ``verdict``.

    Raises
    ------
    ValueError
        If the problem is not linear-Gaussian, the survey does not know its stations, or the method does not suit.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((2, 6, 8), (500.0, 1000.0, 1000.0))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=3000.0))
    >>> op = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=100.0)
    >>> noise = bj.DiagonalNoise(np.full((6, 8), 0.1))
    >>> a, b = (bj.Modality(k, op, np.full((6, 8), d), noise, "density") for k, d in (("a", 0.0), ("b", 1.0)))
    >>> found = spectral_conflict(bj.JointProblem([density], [a, b]), "b", bands=3)
    >>> found.flagged.values.tolist(), found.attrs["verdict"]
    ([1, 0, 0], 'b disagrees with a at wavelengths above 8 km.')
    """
    one_of("method", method, METHODS)
    bands, level = as_count("bands", bands, 1, "Eight is a good start."), as_share("level", level)
    problem = as_measured(problem)
    given = checked_given(problem, survey, given)
    found = bands_by_wavenumber(problem, survey, given, bands, method=method, draws=draws, seed=seed, level=level)
    if found is not None:
        return found
    residual = residual_of(problem, survey, given, DRAWS if draws is None else draws, seed, method)
    return band_residual(residual, bands, level)


def bands_by_wavenumber(problem, survey, given, bands=8, *, method="auto", draws=None, seed=0, level=LEVEL):
    """`spectral_conflict` by wavenumber where that is asked for, or many data allow it; else None."""
    large = sum(m.size for m in problem.modalities if m.name in (survey, *given)) > DENSE_DATA
    if method != "spectral" and not (method == "auto" and large):
        return None
    try:
        field = CrossPeriodogram(problem, survey, given)
    except ValueError:  # it wants continued fields, lattices at one height that overlap without gaps
        if method == "spectral":
            raise
        return None
    return WavenumberBands(field, bands, draws or SIMULATIONS, seed).dataset(given, level)


def band_residual(residual, bands=8, level=LEVEL):
    """`spectral_conflict` of a residual that is there already."""
    modes, stations, exact = CosineModes(residual.modality), residual.modality.size, np.isinf(residual.dof)
    edges = band_edges(modes.wavenumber, modes.extent, bands)
    coefficients, roots = modes.analyse(residual.value[:, None])[:, 0], modes.analyse(residual.root)
    rows = [np.flatnonzero(np.digitize(modes.wavenumber, edges) - 1 == b) for b in range(edges.size - 1)]
    found = [_exact_band(coefficients[r], roots[r] @ roots[r].T, stations) if exact else
             _drawn_band(coefficients[r], roots[r], stations) for r in rows]
    method, how = ("dense", "exact χ² of the residual's cosine coefficients") if exact else (
        "iterative", f"F, its degrees of freedom from {residual.dof:.0f} simulated residuals")
    return _dataset(residual.modality, residual.given, edges, found, method, how, level)


class WavenumberBands:
    """Bands of a `CrossPeriodogram` with their nulls: exact where modes are few, from simulated data elsewhere.

    The nulls do not depend on the data: ``field.observe(data)`` and `dataset` answer for other data at once.

    Parameters
    ----------
    field : CrossPeriodogram
    bands : int, default 8
    draws : int, default 400
        Simulated data sets.
    seed : int, default 0
    """

    def __init__(self, field, bands=8, draws=SIMULATIONS, seed=0):
        self.field, self.edges = field, band_edges(field.wavenumber, field.extent, bands)
        count = self.edges.size - 1
        inside = np.digitize(field.wavenumber, self.edges) - 1
        self._rows = [np.flatnonzero(inside == b) for b in range(count)]
        self._exact = {b: field.band(rows) for b, rows in enumerate(self._rows) if rows.size <= FEW}
        self._draws, self._spread = int(draws), np.full(count, np.nan)
        if len(self._exact) < count:
            powers = [np.bincount(inside, np.abs(e) ** 2 / field.variance, count) for e in field.simulate(draws, seed)]
            self._spread = np.var(powers, axis=0)

    def dataset(self, given, level=LEVEL):
        """As `spectral_conflict` returns it."""
        how = f"exact χ² up to {FEW} modes, above it degrees of freedom from {self._draws} simulations"
        found = [self._band(b, rows) for b, rows in enumerate(self._rows)]
        return _dataset(self.field.modality, given, self.edges, found, "spectral", how, level)

    def _band(self, b, rows):
        whole, variance = self.field.wavenumber.size, self.field.variance[rows]
        powers = np.abs(self.field.coefficients[rows]) ** 2
        squares = np.sum(powers) / whole, np.sum(variance) / whole
        if b in self._exact:
            index, covariance = self._exact[b]
            e = self.field.coefficients[index]
            return _exact_band(np.concatenate([e.real, e.imag]), covariance, whole / 2, squares)
        size, statistic = float(rows.size), float(np.sum(powers / variance))
        nu = float(min(2 * size**2 / self._spread[b], size))
        seen = noncentrality(nu) * size / nu  # Σ |h|² / v of a disturbance h
        return _row(statistic, size, nu, _with_doubt(lambda v: chi2.sf(statistic * v / size, v), nu, self._draws),
                    chi2_log_tail(statistic * nu / size, nu), (*squares, seen * size / (np.sum(1 / variance) * whole)))


def _row(statistic, dof, nu, tail, log_p, squares):
    """Fields of one band.

    Parameters
    ----------
    statistic, dof : float
        χ²-like, and the degrees of freedom that it has on average if surveys agree.
    nu : float
        Degrees of freedom of its null.
    tail : (float, float)
        One-sided p-value with its error.
    log_p : float
        Its natural logarithm.
    squares : (float, float, float)
        Mean square of the residual within the band, as agreement has it, and of a disturbance spread over the band at
        random that is seen at 5 % in 80 % of cases.
    """
    residual, expected, detectable = np.sqrt(squares)
    return {"statistic": statistic, "dof": dof, "ratio": statistic / dof, "ratio_spread": np.sqrt(2 / nu),
            "p_value": tail[0], "p_value_error": tail[1], "log_p_value": log_p, "residual_rms": residual,
            "expected_rms": expected, "detectable_rms": detectable}


def _exact_band(coefficients, covariance, stations, squares=None):
    """χ² of the coefficients of one band, in the directions in which they vary; mean squares are theirs by default."""
    try:
        factor = cholesky(covariance, lower=True, check_finite=False)
        if np.diag(factor).min() ** 2 < RANK * np.diag(factor).max() ** 2:
            raise LinAlgError
        statistic = float(np.sum(solve_triangular(factor, coefficients, lower=True) ** 2))
        dof = float(coefficients.size)
        inverse = float(np.sum(solve_triangular(factor, np.eye(coefficients.size), lower=True) ** 2))
    except LinAlgError:
        values, vectors = eigh(covariance)
        kept = values > RANK * values[-1]
        statistic = float(np.sum((vectors[:, kept].T @ coefficients) ** 2 / values[kept]))
        dof, inverse = float(kept.sum()), float(np.sum(1.0 / values[kept]))
    if squares is None:
        squares = np.sum(coefficients**2) / stations, np.trace(covariance) / stations
    return _row(statistic, dof, dof, (float(chi2.sf(statistic, dof)), 0.0), chi2_log_tail(statistic, dof),
                (*squares, noncentrality(dof) * dof / inverse / stations))


def _drawn_band(coefficients, roots, stations):
    """Power of one band over its mean in draws: F, with the degrees of freedom that the draws' spread tells."""
    count, dof = roots.shape[1], float(coefficients.size)
    powers, power = count * np.sum(roots**2, axis=0), float(np.sum(coefficients**2))
    mean = powers.mean()
    nu = float(min(2 * mean**2 / np.var(powers, ddof=1), dof))
    p, error = _with_doubt(lambda v: f.sf(power / mean, v, v * count), nu, count)
    size = brentq(lambda x: ncf.sf(f.isf(LEVEL, nu, nu * count), nu, nu * count, x) - POWER, 1e-6, 1e3 + 20 * nu)
    # a disturbance of mean square a² adds a² n to the power: noncentrality ν a² n / mean
    return _row(power / mean * dof, dof, nu, (p, error), np.log(max(p, TINY)),
                np.array([power, mean, size * mean / nu]) / stations)


def _with_doubt(tail, nu, count):
    """(p-value, its error from degrees of freedom that a sample variance of `count` draws leaves in doubt)."""
    doubt = np.sqrt(2.0 / count)
    p, low, high = (float(tail(nu * s)) for s in (1.0, 1 - min(doubt, 0.9), 1 + doubt))
    return p, 0.5 * abs(high - low)


def noncentrality(dof, level=LEVEL, power=POWER):
    """Noncentrality of a χ² that a test at `level` sees with probability `power`.

    Examples
    --------
    >>> round(noncentrality(1.0), 3)
    7.849
    """
    return float(chndtrinc(chi2.isf(level, dof), dof, 1 - power))


def _dataset(modality, given, edges, found, method, how, level):
    table, survey, units = DatasetBuilder(), modality.name, modality.units
    table.along("band", np.arange(len(found)), "band of wavelengths, longest first")
    adjusted = holm([b["p_value"] for b in found])
    flagged = adjusted <= level
    rows = [b | {"p_holm": p, "flagged": np.int8(bad)} for b, p, bad in zip(found, adjusted, flagged, strict=True)]
    with np.errstate(divide="ignore"):
        long = np.where(edges[:-1] > 0, 1.0 / edges[:-1], np.nan)
    table.add("wavelength_long", ("band",), long, "km", "longest wavelength; NaN where there is no limit")
    table.add("wavelength_short", ("band",), 1.0 / edges[1:], "km", "shortest wavelength")
    add_columns(table, ("band",), rows, {k: (units if u == "data" else u, said) for k, (u, said) in _WORDS.items()})
    return table.dataset({"survey": survey, "given": ", ".join(given) or "its own model", "method": method,
                          "null": f"{method}: {how}", "level": level, "p_value": float(np.min(adjusted)),
                          "verdict": _verdict(survey, against_words(given), flagged, edges, found, units)})


def _verdict(survey, against, flagged, edges, found, units):
    if not flagged.any():
        sizes = [band["detectable_rms"] for band in found]
        return (f"{survey} shows no conflict with {against} at any wavelength; disturbances of one band would have "
                f"been seen from {min(sizes):.2g} to {max(sizes):.2g} {units} rms on.")
    ends = np.flatnonzero(np.diff(np.concatenate([[False], flagged, [False]])))  # of runs of bands, in turn
    parts = [_wavelengths(edges[first], edges[last], last == flagged.size)
             for first, last in zip(ends[::2], ends[1::2], strict=True)]
    return f"{survey} disagrees with {against} at wavelengths {' and '.join(parts)}."


def _wavelengths(low, high, shortest):
    """Words for a range of cycles per kilometre."""
    if shortest:
        return f"below {1 / low:.3g} km" if low else "of every length"
    return range_words(1 / low if low else np.nan, 1 / high)
