"""What every use of a `Marginal` needs: where a survey's data stand, solves to another tolerance, solves in blocks."""

from copy import copy

import numpy as np


def places_of(model):
    """{survey: slice of its data} of a `LinearGaussian`."""
    return dict(zip((m.name for m in model.problem.modalities), model.data_slices, strict=True))


def widened(model, parts):
    """Columns of surveys among all data, whitened, shape (n_data, columns).

    Parameters
    ----------
    model : LinearGaussian
    parts : list of (str, ndarray)
        Survey and its columns (n_data of the survey, q), in units of the data; zero for all other surveys.
    """
    places, first = places_of(model), 0
    wide = np.zeros((model.data_size, sum(columns.shape[1] for _, columns in parts)))
    for survey, columns in parts:
        wide[places[survey], first : first + columns.shape[1]] = columns
        first += columns.shape[1]
    return model.whiten(wide)


def solving_to(data, tolerance):
    """The same `Marginal`, solving to another tolerance."""
    out = copy(data)
    out.tolerance = tolerance
    return out


def in_blocks(data, white, use):
    """``use(V)``, shape (..., k), of all columns V of `white`, as many at once as fit memory."""
    step = data.system.columns() if hasattr(data, "system") else white.shape[1]
    return np.concatenate([use(white[:, k : k + step]) for k in range(0, white.shape[1], step)], axis=-1)
