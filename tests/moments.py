"""Whether draws have the mean and the covariance they are said to have."""

import numpy as np
from scipy.stats import chi2


def sampling_excess(draws, mean, covariance):
    """(p-value of the mean, p-value of the covariance) of draws (count, n) said to be N(mean, covariance)."""
    count, n = draws.shape
    white = np.linalg.solve(np.linalg.cholesky(covariance), (draws - mean).T)
    moments = white @ white.T / count - np.eye(n)
    off = count * np.sum(np.tril(moments, -1) ** 2)
    on = 0.5 * count * np.sum(np.diag(moments) ** 2)
    return chi2.sf(count * np.sum(white.mean(axis=1) ** 2), n), chi2.sf(off + on, n * (n + 1) // 2)
