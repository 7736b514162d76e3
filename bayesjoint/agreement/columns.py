"""Tables of rows with fields: one variable for each field."""

import numpy as np


def add_columns(sheet, dim, rows, described):
    """Add variables over one dim to a `Sheet`.

    Parameters
    ----------
    sheet : Sheet
    dim : str
    rows : list of dict
        With the fields named; where the first has a field ``<name>_error`` that is added as the error.
    described : dict of {str: (str, str)}
        Units and words of each field.
    """
    for name, (units, words) in described.items():
        errors = [row[f"{name}_error"] for row in rows] if f"{name}_error" in rows[0] else None
        sheet.add(name, (dim,), np.array([row[name] for row in rows]), units, words, errors)
