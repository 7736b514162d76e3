"""Parameters, modalities and versions in the words the dataset wants: dims, coordinates, gaps, provenance."""

import platform
from importlib import metadata

import numpy as np

from .. import __version__
from ..noise import is_gaussian
from ..priors import DISCREPANCIES
from ..quantities import property_of

VERSIONED = ("numpy", "scipy", "numba", "choclo", "xarray", "arviz-stats")


def versions():
    """Versions of everything that computes, as {name: version}."""
    own = {"bayesjoint": __version__, "python": platform.python_version()}
    return own | {name: metadata.version(name) for name in VERSIONED}


def parameter_fields(parameter):
    """Return what a `dataset.ParameterBlock` says of a parameter whatever was inferred about it, as keywords."""
    mesh = parameter.mesh
    dims = (f"{parameter.name}_id",) if mesh is None else mesh.dims
    return {
        "name": parameter.name, "dims": dims, "units": parameter.units,
        "long_name": property_of(parameter.name).long_name,
        "coords": _vector_coords(parameter, dims[0]) if mesh is None else mesh.coords(),
        "edges": {} if mesh is None else {d: getattr(mesh, f"{d}_edges") for d in dims},
        "ground": mesh.active if parameter.has_air else None,
        "bounds": {side: parameter.from_hat(np.where(np.isfinite(ends), ends, np.nan)) for side, ends in (
            ("lower", parameter.lower), ("upper", parameter.upper)) if ends is not None},
        "attributes": {"prior": parameter.settings()["prior"], "scale": parameter.scale},
    }  # fmt: skip


def add_map(table, parameter, key, values, units, long_name, error=None):
    """Put numbers over a parameter's values, flat or of its shape, on a `DatasetBuilder`: NaN in air."""
    fields = parameter_fields(parameter)
    table.place(fields)
    values, error = (each if each is None else parameter.blank(np.reshape(each, parameter.shape))
                     for each in (values, error))
    table.add(f"{parameter.name}_{key}", fields["dims"], values, units, long_name, error)


def _vector_coords(parameter, dim):
    """The names or numbers of a vector's values, and where those of a discrepancy are."""
    out = {dim: (dim, parameter.index(), {})}
    if isinstance(parameter.prior, DISCREPANCIES):
        out |= {f"{parameter.name}_{key}": (dim, values, {"long_name": f"{key} of the datum"})
                for key, values in parameter.prior.coordinates().items()}
    return out


def modality_fields(problem, modality):
    """Return what a `dataset.ModalityBlock` says of a survey whatever was inferred from it, as keywords."""
    weight = problem.weights[modality.name]
    dims, coords, mask, upward = layout(modality)
    return {
        "name": modality.name, "kind": modality.kind, "dims": dims, "coords": coords, "mask": mask, "upward": upward,
        "units": modality.units, "observed": modality.data, "std": _noise_std(modality.noise, weight),
        "attributes": {"noise": modality.noise.settings(), **_dof(modality.noise),
                       "likelihood_exponent": weight,
                       "parameters": modality.parameters, **_inducing(modality.forward), **modality.metadata,
                       **({"measured_every": modality.stride} if modality.stride > 1 else {})},
    }  # fmt: skip


def _noise_std(noise, weight):
    """What an ordinary datum is off by: the std of Gaussian noise, the scale of Student-t noise."""
    return np.sqrt(noise.variance() / weight) if is_gaussian(noise) else noise.std


def _dof(noise):
    return {} if is_gaussian(noise) else {"noise_dof": noise.dof}


def _inducing(forward):
    """The inducing field that a forward operator knows, nT and degrees."""
    found = {key: getattr(forward, key, None) for key in ("intensity", "inclination", "declination")}
    return {key: float(value) for key, value in found.items() if np.ndim(value) == 0 and value is not None}


def layout(modality):
    """Dims, coordinates, mask of observed stations and heights of a modality.

    Parameters
    ----------
    modality : Modality
        The survey.

    Returns
    -------
    dims : tuple of str
        Prefixed by the modality's name: two lattices that share ``northing`` turn each other into NaN.
    coords : dict
        {name: (dims, values, attributes)}.
    mask : ndarray of bool or None
        True where observed, in the lattice's shape; None without gaps.
    upward : ndarray, float or None
        Station heights, metres.
    """
    name, forward = modality.name, modality.forward
    if not hasattr(forward, "coordinates"):
        dim = f"{name}_id"
        return (dim,), {dim: (dim, np.arange(modality.size), {"long_name": "number of the datum"})}, None, None
    easting, northing, upward = (np.asarray(c) for c in forward.coordinates())
    metres = {"units": "m"}
    grid = _grid(easting, northing, upward)
    if grid is None:
        dim = f"{name}_station"
        coords = {
            dim: (dim, np.arange(modality.size), {"long_name": "station number"}),
            f"{name}_easting": (dim, easting, {**metres, "long_name": "easting"}),
            f"{name}_northing": (dim, northing, {**metres, "long_name": "northing"}),
        }
        return (dim,), coords, None, upward
    east, north, mask = grid
    dims = (f"{name}_northing", f"{name}_easting")
    coords = {dims[0]: (dims[0], north, {**metres, "long_name": "northing"}),
              dims[1]: (dims[1], east, {**metres, "long_name": "easting"})}
    return dims, coords, None if mask.all() else mask, float(upward[0])


def placed(modality, values):
    """Values at the observed stations, (n_data,), in the shape of the dims of `layout`: NaN at gaps."""
    dims, coords, mask, _ = layout(modality)
    if mask is None:
        return np.reshape(values, [np.size(coords[dim][1]) for dim in dims])
    out = np.full(mask.shape, np.nan)
    out[mask] = values
    return out


def _grid(easting, northing, upward):
    """(east axis, north axis, mask) if the stations are a lattice in C order, perhaps with gaps, else None."""
    east, column = np.unique(easting, return_inverse=True)
    north, row = np.unique(northing, return_inverse=True)
    flat = row * east.size + column
    full = easting.size > 0.2 * east.size * north.size and min(east.size, north.size) > 1
    if not full or np.ptp(upward) > 0 or np.any(np.diff(flat) <= 0):
        return None
    mask = np.zeros(north.size * east.size, dtype=bool)
    mask[flat] = True
    return east, north, mask.reshape(north.size, east.size)
