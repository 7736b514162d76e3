"""Four criteria for likelihood exponents, each with its curve and its error."""

import numpy as np
from scipy.optimize import minimize

from .._checks import fail
from ..hyperparameters import covariance_of
from ._prediction import OtherSurveys
from ._result import VAGUE

LOWEST, HIGHEST = np.log(1e-6), np.log(1e4)  # of log w
EDGE = 1e-6  # of log w: nearer to a bound is at it
STEP = 1e-3  # of differences by log w
ROUGH, CLOSE = {"ftol": 1e-6, "gtol": 0.1}, {"ftol": 1e-10, "gtol": 1e-5}  # nats by log w: is it a new top; the top
NEAR = 0.1  # of log w: a rough top so near another is that one
SWEEPS = 200  # of the discrepancy principle, which settles by a factor each
SETTLED = 1e-4  # of log w
BLAMED = 0.1  # exponent from which a search starts that blames one survey
SAME = 1e-3  # nats: two tops that differ less are one
TIED = 1e-6  # nats: of tops that differ less the first start's counts, whatever rounding says
SIMULATED = 400  # data sets behind the null of the information criterion
SHARE = 0.1  # of a survey's data: directions at most in which informations are matched


class Criterion:
    """What chooses exponents for groups of surveys.

    Parameters
    ----------
    whitened : DenseSystem
        Whitened by the noise as stated, no exponents in it.
    groups : list of tuple of str
        Surveys that share one exponent.
    seed : int, default 0
        Of simulations.
    most : float, default infinite
        What no exponent may exceed; `beyond` keeps {survey: w} of those that would have.
    """

    note = ""

    def __init__(self, whitened, groups, seed=0, most=np.inf):
        self.whitened, self.groups = whitened, groups
        self._most, self._seed, self.beyond = most, seed, {}

    def suits(self, group):
        """Whether the criterion says something of a group: always."""
        return True

    def weights(self, start):
        """({survey: w}, {survey: standard error of log w}), one group after the other, at most what is taken."""
        weights, errors = dict(start), {}
        for group, free, held, error in self._found(start):
            self.beyond |= dict.fromkeys(group, free) if free > self._most else {}
            weights |= dict.fromkeys(group, held)
            errors |= dict.fromkeys(group, error)
        return weights, errors

    @staticmethod
    def _with(weights, group, value):
        """Exponents of which those of a group have one value."""
        return {**weights, **dict.fromkeys(group, float(value))}


