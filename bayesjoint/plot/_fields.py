"""What a figure draws, taken from a tree, a survey or plain arrays."""

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, fail, one_of
from ..mesh import Mesh
from ._style import length_scale

DATA = {"observed": "diverging", "predicted": "diverging", "residual": "diverging", "standardized": "diverging",
        "noise_std": "sequential", "predicted_std": "sequential"}
STORED = {"noise_std": ("constant_data", "noise_std"), "predicted": ("predictive_summary", "mean"),
          "predicted_std": ("predictive_summary", "std")}  # of a data set: group, and the end of a name
MODEL = {"mean": "diverging", "prior_mean": "diverging", "draw": "diverging", "std": "sequential",
         "prior_std": "sequential", "mean_error": "sequential", "std_error": "sequential"}


@dataclass(frozen=True, kw_only=True)
class DataField:
    """Values at stations: on a lattice (1-D axes, 2-D values), scattered (1-D all), or without positions."""

    values: np.ndarray
    easting: np.ndarray | None
    northing: np.ndarray | None
    units: str
    long_name: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """A plane cut through a model: horizontal edges, vertical edges, values between them, and where it is.

    `scale` is (metres in a unit, unit) for the whole mesh, so that all planes of it have the same.
    """

    values: np.ndarray
    horizontal: np.ndarray
    vertical: np.ndarray
    axes: tuple
    place: str
    units: str
    long_name: str
    kind: str
    scale: tuple


def group_named(tree, group):
    """The dataset of a group of a tree."""
    return tree[one_of("group", group, sorted(tree.children))].to_dataset()


def dataset_of(source, group, wanted, maker):
    """A group of a tree, or the dataset itself, which must be what `maker` returns and hold a variable `wanted`."""
    if hasattr(source, "children"):
        source = group_named(source, group)
    if wanted not in getattr(source, "data_vars", {}):
        fail("source", f"be what {maker} returned", type(source).__name__, f"Pass {maker}(...).")
    return source


def is_tree(source):
    """Whether `source` is a result tree."""
    return hasattr(source, "children") and "posterior_summary" in source.children


def data_field(source, name=None, what="observed", easting=None, northing=None, units="1", level=0):
    """Values to map; see `plot.data` for the parameters."""
    one_of("what", what, tuple(DATA))
    if is_tree(source):
        return _from_tree(source, name, what, level)
    if hasattr(source, "easting") and hasattr(source, "data") and hasattr(source, "units"):
        values = source.std if what == "noise_std" else source.data
        return DataField(values=np.asarray(values, float), easting=source.easting, northing=source.northing,
                         units=source.units, long_name=source.name or source.kind, kind=DATA[what])
    values = as_finite("source", source, (1, 2), allow_nan=True)
    if easting is None or northing is None:
        fail("easting and northing", "be given with an array", "None", "Pass the station coordinates in metres.")
    easting, northing = as_finite("easting", easting, 1), as_finite("northing", northing, 1)
    shape = (northing.size, easting.size) if values.ndim == 2 else (easting.size,)
    if values.shape != shape or (values.ndim == 1 and northing.size != easting.size):
        fail("source", f"have shape {shape} to match easting and northing", f"shape {values.shape}", "Transpose it?")
    return DataField(values=values, easting=easting, northing=northing, units=units, long_name=name or what,
                     kind=DATA[what])


def _from_tree(tree, name, what, level):
    if "observed_data" not in tree.children:
        fail("source", "hold observed data", "none", "Plot a tree that was built with its modalities.")
    observed = tree["observed_data"].to_dataset()
    name = one_of("name", name if name is not None else next(iter(observed.data_vars)), tuple(observed.data_vars))
    variable = observed[name]
    values = np.asarray(_values(tree, name, what, variable), dtype=float)
    units = "1" if what == "standardized" else variable.attrs["units"]
    coords = variable.coords
    if values.ndim == 3:
        values = values[one_of("level", level, range(len(values)))]
    north, east = (coords.get(f"{name}_{axis}") for axis in ("northing", "easting"))
    placed = values.ndim > 1 or east is not None
    return DataField(values=values, easting=east.values if placed else None, northing=north.values if placed else None,
                     units=units, kind=DATA[what], long_name=variable.attrs["long_name"].removesuffix(", observed"))


def _values(tree, name, what, observed):
    if what == "observed":
        return observed.values
    if what in STORED:
        group, ending = STORED[what]
        return _variable(tree, group, f"{name}_{ending}").values
    residual = observed.values - _values(tree, name, "predicted", observed)
    return residual / _values(tree, name, "noise_std", observed) if what == "standardized" else residual


