"""Re-weighted regularised conjugate gradients: block steps on a data misfit, priors and couplings between bounds."""

from dataclasses import dataclass

import numpy as np

from .._checks import as_positive, fail, one_of


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """One data set: ½ ‖A x − d‖² with A and d whitened.

    Parameters
    ----------
    name : str
        Label in the history.
    operator : LinearOperator, shape (n_data, n)
        A, on the whole vector x.
    data : ndarray, shape (n_data,)
        d.
    blocks : tuple of str
        Names of the blocks it sees: only their columns of A are not zero.
    target : float
        χ² = ‖A x − d‖² at which the data are fitted.
    """

    name: str
    operator: object
    data: np.ndarray
    blocks: tuple
    target: float


@dataclass(frozen=True, kw_only=True)
class Block:
    """One stretch of x with a prior of its own, a step length of its own and a weight that decays.

    Parameters
    ----------
    name : str
        Label in the history.
    where : slice
        Its place in x.
    value, gradient : callable, optional
        m -> float, m -> ndarray: prior at the starting weight. None: no prior.
    curvature : callable, optional
        (m, v) -> float: curvature of a parabola above the prior along v.
    scaling : callable, optional
        m -> ndarray: diagonal W > 0 of the space in which directions are conjugate; taken anew at every iteration.
        None: W = 1.
    alpha : float, optional
        Starting weight; None: the prior is no regulariser and its weight stays.
    floor : float, default 0
        The weight never falls below it.
    """

    name: str
    where: slice
    value: object = None
    gradient: object = None
    curvature: object = None
    scaling: object = None
    alpha: float | None = None
    floor: float = 0.0


