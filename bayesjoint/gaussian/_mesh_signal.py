"""The data's prior covariance as a sum of fixed matrices with coefficients: what every hyperparameter moves, and how.

With Ã_kp = A_kp diag(s_p) for the standard deviations the problem states, S_ab = Ã_a R Ã_bᵀ serves every standard
deviation, correlation and noise: K = Σ M_pq f_p f_q S_ab + F + C. Only another range or angle needs another S. Slopes
come from the derivative of R by log ℓ or by an angle, in closed form.
"""

from functools import cached_property

from .._correlation import CORRELATIONS, SLOPES
from ..priors import STRIKE, StationaryCorrelation, along_axes, axes_by_dip, axes_by_strike, axes_of
from ..problem import Cache, views_of
from ._unit_fields import UnitFields

KEPT = 8  # matrices and slopes that are kept: a line search comes back to the last ranges


class RangeSlope(StationaryCorrelation):
    """Derivative of a Matérn correlation by the logarithm of the ranges along `by`: Σ_by d_i² · (−f'(r)/r).

    Parameters
    ----------
    mesh : Mesh
    smoothness : float
    law : tuple of float
        Of `Matern.law`.
    by : tuple of int
        Which ranges grow together.
    """

    def __init__(self, mesh, smoothness, law, by):
        self._by = by
        super().__init__(mesh, SLOPES[smoothness], law[:3], _axes(law))

    def at(self, up, north, east):
        """Derivative at squared offsets along each axis, in units of its range."""
        return sum((up, north, east)[i] for i in self._by) * super().at(up, north, east)


class AngleSlope(StationaryCorrelation):
    """Derivative of a Matérn correlation by strike or dip, per radian: Σ d_i ∂d_i · f'(r)/r.

    Parameters
    ----------
    mesh : Mesh
    smoothness : float
    law : tuple of float
        Of `Matern.law`, with angles.
    by : int
        Place of the angle in the law.
    """

    def __init__(self, mesh, smoothness, law, by):
        super().__init__(mesh, SLOPES[smoothness], law[:3], _axes(law))
        self._change = (axes_by_strike if by == STRIKE else axes_by_dip)(*law[3:])

    def between(self, up, north, east):
        """Derivative at offsets (upward, northing, easting), metres."""
        parts, changes = self.scaled(up, north, east), along_axes(self._change, self.ranges, up, north, east)
        turned = sum(part * change for part, change in zip(parts, changes, strict=True))
        return -turned * self.at(*(part**2 for part in parts))


class SignalMatrices:
    """Matérn parameters of one correlation function, seen by the data: S and its slopes under any law.

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

    def matrices(self, law, by=()):
        """S for every two views a <= b under a law, or its derivative: see `unit_correlation`.

        Returns
        -------
        dict of {(a, b): ndarray (n_a, n_b)}
        """
        key = (tuple(float(r) for r in law), tuple(by))
        return self._kept.get("matrices", (), key, lambda: self._between(*key), KEPT)


class FieldGroup(SignalMatrices):
    """`SignalMatrices` of fields that end with the mesh."""

    def _between(self, law, by):
        kernel = unit_correlation(self.members[0], law, by)
        shared = not by and law == self.members[0].prior.law() and all(
            self._rows[v.modality].size == v.data_count for v in self.views)  # others may want these too
        stds = {p.name: p.prior.std_hat(p) for p in self.members}
        cache = self._problem.cache if shared else Cache()
        fields = UnitFields(cache, self.views, kernel, stds, self._rows, self._stored)
        return {(a, b): fields.scale(a, self.views[b].parameter) * block for (a, b), block in fields.signals().items()}

    @cached_property
    def _stored(self):
        return [v.stored() for v in self.views]


def unit_correlation(parameter, law, by=()):
    """Correlation of a Matérn parameter under another law, or its derivative.

    Parameters
    ----------
    parameter : Parameter
    law : tuple of float
        Of `Matern.law`.
    by : tuple of int, default ()
        Places in the law: of ranges, by the logarithm of which together, or of one angle.
    """
    mesh, smoothness = parameter.mesh, parameter.prior.smoothness
    if not by:
        return StationaryCorrelation(mesh, CORRELATIONS[smoothness], law[:3], _axes(law))
    return AngleSlope(mesh, smoothness, law, *by) if by[0] >= STRIKE else RangeSlope(mesh, smoothness, law, by)


def _axes(law):
    return axes_of(*law[3:]) if law[3:] else None
