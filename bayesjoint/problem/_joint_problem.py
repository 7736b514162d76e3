"""The joint problem: negative log posterior, its gradient and Gauss–Newton products."""

from __future__ import annotations

import numpy as np

from .._checks import as_finite, as_positive, checked, fail
from .._crs import check_one_crs
from .._html import card
from .._places import runs, unit_columns
from .._shown import cut, named
from .._typing import Any
from ..noise import is_gaussian
from ..quantities import component_of
from ._cache import Cache
from ._modality_operator import ModalityOperator
from ._prior import JointPrior
from ._same_ground import with_ground

UNSTATED = "1"  # units of a parameter that none were given for


@checked
class JointProblem:
    """Parameters, surveys and couplings as one posterior density.

    Φ(x) = ½ Σ_k w_k ‖C_k^{-1/2}(G_k m − d_k)‖² + Σ_p R_p + Σ_c S_c, with x the concatenated m̂_p = m_p / scale_p.
    A separate inversion is the same class with one modality and no coupling.

    Parameters
    ----------
    parameters : list of Parameter
        Unknowns, with different names.
    modalities : list of Modality
        Surveys, with different names.
    couplings : list of coupling, default ()
        Penalties, and at most one joint covariance (`Coregionalization`).
    weights : dict of {modality name: float}, optional
        Likelihood exponents w_k > 0; default 1.

    Attributes
    ----------
    data_slices : dict of {str: slice}
        Place of every modality among the data, stacked in the problem's order; `data_size` of them.
    by_name, surveys : dict
        Parameters and modalities by their names.
    cache : Cache
        What costly questions have left for the next ones; problems made from this one share it.
    ground : ndarray of bool, shape (size,)
        False in air: cells that no answer counts. A parameter's mesh marks them, or the `active` of an operator over
        it, with which the parameter is then replaced.
    known, free : ndarray of bool, shape (size,)
        Cells given exactly (`fixed`); ground that is not.

    Raises
    ------
    ValueError, TypeError
        On repeated or unknown names, sizes that disagree, weights <= 0, or operators and meshes that mark different
        air.

    Examples
    --------
    >>> from bayesjoint import DiagonalNoise, GaussianPrior, Modality, Parameter
    >>> m = Parameter("slope", 1, prior=GaussianPrior(0.0, 1.0))
    >>> line = Modality("line", np.ones((2, 1)), [1.0, 3.0], DiagonalNoise([1.0, 1.0]), "slope")
    >>> problem = JointProblem([m], [line])
    >>> problem.value(problem.pack({"slope": [2.0]}))
    3.0
    """

    def __init__(self, parameters: list, modalities: list, couplings: list = (), weights: dict | None = None) -> None:
        self.modalities = _unique("modalities", modalities, ("forward", "noise"))
        check_one_crs("modalities", {m.name: getattr(m, "metadata", {}).get("crs") for m in self.modalities})
        self.parameters = with_ground(_unique("parameters", parameters, ("bound_prior", "from_hat")), self.modalities)
        self.couplings = _listed("couplings", couplings)
        self.by_name, self.surveys = (
            {one.name: one for one in things} for things in (self.parameters, self.modalities))
        self.slices, self.data_slices = (
            dict(zip((one.name for one in things), runs(one.size for one in things), strict=True))
            for things in (self.parameters, self.modalities))
        self.size, self.data_size = (sum(one.size for one in things) for things in (self.parameters, self.modalities))
        self.cache = Cache()
        self.weights = self._exponents(weights)
        self._check_names()
        self._operators = [ModalityOperator(k, self.by_name, self.slices, self.size) for k in self.modalities]
        joint = [c for c in self.couplings if hasattr(c, "joint_covariance")]
        if len(joint) > 1:
            fail("couplings", "hold at most one joint covariance", f"{len(joint)}", "Merge them into one matrix.")
        self.prior = JointPrior(self.parameters, self.slices, joint[0] if joint else None)
        self.penalties = [self._bound(c) for c in self.couplings if c not in joint]
        self.lower = self._bound_side("lower", -np.inf)
        self.upper = self._bound_side("upper", np.inf)
        self.ground = np.concatenate([p.ground for p in self.parameters])
        self.known = np.concatenate([p.fixed_mask for p in self.parameters])
        self.free = self.ground & ~self.known

    # -- state vector ------------------------------------------------------------------------------------------------
    def pack(self, physical: dict):
        """Physical arrays by parameter name, in air anything, to the state vector x, shape (size,), 0 in air."""
        missing = set(self.by_name) ^ set(physical)
        if missing:
            fail("physical", f"have the keys {sorted(self.by_name)}", f"{sorted(physical)}", "Give every parameter.")
        return np.concatenate([p.to_hat(physical[p.name]) for p in self.parameters])

    def unpack(self, x: np.ndarray):
        """State vectors, shape (..., size), to {name: physical array (..., *shape)}, NaN in air."""
        x = self._state(x)
        return {p.name: p.from_hat(x[..., self.slices[p.name]]) for p in self.parameters}

    def _state(self, x):
        """State vectors as an array, refused where they are of another size."""
        x = x if isinstance(x, np.ndarray) else as_finite("x", x)
        if x.shape[-1:] != (self.size,):
            fail("x", f"have shape ({self.size},)", f"{x.shape}", "Pass problem.start(), or the x of a MAP.")
        return x

    def start(self):
        """Reference model, inside the bounds, with known cells at their values: shape (size,)."""
        x = np.clip(np.concatenate([p.reference_hat for p in self.parameters]), self.lower, self.upper)
        x[self.known] = np.concatenate([p.fixed_values for p in self.parameters])[self.known]
        return x

    # -- pieces ------------------------------------------------------------------------------------------------------
    def operator(self, k: Any):
        """Forward operator of modality k (name or index) on x, to physical data; an error where it is not linear."""
        found = self._operators[self._index(k)]
        if not found.linear:
            fail(f"forward of modality {self.modalities[self._index(k)].name!r}", "be linear for what was asked",
                 "a nonlinear model", 'Use find_map and posterior(method="laplace"), or ask problem.linearised(x), the '
                 "tangent at a state vector x.")
        return found

    def operators_at(self, x: np.ndarray):
        """[derivative of modality k's data at x], linear operators on x; the operators themselves where linear."""
        return [a.at(x) for a in self._operators]

    def predict(self, k: Any, x: np.ndarray):
        """Clean data of modality k (name or index) at x, shape (n_data,), physical units."""
        return self._operators[self._index(k)].predict(self._state(x))

    def physical(self, k: Any, x: np.ndarray):
        """What modality k's forward model is a function of at x: physical values joined in its order, shape (n,)."""
        return self._operators[self._index(k)].physical(self._state(x))

    @property
    def nonlinear(self):
        """Names of the modalities whose forward model is not linear."""
        return tuple(m.name for m in self.modalities if not m.linear)

    def linearised(self, x: np.ndarray):
        """The problem with every nonlinear model replaced by its tangent at a state vector x, shape (size,).

        Data become d − G(x) + J x, so that misfits agree at x in value and gradient, and any engine for linear
        operators applies.
        """
        surveys = []
        for m, a in zip(self.modalities, self._operators, strict=True):
            tangent = a.at(x)
            surveys.append(m if m.linear else m.replace(
                forward=tangent.forward, data=m.data - a.predict(x) + tangent.matvec(x)))
        return self.replace(modalities=surveys)

    def _index(self, k):
        names = [m.name for m in self.modalities]
        if isinstance(k, str) and k in names:
            return names.index(k)
        if not isinstance(k, (int, np.integer)) or isinstance(k, bool) or not 0 <= k < len(names):
            fail("k", f"be one of {names} or its index", repr(k), "Correct the name.")
        return k

    def residuals(self, x: np.ndarray):
        """[G_k(x) − d_k], physical units."""
        x = self._state(x)
        return [a.predict(x) - m.data for a, m in zip(self._operators, self.modalities, strict=True)]

    def chi2(self, x: np.ndarray, residuals: list | None = None):
        """{modality name: ‖C_k^{-1/2}(G_k(x) − d_k)‖²}, without the exponents; `residuals` if they are known.

        Refused for continued fields: data feel their hidden cells too, which x does not hold. Ask `Posterior.chi2`.
        """
        self.prior.refuse_hidden()
        residuals = self.residuals(x) if residuals is None else residuals
        return {m.name: float(np.sum(m.noise.whiten(r) ** 2)) for m, r in zip(self.modalities, residuals, strict=True)}

    def terms(self, x: np.ndarray, chi2: dict | None = None):
        """Every term of Φ by name; `chi2` if it is known."""
        chi2 = self.chi2(x) if chi2 is None else chi2
        terms = {f"misfit {name}": 0.5 * self.weights[name] * value for name, value in chi2.items()}
        terms |= {f"prior {name}": value for name, value in self.prior.terms(x).items()}
        for i, bound in enumerate(self.penalties):
            terms[f"coupling {i}"] = bound.value(self.parts(x))
        return terms

    def parts(self, x: np.ndarray):
        """{name: flat m̂} views of x."""
        return {name: x[where] for name, where in self.slices.items()}

    # -- Φ -----------------------------------------------------------------------------------------------------------
    def value(self, x: np.ndarray):
        """Φ(x), constants dropped."""
        return sum(self.terms(x).values())

    def gradient(self, x: np.ndarray, residuals: list | None = None):
        """∇Φ(x), shape (size,), zero at known cells; `residuals` if they are known."""
        x = self._state(x)
        out = self.add_pull(self.prior.gradient(x), self.residuals(x) if residuals is None else residuals, x)
        self.add_parts(out, *(bound.gradient(self.parts(x)) for bound in self.penalties))
        return np.where(self.free, out, 0.0)

    def add_pull(self, out: np.ndarray, data: list, x: np.ndarray | None = None):
        """Add Σ_k w_k A_kᵀ C_k⁻¹ d_k to `out`, (size,) or (size, k), of data by modality; A the derivative at x."""
        operators = self._operators if x is None else self.operators_at(x)
        for a, m, d in zip(operators, self.modalities, data, strict=True):
            out += (a.rmatvec if np.ndim(d) == 1 else a.rmatmat)(self.weights[m.name] * m.noise.solve(d))
        return out

    def add_parts(self, out: np.ndarray, *contributions: dict):
        """Add {name: part} of any number of penalties to a state vector."""
        for contribution in contributions:
            for name, part in contribution.items():
                out[self.slices[name]] += part

    def hessian_product(self, x: np.ndarray, direction: np.ndarray):
        """Hessian of Φ at x times a direction, shape (size,): exact for linear operators, else Gauss–Newton's.

        Gauss–Newton's leaves out the curvature of the forward models, weighted by residuals.
        """
        v = np.where(self.free, direction, 0.0)
        out = self.penalty_hessian_product(x, v)
        return np.where(self.free, self.add_pull(out, [a.matvec(v) for a in self.operators_at(x)], x), 0.0)

    def penalty_hessian_product(self, x: np.ndarray, direction: np.ndarray):
        """Hessian at x of Φ without its misfit terms, times a direction, shape (size,)."""
        v = np.where(self.free, direction, 0.0)
        out = self.prior.hessian_product(x, v)
        self.add_parts(out, *(bound.hessian_product(self.parts(x), self.parts(v)) for bound in self.penalties))
        return np.where(self.free, out, 0.0)

    def hessian_matrix(self, x: np.ndarray, index: np.ndarray):
        """`hessian_product` as a matrix over the values at `index`, shape (k, k)."""
        out, parts = self.prior.hessian_matrix(x, index), self.parts(x)
        for k, i in enumerate(index if self.penalties else ()):
            column, unit = np.zeros(self.size), self.parts(unit_columns(self.size, [i])[:, 0])
            self.add_parts(column, *(bound.hessian_product(parts, unit) for bound in self.penalties))
            out[:, k] += column[index]
        for a, m in zip(self.operators_at(x), self.modalities, strict=True):
            white = m.noise.whiten(a.matrix()[:, index])
            out += self.weights[m.name] * (white.T @ white)
        return 0.5 * (out + out.T)

    @property
    def bounded(self):
        """Whether any parameter has a finite bound."""
        return bool(np.isfinite(self.lower).any() or np.isfinite(self.upper).any())

    @property
    def gaussian_noise(self):
        """Whether the noise of every modality is Gaussian."""
        return all(is_gaussian(m.noise) for m in self.modalities)

    @property
    def linear_gaussian(self):
        """Whether the posterior is exactly Gaussian: Gaussian prior and noise, linear, no penalty, no bounds."""
        return (self.prior.gaussian and self.gaussian_noise
                and not self.penalties and not self.bounded and not self.nonlinear)

    # -- relatives ---------------------------------------------------------------------------------------------------
    def separate(self):
        """{modality name: JointProblem} of each survey alone with the parameters it sees, without couplings."""
        return {m.name: self.replace(parameters=[p for p in self.parameters if p.name in m.parameters], modalities=[m],
                                     couplings=()) for m in self.modalities}

    def replace(self, **changes: Any):
        """A copy with some of parameters, modalities, couplings, weights changed; surveys that stay keep theirs."""
        given = {"parameters": self.parameters, "modalities": self.modalities, "couplings": self.couplings, **changes}
        if "weights" not in changes:
            names = [getattr(m, "name", None) for m in _listed("modalities", given["modalities"])]
            given["weights"] = {name: value for name, value in self.weights.items() if name in names}
        out = JointProblem(**given)
        out.cache = self.cache
        return out

    def with_data(self, data: np.ndarray):
        """The same with other data, shape (n_data,), stacked over modalities, physical units."""
        data = as_finite("data", data, 1, allow_nan=True)
        if data.size != self.data_size:
            fail("data", f"have shape ({self.data_size},)", f"{data.shape}", "Stack them over the modalities.")
        return self.replace(modalities=[m.replace(data=data[self.data_slices[m.name]].reshape(m.data_shape))
                                        for m in self.modalities])

    def settings(self):
        """What was asked, as {key: string or number}, for the record of a run."""
        out = {}
        for p in self.parameters:
            out |= {f"{p.name}: {key}": value for key, value in p.settings().items()}
            if p.mesh is not None:
                out["mesh"] = repr(p.mesh)
        for m in self.modalities:
            out |= {f"{m.name}: data": m.size, f"{m.name}: noise": m.noise.settings(),
                    f"{m.name}: likelihood exponent": self.weights[m.name]}
            out |= {} if m.linear else {f"{m.name}: forward model": f"nonlinear, {m.forward!r}"}
        out["couplings"] = ", ".join(str(c) for c in self.couplings) or "none"
        return out

    def size_words(self):
        """What is unknown and what was measured, with their numbers, in words."""
        return (f"{self.size} unknowns of {named(self.by_name)}; {self.data_size} data of "
                f"{named(m.name for m in self.modalities)}")

    def shown_tables(self, priors: bool = True):
        """[(header, rows)] of parameters and surveys, for what shows itself in a notebook."""
        known = [[p.name, f"{p.size} values" if p.mesh is None else f"{' x '.join(map(str, p.shape))} cells", p.units,
                  *(["flat" if p.prior is None else p.prior] if priors else [])] for p in self.parameters]
        seen = [[m.name, m.size, m.noise.settings(), ", ".join(m.parameters)] for m in self.modalities]
        return (["parameter", "", "units", "prior"][:3 + priors], known), (["survey", "data", "noise", "sees"], seen)

    def _repr_html_(self):
        tied = ", ".join(map(repr, self.couplings)) or "none"
        return card("JointProblem", [("unknowns, data", self.size_words()), ("couplings", tied)], *self.shown_tables())

    def __repr__(self):
        tied = f"; {', '.join(map(repr, self.couplings))}" if self.couplings else ""
        return cut(f"JointProblem({self.size_words()}{tied})")

    # -- construction ------------------------------------------------------------------------------------------------
    def _exponents(self, weights):
        names = [m.name for m in self.modalities]
        given = {} if weights is None else weights
        if not isinstance(given, dict):
            fail("weights", f"be a dict keyed by modality names {names}", type(weights).__name__,
                 'Pass {"gravity": 0.5}.', TypeError)
        for name, value in given.items():
            if name not in names:
                fail("weights", f"be keyed by modality names {names}", repr(name), "Correct the key.")
            if as_positive(f"weights[{name!r}]", value, 0) != 1 and not is_gaussian(self.surveys[name].noise):
                fail(f"weights[{name!r}]", "be 1 for a survey with StudentNoise", f"{value:g}",
                     "A power of its likelihood is no Student-t law: widen its std instead.")
        return {name: float(given.get(name, 1.0)) for name in names}

    def _check_names(self):
        for m in self.modalities:
            unknown = set(m.parameters) - set(self.by_name)
            if unknown:
                fail(f"parameter of modality {m.name!r}", f"be among {sorted(self.by_name)}", f"{sorted(unknown)}",
                     "Add the parameter to `parameters` or correct the name.")
            self._check_units(m)
        for c in self.couplings:
            names = getattr(c, "parameters", None)
            unknown = set(names or ()) - set(self.by_name)
            if unknown:
                fail("parameters of a coupling", f"be among {sorted(self.by_name)}", f"{sorted(unknown)}", "Mend it.")
            if not hasattr(c, "joint_covariance") and not hasattr(c, "bind"):
                fail("couplings", "hold bayesjoint couplings", type(c).__name__, "Try Gramian(...).", TypeError)

    def _check_units(self, modality):
        """What a gravity or magnetic operator acts on is in that property's units, or says nothing of units."""
        component = component_of(modality.kind)
        for name in modality.seen if component else ():
            units = self.by_name[name].units
            if units != UNSTATED:
                component.kind.property.checked_units(units, f"parameter {name!r}, which {modality.name!r} sees")

    def _bound(self, coupling):
        names = coupling.parameters
        members = [p for p in self.parameters if (p.mesh is not None if names is None else p.name in names)]
        return coupling.bind(members)

    def _bound_side(self, side, open_value):
        return np.concatenate([
            np.full(p.size, open_value) if getattr(p, side) is None else getattr(p, side) for p in self.parameters
        ])


def _listed(argument, things):
    if not isinstance(things, (list, tuple)):
        fail(argument, "be a list", type(things).__name__, "Put it in brackets.", TypeError)
    return tuple(things)


def _unique(argument, things, attributes):
    things = _listed(argument, things)
    if not things:
        fail(argument, "hold at least one", "none", "Pass a list.")
    for thing in things:
        if not all(hasattr(thing, a) for a in attributes):
            fail(argument, "hold bayesjoint objects", type(thing).__name__, "See the class's docstring.", TypeError)
    names = [t.name for t in things]
    if len(set(names)) != len(names):
        fail(argument, "have different names", f"{names}", "Rename one.")
    return things
