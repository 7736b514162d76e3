"""The hyperparameters of a problem as one vector, and the problem that a vector stands for."""

from dataclasses import replace

import numpy as np

from .._checks import as_finite, fail, one_of
from ..noise import MaternKernel, StationaryNoise
from ..priors import DIP, STRIKE, BiasPrior, parts_of, with_parts
from ._coordinates import Coordinate, laid_out, reaching, sized
from ._discrepancy import LARGEST_CORRELATION, discrepancies, discrepancy_coordinates, rebuilt
from ._order import log_orders
from ._parts import coregionalized, field_groups, innovations, matern_parameters, rough_std, std_factors
from ._penalty import log_mass, log_prior

AXES = {
    "common": {"range": (0, 1, 2)},
    "layered": {"range_vertical": (0,), "range_horizontal": (1, 2)},
    "axes": {"range_upward": (0,), "range_northing": (1,), "range_easting": (2,)},
}
STD_SPAN = (1e-3, 1e3)  # of what the size of the data asks for
STD_TAIL = 10.0  # 5 % of its prior lies above this many times what the data ask for
NOISE_SPAN = (1e-3, 3.0)  # of the data's own std; finer than the first, prisms and flat ground describe no field
BIAS_SPAN = (1e-4, 100.0)  # of the data's own std


class HyperVector:
    """What may be fitted in a problem, which of it is free, and what a vector of it means.

    Parameters
    ----------
    problem : JointProblem
        Matérn priors; other Gaussian priors are left as they are.
    free : list of str, optional
        Names to fit; default all there are but those of biases and discrepancies that somebody stated.
    ranges : {"common", "layered", "axes"}, default "common"
        One factor for all three ranges, one vertical and one horizontal, or one an axis.
    bounds : dict of {str: (low, high)}, optional
        Natural units; default from the mesh, the stations and the size of the data.
    flat : bool, default False
        Leave the weakly informative priors away.
    whole : JointProblem, optional
        What `rebuild` changes, where `problem` holds but a part of its data: all of a survey's data then share the
        information of that part, so that their noise variance grows with their number. Default: `problem`.
    strides : dict of {modality name: int}, optional
        Every how many nodes are in that part.

    Raises
    ------
    ValueError, TypeError
        On unknown names, bounds that do not ascend, or a problem with nothing to fit.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((2, 3, 4), (100, 100, 100))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    >>> gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> survey = bj.Modality("gravity", gravity, np.ones((3, 4)), bj.DiagonalNoise(np.full((3, 4), 0.1)), "density")
    >>> vector = HyperVector(bj.JointProblem([density], [survey]))
    >>> vector.names
    ['density_std', 'density_range', 'gravity_noise']
    >>> prior = vector.rebuild(vector.start + np.log(2)).by_name["density"].prior
    >>> round(prior.std, 9), round(prior.range, 9)
    (200.0, 600.0)
    """

    def __init__(self, problem, free=None, ranges="common", bounds=None, flat=False, whole=None, strides=None):
        one_of("ranges", ranges, tuple(AXES))
        self.problem, self.flat, self.whole = problem, flat, problem if whole is None else whole
        self._strides = strides or {}
        known = {c.name: c for c in [*_fields(problem, AXES[ranges]), *_noises(problem), *_nuisances(problem)]}
        for name, pair in (bounds or {}).items():
            known[name] = _bounded(known[_name("bounds", name, known)], pair)
        chosen = [name for name, c in known.items() if not c.held] if free is None else [
            _name("free", name, known) for name in free]
        for m in problem.modalities:
            if getattr(m.noise, "guessed", False) and f"{m.name}_noise" not in chosen:
                fail("free", f"name {m.name}_noise, whose std is a guess", ", ".join(chosen), "Add it, or state it.")
        self.coordinates = [c for name, c in known.items() if name in chosen]
        self.fixed = [c for name, c in known.items() if name not in chosen]
        if not self.coordinates:
            fail("free", "name at least one hyperparameter", "none", f"This problem has {', '.join(known) or 'none'}.")
        self.names = [c.name for c in self.coordinates]
        self.start = np.array([c.start for c in self.coordinates])
        self.bounds = np.array([c.bounds for c in self.coordinates])

    @property
    def size(self):
        """Number of free hyperparameters."""
        return len(self.coordinates)

    def natural(self, theta):
        """{name: value in natural units} of the free ones."""
        return {c.name: float(c.natural(t)) for c, t in zip(self.coordinates, theta, strict=True)}

    def values(self, theta):
        """{name: value} of all, the fixed ones at the problem's own values."""
        return {c.name: c.value for c in self.fixed} | self.natural(theta)

    def log_prior(self, theta):
        """Log density, gradient and diagonal of the Hessian of the weakly informative prior."""
        if self.flat:
            return 0.0, np.zeros(self.size), np.zeros(self.size)
        terms = np.array([log_prior(c, t) for c, t in zip(self.coordinates, theta, strict=True)])
        return float(terms[:, 0].sum()), terms[:, 1], terms[:, 2]

    def log_prior_mass(self):
        """Log probability of the weakly informative prior within the bounds, which normalises it there.

        Of the orders that like parts of a sum of Matérns could be in, one counts.
        """
        return sum(log_mass(c) for c in self.coordinates) - log_orders(self)

    def known(self):
        """All coordinates by name."""
        return {c.name: c for c in [*self.coordinates, *self.fixed]}

    def rebuild(self, theta, problem=None):
        """The problem with the hyperparameters of a vector.

        Parameters
        ----------
        theta : array_like, shape (size,)
            In the search's coordinates.
        problem : JointProblem, optional
            What to change. Default: the whole one.

        Returns
        -------
        JointProblem
        """
        values, problem = self.values(theta), self.whole if problem is None else problem
        priors = {p.name: p.prior for p in problem.parameters}
        priors |= {p.name: rebuilt(p.prior, self.coordinates, values) for p in discrepancies(problem)}
        noises, couplings = set(), list(problem.couplings)
        for c in self.coordinates:
            if c.kind in ("std", "vector_std", "range", "angle") and values[c.name] != c.value:
                priors |= {name: _changed(priors[name], values[c.name], c) for name in c.targets}
            elif c.kind.startswith("noise"):
                noises |= {*c.targets}
            elif c.kind == "correlation":
                couplings = [replace(k, correlation=values[c.name]) if hasattr(k, "joint_covariance") else k
                             for k in couplings]
        parameters = [p if priors[p.name] is p.prior else p.replace(prior=priors[p.name]) for p in problem.parameters]
        used = {name: m.size for name, m in self.problem.surveys.items()}
        modalities = [m.replace(noise=self._noise(m, values)) if m.name in noises else m for m in problem.modalities]
        modalities = [m.replace(stride=1) if m.size == used[m.name] else m.replace(
            noise=m.noise.scaled(m.size / used[m.name]), stride=self._strides.get(m.name, 1)) for m in modalities]
        return problem.replace(parameters=parameters, modalities=modalities, couplings=couplings)

    def _noise(self, modality, values):
        name, stationary = modality.name, fitted_kernel(modality.noise)
        if stationary is None:
            whole = self.known()[f"{name}_noise"]
            return modality.noise.scaled((values[whole.name] / whole.value) ** 2)
        kernel = replace(stationary.kernel, std=values[f"{name}_noise_correlated"], range=values[f"{name}_noise_range"])
        white = np.asarray(stationary.white, dtype=float)
        if white.any():
            white = white * (values[f"{name}_noise"] / self.known()[f"{name}_noise"].value)
        return StationaryNoise(kernel, white)


