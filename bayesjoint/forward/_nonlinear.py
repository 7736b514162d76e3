"""Forward models that are not linear: a prediction, and its Jacobian as a linear operator."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from .._checks import as_finite, as_positive, checked, fail
from .._typing import Any, ArrayLike, Callable

DIFFERENCED = 200  # values at most whose Jacobian is taken by differences: two predictions each
STEP = np.finfo(float).eps ** (1 / 3)  # balances rounding against curvature in central differences


@checked
class ForwardModel:
    """Data as a nonlinear function of the parameters that a survey sees.

    Parameters
    ----------
    predict : callable
        ``predict(m)``: physical values of the parameters, flattened and joined in the order of the modality's
        `parameter`, shape (n,), to noise-free data, shape (n_data,) or the data's grid shape. It may return NaN or Inf
        where the model makes no sense; solvers step back from there.
    shape : (int, int)
        (n_data, n).
    jacobian : callable, optional
        ``jacobian(m)``: array, sparse matrix or LinearOperator of shape (n_data, n).
    jvp, vjp : callable, optional
        Instead of `jacobian`, for models too large for a matrix: ``jvp(m, v)`` is J v and ``vjp(m, y)`` is Jᵀ y. Both.
    typical : float or array_like, shape (n,), optional
        Without derivatives: sizes of the values, physical units, whose 6e-6 is the step of the central differences.
        Default: |m|, and 1 where m is 0; give it for values that may come near 0. Within a step of an edge beyond which
        the model makes no sense, differences are taken on the other side alone.
    units : str, default "1"
        Of the data.
    kind : str, default "data"
        What is measured, as in "gravity".

    Attributes
    ----------
    shape : tuple of int
    derivatives : {"given", "central differences"}
        Where Jacobians come from. Posteriors say so, with the error that `jacobian_error` measures.

    Raises
    ------
    ValueError, TypeError
        If `predict` cannot be called, only one of `jvp` and `vjp` is given, both a Jacobian and products are, or more
        than 200 values are left to differences.

    Notes
    -----
    To be computed in other processes, by an `executor`, the functions must be importable, not lambdas.

    Examples
    --------
    >>> decay = ForwardModel(lambda m: m[0] * np.exp(-m[1] * np.arange(3.0)), (3, 2))
    >>> decay.predict([2.0, 0.0]).tolist()
    [2.0, 2.0, 2.0]
    >>> decay.linearise([2.0, 0.0]).matvec(np.array([0.0, 1.0])).round(6).tolist()
    [0.0, -2.0, -4.0]
    >>> decay.derivatives, decay.jacobian_error([2.0, 0.0]) < 1e-8
    ('central differences', True)
    """

    def __init__(self, predict: Callable, shape: tuple, jacobian: Callable | None = None, *,
                 jvp: Callable | None = None, vjp: Callable | None = None, typical: float | ArrayLike | None = None,
                 units: str = "1", kind: str = "data") -> None:
        for name, given, needed in (("predict", predict, True), ("jacobian", jacobian, False), ("jvp", jvp, False),
                                    ("vjp", vjp, False)):
            if not callable(given) and (needed or given is not None):
                fail(name, "be callable", type(given).__name__, "Pass a function of the flat values.", TypeError)
        if (jvp is None) != (vjp is None) or (jvp is not None and jacobian is not None):
            fail("jacobian, jvp, vjp", "be a Jacobian alone or both products alone",
                 f"{[n for n, g in (('jacobian', jacobian), ('jvp', jvp), ('vjp', vjp)) if g is not None]}",
                 "Leave all out for central differences.")
        self.shape = _shape(shape)
        self.units, self.kind = str(units), str(kind)
        self.derivatives = "given" if jacobian is not None or jvp is not None else "central differences"
        if self.derivatives != "given" and self.shape[1] > DIFFERENCED:
            fail("jacobian", f"be given beyond {DIFFERENCED} values", f"{self.shape[1]} values and no derivatives",
                 "Pass jacobian=, or jvp= and vjp=.")
        self._predict, self._jacobian, self._jvp, self._vjp = predict, jacobian, jvp, vjp
        self._typical = None if typical is None else np.broadcast_to(as_positive("typical", typical, (0, 1)),
                                                                     (self.shape[1],))

    def predict(self, values: ArrayLike):
        """Noise-free data, shape (n_data,), of physical values, shape (n,); NaN where the model makes no sense."""
        with np.errstate(all="ignore"):  # searches go where it makes no sense, and see so by the value
            return self._data(self._values(values))

    def _data(self, values):
        data = np.asarray(self._predict(values), dtype=float)
        if data.size != self.shape[0]:
            fail("predict", f"return {self.shape[0]} data", f"shape {data.shape}", "Correct `shape` or the function.")
        return data.ravel()

    def linearise(self, values: ArrayLike):
        """Jacobian at physical values, shape (n,), as a LinearOperator of shape (n_data, n)."""
        values = self._values(values)
        if self._jvp is not None:
            return LinearOperator(self.shape, dtype=np.float64, matvec=lambda v: self._jvp(values, np.ravel(v)),
                                  rmatvec=lambda y: self._vjp(values, np.ravel(y)))
        if self._jacobian is None:
            return aslinearoperator(self._differences(values, 1.0))
        jacobian = self._jacobian(values)
        if not hasattr(jacobian, "matvec") and not hasattr(jacobian, "toarray"):
            jacobian = as_finite("jacobian", jacobian, 2)
        if jacobian.shape != self.shape:
            fail("jacobian", f"return shape {self.shape}", f"shape {jacobian.shape}", "One row for each datum.")
        return aslinearoperator(jacobian)

    def jacobian_error(self, values: ArrayLike):
        """Relative error, in the Frobenius norm, of a differenced Jacobian; 0 where derivatives are given.

        Truncation is measured by doubling the step, of whose effect it is a third, at an edge up to all of it; to it
        come predictions rounded to double precision.
        """
        values = self._values(values)
        if self.derivatives == "given":
            return 0.0
        fine, coarse = (self._differences(values, factor) for factor in (1.0, 2.0))
        rounding = np.finfo(float).eps * np.linalg.norm(self.predict(values)) * np.linalg.norm(1 / self._steps(values))
        size = max(np.linalg.norm(fine), np.finfo(float).tiny)
        return float((np.linalg.norm(coarse - fine) / 3 + rounding) / size)

    def _steps(self, values):
        if self._typical is None:
            return STEP * np.where(values == 0, 1.0, np.abs(values))
        return STEP * np.maximum(self._typical, STEP * np.abs(values))  # not below the rounding of values run off

    def _differences(self, values, factor):
        out = np.empty(self.shape)
        with np.errstate(all="ignore"):
            for k, step in enumerate(factor * self._steps(values)):
                (up, above), (down, below) = (self._beside(values, k, side) for side in (step, -step))
                out[:, k] = (above - below) / (up - down)
        if not np.isfinite(out).all():
            fail("predict", "be finite around the point where its derivatives are needed",
                 f"NaN or Inf near {values[:4]}", "Give bounds that keep away from it, or jacobian=.")
        return out

    def _beside(self, values, k, step):
        """Value k a step aside and the data there; unmoved where the model makes no sense there, an edge."""
        place = values.copy()
        place[k] += step
        data = self._data(place)
        return (place[k], data) if np.isfinite(data).all() else (values[k], self._data(values))

    def _values(self, values):
        values = np.asarray(values, dtype=float).ravel()
        if values.size != self.shape[1]:
            fail("values", f"number {self.shape[1]}", f"{values.size}", "Join the parameters in the modality's order.")
        return values

    def _refuse(self, *_: Any) -> None:
        fail("forward", "be linear for what was asked", "a nonlinear ForwardModel", "Use find_map and "
             'posterior(method="laplace"), or ask problem.linearised(x), the tangent at a state vector x.', TypeError)

    matvec = matmat = rmatvec = rmatmat = _refuse

    def __repr__(self):
        return f"ForwardModel({self.shape[0]} data of {self.shape[1]} values, derivatives: {self.derivatives})"


def _shape(shape):
    whole = isinstance(shape, (tuple, list)) and len(shape) == 2 and all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n > 0 for n in shape)
    if not whole:
        fail("shape", "be two positive integers (n_data, n)", repr(shape), "n counts the values it is a function of.",
             TypeError)
    return int(shape[0]), int(shape[1])
