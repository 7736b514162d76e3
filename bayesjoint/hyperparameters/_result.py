"""What a fit of hyperparameters hands back."""

from dataclasses import dataclass, field

import numpy as np

from .._checks import as_count
from .._shown import cut, named
from ..dataset import Approximation
from ._integrate import FEWEST, MixturePosterior, weigh


@dataclass(frozen=True, kw_only=True)
class HyperparameterFit:
    """Fitted hyperparameters, how well each is known, and the problem with them.

    Attributes
    ----------
    problem : JointProblem
        With the fitted values.
    estimate : dict of {str: float}
        Mode of evidence times weak prior, natural units.
    table : dict of ndarray, shape (n_hyperparameters,)
        ``name``, ``units``, ``value``, ``stated`` (in the problem given), ``low`` and ``high`` (where the log evidence
        falls by 1.92 nats along its profile, a 95 % interval; NaN where it does not), ``lower_bound``,
        ``upper_bound``, ``search_error`` (standard error of the log value where gradients are noisy), ``no_field`` (in
        the row of a field's std: log evidence, nats, without that field, the noise refitted), ``gaussian_p`` (in the
        row of a noise: p-value of tests that the data are like a Gaussian field with it, whitened data having no heavy
        tails and not growing with the field), ``identified`` and ``verdict``, in words. *Identified* is what lies
        inside the bounds with an interval closed on both sides by the log evidence itself, not by the prior; a field's
        std, range and correlation only if the evidence exceeds that of no field by 1.92 nats; a noise only if
        ``gaussian_p`` is not below 0.01, as it is over sharp bodies, where ground passes for noise or noise for ground.
    curve : dict of {str: dict of ndarray}
        Profile along each: ``value`` (natural units), ``log_evidence``, ``log_posterior`` (nats), the others at their
        best; ``theta`` (n, n_hyperparameters) holds them. With ``predicted`` it is what the curvature at the mode says.
    log_evidence : Estimate
        At the mode, nats, with every constant.
    covariance : ndarray
        Inverse of the negative Hessian, in log (atanh) values; NaN at bounds or where it is not positive definite.
    hessian : ndarray
        Of the log posterior of the hyperparameters, in log (atanh) values.
    theta : ndarray
        The mode in log (atanh) values.
    vector : HyperVector
        Names, bounds, and the map to problems.
    converged : bool
        Whether the search ended at a maximum.
    message : str
        What was done and what to heed.
    evaluations : int
        Evidences computed on all the data.
    objective : EvidenceObjective
        What was maximised.
    """

    problem: object
    estimate: dict
    table: dict
    curve: dict
    log_evidence: object
    covariance: np.ndarray
    hessian: np.ndarray
    theta: np.ndarray
    vector: object
    converged: bool
    message: str
    evaluations: int
    objective: object = field(repr=False)

    def __repr__(self):
        told = named(f"{name} {value:.4g}{'' if sure else ' (not identified)'}" for name, value, sure in zip(
            *(self.table[key] for key in ("name", "value", "identified")), strict=True))
        ended = "converged" if self.converged else "not converged"
        return cut(f"HyperparameterFit({told}; log evidence {float(self.log_evidence):.6g} nats, {ended})")

    def integrate(self, draws=32, seed=0, engine="auto"):
        """Posterior that carries the uncertainty of the hyperparameters, by importance sampling around the mode.

        Parameters
        ----------
        draws : int, default 32
            Points in hyperparameter space, one evidence each; those that carry weight cost one posterior each. A power
            of two suits the Sobol points.
        seed : int or numpy.random.Generator, default 0
        engine : str, default "auto"
            Method of every component, as in `posterior`.

        Returns
        -------
        MixturePosterior
            Its `approximations` state effective number, Pareto k, and what the hyperparameters add to the variance.

        Raises
        ------
        ValueError
            If fewer than 25 points fall inside the bounds.
        """
        draws = as_count("draws", draws, FEWEST, "32 serve up to four hyperparameters.")
        points = weigh(self.objective, self.theta, self.hessian, draws, seed)
        return MixturePosterior(self.problem, self.vector, points, engine)

    def approximation(self):
        """What a posterior at the fitted values leaves out, as an `Approximation` for its list and the report."""
        t = self.table
        values = "; ".join(f"{n} {v:.3g}{'' if u == '1' else f' {u}'} ({w})" for n, v, u, w in
                           zip(t["name"], t["value"], t["units"], t["verdict"], strict=True))
        state = "" if self.converged else "The search for them did not converge. "
        return Approximation(
            name="hyperparameters", status="not validated",
            statement=f"{state}Fitted to the same data by the evidence and then held: {values}. What their own "
            f"uncertainty would add is not in the standard deviations; integrating over them adds it. {self.message}")

    def __str__(self):
        t = self.table
        rows = [f"{n:<28}{v:>12.4g} {'' if u == '1' else u:<6} {w}" for n, v, u, w in
                zip(t["name"], t["value"], t["units"], t["verdict"], strict=True)]
        return "\n".join([f"log evidence {float(self.log_evidence):.2f}", *rows, self.message])
