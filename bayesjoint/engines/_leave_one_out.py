"""Every datum as all others predict it, exactly, in the form that ArviZ compares."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import xarray as xr

from .._checks import checked, fail, one_of, warn
from .._places import unit_columns
from .._typing import Posterior, Sequence
from ..gaussian import DENSE_DATA, DenseSystem, linear_gaussian
from ._outliers import LeftOut, in_turn, left_out_table, outlier_words

LIBRARIES = ("arviz", "arviz_stats")
ALONE = 1e-9  # of a datum's weight before flat values are taken out: what is left of it then is rounding
GOOD_K = 0.7  # ArviZ's; no weights are smoothed here


@checked
def loo(post: Posterior, surveys: str | Sequence[str] | None = None, library: str = "arviz"):
    """Exact leave-one-out of a Gaussian posterior: see `Posterior.loo`.

    Parameters
    ----------
    post : Posterior
        Of a linear-Gaussian problem.
    surveys : str or sequence of str, optional
        Whose data are scored; default all.
    library : {"arviz", "arviz_stats"}, default "arviz"
        Whose ``compare`` is to take it.

    Returns
    -------
    ELPDData

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0], [1.0]], [2.0, 0.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
    >>> found = loo(bj.posterior(bj.JointProblem([slope], [line])))
    >>> found["loo_mean"].values, found["loo_std"].values.round(3)
    (array([0., 1.]), array([1.225, 1.225]))
    """
    return post.loo(surveys, library)


def refuse_loo(method):
    """Refused where the posterior is no Gaussian of a linear problem."""
    fail("method", "be that of a Gaussian posterior for an exact leave-one-out", repr(method),
         "ArviZ's importance sampling works on post.to_datatree(draws=1000): look at its Pareto k. Or use "
         'method="dense" where the problem is linear-Gaussian.')


def dense_system(system):
    """The system of a problem's data with a factor, made anew where there is none and the data are few enough."""
    if isinstance(system, DenseSystem):
        return system
    if system.size > DENSE_DATA:
        fail("data", f"number at most {DENSE_DATA} for the leave-one-out of this engine", f"{system.size}",
             'Thin the surveys, or use method="dense" (up to 20,000 data).')
    return DenseSystem(linear_gaussian(system.model.problem, stored=True))


def leave_one_out(system, surveys, library):
    """`ELPDData` of the data of some surveys, each left out by itself, from a `DenseSystem` of all.

    Of d ~ N(Aμ, K) the precision P = K⁻¹, flat values eliminated, gives d_i given all others: mean d_i − (P y)_i / P_ii
    and variance 1 / P_ii (Rasmussen & Williams 2006, eq. 5.12; Sundararajan & Keerthi 2001). P is that of the data
    themselves, so that noise correlated between stations is in it.
    """
    one_of("library", library, LIBRARIES)
    pull, precision, noise = _by_datum(system)
    _refuse_alone(system, precision)
    names = _scored(system, surveys)
    rows = system.index(names)
    found = LeftOut(pull=pull[rows], precision=precision[rows], noise=noise[rows])
    outliers = _outliers(system, LeftOut(pull=pull, precision=precision, noise=noise), rows)
    if outliers:
        warn(outliers)
    seen = _log_normal(found.pull / found.noise, (2 * found.noise - found.precision) / found.noise**2)
    scores = _log_normal(found.residual, found.std**2)
    counts = [system.rows[name].stop - system.rows[name].start for name in names]
    survey, station = np.repeat(names, counts), np.concatenate([np.arange(count) for count in counts])
    coords = {"survey": ("datum", survey), "station": ("datum", station)}

    def labelled(values, name, words):
        return xr.DataArray(values, coords, ("datum",), name, {"long_name": words})

    fields = {
        "kind": "loo", "elpd": float(scores.sum()), "se": float(np.sqrt(scores.size * np.var(scores))),
        "p": float(seen.sum() - scores.sum()), "n_samples": 0, "n_data_points": scores.size, "warning": False,
        "scale": "log", "good_k": GOOD_K,
        "elpd_i": labelled(scores, "loo_i", "log density of a datum given all others, nats"),
        "loo_mean": labelled(system.model.data[rows] - found.residual, "loo_mean", "mean of a datum given all others"),
        "loo_std": labelled(found.std, "loo_std", "standard deviation of a datum given all others, its noise in it"),
        "loo_z": labelled(found.z, "loo_z", "datum less its mean given all others, over its standard deviation"),
        "loo_influence": labelled(found.influence, "loo_influence",
                                  "how far the posterior mean moves without the datum, in posterior std of what moves "
                                  "most"),
        "outliers": outliers,
    }
    elpd = import_module("._elpd", __package__)  # heavy: it imports ArviZ
    return elpd.for_arviz(fields) if library == "arviz" else elpd.for_arviz_stats(fields)


def leave_one_out_group(system):
    """{"leave_one_out": z and influence of every datum, an `xarray.Dataset`}; none where one alone holds a flat value.

    Parameters
    ----------
    system : DenseSystem
        Of all data.
    """
    pull, precision, noise = _by_datum(system)
    if _alone(system, precision).size:
        return {}
    found = LeftOut(pull=pull, precision=precision, noise=noise)
    outliers = in_turn(found, np.arange(system.size), _column_of(system))
    return {"leave_one_out": left_out_table(found, outliers, system.model.problem)}


def _column_of(system):
    """A function that gives a column of P of the data in their own units."""
    def column(place):
        white = system.model.whiten(unit_columns(system.size, [place]))
        return system.model.whiten_adjoint(system.project(white))[:, 0]

    return column


def _outliers(system, found, rows):
    """A sentence on data of some rows that stand out."""
    def name(place):
        survey, where = next((n, w) for n, w in system.rows.items() if w.start <= place < w.stop)
        return f"{survey} datum {place - where.start}"

    return outlier_words(in_turn(found, rows, _column_of(system)), found.influence, name, rows.size)


def _scored(system, surveys):
    names = list(system.rows) if surveys is None else [surveys] if isinstance(surveys, str) else list(surveys)
    for name in names:
        one_of("surveys", name, system.rows)
    if not names or len(set(names)) < len(names):
        fail("surveys", "name each survey once", repr(names), "Leave it out for all of them.")
    return sorted(names)  # whatever the order of a problem's surveys: rows of two models are compared one by one


def _by_datum(system):
    """(P y, diagonal of P, diagonal of C⁻¹) of the data in their own units, (size,) each."""
    model = system.model
    pull = model.whiten_adjoint(system.pull)  # refused, where neither prior nor data hold a flat value
    if model.independent:
        noise = 1.0 / model.noise_variance()
        precision = system.precision_diagonal() * noise
    else:
        whole, precision, noise = system.precision(), np.empty(system.size), np.empty(system.size)
        for k, where in enumerate(system.rows.values()):
            root = model.whiten_survey(k, np.eye(where.stop - where.start))
            precision[where] = np.sum(root * (whole[where, where] @ root), axis=0)
            noise[where] = np.sum(root**2, axis=0)
    return pull, precision, noise


def _alone(system, precision):
    """Places of data that alone hold a flat value, and are predicted by nothing."""
    if not system.columns.shape[1]:
        return np.zeros(0, dtype=int)
    held = system.model.whiten_adjoint(system.flat.solved)
    taken = np.einsum("iq,qr,ir->i", held, system.flat.inverse, held)
    return np.flatnonzero(precision <= ALONE * (precision + taken))


def _refuse_alone(system, precision):
    alone = _alone(system, precision)
    if alone.size:
        name, where = next((name, where) for name, where in system.rows.items() if where.start <= alone[0] < where.stop)
        fail("surveys", "leave flat values held whichever datum is left out",
             f"datum {alone[0] - where.start} of {name!r}, which alone holds one",
             "Give GaussianPrior(mean, covariance), however broad, or drop the parameter.")


def _log_normal(residual, variance):
    return -0.5 * (np.log(2 * np.pi * variance) + residual**2 / variance)
