"""Kalman updates in square-root form, exact: the factor of the data's covariance grows by one survey after another."""

from functools import cached_property
from types import SimpleNamespace

import numpy as np
from scipy.linalg import blas, cho_solve, solve_triangular

from .._checks import fail
from .._places import blocks
from ..dataset import Approximation
from ..engines import CELLS, DensePosterior, Posterior, check_dense
from ..gaussian import CleanCovariance, DenseSystem, FlatColumns, factorised, linear_gaussian
from ._order import in_order, step_slices
from ._steps import Assimilated, History, rounded, step_of


class SequentialPosterior(Assimilated, DensePosterior):
    """Exact Gaussian posterior after one survey after another; use `assimilate`.

    The Kalman update by survey k, P ← P − PAᵀS⁻¹AP with S = APAᵀ + C, keeps P = Γ − UUᵀ. Of the n x m matrix
    U = GL⁻ᵀ only G = Cov(x, d̃) and the factor L of K̃ = LLᵀ are held, and they grow by the rows of the survey:
    L_kj = (L_j⁻¹ S̃_jk)ᵀ, L_kk the root of S (Bierman 1977, chapter V, in data space: Bennett 2002, section 2.2). Cells
    are then as cheap as they are for the dense posterior, whose numbers the last step has in any order.

    Parameters
    ----------
    problem : JointProblem
        Linear-Gaussian, its modalities in the order of `steps`.
    steps : tuple of tuple of str
        Modalities of every step.
    before : SequentialPosterior, optional
        The posterior after the first of these steps: nothing of it is computed again.

    Attributes
    ----------
    history : History
        A `Step` each.
    """

    method = "assimilated"
    reason = "surveys were taken up one after another"

    def __init__(self, problem, steps, before=None):
        Posterior.__init__(self, problem)
        self.notes = list(getattr(before, "notes", ()))
        check_dense(problem)
        self.steps, self._runs = steps, step_slices(problem, steps)
        model = linear_gaussian(problem, stored=True)
        # all its steps may be kept, unless continued fields now lie on a larger torus
        same = before is not None and {g.torus for g in before.system.model.groups} == {g.torus for g in model.groups}
        adopted = len(before.steps) if same else 0
        clean = CleanCovariance(model, with_gain=True, before=before.clean if adopted else None)
        self._answer_with(clean, _grown(clean.whitened(), self._runs, adopted, before))
        self._check_first()

    def _check_first(self):
        """Refuse flat priors that the first step does not make proper."""
        index = self._model.flat_index
        if not index.size:
            return
        first = self._runs[0]
        factor, columns = self.system.factor[first, first], self._flat.columns[first]
        try:
            FlatColumns(self.problem, index, columns, cho_solve((factor, True), columns, check_finite=False))
        except ValueError as error:
            fail("order", "begin with surveys that determine every parameter with a flat prior",
                 f"{' + '.join(self.steps[0])}, which do not determine {', '.join(self.problem.prior.flat)}",
                 "Put those that do first, take several up in one step, or give GaussianPrior(mean, covariance), "
                 f"however broad. ({error})")

    # -- what every step left ------------------------------------------------------------------------------------------
    def after(self, steps):
        """The posterior after the first `steps` steps, a `SequentialPosterior` that computes nothing again."""
        if not 1 <= steps <= len(self.steps):
            fail("steps", f"be 1 to {len(self.steps)}", repr(steps), "Count from one.")
        if steps == len(self.steps):
            return self
        end = self._runs[steps - 1].stop
        problem = in_order(self.problem, self.steps[:steps])
        clean = self.clean.part(self._model.part(problem.surveys)[0])
        system = DenseSystem(clean.model, factor=self.system.factor[:end, :end])
        # what a posterior after some steps leaves to the next ones, under the names that it has there
        part = SimpleNamespace(steps=self.steps[:steps], notes=self.notes, system=system, clean=clean)
        return SequentialPosterior(problem, part.steps, part)

    def then(self, survey):
        """The posterior with one more survey, which the parameters of the problem explain.

        Parameters
        ----------
        survey : Modality or list of Modality
            One step.

        Returns
        -------
        SequentialPosterior
        """
        new = list(survey) if isinstance(survey, (list, tuple)) else [survey]
        problem = self.problem.replace(modalities=[*self.problem.modalities, *new])
        return SequentialPosterior(problem, (*self.steps, tuple(m.name for m in new)), self)

    @cached_property
    def history(self):
        """What every step said and left, a `History`."""
        half = solve_triangular(self.system.factor, self.system.residual, lower=True, check_finite=False)
        columns = solve_triangular(self.system.factor, self._flat.columns, lower=True, check_finite=False)
        prior, out, errors = self._known_scale(), [], self._rounding
        errors = {"chi2": errors.fit, "information": errors.logdet, "log_evidence": errors.fit + errors.logdet}
        prior[self._flat.index] = np.inf
        misfit = volume = 0.0
        for k, (names, where) in enumerate(zip(self.steps, self._runs, strict=True)):
            fit, inside = _left_over(half[: where.stop], columns[: where.stop])
            roots = 2.0 * float(np.sum(np.log(np.diag(self.system.factor)[where]))) + inside - volume
            chi2, misfit, volume = fit - misfit, fit, inside
            out.append(step_of(
                self.problem, names, chi2, roots, self._spread[k], prior, flat=0 if k else columns.shape[1],
                estimate=lambda key, v: rounded(v, errors[key], "square-root Kalman update, rounding as measured")))
        return History(out)

    @cached_property
    def _spread(self):
        """Variance of x after every step, shape (steps, size)."""
        starts = [where.start for where in self._runs]
        out = np.empty((len(starts), self.problem.size))
        prior = self._model.prior_variance()
        prior[self._flat.index] = 0.0
        columns = solve_triangular(self.system.factor, self._flat.columns, lower=True, check_finite=False)
        held = [np.linalg.inv(_gram(columns[: where.stop])) for where in self._runs]
        for block in blocks(self.problem.size, CELLS):
            rows = np.asfortranarray(self._model.whiten(self.clean.gain_rows(block).T))
            half = blas.dtrsm(1.0, self.system.factor, rows, lower=1, overwrite_b=1)
            gone = np.cumsum(np.add.reduceat(half**2, starts, axis=0), axis=0)
            out[:, block] = prior[block] - gone
            if columns.shape[1]:
                self._add_flat(out[:, block], half, columns, held, block.start)
        return np.maximum(out, 0.0)

    def _add_flat(self, variance, half, columns, held, first):
        """Variance that the flat values leave in a block of cells that begins at `first`."""
        pick = (first + np.arange(variance.shape[1]))[:, None] == self._flat.index
        for k, where in enumerate(self._runs):
            pulled = half[: where.stop].T @ columns[: where.stop] - pick
            variance[k] += np.einsum("iq,qr,ir->i", pulled, held[k], pulled)

    def state_variance(self):
        """Posterior variance of x, (size,)."""
        return self._spread[-1].copy()

    def _statements(self):
        said = super()._statements()
        order = Approximation(
            name="assimilation", status="exact",
            statement="Surveys were taken up one after another by Kalman updates in square-root form: "
            f"{self.order_words}. The posterior is that of all of them at once in whatever order; what each step "
            "gained depends on the order.")
        return [*said, order, *self.notes]

    def note(self, approximation):
        """Keep an approximation that was made before, here and in what `after` and `then` make of this posterior."""
        self.notes.append(approximation)
        super().note(approximation)


def _grown(signal, runs, adopted, before):
    """The factor of K̃, grown by one step after another."""
    count = signal.shape[0]
    factor = np.zeros((count, count), order="F")
    for k, where in enumerate(runs):
        if k < adopted:
            factor[where, : where.stop] = before.system.factor[where, : where.stop]
            continue
        old = slice(0, where.start)
        carried = solve_triangular(factor[old, old], signal[old, where], lower=True, check_finite=False)
        innovation = signal[where, where] - carried.T @ carried + np.eye(where.stop - where.start)
        factor[where, old] = carried.T
        factor[where, where] = factorised(innovation)
    return factor


def _gram(columns):
    matrix = columns.T @ columns
    return 0.5 * (matrix + matrix.T)


def _left_over(half, columns):
    """(χ², log det N) of half-whitened data after the flat values took what they explain, N their precision."""
    precision, pulled = _gram(columns), columns.T @ half
    return float(half @ half - pulled @ np.linalg.solve(precision, pulled)), float(np.linalg.slogdet(precision)[1])
