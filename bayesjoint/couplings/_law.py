"""Laws between properties, cell by cell: what they are off by, and its derivatives."""

import numpy as np

from .._checks import fail

STEP = 1e-20  # of a complex step, times the size of the value: its error is rounding alone
FINITE = 6e-6  # of a central difference, the cube root of the rounding unit: it checks derivatives, and turns them
AGREE = 1e-4  # by which derivatives and central differences may differ, of the largest derivative


class LinearLaw:
    """g = m_2 − a − b m_1 with θ = (a, b)."""

    quadratic = True
    needs = 2

    def value(self, values, theta):
        """g, shape (n,)."""
        return values[1] - theta[0] - theta[1] * values[0]

    def slopes(self, values, theta):
        """(∂g/∂m, (P, n); ∂g/∂θ, (k, n))."""
        ones = np.ones_like(values[0])
        return np.stack([-theta[1] * ones, ones]), np.stack([-ones, -values[0]])

    def turned(self, values, theta, along, theta_along, sizes):
        """Derivative of both slopes along directions of m and θ; `sizes` is what each varies by."""
        none = np.zeros_like(values[0])
        return np.stack([none - theta_along[1], none]), np.stack([none, -along[0]])


class GivenLaw:
    """A law of the user's.

    Parameters
    ----------
    relation : callable
        ``g(m_1, …, m_P, theta)``, arrays (n,) and θ (k,) to (n,), cell by cell.
    derivatives : callable or None
        The same arguments to ∂g/∂m_1, …, ∂g/∂m_P, ∂g/∂θ_1, …, ∂g/∂θ_k. None: complex steps, which need a relation that
        is analytic.
    """

    quadratic = False
    needs = None

    def __init__(self, relation, derivatives):
        self.relation, self.derivatives = relation, derivatives

    def value(self, values, theta):
        """g, shape (n,)."""
        found = np.asarray(self.relation(*values, theta))
        if found.shape != np.shape(values[0]):
            fail("relation", f"return one number for each cell, shape {np.shape(values[0])}", f"shape {found.shape}",
                 "Let it work element by element on arrays.")
        return found

    def slopes(self, values, theta):
        """(∂g/∂m, (P, n); ∂g/∂θ, (k, n))."""
        count, known = len(values), [*values, *theta]
        if self.derivatives is not None:
            given = list(self.derivatives(*values, theta))
            if len(given) != len(known):
                fail("derivatives", f"return {len(known)} arrays: for each property, then for each number of theta",
                     f"{len(given)}", "Give a tuple.")
            found = [np.broadcast_to(np.asarray(d, dtype=float), np.shape(values[0])) for d in given]
        else:
            found = [self._complex(known, j, count) for j in range(len(known))]
        return np.stack(found[:count]), np.array(found[count:]).reshape(len(theta), values[0].size)

    def turned(self, values, theta, along, theta_along, sizes):
        """Derivative of both slopes along directions, by central differences over a step of each cell's own length."""
        length = np.zeros(values[0].shape)
        for value, move, size in zip([*values, *theta], [*along, *theta_along], sizes, strict=True):
            length = np.maximum(length, np.abs(move) / np.maximum(np.abs(value), 1e-3 * size))
        step = FINITE / np.where(length > FINITE, length, FINITE)
        up, down = (self._moved(values, theta, along, theta_along, sign * step) for sign in (1.0, -1.0))
        return tuple((a - b) / (2 * step) for a, b in zip(up, down, strict=True))

    def _moved(self, values, theta, along, theta_along, step):
        # θ moves by each cell's own step, so it is an array (k, n) there: relations broadcast over it
        there = [v + step * d for v, d in zip(values, along, strict=True)]
        return self.slopes(there, np.array([t + step * d for t, d in zip(theta, theta_along, strict=True)]))

    def _complex(self, known, j, count):
        size = np.maximum(np.abs(known[j]), np.finfo(float).tiny ** 0.25)
        moved = [np.asarray(v, dtype=complex) for v in known]
        moved[j] = moved[j] + 1j * STEP * size
        try:
            found = self.relation(*moved[:count], _stacked(moved[count:]))
        except TypeError as reason:
            fail("relation", "take complex numbers, for derivatives by complex steps", str(reason),
                 "Give `derivatives`, or write it with NumPy's analytic functions.")
        return np.imag(found) / (STEP * size)


def _stacked(theta):
    return np.array(theta) if theta else np.zeros(0, dtype=complex)


def derivative_error(law, values, theta, sizes):
    """Largest difference between a law's slopes and central differences, over the largest slope of that argument.

    Parameters
    ----------
    law : LinearLaw or GivenLaw
    values : list of ndarray, shape (n,)
        Where, physical units.
    theta : ndarray, shape (k,)
    sizes : list of float or ndarray
        What values and then numbers of θ vary by.

    Returns
    -------
    float
        With the differences' own error, about 1e-9.

    Raises
    ------
    ValueError
        If they differ by more than a ten-thousandth, or the relation is finite nowhere.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        finite = np.isfinite(law.value(values, theta))
    if not finite.any():
        fail("relation", "be finite about the reference model", "none finite", "Give bounds, or a reference in range.")
    values, worst = [v[finite] for v in values], 0.0
    sizes = [np.broadcast_to(s, finite.shape)[finite] for s in sizes[:len(values)]] + list(sizes[len(values):])
    for j, slope in enumerate(np.concatenate(law.slopes(values, theta))):
        difference = _difference(law, values, theta, j, sizes[j])
        good = np.isfinite(difference)
        largest = max(np.max(np.abs(slope[good]), initial=0.0), np.max(np.abs(difference[good]), initial=0.0))
        if largest > 0:
            worst = max(worst, float(np.max(np.abs(difference - slope)[good]) / largest))
    if not worst <= AGREE:
        fail("derivatives", f"agree with central differences to {AGREE:g}", f"{worst:.2g} of the largest apart",
             "Correct `derivatives`; a relation with abs, max or steps in it has no complex step, so give them.")
    return worst


def _difference(law, values, theta, j, size):
    """Central difference of g along one argument, shape (n,)."""
    known, count = [*values, *theta], len(values)
    step = FINITE * np.maximum(np.abs(known[j]), 1e-3 * size)
    up, down = ([*known[:j], known[j] + sign * step, *known[j + 1:]] for sign in (1.0, -1.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (law.value(up[:count], np.array(up[count:])) - law.value(down[:count], np.array(down[count:]))) / (
            2 * step)
