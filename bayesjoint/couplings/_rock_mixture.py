"""The rock mixture: properties of each cell are those of one of a few rocks, nobody knows which."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp

from .._checks import as_finite, as_positive, checked, fail
from .._shown import short
from .._typing import Any, ArrayLike, Sequence
from ..dataset import Approximation
from ._members import in_order

CERTAIN = 0.9  # responsibility from which on a cell counts as decided
SETTLED = 0.01  # of a rock's standard deviation: learned means that move by less have settled

NO_DENSITY = (
    "RockMixture(learn=True) is a recipe for find_map, which moves the means: there is no one density. The result's "
    "problem holds the mixture with the means that were learned: ask posterior(result.problem, at=result)"
)


@checked
@short
@dataclass(frozen=True)
class RockMixture:
    """Σ_k π_k N(μ_k, Σ_k) over the properties of each cell: a density beside the priors.

    The petrophysically guided inversion of Astic & Oldenburg (2019, Geophys. J. Int. 219, 1989–2012) with its mixture
    kept whole: Φ gains −w Σ_cells log Σ_k π_k N(m; μ_k, Σ_k), not the squared distance to the nearest rock.

    Parameters
    ----------
    table : RockTable or similar
        What has ``names`` and ``components(parameters)``: shares (K,), means (K, P), covariances (K, P, P), physical
        units. Of a `RockTable` those are contrasts; susceptibility, log-normal there, comes as the Gaussian of the same
        mean and variance, which reaches below zero: give the parameter a bound where that matters.
    weight : float, default 1.0
        Exponent w >= 0 of the mixture. 1 takes each cell for an independent sample of rock. Cells of one body are not:
        1 / (cells of a body) counts bodies.
    learn : bool, default False
        Let `find_map` move the means, in rounds of a minimum and a step of EM: the posterior mode of μ_k given the
        responsibilities, under μ_k ~ N(table's mean, Σ_k / confidence). Shares and covariances stay.
    confidence : float, default 10.0
        How many cells the table's means count as.
    means : array_like, shape (K, P), optional
        Instead of the table's, which is then what they were learned from. Physical units.
    parameters : tuple of str, default ("density", "susceptibility")
        The properties, in the order of the columns.

    Attributes
    ----------
    is_density : bool
        False for `learn`; a posterior then refuses with `no_density`.

    Raises
    ------
    ValueError, TypeError
        If the table has no components, shapes disagree, a covariance is not positive definite, or a number is out of
        its range.

    Notes
    -----
    The density is the product of the priors and, cell by cell, the mixture to the power w. Cells are independent in the
    mixture; what ties neighbours is the prior. The constant that makes the product integrate to 1 depends on table,
    weight and priors, and is left out: evidence does not compare tables. Between two rocks −log of a mixture is not
    convex: there may be other MAPs (`find_map` begins at the one without the mixture; try others by ``start=``), and a
    Gaussian at one of them knows nothing of the others:
    "laplace" says in how many cells the rock is undecided.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> table = bj.RockTable([bj.RockUnit("granite", 2640, 60, 0.001, 0.5, share=0.8),
    ...                       bj.RockUnit("gabbro", 3000, 80, 0.02, 0.5, share=0.2)])
    >>> mixture = RockMixture(table)
    >>> found = mixture.responsibilities({"density": [-70.0, 290.0], "susceptibility": [0.001, 0.02]})
    >>> {name: share.round(3).tolist() for name, share in found.items()}
    {'granite': [1.0, 0.0], 'gabbro': [0.0, 1.0]}
    """

    table: Any
    weight: float = 1.0
    learn: bool = False
    confidence: float = 10.0
    means: ArrayLike | None = None
    parameters: Sequence[str] = ("density", "susceptibility")

    no_density = NO_DENSITY
    many_minima = True  # find_map begins at the MAP without it

    def __post_init__(self):
        """Refuse bad settings at once."""
        if not hasattr(self.table, "components") or not hasattr(self.table, "names"):
            fail("table", "be a RockTable, or have names and a method components", type(self.table).__name__,
                 "Try RockTable.textbook().", TypeError)
        if as_finite("weight", self.weight, 0) < 0:
            fail("weight", "be >= 0", f"{self.weight:g}", "0 switches the coupling off.")
        as_positive("confidence", self.confidence, 0)
        object.__setattr__(self, "parameters", tuple(self.parameters))
        if not self.parameters or len(set(self.parameters)) < len(self.parameters):
            fail("parameters", "name different properties", f"{self.parameters}", "Name those of the table.")
        if self.means is not None:
            object.__setattr__(self, "means", tuple(map(tuple, as_finite("means", self.means, 2).tolist())))
        self.components()

    def __str__(self):
        """In words, for the record of a run."""
        means = "means to be learned" if self.learn else "means of the table" if self.means is None else "means learned"
        return f"RockMixture of {', '.join(self.table.names)}, weight {self.weight:g}, {means}"

    @property
    def is_density(self):
        """Whether the coupling is a factor of a posterior density."""
        return not self.learn

    def components(self):
        """Shares (K,), means (K, P) and covariances (K, P, P), physical units."""
        shares, means, covariances = (np.asarray(a, dtype=float) for a in self.table.components(self.parameters))
        count, size = len(self.table.names), len(self.parameters)
        means = means if self.means is None else np.array(self.means)
        found = (shares.shape, means.shape, covariances.shape)
        if found != ((count,), (count, size), (count, size, size)):
            fail("means" if self.means is not None else "table", f"give {count} rocks with {size} properties each",
                 f"shapes {found}", "One row for each of its names.")
        if shares.min() < 0 or not shares.sum() > 0 or np.linalg.eigvalsh(covariances).min() <= 0:
            fail("table", "have shares >= 0 and positive definite covariances", "others", "Correct it.")
        return shares / shares.sum(), means, covariances

    def responsibilities(self, model: dict):
        """Which rock each cell is, as the mixture has it.

        Parameters
        ----------
        model : dict of array_like
            {parameter: physical values}, as `MapResult.model`.

        Returns
        -------
        dict of {str: ndarray}
            For each rock its probability given the properties of the cell, of the model's shape, NaN in air. They hold
            for this model: where it is unsure, so are they, and by more.
        """
        missing = [name for name in self.parameters if name not in model]
        if missing:
            fail("model", f"hold {list(self.parameters)}", f"no {missing}", "Pass result.model.")
        values = [as_finite(f"model[{name!r}]", model[name], allow_nan=True) for name in self.parameters]
        if len({v.shape for v in values}) > 1:
            fail("model", "hold properties of one shape", f"{[v.shape for v in values]}", "Pass result.model.")
        shares = _Mixture(*self.components()).look(np.stack([v.ravel() for v in values], axis=1))[1]
        return dict(zip(self.table.names, shares.reshape(-1, *values[0].shape), strict=True))

    def bind(self, parameters: Any):
        """Return the penalty over given parameters (list of Parameter)."""
        return BoundRockMixture(self, in_order(parameters, self.parameters))

    def begin_rounds(self, parameters: Any):
        """How `find_map` learns the means (`LearningRounds`), None where they are known."""
        return LearningRounds(self, in_order(parameters, self.parameters)) if self.learn else None


class _Mixture:
    """A Gaussian mixture over rows, in whichever units its components are."""

    def __init__(self, shares, means, covariances):
        self.means, self.precisions = means, np.linalg.inv(covariances)
        with np.errstate(divide="ignore"):  # a rock with no share is nowhere
            self._level = np.log(shares) - 0.5 * np.linalg.slogdet(covariances)[1]

    def look(self, rows):
        """(log density up to a constant, (n,); responsibilities, (K, n); P_k (m − μ_k), (K, n, P)) at rows (n, P)."""
        away = rows - self.means[:, None]
        pulls = np.einsum("kpq,knq->knp", self.precisions, away)
        logs = self._level[:, None] - 0.5 * np.einsum("knp,knp->kn", pulls, away)
        total = logsumexp(logs, axis=0)
        return total, np.exp(logs - total), pulls


class BoundRockMixture:
    """−w Σ log of a mixture over named parameters; `parts` are {name: flat m̂}.

    Parameters
    ----------
    coupling : RockMixture
        Settings.
    parameters : list of Parameter
        Its members in order.

    Attributes
    ----------
    quadratic : bool
        Whether this is a quadratic form in m̂: with one rock.
    """

    def __init__(self, coupling, parameters):
        self.coupling, self.names = coupling, [p.name for p in parameters]
        first = parameters[0]
        if any(p.size != first.size or p.mesh != first.mesh for p in parameters):
            fail("parameters", "share one mesh, air included", f"{self.names} on different ones",
                 "Use one mesh for all of them; mark air in the mesh (mesh.with_active), not in one operator.")
        self.is_density, self._size = coupling.is_density, first.size
        self._ground = np.flatnonzero(first.ground)
        shares, means, covariances = coupling.components()
        scales = np.array([p.scale for p in parameters])
        self._mixture = _Mixture(shares, means / scales, covariances / np.outer(scales, scales))
        self.quadratic = len(shares) == 1

    def rows(self, parts):
        """m̂ of the ground cells, (ground, P)."""
        return np.stack([parts[name][self._ground] for name in self.names], axis=1)

    def value(self, parts):
        """−w Σ_cells log q, up to a constant."""
        return -self.coupling.weight * float(self._mixture.look(self.rows(parts))[0].sum())

    def gradient(self, parts):
        """{name: its derivative}."""
        return self.look(parts)[1]

    def look(self, parts, out=None):
        """(value, gradient) for the cost of one; `out`, which other couplings fill, is left alone."""
        total, shares, pulls = self._mixture.look(self.rows(parts))
        return -self.coupling.weight * float(total.sum()), self._spread_out(np.einsum("kn,knp->np", shares, pulls))

    def hessian_product(self, parts, direction_parts):
        """{name: exact Hessian times the direction}: w [Σ r_k P_k − Σ r_k u_k u_kᵀ + ū ūᵀ], u_k = P_k (m − μ_k)."""
        _, shares, pulls = self._mixture.look(self.rows(parts))
        along = self.rows(direction_parts)
        out = np.einsum("kn,kpq,nq->np", shares, self._mixture.precisions, along, optimize=True)
        out -= np.einsum("kn,knp->np", shares * np.einsum("knp,np->kn", pulls, along), pulls)
        mean = np.einsum("kn,knp->np", shares, pulls)
        return self._spread_out(out + mean * np.sum(mean * along, axis=1, keepdims=True))

    def cellwise(self, parts):
        """Members and w Σ r_k P_k in every cell, (P, P, size), m̂ units: the Hessian where the rock is sure."""
        shares = self._mixture.look(self.rows(parts))[1]
        out = np.zeros((len(self.names), len(self.names), self._size))
        out[..., self._ground] = self.coupling.weight * np.einsum("kn,kpq->pqn", shares, self._mixture.precisions)
        return self.names, out

    def undecided(self, parts):
        """Share of the ground cells in which no rock has a responsibility of 0.9."""
        return float(np.mean(self._mixture.look(self.rows(parts))[1].max(axis=0) < CERTAIN))

    def approximations(self, parts):
        """What a Gaussian at `parts` must say: in how many cells the rock is undecided."""
        if self.quadratic:
            return []
        return [Approximation(
            name="rocks of the mixture", status="measured", error=self.undecided(parts),
            statement="A Gaussian at one MAP holds each cell near the rocks it has there, and knows nothing of its "
            f"being another. The error is the share of cells in which no rock has a responsibility of {CERTAIN:g}; "
            "where that is not small, and wherever the data would allow another rock, intervals are too narrow.")]

    def _spread_out(self, rows):
        found = {}
        for name, column in zip(self.names, rows.T, strict=True):
            found[name] = np.zeros(self._size)
            found[name][self._ground] = self.coupling.weight * column
        return found


class LearningRounds:
    """EM on the means, a step after each minimum.

    Parameters
    ----------
    mixture : RockMixture
        With `learn`.
    parameters : list of Parameter
        Its members in order.
    """

    name = "largest move of a learned mean, standard deviations of its rock"
    tolerance = SETTLED

    def __init__(self, mixture, parameters):
        self._parameters, self._table_means = parameters, replace(mixture, means=None).components()[1]
        self.coupling = replace(mixture, learn=False)

    @property
    def kept(self):
        """What the result's problem holds: the mixture with the means learned, which is a density."""
        return self.coupling

    def update(self, parts):
        """Move the means to what a round found; return the largest move, standard deviations of the rock."""
        values = {p.name: parts[p.name][p.ground] * p.scale for p in self._parameters}
        rows = np.stack([*values.values()], axis=1)
        found = np.stack([*self.coupling.responsibilities(values).values()])
        counts = self.coupling.weight * found.sum(axis=1)[:, None]
        _, means, covariances = self.coupling.components()
        moved = (self.coupling.weight * found @ rows + self.coupling.confidence * self._table_means) / (
            counts + self.coupling.confidence)
        step = np.abs(moved - means) / np.sqrt(np.einsum("kpp->kp", covariances))
        self.coupling = replace(self.coupling, means=moved)
        return float(step.max())

    def said(self, left):
        """The end of it in words."""
        return f"means of rocks {'learned' if left <= SETTLED else 'still moving'} (last move {left:.2g} std)"
