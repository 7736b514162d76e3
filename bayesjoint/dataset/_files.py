"""Writing and reading the tree, and views of it that other tools need."""

import json

import numpy as np

from .._checks import as_file, as_target, fail
from .._damaged import attempt, attempt_hdf5
from .._interrupts import held
from ._beside import beside, steady

GROWN = ("posterior", "prior", "posterior_predictive", "log_likelihood", "sample_stats")  # groups of draws
CHUNK = 10  # draws stored together where they can grow
_COMPRESSED = {"zlib": True, "complevel": 1, "shuffle": True}


def write_tree(tree, path, growing=False):
    """Write a tree as netCDF 4: beside the target first, then renamed, so that nothing half-written is ever seen.

    Draws rounded with ``keep_bits`` are compressed; everything else is stored plain, which is faster and costs
    little room because unrounded draws do not compress.

    Parameters
    ----------
    tree : xarray.DataTree
        From `build_tree`.
    path : path-like
        Target; an existing file is replaced.
    growing : bool, default False
        Lay draws out so that `GrowingFile` can append to them.

    Returns
    -------
    pathlib.Path
        The file.

    Examples
    --------
    >>> import tempfile
    >>> from bayesjoint.dataset import ParameterBlock, build_tree
    >>> tree = build_tree([ParameterBlock(name="mass", mean=4.0, std=1.0, units="kg")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_tree(write_tree(tree, folder + "/posterior.nc")).identical(tree)
    True
    """
    path = as_target("path", path)
    encoding, unlimited = _layout(tree) if growing else ({}, None)
    if "keep_bits" in tree.attrs:
        for group in ("posterior", "prior", "posterior_predictive", "log_likelihood"):
            if group in tree.children:
                laid = encoding.setdefault(f"/{group}", {})
                encoding[f"/{group}"] = {name: _COMPRESSED | laid.get(name, {}) for name in tree[group].data_vars}
    with held(), beside(path) as part, steady(part, "w+b") as file:
        tree.to_netcdf(file, engine="h5netcdf", encoding=encoding, unlimited_dims=unlimited)
    return path


def write_dataset(dataset, path):
    """Write an `xarray.Dataset` as netCDF 4, beside the target first; an existing file is replaced.

    Parameters
    ----------
    dataset : xarray.Dataset
        Coordinates without a fill value, as CF has it; data keep NaN as theirs.
    path : path-like
        Target.

    Returns
    -------
    pathlib.Path
        The file.
    """
    path = as_target("path", path)
    full = {name for name, v in dataset.data_vars.items() if v.dtype.kind == "f" and "bounds" not in v.dims}
    encoding = {name: {"_FillValue": np.nan if name in full else None} for name in dataset.variables}
    with held(), beside(path) as part, steady(part, "w+b") as file:
        dataset.to_netcdf(file, engine="h5netcdf", encoding=encoding)
    return path


def _layout(tree):
    """(encoding, unlimited dims) of groups whose draws can grow: in chunks of a few draws of one chain."""
    few, encoding = {"chain": 1, "draw": CHUNK}, {}
    for name in set(GROWN) & set(tree.children):
        encoding[f"/{name}"] = {
            variable: {"chunksizes": tuple(min(few.get(dim, size), size) for dim, size in values.sizes.items())}
            for variable, values in tree[name].variables.items() if "draw" in values.dims}
    return encoding, {group: ["draw"] for group in encoding}


def read_tree(path, lazy=False):
    """Read a file of `write_tree` or `GrowingFile`.

    Parameters
    ----------
    path : path-like
        The file.
    lazy : bool, default False
        Leave arrays in the file until they are asked for, and the file open.

    Returns
    -------
    xarray.DataTree

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not netCDF 4, or not one of ours.
    """
    import xarray

    path = as_file("path", path)
    tree, cause = attempt_hdf5(path, lambda: xarray.open_datatree(path, engine="h5netcdf"))
    _refuse_unreadable(path, cause)
    if tree.attrs.get("schema") != "bayesjoint":
        tree.close()
        fail("path", "name a bayesjoint posterior", f"{path.name} without that schema",
             "Pass a file of post.to_file, or of bayesjoint run.")
    if not lazy:
        with tree:
            _refuse_unreadable(path, attempt(tree.load)[1])
    return tree


def _refuse_unreadable(path, cause):
    if cause is not None:
        fail("path", "name a readable netCDF 4 file", f"{path.name!r}, which cannot be read ({cause})",
             "Pass a file of post.to_file, or of bayesjoint run; a damaged one has to be made anew.")


def read_attributes(tree):
    """Return the attributes of a tree (or dataset, or variable) as a dict, with what was kept as JSON decoded.

    Examples
    --------
    >>> from bayesjoint.dataset import ParameterBlock, build_tree
    >>> block = ParameterBlock(name="mass", mean=4.0, units="kg")
    >>> tree = build_tree([block], attributes={"settings": {"noise": 2}})
    >>> read_attributes(tree)["settings"]
    {'noise': 2}
    """
    decoded = {}
    for key, value in tree.attrs.items():
        if key.endswith("_json"):
            decoded[key.removesuffix("_json")] = json.loads(value)
        else:
            decoded[key] = value.item() if isinstance(value, np.generic) else value
    return decoded


def without_gaps(tree):
    """Return the tree with gappy modalities flattened over their observed data, for ArviZ's LOO and PIT.

    ArviZ does not skip NaN. A modality without gaps stays as it is; another one gets the single dim
    ``gravity_datum``, its former coordinates running along it.

    Parameters
    ----------
    tree : xarray.DataTree
        From `build_tree`.

    Returns
    -------
    xarray.DataTree

    Examples
    --------
    >>> from bayesjoint.dataset import ModalityBlock, ParameterBlock, build_tree
    >>> survey = ModalityBlock(name="g", kind="gravity", dims=("g_station",), coords={}, observed=[1.0, np.nan, 3.0])
    >>> without_gaps(build_tree([ParameterBlock(name="mass", mean=4.0)], [survey]))["observed_data"]["g"].values
    array([1., 3.])
    """
    import xarray

    datasets = {group: node.to_dataset() for group, node in tree.children.items()}
    for name, observed in tree["observed_data"].data_vars.items():
        keep = np.flatnonzero(np.isfinite(observed.values).ravel())
        if keep.size == observed.size:
            continue
        datum = f"{name}_datum"
        for group, dataset in datasets.items():
            if set(observed.dims) <= set(dataset.dims):
                flat = dataset.stack({datum: observed.dims}).isel({datum: keep}).reset_index(datum)
                datasets[group] = flat.assign_coords({datum: np.arange(keep.size)})
    root = xarray.Dataset(attrs=tree.attrs)
    return xarray.DataTree.from_dict({"/": root} | {f"/{group}": ds for group, ds in datasets.items()})