def _variable(tree, group, name):
    if group not in tree.children or name not in tree[group].data_vars:
        held = sorted(tree[group].data_vars) if group in tree.children else "nothing"
        fail("source", f"hold {name!r} in {group}", str(held), "Store it when the tree is built.")
    return tree[group][name]


def model_values(tree, name=None, what="mean", label=None):
    """Variable with a parameter's values per cell: posterior, prior, a draw, or a separate inversion's (`label`).

    Cells that a Laplace approximation holds at a bound have no standard deviation of their own: NaN, not 0.
    """
    one_of("what", what, tuple(MODEL))
    name = one_of("name", name if name is not None else mesh_parameters(tree)[0], mesh_parameters(tree))
    if what == "draw":
        return _variable(tree, "posterior", name)[0, 0]
    if label is not None:
        one_of("label", label, labels_of(tree, name, what) or ("(none: the tree holds no such separate inversion)",))
        return _variable(tree, "separate_summary", f"{name}_{what}__{label}")
    if what == "std" and has(tree, "active_bounds", f"{name}_active"):
        std = _variable(tree, "posterior_summary", f"{name}_std")
        return std.copy(data=np.where(tree["active_bounds"][f"{name}_active"].values, np.nan, std.values))
    if what.startswith("prior_"):
        return _variable(tree, "prior_summary", f"{name}_{what.removeprefix('prior_')}")
    return _variable(tree, "posterior_summary", f"{name}_{what}")


def mesh_parameters(tree):
    """Names of the parameters that live on a mesh, in order."""
    summary = tree["posterior_summary"].data_vars
    return tuple(k.removesuffix("_mean") for k, v in summary.items() if k.endswith("_mean") and v.ndim == 3)


def title_of(tree, name):
    """Words for a parameter."""
    return tree["posterior_summary"][f"{name}_mean"].attrs["long_name"].removeprefix("posterior mean of ")


def labels_of(tree, name, what="mean"):
    """Labels of the separate inversions that have parameter `name`."""
    if "separate_summary" not in tree.children:
        return ()
    start = f"{name}_{what}__"
    return tuple(v.removeprefix(start) for v in tree["separate_summary"].data_vars if v.startswith(start))


def mesh_of(tree):
    """The mesh of a tree; cells are air where they are air to every parameter."""
    edges = [_variable(tree, "constant_data", f"{dim}_edges").values for dim in ("easting", "northing", "upward")]
    names = mesh_parameters(tree)
    if not names or not all(has(tree, "constant_data", f"{name}_ground") for name in names):
        return Mesh(*edges)
    return Mesh(*edges, np.any([tree["constant_data"][f"{name}_ground"].values == 1 for name in names], axis=0))


def cut(source, name=None, what="mean", label=None, *, mesh=None, depth=None, northing=None, easting=None, units="1"):
    """Cut a model; see `plot.model` for the parameters."""
    if is_tree(source):
        variable = model_values(source, name, what, label)
        mesh = mesh_of(source)
        values, units = variable.values, variable.attrs["units"]
        long_name = title_of(source, name or mesh_parameters(source)[0])
    else:
        one_of("what", what, tuple(MODEL))
        values, long_name = as_finite("source", source, 3, allow_nan=True), name or "model"
        if mesh is None:
            fail("mesh", "be given with an array", "None", "Pass the Mesh the array lives on.")
        if values.shape != mesh.shape:
            fail("source", f"have the mesh's shape {mesh.shape}", f"shape {values.shape}", "Reorder the axes.")
    edges = {dim: getattr(mesh, f"{dim}_edges") for dim in mesh.dims}
    top = edges["upward"][-1]
    planes = {"northing": northing, "easting": easting, "upward": None if depth is None else top - depth}
    planes = {axis: position for axis, position in planes.items() if position is not None}
    if len(planes) > 1:
        fail("depth, northing, easting", "be given one at a time", "several", "Choose one plane.")
    axis, position = next(iter(planes.items()), ("upward", 0.5 * (edges["upward"][-2] + top)))
    index = _cell(axis, edges[axis], position)
    low, high = edges[axis][index:index + 2]
    axes = tuple(d for d in ("upward", "northing", "easting") if d != axis)[::-1]
    scale = length_scale(*edges.values())
    place = _place(axis, low, high, None if mesh.has_air else top, *scale)
    return Section(values=np.take(values, index, axis=("upward", "northing", "easting").index(axis)),
                   horizontal=edges[axes[0]], vertical=edges[axes[1]], axes=axes, place=place, units=units,
                   long_name=long_name, kind=MODEL[what], scale=scale)


