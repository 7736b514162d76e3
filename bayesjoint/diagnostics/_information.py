"""What data say of a model: information in bits, and covariances of targets given some surveys."""

import numpy as np

from .._checks import fail
from .._places import blocks
from ..gaussian import DenseSystem, data_system

SOLVE = 1e-8  # relative residual of solves: far below what random vectors leave open
ERROR = 0.5  # nats of a log determinant that probes aim at
BITS = 1 / np.log(2)


class DataInformation:
    """Information of surveys about the model, by matrices up to 6,000 data and by random vectors above.

    Parameters
    ----------
    problem : JointProblem
        Linear and Gaussian, without flat priors: they would have infinite information.
    probes : int
        Random vectors at most.
    seed : int
        The same for every set of surveys, so that nothing but the surveys differs.

    Attributes
    ----------
    system : DenseSystem or IterativeSystem
        Of all surveys.
    exact : bool
        Whether matrices over the data are formed.
    """

    def __init__(self, problem, probes, seed):
        if problem.prior.flat:
            fail("prior", "be proper: information about a flat parameter is infinite", f"{problem.prior.flat}",
                 "Give GaussianPrior(mean, covariance) with a broad covariance.")
        self.system = data_system(problem, tolerance=SOLVE, purpose="information")
        self.exact = isinstance(self.system, DenseSystem)
        self._probes, self._seed, self._parts = probes, seed, {tuple(self.system.rows): self.system}

    def of(self, names):
        """The `System` of some surveys."""
        if (key := tuple(names)) not in self._parts:
            self._parts[key] = self.system.part(names)
        return self._parts[key]

    def bits(self, names):
        """(I(model; data of some surveys), its error): ½ log₂ det K."""
        if not len(names):
            return 0.0, 0.0
        found = self.of(names).log_determinant(np.random.default_rng(self._seed), ERROR, self._probes)
        return 0.5 * BITS * found.value, 0.5 * BITS * (found.error + abs(found.bias))

    def traces(self, names):
        """{name: (estimate, standard error)} of tr S and of tr S K⁻¹ from random signs."""
        system, rng, probes = self.of(names), np.random.default_rng(self._seed), self._probes
        signal, fitted = np.empty(probes), np.empty(probes)
        for part in blocks(probes, system.width()):
            signs = rng.choice([-1.0, 1.0], (system.size, part.stop - part.start))
            signal[part] = np.sum(signs * system.product(signs), axis=0) - system.size
            fitted[part] = system.size - np.sum(signs * system.solve(signs)[0], axis=0)
        return {name: (v.mean(), v.std(ddof=1) / np.sqrt(probes))
                for name, v in (("fisher_trace", signal), ("degrees_of_freedom", fitted))}

    def left(self, columns, names):
        """(covariance of linear functionals, (size, k), of x given the data of some surveys; its error)."""
        if not len(names):
            prior = columns.T @ self.system.model.prior_product(columns)
            return 0.5 * (prior + prior.T), 0.0
        return self.of(names).functionals_left(columns)


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
