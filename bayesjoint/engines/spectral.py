"""The posterior of a stationary problem by wavenumber, with edges by strips and an error measured by exact solves."""

import numpy as np
from scipy import stats
from scipy.ndimage import binary_dilation

from .._checks import fail
from .._places import unit_columns
from ..dataset import Approximation
from ..gaussian import IterativeSystem, WaveSystem, channel_noise, linear_gaussian, only_group
from ._data_space import UNCHECKED, DataSpacePosterior, torus_statements
from ._spectral_field import SpectralField
from ._spectral_gaps import missing_stations

INSIDE = 8  # columns from the edge of the survey from which a cell counts as well inside
POWERS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 20.0)  # of the sum of losses: from adding up to the largest alone
CORNERS, IN_GAPS = 3, 5  # first of the zones where two edges meet, and of those that gaps make
NEAR = 4  # columns about a gap that are near it
CHECKS, SMALL = 128, 5000  # cells checked for each field by default, twice as many below so many data
TRIED = 8  # one in so many of the checked cells is for the power, the others tell the error
TAIL = 0.975  # quantile of Student's t by which few checks widen the error
MEAN_TOLERANCE = 1e-8
COLUMNS = 16  # cells solved for at once: at survey size each is a vector of all unknowns
CHECK_TOLERANCE = 1e-4  # of the solves at them: a quadratic form is off by the square of it
LOSS_DOUBT, LEAST_DOUBT = 0.1, 1e-3  # of the odds of what is lost, and of what is left, in doubt everywhere
ZONES = ("well inside the survey", "along its edges", "beyond an edge", "at its corners", "beyond its corners",
         "in gaps", "near gaps")


