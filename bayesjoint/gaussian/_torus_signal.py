"""The data's prior covariance under continued fields at any ranges, on one torus whatever they are."""

import numpy as np
from scipy import fft

from .._places import blocks, unit_columns
from ..priors import MixedCovariance, TorusSpectrum
from ..problem import Cache
from ._groups import lattice_surveys, torus_group
from ._mesh_signal import SignalMatrices, unit_correlation
from ._torus import problem_torus

KEPT = 4  # ranges, and slopes by them, that are kept
MARGIN = 1.5  # the torus is laid out for ranges this factor longer than those the problem states
COLUMNS = 256  # data carried through the torus at once
WHOLE = 25_000_000  # numbers in the matrix between two lattices above which it is not made whole to take a few of it
FEW = 0.25  # of the whole


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
        law = members[0].prior.law()
        longer = tuple(MARGIN * r for r in (law if len(law) == 3 else 3 * (max(law[:3]),)))  # whatever the angles
        least = problem_torus([(unit_correlation(members[0], longer), self._surveys)])
        self.torus = tuple(fft.next_fast_len(int(n), real=True) for n in least)

    def at(self, law, by=()):
        """The fields with the stated stds, every two of them wholly correlated, or their derivative.

        Parameters
        ----------
        law, by
            As of `unit_correlation`.

        Returns
        -------
        StationaryGroup
        """
        key = (tuple(law), tuple(by))
        return self._kept.get("group", (), key, lambda: self._group(*key), KEPT)

    def _group(self, law, by):
        field = TorusSpectrum(unit_correlation(self.members[0], law, by), self.torus)
        stds = [p.prior.std_hat(p) for p in self.members]
        covariance = MixedCovariance(field.correlation, stds, np.ones((len(stds),) * 2))
        return torus_group(self._problem, self._names, covariance, self._surveys, field, drawn=False)


class TorusMatrices(SignalMatrices):
    """`SignalMatrices` of continued fields."""

    def __init__(self, problem, members, rows):
        super().__init__(problem, members, rows)
        self._signal = TorusSignal(problem, members)

    def _between(self, law, by):
        group, out = self._signal.at(law, by), {}
        surveys = {s.rows.start: k for k, s in enumerate(group.surveys)} if group.stationary else {}
        starts = [where.start for where in self._problem.data_slices.values()]
        rows, start = ([each[v.modality] for v in self.views] for each in (self._rows, starts))
        place, used = [surveys.get(s) for s in start], [s + r for s, r in zip(start, rows, strict=True)]
        size = [self._problem.modalities[v.modality].size for v in self.views]
        for b, mine in enumerate(used):
            left = [a for a in range(b + 1) if None in (place[a], place[b]) or (
                used[a].size * mine.size < FEW * size[a] * size[b] > FEW * WHOLE)]
            for a in range(b + 1):
                out[a, b] = np.empty((used[a].size, mine.size)) if a in left else (
                    group.matrix(place[a], place[b])[np.ix_(rows[a], rows[b])])
            for part in blocks(mine.size if left else 0, COLUMNS):
                unit = unit_columns(self._problem.data_size, mine[part])
                seen = np.zeros_like(unit)
                group.add_signal(unit, seen)
                for a in left:
                    out[a, b][:, part] = seen[used[a]]
        return out
