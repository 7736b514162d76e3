"""Errors that two data or surveys share: a parameter harder or easier to identify, in closed form and in a field."""

import ground
import numpy as np
import remedies

import bayesjoint as bj

SIGMA, NOISE = 1.0, 0.3  # of the discrepancy and of the noise of each datum
RHO = (-0.9, -0.6, -0.3, 0.0, 0.3, 0.6, 0.9)
SENSITIVITIES = {"aligned": (1.0, 1.0), "opposed": (1.0, -1.0), "unequal": (1.0, 0.3)}
FIELD = bj.Matern(std=0.2, range=700.0)


def closed_form(a, rho):
    """Std of m for d_i = a_i m + δ_i + e_i, flat prior, corr(δ_1, δ_2) = ρ."""
    total, common = SIGMA**2 + NOISE**2, rho * SIGMA**2
    return np.sqrt((total**2 - common**2) / ((a[0] ** 2 + a[1] ** 2) * total - 2 * a[0] * a[1] * common))


def scalar(a, rho):
    """The same by the package."""
    m = bj.Parameter("m", 1)
    surveys = [bj.Modality(name, [[s]], [0.0], bj.DiagonalNoise([NOISE]), "m") for name, s in zip("ab", a, strict=True)]
    problem = bj.add_discrepancy(bj.JointProblem([m], surveys), SIGMA**2 * np.array([[1.0, rho], [rho, 1.0]]))
    return float(bj.posterior(problem).std()["m"][0])


def field(rho):
    """Std of the total mass, 1e9 kg, where both gravity surveys share errors, relative to independent ones."""
    plain = ground.problem()
    problem = bj.add_discrepancy(plain, FIELD, correlation=rho)
    data = np.zeros((1, sum(m.size for m in plain.modalities)))
    return float(remedies.augmented(problem, data)[0].mass_std[0])


def study():
    rows = {name: {"closed_form": [float(closed_form(a, r)) for r in RHO], "package": [scalar(a, r) for r in RHO]}
            for name, a in SENSITIVITIES.items()}
    return {"rho": list(RHO), "scalar": rows, "mass_std": [field(r) for r in RHO]}
