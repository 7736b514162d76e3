"""The estimate as a matrix over cells and data, where it fits: exact diagnostics are its products."""

import numpy as np

from .._checks import as_count, fail, one_of
from .._places import blocks, unit_columns
from ..functionals import caution

METHODS = ("auto", "exact", "stochastic")
EXACT_BYTES = 2e9  # of the matrix ∂mean/∂data
EXACT_WORK = 5e11  # multiplications of one product of it with a matrix over data: some 20 s on one core
BLOCK_VALUES = 20_000_000  # of random vectors: 160 MB
COLUMNS = 256  # data carried through operators at once


def use_exact(post, method):
    """Whether to take the exact road: when asked to, or when it is affordable."""
    one_of("method", method, METHODS)
    data = post.problem.data_size
    fits = 8.0 * post.problem.size * data <= EXACT_BYTES and float(post.problem.size) * data**2 <= EXACT_WORK
    if method == "exact" and not fits:
        fail("method", "be 'stochastic' for a problem of this size", f"'exact' with {post.problem.size} unknowns and "
             f"{data} data", "Leave it at 'auto': figures then carry their Monte Carlo error.")
    return fits and method != "stochastic"


def probe_count(probes, name="probes"):
    """Refuse counts of random vectors that give no error."""
    return as_count(name, probes, 8, "64 are a good start; the error falls with their root.")


def carried(count, size):
    """Slices of `count` vectors of `size` values that are carried through an operator at once."""
    return blocks(count, int(np.clip(BLOCK_VALUES // size, 1, 32)))


def over(top, below, empty=0.0):
    """`top` / `below` where the latter is > 0, else `empty`."""
    return np.divide(top, below, out=np.full(np.shape(below), empty), where=below > 0)


def root_and_error(square, error):
    """Root of an estimated square, and its error to first order."""
    root = np.sqrt(square)
    return root, over(error, 2 * root)


def prior_std(post):
    """Prior standard deviations of x, shape (size,), zero at known cells; None without a Gaussian prior.

    Where the prior is flat the posterior's stand in.
    """
    variance = post.prior_state_variance()
    if variance is None:
        return None
    return np.sqrt(np.where(np.isfinite(variance), variance, post.state_variance()))


def finished(table, post, attributes):
    """The dataset; where the posterior itself is a sample every error is NaN, for that of the sample is not known."""
    sampled = {"sampled": "covariances are those of Markov chains"} if post.markov else {}
    found = table.dataset(attributes | sampled | {"caution": caution(post)})
    if post.markov:
        for name in found.data_vars:
            if name.endswith("_error"):
                found[name] = found[name].copy(data=np.full(found[name].shape, np.nan))
    return found


class Estimator:
    """E = ∂(posterior mean)/∂(data), shape (size, n_data), and the sensitivities of single parameters.

    Parameters
    ----------
    post : Posterior
        From `posterior`.
    """

    def __init__(self, post):
        self.post, self.problem = post, post.problem
        count = self.problem.data_size
        self.matrix = np.empty((self.problem.size, count))
        for part in blocks(count, COLUMNS):
            self.matrix[:, part] = post.mean_response(unit_columns(count, part))
        self.matrix[~self.problem.free] = 0.0

    def seen(self, name):
        """Indices of the data that see a parameter."""
        seen = [np.full(m.size, name in m.parameters) for m in self.problem.modalities]
        return np.flatnonzero(np.concatenate(seen))

    def data_sensitivity(self, name):
        """Aᵀ of one parameter and the data that see it, shape (size of the parameter, seen data)."""
        where, parts = self.problem.slices[name], []
        for k, m in enumerate(self.problem.modalities):
            if name not in m.parameters:
                continue
            operator = self.problem.operator(k).stored()
            parts += [operator.rmatmat(unit_columns(m.size, part))[where] for part in blocks(m.size, COLUMNS)]
        if not parts:
            return np.zeros((where.stop - where.start, 0))
        return np.concatenate(parts, axis=1) * self.problem.free[where, None]

    def signal(self, name):
        """A_q Γ_qq A_qᵀ of one parameter over the data that see it: what it alone does to them under the prior."""
        where, sensitivity = self.problem.slices[name], self.data_sensitivity(name)
        out, rows = np.empty((sensitivity.shape[1],) * 2), self.seen(name)
        for part in blocks(rows.size, COLUMNS):
            spread = np.zeros((self.problem.size, sensitivity[:, part].shape[1]))
            spread[where] = sensitivity[:, part]
            through = np.zeros_like(spread)
            through[where] = self.post.prior_state_product(spread)[where]
            out[:, part] = self.post.data_sensitivity(through)[rows]
        return out

    def rows(self, name):
        """E of one parameter's cells."""
        return self.matrix[self.problem.slices[name]]


def quadratic(rows, matrix):
    """e_i M e_iᵀ of every row, shape (n,)."""
    return np.einsum("ij,ij->i", rows @ matrix, rows)
