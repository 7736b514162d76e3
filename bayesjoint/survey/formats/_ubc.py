"""Observations of the UBC-GIF programs: gravity (positive down, mGal) and magnetic data (nT) at elevations."""

import numpy as np

from ..._checks import fail
from ..._text_table import TextTable, check_width, is_number
from ...quantities import component_of
from .._rules import FIELD_ATTRIBUTES
from ._parts import check_count, grid, reals, text, whole

ENDINGS = (".obs", ".grv", ".grav", ".gra", ".mag", ".pre")
COLUMNS = ("easting", "northing", "upward", "data", "std")
ALONG = {"b_e": (0.0, 90.0), "b_n": (0.0, 0.0), "b_u": (-90.0, 0.0)}  # inclination and declination of components
NEAR = 0.01  # between unit vectors of one direction, as files round them
GRADIENTS = "datacomp"


def looks(head):
    """Whether a file begins like magnetic data: field, direction of the anomaly, count, a row; or like gradients."""
    lines = _words(head.decode("latin-1"))[:4]
    if lines and lines[0][1].lower().startswith(GRADIENTS):
        return True
    words = [line.split() for _, line in lines]
    return (len(words) == 4 and len(words[0]) == 3 and len(words[1]) in (2, 3) and _is_count(words[2])
            and len(words[3]) >= 3 and all(is_number(word) for line in words for word in line))


def is_counted(head):
    """Whether a text begins with a count and a row of numbers: x, y, z, data and, it may be, their std."""
    words = [line.split() for _, line in _words(head.decode("latin-1"))[:2]]
    return len(words) == 2 and _is_count(words[0]) and len(words[1]) > 3 and all(map(is_number, words[1]))


def read(path, kind, columns):
    """Contents of a file as a dict of plain arrays."""
    lines = _words(text(path))
    first = lines[0][1] if lines else ""
    if first.lower().startswith(GRADIENTS):
        fail("path", "be gravity (gz) or magnetic data of UBC-GIF", f"gradients, {first[:40]!r}",
             "Write each component as a table with a header (CSV).")
    attributes = {}
    if len(first.split()) > 1:
        attributes, lines = _field(lines, kind), lines[2:]
    columns = dict(zip(COLUMNS, counted(path, lines), strict=False))
    return grid("UBC-GIF observations", columns.pop("data"), **columns, units="nT" if attributes else "mGal",
                attributes=attributes)


def counted(path, lines):
    """Columns x, y, z, data and, it may be, std, of rows after a line with their number."""
    count, = whole("its number of data", lines[0][1].split() if lines else [], 1)
    check_count(len(lines[1:]), count)
    numbers, rows = zip(*lines[1:], strict=True)
    names = COLUMNS[:len(rows[0].split())]
    if len(names) < 4:
        fail("path", "hold x, y, z and data in every row", f"{len(names)} number(s) in the first",
             "Take the file with the observed data, not that with the places alone.")
    table = TextTable(file=path.name, names=list(names), delimiter=None, rows=rows)
    check_width(table, numbers)
    return table.floats(names).T


def _field(lines, kind):
    """Attributes of the inducing field; an anomaly along another direction than the kind's is refused."""
    field = reals("inclination, declination and strength", lines[0][1].split(), 3)
    words = lines[1][1].split() if len(lines) > 1 else []
    along = reals("the direction of the anomaly", words, 2 + (len(words) > 2))
    if along[2:] == [0.0]:
        fail("path", "hold one component", "data along several directions", "Write each as a table (CSV).")
    component = component_of(kind)
    wanted = ALONG.get(component.name if component else "", field[:2])
    if np.linalg.norm(_unit(*wanted) - _unit(*along[:2])) > NEAR:
        fail("path", f"hold data along inclination {wanted[0]:g}, declination {wanted[1]:g} for kind {kind!r}",
             f"inclination {along[0]:g}, declination {along[1]:g}", "Name the component as the kind: b_e, b_n or b_u.")
    return dict(zip((FIELD_ATTRIBUTES[key] for key in ("inclination", "declination", "intensity")), field, strict=True))


def _unit(inclination, declination):
    down, east = np.radians(inclination), np.radians(declination)
    return np.array([np.cos(down) * np.sin(east), np.cos(down) * np.cos(east), -np.sin(down)])


def _words(content):
    """[(number, line)] without comments and empty lines."""
    plain = ((count, line.split("!")[0].strip()) for count, line in enumerate(content.splitlines(), start=1))
    return [(count, line) for count, line in plain if line]


def _is_count(words):
    return len(words) == 1 and words[0].isdecimal()
