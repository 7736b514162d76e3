"""Re-weighted regularised conjugate gradients: block steps on a data misfit, priors and couplings between bounds."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import aslinearoperator

from .._checks import as_count, as_positive, fail, one_of
from ..forward import run_side_by_side
from ._rrcg_kernels import advance, conjugate, renew
from ._terms import NoCoupling, PriorView, dot, independent_groups, summed

SIDE_BY_SIDE_FROM = 80_000  # unknowns: below, threads wait longer for the interpreter than they save


@dataclass(frozen=True, kw_only=True)
class RRCGSettings:
    """How the iteration goes.

    Parameters
    ----------
    alpha_decay : float, default 0.95
        q: a block's weight is multiplied by it after every iteration until its data meet their target. The paper's.
    max_iterations : int, default 150
        K_max, the paper's.
    conjugacy : {"polak-ribiere", "fletcher-reeves"}, default "polak-ribiere"
        Conjugacy factor. Polak–Ribière, cut off at zero, forgets old directions by itself when weights or bounds
        change the problem under them; Fletcher–Reeves is the paper's.
    hold_bounds : bool, default True
        Leave cells that stand at a bound, and would be pushed beyond it, out of the direction. Steps are then as long
        as the rest of the model allows: 20 iterations on two cubes instead of 45, or 75 by Fletcher–Reeves. False is
        the paper's: project afterwards.
    stop_at_target : bool, default True
        Stop as soon as all data meet their targets; False goes on to `max_iterations`.
    """

    alpha_decay: float = 0.95
    max_iterations: int = 150
    conjugacy: str = "polak-ribiere"
    hold_bounds: bool = True
    stop_at_target: bool = True

    def __post_init__(self):
        """Refuse bad settings at once."""
        if as_positive("alpha_decay", self.alpha_decay, 0) > 1:
            fail("alpha_decay", "be <= 1", repr(self.alpha_decay), "1 keeps α where it is.")
        as_count("max_iterations", self.max_iterations, 0, "150 is the paper's.")
        one_of("conjugacy", self.conjugacy, ("polak-ribiere", "fletcher-reeves"))


@dataclass(frozen=True, kw_only=True)
class RRCGResult:
    """Where `rrcg` stopped.

    Attributes
    ----------
    x : ndarray, shape (n,)
        Last iterate.
    alpha : dict of {str: float}
        Weights of the blocks that have one, as used in the last iteration.
    chi2 : dict of {str: float}
        By data set.
    target_met : bool
        Whether every χ² is at or below its target.
    iterations : int
        Iterations done.
    projected_gradient : float
        Norm of the projected gradient of Φ at x over that at the start, each at its own weights. With multipliers
        there is no Φ; it is then the same ratio of ∇Φ + W multipliers, whose zeros are fixed points of the iteration.
    history : dict of ndarray, shape (iterations + 1,)
        State at x_0, x_1, …: ``misfit_*``, ``prior_*``, coupling values, ``chi2_*``, ``alpha_*``,
        ``projected_gradient`` (norm, at the weights of that state), and of the step that led there ``step_*`` and
        ``change_*`` (‖Δm‖ / ‖m‖); NaN at x_0.
    """

    x: np.ndarray
    alpha: dict
    chi2: dict
    target_met: bool
    iterations: int
    projected_gradient: float
    history: dict


def rrcg(start, misfits, blocks, *, coupling=None, lower=-np.inf, upper=np.inf, free=None, settings=None,
         callback=None):
    """Regularised re-weighted conjugate gradients with one step length and one conjugacy factor for each block.

    With W the diagonal scaling at the current iterate and l = W⁻¹ ∇Φ plus a coupling's multipliers, every block moves
    by −k W⁻¹ l̃, l̃ = l + β l̃_old, k = (slope along l̃) / (curvature along l̃), exact for data and majorised prior; then it
    is put between its bounds. One step for all blocks would stand still for those with small gradients. Blocks are
    taken in order, each seeing the residuals its predecessors left, which matters only where data see several.

    An iteration costs one product with A and one with Aᵀ for each data set, and one more with A where bounds cut the
    step, as the residual is then no longer linear in it. From 80,000 unknowns on, blocks that no data set ties together
    do their products at the same time and share the threads; operators of different data sets must bear that.

    Parameters
    ----------
    start : ndarray, shape (n,)
        x_0, inside the bounds.
    misfits : list of Misfit
        Data sets.
    blocks : list of Block
        They cover x.
    coupling : object, optional
        With the methods of `NoCoupling`.
    lower, upper : float or ndarray, shape (n,), default ∓inf
        Bounds.
    free : ndarray of bool, shape (n,), optional
        False where x must keep its starting value.
    settings : RRCGSettings, optional
        Default: `RRCGSettings()`.
    callback : callable, optional
        Called with (iteration, {name: χ²}) after every iteration.

    Returns
    -------
    RRCGResult

    Notes
    -----
    After Vatankhah et al. (2022, arXiv 2112.15562), Algorithm 1, and Zhdanov (2002), *Geophysical Inverse Theory and
    Regularization Problems*, ch. 5. It stops when the data fit, which is not where Φ is smallest.

    Examples
    --------
    >>> from bayesjoint.solvers._terms import Block, Misfit
    >>> a = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> data = Misfit(name="d", operator=a, data=np.array([1.0, 2.0]), blocks=("m",), target=1e-8)
    >>> rrcg(np.zeros(2), [data], [Block(name="m", where=slice(0, 2))]).x.round(4)
    array([1., 1.])
    """
    run = _RRCGRun(start, misfits, blocks, coupling or NoCoupling(), (lower, upper, free), settings or RRCGSettings())
    while not run.done():
        run.iterate()
        if callback is not None:
            callback(run.iteration, run.chi2())
    return run.result()


def _cut(array, part):
    """A stretch of an array; None and numbers stand for all of it."""
    return array[part] if isinstance(array, np.ndarray) else array


class _RRCGRun:
    """State of one run."""

    def __init__(self, start, misfits, blocks, coupling, box, settings):
        self.x = np.array(start, dtype=float)
        self.misfits, self.blocks, self.coupling, self.settings = misfits, blocks, coupling, settings
        self.operators = [aslinearoperator(m.operator) for m in misfits]
        self.bounds = {b.name: tuple(_side(side, b.where) for side in box[:2]) for b in blocks}
        free = np.ones(self.x.size, dtype=bool) if box[2] is None else box[2]
        self.free = {b.name: None if free[b.where].all() else free[b.where] for b in blocks}
        self.factor = dict.fromkeys((b.name for b in blocks), 1.0)
        self.residuals = [self._residual(k) for k in range(len(misfits))]
        self.groups = independent_groups(blocks, misfits)
        self._squares = {}
        # slope and direction of the last iteration, in the weighted space
        self.memory = {b.name: np.zeros((2, self.x[b.where].size)) for b in blocks}
        self.seen_by = {b.name: [k for k, m in enumerate(misfits) if b.name in m.blocks] for b in blocks}
        self.move, self.buffer, self.inverse = (np.zeros(self.x.size) for _ in range(3))
        self.iteration, self.rows = 0, []
        self._look()
        self.record({}, {})

    def chi2(self):
        """By data set; a residual is never changed in place, so its square is taken once."""
        for k, r in enumerate(self.residuals):
            if self._squares.get(k, (None,))[0] is not r:
                self._squares[k] = r, dot(r, r)
        return {m.name: self._squares[k][1] for k, m in enumerate(self.misfits)}

    def met(self, block=None):
        chi2 = self.chi2()
        return all(chi2[m.name] <= m.target for m in self.misfits if block is None or block.name in m.blocks)

    def done(self):
        fitted = self.settings.stop_at_target and self.met()
        return fitted or self.iteration >= self.settings.max_iterations

    def iterate(self):
        """One step of every block, then the decay of the weights whose data are not fitted yet."""
        steps, changes, self.before = {}, {}, list(self.residuals)
        plans = self._in_groups(lambda blocks, _: {b.name: (*self._direct(b), self._images(b)) for b in blocks})
        plans = {name: plan for group in plans for name, plan in group.items()}
        self.rows[-1]["projected_gradient"] = sum(plan[2] for plan in plans.values()) ** 0.5
        for block in self.blocks:
            descent, square, _, images = plans[block.name]
            steps[block.name], changes[block.name] = self._move(block, descent, square, images)
        self._look()
        for block in self.blocks:
            if block.alpha is not None and not self.met(block):
                lowest = block.floor / block.alpha
                self.factor[block.name] = max(self.factor[block.name] * self.settings.alpha_decay, lowest)
        self.iteration += 1
        self.record(steps, changes)

    def _look(self):
        """Everything at x that does not depend on the blocks' weights; zero where x is not free."""
        self.values, self.smooth, self.multipliers = self.coupling.look(self.x)
        if self.smooth is None:
            self.smooth = self.buffer
            self.smooth[:] = 0.0
        self.priors = {name: view for group in self._in_groups(self._look_along) for name, view in group.items()}

    def _look_along(self, blocks, data):
        """One group's part of the look; the residuals are brought up to date where a bound acted."""
        for k in data:
            if self.residuals[k] is None:
                self.residuals[k] = self._residual(k)
            add = getattr(self.operators[k], "add_adjoint", None)
            if add is not None:
                add(self.residuals[k], self.smooth)
            else:
                adjoint = self.operators[k].rmatvec(self.residuals[k])
                for b in (b for b in blocks if b.name in self.misfits[k].blocks):  # no other group's part
                    self.smooth[b.where] += adjoint[b.where]
        return {b.name: PriorView(b, self.x[b.where], self.inverse[b.where]) for b in blocks}

    def _in_groups(self, task):
        tasks = [lambda group=group: task(*group) for group in self.groups]
        return run_side_by_side(tasks) if self.x.size >= SIDE_BY_SIDE_FROM else [task() for task in tasks]

    def _renew(self, block):
        """Put the slope at the present weights into the memory; see `renew` for what it returns."""
        where, prior, hold = block.where, self.priors[block.name], self.settings.hold_bounds
        arrays = (self.smooth[where], prior.pull, self.factor[block.name] * prior.alpha, prior.vertex, prior.inverse,
                  None if self.multipliers is None else self.multipliers[where], self.x[where],
                  *self.bounds[block.name], self.free[block.name], hold, self.memory[block.name][0])
        return summed(lambda part: renew(*(_cut(a, part) for a in arrays)), prior.inverse.size)

    def _direct(self, block):
        """Renew slope and direction; returns (descent along it, its square, part of the squared projected field)."""
        where, hold = block.where, self.settings.hold_bounds
        slope, direction = self.memory[block.name]
        square, cross, last, projected = self._renew(block)
        factor = 0.0 if last == 0 else (
            square / last if self.settings.conjugacy == "fletcher-reeves" else max(0.0, (square - cross) / last))
        rest = (self.priors[block.name].inverse, self.x[where], *self.bounds[block.name], hold, direction,
                self.move[where])

        def turn(factor):
            return summed(lambda part: conjugate(slope[part], factor, *(_cut(a, part) for a in rest)), slope.size)

        descent, length = turn(factor)
        if descent <= 0:  # no descent that way: start anew from the slope
            descent, length = turn(0.0)
        return descent, length, projected

    def _images(self, block):
        """[(k, A_k times the block's move alone)] of the data sets that see it."""
        out = []
        for k in self.seen_by[block.name]:
            move = self.move  # other columns of A_k are zero
            if self.misfits[k].blocks != (block.name,):
                move = np.zeros(self.x.size)
                move[block.where] = self.move[block.where]
            out.append((k, self.operators[k].matvec(move)))
        return out

    def _move(self, block, descent, square, images):
        """Step one block along its direction; returns (step length, relative change)."""
        where = block.where
        if descent == 0:
            return 0.0, 0.0
        x, move = self.x[where], self.move[where]
        for k, image in images:  # earlier blocks may have moved the residuals of data that see several
            if self.residuals[k] is None:
                self.residuals[k] = self._residual(k)
            if self.residuals[k] is not self.before[k]:
                descent += dot(image, self.residuals[k] - self.before[k])
        length = descent / self._curvature(block, move, square, images)
        low, high = self.bounds[block.name]
        cut, norm, change = summed(
            lambda part: advance(x[part], move[part], length, _cut(low, part), _cut(high, part)), x.size)
        for k, image in images:  # by linearity where no bound acted
            self.residuals[k] = None if cut else self.residuals[k] - length * image
        return length, np.sqrt(change / norm) if norm > 0 else 0.0

    def _curvature(self, block, move, square, images):
        curvature = sum(dot(f, f) for _, f in images) + self.coupling.curvature(self.x, block.where, move)
        curvature += self.factor[block.name] * self.priors[block.name].curvature(move, square)
        if not curvature > 0:
            fail(f"block {block.name!r}", "have data or a prior along every direction", "a direction with neither",
                 "Give it a prior, or fix it.")
        return curvature

    def _residual(self, k):
        return self.operators[k].matvec(self.x) - self.misfits[k].data

    # -- record ------------------------------------------------------------------------------------------------------
    def record(self, steps, changes):
        """Append the state at x, with the step that led there, to the history."""
        chi2 = self.chi2()
        row = {f"misfit_{name}": 0.5 * value for name, value in chi2.items()}
        row |= {f"prior_{name}": self.factor[name] * prior.value for name, prior in self.priors.items()
                if prior.value is not None}
        row |= self.values
        row |= {f"chi2_{name}": value for name, value in chi2.items()}
        row |= {f"alpha_{name}": value for name, value in self.alpha().items()}
        row["projected_gradient"] = np.nan
        row |= {f"step_{b.name}": steps.get(b.name, np.nan) for b in self.blocks}
        row |= {f"change_{b.name}": changes.get(b.name, np.nan) for b in self.blocks}
        self.rows.append(row)

    def alpha(self):
        """{block: weight} of the blocks that have one."""
        return {b.name: b.alpha * self.factor[b.name] for b in self.blocks if b.alpha is not None}

    def result(self):
        """Wrap up, with how stationary x is against where it began."""
        parts = [self._renew(b)[3] for b in self.blocks]
        self.rows[-1]["projected_gradient"] = last = sum(parts) ** 0.5
        first = self.rows[0]["projected_gradient"]
        return RRCGResult(
            x=self.x, alpha=self.alpha(), chi2=self.chi2(), target_met=self.met(), iterations=self.iteration,
            projected_gradient=float(last / first) if first > 0 else 0.0,
            history={key: np.array([row[key] for row in self.rows]) for key in self.rows[0]})


def _side(bound, where):
    """A block's bound: a float where it is the same for all its cells, an ndarray else."""
    part = np.asarray(bound, dtype=float)
    part = part[where] if part.ndim else part.reshape(1)
    return float(part[0]) if np.all(part == part[0]) else np.ascontiguousarray(part)
