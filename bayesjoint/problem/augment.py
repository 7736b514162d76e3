"""Problems with a nuisance added: a bias of one survey."""

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .._checks import as_finite, as_positive, fail
from ..priors.gaussian import GaussianPrior
from .parameter import Parameter

DEGREES = {"constant": 0, "linear": 1, "quadratic": 2}


class BiasedOperator(LinearOperator):
    """[F, B]: a forward operator with bias columns B joined to it; keeps the operator's stations."""

    def __init__(self, forward, basis):
        super().__init__(np.dtype(np.float64), (forward.shape[0], forward.shape[1] + basis.shape[1]))
        self.forward, self.basis = forward, basis
        for name in ("mesh", "kind", "units", "data_shape", "data_dims", "coordinates", "intensity", "inclination",
                     "declination"):
            if hasattr(forward, name):
                setattr(self, name, getattr(forward, name))

    def stored(self):
        """Return the same operator with prism sums that stream kept as a matrix."""
        return BiasedOperator(self.forward.stored(), self.basis) if hasattr(self.forward, "stored") else self

    def _matmat(self, x):
        n = self.forward.shape[1]
        return self.forward.matmat(x[:n]) + self.basis @ x[n:]

    def _matvec(self, x):
        n = self.forward.shape[1]
        x = np.asarray(x).ravel()
        return self.forward.matvec(x[:n]) + self.basis @ x[n:]

    def _rmatvec(self, y):
        y = np.asarray(y).ravel()
        return np.concatenate([self.forward.rmatvec(y), self.basis.T @ y])

    def _rmatmat(self, y):
        return np.concatenate([self.forward.rmatmat(y), self.basis.T @ y])


def add_bias(problem, survey, basis="constant", std=None):
    """A problem in which one survey carries an additive bias b ~ N(0, std²) per basis column.

    A regional field that the mesh cannot hold, a datum shift or a tilt is then marginalised with the model rather
    than subtracted beforehand, and its uncertainty reaches the posterior.

    Parameters
    ----------
    problem : JointProblem
        The problem to augment.
    survey : str
        Modality name.
    basis : {"constant", "linear", "quadratic"} or array_like, shape (n_data, q)
        Polynomials in the station coordinates, each column scaled to a largest value of 1, or columns of your own.
        With e and n the scaled easting and northing, "linear" is 1, n, e and "quadratic" 1, n, n², e, e n, e².
    std : float or array_like, shape (q,)
        Prior standard deviation of each coefficient, units of the data. No default: it decides what counts as bias.

    Returns
    -------
    JointProblem
        With one more vector parameter, named ``<survey>_bias``.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0], [2.0]], [3.0, 4.0], bj.DiagonalNoise([0.1, 0.1]), "slope")
    >>> biased = bj.add_bias(bj.JointProblem([slope], [line]), "line", basis=[[1.0], [1.0]], std=5.0)
    >>> [p.name for p in biased.parameters]
    ['slope', 'line_bias']
    """
    names = [m.name for m in problem.modalities]
    if survey not in names:
        fail("survey", f"be one of {names}", repr(survey), "Give a modality's name.")
    if f"{survey}_bias" in problem.by_name:
        fail("survey", "carry no bias yet", f"{survey}_bias among the parameters", "Give all columns in one `basis`.")
    if std is None:
        fail("std", "be given", "None", "Say how large the bias may be, in units of the data.")
    modality = problem.modalities[names.index(survey)]
    columns = _basis(modality, basis)
    std = as_positive("std", std, (0, 1))
    if std.ndim and std.shape != (columns.shape[1],):
        fail("std", f"be a number or have {columns.shape[1]} values", f"shape {std.shape}", "One per column.")
    prior = GaussianPrior(0.0, (std**2).tolist())
    bias = Parameter(f"{survey}_bias", columns.shape[1], units=modality.units, prior=prior)
    augmented = modality.replace(forward=BiasedOperator(modality.forward, columns),
                                 parameter=(*modality.parameters, bias.name))
    modalities = [augmented if m.name == survey else m for m in problem.modalities]
    return problem.replace(parameters=[*problem.parameters, bias], modalities=modalities)


def _basis(modality, basis):
    if not isinstance(basis, str):
        columns = as_finite("basis", basis, 2)
        if columns.shape[0] != modality.size or columns.shape[1] == 0:
            fail("basis", f"have {modality.size} rows and at least one column", f"shape {columns.shape}",
                 "Give one row for each datum.")
        return columns
    if basis not in DEGREES:
        fail("basis", f"be one of {list(DEGREES)} or an array", repr(basis), "Correct the spelling.")
    if not hasattr(modality.forward, "coordinates"):
        fail("basis", "be an array when the forward operator does not know its stations", repr(basis), "Give columns.")
    easting, northing, _ = modality.forward.coordinates()
    east, north = (_centred(v) for v in (easting, northing))
    degree = DEGREES[basis]
    return np.stack([east**i * north**j for i in range(degree + 1) for j in range(degree + 1 - i)], axis=1)


def _centred(values):
    middle = 0.5 * (values.max() + values.min())
    half = 0.5 * np.ptp(values)
    return (values - middle) / (half if half > 0 else 1.0)
