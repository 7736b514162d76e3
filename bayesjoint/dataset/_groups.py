"""Collecting variables by group, holding every name, dim and coordinate to the schema's rules."""

import json
import math
import re

import numpy as np

from .._checks import fail, one_of

RESERVED = ("chain", "draw", "sample", "pred_id", "iteration")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SIGNIFICAND = {"float32": 24, "float64": 53}


class GroupBuilder:
    """Variables by group; see `build_tree` for the rules.

    Parameters
    ----------
    draw_dtype : {"float32", "float64"}
        Storage of draws.
    keep_bits : int or None
        Mantissa bits kept in draws; None keeps all.
    """

    def __init__(self, draw_dtype="float32", keep_bits=None):
        one_of("draw_dtype", draw_dtype, tuple(_SIGNIFICAND))
        bits = _SIGNIFICAND[draw_dtype]
        if keep_bits is not None and not 1 <= keep_bits < bits - 1:
            fail("keep_bits", f"be from 1 to {bits - 2}", repr(keep_bits), f"Leave it out to keep all of {draw_dtype}.")
        self.draw_dtype, self.keep_bits = draw_dtype, keep_bits
        error = 2.0 ** -(bits if keep_bits is None else keep_bits + 1)
        self.storage = f"{draw_dtype}, each value rounded by at most {error:.1e} of itself"
        self.groups, self.coords, self.sizes, self.leads = {}, {}, {}, {}

    def coordinates(self, where, dims, coords, shape=None):
        """Register the coordinates of one block and return the shape its dims now have."""
        for dim in dims:
            check_name(f"a dim of {where}", dim)
        for name, (along, values, attributes) in coords.items():
            along = (along,) if isinstance(along, str) else tuple(along)
            self._coordinate(where, dims, name, along, values, attributes)
        if shape is not None and len(shape) == len(dims):
            for dim, size in zip(dims, shape, strict=True):
                self._size(where, dim, size)
        for dim in dims:
            if dim not in self.sizes:
                fail("coords", f"cover dim {dim!r} of {where}", "none", f"Add {dim!r}: ({dim!r}, values, attributes).")
            if dim not in self.coords:
                number = {"units": "1", "long_name": f"number along {dim}"}
                self.coords[dim] = ((dim,), np.arange(self.sizes[dim]), number)
        return tuple(self.sizes[d] for d in dims)

    def _coordinate(self, where, dims, name, along, values, attributes):
        values = np.asarray(values)
        if not set(along) <= set(dims) or values.ndim != len(along):
            fail(f"coordinate {name!r} of {where}", f"run along dims among {tuple(dims)}",
                 f"dims {along}, shape {values.shape}", "Give (dim, values, attributes).")
        for dim, size in zip(along, values.shape, strict=True):
            self._size(where, dim, size)
        known = self.coords.get(name)
        if known is not None and not (known[0] == along and np.array_equal(known[1], values)):
            fail(f"coordinate {name!r} of {where}", "equal the one already in the tree", "different values",
                 "Give each modality and each mesh its own dims: shared names would turn data into NaN.")
        units = {"units": "m" if values.dtype.kind == "f" else "1", "long_name": name}
        self.coords[name] = (along, values, units | dict(attributes))

    def _size(self, where, dim, size):
        if self.sizes.setdefault(dim, size) != size:
            fail(f"dim {dim!r} of {where}", f"have the size {self.sizes[dim]} it has elsewhere", str(size),
                 "Give each modality and each mesh its own dims, and every array its block's shape.")

    def add(self, group, name, dims, values, units, long_name, attributes=None, *, where="the tree", nan=False,
            draws=False, spread=False, shared=False, gaps=None):
        """Add one variable.

        Parameters
        ----------
        group, name : str
            Where it goes.
        dims : tuple of str
            Its dims, without ``chain, draw`` if `draws`.
        values : array_like
            Its values; finite unless `nan`.
        units, long_name : str
            Required on every variable.
        attributes : dict, optional
            More attributes.
        where : str
            Words for errors.
        nan : bool
            Permit NaN (gaps, unknown errors).
        draws : bool
            ``chain, draw`` come first, and the values are stored as draws are.
        spread : bool
            Permit a scalar for all cells.
        shared : bool
            Permit the variable to be there already with equal values.
        gaps : ndarray of bool, optional
            Where NaN is permitted all the same, without chain and draw.
        """
        check_name(f"a variable of {where}", name)
        values = np.asarray(values)
        dims = (*(("chain", "draw") if draws else ()), *dims)
        if spread and values.ndim == 0:
            values = np.broadcast_to(values, [self.sizes[d] for d in dims])
        if values.ndim != len(dims):
            fail(f"{name} ({group})", f"have dims {dims}", f"shape {values.shape}", "Reorder or reshape it.")
        for dim, size in zip(dims, values.shape, strict=True):
            if dim not in RESERVED:
                self._size(f"{name} ({group})", dim, size)
            elif self.leads.setdefault((group, dim), size) != size:
                fail(f"{name} ({group})", f"have {self.leads[group, dim]} entries along {dim!r} as others of its group",
                     str(size), "Draw all parameters together.")
        values = self._stored(f"{name} ({group})", values, nan, draws, gaps)
        held = self.groups.setdefault(group, {})
        if name in held and not (shared and np.array_equal(held[name][1], values)):
            fail(f"{name} ({group})", "be the only variable of that name", "another one", "Rename one of the two.")
        held[name] = (dims, values, encode({"units": units, "long_name": long_name, **(attributes or {})}))

    def _stored(self, name, values, nan, draws, gaps):
        if values.dtype.kind not in "fiub":
            fail(name, "be numeric", f"dtype {values.dtype}", "Pass numbers.", TypeError)
        bad = np.isinf(values) if nan else ~np.isfinite(values)
        if gaps is not None:
            bad &= ~(np.isnan(values) & gaps)
        if bad.any():
            fail(name, f"hold no {'Inf' if nan else 'NaN or Inf'}", f"{int(bad.sum())} offending value(s)",
                 "An inversion that failed has no result to store.")
        if draws:
            return round_mantissa(values.astype(self.draw_dtype), self.keep_bits)
        return values.astype(np.float64) if values.dtype.kind == "f" else values.copy()

    def dataset(self, group, attributes=None):
        """Return one group as an `xarray.Dataset`."""
        import xarray

        variables = self.groups[group]
        dims = {d for along, _, _ in variables.values() for d in along}
        coords = {n: c for n, c in self.coords.items() if set(c[0]) <= dims}
        for dim in dims & set(RESERVED):
            coords[dim] = ((dim,), np.arange(self.leads[group, dim]), {"units": "1", "long_name": dim})
        for name in variables:
            if name in self.sizes or name in coords or name in dims:
                fail(f"variable {name!r}", "not share its name with a dimension or coordinate", "one that does",
                     f"Call the dimension {name}_id.")
        return xarray.Dataset(variables, coords, encode(attributes or {}))

    def tree(self, attributes, extra):
        """Return the `xarray.DataTree`; `extra` holds finished datasets for further flat groups."""
        import xarray

        datasets = {"/": xarray.Dataset(attrs=encode(attributes))}
        datasets |= {f"/{group}": self.dataset(group) for group in self.groups}
        for group, dataset in extra.items():
            check_name("a group", group)
            if f"/{group}" in datasets:
                fail("extra", "not repeat a group", repr(group), "Rename it.")
            datasets[f"/{group}"] = _checked(group, dataset)
        return xarray.DataTree.from_dict(datasets)


