"""Where a property exceeds a threshold, and how deep the top of such a body lies."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from .._checks import as_finite, checked, fail, one_of
from .._typing import Posterior, Seed, xr
from ..dataset import DatasetBuilder
from ..problem import parameter_fields
from ._answers import add_answer, counts, figures_of_draws, interval_words, run_words, tails
from ._closed_form import has_closed_form
from ._montecarlo import drawn, mean_and_std, shares
from ._protocol import Functional, on_mesh, shares_in

SHARES = (1.0, 0.5, 0.25, 0.1)  # of a threshold at which a mean, smoother than the ground, may tell where its top is


@checked
def exceedance(post: Posterior, parameter: str, threshold: float, *, draws: int | None = None,
               chains: int | None = None, seed: Seed = 0) -> xr.Dataset:
    """Probability that a parameter exceeds a threshold, cell by cell.

    Parameters
    ----------
    post : Posterior
        From `posterior`.
    parameter : str
        Any parameter of the problem.
    threshold : float
        Units of the parameter; the condition is m > threshold.
    draws, chains : int, default 500 and 4, or all that a loaded posterior holds
        Posterior draws; 2,000 give a probability of one half to 0.011.
    seed : int or numpy.random.Generator, default 0

    Returns
    -------
    xarray.Dataset
        ``<parameter>_exceedance``: share of draws, with its Monte Carlo ``_error`` (never zero: what no draw showed is
        not impossible), NaN in air; for a Gaussian posterior also ``<parameter>_exceedance_closed_form``,
        Φ((mean − threshold)/std), whose ``_error`` adds up what the stated errors of mean and std can do. Where the
        posterior was recalibrated, ``<parameter>_exceedance`` is what was learned on simulated ground, and the share of
        draws is ``<parameter>_exceedance_gaussian``.

    Raises
    ------
    ValueError, TypeError
        If the parameter is unknown, the threshold not finite, or a count not positive.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0]], [0.0], bj.DiagonalNoise([1.0]), "slope")
    >>> found = exceedance(bj.posterior(bj.JointProblem([slope], [line])), "slope", 0.5)
    >>> found.slope_exceedance_closed_form.values.round(4), found.slope_exceedance_error.values.round(3)
    (array([0.2398]), array([0.01]))
    """
    p = post.problem.by_name[one_of("parameter", parameter, tuple(post.problem.by_name))]
    threshold = float(as_finite("threshold", threshold, 0))
    draws, chains = counts(post, draws, chains)
    hits = drawn(post, lambda model: model[parameter] > threshold, draws, chains, seed)
    share, error = (p.blank(a) for a in shares(hits, post.markov))
    fields, table = parameter_fields(p), DatasetBuilder()
    table.place(fields)
    words = f"probability that {fields['long_name']} exceeds {threshold:g} {p.units}"
    learned, name = post.tail_probability(parameter, threshold), f"{parameter}_exceedance"
    source = f"share of {post.method} draws"
    if learned is not None:
        table.add(f"{name}_gaussian", fields["dims"], share, "1", f"{words}, {source}", error, threshold=threshold)
        # cells that are known, or that nothing was learned for, keep what the engine says of them
        known = np.isfinite(learned[0])
        share, error = (np.where(known, a, b) for a, b in zip(learned, (share, error), strict=True))
        source = f"recalibrated on {post.record.name}"
    table.add(name, fields["dims"], share, "1", words, error, threshold=threshold, source=source)
    if has_closed_form(post):
        exact, slack = _gaussian_tail(post, parameter, threshold)
        table.add(f"{parameter}_exceedance_closed_form", fields["dims"], exact, "1", f"{words}, without draws", slack,
                  threshold=threshold)
    return table.dataset({"parameter": parameter, "threshold": threshold, "threshold_units": p.units}
                         | run_words(post, draws, chains, seed))


@checked
def depth_to_top(post: Posterior, threshold: float, parameter: str = "density", box: tuple | None = None, *,
                 probability: float = 0.9, draws: int | None = None, chains: int | None = None,
                 seed: Seed = 0) -> xr.Dataset:
    """Depth to the top of what exceeds a threshold: below every column, and of the shallowest cell in a box.

    In each draw the top of a column is the upper face of its shallowest cell with m > threshold, in metres below the
    ground of that column (without topography, below the top of the mesh), so depths come in steps of the layers. A draw
    without such a cell has no body there: depths are those of draws that have one, and the probability of having one
    stands beside them. The depth in a box is the smallest of its columns'.

    Parameters
    ----------
    post : Posterior
        From `posterior`.
    threshold : float
        Units of the parameter.
    parameter : str, default "density"
        A parameter on a mesh.
    box : (west, east, south, north, bottom, top), optional
        Only cells whose centres lie inside count; metres, upward coordinates. Default the whole mesh.
    probability : float, default 0.9
        Of the equal-tailed interval.
    draws, chains : int, default 500 and 4, or all that a loaded posterior holds
    seed : int or numpy.random.Generator, default 0

    Returns
    -------
    xarray.Dataset
        Per column (northing, easting) ``column_presence``, ``column_depth_mean``; for the box ``depth_to_top_draws``
        (NaN without a body), ``depth_to_top_presence``, ``_mean``, ``_std``, ``_lower``, ``_upper``, in metres. All
        with Monte Carlo ``_error``; NaN where fewer than two draws have a body. Of a recalibrated posterior ``_lower``
        and ``_upper`` are recalibrated, beside ``_median``, ``_absence``, ``_gaussian_lower`` and the rest as from
        `excess_mass`.

    Raises
    ------
    ValueError, TypeError
        As `exceedance`; or if the parameter lives on no mesh or no cell centre lies in the box.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((2, 1, 1), (100.0, 100.0, 100.0))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=10.0, range=10.0))
    >>> cells = bj.Modality("cells", [[1.0, 0.0], [0.0, 1.0]], [300.0, 0.0], bj.DiagonalNoise([1.0, 1.0]), "density")
    >>> found = depth_to_top(bj.posterior(bj.JointProblem([density], [cells])), threshold=100.0)
    >>> float(found.depth_to_top_mean), float(found.depth_to_top_presence)
    (100.0, 1.0)
    """
    tails(probability)  # refuses what is none, before anything is drawn
    draws, chains = counts(post, draws, chains)
    p = on_mesh(post.problem, parameter)
    columns = drawn(post, _tops(p, threshold, box), draws, chains, seed)
    table = DatasetBuilder()
    table.place({"name": parameter, "dims": p.mesh.dims[1:],
                 "coords": {d: c for d, c in p.mesh.coords().items() if d != "upward"}})
    words = f"{parameter} above {float(threshold):g} {p.units}"
    _add_columns(table, columns, words, post.markov, p.mesh)
    columns = np.where(np.isfinite(columns), columns, np.nan)
    depth = np.fmin.reduce(columns, axis=(2, 3))
    present = shares(np.isfinite(depth), post.markov)
    table.add("depth_to_top_presence", (), present[0], "1", f"probability of {words} in the box", present[1])
    told = post.functional_interval(shallowest(p, threshold, box), probability,
                                    [shallowest(p, share * float(threshold), box) for share in SHARES])
    add_answer(table, "depth_to_top", f"the depth to the top of {words}", "m", depth,
               figures_of_draws(depth, probability, post.markov), probability, told, ", given that there is one")
    if told is not None:
        table.add("depth_to_top_absence", (), told["absent"], "1", f"recalibrated probability of no {words}")
    return table.dataset({"parameter": parameter, "threshold": float(threshold), "threshold_units": p.units}
                         | run_words(post, draws, chains, seed) | interval_words(probability))


def top_of(problem, threshold, parameter="density", box=None):
    """`Functional` of the depth to the top over a box, the mesh's depth where nothing exceeds the threshold."""
    p = on_mesh(problem, parameter)
    return shallowest(p, threshold, box, f"depth to the top of {parameter} above {float(threshold):g}",
                      float(np.ptp(p.mesh.upward_edges)))


