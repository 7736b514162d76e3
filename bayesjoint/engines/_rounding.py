"""How far rounding has moved a dense posterior: measured, by products that take another road to the same numbers.

A bound from a condition number is no help here: it is loose by many digits where surveys differ in scale, and no bound
where a kernel's positive and negative parts cancel or data lie far from the prior. So K and G = Cov(x, d) are applied
to a few vectors through the operators, and what differs from the stored matrices is carried to mean, variance and
evidence.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

PROBES = 8
SAFETY = 4.0  # the norm behind 8 probes is more than 4 times their estimate in 1 case of 5,000, if it is of rank one
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """Measured rounding of a dense posterior.

    Parameters
    ----------
    mean : float
        Error of the mean, as a share of the prior standard deviation.
    variance : float
        Error of the variance, as a share of the prior variance.
    fit, logdet : float
        Errors of ‖K^{-1/2} r‖² and of log det K.
    """

    mean: float
    variance: float
    fit: float
    logdet: float


def measure_rounding(system, gain, weights, flat_values):
    """Compare the matrices of a dense posterior with its operators.

    With K = LLᵀ and E = L⁻¹KL⁻ᵀ − I from the operators, first-order errors are: of the variance of cell i at most
    s_i² (‖E‖ + 2 ‖L⁻¹δg_i‖/s_i), for ‖L⁻¹g_i‖ ≤ s_i, its prior std; of log det K, √m ‖E‖_F; of the mean,
    s_i ‖L⁻¹ρ‖ + |δg_i w|, with ρ the residual of Kw = r. ‖E‖_F² is the mean of ‖Ez‖² over standard normal z. With few
    data one residual may be small by luck, so that it counts as no less than ‖E‖ would make of a random ρ.

    Parameters
    ----------
    system : DenseSystem
    gain : callable
        White data V, (n_data, k), to G V by the stored matrices.
    weights : ndarray, shape (n_data,)
        K⁻¹ r, less what flat values take up.
    flat_values : ndarray, shape (q,)

    Returns
    -------
    Rounding
    """
    factor, model = system.factor, system.model
    white = np.random.default_rng(0).standard_normal((weights.size, PROBES))
    columns = np.column_stack([solve_triangular(factor, white, lower=True, trans=1, check_finite=False), weights])
    through, seen = model.gain_and_signal(model.whiten_adjoint(columns))
    image = model.whiten(seen) + columns
    target = system.residual - system.columns @ flat_values
    residual = target - image[:, -1]
    half = solve_triangular(factor, np.column_stack([image[:, :-1], residual]), lower=True, check_finite=False)
    defect = np.sqrt(np.mean(np.sum((half[:, :-1] - white) ** 2, axis=0)))
    std = np.sqrt(model.prior_variance())
    free = (std > 0) & np.isfinite(std)
    missed = (gain(columns) - through)[free] / std[free, None]
    lost, shift = np.sqrt(np.mean(missed[:, :-1] ** 2, axis=1)).max(initial=0), np.abs(missed[:, -1]).max(initial=0)
    fit = abs(float(target @ weights))
    # |Lᵀw| = √fit, and E acts on it: at most by its norm, on average by norm/√m
    typical = np.sqrt(fit) * min(1.0, 3.0 / np.sqrt(weights.size))
    residual, shift = max(np.linalg.norm(half[:, -1]), defect * typical), max(shift, lost * typical)
    return Rounding(
        mean=float(SAFETY * (residual + shift) + EPS),
        variance=float(SAFETY * (defect + 2 * lost) + 4 * EPS),
        fit=float(SAFETY * (np.sqrt(fit) * residual + EPS * fit)),
        logdet=float(SAFETY * np.sqrt(weights.size) * (defect + EPS)),
    )


def std_error(variance, slack):
    """Error of a std whose square lies within ± `slack` of `variance`: largest downwards, unless that is cut at 0."""
    std, low = np.sqrt(variance), np.sqrt(np.maximum(variance - slack, 0.0))
    down = np.divide(slack, std + low, out=np.zeros_like(slack), where=slack > 0)
    return np.where(slack < variance, down, np.maximum(std, np.sqrt(variance + slack) - std)) + EPS * std
