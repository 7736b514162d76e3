"""Tests that are one test: statistics that are functions of one another, recognised on simulated data."""

import numpy as np

from ..gaussian import DenseSystem
from ._shared import widened

SAME = 0.999  # correlation under agreement from which two statistics are one: copies have 1 up to rounding
DENSE_DRAWS, ITERATIVE_DRAWS = 64, 12  # simulated data sets on which statistics are compared
SEED = 20_261_130  # of them: which tests are one must not depend on the data or on any other seed
ONE_SIDED, TWO_SIDED = 1, 2


class Probe:
    """Data sets simulated from all of a problem, the same for every pair of its surveys.

    Parameters
    ----------
    data : System
        Of all surveys.
    """

    def __init__(self, data):
        count = DENSE_DRAWS if isinstance(data, DenseSystem) else ITERATIVE_DRAWS
        drawn = data.draw(np.random.default_rng(SEED), count)
        self._of = {name: drawn[rows] for name, rows in data.rows.items()}

    def of(self, data):
        """Whitened data sets of some of the surveys, shape (n_data, draws)."""
        white = np.zeros((data.size, next(iter(self._of.values())).shape[1]))
        for name, rows in data.rows.items():
            white[rows] = self._of[name]
        return white


def statistics_of(pair, probe, fitted):
    """{what: (sides, statistics (draws,))} of a `Pair`: ratio, both splits, and every nuisance by survey and form.

    Parameters
    ----------
    pair : Pair
    probe : Probe
    fitted : dict of {(str, str): (columns, fit)}
        By survey and form; columns (n_data of the survey, q), None for a gain, and a fit with ``squares(scores)``, of a
        gain with ``score``.
    """
    white = probe.of(pair.both)
    found, pulled = pair.statistics(white), pair.both.project(white)
    out = {"ratio": (ONE_SIDED, found.ratio), "into second": (ONE_SIDED, found.into_second),
           "into first": (ONE_SIDED, found.into_first)}
    for (survey, form), (columns, fit) in fitted.items():
        if columns is None:
            out[survey, form] = TWO_SIDED, fit.score.score(white, pulled)
        else:
            out[survey, form] = ONE_SIDED, fit.squares(widened(pair.both, [(survey, columns)]).T @ pulled)
    return out


def groups_of(statistics):
    """Which tests are one: for each the place of the first that is the same, shape (tests,).

    Two quadratic forms of Gaussian data are the same up to an affine map if and only if they correlate fully; a
    two-sided test takes no notice of the sign either.

    Parameters
    ----------
    statistics : list of (int, ndarray) or None
        Sides and simulated values; None is the same as no other.

    Examples
    --------
    >>> z = np.arange(5.0)
    >>> groups_of([(1, z), None, (1, 3 * z + 1), (2, -z), (1, -z)]).tolist()
    [0, 1, 0, 3, 4]
    """
    first, kept = np.arange(len(statistics)), {}
    for k, one in enumerate(statistics):
        if one is None:
            continue
        sides, values = one
        off = values - values.mean()
        size = float(np.linalg.norm(off))
        if not size > 0:
            continue
        off = off / size
        alike = [j for j, (other, theirs) in kept.items() if other == sides and _like(off @ theirs, sides)]
        if alike:
            first[k] = alike[0]
        else:
            kept[k] = sides, off
    return first


def _like(correlation, sides):
    return (abs(correlation) if sides == TWO_SIDED else correlation) >= SAME
