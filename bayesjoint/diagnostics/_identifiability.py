"""What each survey can tell by itself, what two tell twice, and what only both together tell."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.linalg import eigh

from .._checks import checked
from .._typing import JointProblem, Seed, xr
from ..dataset import DatasetBuilder
from ._estimator import probe_count
from ._information import BITS, DataInformation, bits_between
from ._targets import target_columns

DIRECTIONS = 20  # leading ones that are reported
RANK = 1e-10  # of the largest eigenvalue: below it a direction counts as one the data do not see
PROBED = "preconditioned Lanczos quadrature and solves with up to {} random vectors"
NOISE = 1.0  # eigenvalue at which signal and noise are equal


@checked
def identifiability(problem: JointProblem, target: str | dict | None = None, probes: int = 32,
                    seed: Seed = 0) -> xr.Dataset:
    """Information of each survey and of all together, their redundancy, and how their informative directions lie.

    With independent noise between surveys I(m; d₁, d₂) = I(m; d₁) + I(m; d₂) − I(d₁; d₂): about the whole model
    surveys can only repeat each other. For a target, one property or a region, they can also be worth more together
    than apart (synergy), because one may explain away what hides the target from the other.

    Parameters
    ----------
    problem : JointProblem
        Linear and Gaussian, with proper priors. Data play no part.
    target : str or dict, optional
        A parameter of at most 4,000 unknown values, or {parameter: weights on physical values}: of the parameter's
        shape for one number, with an axis in front for several.
    probes : int, default 32
        Random vectors, above 6,000 data only.
    seed : int or numpy.random.Generator, default 0

    Returns
    -------
    xarray.Dataset
        Over ``modality`` and, ending in ``_joint``, for all together: ``information`` (bits), ``degrees_of_freedom``,
        ``fisher_trace`` (tr ΓAᵀC⁻¹A, which adds up over surveys). ``redundancy`` (bits, sum of the parts less the
        joint) and ``redundancy_pair`` = I(d_k; d_l) over (modality, other). Up to 6,000 data also
        ``seen_directions`` (rank), ``null_space`` (unknowns less rank), ``informative_directions`` (more signal than
        noise), and over (modality, other, direction) ``cosine`` of principal angles between informative spaces and
        ``canonical_correlation`` of the data; over (modality, direction) ``precision_share``, the generalised
        eigenvalues of a survey's Fisher information against the joint posterior precision. With a target:
        ``target_information``, ``target_information_joint`` and ``target_synergy`` = joint − sum (bits; negative is
        redundancy). Each with its ``_error``: 0 where exact, otherwise one standard error over random vectors
        plus what stopping Lanczos costs; of targets a bound from the residuals of solves.

    Raises
    ------
    ValueError, TypeError
        If the problem is not linear-Gaussian, a prior flat, the target none or too large.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> a, b = (bj.Parameter(k, 1, prior=bj.GaussianPrior(0.0, 1.0)) for k in "ab")
    >>> sum_of_both = bj.Modality("both", [[1.0, 1.0]], [3.0], bj.DiagonalNoise([0.1]), ("a", "b"))
    >>> other = bj.Modality("other", [[1.0]], [1.0], bj.DiagonalNoise([0.1]), "b")
    >>> found = identifiability(bj.JointProblem([a, b], [sum_of_both, other]), target="a")
    >>> found.information.values.round(2), round(float(found.redundancy), 2), round(float(found.target_synergy), 2)
    (array([3.83, 3.33]), 0.49, 2.34)
    """
    probes, signal = probe_count(probes), DataInformation(problem, probes, seed)
    names = [m.name for m in problem.modalities]
    result = DatasetBuilder()
    result.along("modality", names, "survey")
    result.along("other", names, "the other survey")
    (_write_exact if signal.exact else _write_probed)(result, signal, names)
    if target is not None:
        _write_target(result, problem, signal, names, target)
    how = "dense algebra over the data" if signal.exact else PROBED.format(probes)
    return result.dataset({"method": how, "seed": str(seed)})


_WORDS = {"information": ("bit", "information about the model"),
          "degrees_of_freedom": ("1", "degrees of freedom that the data fix"),
          "fisher_trace": ("1", "trace of prior covariance times Fisher information")}


def _write_exact(result, signal, names):
    matrix, whole = signal.system.signal, tuple(names)
    spectra = {(name,): eigh(matrix[np.ix_(rows, rows)]) for name in names for rows in [signal.system.index([name])]}
    spectra = {s: (values.clip(0.0)[::-1], vectors[:, ::-1]) for s, (values, vectors) in spectra.items()}
    spectra[whole] = spectra[whole] if len(names) == 1 else (eigh(matrix, eigvals_only=True).clip(0.0), None)
    sums = {"information": lambda t: 0.5 * BITS * np.sum(np.log1p(t)),
            "degrees_of_freedom": lambda t: np.sum(t / (1 + t)), "fisher_trace": np.sum}
    found = {s: {key: (f(t), 0.0) for key, f in sums.items()} for s, (t, _) in spectra.items()}
    pairs = {pair: (signal.bits(pair)[0], 0.0) for pair in combinations(names, 2)}
    _write_sums(result, names, found, pairs)
    alone = {name: spectra[name,] for name in names}
    _write_ranks(result, signal, names, alone, spectra[whole][0])
    _write_directions(result, signal, names, alone)


def _write_probed(result, signal, names):
    subsets = dict.fromkeys([*((name,) for name in names), tuple(names)])
    found = {s: signal.traces(s) | {"information": signal.bits(s)} for s in subsets}
    bits = {pair: found[pair]["information"] if pair in found else signal.bits(pair) for pair in combinations(names, 2)}
    _write_sums(result, names, found, bits)


def _write_sums(result, names, found, pairs):
    """Write sums over directions, from {surveys: {key: (value, error)}}, and what two surveys or all repeat."""
    whole, count = tuple(names), len(names)
    for key, (units, words) in _WORDS.items():
        values, errors = np.transpose([found[name,][key] for name in names])
        result.add(key, ("modality",), values, units, f"{words} of one survey", errors)
        result.add(f"{key}_joint", (), found[whole][key][0], units, f"{words} of all surveys", found[whole][key][1])
    bits = {s: each["information"] for s, each in found.items()}
    table, table_errors = np.full((2, count, count), np.nan)
    for a, b in pairs:
        i, j = names.index(a), names.index(b)
        table[i, j], table_errors[i, j] = table[j, i], table_errors[j, i] = _less([bits[a,], bits[b,]], pairs[a, b])
    total, error = _less([bits[name,] for name in names], bits[whole])
    result.add("redundancy", (), total, "bit", "information that surveys repeat: sum of the parts less the joint",
               error)
    result.add("redundancy_pair", ("modality", "other"), table, "bit", "information that two surveys repeat",
               table_errors)


def _write_ranks(result, signal, names, spectra, whole):
    free = int(signal.system.model.problem.free.sum())
    for end, dims, values in (("", ("modality",), [spectra[name][0] for name in names]), ("_joint", (), [whole])):
        ranks = np.array([np.sum(v > RANK * max(v.max(), 1e-300)) for v in values]).reshape(-1 if dims else ())
        useful = np.array([np.sum(v > NOISE) for v in values]).reshape(ranks.shape)
        result.add(f"seen_directions{end}", dims, ranks, "1",
                  f"directions that the data see at all (above {RANK:g} of the first)")
        result.add(f"null_space{end}", dims, free - ranks, "1", "unknown directions that the data do not see")
        result.add(f"informative_directions{end}", dims, useful, "1", "directions in which signal exceeds noise")


def _write_directions(result, signal, names, spectra):
    count = len(names)
    cosine, canonical = np.full((2, count, count, DIRECTIONS), np.nan)
    shares = np.full((count, DIRECTIONS), np.nan)
    matrix = signal.system.signal
    fitted = np.linalg.solve(matrix + np.eye(signal.system.size), matrix)  # posterior covariance of whitened clean data
    for i, first in enumerate(names):
        rows = signal.system.index([first])
        _fill(shares[i], eigh(fitted[np.ix_(rows, rows)], eigvals_only=True)[::-1])
        for j, second in enumerate(names[:i]):
            cross = matrix[np.ix_(rows, signal.system.index([second]))]
            # singular values of the cross-covariance, whitened by signals alone or by signals and noise
            for out, floor in ((cosine, 0.0), (canonical, 1.0)):
                left, right = (_whitener(spectra[name], floor) for name in (first, second))
                found = np.linalg.svd(left.T @ cross @ right, compute_uv=False) if min(left.shape[1], right.shape[1]) \
                    else np.zeros(0)
                _fill(out[i, j], found.clip(0.0, 1.0))
                out[j, i] = out[i, j]
    result.along("direction", np.arange(DIRECTIONS), "number of the direction")
    result.add("cosine", ("modality", "other", "direction"), cosine, "1",
              "cosine of the principal angle between informative directions of two surveys", 0.0)
    result.add("canonical_correlation", ("modality", "other", "direction"), canonical, "1",
              "canonical correlation of two surveys' data under the prior", 0.0)
    result.add("precision_share", ("modality", "direction"), shares, "1",
              "share of the joint posterior precision that one survey brings, in its best directions", 0.0)


def _whitener(spectrum, floor):
    """V (λ + floor)^−½ over informative directions (floor 0) or over all (floor 1)."""
    values, vectors = spectrum
    kept = values > (NOISE if floor == 0 else -1.0)
    return vectors[:, kept] / np.sqrt(values[kept] + floor)


def _fill(out, values):
    out[: min(out.size, values.size)] = values[: out.size]


def _less(parts, joint):
    """(sum of the parts less the joint, error) of estimates with errors."""
    return sum(v for v, _ in parts) - joint[0], float(np.sqrt(sum(e**2 for _, e in [*parts, joint])))


def _write_target(result, problem, signal, names, target):
    columns = target_columns(problem, target)
    prior = signal.left(columns, [])
    parts, errors = np.transpose([bits_between(prior, signal.left(columns, [name])) for name in names])
    joint, error = bits_between(prior, signal.left(columns, names))
    result.add("target_information", ("modality",), parts, "bit", "information about the target of one survey", errors)
    result.add("target_information_joint", (), joint, "bit", "information about the target of all surveys", error)
    result.add("target_synergy", (), joint - parts.sum(), "bit",
              "information about the target that only surveys together hold (negative: that they repeat)",
              error + errors.sum())
