"""What cells of a mesh's size do to data: simulated on finer cells of stated ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_count, checked, fail
from .._places import blocks
from .._typing import Callable, Geology, JointProblem, Mixture, Seed
from ..geology import describe
from ._worlds import Simulator

KEPT_SHARE = 0.995  # of the variance: directions beyond it are left out
FEWEST = 20


@dataclass(frozen=True, kw_only=True)
class DiscretisationNoise:
    """Error of data computed on cells, as a covariance F Fᵀ for each survey.

    Parameters
    ----------
    factors : dict of ndarray, shape (n_data, r)
        F by survey, units of its data.
    std : dict of float
        Root mean square over stations and worlds, units of the data.
    std_error : dict of float
        Standard error of that over worlds.
    left_out : dict of float
        Share of the variance beyond the directions kept.
    family : str
        Of the ground.
    """

    factors: dict
    std: dict
    std_error: dict
    left_out: dict
    family: str

    def covariance(self, survey):
        """Covariance of the error of one survey's data, (n_data, n_data)."""
        return self.factors[survey] @ self.factors[survey].T

    def __repr__(self):
        rows = ", ".join(f"{name} {value:.3g} ± {self.std_error[name]:.1g}" for name, value in self.std.items())
        return f"DiscretisationNoise(rms {rows}; directions {[f.shape[1] for f in self.factors.values()]})"


@checked
def discretisation_noise(problem: JointProblem, geology: Geology | Mixture | Callable, worlds: int = 100,
                         seed: Seed = 0, beyond: float | None = None):
    """What cells of this size do to the data of each survey, on a stated kind of ground.

    Data of real ground are not those of its averages over cells. The evidence finds only part of it, for cells near a
    station can imitate it. Here ground is drawn on cells at least twice finer, its data computed there and from its
    averages over the mesh's cells; what differs is the error.

    Parameters
    ----------
    problem : JointProblem
        Its operators must be of this package.
    geology : Geology, Mixture or callable
        The family; any ``f(mesh, seed) -> {parameter: array (nz, ny, nx)}``.
    worlds : int, default 100
        At least 20; the error's std is then known to some 10 %.
    seed : int or numpy.random.Generator, default 0
    beyond : float, optional
        Metres of ground beyond the mesh, whose data count as error too. Default none: the mesh's cells alone.

    Returns
    -------
    DiscretisationNoise
        For ``add_discrepancy(problem, noise)``.

    Raises
    ------
    ValueError
        If a survey's operator cannot be put on finer cells, or there are too few worlds.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((3, 6, 6), (100.0, 100.0, 100.0))
    >>> op = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=1.0)
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    >>> survey = bj.Modality("gravity", op, np.zeros((6, 6)), bj.DiagonalNoise(np.full((6, 6), 0.01)), "density")
    >>> problem = bj.JointProblem([density], [survey])
    >>> blocks = bj.Geology([bj.Bodies(contrasts={"density": 300.0}, size=(100.0, 300.0), depth=(0.0, 300.0))])
    >>> noise = discretisation_noise(problem, blocks, worlds=20)
    >>> noise.std["gravity"] > 0.01
    True
    >>> bj.add_discrepancy(problem, noise).parameters[-1].name
    'discrepancy'
    """
    worlds = as_count("worlds", worlds, FEWEST, "100 are usual.")
    simulator = Simulator(problem, 0.0 if beyond is None else beyond)
    if simulator.coarse:
        fail("forward", "be an operator of this package to be put on finer cells", ", ".join(simulator.coarse),
             "Leave these surveys out, or give their error as a covariance to add_discrepancy.")
    rng = np.random.default_rng(seed)
    seeds = [int(s) for s in rng.integers(0, 2**62, worlds)]
    errors = np.concatenate([simulator.discretisation(geology, seeds[b]) for b in blocks(worlds, simulator.block)])
    factors, std, std_error, left_out = {}, {}, {}, {}
    for m in problem.modalities:
        part = errors[:, problem.data_slices[m.name]]
        factors[m.name], left_out[m.name] = _factor(part)
        squares = np.mean(part**2, axis=1)
        std[m.name] = float(np.sqrt(squares.mean()))
        std_error[m.name] = float(squares.std(ddof=1) / np.sqrt(worlds) / (2 * std[m.name])) if std[m.name] else 0.0
    return DiscretisationNoise(factors=factors, std=std, std_error=std_error, left_out=left_out,
                               family=describe(geology))


def _factor(errors):
    """(F with F Fᵀ the second moment of rows of errors but for a small share, that share)."""
    _, values, directions = np.linalg.svd(errors / np.sqrt(len(errors)), full_matrices=False)
    share = np.cumsum(values**2) / max(np.sum(values**2), np.finfo(float).tiny)
    count = min(int(np.searchsorted(share, KEPT_SHARE)) + 1, values.size)
    return (directions[:count] * values[:count, None]).T, float(1 - share[count - 1])
