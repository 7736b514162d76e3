"""Forward operators and data in units of the noise, as matrices: for engines of small problems."""

import numpy as np

from .._checks import fail

COLUMNS = 64  # carried through an operator at once


def check_visible(problem):
    """Refuse priors whose field goes on beyond the mesh: such cells inform the data, and are no unknowns here."""
    for p in problem.parameters:
        if getattr(p.prior, "extent", "mesh") != "mesh":
            fail(f"prior of {p.name}", "vary inside the mesh only for this engine", f"extent={p.prior.extent!r}",
                 'Use extent="mesh".')


def whitened_matrix(problem, largest_bytes):
    """(Ã, d̃) of all modalities stacked: √w L⁻¹ A, shape (n_data, size), and √w L⁻¹ d, with LLᵀ the noise covariance.

    Parameters
    ----------
    problem : JointProblem
        Linear operators.
    largest_bytes : float
        Refuse a larger matrix.

    Returns
    -------
    matrix : ndarray, shape (n_data, size)
    data : ndarray, shape (n_data,)
    """
    count = sum(m.size for m in problem.modalities)
    if 8.0 * count * problem.size > largest_bytes:
        fail("problem", f"have data x unknowns fit {largest_bytes / 1e9:g} GB for this engine",
             f"{count} x {problem.size}", "Use a coarser mesh or thin the surveys.")
    matrix, data, start = np.empty((count, problem.size)), np.empty(count), 0
    for k, m in enumerate(problem.modalities):
        rows, root = slice(start, start + m.size), np.sqrt(problem.weights[m.name])
        _fill(problem.operator(k).stored(), matrix[rows])
        matrix[rows] = root * m.noise.whiten(matrix[rows])
        data[rows] = root * m.noise.whiten(m.data)
        start += m.size
    if not np.isfinite(matrix).all():
        fail("forward operators", "be finite", "NaN or Inf in a product", "Mend the operator.")
    return matrix, data


def _fill(operator, out):
    """Write an operator's matrix from its products with the columns, or rows, of the smaller identity."""
    count, size = out.shape
    for first in range(0, min(count, size), COLUMNS):
        width = min(COLUMNS, min(count, size) - first)
        unit = np.zeros((min(count, size), width))
        unit[first + np.arange(width), np.arange(width)] = 1.0
        if count < size:
            out[first : first + width] = operator.rmatmat(unit).T
        else:
            out[:, first : first + width] = operator.matmat(unit)
