"""Exact log evidence of a linear-Gaussian problem and its gradient by the hyperparameters, by Cholesky factors."""

import numpy as np
from scipy.linalg import cho_solve, lapack, solve_triangular

from .._checks import fail
from .._correlation import CORRELATIONS, SLOPES
from .._places import runs
from ..gaussian import FieldGroup, TorusMatrices
from ._discrepancy import KINDS, DiscrepancyPart, discrepancies
from ._pair_factors import PairFactors
from ._parts import field_groups, innovations, other_parameters, vector_columns
from ._vector import fitted_kernel, white_variance

DENSE_LIMIT = 20_000  # data; as the dense engine


class DenseEvidence:
    """log N(d; Aμ, K(θ)) and its gradient: ½ wᵀ ∂K w − ½ tr(K⁻¹ ∂K), w = K⁻¹(d − Aμ), with every constant.

    (Rasmussen & Williams 2006, eqs 5.8 and 5.9.) The number is that of `DensePosterior.log_evidence` for the problem
    `vector.rebuild(theta)`.

    Parameters
    ----------
    vector : HyperVector
        Of a linear-Gaussian problem.
    rows : list of ndarray of int, optional
        Data to use of every modality; default all.

    Raises
    ------
    ValueError
        If the problem is not linear-Gaussian, knows cells exactly, or has too many data.
    """

    def __init__(self, vector, rows=None):
        problem = vector.problem
        check_evidence(problem)
        self.vector, self._pair_factors = vector, PairFactors(vector)
        self.rows = [np.arange(m.size) for m in problem.modalities] if rows is None else rows
        self._runs = runs(r.size for r in self.rows)
        self.count = self._runs[-1].stop
        if self.count > DENSE_LIMIT:
            fail("problem", f"have at most {DENSE_LIMIT} data for a dense evidence", f"{self.count}", "Thin them.")
        self.data = np.concatenate([d[r] for d, r in zip(innovations(problem), self.rows, strict=True)])
        self._groups = [(fields, (TorusMatrices if fields.members[0].prior.extent == "continued" else FieldGroup)(
            problem, fields.members, self.rows)) for fields in field_groups(problem)]
        self._fixed, self._vectors = self._vector_covariances()
        self._discrepancy = [DiscrepancyPart(problem, self.rows, vector.coordinates) for _ in discrepancies(problem)]
        self._noises = [_NoiseParts(m, r, problem.weights[m.name])
                        for m, r in zip(problem.modalities, self.rows, strict=True)]
        self.calls = 0

    def evaluate(self, theta, gradient=True):
        """Log evidence, and its gradient by the search's coordinates.

        Parameters
        ----------
        theta : array_like, shape (size,)
        gradient : bool, default True

        Returns
        -------
        value : float
            −inf where K is not positive definite to rounding.
        gradient : ndarray, shape (size,), or None
        """
        self.calls += 1
        values = self.vector.values(theta)
        matrix = self._covariance(values)
        factor, info = lapack.dpotrf(matrix, lower=1, clean=1, overwrite_a=1)
        if info != 0:
            return -np.inf, np.zeros(self.vector.size)
        weights = cho_solve((factor, True), self.data, check_finite=False)
        logdet = 2.0 * float(np.sum(np.log(np.diag(factor))))
        value = -0.5 * (float(self.data @ weights) + logdet + self.count * np.log(2 * np.pi))
        if not gradient:
            return value, None
        inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
        inverse += np.tril(inverse, -1).T
        inverse -= np.outer(weights, weights)
        return value, np.array([-0.5 * self._against(inverse, c, values) for c in self.vector.coordinates])

    def whitened(self, theta):
        """[(each datum's prediction from those before it, what it is off by in standard deviations)] by modality.

        The latter are independent standard normal under the model, and of the predictions: L⁻¹(d − Aμ), L the Cholesky
        factor of K. Zeros where K is not positive definite to rounding.
        """
        factor, info = lapack.dpotrf(self._covariance(self.vector.values(theta)), lower=1, clean=1, overwrite_a=1)
        if info != 0:
            return [(np.zeros(run.stop - run.start),) * 2 for run in self._runs]
        white = solve_triangular(factor, self.data, lower=True, check_finite=False)
        predicted = self.data - np.diag(factor) * white
        return [(predicted[run], white[run]) for run in self._runs]

    # -- K -----------------------------------------------------------------------------------------------------------
    def _covariance(self, values):
        matrix = self._fixed.copy()
        for part in self._discrepancy:
            part.add_to(matrix, values)
        for c, block in self._vectors:
            matrix += (values[c.name] / c.value) ** 2 * block
        for fields, group in self._groups:
            blocks = group.matrices(self._pair_factors.law(fields, values))
            for (a, b), block in blocks.items():
                part = self._factor(fields, group, a, b, values) * block
                rows, columns = self._place(group, a), self._place(group, b)
                matrix[rows, columns] += part
                if a != b:
                    matrix[columns, rows] += part.T
        for noise, run in zip(self._noises, self._runs, strict=True):
            noise.add_to(matrix[run, run], values)
        return matrix

    def _against(self, q, coordinate, values):
        """<Q, ∂K> for one coordinate."""
        if coordinate.kind == "vector_std":
            block = next(b for c, b in self._vectors if c.name == coordinate.name)
            return 2 * (values[coordinate.name] / coordinate.value) ** 2 * float(np.vdot(q, block))
        if coordinate.kind in KINDS:
            return self._discrepancy[0].against(q, coordinate, values)
        if coordinate.kind.startswith("noise"):
            names = [m.name for m in self.vector.problem.modalities]
            k = names.index(coordinate.targets[0])
            return self._noises[k].against(q[self._runs[k], self._runs[k]], coordinate, values)
        return sum(self._group_against(q, fields, group, coordinate, values) for fields, group in self._groups
                   if fields.touched(coordinate))

    def _group_against(self, q, fields, group, coordinate, values):
        slope = coordinate.axes if coordinate.kind in ("range", "angle") else ()
        blocks, total = group.matrices(self._pair_factors.law(fields, values), slope), 0.0
        for (a, b), block in blocks.items():
            if factor := self._factor(fields, group, a, b, values, coordinate):
                part = q[self._place(group, a), self._place(group, b)]
                total += factor * (1 if a == b else 2) * float(np.vdot(part, block))
        return total

    def _factor(self, fields, group, a, b, values, by=None):
        """Factor on S of two views, or its derivative by a coordinate."""
        return self._pair_factors.factor(fields, group.views[a].parameter, group.views[b].parameter, values, by)

    def _place(self, group, a):
        return self._runs[group.views[a].modality]

    def _vector_covariances(self):
        """What parameters with other Gaussian priors add to K: what is held, and [(coordinate, matrix)] of the rest."""
        problem = self.vector.problem
        held, scaled = np.zeros((self.count, self.count)), []
        moving = {c.targets[0]: c for c in self.vector.coordinates if c.kind == "vector_std"}
        for p in other_parameters(problem):
            columns = vector_columns(problem, p.name, self.rows)
            block = columns @ p.bound_prior.covariance.matmat(columns.T)
            if p.name in moving:
                scaled.append((moving[p.name], block))
            else:
                held += block
        return held, scaled


