"""A problem's Φ as `solvers.projected_newton` wants it: residuals kept between calls, curvature that preconditions."""

import numpy as np

PROBES = 16  # random vectors for the diagonal of Aᵀ C⁻¹ A; relative error √(2/PROBES), enough for a preconditioner


class Objective:
    """Φ of a problem with value, gradient, Hessian products, diagonal and preconditioner.

    The Hessian is Φ's own, except that concave stretches of a focusing prior (p = 0) count as flat on the model and
    as their majoriser on its gradient: CG would otherwise stop at the first of them.

    Parameters
    ----------
    problem : JointProblem
        What is minimised.
    data_diagonal : ndarray, shape (problem.size,), optional
        Estimate of the diagonal of Σ w Aᵀ C⁻¹ A, if known from an earlier problem with the same surveys.
    seed : int, default 0
        Of the probes for that estimate.
    """

    def __init__(self, problem, data_diagonal=None, seed=0):
        self.problem = problem
        self.data_diagonal = _data_diagonal(problem, seed) if data_diagonal is None else data_diagonal
        vectors = [problem.slices[p.name] for p in problem.parameters if p.mesh is None]
        self.blocks = [_PriorBlock(where, bound, any(where == v for v in vectors if isinstance(where, slice)))
                       for where, bound in problem.prior.blocks]
        self._at, self._residuals = None, None

    def box(self):
        """Bounds, closed around values that are held."""
        problem = self.problem
        return [np.where(problem.free, side, problem.start()) for side in (problem.lower, problem.upper)]

    # -- Φ -----------------------------------------------------------------------------------------------------------
    def residuals(self, x):
        """[G_k(x) − d_k], from memory where x is the last point asked for."""
        if self._at is None or not np.array_equal(self._at, x):
            self._at, self._residuals = x.copy(), self.problem.residuals(x)
        return self._residuals

    def chi2(self, x):
        """{modality: χ²}."""
        return self.problem.chi2(x, self.residuals(x))

    def value(self, x):
        """Φ(x)."""
        return sum(self.problem.terms(x, self.chi2(x)).values())

    def gradient(self, x):
        """∇Φ(x), zero where x is not free."""
        return self.problem.gradient(x, self.residuals(x))

    def hessian_product(self, x, v):
        """Hessian of Φ at x, Gauss–Newton's where models are not linear, concave focusing aside, times v."""
        problem = self.problem
        out = np.zeros(problem.size)
        for block in self.blocks:
            out[block.where] += block.product(x[block.where], v[block.where])
        problem.add_pull(out, [a.matvec(v) for a in problem.operators_at(x)], x)
        parts, directions = problem.parts(x), problem.parts(v)
        problem.add_parts(out, *(b.hessian_product(parts, directions) for b in problem.penalties))
        return np.where(problem.free, out, 0.0)

    # -- curvature for steps and preconditioning ---------------------------------------------------------------------
    def diagonal(self, x):
        """Size of the Hessian's diagonal at x, positive, shape (problem.size,)."""
        out = self.data_diagonal + self._prior_diagonal(x)
        for gram in self._grams(x):
            for i, where in enumerate(gram.places):
                out[where] += gram.entry(i, i)
        return np.maximum(out, 1e-12 * max(out.max(), 1e-300))

    def preconditioner(self, x, free, damping):
        """Inverse of the Hessian without the data's off-diagonal part; Γ alone where a prior correlates cells.

        Parameters
        ----------
        x : ndarray, shape (problem.size,)
            Where.
        free : ndarray of bool
            Vectors vanish outside.
        damping : float
            Share of the data's diagonal added to it.

        Returns
        -------
        callable
            r to M⁻¹ r.
        """
        diagonal = self.data_diagonal * (1 + damping) + self._prior_diagonal(x)
        diagonal = np.maximum(diagonal, 1e-12 * max(diagonal.max(), 1e-300))
        grams = self._grams(x)
        cellwise = _cellwise(diagonal, grams, free)
        correlated = [b for b in self.blocks if b.covariance is not None]
        if correlated and grams and isinstance(grams[0], _CellBlocks):
            softened = _Softened(grams[0], correlated, self.metric(), free)
            return lambda r: np.where(free, softened.apply(r, cellwise(r)), 0.0)

        def apply(r):
            out = cellwise(r)
            for block in correlated:
                out[block.where] = block.covariance.matmat(r[block.where][:, None])[:, 0]
            return np.where(free, out, 0.0)

        return apply

    def metric(self):
        """One length of m̂ for each unknown: what the prior holds usual, up to a factor for each parameter."""
        out = np.ones(self.problem.size)
        for block in self.blocks:
            out[block.where] = block.metric()
        return out

    def _prior_diagonal(self, x):
        out = np.zeros(self.problem.size)
        for block in self.blocks:
            out[block.where] = block.diagonal(x[block.where])
        return out

    def _grams(self, x):
        parts = self.problem.parts(x)
        slices = self.problem.slices
        return [_GramBlocks(b, parts, slices) if hasattr(b, "gram") else _CellBlocks(b, parts, slices)
                for b in self.problem.penalties
                if hasattr(b, "cellwise") or (hasattr(b, "gram") and all(
                    m is None or isinstance(m, np.ndarray) for m in b.maps))]


