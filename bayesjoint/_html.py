"""What notebooks show of the objects a user holds: a title, a few rows, nothing that is computed for it."""

from html import escape

import numpy as np

LONGEST = 1000  # letters of a cell: a statement of an error is not cut
ROWS = 12  # of a part; of more the first are shown, and how many there are
CELL = 'style="text-align:left;vertical-align:top;padding:2px 12px 2px 0"'


def card(title, rows, *tables):
    """A small page: title, (name, value) rows without the empty ones, and tables.

    Parameters
    ----------
    title : str
        Such as "Posterior (dense)".
    rows : list of (str, object)
        None and "" are left out.
    *tables : (list of str, list of list)
        Header and rows.

    Returns
    -------
    str
        HTML, every text escaped.

    Examples
    --------
    >>> card("Line", [("data", 3), ("crs", None)]).count("<tr>")
    1
    """
    parts = [f"<div><b>{escape(title)}</b>", _table([], [r for r in rows if r[1] not in (None, "")])]
    parts += [_table(header, body) for header, body in tables if body]
    return "".join([*parts, "</div>"])


def span(low, high, units):
    """A range in words: one number where both are the same.

    Examples
    --------
    >>> span(1.0, 2.5, "mGal"), span(3.0, 3.0, "1")
    ('1 to 2.5 mGal', '3')
    """
    unit = "" if units == "1" else f" {units}"
    return f"{low:.4g}{unit}" if low == high else f"{low:.4g} to {high:.4g}{unit}"


def span_of(values, units):
    """`span` of the finite values of an array."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    return span(known.min(), known.max(), units) if known.size else "nothing known"


def _short(value):
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST - 1]}…"


def _table(header, body):
    if not body:
        return ""
    more = [[f"… {len(body)} in all"]] if len(body) > ROWS else []
    head = "".join(f"<th {CELL}>{escape(str(text))}</th>" for text in header)
    lines = ["".join(f"<td {CELL}>{escape(_short(value))}</td>" for value in row) for row in [*body[:ROWS], *more]]
    return "<table>" + (f"<thead><tr>{head}</tr></thead>" if header else "") + "".join(
        f"<tr>{line}</tr>" for line in lines) + "</table>"
