"""What is in memory already and is read like a file: tables of pandas, arrays and datasets of xarray."""

import numpy as np

from .._checks import fail
from ._netcdf import of_dataset
from ._table import of_table


class InMemory:
    """An object that stands for a file.

    Parameters
    ----------
    name : str
        What errors and history call it.
    read : callable
        (kind, columns) -> dict of plain arrays, as of `read_netcdf`.
    """

    def __init__(self, name, read):
        self.name, self.read = name, read


def in_memory(source):
    """`InMemory` of a DataFrame, a DataArray or a Dataset; None of anything else."""
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return InMemory("the DataFrame", lambda kind, columns: _of_frame(source, kind, columns))
    if hasattr(source, "to_dataset") and hasattr(source, "coords") and hasattr(source, "values"):
        return InMemory("the DataArray", lambda kind, columns: _of_array(source, kind, columns))
    if hasattr(source, "data_vars") and hasattr(source, "coords"):
        return InMemory("the Dataset", lambda kind, columns: of_dataset(source, kind, columns))
    return None


def _of_array(array, kind, columns):
    name = str(array.name or kind)
    if name in array.coords:
        fail("path", "have a name that is none of its coordinates", repr(name), "Rename it: array.rename('gravity').")
    return of_dataset(array.to_dataset(name=name), kind, type(columns)(columns | {"data": name}, columns.degrees))


def _of_frame(frame, kind, columns):
    table = _FrameTable(frame)
    found = of_table(table, {}, kind, columns)
    crs = getattr(frame, "crs", None) if not hasattr(getattr(frame, "crs", None), "iloc") else None
    stated = frame.attrs.get("crs") if crs is None else crs
    return found | {"attributes": {str(k): v for k, v in frame.attrs.items()} | ({} if stated is None else {
        "crs": stated})}


class _FrameTable:
    """A DataFrame as tables are asked; names of the levels of its index are columns too."""

    file, lines, comments = "the DataFrame", None, ()

    def __init__(self, frame):
        named = any(name is not None for name in frame.index.names)
        self._frame = frame.reset_index() if named else frame
        self.names = [str(name) for name in self._frame.columns]
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            fail("path", "name each column once", f"{', '.join(twice)[:60]} twice", "Rename it.")

    def texts(self, name):
        """Values of a column as texts."""
        return [str(value) for value in self._frame.iloc[:, self.names.index(name)]]

    def floats(self, names):
        """Columns as floats, shape (rows, columns)."""
        out = np.empty((len(self._frame), len(names)))
        for k, name in enumerate(names):
            column = self._frame.iloc[:, self.names.index(name)]
            try:
                if column.dtype.kind in "bMmc" or str(column.dtype) == "boolean":
                    raise TypeError
                out[:, k] = column.to_numpy(dtype=float, na_value=np.nan)
            except (ValueError, TypeError):
                fail(f"column {name!r}", "hold numbers", f"dtype {column.dtype}",
                     "Convert it: pandas.to_numeric(column, errors='coerce') makes gaps of what is no number.")
        return out