class Evidence(Criterion):
    """Exponents as hyperparameters of the noise (Hobson, Bridle & Lahav 2002, MNRAS 335, 377): largest evidence.

    ∂ log p / ∂ log w_k = ½ (tr P_kk − |(P y)_k|²) / w_k: at the top w_k χ²_k is the number of data less what the model
    uses up (MacKay 1992). With one survey of one flat value w = (n − 1) / χ², the square of Birge's scale factor.
    """

    name, objective = "evidence", "log_evidence"

    def __init__(self, whitened, groups, seed=0, most=np.inf):
        super().__init__(whitened, sorted(groups), seed, most)  # the order of the surveys must not matter

    def weights(self, start):
        """({survey: w}, {survey: standard error of log w}); NaN and w as stated where the curvature says nothing.

        The error of one that `most` holds back is that of what it would be if it were free.
        """
        weights, errors = self._search(start, HIGHEST)
        sought = [n for group in self.groups for n in group]
        if all(weights[n] <= self._most for n in sought):
            return weights, errors
        held, inside = self._search(start, np.log(self._most))
        at_most = [n for n in sought if held[n] >= self._most * (1 - EDGE)]
        self.beyond = {n: weights[n] for n in at_most if weights[n] > self._most}
        return held, inside | {n: errors[n] for n in at_most}

    def _search(self, start, highest):
        """`weights` below a bound on log w."""
        sought, each = list(self.groups), {}
        while sought:
            top, error, inside = self._top(start, sought, highest)
            vague = inside & ~(error <= VAGUE)
            each |= {n: np.nan for group, lost in zip(sought, vague, strict=True) if lost for n in group}
            if not vague.any():
                each |= {n: e for group, e in zip(sought, error, strict=True) for n in group}
                return self._exponents(start, sought, top), each
            sought = [group for group, lost in zip(sought, vague, strict=True) if not lost]
        return dict(start), each

    @staticmethod
    def _exponents(start, sought, theta):
        return {**start, **{n: float(np.exp(t)) for group, t in zip(sought, theta, strict=True) for n in group}}

    def _slope(self, weights, sought):
        """Log evidence and its gradient by the log w of the groups sought."""
        found = self.whitened.at(weights)
        precision = found.precision_diagonal()
        each = {n: 0.5 * float(np.sum(precision[r]) - np.sum(found.pull[r] ** 2)) / weights[n]
                for n, r in self.whitened.rows.items()}
        return found.log_evidence(), np.array([sum(each[n] for n in group) for group in sought])

    def _top(self, start, sought, highest):
        """(log w, its standard error, whether within bounds) at the highest top, each (groups sought,)."""
        def slope(theta):
            return self._slope(self._exponents(start, sought, theta), sought)

        def negative(theta):
            value, gradient = slope(theta)
            return -value, -gradient

        # each survey may be the one at fault: a search from there too
        blamed = np.log(BLAMED) * np.eye(len(sought)) if len(sought) > 1 else ()
        tops = []
        for first in (np.zeros(len(sought)), *blamed):
            for options in ROUGH, CLOSE:
                top = minimize(negative, first, jac=True, method="L-BFGS-B", bounds=[(LOWEST, highest)] * first.size,
                               options=options)
                first = top.x
                if any(np.abs(first - known.x).max() < NEAR for known in tops):
                    break
            else:
                tops.append(top)
        best = min(top.fun for top in tops)
        found = next(top for top in tops if top.fun - best < TIED)
        behind = [top.fun - best for top in tops if top.fun - best > SAME]
        self.note = f"; another top of the evidence is {min(behind):.1f} nats lower" if behind else ""
        bend = np.array([(slope(found.x + s)[1] - slope(found.x - s)[1]) / (2 * STEP)
                         for s in STEP * np.eye(len(sought))])
        inside = (found.x > LOWEST + EDGE) & (found.x < highest - EDGE)
        return found.x, np.sqrt(np.diag(covariance_of(-0.5 * (bend + bend.T), inside))), inside

    def curve(self, weights, group, values):
        """Log evidence over the exponent of a group of surveys, the others held."""
        return np.array([self.whitened.at(self._with(weights, group, v)).log_evidence() for v in values])


class Discrepancy(Criterion):
    """Morozov's principle: the largest exponent up to 1 at which w χ² of the posterior mean is no more than the data.

    It counts no degrees of freedom that the model uses up, and so tempers less than the evidence, and never sharpens.
    """

    name, objective = "discrepancy", "chi2_ratio"

    def __init__(self, whitened, groups, seed=0, most=1.0):
        super().__init__(whitened, groups, seed, min(most, 1.0))

    def _ratio(self, found, weights, group):
        """W χ² / n of a group at the posterior mean."""
        fit = sum(float(np.sum(found.pull[self.whitened.rows[n]] ** 2)) / weights[n] for n in group)
        return fit / self._count(group)

    def _count(self, group):
        return sum(self.whitened.rows[n].stop - self.whitened.rows[n].start for n in group)

    def weights(self, start):
        """({survey: w}, {survey: standard error of log w}): w_k = min(1, n_k / χ²_k), all at once until none moves.

        One after the other, the survey that comes first would take all the blame.
        """
        weights = {**start, **{n: self._most for group in self.groups for n in group}}
        for _ in range(SWEEPS):
            found, before = self.whitened.at(weights), dict(weights)
            for group in self.groups:
                ratio = self._ratio(found, before, group)
                weights |= {n: float(np.clip(before[n] / ratio, np.exp(LOWEST), self._most)) for n in group}
            if max(abs(np.log(weights[n] / before[n])) for n in weights) < SETTLED:
                break
        return weights, {n: np.sqrt(2 / self._count(group)) for group in self.groups for n in group}

    def curve(self, weights, group, values):
        """W χ² / n over the exponent of a group of surveys, the others held; 1 is wanted."""
        tried = [self._with(weights, group, v) for v in values]
        return np.array([self._ratio(self.whitened.at(each), each, group) for each in tried])


