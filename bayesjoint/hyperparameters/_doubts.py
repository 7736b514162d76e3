"""Doubts that the shape of the evidence at its top cannot raise: is there a field at all, and is it Gaussian."""

from copy import copy

import numpy as np
from scipy.stats import kurtosistest, spearmanr

from ..augment import DROP
from ..priors import parts_of
from ._dense_evidence import DenseEvidence
from ._discrepancy import discrepancies
from ._parts import innovations, matern_parameters, rough_std
from ._search import EvidenceObjective, maximise
from ._vector import fitted_kernel

NOTHING, NEARLY = 20.0, 6.0  # log units below the fitted std; the second for stochastic traces, which need some field
CLEAR = 30.0  # nats: so far ahead of no field with the noise refitted, nothing else is refitted
UNLIKELY = 0.01  # level of the test of Gaussian innovations
FEWEST = 20  # data: fewer have no kurtosis to test
NEAREST = 400  # data of a survey, round its largest, that are whitened where all of them are too many


def evidence_without(objective, theta, name, best, place=0):
    """Log evidence of a problem without one of its fields, nats, the noise of the surveys that see it refitted.

    Where another field, a discrepancy or correlated noise could take its place, or the answer is close, everything
    else is refitted as well. NaN where the std of the field is held.

    Parameters
    ----------
    objective : EvidenceObjective
    theta : ndarray
        The mode.
    name : str
        Of the field.
    best : float
        Log evidence with it.
    place : int, default 0
        Of a sum of fields: which part to leave out, the noise being left where it is.

    Returns
    -------
    float
    """
    vector, evidence = objective.vector, objective.evidence
    held = [i for i, c in enumerate(vector.coordinates)
            if (c.kind, c.targets, c.place) == ("std", (name,), place)]
    if not held:
        return np.nan
    point = theta.copy()
    exact = isinstance(evidence, DenseEvidence)
    point[held[0]] -= NOTHING if exact else NEARLY
    seen = [m.name for m in vector.problem.modalities if name in m.parameters]
    sizes, whole = _sizes(vector.problem), len(parts_of(vector.problem.by_name[name].prior)) == 1
    for i, c in enumerate(vector.coordinates):
        if whole and c.kind == "noise" and c.targets[0] in seen and c.part == "all":
            point[i] = np.clip(c.working(c.value * sizes[c.targets[0]]), *vector.bounds[i])
    value = float(evidence.evaluate(point, gradient=False)[0])
    if not exact or (best - value > CLEAR and whole and not _replaced(vector.problem, name, seen)):
        return value
    twin = copy(vector)
    twin.flat, twin.bounds = True, vector.bounds.copy()
    twin.bounds[held[0]] = point[held[0]]
    return max(value, maximise(EvidenceObjective(evidence, twin), point, tolerance=0.02, iterations=30).value)


def _sizes(problem):
    """{modality: what its noise std must be multiplied by to make up all of the innovation, less its biases}."""
    out, rough = {}, rough_std(problem)
    for m, r in zip(problem.modalities, innovations(problem), strict=True):
        variance = m.noise.variance() / problem.weights[m.name]
        share = rough[m.name] / (np.sqrt(np.mean(r**2)) or 1.0)
        out[m.name] = share * float(np.sqrt(np.mean(r**2 / variance))) or 1.0
    return out


def _replaced(problem, name, seen):
    """Whether something else could explain what a field explains."""
    others = {p.name for p in [*matern_parameters(problem), *discrepancies(problem)]} - {name}
    return any(others.intersection(m.parameters) or fitted_kernel(m.noise) is not None
               for m in problem.modalities if m.name in seen)


def vanishing(vector, name, place=0):
    """Indices of the hyperparameters that mean nothing without a field, or a part of it."""
    return [i for i, c in enumerate(vector.coordinates) if name in c.targets and c.place == place and (
        c.kind in ("std", "correlation") or (c.kind in ("range", "angle") and c.targets == (name,)))]


