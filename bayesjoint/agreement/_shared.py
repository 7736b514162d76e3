"""What several tests of agreement share: checks of input, columns of tables, places of data and solves in blocks."""

import numpy as np
from scipy.optimize import brentq

from .._checks import fail
from .._places import blocks, runs
from ..problem import check_problem

FAR = 1e6  # times the scale: what is not seen there is not seen


def widened(data, parts):
    """Columns of surveys among all data, whitened, shape (n_data, columns).

    Parameters
    ----------
    data : System
    parts : list of (str, ndarray)
        Survey and its columns (n_data of the survey, q), in units of the data; zero for all other surveys.
    """
    places = runs(columns.shape[1] for _, columns in parts)
    wide = np.zeros((data.size, places[-1].stop))
    for (survey, columns), where in zip(parts, places, strict=True):
        wide[data.rows[survey], where] = columns
    return data.model.whiten(wide)


def in_blocks(data, white, use):
    """``use(V)``, shape (..., k), of all columns V of `white`, as many at once as fit memory."""
    return np.concatenate([use(white[:, k]) for k in blocks(white.shape[1], data.width())], axis=-1)


def crossing(rising, scale, close, least=0.0, nowhere=np.nan):
    """The size at which a function crosses 0 from below.

    Parameters
    ----------
    rising : callable
    scale : float
        Where to look first.
    close : float
        Relative accuracy.
    least : float, default 0.0
        Share of the size at which it was tried last that no answer is below; with 0 any may be one, and the function is
        not taken to rise everywhere.
    nowhere : float, default NaN
        The answer where it has not crossed at a million times the scale.
    """
    low, high = 0.0, scale
    while rising(high) < 0:
        low, high = high, 4.0 * high
        if high > FAR * scale:
            return nowhere
    return float(brentq(rising, (low or least * high) if least else 0.0, high, xtol=close * high))


def add_columns(table, dims, rows, described, lay=np.array, before=""):
    """Add variables to a `DatasetBuilder`.

    Parameters
    ----------
    table : DatasetBuilder
    dims : tuple of str
    rows : list of dict
        With the fields named; where the first has a field ``<name>_error`` that is added as the error.
    described : dict of {str: (str, str)}
        Units and words of each field.
    lay : callable, optional
        ``lay(list of values)``: an array over `dims`; default the list itself.
    before : str, optional
        In front of every name.
    """
    for name, (units, words) in described.items():
        errors = lay([row[f"{name}_error"] for row in rows]) if f"{name}_error" in rows[0] else None
        table.add(before + name, dims, lay([row[name] for row in rows]), units, words, errors)




def survey_names(problem):
    """Names of the surveys of a `JointProblem`, two or more."""
    check_problem(problem)
    names = [m.name for m in problem.modalities]
    if len(names) < 2:
        fail("problem", "hold at least two surveys", f"{names}", "One survey has nothing to disagree with.")
    return names