def round_mantissa(values, keep_bits):
    """Round floats to `keep_bits` bits after the leading one (half up in magnitude): error <= 2^-(keep_bits+1).

    Examples
    --------
    >>> float(round_mantissa(np.float32([1.2345]), 4)[0])
    1.25
    """
    if keep_bits is None:
        return values
    unsigned = {4: np.uint32, 8: np.uint64}[values.itemsize]
    drop = unsigned(_SIGNIFICAND[str(values.dtype)] - 1 - keep_bits)
    bits = values.view(unsigned)
    rounded = ((bits + (unsigned(1) << (drop - unsigned(1)))) >> drop) << drop
    return np.where(np.isfinite(values), rounded.view(values.dtype), values)


def encode(attributes):
    """Return attributes as netCDF can hold them: numbers and strings.

    Booleans become "true"/"false", None is dropped, mappings and sequences become JSON under ``<name>_json``.

    Examples
    --------
    >>> encode({"seed": 1, "exact": True, "note": None, "settings": {"std": [1, 2]}})
    {'seed': 1, 'exact': 'true', 'settings_json': '{"std": [1, 2]}'}
    """
    encoded = {}
    for key, value in attributes.items():
        value = _plain(value)
        if isinstance(value, bool):
            value = str(value).lower()
        if isinstance(value, dict | list):
            key, value = key if key.endswith("_json") else f"{key}_json", json.dumps(value, ensure_ascii=False)
        if value is not None:
            encoded[key] = value
    return encoded


def _plain(value):
    """Turn NumPy scalars and arrays, tuples and None entries into what JSON knows; refuse anything else."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return str(value)  # netCDF has no integers of more than 64 bits
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "backslashreplace").decode("utf-8")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return fail("attributes", "be numbers, strings, or mappings and lists of them", type(value).__name__,
                "Say it in words.", TypeError)


def check_name(where, name):
    """Refuse names that ArviZ, xarray or netCDF would stumble over."""
    if not (isinstance(name, str) and _NAME.fullmatch(name)) or name in RESERVED:
        fail(where, f"be letters, digits and underscores and none of {RESERVED}", repr(name), "Rename it.")


def _checked(group, dataset):
    if not hasattr(dataset, "data_vars"):
        fail(f"group {group!r}", "be an xarray.Dataset", type(dataset).__name__, "Pass what the diagnostic returned.",
             TypeError)
    dataset = dataset.copy()
    for name, variable in dataset.variables.items():
        if name not in RESERVED and not {"units", "long_name"} <= set(variable.attrs):
            found = f"attributes {sorted(variable.attrs)}"
            fail(f"{name} of extra group {group!r}", "carry units and long_name", found, "Add them.")
        variable.attrs = encode(variable.attrs)
    dataset.attrs = encode(dataset.attrs)
    return dataset
