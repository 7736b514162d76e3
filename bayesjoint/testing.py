"""Checks for people who add their own physics: that an adjoint and a gradient are what they claim to be."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import aslinearoperator

from ._checks import as_count, as_finite, as_positive, checked
from ._typing import Any, ArrayLike, Callable, Seed


@checked
def assert_adjoint(operator: Any, seed: Seed = 0, rtol: float = 1e-12):
    """Check ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for random x and y.

    Parameters
    ----------
    operator : LinearOperator or array_like, shape (m, n)
        Anything SciPy can treat as a linear operator.
    seed : int or numpy.random.Generator, default 0
        Source of the two random vectors.
    rtol : float, default 1e-12
        Largest difference allowed, relative to ‖A x‖ ‖y‖: the scale at which rounding acts, where the inner product
        itself may happen to be near zero.

    Raises
    ------
    AssertionError
        If the two products differ by more, with the difference in the message.

    Examples
    --------
    >>> assert_adjoint(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    """
    as_positive("rtol", rtol, 0)
    known = hasattr(operator, "matvec") or hasattr(operator, "tocsr")
    operator = aslinearoperator(operator if known else as_finite("operator", operator, 2))
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal(operator.shape[1]), rng.standard_normal(operator.shape[0])
    image, back = np.asarray(operator.matvec(x), float), np.asarray(operator.rmatvec(y), float)
    scale = max(np.linalg.norm(image) * np.linalg.norm(y), np.linalg.norm(x) * np.linalg.norm(back))
    difference = abs(image @ y - x @ back)
    if not difference <= rtol * scale:
        msg = f"<A x, y> and <x, A' y> differ by {difference:.3e}, {difference / scale:.1e} of the scale; rtol {rtol:g}"
        raise AssertionError(msg)


@checked
def check_gradient(value: Callable, gradient: Callable, x: ArrayLike, seed: Seed = 0, directions: int = 3,
                   step: float | None = None, rtol: float = 1e-5):
    """Check a gradient against central differences along random directions.

    Parameters
    ----------
    value : callable
        x -> float.
    gradient : callable
        x -> array of the shape of `x`.
    x : array_like
        Where to check.
    seed : int or numpy.random.Generator, default 0
        Source of the directions.
    directions : int, default 3
        Number of random unit directions.
    step : float, optional
        Half length of the difference; by default the cube root of the rounding error times max(1, ‖x‖), which balances
        rounding against curvature.
    rtol : float, default 1e-5
        Largest error allowed, relative to the gradient's norm.

    Returns
    -------
    float
        Largest relative error found.

    Raises
    ------
    AssertionError
        If the error exceeds `rtol`.

    Examples
    --------
    >>> error = check_gradient(lambda x: float(x @ x), lambda x: 2 * x, np.arange(3.0))
    """
    x, directions = np.atleast_1d(as_finite("x", x)), as_count("directions", directions)
    step = step if step is None else float(as_positive("step", step, 0))
    as_positive("rtol", rtol, 0)
    rng = np.random.default_rng(seed)
    slope = np.asarray(gradient(x), dtype=float)
    if slope.shape != x.shape:
        msg = f"the gradient has shape {slope.shape}, x has {x.shape}"
        raise AssertionError(msg)
    step = np.finfo(float).eps ** (1 / 3) * max(1.0, np.linalg.norm(x)) if step is None else step
    worst = 0.0
    for _ in range(directions):
        direction = rng.standard_normal(x.shape)
        direction /= np.linalg.norm(direction)
        numeric = (value(x + step * direction) - value(x - step * direction)) / (2 * step)
        scale = max(np.linalg.norm(slope), abs(numeric), np.finfo(float).tiny)
        worst = max(worst, abs(numeric - float(np.sum(slope * direction))) / scale)
    if not worst <= rtol:
        msg = f"gradient and central differences differ by {worst:.2e} of the gradient's norm; rtol {rtol:g}"
        raise AssertionError(msg)
    return worst