class SpectralPosterior(DataSpacePosterior):
    """Posterior of fields that go on beyond the mesh (`Matern(extent="continued")`), wavenumber by wavenumber.

    Where the data went on without end the posterior would fall apart into one small problem for each horizontal
    wavenumber, Γ − Γh*(hΓh* + σ²)⁻¹hΓ: the standard deviation of every layer well inside the survey. Edges are taken
    from two strips, each finite along one axis and endless along the other; gaps, and what lies near beyond the survey,
    from endless data less the nearest stations that are missing. How these losses go together is fitted to exact solves
    at an eighth of the cells that are checked, and the others tell how wrong the standard deviations are. The mean is
    exact: one solve with the data's covariance. Use ``posterior(problem, method="spectral")``.

    Parameters
    ----------
    problem : JointProblem
        Continued Matérn fields of one correlation seen by lattice operators at one height each, with gaps if need be,
        independent noise.
    checks : int, optional
        Cells solved exactly, at least 16 for each parameter, in equal parts well inside the survey (8 columns from any
        edge), along its edges, beyond one, at its corners, in gaps, and within 4 columns of a gap. Default: 128 for
        each parameter, 256 below 5,000 data. Few do not see errors that are rare.
    tolerance : float, default 1e-5
        Relative residual of the solves with the data's covariance, other than those for the mean (1e-8) and at the
        cells that are checked (1e-4).
    seed : int, default 0
        Which cells are checked.

    Attributes
    ----------
    checked : dict of ndarray
        ``cell`` (index into the state vector), ``zone``, ``std`` (exact) and ``stated`` (by wavenumber), in m̂.
    reduction : ndarray, shape (P, nz)
        Share of the prior variance that endless data would take away, by parameter and layer.

    Raises
    ------
    ValueError
        If the problem is no such one.
    """

    method = "spectral"

    def __init__(self, problem, checks=None, tolerance=1e-5, seed=0):
        super().__init__(problem)
        model = linear_gaussian(problem, purpose=self.method)
        self._group = only_group(model)
        self._names = [next(n for n, where in problem.slices.items() if where == place)
                       for place in self._group.places]
        if checks is None:
            checks = CHECKS * len(self._names) * (2 if problem.data_size < SMALL else 1)
        if checks < 16 * len(self._names):
            fail("checks", f"be at least {16 * len(self._names)}, 16 for each field", repr(checks), "Raise it.")
        self.system, self._tolerance = IterativeSystem(model, tolerance, rank=0), tolerance
        self._take(*self.system.solve(self.system.residual[:, None], MEAN_TOLERANCE))
        self._field = SpectralField(WaveSystem(self._group, channel_noise(problem, self._group)))
        self.reduction = self._field.reduction
        self._measure(checks, np.random.default_rng(seed))
        self.approximations = self._statements()

    # -- error ---------------------------------------------------------------------------------------------------------
    def _zones(self):
        """Index into `ZONES` of every column, shape (ny, nx)."""
        near, beyond = [], []
        for axis, size in enumerate(self._group.mesh.shape[1:]):
            first = max(s.window[axis][0] for s in self._group.surveys)
            last = min(sum(s.window[axis]) for s in self._group.surveys) - 1
            depth = np.minimum(np.arange(size) - first, last - np.arange(size))
            near.append(depth < INSIDE)
            beyond.append(depth < 0)
        corner, edge = near[0][:, None] & near[1], near[0][:, None] | near[1]
        outside = beyond[0][:, None] | beyond[1]
        zones = np.where(corner, CORNERS + outside, np.where(outside, 2, np.where(edge, 1, 0)))
        gap = np.zeros(zones.shape, dtype=bool)
        for row, column in np.concatenate(missing_stations(self._group)):
            if 0 <= row < gap.shape[0] and 0 <= column < gap.shape[1]:
                gap[row, column] = True
        near = binary_dilation(gap, np.ones((2 * NEAR + 1,) * 2)) & ~outside
        return np.where(gap & ~outside, IN_GAPS, np.where(near, IN_GAPS + 1, zones))

    def _measure(self, checks, rng):
        """Exact standard deviations at random cells, and the root mean square of what was wrong by zone."""
        zones = np.broadcast_to(self._zones(), self._group.mesh.shape).ravel()
        cells, kinds, owners = [], [], []
        present = [z for z in range(len(ZONES)) if np.any(zones == z)]
        for p, place in enumerate(self._group.places):
            for zone in present:
                found = np.flatnonzero(zones == zone)
                count = min(found.size, checks // (len(present) * len(self._group.places)))
                cells.append(place.start + rng.choice(found, count, replace=False))
                kinds.append(np.full(count, zone))
                owners.append(np.full(count, p))
        cells, kinds, owners = (np.concatenate(part) for part in (cells, kinds, owners))
        exact = np.concatenate([self._exact_std(cells[k : k + COLUMNS]) for k in range(0, cells.size, COLUMNS)])
        used = np.arange(cells.size) % TRIED == 0  # to fit with; the others tell the error
        self.powers = [self._fit(cells[used & (owners == p)], exact[used & (owners == p)])
                       for p in range(len(self._group.places))]
        self._left = self._field.weights(self.powers)  # share of the reduction that edges and gaps leave at every cell
        stated = np.sqrt(self.state_variance()[cells])
        off = np.abs(stated - exact) / self._doubt()[cells]
        self._factors = np.zeros((len(self._group.places), len(ZONES)))
        for p, zone in np.ndindex(self._factors.shape):
            mine = (owners == p) & (kinds == zone)
            if mine.any():
                self._factors[p, zone] = _error(off[mine & ~used] if (mine & ~used).any() else off[mine])
        self.checked = {"cell": cells, "zone": kinds, "parameter": owners, "std": exact, "stated": stated, "fit": used}

    def _exact_std(self, cells):
        seen = self.gain_adjoint(unit_columns(self.problem.size, cells))
        taken = np.einsum("ij,ij->j", seen, self.system.solve(seen, CHECK_TOLERANCE)[0])
        return np.sqrt(self._model.prior_variance()[cells] - taken)

    def _fit(self, cells, exact):
        """The power that comes nearest to exact standard deviations of a parameter's cells."""
        tried = []
        for power in POWERS:
            self._left = self._field.weights([power] * len(self._group.places))
            tried.append((np.sum((np.sqrt(self.state_variance()[cells]) / exact - 1) ** 2), power))
        return min(tried)[1]

    def _doubt(self):
        """Change of the standard deviation by what is in doubt about its weight, shape (size,)."""
        out, std = np.zeros(self.problem.size), np.sqrt(self.state_variance())
        doubt = self._field.doubt() + LOSS_DOUBT * self._left * (1.0 - self._left)
        for p, (place, prior) in enumerate(zip(self._group.places, self._group.stds, strict=True)):
            share = np.broadcast_to(self.reduction[p][:, None, None], doubt[p].shape)
            change = (prior**2)[:, None, None] * share * doubt[p]
            out[place] = 0.5 * change.ravel() / std[place] + LEAST_DOUBT * share.ravel() * std[place]
        return out

    def _statements(self):
        off = self.checked["stated"] / self.checked["std"] - 1
        test, worst = ~self.checked["fit"], 0.0
        rows = []
        for zone, name in enumerate(ZONES):
            mine = test & (self.checked["zone"] == zone)
            if mine.any():
                size = float(np.sqrt(np.mean(off[mine] ** 2)))
                worst = max(worst, size)
                rows.append(f"{size:.1%} {name}")
        equal = all(np.ptp(m.noise.std) <= 1e-12 * m.noise.std.max() for m in self.problem.modalities)
        noise = "" if equal else " Unequal noise enters by the harmonic mean of its variances."
        return [
            Approximation(
                name="standard deviation by wavenumber", status="measured", error=worst,
                statement="Approximate: wavenumbers are treated as independent, edges of the survey as those of two "
                f"endless strips that go together with gaps by a fitted power.{noise} Root mean square error of the "
                f"standard deviation, measured by exact solves at {int(test.sum())} random cells: {', '.join(rows)}. "
                "The error stored for a cell is what hangs on how edges and gaps add up there, times a factor from the "
                "cells of its zone, wider where they are few.",
            ),
            Approximation(
                name="draws by wavenumber", status="not validated",
                statement="Draws have the stated standard deviations; their correlations are those of a survey "
                "without edges, mixed with the prior's where the survey ends. For exact draws use "
                'method="iterative".',
            ),
            Approximation(
                name="posterior mean", status="bounded", error=self._off,
                statement="Exact for the stated prior but for one solve with the covariance of the data, whose "
                "residual bounds the error by this share of the prior standard deviation; the same solves, to a "
                f"relative residual of {self._tolerance:g}, give covariance products and resolution." + UNCHECKED,
            ),
            *torus_statements(self._model),
        ]

    # -- moments -------------------------------------------------------------------------------------------------------
    def state_variance(self):
        """Posterior variance of x, (size,)."""
        out = np.zeros(self.problem.size)
        for p, (place, std) in enumerate(zip(self._group.places, self._group.stds, strict=True)):
            left = 1.0 - self.reduction[p][:, None, None] * self._left[p]
            out[place] = (std[:, None, None] ** 2 * left).ravel()
        return out

    def state_std_error(self):
        """Error of the std of x, (size,)."""
        out = self._doubt()
        zones = np.broadcast_to(self._zones(), self._group.mesh.shape).ravel()
        for factors, place in zip(self._factors, self._group.places, strict=True):
            out[place] *= factors[zones]
        return out

    def joint_draws(self, rng, count):
        """Draws of x, √w (a draw of endless data's posterior) + √(1 − w) (one of the prior): variance Γ − w D.

        Their clean data are those of the first alone: a survey sees what it informs.
        """
        out = np.tile(self.state_mean(), (count, 1))
        clean = np.tile(self.predicted_data(), (count, 1))
        (informed, data), prior = self._field.draw(rng, count), self._model.draw(rng, count)[0]
        for p, place in enumerate(self._group.places):
            share = self._left[p].reshape(-1)
            out[:, place] += np.sqrt(share) * informed[p] + np.sqrt(1 - share) * prior[:, place]
        for survey, lattice in zip(self._group.surveys, data, strict=True):
            clean[:, survey.rows] += survey.to_data(lattice.T).T
        return out, clean

    def extra_groups(self):
        """Groups of the dataset that this engine adds."""
        return self._field.summary([m.name for m in self.problem.modalities], self._names)


def _error(off):
    """Error that errors found at some cells tell of others: wider for few, and half of the largest at least."""
    spread = np.sqrt(np.mean(off**2)) * stats.t.ppf(TAIL, off.size) / stats.norm.ppf(TAIL)
    return max(float(spread), 0.5 * float(off.max()))
