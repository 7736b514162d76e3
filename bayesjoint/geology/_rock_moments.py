"""Means and standard deviations of rocks: of one, of mixtures of them, and against the evidence."""

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import ndtr, ndtri

from .._checks import KINDS, check_kind, fail


def unit_moments(table, cut):
    """Means and variances of density contrast and susceptibility of each unit, each (n_units, 2).

    A log-normal cut at c standard deviations of its log has
    E[xᵏ] = mᵏ exp(k²s²/2) [Φ(c − ks) − Φ(−c − ks)] / [Φ(c) − Φ(−c)].
    """
    density, spread, median, log = (np.array([getattr(u, k) for u in table.units]) for k in (
        "density", "density_std", "susceptibility", "susceptibility_log_std"))
    first, second = (median**k * np.exp(0.5 * (k * log) ** 2) * (ndtr(cut - k * log) - ndtr(-cut - k * log)) / (
        ndtr(cut) - ndtr(-cut)) for k in (1, 2))
    return np.stack([density - table.background, first], axis=1), np.stack([spread**2, second - first**2], axis=1)


def unit_covariances(table, cut):
    """Covariances of density contrast and susceptibility within each unit, (n_units, 2, 2).

    The score z of the log-normal is ρ times that of density, and more: Cov = s_ρ ρ E[z χ(z)], by quadrature over z.
    """
    spread, median, log, rho = (np.array([getattr(u, k) for u in table.units]) for k in (
        "density_std", "susceptibility", "susceptibility_log_std", "correlation"))
    nodes, weights = hermegauss(120)
    score = ndtri(ndtr(-cut) + ndtr(nodes) * (ndtr(cut) - ndtr(-cut)))
    tied = spread * rho * (median[:, None] * np.exp(np.outer(log, score)) @ (weights * nodes)) / weights.sum()
    variances = unit_moments(table, cut)[1]
    return np.stack([np.stack([variances[:, 0], tied], axis=1), np.stack([tied, variances[:, 1]], axis=1)], axis=1)


def mixed(shares, means, variances):
    """Mean and standard deviation of mixtures, shares (..., n_units): within units and between them."""
    mean = shares @ means
    return mean, np.sqrt(np.maximum(shares @ (variances + means**2) - mean**2, 0.0))


def by_depth(mesh, intervals):
    """Number of the interval that each cell lies in, and the shares of the intervals."""
    if not intervals or not all(isinstance(i, list | tuple) and len(i) == 3 for i in intervals):
        fail("where", "hold (top, bottom, shares) of each interval", repr(intervals)[:60], "Put them in brackets.")
    depth = np.nan_to_num(mesh.depth_below_ground, nan=min(float(top) for top, _, _ in intervals))
    label = np.full(mesh.shape, -1)
    for number, (top, bottom, _) in enumerate(intervals):
        if not top < bottom:
            fail("where", "have intervals that go down", f"{top:g} to {bottom:g} m", "Give (top, bottom, shares).")
        label[(depth >= top) & (depth < bottom)] = number
    if (label < 0).any():
        fail("where", "cover the ground", f"cells {depth[label < 0].min():g} to {depth[label < 0].max():g} m deep in "
             "no interval", "Let the last one reach to np.inf.")
    return label, [shares for _, _, shares in intervals]


def by_unit(mesh, array, count):
    """Numbers of units or regions in every cell, from a map or a model of them."""
    check_kind("where", array, [KINDS["ArrayLike"]])
    array = np.asarray(array)
    if array.dtype.kind not in "iu" or array.shape not in (mesh.shape, mesh.shape[1:]):
        fail("where", f"be an array of int of shape {mesh.shape} or {mesh.shape[1:]}",
             f"{array.dtype} of shape {array.shape}", "Number the units from 0.")
    label = np.broadcast_to(array, mesh.shape)
    wrong = label[mesh.active & ((label < 0) | (label >= count))]
    if wrong.size:
        fail("where", f"name units from 0 to {count - 1}", f"{int(wrong[0])} in a ground cell", "Number them from 0.")
    return np.where(mesh.active, label, 0)


def compared(stated, tables, fit, properties):
    """The table's stds with their spread over `tables`, beside those of a fit: {parameter: dict}."""
    names = list(fit.table["name"])
    out = {}
    for p in properties:
        if f"{p}_std" not in names:
            continue
        row = names.index(f"{p}_std")
        low, high = np.quantile([t[p] for t in tables], [0.025, 0.975])
        value, least, most = (float(fit.table[k][row]) for k in ("value", "low", "high"))
        least, most = (0.0 if np.isnan(least) else least), (np.inf if np.isnan(most) else most)
        out[p] = {"table": stated[p], "table_low": float(low), "table_high": float(high), "evidence": value,
                  "evidence_low": least, "evidence_high": most, "agree": bool(low <= most and least <= high)}
    if not out:
        fail("fit", "hold the std of density or susceptibility", ", ".join(names), "Let one of them free.")
    return out