def field_doubts(objective, theta, best):
    """What speaks against each field's hyperparameters, and the evidence of no field.

    Parameters
    ----------
    objective : EvidenceObjective
    theta : ndarray
        The mode.
    best : float
        Log evidence of the fit, nats.

    Returns
    -------
    doubts : dict of {int: str}
        By index of the hyperparameter: why no field does as well, where the gain is below 1.92 nats.
    without : ndarray, shape (size,)
        Log evidence without the field that the std belongs to; NaN for other hyperparameters.
    """
    vector, doubts = objective.vector, {}
    without = np.full(vector.size, np.nan)
    for p, place in ((q, k) for q in matern_parameters(vector.problem) for k in range(len(parts_of(q.prior)))):
        value, gone = evidence_without(objective, theta, p.name, best, place), vanishing(vector, p.name, place)
        if not np.isfinite(value):
            continue
        without[next(i for i in gone if vector.coordinates[i].kind == "std")] = value
        if best - value < DROP:
            what = p.name if len(parts_of(p.prior)) == 1 else f"part {place + 1} of {p.name}"
            doubts |= dict.fromkeys(gone, f"the log evidence is {best - value:.2g} nats above that of no {what} at "
                                    f"all, where {DROP:.3g} would tell them apart")
    return doubts, without


def noise_doubts(objective, theta):
    """What speaks against each survey's noise: data that are not like the fitted Gaussian field and noise.

    Under the fit what each datum is off from its prediction by those before it is standard normal and independent of
    that prediction. Sharp bodies leave a few large ones among many small ones, and the large ones where the field is
    strong; the fit then takes noise for ground or ground for noise.

    Parameters
    ----------
    objective : EvidenceObjective
    theta : ndarray
        The mode.

    Returns
    -------
    doubts : dict of {int: str}
        By index of the hyperparameter.
    p_value : ndarray, shape (size,)
        For noise, of two one-sided tests, of the innovations' kurtosis and of the rank correlation of their squares
        with the size of the prediction: the smaller twice. NaN for others and for fewer than 20 data.
    """
    vector, evidence, doubts = objective.vector, objective.evidence, {}
    p_value = np.full(vector.size, np.nan)
    noises = [i for i, c in enumerate(vector.coordinates) if c.kind.startswith("noise")]
    if not noises:
        return doubts, p_value
    if not isinstance(evidence, DenseEvidence):
        evidence = DenseEvidence(vector, _round_the_largest(vector.problem))
    parts = dict(zip((m.name for m in vector.problem.modalities), evidence.whitened(theta), strict=True))
    for i in noises:
        predicted, white = parts[vector.coordinates[i].targets[0]]
        if white.size < FEWEST or not np.ptp(white):
            continue
        p_value[i] = _unlike_a_gaussian(predicted, white)
        if p_value[i] < UNLIKELY:
            doubts[i] = ("the data are not like a Gaussian field with this noise: what they are off by has heavy tails "
                         f"or grows with the field (p = {p_value[i]:.1g}), as over sharp bodies, where ground passes "
                         "for noise or noise for ground")
    return doubts, p_value


def _unlike_a_gaussian(predicted, white):
    tails = kurtosistest(white, alternative="greater").pvalue
    grows = spearmanr(np.abs(predicted), white**2, alternative="greater").pvalue if np.ptp(predicted) else 1.0
    return min(1.0, 2 * float(min(tails, grows)))


def _round_the_largest(problem):
    """Of every survey the data nearest to the largest."""
    out = []
    for m, r in zip(problem.modalities, innovations(problem), strict=True):
        place = np.stack(m.forward.coordinates()[:2], axis=1)
        away = np.sum((place - place[np.argmax(np.abs(r))]) ** 2, axis=1)
        out.append(np.sort(np.argsort(away, kind="stable")[:NEAREST]))
    return out
