"""One survey as the problem sees it: forward operator, data, noise, and the parameters it looks at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, issparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from .._checks import as_count, as_finite, checked, fail, frozen
from .._typing import Any, ArrayLike, ForwardModel, Sequence
from ..noise import StationaryNoise
from ..quantities import same_units


@dataclass(frozen=True, kw_only=True, eq=False)
class Term:
    """One more part of a survey's data: columns times the values of a parameter.

    Parameters
    ----------
    parameter : str
        Name.
    columns : ndarray or sparse array, shape (n_data, size of the parameter)
        Data for a unit of each value, made finite float64, dense or CSR.
    """

    parameter: str
    columns: object

    def __post_init__(self):
        """Refuse bad columns at once."""
        name, columns = f"columns of the term of {self.parameter}", self.columns
        if issparse(columns) and columns.ndim == 2:
            columns = csr_array(columns, dtype=float, copy=True)
            as_finite(name, columns.data)
        else:
            columns = frozen(as_finite(name, columns.toarray() if issparse(columns) else columns, 2))
        object.__setattr__(self, "columns", columns)


@checked
class Modality:
    """Data d = F(m) + Σ Bᵢ bᵢ + e of one survey: what its forward operator sees, terms such as a bias, and noise.

    Parameters
    ----------
    name : str
        Identifier; it names the survey in every result.
    forward : LinearOperator, array_like or ForwardModel, shape (n_data, n)
        Acts on the physical values of the parameters it sees, flattened and joined in the order of `parameter`. A
        matrix is copied, unless it is read-only.
    data : array_like
        n_data values, flat or in the grid shape that `forward` predicts, finite: leave gaps out of both.
    noise : DiagonalNoise, DenseNoise, StationaryNoise or StudentNoise
        Law of the noise: Gaussian with a covariance, or Student-t.
    parameter : str or tuple of str
        Name(s) of the parameter(s) the survey sees.
    units : str, optional
        Units of the data; default the operator's, else "1". Nothing is converted: others than the operator's are
        refused.
    metadata : dict, optional
        Strings and numbers kept with the result: source, licence and the like.
    terms : sequence of Term, default ()
        What is added to the forward operator's data: `add_bias` and `add_discrepancy` make them.
    stride : int, default 1
        Of a grid that was interpolated: every how many nodes, both ways, one counts as measured. `fit_hyperparameters`
        sets it where it thins; the noise is then that of all nodes, as much larger as makes them weigh what the
        measured ones do. Tests of agreement and `temper` look at the measured ones alone.
    lines : array_like of str, optional
        Name of the line that every datum was measured on; tests of agreement look at a level for each.

    Attributes
    ----------
    seen : tuple of str
        Parameters that the forward operator acts on.
    parameters : tuple of str
        These, and those of the terms.

    Raises
    ------
    ValueError, TypeError
        If sizes or grid shapes disagree, or data hold NaN or Inf.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesjoint import DiagonalNoise
    >>> Modality("line", np.eye(2), [1.0, 2.0], DiagonalNoise([0.1, 0.1]), "density").size
    2
    """

    def __init__(self, name: str, forward: LinearOperator | ArrayLike | ForwardModel, data: ArrayLike, noise: Any,
                 parameter: str | tuple, units: str | None = None, metadata: dict | None = None,
                 terms: Sequence = (), stride: int = 1, lines: ArrayLike | None = None) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            fail("name", "be an identifier (letters, digits, _)", repr(name), 'Use for example "gravity".', TypeError)
        self.name = name
        self.forward = _operator(forward)
        data = as_finite("data", data)
        if data.size == 0:
            fail("data", "hold at least one datum", "none", "Leave the survey out.")
        grid = tuple(getattr(forward, "data_shape", data.shape))
        self.data, self.size = data.flatten(), data.size
        if self.forward.shape[0] != self.size:
            fail("forward", f"have one row for each of the {self.size} data", f"shape {self.forward.shape}",
                 "Build it at the stations of the data; bj.StationSelection leaves gaps out.")
        _same_grid("data", data.shape, grid)
        _same_grid("noise", getattr(noise, "shape", ()), grid if len(grid) > 1 else data.shape)
        self.noise = self._placed(noise)
        if self.noise.size != self.size:
            fail("noise", f"have size {self.size}", f"size {self.noise.size}", "Give one std for each datum.")
        self.seen, self.terms = _names(parameter), _checked_terms(terms, self.size)
        self.parameters = _names((*self.seen, *(t.parameter for t in self.terms)))
        self.units = _checked_units(name, getattr(forward, "units", None), units)
        self.kind = getattr(forward, "kind", "data")
        self.data_shape = tuple(getattr(forward, "data_shape", (self.size,)))
        self.data_dims = tuple(getattr(forward, "data_dims", ("id",)))
        self.metadata = dict(metadata or {})
        self.stride = as_count("stride", stride, 1, "1 takes every node for measured.")
        self.lines = _labels(lines, self.size)

    def _placed(self, noise):
        if isinstance(noise, StationaryNoise):
            if not hasattr(self.forward, "coordinates"):
                fail("forward", "know its stations when the noise is stationary", type(self.forward).__name__,
                     "Use DenseNoise, or an operator of bayesjoint.")
            easting, northing, _ = self.forward.coordinates()
            return noise.at(easting, northing)
        if not hasattr(noise, "whiten"):
            fail("noise", "be DiagonalNoise, DenseNoise, StationaryNoise or StudentNoise", type(noise).__name__,
                 "Wrap standard deviations in DiagonalNoise(std).", TypeError)
        return noise

    @property
    def linear(self):
        """Whether the data are a linear function of the parameters."""
        return not _is_nonlinear(self.forward)

    def replace(self, **changes: Any):
        """A copy with some constructor arguments changed."""
        given = {"name": self.name, "forward": self.forward, "data": self.data, "noise": self.noise,
                 "parameter": self.seen, "units": self.units, "metadata": self.metadata, "terms": self.terms,
                 "stride": self.stride, "lines": self.lines}
        if np.size(changes.get("data", self.data)) != self.size:
            del given["lines"]  # nothing says which data are left
        return Modality(**{**given, **changes})

    def with_term(self, parameter: str, columns: Any):
        """The same survey with columns, an array or a sparse array (n_data, q), times a parameter added to its data."""
        return self.replace(terms=(*self.terms, Term(parameter=parameter, columns=columns)))

    def without_term(self, parameter: str):
        """The same survey without the term of a parameter that it has."""
        if self.term(parameter) is None:
            fail("parameter", f"be one of the terms of {self.name!r}, {[t.parameter for t in self.terms]}",
                 repr(parameter), "Check the name.")
        return self.replace(terms=[t for t in self.terms if t.parameter != parameter])

    def term(self, parameter: str):
        """The term of a parameter, or None."""
        return next((t for t in self.terms if t.parameter == parameter), None)

    def __repr__(self):
        return f"Modality({self.name!r}, {self.size} data, parameter={self.parameters!r})"


def _labels(lines, size):
    """Names of lines, one a datum, read only."""
    if lines is None:
        return None
    labels = np.array(lines, dtype=str).ravel()
    if labels.size != size:
        fail("lines", f"name one line for each of the {size} data", f"{labels.size}", "Leave gaps out of both.")
    return frozen(labels)


def _checked_terms(terms, size):
    """Terms with one row of columns for each datum."""
    terms = tuple(terms) if isinstance(terms, (tuple, list)) else (terms,)
    for term in terms:
        if not isinstance(term, Term):
            fail("terms", "be a list of terms", type(term).__name__, "Use modality.with_term(parameter, columns).",
                 TypeError)
        if term.columns.shape[0] != size:
            fail(f"columns of the term of {term.parameter}", f"have one row for each of the {size} data",
                 f"shape {term.columns.shape}", "Give the terms of these data too: replace(..., terms=...).")
    return terms


def _same_grid(argument, shape, grid):
    """Refuse a grid of another shape: flattened, a transposed one would fit in silence."""
    if len(shape) > 1 and len(grid) > 1 and tuple(shape) != tuple(grid):
        fail(argument, f"have the grid shape {tuple(grid)}", f"shape {tuple(shape)}",
             "Order grids as (northing, easting), or pass flat values in the operator's order.")


def _names(parameter):
    names = (parameter,) if isinstance(parameter, str) else parameter
    if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) for name in names):
        fail("parameter", "be a name or a tuple of names", repr(parameter), "Pass Parameter.name.", TypeError)
    if not names or len(set(names)) != len(names):
        fail("parameter", "name one or more different parameters", repr(parameter), "Check the names.")
    return tuple(names)


def _is_nonlinear(forward):
    """What `ForwardModel` offers, from whatever class."""
    return hasattr(forward, "linearise")


def _operator(forward):
    if isinstance(forward, LinearOperator) or _is_nonlinear(forward):
        return forward
    if hasattr(forward, "toarray") and hasattr(forward, "data"):
        forward = forward.copy()  # answers that are kept for it must stay true
        forward.data = frozen(forward.data)
    if hasattr(forward, "matvec") or hasattr(forward, "toarray"):
        return aslinearoperator(forward)
    if callable(forward):
        fail("forward", "be a LinearOperator, a matrix or a ForwardModel", "a callable",
             "Wrap a nonlinear function in ForwardModel(predict, shape), a linear one in a LinearOperator.", TypeError)
    return aslinearoperator(frozen(as_finite("forward", forward, 2)))


def _checked_units(name, own, given):
    """Units of the data: those in which the operator predicts, where it says."""
    if given is None or own in (None, "1"):  # an operator of no stated units takes any
        return str(given or own or "1")
    if not same_units(own, given):
        fail(f"units of modality {name!r}", f"be {own!r}, in which its forward operator predicts", repr(given),
             "Convert data and std; bj.read_survey does it as a file is read.")
    return own
