"""What exact Gaussian posteriors share: everything follows from solves with K = Cov(d, d) + C in data space."""

from functools import cached_property

import numpy as np

from .._checks import as_finite, fail
from ..augment import stated_stds
from ..dataset import Approximation
from ._leave_one_out import dense_system
from ._posterior import Posterior


class DataSpacePosterior(Posterior):
    """Gaussian posterior N(μ + G K⁻¹(d − Aμ), Γ − G K⁻¹ Gᵀ), G = Cov(x, clean d) (Tarantola 2005, eq. 3.37).

    For fields that end with the mesh G is ΓAᵀ. Values with a flat prior are eliminated by generalised least squares.
    Whitened by the noise, K is K̃ = S̃ + I. Engines set `system`, a `System` of the problem's data.
    """

    @property
    def _model(self):
        return self.system.model

    @property
    def _flat(self):
        return self.system.flat

    def _solve(self, white):
        """K̃⁻¹ V of whitened data, (n_data, k)."""
        return self.system.solve(white)[0]

    def gain(self, white):
        """Cov(x, d̃) V, shape (size, k)."""
        return self._model.gain(self._model.whiten_adjoint(white))

    def gain_adjoint(self, x):
        """Cov(d̃, x) X, shape (n_data, k)."""
        return self._model.whiten(self._model.gain_adjoint(x))

    def respond(self, white, solved=None):
        """(change of x, weights of the data, flat values) for whitened data (n_data, k)."""
        weights, flat = self._flat.eliminate(self._solve(white) if solved is None else solved, white)
        x = self.gain(weights)
        x[self._flat.index] += flat
        return x, weights, flat

    def _take(self, solved, left):
        """Keep what the mean follows from: K̃⁻¹ of the data and the residual of that solve, (n_data, 1) each."""
        weights, flat = self._flat.eliminate(solved, self.system.residual[:, None])
        self.data_weights, self._flat_mean, self.data_left = weights[:, 0], flat[:, 0], left[:, 0]
        self._off = float(np.linalg.norm(left))

    @cached_property
    def _center(self):
        mean = self._model.prior_mean + self.gain(self.data_weights[:, None])[:, 0]
        mean[self._flat.index] += self._flat_mean
        return mean

    def state_mean(self):
        """Posterior mean of x, (size,)."""
        return self._center.copy()

    def state_mean_error(self):
        """|δm_i| = |g_iᵀK⁻¹ρ| <= s_i ‖ρ‖ for ‖K^{-1/2}g_i‖ <= s_i, the prior std, and K̃ >= I."""
        return np.sqrt(self._known_scale()) * self._off

    def _known_scale(self):
        """Variance against which errors are measured: the prior's, for flat values the posterior's."""
        variance = self._model.prior_variance()
        variance[self._flat.index] = np.diag(self._flat.inverse)
        return variance

    def prior_state_mean(self):
        """Prior mean of x, (size,)."""
        out = self._model.prior_mean.copy()
        for where, _ in stated_stds(self.problem):
            out[where] = 0.0
        return out

    def prior_state_variance(self):
        """Prior variance of x, (size,)."""
        out = self._model.prior_variance()
        for where, std in stated_stds(self.problem):
            out[where] = np.square(std)
        return out

    def prior_state_draws(self, rng, count):
        """Prior draws; 0 where the prior is flat, which has none."""
        out = self._model.prior_mean + self._model.draw(rng, count)[0]
        for where, std in stated_stds(self.problem):
            out[:, where] = std * rng.standard_normal((count, std.size))
        return out

    def state_product(self, v):
        """Posterior covariance of x times V."""
        columns = v[:, None] if v.ndim == 1 else v
        pull, weights = columns[self._flat.index], self.gain_adjoint(columns)
        weights, flat = self._flat.eliminate(self._solve(weights), weights, pull)
        out = self._model.prior_product(columns) - self.gain(weights)
        out[self._flat.index] = -flat
        return out.reshape(v.shape)

    def mean_given(self, data):
        """Posterior means had the data been others, (n, size) for data (n, n_data); see `Posterior.mean_given`."""
        data = as_finite("data", data, 2)
        if data.shape[1] != self.problem.data_size:
            fail("data", f"have shape (n, {self.problem.data_size})", f"{data.shape}", "Give one data set a row.")
        white = self._model.whiten(data.T - self._model.data_mean[:, None])
        change, _, _ = self.respond(white, solved=self._answer(white))
        return (self._model.prior_mean[:, None] + change).T

    def _answer(self, white):
        """K̃⁻¹ of whitened data sets (n_data, k), closely enough for means."""
        return self._solve(white)

    def mean_response(self, data):
        """Change of the mean of x with data, (n_data, k) to (size, k)."""
        return self.respond(self._model.whiten(data))[0]

    def mean_response_adjoint(self, vectors):
        """Transpose of `mean_response`, (size, k) to (n_data, k)."""
        seen = self.gain_adjoint(vectors)
        weights, _ = self._flat.eliminate(self._solve(seen), seen, vectors[self._flat.index])
        return self._model.whiten_adjoint(weights)

    def data_system(self):
        """The `DenseSystem` of the data, made anew where the engine has none and they are few enough."""
        return dense_system(self.system)

    def predicted_data(self):
        """Clean data of the posterior mean, hidden cells included, shape (n_data,), physical."""
        return self._model.data - self._model.colour(self.data_weights + self.data_left)

    def state_draws(self, rng, count):
        """Draws of x, (count, size)."""
        return self.joint_draws(rng, count)[0]


# said by every engine of what it is exact for; a recalibrated posterior, which was checked, takes it out
UNCHECKED = " Not checked against ground: bj.recalibrate does that, on a kind of ground that you state."


def torus_statements(model):
    """What continued fields leave out, as approximations; none for fields that end with the mesh."""
    out = []
    for group in model.groups:
        change, (rows, columns) = group.truncation(), group.torus
        out.append(Approximation(
            name="periodic lattice of the continued field", status="measured", error=change,
            statement=f"The field lives on {rows} x {columns} columns that close on themselves (negative part of its "
            f"covariance at most {group.field.clipped:.0e} of the variance), and a station feels cells up to half of "
            f"that away. On a torus half as large again the variance of the data differs by {change:.1e} of itself.",
        ))
    return out
