"""The data's prior covariance as a sum of fixed matrices with coefficients: what every hyperparameter moves, and how.

With Ã_kp = A_kp diag(s_p) for the standard deviations the problem states, S_ab = Ã_a R Ã_bᵀ serves every standard
deviation, correlation and noise: K = Σ M_pq f_p f_q S_ab + F + C. Only another range needs another S. Slopes come from
the derivative of R by log ℓ, in closed form.
"""

from collections import OrderedDict
from dataclasses import replace
from functools import cached_property

import numpy as np

from .._correlation import SLOPES
from ..priors.covariance import StationaryCorrelation
from ..problem import Cache
from ..problem.view import View
from ._unit_fields import UnitFields

KEPT = 4  # ranges whose matrices are kept: a line search comes back to the last one


class RangeSlope(StationaryCorrelation):
    """Derivative of a Matérn correlation by the logarithm of the ranges along `axes`: Σ_axes d_i² · (−f'(r)/r).

    Parameters
    ----------
    mesh : Mesh
    smoothness : float
    ranges : tuple of float
        (upward, northing, easting), metres.
    axes : tuple of int
        Which of them grow together.
    """

    def __init__(self, mesh, smoothness, ranges, axes):
        self._axes = axes
        super().__init__(mesh, SLOPES[smoothness], ranges)

    def _blocks(self, torus):
        """Real symmetric spectral matrices, shape (Py, Px//2+1, nz, nz)."""
        rise = np.abs(self.mesh.upward[:, None] - self.mesh.upward) / self.ranges[0]
        flat = [
            step * np.minimum(np.arange(n), n - np.arange(n)) / reach
            for n, step, reach in zip(torus, self._spacing, self.ranges[1:], strict=True)
        ]
        squares = (None, flat[0][:, None] ** 2, flat[1] ** 2)
        level = sum(squares[i] for i in self._axes if i) if any(self._axes) else 0.0
        _, first, group = np.unique(rise.round(13), return_index=True, return_inverse=True)
        blocks = np.empty((torus[0], torus[1] // 2 + 1, *rise.shape))
        for k, lag in enumerate(rise.ravel()[first]):
            weight = level + (lag**2 if 0 in self._axes else 0.0)
            plane = weight * self.function(np.sqrt(squares[1] + squares[2] + lag**2))
            blocks[..., group.reshape(rise.shape) == k] = np.fft.rfft2(plane).real[..., None]
        return blocks


class FieldGroup:
    """Matérn parameters of one correlation function, seen by the data: S and its slopes at any ranges.

    Parameters
    ----------
    problem : JointProblem
    members : list of Parameter
    rows : list of ndarray of int
        Data used of every modality.

    Attributes
    ----------
    views : list of View
        One for each pair of modality and member; `pairs` are the (a, b), a <= b, whose S is kept.
    """

    def __init__(self, problem, members, rows):
        self.members, self._rows, self._cache = members, rows, problem.cache
        self._mesh, self._smoothness = members[0].mesh, members[0].prior.smoothness
        self._std = {p.name: p.prior.std_hat(p) for p in members}
        self.views = [View(problem, k, p.name) for p in members
                      for k, m in enumerate(problem.modalities) if p.name in m.parameters]
        self.pairs = [(a, b) for a in range(len(self.views)) for b in range(a, len(self.views))]
        self._kept = OrderedDict()

    def matrices(self, ranges, axes=()):
        """S for every pair, or its derivative by log ℓ of `axes`, at ranges (upward, northing, easting).

        Returns
        -------
        dict of {(a, b): ndarray (n_a, n_b)}
        """
        key = (tuple(float(r) for r in ranges), tuple(axes))
        if key not in self._kept:
            self._kept[key] = self._between(key[0], axes)
            held = {k[0] for k in self._kept}
            if len(held) > KEPT:
                oldest = next(iter(self._kept))[0]
                for k in [k for k in self._kept if k[0] == oldest]:
                    del self._kept[k]
        return self._kept[key]

    def _between(self, ranges, axes):
        kernel = (RangeSlope(self._mesh, self._smoothness, ranges, axes) if axes else
                  unit_correlation(self.members[0], ranges))
        shared = not axes and ranges == self.members[0].prior.ranges() and all(
            self._rows[v.modality].size == v.data_count for v in self.views)  # others may want these too
        fields = UnitFields(self._cache if shared else Cache(), self.views, kernel, self._std, self._rows, self._stored)
        return fields.scaled_signals()

    @cached_property
    def _stored(self):
        return [v.stored() for v in self.views]


def unit_correlation(parameter, ranges):
    """Correlation of a Matérn parameter at other ranges."""
    return replace(parameter.prior, std=1.0, range=tuple(ranges)).correlation(parameter.mesh)
