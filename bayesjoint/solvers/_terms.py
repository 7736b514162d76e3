"""What a block-wise minimiser works on: data sets, blocks of unknowns with their priors, couplings."""

from dataclasses import dataclass

import numpy as np

from ..forward import run_tasks, stretches


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
    prior : callable, optional
        m -> (value, gradient, curvature, W) at the starting weight: a float, an ndarray, a callable v -> float with the
        curvature along v of a parabola that touches the prior at m and lies above it, and the diagonal > 0 of the space
        in which directions are conjugate (a float or an ndarray). Asked once at every iterate.
    parabola : object, optional
        A prior whose touching parabola has the diagonal Hessian αW², in place of `prior`, with `alpha` given: `vertex`,
        an ndarray or None for zero, and `touch(m, start, stop, inverse)`, which fills W⁻¹ from start to stop and
        returns the value there at the starting weight. Stretches may be asked for in threads. With neither: no prior,
        W = 1.
    alpha : float, optional
        Starting weight; None: the prior is no regulariser and its weight stays.
    floor : float, default 0
        The weight never falls below it.
    """

    name: str
    where: slice
    prior: object = None
    parabola: object = None
    alpha: float | None = None
    floor: float = 0.0


class NoCoupling:
    """The interface of a coupling between blocks, and the one that does nothing."""

    def look(self, x):
        """({label: value} for the history, gradient in x, multipliers added to the gradient in the weighted space).

        The last two of shape (n,), the caller's to change, or None where there are none. Asked once at every iterate.
        """
        return {}, None, None

    def curvature(self, x, where, direction):
        """Curvature along a direction that lies in one block."""
        return 0.0


def independent_groups(blocks, misfits):
    """[(blocks, indices of data sets)] that no data set ties together: between couplings they can go side by side."""
    groups = [({b.name}, []) for b in blocks]
    for k, misfit in enumerate(misfits):
        tied = [g for g in groups if g[0] & set(misfit.blocks)]
        groups = [g for g in groups if g not in tied]
        groups.append((set().union(*(g[0] for g in tied)), [*(i for g in tied for i in g[1]), k]))
    return [([b for b in blocks if b.name in names], data) for names, data in groups]


def dot(a, b):
    """Inner product without BLAS, whose threads wake for it and then compete with the operators'."""
    return float(np.einsum("i,i->", a, b))


def summed(kernel, size):
    """Σ kernel(stretch) over stretches of `size` unknowns, in threads where that gains time."""
    return sum(run_tasks([lambda p=p: np.asarray(kernel(slice(*p)), dtype=float) for p in stretches(size)]))


class PriorView:
    """A block's prior at one iterate.

    Attributes
    ----------
    value : float or None
        At its starting weight; None: no prior.
    pull, vertex : ndarray or None
        Gradient at the starting weight; None: α V⁻² (m − vertex).
    inverse : ndarray
        V = W⁻¹.
    """

    def __init__(self, block, m, inverse):
        self.value = self.pull = self.vertex = self._curvature = None
        self.inverse, self.alpha = inverse, 0.0
        if block.parabola is not None:
            self.value = float(summed(lambda part: block.parabola.touch(m, part.start, part.stop, inverse), m.size))
            self.vertex, self.alpha = block.parabola.vertex, block.alpha
        elif block.prior is None:
            inverse[:] = 1.0
        else:
            self.value, self.pull, self._curvature, scaling = block.prior(m)
            np.divide(1.0, scaling, out=inverse)
            self.alpha = 1.0

    def curvature(self, move, square):
        """Of the majoriser along `move`, at the starting weight; `square` is ‖W move‖²."""
        return self.alpha * square if self._curvature is None else self._curvature(move)