def shallowest(p, threshold, box, long_name="depth to the top", absent=np.nan):
    """`Functional` of the depth to the top over a box, `absent` where nothing exceeds the threshold."""
    tops = _tops(p, threshold, box)

    def evaluate(model):
        depth = tops(model).min(axis=(1, 2))
        return np.where(np.isfinite(depth), depth, absent)

    return Functional(name="depth_to_top", long_name=long_name, units="m", evaluate=evaluate)


def _tops(p, threshold, box):
    """Evaluator of the depth of the shallowest exceeding cell of every column, (count, ny, nx), Inf where none."""
    threshold = float(as_finite("threshold", threshold, 0))
    inside = p.mesh.active if box is None else _centres_in(p.mesh, box)
    depths = p.mesh.surface - p.mesh.upward_edges[1:, None, None]

    def evaluate(model):
        body = (model[p.name] > threshold) & inside
        return np.where(body, depths, np.inf).min(axis=1)

    return evaluate


def _centres_in(mesh, box):
    shares_in(mesh, box)  # refuses what is no box
    west, east, south, north, bottom, top = box
    inside = mesh.active & (((mesh.upward > bottom) & (mesh.upward < top))[:, None, None]
              & ((mesh.northing > south) & (mesh.northing < north))[:, None]
              & ((mesh.easting > west) & (mesh.easting < east)))
    if not inside.any():
        fail("box", "hold the centre of a ground cell", "none", "Widen it, or give None for the whole mesh.")
    return inside


def _add_columns(table, columns, words, markov, mesh):
    dims, air = ("northing", "easting"), ~mesh.active.any(axis=0)
    share, share_error = (np.where(air, np.nan, a) for a in shares(np.isfinite(columns), markov))
    mean, mean_error, _, _ = mean_and_std(np.where(np.isfinite(columns), columns, np.nan), markov)
    table.add("column_presence", dims, share, "1", f"probability of {words} in the column", share_error)
    table.add("column_depth_mean", dims, mean, "m", f"mean depth to the top of {words}, given that there is one",
              mean_error)


def _gaussian_tail(post, parameter, threshold):
    mean, std, mean_error, std_error = (getattr(post, key)()[parameter]
                                        for key in ("mean", "std", "mean_error", "std_error"))
    certain = std <= 0  # not in air, where nothing is known: NaN stays NaN
    score = (mean - threshold) / np.where(certain, 1.0, std)
    slack = norm.pdf(score) * (mean_error + np.abs(score) * std_error) / np.where(certain, 1.0, std)
    return (np.where(certain, (mean > threshold).astype(float), norm.cdf(score)),
            np.where(certain, 0.0, slack))
