"""How sharply the data see each cell: diagonal of the resolution matrix, and width of its averaging kernels."""

from __future__ import annotations

import numpy as np

from .._checks import checked
from .._places import unit_columns
from .._typing import Posterior, Seed, xr
from ..dataset import DatasetBuilder
from ..problem import parameter_fields
from ._estimator import Estimator, carried, finished, over, prior_std, probe_count, quadratic, use_exact
from ._resolution_operator import ResolutionOperator

STRIDE = 2  # cells probed together are that many columns apart: near ones mix most
LAYER_CELLS = 4  # averaging kernels taken in each layer where not all can be
FEW = 64  # elements of a plain vector that are probed one by one


@checked
def resolution(post: Posterior, method: str = "auto", probes: int = 64, seed: Seed = 0) -> xr.Dataset:
    """How much of the truth comes through to the posterior mean, cell by cell, and how blurred.

    The diagonal of R = ∂mean/∂truth is 1 where a cell is resolved and 0 where only the prior speaks; its sum is the
    number of degrees of freedom that the data fix. The spread of a cell is the root mean square distance of its
    averaging kernel (row of R, in units of the prior std) from it, horizontally and vertically.

    Parameters
    ----------
    post : Posterior
        From `posterior`. Figures are those of its estimator; what is approximate in it is so here too.
    method : {"auto", "exact", "stochastic"}, default "auto"
        "exact": dense algebra over cells x data, no error but rounding. "stochastic": random signs on every second
        column (Bekas, Kokiopoulou & Saad 2007) for the diagonal, averaging kernels of 4 cells a layer for the spread.
        "auto" is exact where that takes at most 2 GB and some 20 s a product.
    probes : int, default 64
        Products for the diagonal; its error falls with their root.
    seed : int or numpy.random.Generator, default 0

    Returns
    -------
    xarray.Dataset
        For every parameter ``<name>_diagonal`` and ``<name>_degrees_of_freedom``; on a mesh also
        ``<name>_diagonal_profile``, ``<name>_spread_horizontal_profile``, ``<name>_spread_vertical_profile`` (means
        over layers, metres), and when exact the maps ``<name>_spread_horizontal`` and ``_vertical``. Each with its
        ``_error``, 0 where exact, NaN where the posterior is a sample. Columns and rows of R come from
        `ResolutionOperator`.

    Raises
    ------
    ValueError
        If the exact road is asked for and too large, or there are fewer than 8 probes.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0], [1.0]], [3.0, 3.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
    >>> resolution(bj.posterior(bj.JointProblem([slope], [line]))).slope_diagonal.values.round(4)
    array([0.6667])
    """
    probes, exact = probe_count(probes), use_exact(post, method)
    scale = prior_std(post)
    scale = np.ones(post.problem.size) if scale is None else scale
    rng, table = np.random.default_rng(seed), DatasetBuilder()
    found = _exactly(post, scale) if exact else _by_probing(post, scale, probes, rng)
    for p in post.problem.parameters:
        _write(table, p, found[p.name])
    how = "dense algebra over cells and data" if exact else f"{probes} random probes, {LAYER_CELLS} kernels a layer"
    return finished(table, post, {"method": how, "engine": post.method, "seed": str(seed)})


def _exactly(post, scale):
    estimator, out = Estimator(post), {}
    for p in post.problem.parameters:
        where, seen = post.problem.slices[p.name], estimator.seen(p.name)
        rows, sensitivity = estimator.rows(p.name)[:, seen], estimator.data_sensitivity(p.name)
        diagonal = np.einsum("ij,ij->i", rows, sensitivity)
        found = {"diagonal": (diagonal, np.zeros(p.size)), "freedom": (diagonal.sum(), 0.0)}
        if p.mesh is not None:
            own = scale[where][:, None]
            found["spread"] = _spreads(p.mesh, rows / np.where(own > 0, own, 1.0), sensitivity * own)
        out[p.name] = found
    return out


def _spreads(mesh, rows, sensitivity):
    """(horizontal, vertical) root mean square distance of kernels a = rows · sensitivityᵀ from their cells, metres."""
    power = quadratic(rows, sensitivity.T @ sensitivity)
    axes = np.meshgrid(*(getattr(mesh, d) - getattr(mesh, d).mean() for d in mesh.dims), indexing="ij")
    moments = []
    for x in (a.ravel() for a in axes):
        first = quadratic(rows, sensitivity.T @ (x[:, None] * sensitivity))
        second = quadratic(rows, sensitivity.T @ (x[:, None] ** 2 * sensitivity))
        moments.append(second - 2 * x * first + x**2 * power)
    return _roots(moments, power)


def _roots(moments, power):
    vertical, north, east = (np.maximum(m, 0.0) for m in moments)
    return tuple(np.sqrt(over(m, power, np.nan)) for m in (north + east, vertical))


def _by_probing(post, scale, probes, rng):
    operator = ResolutionOperator(post)
    out = {}
    for p in post.problem.parameters:
        found = _vector(operator, p) if p.size <= FEW else _probed(operator, p, probes, rng)
        if p.mesh is not None:
            found["sampled"] = _sampled_spreads(operator, p, scale, rng)
        out[p.name] = found
    return out


