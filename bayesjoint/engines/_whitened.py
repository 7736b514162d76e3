"""Forward operators and data in units of the noise, as matrices: for engines of small problems."""

import numpy as np

from .._checks import fail


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
    if 8.0 * problem.data_size * problem.size > largest_bytes:
        fail("problem", f"have data x unknowns fit {largest_bytes / 1e9:g} GB for this engine",
             f"{problem.data_size} x {problem.size}", "Use a coarser mesh or thin the surveys.")
    matrix, data = np.empty((problem.data_size, problem.size)), np.empty(problem.data_size)
    for m, rows in zip(problem.modalities, problem.data_slices.values(), strict=True):
        root = np.sqrt(problem.weights[m.name])
        matrix[rows] = root * m.noise.whiten(problem.operator(m.name).matrix())
        data[rows] = root * m.noise.whiten(m.data)
    if not np.isfinite(matrix).all():
        fail("forward operators", "be finite", "NaN or Inf in a product", "Mend the operator.")
    return matrix, data