class NoCoupling:
    """The interface of a coupling between blocks, and the one that does nothing."""

    def values(self, x):
        """{label: value} for the history."""
        return {}

    def forces(self, x):
        """(gradient in x or None, multipliers added to the gradient in the weighted space or None), shape (n,)."""
        return None, None

    def curvature(self, x, where, direction):
        """Curvature along a direction that lies in one block."""
        return 0.0


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
        if isinstance(self.max_iterations, bool) or int(self.max_iterations) != self.max_iterations \
                or self.max_iterations < 0:
            fail("max_iterations", "be an integer >= 0", repr(self.max_iterations), "150 is the paper's.")
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
        Norm of the projected gradient of Φ at x over that at the start, both at the last weights. With multipliers
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
    step, as the residual is then no longer linear in it.

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
    >>> a = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> data = Misfit(name="d", operator=a, data=np.array([1.0, 2.0]), blocks=("m",), target=1e-8)
    >>> rrcg(np.zeros(2), [data], [Block(name="m", where=slice(0, 2))]).x.round(4)
    array([1., 1.])
    """
    run = _Run(start, misfits, blocks, coupling or NoCoupling(), (lower, upper, free), settings or RRCGSettings())
    run.record({}, {})
    while not run.done():
        run.iterate()
        if callback is not None:
            callback(run.iteration, run.chi2())
    return run.result()


class _Run:
    """State of one run."""

    def __init__(self, start, misfits, blocks, coupling, box, settings):
        self.x, self.origin = np.array(start, dtype=float), np.array(start, dtype=float)
        self.first = None  # (∇Φ without priors, prior gradients, W, multipliers) at the origin
        self.misfits, self.blocks, self.coupling, self.settings = misfits, blocks, coupling, settings
        lower, upper, free = box
        self.lower, self.upper = (np.broadcast_to(b, self.x.shape) for b in (lower, upper))
        self.free = np.ones(self.x.size, dtype=bool) if free is None else free
        self.factor = dict.fromkeys((b.name for b in blocks), 1.0)
        self.residuals = [self._residual(k) for k in range(len(misfits))]
        self.memory = {}  # block name: (gradient, direction) of the last iteration, in the weighted space
        self.iteration = 0
        self.rows = []

    def chi2(self):
        return {m.name: float(r @ r) for m, r in zip(self.misfits, self.residuals, strict=True)}

    def met(self, block=None):
        chi2 = self.chi2()
        return all(chi2[m.name] <= m.target for m in self.misfits if block is None or block.name in m.blocks)

    def done(self):
        fitted = self.settings.stop_at_target and self.met()
        return fitted or self.iteration >= self.settings.max_iterations

    def iterate(self):
        """One step of every block, then the decay of the weights whose data are not fitted yet."""
        field = self.field()
        self.rows[-1]["projected_gradient"] = self.size_of(*field)
        steps, changes, before = {}, {}, list(self.residuals)
        for block in self.blocks:
            steps[block.name], changes[block.name] = self._move(block, *field, before)
        for block in self.blocks:
            if block.alpha is not None and not self.met(block):
                lowest = block.floor / block.alpha
                self.factor[block.name] = max(self.factor[block.name] * self.settings.alpha_decay, lowest)
        self.iteration += 1
        self.record(steps, changes)

    def field(self):
        """(∇Φ, W, multipliers) at x, each of shape (n,); nothing where x is not free."""
        total, scaling = np.zeros(self.x.size), np.ones(self.x.size)
        for misfit, residual in zip(self.misfits, self.residuals, strict=True):
            total += misfit.operator.T @ residual
        proper, multipliers = self.coupling.forces(self.x)
        if proper is not None:
            total += proper
        priors = {b.name: b.gradient(self.x[b.where]) for b in self.blocks if b.gradient is not None}
        for block in self.blocks:
            if block.scaling is not None:
                scaling[block.where] = block.scaling(self.x[block.where])
        if multipliers is not None:
            multipliers[~self.free] = 0.0
        if self.first is None:
            self.first = total.copy(), priors, scaling, multipliers
        return self._assembled(total, priors), scaling, multipliers

    def _assembled(self, total, priors):
        """Add prior gradients at the present weights; zero where x is not free."""
        for block in self.blocks:
            if block.name in priors:
                total[block.where] += self.factor[block.name] * priors[block.name]
        total[~self.free] = 0.0
        return total

    def size_of(self, gradient, scaling, multipliers):
        """Norm of the projected field ∇Φ + W multipliers, whose zeros are the iteration's fixed points."""
        field = gradient.copy() if multipliers is None else gradient + scaling * multipliers
        field[self._held(field, slice(None))] = 0.0
        return float(np.sqrt(field @ field))

    def _move(self, block, gradient, scaling, multipliers, before):
        """Step one block; returns (step length, relative change)."""
        where, old = block.where, self.x[block.where].copy()
        slope = gradient[where] / scaling[where]
        if multipliers is not None:
            slope += multipliers[where]
        direction, slope = self._direction(block.name, slope, where)
        if not direction.any():
            return 0.0, 0.0
        move = direction / scaling[where]
        images = self._images(block, move)
        descent = float(slope @ direction)
        for k, image in images:  # earlier blocks may have moved the residuals of data that see several
            if self.residuals[k] is not before[k]:
                descent += float(image @ (self.residuals[k] - before[k]))
        length = descent / self._curvature(block, old, move, images)
        self._update(block, old - length * move, length, images)
        new = self.x[where]
        norm, change = float(new @ new), new - old
        return length, np.sqrt(float(change @ change) / norm) if norm > 0 else 0.0

    def _direction(self, name, slope, where):
        """Conjugate direction and the slope it is made of, both without the cells held at bounds."""
        hold = self.settings.hold_bounds
        if hold:
            slope[self._held(slope, where)] = 0.0
        direction = slope
        if name in self.memory:
            old_slope, old_direction = self.memory[name]
            size = old_slope @ old_slope
            change = slope if self.settings.conjugacy == "fletcher-reeves" else slope - old_slope
            factor = max(0.0, float(slope @ change) / size) if size > 0 else 0.0
            direction = slope + factor * old_direction
            if hold:
                direction[self._held(direction, where)] = 0.0
            if direction @ slope <= 0:
                direction = slope
        self.memory[name] = (slope, direction)
        return direction, slope

    def _held(self, vector, where):
        """Cells at a bound that a step against `vector` would push beyond it."""
        x = self.x[where]
        return ((x <= self.lower[where]) & (vector > 0)) | ((x >= self.upper[where]) & (vector < 0))

    def _images(self, block, move):
        """[(k, A_k move)] for the data sets that see the block."""
        whole = np.zeros(self.x.size)
        whole[block.where] = move
        return [(k, m.operator @ whole) for k, m in enumerate(self.misfits) if block.name in m.blocks]

    def _curvature(self, block, old, move, images):
        curvature = sum(float(f @ f) for _, f in images) + self.coupling.curvature(self.x, block.where, move)
        if block.curvature is not None:
            curvature += self.factor[block.name] * block.curvature(old, move)
        if not curvature > 0:
            fail(f"block {block.name!r}", "have data or a prior along every direction", "a direction with neither",
                 "Give it a prior, or fix it.")
        return curvature

    def _update(self, block, target, length, images):
        """Move to the target between the bounds; residuals by linearity where no bound acted."""
        where = block.where
        self.x[where] = np.clip(target, self.lower[where], self.upper[where])
        cut = not np.array_equal(self.x[where], target)
        for k, image in images:
            self.residuals[k] = self._residual(k) if cut else self.residuals[k] - length * image

    def _residual(self, k):
        return self.misfits[k].operator @ self.x - self.misfits[k].data

    # -- record ------------------------------------------------------------------------------------------------------
    def record(self, steps, changes):
        """Append the state at x, with the step that led there, to the history."""
        chi2 = self.chi2()
        row = {f"misfit_{name}": 0.5 * value for name, value in chi2.items()}
        for b in self.blocks:
            if b.value is not None:
                row[f"prior_{b.name}"] = self.factor[b.name] * b.value(self.x[b.where])
        row |= self.coupling.values(self.x)
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
        last = self.size_of(*self.field())
        self.rows[-1]["projected_gradient"] = last
        x, (total, priors, scaling, multipliers) = self.x, self.first
        self.x = self.origin
        first = self.size_of(self._assembled(total, priors), scaling, multipliers)
        return RRCGResult(
            x=x, alpha=self.alpha(), chi2=self.chi2(), target_met=self.met(), iterations=self.iteration,
            projected_gradient=last / first if first > 0 else 0.0,
            history={key: np.array([row[key] for row in self.rows]) for key in self.rows[0]})
