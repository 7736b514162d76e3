"""Information, degrees of freedom and targets of surveys too large for matrices: products and random vectors."""

import numpy as np

from .._checks import fail
from ..engines.data_system import DataSystem
from ..problem.gaussian import linear_gaussian
from ..solvers.lanczos import preconditioned_log_trace

SOLVE = 1e-8  # relative residual of solves: far below what random vectors leave open
ERROR = 0.5  # nats of a log determinant that probes aim at
BITS = 1 / np.log(2)


class LargeSurveys:
    """Whitened data covariance K = S + I of some surveys, through a preconditioned operator.

    Parameters
    ----------
    problem : JointProblem
        With these surveys alone; linear, Gaussian, proper priors.
    """

    def __init__(self, problem):
        self._model = linear_gaussian(problem)
        self._system = DataSystem(self._model)
        self.size = self._model.data_size

    def information(self, rng, most):
        """(bits, error): ½ log₂ det K, one standard error over probes plus the bias of stopping Lanczos."""
        system = self._system
        found = preconditioned_log_trace(system.product, system.preconditioner, system._sample, self.size, rng,
                                         error=ERROR, most=most)
        value = found.value + self._preconditioner_logdet()
        return 0.5 * BITS * value, 0.5 * BITS * (found.error + abs(found.bias))

    def _preconditioner_logdet(self):
        """Log det of the preconditioner in whitened data: windows of lattices, the identity elsewhere."""
        held, value = np.zeros(self.size, dtype=bool), 0.0
        for index, plate in self._system.plates:
            held[index] = True
            value += plate.logdet()
        problem = self._model.problem
        for m, where in zip(problem.modalities, self._model.data_slices, strict=True):
            inside = held[where]
            if m.noise.independent:
                value -= float(np.sum(np.log(m.noise.variance()[inside] / problem.weights[m.name])))
            elif inside.all():
                value -= m.noise.logdet() - m.size * np.log(problem.weights[m.name])
            elif inside.any():
                fail(f"noise of modality {m.name!r}", "be independent where some of its stations are off the lattice",
                     m.noise.settings(), "Use DiagonalNoise, or thin the survey to at most 6,000 data in all.")
        return value

    def traces(self, rng, probes):
        """{name: (estimate, standard error)} of tr S and of tr S K⁻¹ from random signs."""
        signal, fitted = np.empty(probes), np.empty(probes)
        step = self._system.columns()
        for first in range(0, probes, step):
            part = slice(first, min(first + step, probes))
            signs = rng.choice([-1.0, 1.0], (self.size, part.stop - part.start))
            signal[part] = np.sum(signs * self._system.product(signs), axis=0) - self.size
            fitted[part] = self.size - np.sum(signs * self._system.solve(signs, SOLVE).x, axis=0)
        return {name: (v.mean(), v.std(ddof=1) / np.sqrt(probes))
                for name, v in (("fisher_trace", signal), ("degrees_of_freedom", fitted))}

    def left(self, columns):
        """(covariance of linear functionals, (size of x, k), given the data; bound on the error of its entries).

        K ≥ 1, so that a residual r of a solve for c moves cᵀK⁻¹c by at most ‖c‖ ‖r‖.
        """
        prior = columns.T @ self._model.prior_product(columns)
        cross = self._model.whiten(self._model.gain_adjoint(columns))
        reduced = cross.T @ self._system.solve(cross, SOLVE).x
        return prior - 0.5 * (reduced + reduced.T), SOLVE * float(np.max(np.sum(cross**2, axis=0)))
