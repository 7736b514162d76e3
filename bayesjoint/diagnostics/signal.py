"""What data say of a model, in units of their noise: information, and covariances of targets given some surveys."""

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from .._checks import as_finite, fail
from ..functionals.gaussian import state_weights
from ..problem.clean_covariance import whitened_covariance
from ..problem.gaussian import linear_gaussian
from .large import BITS, LargeSurveys

EXACT_DATA = 6_000  # whose covariance and factor take 0.6 GB
TARGET_LIMIT = 4_000  # numbers in a target that information is counted about


class WhitenedSignal:
    """S = W Cov(d, d) Wᵀ of clean data, W whitening the noise: identity plus S is the covariance of whitened data.

    Parameters
    ----------
    problem : JointProblem
        Linear and Gaussian, without flat priors: they would have infinite information.
    """

    def __init__(self, problem):
        if problem.prior.flat:
            fail("prior", "be proper: information about a flat parameter is infinite", f"{problem.prior.flat}",
                 "Give GaussianPrior(mean, covariance) with a broad covariance.")
        self.problem, self._model, self._large = problem, linear_gaussian(problem), {}
        self.size = self._model.data_size
        self.places = dict(zip((m.name for m in problem.modalities), self._model.data_slices, strict=True))

    @property
    def exact(self):
        """Whether matrices over the data are formed."""
        return self.size <= EXACT_DATA

    def large(self, names):
        """`LargeSurveys` of some modalities."""
        if (key := tuple(names)) not in self._large:
            kept = [m for m in self.problem.modalities if m.name in names]
            self._large[key] = LargeSurveys(self.problem.replace(modalities=kept))
        return self._large[key]

    def matrix(self):
        """S, shape (n_data, n_data)."""
        if not hasattr(self, "_matrix"):
            self._matrix = whitened_covariance(self._model)
        return self._matrix

    def rows(self, names):
        """Indices of the data of some modalities."""
        return np.concatenate([np.arange(0), *(np.arange(self.size)[self.places[name]] for name in names)])

    def information(self, names):
        """I(model; data of some modalities) in bits, from the matrix."""
        rows = self.rows(names)
        return 0.5 * BITS * logdet_shifted(self.matrix()[np.ix_(rows, rows)])

    def _moments(self, columns):
        """(prior covariance, covariance with the whitened data) of linear functionals of x."""
        if not hasattr(self, "_target") or self._target[0] is not columns:
            prior = columns.T @ self._model.prior_product(columns)
            self._target = columns, 0.5 * (prior + prior.T), self._model.whiten(self._model.gain_adjoint(columns))
        return self._target[1:]

    def left(self, columns, names):
        """(covariance of linear functionals, (size, k), of x given the data of some modalities; its error)."""
        if names and not self.exact:
            return self.large(names).left(columns)
        prior, cross = self._moments(columns)
        rows = self.rows(names)
        if not rows.size:
            return prior, 0.0
        factor = cholesky(self.matrix()[np.ix_(rows, rows)] + np.eye(rows.size), lower=True)
        half = solve_triangular(factor, cross[rows], lower=True)
        return prior - half.T @ half, 0.0


def logdet_shifted(signal):
    """Log det (I + S)."""
    return 2.0 * float(np.sum(np.log(np.diag(cholesky(signal + np.eye(len(signal)), lower=True)))))


def target_columns(problem, target):
    """Linear functionals of x, shape (size, k), that a target stands for.

    Parameters
    ----------
    problem : JointProblem
        The problem.
    target : str or dict
        A parameter: each of its values. {parameter: weights on physical values}, of the parameter's shape for one
        number or with one axis in front for several.
    """
    if isinstance(target, str):
        if target not in problem.by_name:
            fail("target", f"name one of {sorted(problem.by_name)}", repr(target), "Correct the name.")
        where, p = problem.slices[target], problem.by_name[target]
        free = np.flatnonzero(problem.free[where]) + where.start
        if not 0 < free.size <= TARGET_LIMIT:
            fail("target", f"hold 1 to {TARGET_LIMIT} unknown values", f"{target!r} with {free.size}",
                 "Pass {parameter: weights} of averages over regions instead.")
        out = np.zeros((problem.size, free.size))
        out[free, np.arange(free.size)] = p.scale
        return out
    if not isinstance(target, dict) or not target or set(target) - set(problem.by_name):
        fail("target", f"be a parameter name or weights by name among {sorted(problem.by_name)}", repr(target)[:60],
             "Pass {'density': array of the mesh's shape}.", TypeError if not isinstance(target, dict) else ValueError)
    arrays = {name: as_finite(f"target[{name!r}]", array) for name, array in target.items()}
    counts = set()
    for name, array in arrays.items():
        shape = problem.by_name[name].shape
        if array.shape[-len(shape):] != shape or array.ndim > len(shape) + 1:
            fail(f"target[{name!r}]", f"have shape {shape}, or one axis in front", f"{array.shape}", "Reshape it.")
        counts.add(1 if array.ndim == len(shape) else array.shape[0])
    if len(counts) > 1:
        fail("target", "ask for as many numbers of each parameter", f"{sorted(counts)}", "Fill up with zeros.")
    count = counts.pop()
    stacked = {name: array.reshape(count, *problem.by_name[name].shape) for name, array in arrays.items()}
    return np.stack([state_weights(problem, {name: a[k] for name, a in stacked.items()}) for k in range(count)], axis=1)


def bits_between(wide, narrow):
    """(½ log₂ (det wide / det narrow), its error) of two (covariance, error of its entries) of a target.

    To first order an error ε of all entries of V moves log det V by at most ε times the sum of |V⁻¹|.
    """
    values, error = [], 0.0
    for matrix, slack in (wide, narrow):
        scale = np.sqrt(np.outer(np.diag(wide[0]), np.diag(wide[0])))
        sign, value = np.linalg.slogdet(matrix / scale)
        values.append(value if sign > 0 else np.nan)
        error += slack * float(np.abs(np.linalg.inv(matrix)).sum()) if slack else 0.0
    return 0.5 * BITS * (values[0] - values[1]), 0.5 * BITS * error