def fitted_kernel(noise):
    """The StationaryNoise behind a modality's noise, where its kernel is one whose std and range can be fitted."""
    stationary = getattr(noise, "stationary", None)
    return stationary if stationary is not None and isinstance(stationary.kernel, MaternKernel) else None


def white_variance(modality):
    """Variance of every datum's noise, (n_data,), without what a kernel that can be fitted adds."""
    stationary = fitted_kernel(modality.noise)
    return modality.noise.variance() if stationary is None else np.broadcast_to(
        np.square(stationary.white), (modality.size,))


def _changed(prior, value, coordinate):
    """A prior with another value of a coordinate."""
    ratio = value / coordinate.value if coordinate.kind != "angle" else None
    if isinstance(prior, BiasPrior):
        return prior.scaled(ratio)
    parts = list(parts_of(prior))
    part = parts[coordinate.place]
    parts[coordinate.place] = (_scaled_part(part, ratio, coordinate.axes) if ratio is not None else
                               replace(part, **{"strike": np.fmod(value, 360.0)} if coordinate.axes == (STRIKE,) else
                                       {"dip": float(np.clip(value, 0.0, 90.0))}))
    return with_parts(prior, parts)


def _scaled_part(prior, ratio, axes):
    """A Matérn field with its std, or its ranges along `axes`, times a ratio."""
    if not axes:
        return replace(prior, std=_plain(np.asarray(prior.std) * ratio))
    if np.ndim(prior.range) == 0 and len(axes) == 3:
        return replace(prior, range=float(prior.range * ratio))
    return replace(prior, range=tuple(float(r * ratio if i in axes else r) for i, r in enumerate(prior.ranges())))


def _plain(array):
    return float(array) if np.ndim(array) == 0 else array


