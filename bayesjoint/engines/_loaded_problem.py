"""The problem of a saved dataset: parameters, data and noise, without priors and operators."""

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .._checks import fail
from ..dataset import read_attributes
from ..mesh import Mesh
from ..noise import DiagonalNoise, StudentNoise
from ..problem import JointProblem, Modality, Parameter
from ..quantities import FIELD, component_of

AGAIN = "Make the posterior again: bj.posterior(problem)."


class _NoOperator(LinearOperator):
    """Where a forward operator was: it knows its inducing field, and refuses products."""

    def __init__(self, rows, columns, kind, units, shape, said):
        super().__init__(np.dtype(float), (rows, columns))
        self.kind, self.units, self.data_shape = kind, units, shape
        for key in FIELD:
            if key in said:
                setattr(self, key, said[key])

    def _matvec(self, x):
        fail("dataset", "hold forward operators for this", "none: files hold summaries and draws", AGAIN)

    _rmatvec = _matvec


class _CorrelatedNoise(DiagonalNoise):
    """Noise of which a file knows the standard deviations only."""

    independent = False

    def whiten(self, residual):
        """Refused."""
        fail("dataset", "hold the noise covariance for this", "its standard deviations only", AGAIN)

    whiten_adjoint = colour = apply = whiten


def problem_of(tree, said):
    """The `JointProblem` of a tree: parameters, bounds, data and noise, without priors and operators."""
    missing = {"posterior_summary", "observed_data", "constant_data"} - set(tree.children)
    if missing:
        fail("source", "hold summaries and data", f"no {', '.join(sorted(missing))}", "Save post.to_datatree().")
    parameters = [_parameter_of(tree, name) for name in said["parameters"]]
    size = {p.name: p.size for p in parameters}
    surveys = [_survey_of(tree, name, size) for name in said["modalities"]]
    weights = {m.name: read_attributes(tree["observed_data"][m.name])["likelihood_exponent"] for m in surveys}
    return JointProblem(parameters, surveys, weights=weights)


def _parameter_of(tree, name):
    mean, constant = tree["posterior_summary"][f"{name}_mean"], tree["constant_data"].data_vars
    bounds = []
    for side, open_end in (("lower", -np.inf), ("upper", np.inf)):
        stored = constant.get(f"{name}_bound_{side}")
        bounds.append(None if stored is None else np.where(np.isnan(stored.values), open_end, stored.values))
    where, labels = max(1, mean.size), None
    if mean.dims == Mesh.dims:
        edges = [constant[f"{dim}_edges"].values for dim in ("easting", "northing", "upward")]
        ground = constant[f"{name}_ground"].values == 1 if f"{name}_ground" in constant else None
        where = Mesh(*edges, ground)
    elif mean.dims and mean[mean.dims[0]].dtype.kind not in "iuf":
        labels = [str(label) for label in mean[mean.dims[0]].values]
    scale, units = mean.attrs.get("scale", 1.0), mean.attrs["units"]
    return Parameter(name, where, bounds=bounds, scale=scale, units=units, labels=labels)


def _seen_by(kind, size):
    """Parameters that a survey of an older file, which does not say, is taken to see."""
    component = component_of(kind)
    own = component.kind.property.name if component else None
    return [own] if own in size else list(size)


def _survey_of(tree, name, size):
    observed, std = tree["observed_data"][name], tree["constant_data"].data_vars.get(f"{name}_noise_std")
    said = read_attributes(observed)
    if std is None or "likelihood_exponent" not in said:
        fail("source", f"hold the noise of {name}", "none", "Save post.to_datatree().")
    data = at_stations(tree, name, observed.values)
    names = said.get("parameters") or _seen_by(said["kind"], size)
    operator = _NoOperator(data.size, sum(size[p] for p in names), said["kind"], said["units"],
                           observed.shape if data.size == observed.size else data.shape, said)
    spread = at_stations(tree, name, std.values) * said["likelihood_exponent"] ** 0.5
    return Modality(name, operator, data, _noise_of(said, spread), tuple(names))


def _noise_of(said, std):
    if "noise_dof" in said:
        return StudentNoise(std, said["noise_dof"])
    return (DiagonalNoise if str(said.get("noise", "")).startswith("independent") else _CorrelatedNoise)(std)


def at_stations(tree, name, values):
    """Values at the observed stations of a survey, (n_data,)."""
    if values is None:
        fail("dataset", f"hold predictions of {name} for this", "none", AGAIN)
    return values[np.isfinite(tree["observed_data"][name].values)]
