"""What `find_map` returns."""

from dataclasses import dataclass

import numpy as np


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
            axes = [(f"{p.name}_id", np.arange(p.size), {"long_name": f"index into {p.name}", "units": "1"})]
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

    def __repr__(self):
        fits = ", ".join(f"{m.name} {self.chi2[m.name] / m.size:.3g}" for m in self.problem.modalities)
        return (f"MapResult({self.method}, chi2/n: {fits}; {self.iterations} iterations, "
                f"{self.seconds:.2g} s; {self.message})")
