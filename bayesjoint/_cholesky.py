"""Cholesky factors of covariances, or a refusal in the project's words."""

import numpy as np
from scipy.linalg import LinAlgError, cholesky

from ._checks import fail

JUDGED = 2_000  # rows of a matrix whose smallest eigenvalue is worth computing to say what is wrong


def lower_factor(matrix, argument, requirement, remedy, **options):
    """Lower Cholesky factor L with L Lᵀ the matrix; `options` are those of `scipy.linalg.cholesky`."""
    try:
        return cholesky(matrix, lower=True, **options)
    except LinAlgError:
        found = "a failed Cholesky factorisation"
        if len(matrix) <= JUDGED and not options:
            found += f", smallest eigenvalue {float(np.linalg.eigvalsh(matrix)[0]):.3g}"
        return fail(argument, requirement, found, remedy)