class Information(Criterion):
    """Fisher information matched to the score's own variance (Lyddon, Holmes & Walker 2019, Biometrika 106, 465).

    w = tr(J I⁻¹ J) / tr J, J the information that the likelihood claims and I = Σ u_i u_iᵀ v_i the variance of its
    score by its own residuals, v_i = (P y)_i² / (P_ii w_i), leave-one-out. A field has more unknowns than data, so both
    are taken in the directions that a survey informs most (flat values and signal above noise, at most a tenth of its
    data), orthonormal in whitened data, where J = 1 and w is the mean of 1 / I's eigenvalues. Divided by its median
    over simulated data sets without conflict, which inverting a noisy I would otherwise put above 1.
    """

    name, objective = "information", "mismatch"

    def _found(self, start):
        # residuals of the problem as it stands, so that a conflict between its surveys is among them
        precision = self.whitened.at(start).precision()
        rng = np.random.default_rng(self._seed)
        root = np.linalg.cholesky(precision + 1e-12 * np.trace(precision) / len(precision) * np.eye(len(precision)))
        pulls = root @ rng.standard_normal((len(precision), SIMULATED))
        for group in self.groups:
            directions = self._directions(group)
            if not directions.shape[1]:
                fail("criterion", "find directions in which a survey informs the model", f"none for {', '.join(group)}",
                     'Use criterion="evidence".')
            rows = self.whitened.index(group)
            scale = np.diag(precision)[rows] * np.concatenate(
                [np.full(self.whitened.rows[n].stop - self.whitened.rows[n].start, start[n]) for n in group])
            seen = _matched(directions, (precision @ self.whitened.residual)[rows, None] ** 2 / scale[:, None])[0]
            null = _matched(directions, pulls[rows] ** 2 / scale[:, None])
            # without conflict the answer is the exponent that the problem states
            stated = float(np.exp(np.mean([np.log(start[n]) for n in group])))
            matched = float(stated * seen / np.median(null))
            yield group, matched, min(matched, self._most), float(np.std(np.log(null), ddof=1))

    def suits(self, group):
        """Whether the group informs the model anywhere."""
        return self._directions(group).shape[1] > 0

    def _directions(self, group):
        """Orthonormal columns over the data of a group, most informed first."""
        rows = self.whitened.index(group)
        flat, signal = self.whitened.columns[rows], self.whitened.signal[np.ix_(rows, rows)]
        values, vectors = np.linalg.eigh(signal)
        informed = vectors[:, ::-1][:, : int(np.sum(values > 1.0))]
        columns = np.hstack([flat, informed])
        basis, upper = np.linalg.qr(columns)
        good = np.abs(np.diag(upper)) > 1e-10 * np.abs(np.diag(upper)).max(initial=0.0)
        return basis[:, good][:, : max(1, int(SHARE * rows.size))]

    def curve(self, weights, group, values):
        """|log (w / matched w)| over the exponent: 0 is wanted."""
        return np.abs(np.log(values) - np.log(weights[group[0]]))


def _matched(directions, squares):
    """Mean of the eigenvalues of (Uᵀ diag(v) U)⁻¹ for each column of v."""
    blocks = np.einsum("ir,ik,is->krs", directions, squares, directions, optimize=True)
    return np.array([np.mean(1 / np.maximum(np.linalg.eigvalsh(b), 1e-300)) for b in blocks])


class Prediction(Criterion):
    """How well a survey, its exponent lowered, predicts the others: expected log predictive density of their data.

    Σ_i log p(d_i | survey) over the data of all other surveys (Vehtari, Gelman & Gabry 2017, Stat. Comput. 27, 1413),
    pointwise in whitened data. It asks of a survey what it is worth to the rest, not whether its noise is right.
    """

    name, objective = "prediction", "log_density"

    def suits(self, group):
        """Whether there is another survey to predict, and this one holds every flat value."""
        flat = np.concatenate([self.whitened.columns[self.whitened.rows[n]] for n in group])
        alone = len(group) == len(self.whitened.rows)
        return not alone and (not flat.shape[1] or np.linalg.matrix_rank(flat) == flat.shape[1])

    def _found(self, start):
        for group in self.groups:
            if not self.suits(group):
                fail("criterion", "leave a survey to be predicted, from one that holds every flat value",
                     f"'prediction' from {', '.join(group)}", 'Use criterion="evidence", or give flat values priors.')
            others = OtherSurveys(self.whitened, group, start)
            w, error = others.best(LOWEST, HIGHEST)
            yield group, w, w if w <= self._most else others.best(LOWEST, np.log(self._most))[0], error

    def curve(self, weights, group, values):
        """Σ log p over the exponent."""
        others = OtherSurveys(self.whitened, group, weights)
        return np.array([others.density(np.log(v)).sum() for v in values])


CRITERIA = {c.name: c for c in (Evidence, Prediction, Information, Discrepancy)}