def _vector(operator, p):
    """Diagonal of a short parameter, one unit vector an element."""
    where = operator.problem.slices[p.name]
    diagonal = operator.matmat(unit_columns(operator.problem.size, where))[where].diagonal()
    return {"diagonal": (diagonal, np.zeros(p.size)), "freedom": (diagonal.sum(), 0.0)}


def _probed(operator, p, probes, rng):
    """Diagonal of a long parameter: unbiased means of s ∘ R s over random signs on every second column."""
    colours = _colours(p)
    repeats = max(2, probes // (colours.max() + 1))
    where = operator.problem.slices[p.name]
    total, squares = np.zeros(p.size), np.zeros(p.size)
    layers = np.zeros((p.shape[0] if p.mesh is not None else 1, repeats))  # sums of every repeat over all colours
    for colour in range(colours.max() + 1):
        mine = colours == colour
        for part in carried(repeats, operator.problem.size):
            width = part.stop - part.start
            signs = np.zeros((operator.problem.size, width))
            signs[where] = np.where(mine[:, None], rng.choice([-1.0, 1.0], (p.size, width)), 0.0)
            products = signs[where] * operator.matmat(signs)[where]
            total += products.sum(axis=1)
            squares += (products**2).sum(axis=1)
            layers[:, part] += products.reshape(len(layers), -1, width).sum(axis=1)
    mean = total / repeats
    variance = np.maximum(squares / repeats - mean**2, 0.0) / (repeats - 1)
    trace = layers.sum(axis=0)
    return {"diagonal": (mean, np.sqrt(variance)), "freedom": (trace.mean(), trace.std(ddof=1) / np.sqrt(repeats)),
            "profile_error": layers.std(axis=1, ddof=1) / np.sqrt(repeats) / _cells_by_layer(p)}


def _cells_by_layer(p):
    """Ground cells of every layer, NaN where there are none; all values of a plain vector."""
    count = p.ground.reshape(p.shape[0] if p.mesh is not None else 1, -1).sum(axis=1)
    return np.where(count > 0, count, np.nan)


def _colours(p):
    if p.mesh is None:
        return np.arange(p.size) % STRIDE**2
    north, east = (np.arange(n) % STRIDE for n in p.shape[1:])
    return np.broadcast_to(north[:, None] * STRIDE + east, p.shape).ravel()


def _sampled_spreads(operator, p, scale, rng):
    """Mean spread in each layer with its standard error, {name: (profile, error)}, from a few kernels a layer."""
    where = operator.problem.slices[p.name]
    free = operator.problem.free[where].reshape(p.shape[0], -1)
    picked = [rng.permutation(np.flatnonzero(layer))[:LAYER_CELLS] + k * layer.size for k, layer in enumerate(free)]
    cells = np.concatenate(picked)
    axes = np.meshgrid(*(getattr(p.mesh, d) for d in p.mesh.dims), indexing="ij")
    places, found = [a.ravel() for a in axes], []
    for part in carried(cells.size, operator.problem.size):
        some = cells[part]
        unit = unit_columns(operator.problem.size, where.start + some)
        power = (operator.rmatmat(unit)[where] * scale[where][:, None]) ** 2
        found.append(_roots([np.sum(power * (x[:, None] - x[some]) ** 2, axis=0) for x in places], power.sum(axis=0)))
    values = np.split(np.concatenate(found, axis=1), np.cumsum([len(c) for c in picked])[:-1], axis=1)
    means = np.array([v.mean(axis=1) if v.size else [np.nan] * 2 for v in values])
    errors = np.array([v.std(axis=1, ddof=1) / np.sqrt(v.shape[1]) if v.shape[1] > 1 else [np.nan] * 2 for v in values])
    errors[free.sum(axis=1) == [len(c) for c in picked]] = 0.0  # all of the layer
    return {name: (means[:, k], errors[:, k]) for k, name in enumerate(("horizontal", "vertical"))}


def _write(table, p, found):
    fields = parameter_fields(p)
    table.place(fields)
    words = fields["long_name"]
    diagonal, error = (p.blank(a.reshape(p.shape)) for a in found["diagonal"])
    table.add(f"{p.name}_diagonal", fields["dims"], diagonal, "1", f"resolution of {words}", error)
    table.add(f"{p.name}_degrees_of_freedom", (), found["freedom"][0], "1",
              f"degrees of freedom of {words} that the data fix", found["freedom"][1])
    if p.mesh is None:
        return
    profile = np.nansum(diagonal, axis=(1, 2)) / _cells_by_layer(p)
    table.add(f"{p.name}_diagonal_profile", ("upward",), profile, "1",
              f"mean resolution of {words} in the layer", found.get("profile_error", 0.0))
    for k, axis in enumerate(("horizontal", "vertical")):
        long_name = f"{axis} spread of the averaging kernels of {words}"
        if "spread" in found:
            spread = p.blank(found["spread"][k].reshape(p.shape))
            table.add(f"{p.name}_spread_{axis}", fields["dims"], spread, "m", long_name, 0.0)
            known = np.isfinite(spread).sum(axis=(1, 2))
            layer, layer_error = np.nansum(spread, axis=(1, 2)) / np.where(known > 0, known, np.nan), 0.0
        else:
            layer, layer_error = found["sampled"][axis]
        table.add(f"{p.name}_spread_{axis}_profile", ("upward",), layer, "m", f"mean {long_name} in the layer",
                  layer_error)
