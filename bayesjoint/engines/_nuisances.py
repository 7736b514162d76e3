"""What a posterior says of biases and unknowns of the measurement, and which averages of the model they cost."""

from itertools import product

import numpy as np

from ..dataset import DatasetBuilder
from ..priors import BiasPrior, TangentPrior
from ..problem import parameter_fields

LAYERS = 5  # runs of layers at most, of which averages are taken
BLOCKS = (("south", "middle", "north"), ("west", "middle", "east"))
VALUES = 10  # of a plain vector, each of which stands for itself
COLUMNS, VALUES_AT_ONCE = 8, 2e7  # covariance products at once: at survey size a column is a model


def nuisance_table(post):
    """Value, std and correlations of biases and unknowns of the measurement; None where there are none.

    One for each station is left out: it is noise.

    Parameters
    ----------
    post : Posterior

    Returns
    -------
    xarray.Dataset or None
        See `Posterior.nuisances`.
    """
    found = [p for p in post.problem.parameters if isinstance(p.prior, BiasPrior | TangentPrior) and p.labels]
    if not found:
        return None
    names, columns = _averages(post.problem, {p.name for p in found})
    scale = np.concatenate([np.full(p.size, p.scale) for p in post.problem.parameters])
    spread, mean = _covariances(post, columns), post.problem.unpack(post.state_mean())
    own = np.sqrt(np.maximum(np.einsum("ij,ij->j", columns, spread), 0.0))
    table = DatasetBuilder()
    table.along("average", names, "average over a part of the model")
    for p in found:
        fields, where = parameter_fields(p), post.problem.slices[p.name]
        table.place(fields)
        dims, words = fields["dims"], fields["long_name"]
        unit = np.zeros((post.problem.size, p.size))
        unit[where] = np.eye(p.size)
        response = _covariances(post, unit)
        std = np.sqrt(np.maximum(np.diag(response[where]), 0.0))
        across = columns.T @ response
        taken = np.einsum("aq,qa->a", across, np.linalg.pinv(response[where], hermitian=True) @ across.T)
        left = np.maximum(own**2 - taken, 0.0)
        size = std[:, None] * own
        correlation = np.divide(spread[where], size, out=np.zeros_like(size), where=size > 0)
        strongest = np.argmax(np.abs(correlation), axis=1)
        table.add(f"{p.name}_value", dims, mean[p.name], p.units, f"posterior mean of {words}")
        table.add(f"{p.name}_std", dims, std * scale[where], p.units, f"posterior standard deviation of {words}")
        table.add(f"{p.name}_prior_std", dims, p.prior.std, p.units, f"prior standard deviation of {words}")
        table.add(f"{p.name}_correlation", (*dims, "average"), correlation, "1",
                  f"posterior correlation of {words} with averages of the model")
        table.add(f"{p.name}_cost", ("average",), own / np.sqrt(np.where(left > 0, left, np.nan)), "1",
                  f"posterior standard deviation of averages of the model over what it were if {words} were known")
        table.add(f"{p.name}_strongest", dims, correlation[np.arange(p.size), strongest], "1",
                  f"the largest of them in size; {p.name}_strongest_average is the place of its average")
        table.add(f"{p.name}_strongest_average", dims, strongest, "1",
                  "place along `average` of what the coefficient is most correlated with")
    return table.dataset({"method": post.method})


def _covariances(post, columns):
    """Posterior covariance times columns, some at a time."""
    width = max(COLUMNS, int(VALUES_AT_ONCE / post.problem.size))
    return np.hstack([post.state_product(columns[:, k : k + width]) for k in range(0, columns.shape[1], width)])


def _averages(problem, left_out):
    """(names, weights on x as columns) of averages of the model: all of it, runs of layers, ninths seen from above."""
    names, columns = [], []
    for p in problem.parameters:
        if p.name in left_out:
            continue
        for name, cells in _parts(p) if p.mesh is not None else _values(p):
            if not cells.any():  # all air
                continue
            column = np.zeros(problem.size)
            column[problem.slices[p.name]] = cells.ravel() / cells.sum()
            names.append(f"{p.name}, {name}")
            columns.append(column)
    return np.array(names), np.column_stack([np.zeros((problem.size, 0)), *columns])


def _values(p):
    for k in range(p.size if p.size <= VALUES else 0):
        yield f"{p.index()[k]}", np.eye(p.size)[k]


def _parts(p):
    """(name, weights of the cells by volume) of the parts of a mesh."""
    mesh = p.mesh
    volume = mesh.active * np.multiply.outer(mesh.thickness, np.multiply.outer(np.diff(mesh.northing_edges),
                                                                               np.diff(mesh.easting_edges)))
    yield "all", volume
    whole = [np.arange(n) for n in mesh.shape]
    runs = np.array_split(whole[0], min(LAYERS, mesh.shape[0]))
    parts = [(f"upward {mesh.upward_edges[run[0]]:.6g} to {mesh.upward_edges[run[-1] + 1]:.6g} m", (run, *whole[1:]))
             for run in runs if len(runs) > 1]
    ninths = product(*(zip(names, np.array_split(index, 3), strict=True)
                       for names, index in zip(BLOCKS, whole[1:], strict=True)))
    parts += [(f"{north} {east}", (whole[0], rows, across)) for (north, rows), (east, across) in ninths
              if rows.size and across.size and mesh.shape[1] * mesh.shape[2] > 1]
    for name, index in parts:
        cells = np.zeros_like(volume)
        cells[np.ix_(*index)] = volume[np.ix_(*index)]
        yield name, cells
