"""What `find_map` returns."""

from dataclasses import dataclass, field

import numpy as np

from .._html import card, span_of
from .._shown import cut, named
from ..dataset import Approximation, ModalityBlock, ParameterBlock, build_tree
from ..problem import modality_fields, parameter_fields, versions


@dataclass(frozen=True, kw_only=True)
class MapResult:
    """A model that came out of `find_map`, and what it is.

    Attributes
    ----------
    model : dict of ndarray
        {parameter: (nz, ny, nx)}, physical units.
    chi2 : dict of float
        {modality: ‖C^{-1/2}(G m − d)‖²}.
    converged : bool
        Whether the model is a stationary point of Φ at the hyperparameters of `problem`, by the criterion in `message`.
        Only then may a Laplace approximation be built on it.
    target_met : bool
        Whether every χ² (with its likelihood exponent) is at or below n + √(2n), the discrepancy principle.
    message : str
        Why it stopped and what the model is.
    history : dict of ndarray, shape (iterations + 1,)
        Every term of Φ, χ², α, step length, relative change and projected gradient at every iterate.
    problem : JointProblem
        The problem with the hyperparameters really used in the end.
    method : str
        "rrcg" or another method of `find_map`.
    x : ndarray, shape (problem.size,)
        State vector: the m̂ = m / scale of all parameters.
    iterations : int
        Iterations done.
    seconds : float
        Time taken.
    rounds : dict of ndarray
        Where couplings are met or learned in rounds (a hard law, a mixture whose means are learned): for each of them
        what was left to do after every round, by its name, in the units that its docstring says.
    """

    model: dict
    chi2: dict
    converged: bool
    target_met: bool
    message: str
    history: dict
    problem: object
    method: str
    x: np.ndarray
    iterations: int
    seconds: float
    rounds: dict = field(default_factory=dict)

    def to_dataset(self):
        """The model and its history as an `xarray.Dataset`.

        Parameters on one and the same mesh share its dims; otherwise dims carry the parameter's name.
        """
        import xarray as xr

        parameters = self.problem.parameters
        meshes = [p.mesh for p in parameters if p.mesh is not None]
        shared = all(m == meshes[0] for m in meshes)
        variables, coords = {}, {}
        for p in parameters:
            axes = [(f"{p.name}_id", p.index(), {"long_name": f"index into {p.name}", "units": "1"})]
            if p.mesh is not None:
                prefix = "" if shared else f"{p.name}_"
                axes = [(prefix + dim, values, attrs) for dim, values, attrs in p.mesh.coords().values()]
            coords |= {dim: (dim, values, attrs) for dim, values, attrs in axes}
            variables[p.name] = ([a[0] for a in axes], self.model[p.name], {"units": p.units, "long_name": p.name})
        for key, values in self.history.items():
            variables[key] = ("iteration", values, {"units": "1", "long_name": key.replace("_", " ")})
        attributes = {"method": self.method, "converged": str(self.converged).lower(), "message": self.message,
                      "target_met": str(self.target_met).lower(), "seconds": self.seconds}
        return xr.Dataset(variables, coords, attributes)

    def to_datatree(self, separate=None):
        """One model as an `xarray.DataTree` in the groups of a posterior, for `report` and for comparison.

        There is no standard deviation in it, and it says so: one model, converged or not, is no posterior.

        Parameters
        ----------
        separate : dict of {modality name: MapResult}, optional
            Models of the separate inversions, to stand beside the joint one.

        Returns
        -------
        xarray.DataTree
        """
        separate = dict(separate or {})
        parameters = [
            ParameterBlock(
                **parameter_fields(p), mean=self.model[p.name],
                separate={f"{name}_only": {"mean": r.model[p.name]}
                          for name, r in separate.items() if p.name in r.model},
            )
            for p in self.problem.parameters
        ]
        modalities = [
            ModalityBlock(
                **modality_fields(self.problem, m), predicted_mean=self.problem.predict(m.name, self.x),
                chi2=self.chi2[m.name],
                separate={f"{name}_only": r.chi2[m.name] for name, r in separate.items() if m.name in r.chi2},
            )
            for m in self.problem.modalities
        ]
        words = "the maximum of the posterior density" if self.converged else "an iterate, no maximum of any density"
        statement = f"The values shown are one model, {words}; nothing here says how sure they are. {self.message}."
        attributes = {"method": self.method, "settings": self.problem.settings(), "versions": versions(),
                      "map_method": self.method, "map_converged": self.converged, "map_message": self.message}
        return build_tree(
            parameters, modalities, history={k: v for k, v in self.history.items() if np.ndim(v) == 1},
            approximations=[Approximation(name="one model", status="not validated", statement=statement)],
            attributes=attributes)

    def _repr_html_(self):
        state = "converged" if self.converged else "not converged: no maximum of a density"
        return card(
            f"{type(self).__name__} ({self.method})",
            [("unknowns, data", self.problem.size_words()), ("state", state), ("message", self.message),
             ("iterations", f"{self.iterations}, {self.seconds:.2g} s")],
            (["parameter", "model, which has no error of its own"],
             [[p.name, span_of(self.model[p.name], p.units)] for p in self.problem.parameters]),
            (["survey", "data", "chi2 / data"],
             [[m.name, m.size, f"{self.chi2[m.name] / m.size:.3g}"] for m in self.problem.modalities]))

    def __repr__(self):
        fits = named(f"{m.name} {self.chi2[m.name] / m.size:.3g}" for m in self.problem.modalities)
        return cut(f"{type(self).__name__}({self.method}: {self.problem.size_words()}; chi2/n: {fits}; "
                   f"{self.iterations} iterations, {self.seconds:.2g} s; {self.message})")
