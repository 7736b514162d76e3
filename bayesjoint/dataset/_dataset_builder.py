"""One flat dataset of figures with their errors: what questions put to a posterior are answered in."""

import numpy as np

from ._groups import GroupBuilder

_GROUP = "figures"


class DatasetBuilder:
    """Variables with units, words and errors, laid out by the rules of the result schema.

    Examples
    --------
    >>> table = DatasetBuilder()
    >>> table.along("modality", ["gravity", "magnetic"], "modality")
    >>> table.add("information", ("modality",), [12.5, 30.0], "bit", "information gained", error=[0.1, 0.2])
    >>> table.dataset({"seed": 0})["information_error"].values
    array([0.1, 0.2])
    """

    def __init__(self):
        self._builder = GroupBuilder(draw_dtype="float64")

    def place(self, fields):
        """Register the dims and coordinates of a parameter; `fields` are those of a `ParameterBlock`."""
        self._builder.coordinates(f"parameter {fields['name']!r}", fields["dims"], fields["coords"])

    def along(self, dim, values, long_name, units="1"):
        """Register a dim with its coordinate values (numbers or strings)."""
        described = {"units": units, "long_name": long_name}
        self._builder.coordinates(f"dim {dim!r}", (dim,), {dim: (dim, np.asarray(values), described)})

    def add(self, name, dims, values, units, long_name, error=None, *, draws=False, **attributes):
        """Add a variable and, where `error` is given, `name`_error beside it; NaN means not known."""
        self._builder.add(_GROUP, name, dims, values, units, long_name, attributes, nan=True, draws=draws)
        if error is not None:
            error = np.broadcast_to(np.asarray(error, dtype=float), np.shape(values))
            self._builder.add(_GROUP, f"{name}_error", dims, error, units, f"standard error of {long_name}", nan=True)

    def dataset(self, attributes=None):
        """The `xarray.Dataset`."""
        return self._builder.dataset(_GROUP, attributes)
