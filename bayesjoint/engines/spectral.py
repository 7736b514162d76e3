"""The posterior of a stationary problem by wavenumber, with edges by strips and an error measured by exact solves."""

import numpy as np

from .._checks import fail
from .._places import unit_columns
from ..dataset import Approximation
from ..gaussian import IterativeSystem, WaveSystem, channel_noise, linear_gaussian, only_group
from ._data_space import UNCHECKED, DataSpacePosterior, torus_statements
from ._spectral_field import SpectralField

INSIDE = 8  # columns from the edge of the survey from which a cell counts as well inside
POWERS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)  # of the sum of two edges' losses: from adding up to the larger alone
CORNERS = 3  # first of the zones where two edges meet
MEAN_TOLERANCE = 1e-10
COLUMNS = 16  # cells solved for at once: at survey size each is a vector of all unknowns
DOUBT_FLOOR = 1e-4  # of the standard deviation: nowhere is less in doubt
ZONES = ("well inside the survey", "along its edges", "beyond an edge", "at its corners", "beyond its corners")


class SpectralPosterior(DataSpacePosterior):
    """Posterior of fields that go on beyond the mesh (`Matern(extent="continued")`), wavenumber by wavenumber.

    Where the data went on without end the posterior would fall apart into one small problem for each horizontal
    wavenumber, Γ − Γh*(hΓh* + σ²)⁻¹hΓ: the standard deviation of every layer well inside the survey. Edges are taken
    from two strips, each finite along one axis and endless along the other; how their losses go together is fitted to
    exact solves at a quarter of the cells that are checked, and the others tell how wrong the standard deviations are.
    The mean is exact: one solve with the data's covariance. Use ``posterior(problem, method="spectral")``.

    Parameters
    ----------
    problem : JointProblem
        Continued Matérn fields of one correlation seen by lattice operators at one height each, with gaps if need be,
        independent noise.
    checks : int, default 64
        Cells solved exactly, at least 16 for each parameter, in equal parts well inside the survey (8 columns from any
        edge), along its edges, beyond one, and at its corners.
    tolerance : float, default 1e-5
        Relative residual of the solves with the data's covariance, other than that for the mean (1e-10).
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

    def __init__(self, problem, checks=64, tolerance=1e-5, seed=0):
        super().__init__(problem)
        model = linear_gaussian(problem, purpose=self.method)
        self._group = only_group(model)
        self._names = [next(n for n, where in problem.slices.items() if where == place)
                       for place in self._group.places]
        if checks < 16 * len(self._names):
            fail("checks", f"be at least {16 * len(self._names)}, 16 for each field", repr(checks), "Raise it.")
        self.system, self._tolerance = IterativeSystem(model, tolerance, rank=0), tolerance
        solved, left = self.system.solve(self.system.residual[:, None], MEAN_TOLERANCE)
        self._center = model.prior_mean + self.gain(solved)[:, 0]
        self.data_weights, self.data_left = solved[:, 0], left[:, 0]
        self._off = float(np.linalg.norm(self.data_left))
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
        return np.where(corner, 3 + outside, np.where(outside, 2, np.where(edge, 1, 0)))

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
        used = np.arange(cells.size) % 4 == 0  # to fit with; the others tell the error
        self.powers = [self._fit(cells[used & (owners == p)], exact[used & (owners == p)])
                       for p in range(len(self._group.places))]
        self._left = self._field.weights(self.powers)  # share of the reduction that edges leave at every cell
        stated = np.sqrt(self.state_variance()[cells])
        scale = self._doubt()
        off = np.where(used, np.nan, (stated - exact) / scale[cells])
        self._factors = np.zeros((len(self._group.places), len(ZONES)))
        for p in range(len(self._group.places)):
            for corner in (False, True):
                mine = (owners == p) & ((kinds >= CORNERS) == corner)
                if mine.any():
                    self._factors[p, CORNERS * corner :] = np.sqrt(np.nanmean(off[mine] ** 2))
        self.checked = {"cell": cells, "zone": kinds, "parameter": owners, "std": exact, "stated": stated, "fit": used}

    def _exact_std(self, cells):
        seen = self.gain_adjoint(unit_columns(self.problem.size, cells))
        taken = np.einsum("ij,ij->j", seen, self._solve(seen))
        return np.sqrt(self._model.prior_variance()[cells] - taken)

    def _fit(self, cells, exact):
        """The power that comes nearest to exact standard deviations of a parameter's cells."""
        tried = []
        for power in POWERS:
            self._left = self._field.weights([power] * len(self._group.places))
            tried.append((np.sum((np.sqrt(self.state_variance()[cells]) / exact - 1) ** 2), power))
        return min(tried)[1]

    def _doubt(self):
        """Change of the standard deviation if its weight changes by what is in doubt, shape (size,), and a little."""
        out, std = np.zeros(self.problem.size), np.sqrt(self.state_variance())
        doubt = self._field.doubt()
        for p, (place, prior) in enumerate(zip(self._group.places, self._group.stds, strict=True)):
            change = (prior**2 * self.reduction[p])[:, None, None] * doubt[p]
            out[place] = 0.5 * change.ravel() / std[place] + DOUBT_FLOOR * std[place]
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
                f"endless strips, and gaps as filled.{noise} Root mean square error of the standard deviation, "
                f"measured by exact solves at {int(test.sum())} random cells: {', '.join(rows)}. The error stored "
                "for a cell is what hangs on how two edges add up there, times a factor from those cells.",
            ),
            Approximation(
                name="draws by wavenumber", status="not validated",
                statement="Draws have the stated standard deviations; their correlations are those of a survey "
                "without edges, mixed with the prior's where the survey ends. For exact draws use "
                'method="iterative".',
            ),
            Approximation(
                name="posterior mean", status="bounded", error=float(self._off),
                statement="Exact for the stated prior but for one solve with the covariance of the data, whose "
                "residual bounds the error by this share of the prior standard deviation; the same solves, to a "
                f"relative residual of {self._tolerance:g}, give covariance products and resolution." + UNCHECKED,
            ),
            *torus_statements(self._model),
        ]

    # -- moments -------------------------------------------------------------------------------------------------------
    def state_mean(self):
        """Posterior mean of x, (size,)."""
        return self._center.copy()

    def state_variance(self):
        """Posterior variance of x, (size,)."""
        out = np.zeros(self.problem.size)
        for p, (place, std) in enumerate(zip(self._group.places, self._group.stds, strict=True)):
            left = 1.0 - self.reduction[p][:, None, None] * self._left[p]
            out[place] = (std[:, None, None] ** 2 * left).ravel()
        return out

    def state_mean_error(self):
        """Error of the mean of x, (size,)."""
        # |g·K⁻¹r| <= ‖r‖ √(g·K⁻¹g) as K >= I, and g·K⁻¹g is at most the prior variance
        return self._off * np.sqrt(self._model.prior_variance())

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
