"""How ordinary the observed data are among the data of the worlds, and what such a look can see."""

import numpy as np
from scipy.stats import kurtosis, skew

from .._places import unit_columns

LEVEL = 0.05
MARKS = ("size", "asymmetry", "peakedness", "roughness", "largest")


def data_marks(problem, data):
    """Simple marks of data sets: ndarray, shape (modalities, marks, n).

    Taken of what is left when the columns of a survey's biases are fitted and removed: standard deviation, skewness,
    kurtosis, rms step from datum to datum over the standard deviation, and largest absolute value over it.

    Parameters
    ----------
    problem : JointProblem
    data : ndarray, shape (n, n_data)
    """
    out = []
    for k, m in enumerate(problem.modalities):
        part = data[:, problem.data_slices[m.name]].astype(float)
        columns = _nuisance_columns(problem, k)
        part = part - (columns @ np.linalg.lstsq(columns, part.T, rcond=None)[0]).T
        std = part.std(axis=1)
        safe = np.where(std > 0, std, 1.0)
        steps = np.diff(part.reshape(-1, *m.data_shape), axis=-1).reshape(len(part), -1)
        rough = np.sqrt(np.mean(steps**2, axis=1)) if steps.size else np.zeros(len(part))
        out.append([std, skew(part, axis=1), kurtosis(part, axis=1), rough / safe, np.abs(part).max(axis=1) / safe])
    return np.array(out)


def _nuisance_columns(problem, k):
    """Columns that a survey's plain vectors act by, and a constant."""
    m = problem.modalities[k]
    columns = [np.ones((m.size, 1))]
    for name in m.parameters:
        p = problem.by_name[name]
        if p.mesh is None and p.size < m.size / 4:
            columns.append(problem.operator(k).matmat(unit_columns(problem.size, problem.slices[name])))
    return np.concatenate(columns, axis=1)


def rank_p_values(observed, simulated):
    """Two-sided p-values of single ranks: of observed marks (..., m) among simulated ones (..., n), shape (..., m).

    2 min(a, b) / (n + 1), a and b the ranks from below and above.

    Examples
    --------
    >>> rank_p_values(np.array([3.0]), np.arange(99.0)).round(2)
    array([0.08])
    """
    below = np.sum(simulated[..., None, :] < observed[..., :, None], axis=-1)
    above = np.sum(simulated[..., None, :] > observed[..., :, None], axis=-1)
    count = simulated.shape[-1]
    rank = np.minimum(below, above) + 1
    return np.minimum(2 * rank / (count + 1), 1.0)


def seen_share(marks, simulated):
    """Share of data sets of another family with a mark at p <= 5 % by itself: (modalities, marks)."""
    return np.mean(rank_p_values(marks, simulated) <= LEVEL, axis=-1)
