"""Shapes that a survey's error may have: polynomials in the stations, levels of flight lines, columns of one's own."""

import numpy as np

from .._checks import as_finite, fail

DEGREES = {"constant": 0, "linear": 1, "quadratic": 2}
AXES = {"rows": "northing", "columns": "easting"}
HIGHEST = 10  # degree: beyond it monomials are one another to rounding
PLACE = 3  # decimals of a metre that tell two lines of a lattice apart


def bias_basis(modality, basis):
    """Columns of an additive error of one survey, and a name for each.

    Parameters
    ----------
    modality : Modality
        The survey. Polynomials and lines of a lattice need an operator that knows its stations.
    basis : str, int, array_like, dict or tuple
        - "constant", "linear", "quadratic" or a degree: all monomials e^i n^j up to that total degree in the scaled
          easting e and northing n, both from −1 to 1 over the survey, so that each column has a largest value of 1.
          They come in the order 1, n, n², ..., e, e n, ....
        - "rows" or "columns": one level for each line of stations along easting ("rows", which share a northing) or
          along northing ("columns").
        - "lines": one level for each line that the survey's file names; n_data labels, integers or strings: one for
          each of these.
        - an array (n_data, q): columns of one's own; or {name: column} to name them.
        - a tuple of these: all their columns side by side.

    Returns
    -------
    columns : ndarray, shape (n_data, q)
        B in d = G m + B b + e; b has the units of the data where columns have a largest value of 1.
    names : tuple of str
        Such as "constant", "north", "east", "line 12", "row at northing 350"; no two alike.

    Raises
    ------
    ValueError, TypeError
        If the survey has no stations where they are needed, sizes disagree, a level would have but one datum each, or
        two columns share a name.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> line = bj.Modality("line", [[1.0], [2.0], [3.0]], [3.0, 4.0, 5.0], bj.DiagonalNoise([0.1] * 3), "slope")
    >>> columns, names = bias_basis(line, [10, 10, 12])
    >>> columns.tolist(), names
    ([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], ('line 10', 'line 12'))
    """
    parts = [_part(modality, each) for each in (basis if isinstance(basis, tuple) and basis else [basis])]
    columns = np.hstack([c for c, _ in parts])
    names = tuple(name for _, several in parts for name in several)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        fail("basis", "give every column a name of its own", f"{', '.join(twice)} more than once",
             "Leave out what another part holds already, or name columns by a dict.")
    return columns, names


def _part(modality, basis):
    """(columns, names) of one kind of basis."""
    if isinstance(basis, (int, np.integer)) and not isinstance(basis, bool):
        if not 0 <= basis <= HIGHEST:
            fail("basis", f"be a degree from 0 to {HIGHEST}", f"{basis}", "2 takes a bowl out.")
        return _polynomials(modality, int(basis))
    if isinstance(basis, str):
        if basis in AXES:
            return _lattice_lines(modality, basis)
        if basis == "lines":
            return _own_lines(modality)
        if basis not in DEGREES:
            fail("basis", f"be one of {[*DEGREES, *AXES, 'lines']}, a degree, or an array", repr(basis),
                 "Correct the spelling.")
        return _polynomials(modality, DEGREES[basis])
    if isinstance(basis, dict):
        return _named(modality, basis)
    return _given(modality, basis)


def _polynomials(modality, degree):
    easting, northing = _stations(modality, degree)
    east, north = _centred(easting), _centred(northing)
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    columns = np.stack([east**i * north**j for i, j in powers], axis=1)
    return columns, tuple(_monomial(i, j) for i, j in powers)


def _monomial(i, j):
    parts = [name if power == 1 else f"{name}^{power}" for name, power in (("east", i), ("north", j)) if power]
    return " ".join(parts) or "constant"


def _lattice_lines(modality, basis):
    easting, northing = _stations(modality, basis)
    along, word = (northing, "row at northing") if basis == "rows" else (easting, "column at easting")
    place, line = np.unique(np.round(along, PLACE), return_inverse=True)
    if place.size > modality.size // 2:
        fail("basis", "give lines that hold two data or more on average", f"{place.size} {basis} for {modality.size} "
             "data", "Stations that are on no lattice need labels: one for each datum.")
    return _levels(line, [f"{word} {value:.12g}" for value in place])


def _own_lines(modality):
    if modality.lines is None:
        fail("basis", "be other than 'lines' for a survey whose lines are not named", repr(modality.name),
             "Give labels, one for each datum, or read a file with lines, such as a Geosoft XYZ.")
    return _given(modality, modality.lines)


def _levels(line, names):
    columns = np.zeros((line.size, len(names)))
    columns[np.arange(line.size), line] = 1.0
    return columns, tuple(names)


def _named(modality, basis):
    if not basis or not all(isinstance(name, str) and name for name in basis):
        fail("basis", "be keyed by names", f"{list(basis)}", "Give {name: column}.", TypeError)
    columns = [as_finite(f"basis[{name!r}]", column, 1) for name, column in basis.items()]
    for name, column in zip(basis, columns, strict=True):
        if column.size != modality.size:
            fail(f"basis[{name!r}]", f"have {modality.size} values", f"{column.size}", "Give one for each datum.")
    return np.stack(columns, axis=1), tuple(basis)


def _given(modality, basis):
    array = np.asarray(basis)
    if array.ndim == 1 and array.dtype.kind in "iuUS":
        if array.size != modality.size:
            fail("basis", f"have {modality.size} labels of lines", f"{array.size}", "Give one for each datum.")
        labels, line = np.unique(array, return_inverse=True)
        return _levels(line, [f"line {label}" for label in labels.tolist()])
    columns = as_finite("basis", basis, 2)
    if columns.shape[0] != modality.size or columns.shape[1] == 0:
        fail("basis", f"have {modality.size} rows and at least one column", f"shape {columns.shape}",
             "Give one row for each datum.")
    return columns, tuple(f"column {k}" for k in range(columns.shape[1]))


def _stations(modality, basis):
    if not hasattr(modality.forward, "coordinates"):
        fail("basis", "be an array when the forward operator does not know its stations", repr(basis), "Give columns.")
    return [np.asarray(c, dtype=float) for c in modality.forward.coordinates()[:2]]


def _centred(values):
    middle = 0.5 * (values.max() + values.min())
    half = 0.5 * np.ptp(values)
    return (values - middle) / (half if half > 0 else 1.0)
