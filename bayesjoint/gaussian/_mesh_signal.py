"""The data's prior covariance as a sum of fixed matrices with coefficients: what every hyperparameter moves, and how.

With Ã_kp = A_kp diag(s_p) for the standard deviations the problem states, S_ab = Ã_a R Ã_bᵀ serves every standard
deviation, correlation and noise: K = Σ M_pq f_p f_q S_ab + F + C. Only another range needs another S. Slopes come from
the derivative of R by log ℓ, in closed form.
"""

from dataclasses import replace
from functools import cached_property

from .._correlation import SLOPES
from ..priors import StationaryCorrelation
from ..problem import Cache, views_of
from ._unit_fields import UnitFields

KEPT = 8  # matrices and slopes that are kept: a line search comes back to the last ranges


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

    def at(self, up, north, east):
        """Derivative at squared offsets along each axis, in units of its range."""
        return sum((up, north, east)[i] for i in self._axes) * super().at(up, north, east)


class SignalMatrices:
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
        One for each pair of modality and member.
    """

    def __init__(self, problem, members, rows):
        self.members, self._rows, self._problem, self._kept = members, rows, problem, Cache()
        self.views = views_of(problem, [p.name for p in members])

    def matrices(self, ranges, axes=()):
        """S for every two views a <= b, or its derivative by log ℓ of `axes`, at ranges (upward, northing, easting).

        Returns
        -------
        dict of {(a, b): ndarray (n_a, n_b)}
        """
        key = (tuple(float(r) for r in ranges), tuple(axes))
        return self._kept.get("matrices", (), key, lambda: self._between(*key), KEPT)


class FieldGroup(SignalMatrices):
    """`SignalMatrices` of fields that end with the mesh."""

    def _between(self, ranges, axes):
        kernel = unit_correlation(self.members[0], ranges, axes)
        shared = not axes and ranges == self.members[0].prior.ranges() and all(
            self._rows[v.modality].size == v.data_count for v in self.views)  # others may want these too
        stds = {p.name: p.prior.std_hat(p) for p in self.members}
        cache = self._problem.cache if shared else Cache()
        fields = UnitFields(cache, self.views, kernel, stds, self._rows, self._stored)
        return {(a, b): fields.scale(a, self.views[b].parameter) * block for (a, b), block in fields.signals().items()}

    @cached_property
    def _stored(self):
        return [v.stored() for v in self.views]


def unit_correlation(parameter, ranges, axes=()):
    """Correlation of a Matérn parameter at other ranges, or its derivative by the logarithm of those along `axes`."""
    if axes:
        return RangeSlope(parameter.mesh, parameter.prior.smoothness, ranges, axes)
    return replace(parameter.prior, std=1.0, range=tuple(ranges)).correlation(parameter.mesh)