class _NoiseParts:
    """C/w of one modality as a sum of parts that hyperparameters scale."""

    def __init__(self, modality, rows, exponent):
        self._name, self._exponent = modality.name, exponent
        self._stationary = fitted_kernel(modality.noise)
        white, self._dense = white_variance(modality), None
        self._white, self._base = white[rows] / exponent, float(np.sqrt(np.mean(white)))
        if self._stationary is not None:
            place = np.stack(modality.forward.coordinates()[:2], axis=1)[rows]
            self._distance = np.hypot(*(place[:, None] - place).transpose(2, 0, 1))
        elif not modality.noise.independent:
            self._dense = modality.noise.covariance()[np.ix_(rows, rows)] / exponent

    def add_to(self, matrix, values):
        """Add C/w to a view of K."""
        if self._dense is not None:
            matrix += self._factor(values) * self._dense
        elif self._white.any():
            matrix[np.diag_indices(len(matrix))] += self._factor(values) * self._white
        if self._stationary is not None:
            matrix += self._kernel(values, CORRELATIONS)

    def against(self, q, coordinate, values):
        """<Q, ∂C/w> for one of its coordinates."""
        if coordinate.kind == "noise_range":
            squares = (self._distance / values[coordinate.name]) ** 2
            return float(np.vdot(q, squares * self._kernel(values, SLOPES)))
        if coordinate.part == "correlated":
            return 2 * float(np.vdot(q, self._kernel(values, CORRELATIONS)))
        if self._dense is not None:
            return 2 * self._factor(values) * float(np.vdot(q, self._dense))
        return 2 * self._factor(values) * float(np.diag(q) @ self._white)

    def _factor(self, values):
        return (values[f"{self._name}_noise"] / self._base) ** 2

    def _kernel(self, values, family):
        kernel = family[self._stationary.kernel.smoothness](self._distance / values[f"{self._name}_noise_range"])
        return values[f"{self._name}_noise_correlated"] ** 2 / self._exponent * kernel


def check_evidence(problem):
    """Refuse a problem whose evidence is no Gaussian integral of known form."""
    if problem.bounded or not problem.linear_gaussian:
        fail("problem", "be linear-Gaussian and unbounded for its evidence", "bounds, flat priors or penalties",
             "Use Matern and GaussianPrior priors, without bounds, Gramian or focusing terms.")
    if problem.known.any():
        fail("problem", "know no cells exactly while hyperparameters are fitted", f"{int(problem.known.sum())} fixed",
             "Fit without `fixed=`; air is left out by mesh.with_active or mesh.with_topography.")