class _PriorBlock:
    """A bound prior's curvature, by what the prior offers.

    Plain vectors (an offset, a trend) are preconditioned by their diagonals: data know them well. Over a mesh Γ does
    better, though it leaves the data out.
    """

    def __init__(self, where, bound, vector):
        self.where, self.bound = where, bound
        self.operator = getattr(bound, "gradient_operator", None)
        self.focusing = hasattr(bound, "weights")
        self.cellwise = self.focusing and self.operator is None
        gaussian = getattr(bound, "gaussian", False) and not self.cellwise
        self.covariance = bound.covariance if gaussian and not vector else None
        self._variance = None
        if gaussian:  # 1 where nothing varies (air): such cells are held, and their length is of no account
            variance = bound.covariance.diagonal()
            self._variance = np.where(variance > 0, variance, 1.0)

    def product(self, m, v):
        if self.cellwise:
            return self.diagonal(m) * v
        if self.focusing and self.bound.p == 0:
            return self.operator.rmatvec(self.bound.weights(m) * self.operator.matvec(v))
        return self.bound.hessian_product(m, v)

    def diagonal(self, m):
        if self.cellwise:
            return np.maximum(self.bound.hessian_product(m, np.ones_like(m)), 0.0)
        if self._variance is not None:
            return 1.0 / self._variance
        return np.zeros_like(m)

    def metric(self):
        if self.focusing:
            return 1.0 / self.bound.depth_weights
        return np.ones(1) if self._variance is None else np.sqrt(self._variance)


class _GramBlocks:
    """The part of a Gramian's Hessian that repeats cell by cell: λ cof(G) between parameters, positive semidefinite."""

    def __init__(self, bound, parts, slices):
        self.places = [slices[name] for name in bound.names]
        self.maps = [1.0 if m is None else m for m in bound.maps]
        values, vectors = np.linalg.eigh(bound.gram(parts))
        values = values.clip(0.0)
        others = np.array([np.prod(np.delete(values, i)) for i in range(values.size)])
        self.cofactors = bound.coupling.weight * (vectors * others) @ vectors.T

    def entry(self, i, k):
        return self.cofactors[i, k] * self.maps[i] * self.maps[k]


class _CellBlocks:
    """A coupling's own statement of its curvature between members cell by cell, positive semidefinite."""

    def __init__(self, bound, parts, slices):
        names, self.matrix = bound.cellwise(parts)
        self.places = [slices[name] for name in names]

    def entry(self, i, k):
        return self.matrix[i, k]


class _Softened:
    """C + W Γ Wᵀ: a correlated prior Γ beside a coupling that is stiff along some directions of every cell.

    C is the inverse cell by cell of the coupling's curvature D and the prior's; σ W σ⁻¹ = (I + σ D σ)⁻¹, σ the prior's
    standard deviations. Where the coupling is stiff C is all there is, where it is slack Γ.
    """

    def __init__(self, gram, correlated, sizes, free):
        self._places, self._correlated = gram.places, correlated
        size = np.stack([sizes[where] for where in gram.places])
        mask = np.stack([free[where] for where in gram.places])
        stiff = gram.matrix * (size * mask)[:, None] * (size * mask)
        inverse = np.moveaxis(np.linalg.inv(np.eye(len(size)) + np.moveaxis(stiff, 2, 0)), 0, 2)
        self._turn = inverse * size / size[:, None]
        self._alone = np.zeros(sizes.size, dtype=bool)  # correlated, and no member: Γ alone
        for block in correlated:
            self._alone[block.where] = True
        for where in gram.places:
            self._alone[where] = False

    def apply(self, r, cellwise):
        """M⁻¹ r, given C r."""
        seen, smooth = self._turned(r, self._turn), np.zeros_like(r)
        for block in self._correlated:
            smooth[block.where] = block.covariance.matmat(seen[block.where][:, None])[:, 0]
        return np.where(self._alone, 0.0, cellwise) + self._turned(smooth, self._turn.swapaxes(0, 1))

    def _turned(self, v, turn):
        out = v.copy()
        for row, where in zip(turn, self._places, strict=True):
            out[where] = sum(entry * v[place] for entry, place in zip(row, self._places, strict=True))
        return out


def _cellwise(diagonal, grams, free):
    """Inverse of diag(diagonal) plus the first coupling's cellwise matrices, held cells left out of these."""
    if not grams:
        return lambda r: r / diagonal
    gram = grams[0]
    stacked = np.stack([diagonal[where] for where in gram.places])
    mask = np.stack([free[where] for where in gram.places])
    matrix = np.zeros((stacked.shape[1], len(stacked), len(stacked)))
    for i in range(len(stacked)):
        for k in range(len(stacked)):
            matrix[:, i, k] = gram.entry(i, k) * mask[i] * mask[k] + (stacked[i] if i == k else 0.0)
    inverse = np.ascontiguousarray(np.moveaxis(np.linalg.inv(matrix), 0, 2))

    def apply(r):
        out = r / diagonal
        for row, where in zip(inverse, gram.places, strict=True):
            out[where] = sum(entry * r[place] for entry, place in zip(row, gram.places, strict=True))
        return out

    return apply


def _data_diagonal(problem, seed):
    """Estimate of diag Σ w Aᵀ C⁻¹ A: the mean square of Aᵀ L⁻ᵀ ξ with L Lᵀ = C and ξ white."""
    rng = np.random.default_rng(seed)
    out = np.zeros(problem.size)
    for a, m in zip(problem.operators_at(problem.start()), problem.modalities, strict=True):
        white = m.noise.whiten_adjoint(rng.standard_normal((m.size, PROBES)))
        out += problem.weights[m.name] * np.mean(a.rmatmat(white) ** 2, axis=1)
    return out


def active_bounds(problem, answer):
    """{parameter: cells at a bound that a minimiser ended at}."""
    active = answer.at_lower | answer.at_upper
    return {name: active[where].reshape(problem.by_name[name].shape) for name, where in problem.slices.items()}