def _fields(problem, axes):
    """Coordinates of the Matérn fields: stds, ranges, the correlation."""
    factors = std_factors(problem)
    for p in matern_parameters(problem):
        parts = parts_of(p.prior)
        sizes = [_size(part) for part in parts]
        guess = float(np.hypot.reduce(sizes)) * factors[p.name]  # of the whole, so that parts are alike
        for place, value in enumerate(sizes):
            yield sized(f"{p.name}_std{_label(p, place)}", "std", (p.name,), value, guess, STD_SPAN,
                        scale=STD_TAIL * guess, units=p.units, place=place)
    for fields in field_groups(problem):
        first = fields.members[0]
        prefix, suffix = ("", "") if len(fields.names) > 1 else (
            f"{first.name}_", _label(problem.by_name[first.name], fields.place))
        mesh, ranges = first.mesh, first.prior.ranges()
        spacing = (float(np.min(mesh.thickness)), *mesh.horizontal_spacing())
        extent = [float(np.ptp(e)) for e in (mesh.upward_edges, mesh.northing_edges, mesh.easting_edges)]
        for label, axes_of in axes.items():
            which = tuple(i for i in axes_of if np.isfinite(ranges[i]))
            if not which:
                continue  # a level, or a field that does not vary along these
            cell = min(spacing[i] for i in which if i or which == (0,))
            found = reaching(prefix + label + suffix, "range", tuple(fields.names), _middle(ranges, which), cell,
                             max(extent[i] for i in which), axes=which, place=fields.place)
            others = [_middle(part.ranges(), which) for part in parts_of(problem.by_name[first.name].prior)
                      if np.isfinite([part.ranges()[i] for i in which]).all()]
            yield replace(found, low=min(found.low, min(others) / 2), high=max(found.high, 2 * max(others)))
        yield from _angles(fields, prefix, suffix)
    coupling, members = coregionalized(problem)
    if coupling is not None and (np.ndim(coupling.correlation) == 0 or len(members) == 2):
        value = float(coupling.matrix(len(members))[0, 1])
        low = -1.0 / (len(members) - 1)  # P equal correlations
        yield Coordinate(name="correlation", kind="correlation", targets=tuple(p.name for p in members), value=value,
                         low=LARGEST_CORRELATION * low, high=LARGEST_CORRELATION)


def _angles(fields, prefix, suffix):
    """Coordinates of strike and dip, where a prior has them; fitted only where they are asked for by name."""
    if fields.members[0].prior.dip is not None:
        strike, dip = fields.members[0].prior.orientation()
        for name, axis, value, low, high in (("strike", STRIKE, strike, strike - 90.0, strike + 90.0),
                                             ("dip", DIP, dip, 0.0, 90.0)):
            yield Coordinate(name=prefix + name + suffix, kind="angle", targets=tuple(fields.names), value=value,
                             low=low, high=high, units="°", axes=(axis,), held=True, place=fields.place)


def _size(part):
    """Root mean square std of a field, over the cells where it is."""
    std = np.asarray(part.std, dtype=float)
    return float(np.sqrt(np.mean(std[std > 0] ** 2)))


def _middle(ranges, which):
    return float(np.exp(np.mean(np.log([ranges[i] for i in which]))))


def _label(parameter, place):
    """What tells the parts of a sum apart: "_1", "_2"; nothing where there is one."""
    return f"_{place + 1}" if len(parts_of(parameter.prior)) > 1 else ""


def _noises(problem):
    """Coordinates of the noise of every modality."""
    for name, size in rough_std(problem).items():
        m = problem.surveys[name]
        stationary = fitted_kernel(m.noise)
        white = white_variance(m)
        common = {"scale": size, "units": m.units}
        if white.any():
            yield sized(f"{m.name}_noise", "noise", (m.name,), float(np.sqrt(np.mean(white))), size, NOISE_SPAN,
                        part="all" if stationary is None else "white", **common)
        if stationary is None:
            continue
        yield sized(f"{m.name}_noise_correlated", "noise", (m.name,), stationary.kernel.std, size, NOISE_SPAN,
                    part="correlated", **common)
        place = np.stack(m.forward.coordinates()[:2], axis=1)
        yield reaching(f"{m.name}_noise_range", "noise_range", (m.name,), stationary.kernel.range, *laid_out(place))


def _nuisances(problem):
    """Coordinates of biases, held unless the evidence chose them before, and of a discrepancy."""
    sizes = {m.name: float(np.sqrt(np.mean(data**2))) or 1.0
             for m, data in zip(problem.modalities, innovations(problem), strict=True)}
    yield from discrepancy_coordinates(problem, sizes, STD_TAIL)
    for m in problem.modalities:
        size = sizes[m.name]
        for p in (problem.by_name[name] for name in m.parameters):
            if isinstance(p.prior, BiasPrior):
                yield sized(f"{p.name}_std", "vector_std", (p.name,), p.prior.size(), size, BIAS_SPAN, units=p.units,
                            scale=STD_TAIL * size, held=p.prior.evidence is None)


def _name(argument, name, known):
    if name not in known:
        fail(argument, f"name hyperparameters among {', '.join(known)}", repr(name), "Correct the name.")
    return name


def _bounded(coordinate, pair):
    values = as_finite(f"bounds[{coordinate.name!r}]", pair, 1)
    least, most = (-1.0, 1.0) if coordinate.kind.endswith("correlation") else (0.0, np.inf)
    angle = coordinate.kind == "angle"  # which may be what its ends are
    if angle:
        least, most = (-360.0, 360.0) if coordinate.axes == (STRIKE,) else (0.0, 90.0)
    if values.size != 2 or not least <= values[0] < values[1] <= most or (not angle and {least, most} & {*values}):
        fail(f"bounds[{coordinate.name!r}]", f"be two ascending numbers between {least:g} and {most:g}", repr(pair),
             "Give natural units.")
    return replace(coordinate, low=float(values[0]), high=float(values[1]))