def _cell(axis, edges, position):
    position = float(as_finite("depth" if axis == "upward" else axis, position, 0))
    index = int(np.searchsorted(edges, position, side="right")) - 1
    if position == edges[-1]:
        index -= 1
    if not 0 <= index < edges.size - 1:
        fail("depth" if axis == "upward" else axis, f"lie inside the mesh ({edges[0]:g} to {edges[-1]:g} m {axis})",
             f"{position:g}", "Choose a plane inside it.")
    return index


def _place(axis, low, high, top, divisor, unit):
    if axis == "upward" and top is None:  # over topography a slice has no one depth
        return f"upward {_length(low, divisor)} to {_length(high, divisor)} {unit}"
    if axis == "upward":
        return f"{_length(top - high, divisor)} to {_length(top - low, divisor)} {unit} deep"
    return f"{axis} {_length(0.5 * (low + high), divisor)} {unit}"


def _length(metres, divisor):
    return f"{metres / divisor:.2f}".rstrip("0").rstrip(".")


def best_sections(tree):
    """Where to cut: through the cell that stands out most, over all parameters on the mesh, under the stations.

    Returns
    -------
    dict
        ``northing``, ``easting`` and ``depth`` (metres) of the cell with the largest Σ_p ((mean − prior mean)/std)²;
        without standard deviations the mean's own rms stands in.

    Examples
    --------
    >>> from bayesjoint import Mesh
    >>> from bayesjoint.dataset import ParameterBlock, build_tree
    >>> mesh = Mesh.regular((2, 3, 4), (100, 100, 100))
    >>> mean = np.zeros(mesh.shape)
    >>> mean[0, 1, 2] = 5.0
    >>> edges = {d: getattr(mesh, f"{d}_edges") for d in mesh.dims}
    >>> tree = build_tree([ParameterBlock(name="m", dims=mesh.dims, coords=mesh.coords(), edges=edges, mean=mean,
    ...                                   std=np.ones(mesh.shape))])
    >>> best_sections(tree)
    {'northing': 150.0, 'easting': 250.0, 'depth': 150.0}
    """
    score = 0.0
    for name in mesh_parameters(tree):
        score = score + standing_out(tree, name) ** 2
    mesh = mesh_of(tree)
    seen = under_stations(tree, mesh) & mesh.active
    k, j, i = np.unravel_index(int(np.argmax(np.where(seen, score, -1.0))), score.shape)
    return {"northing": float(mesh.northing[j]), "easting": float(mesh.easting[i]), "depth": float(mesh.depth[k])}


def station_boxes(tree):
    """{(west, east, south, north)} of the stations of every data set that knows positions, metres."""
    names = tree["observed_data"].data_vars if "observed_data" in tree.children else ()
    fields = [field for field in (data_field(tree, name) for name in names) if field.easting is not None]
    return {tuple(float(f(a)) for a in (field.easting, field.northing) for f in (np.min, np.max)) for field in fields}


def under_stations(tree, mesh):
    """Columns within the extent of some survey's stations, (ny, nx) of bool; all where no survey knows its positions.

    What stands beside the stations is held by the edge of their field alone, and is no place to point at first.
    """
    seen = np.zeros(mesh.shape[1:], dtype=bool)
    for west, east, south, north in station_boxes(tree):
        seen |= ((mesh.northing >= south) & (mesh.northing <= north))[:, None] & (mesh.easting >= west) & (
            mesh.easting <= east)
    return seen if seen.any() else ~seen


def standing_out(tree, name):
    """(mean − prior mean) / std per cell, 0 in air; over its own rms where the tree holds no standard deviation."""
    mean, prior = model_values(tree, name, "mean").values, prior_mean(tree, name)
    if has(tree, "posterior_summary", f"{name}_std"):
        std = model_values(tree, name, "std").values
    else:
        std = np.full_like(mean, np.sqrt(np.nanmean((mean - prior) ** 2)))
    return np.divide(mean - prior, std, out=np.zeros_like(mean), where=(std > 0) & np.isfinite(mean))


def prior_mean(tree, name):
    """Prior mean of a mesh parameter; 0 where the tree does not tell it."""
    found = held(tree, "prior_summary", f"{name}_mean")
    return 0.0 if found is None else found.values


def std_ratio(tree, name, label):
    """Joint over separate standard deviation of a mesh parameter, NaN where the latter is 0."""
    joint, alone = (model_values(tree, name, "std", one).values for one in (None, label))
    return np.divide(joint, alone, out=np.full_like(joint, np.nan), where=alone > 0)


def held(tree, group, name):
    """A variable of a group, or None."""
    return tree[group][name] if has(tree, group, name) else None


def has(tree, group, name):
    """Whether a group of the tree holds that variable."""
    return group in tree.children and name in tree[group].data_vars
