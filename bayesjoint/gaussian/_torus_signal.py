"""The data's prior covariance under continued fields at any ranges, on one torus whatever they are."""

import numpy as np
from scipy import fft

from .._places import blocks, unit_columns
from ..priors.covariance import MixedCovariance
from ..priors.torus import TorusSpectrum
from ..problem import Cache
from ..problem.view import views_of
from ._mesh_signal import unit_correlation
from ._model import lattice_surveys, torus_group
from ._torus import problem_torus

KEPT = 4  # ranges, and slopes by them, that are kept
MARGIN = 1.5  # the torus is laid out for ranges this factor longer than those the problem states
COLUMNS = 256  # data carried through the torus at once


class TorusSignal:
    """Fields of one correlation, continued, with what sees them, on a torus that does not change.

    Parameters
    ----------
    problem : JointProblem
    members : list of Parameter
        With a continued Matérn prior.

    Attributes
    ----------
    torus : tuple of int
    """

    def __init__(self, problem, members):
        self.members, self._problem, self._kept = members, problem, Cache()
        self._names = [p.name for p in members]
        self._surveys = lattice_surveys(problem, self._names, strict=True)
        longer = tuple(MARGIN * r for r in members[0].prior.ranges())
        least = problem_torus([(unit_correlation(members[0], longer), self._surveys)])
        self.torus = tuple(fft.next_fast_len(int(n), real=True) for n in least)

    def at(self, ranges, axes=()):
        """The fields with the stated stds, every two of them wholly correlated, or their derivative by log ℓ.

        Parameters
        ----------
        ranges : tuple of float
            (upward, northing, easting), metres.
        axes : tuple of int, default ()
            Derivative by the logarithm of these ranges together; none for the fields themselves.

        Returns
        -------
        StationaryGroup
        """
        key = (tuple(ranges), tuple(axes))
        return self._kept.get("group", (), key, lambda: self._group(*key), KEPT)

    def _group(self, ranges, axes):
        field = TorusSpectrum(unit_correlation(self.members[0], ranges, axes), self.torus)
        stds = [p.prior.std_hat(p) for p in self.members]
        covariance = MixedCovariance(field.correlation, stds, np.ones((len(stds),) * 2))
        return torus_group(self._problem, self._names, covariance, self._surveys, field, drawn=False)


class TorusMatrices:
    """A `TorusSignal` with the dense matrices that `FieldGroup` has for fields that end with the mesh.

    Parameters
    ----------
    problem : JointProblem
    members : list of Parameter
    rows : list of ndarray of int
        Data used of every modality.
    """

    def __init__(self, problem, members, rows):
        self._signal, self.members, self._size = TorusSignal(problem, members), members, problem.data_size
        self.views = views_of(problem, [p.name for p in members])
        starts = [where.start for where in problem.data_slices.values()]
        self._starts, self._rows = ([each[v.modality] for v in self.views] for each in (starts, rows))
        self._used = [start + own for start, own in zip(self._starts, self._rows, strict=True)]
        self._kept = Cache()

    def matrices(self, ranges, axes=()):
        """S for every two views a <= b, or its derivative by log ℓ of `axes`; see `FieldGroup.matrices`."""
        key = (tuple(ranges), tuple(axes))
        return self._kept.get("matrices", (), key, lambda: self._blocks(self._signal.at(*key)), KEPT)

    def _blocks(self, group):
        surveys = {s.rows.start: k for k, s in enumerate(group.surveys)} if group.stationary else {}
        place, out = [surveys.get(start) for start in self._starts], {}
        for b, used in enumerate(self._used):
            left = [a for a in range(b + 1) if None in (place[a], place[b])]
            for a in range(b + 1):
                out[a, b] = np.empty((self._used[a].size, used.size)) if a in left else (
                    group.matrix(place[a], place[b])[np.ix_(self._rows[a], self._rows[b])])
            for part in blocks(used.size if left else 0, COLUMNS):
                unit = unit_columns(self._size, used[part])
                seen = np.zeros_like(unit)
                group.add_signal(unit, seen)
                for a in left:
                    out[a, b][:, part] = seen[self._used[a]]
        return out
