"""Kalman filter and smoother of a linear state model, with covariances as prior less what innovations explain.

The innovations, whitened, are independent standard normal numbers ε, and the state at step t is
x_t = μ_t + W_t ε + what no data tell, W_t = Cov(x_t, ε), Γ_t its covariance without data: mean μ_t + W_t ε, covariance
Γ_t − W_t W_tᵀ. The filter makes the columns of W_t of the data up to step t, the smoother the rest.
"""

import numpy as np
from scipy.linalg import solve_triangular

from .._checks import fail
from .._places import runs
from ..gaussian import factorised, linear_gaussian, refuse_infinite
from ._order import in_order
from ._transition import MovedCovariance

BYTES = 6e9  # of all gains together


class Observed:
    """The surveys of one step, whitened: d̃ = Ã x + e, e ~ N(0, I)."""

    def __init__(self, problem, names):
        self._model = linear_gaussian(in_order(problem, [names]), stored=True)
        self.size, self.data = self._model.data_size, self._model.whiten(self._model.data)

    def see(self, x):
        """Ã X, shape (n_data, k)."""
        return self._model.whiten(self._model.predict(x))

    def pull(self, white):
        """Ãᵀ V, shape (size, k)."""
        return self._model.back(self._model.whiten_adjoint(white))


class Filtered:
    """A state model run through its data.

    Parameters
    ----------
    mean : ndarray, shape (size,)
        Prior mean of the first state.
    covariance : Covariance
        Its prior covariance.
    moves : list of Move
        Between the steps.
    observed : list of Observed
        One a step.

    Attributes
    ----------
    means : list of ndarray, shape (size,)
        μ_t.
    covariances : list of Covariance
        Γ_t.
    gains : list of ndarray, shape (size, n_data so far)
        W_t of the filter, the data of step t included.
    innovations : ndarray, shape (n_data,)
        ε.
    roots : list of ndarray
        Lower roots of the covariance of every step's whitened innovation.
    runs : list of slice
        Places of the steps among the data.
    transitions : list of Transition
        The moves, linearised about the filter's mean where a factor is unknown.
    """

    def __init__(self, mean, covariance, moves, observed):
        self.observed, self.moves = observed, moves
        self.runs = runs(o.size for o in observed)
        _check_size(mean.size, [where.stop for where in self.runs])
        self.means, self.covariances, self.transitions = [mean], [covariance], []
        self.gains, self.roots, self.innovations = [], [], np.empty(self.runs[-1].stop)
        carried = np.zeros((mean.size, 0))
        for t, epoch in enumerate(observed):
            if t:
                carried = self._forecast(t)
            self._update(t, epoch, carried)

    def _forecast(self, t):
        here = self.means[-1] + self.gains[-1] @ self.innovations[: self.runs[t].start]
        move = self.moves[t - 1].at(here)
        self.transitions.append(move)
        self.means.append(move.apply(self.means[-1][:, None])[:, 0] + move.drift)
        self.covariances.append(MovedCovariance(self.covariances[-1], move))
        return move.apply(self.gains[-1])

    def _update(self, t, epoch, carried):
        pulled = epoch.pull(np.eye(epoch.size))
        cross = self.covariances[t].matmat(pulled) - carried @ (carried.T @ pulled)
        seen = epoch.see(cross)
        old = self.innovations[: self.runs[t].start]
        miss = epoch.data - epoch.see((self.means[t] + carried @ old)[:, None])[:, 0]
        if not (np.isfinite(seen).all() and np.isfinite(miss).all()):
            refuse_infinite()
        root = factorised(0.5 * (seen + seen.T) + np.eye(epoch.size))
        self.roots.append(root)
        self.innovations[self.runs[t]] = solve_triangular(root, miss, lower=True)
        self.gains.append(np.hstack([carried, solve_triangular(root, cross.T, lower=True).T]))

    def smooth(self):
        """W_t over all data, a list of (size, n_data): the Rauch-Tung-Striebel smoother in its adjoint form.

        The backward pass of Bryson & Frazier (1963) inverts no covariance of the state, which that of Rauch, Tung &
        Striebel (1965) does at every step; both give the same numbers.
        """
        count, out = self.innovations.size, [None] * len(self.observed)
        later = np.zeros((self.means[0].size, 0))  # the covariance of the forecast times this is Cov(x_t, these ε)
        for t in range(len(self.observed) - 1, -1, -1):
            epoch, where = self.observed[t], self.runs[t]
            if t < len(self.transitions):
                later = self.transitions[t].adjoint(later)
            own = self.gains[t][:, where]
            whole = np.empty((own.shape[0], count))
            whole[:, : where.stop] = known = self.gains[t]
            if later.shape[1]:
                whole[:, where.stop :] = self.covariances[t].matmat(later) - known @ (known.T @ later)
            out[t] = whole
            inverse = solve_triangular(self.roots[t], np.eye(epoch.size), lower=True, trans=1)
            pulled = epoch.pull(inverse)
            later = np.hstack([pulled, later - pulled @ (own.T @ later)])
        return out

    def whitened(self, data):
        """ε of other data, whitened columns (n_data, k), that deviate from their prior mean."""
        out = np.empty(data.shape)
        for t, (epoch, where) in enumerate(zip(self.observed, self.runs, strict=True)):
            old = slice(0, where.start)
            right = data[where]
            if t:
                right = right - epoch.see(self.transitions[t - 1].apply(self.gains[t - 1] @ out[old]))
            out[where] = solve_triangular(self.roots[t], right, lower=True)
        return out

    def draw(self, rng, count):
        """`count` zero-mean draws of the states, without data: a list of (size, count), one a step."""
        x = [self.covariances[0].sample(rng, count).T]
        for move in self.transitions:
            x.append(move.apply(x[-1]))
            if move.noise is not None:
                x[-1] += move.noise.sample(rng, count).T
        return x

    def signal(self, white):
        """Cov(x_t, d̃) V, a list of (size, k), for V of shape (n_data, k): forth and back through the moves."""
        pulled = [epoch.pull(white[where]) for epoch, where in zip(self.observed, self.runs, strict=True)]
        for t in range(len(pulled) - 2, -1, -1):
            pulled[t] = pulled[t] + self.transitions[t].adjoint(pulled[t + 1])
        out = [self.covariances[0].matmat(pulled[0])]
        for move, part in zip(self.transitions, pulled[1:], strict=True):
            out.append(move.apply(out[-1]))
            if move.noise is not None:
                out[-1] = out[-1] + move.noise.matmat(part)
        return out


def _check_size(size, ends):
    held = 8.0 * size * (sum(ends) + len(ends) * ends[-1])
    if held > BYTES:
        fail("problem", f"have gains of states and data fit {BYTES / 1e9:g} GB", f"{held / 1e9:.1f} GB for {size} "
             f"unknowns, {ends[-1]} data and {len(ends)} steps", "Use a coarser mesh, thin the surveys, or take "
             "fewer steps.")
