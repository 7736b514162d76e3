"""Hyperparameters by exact log evidence, in data space, where one kernel costs one product and the rest is cheap.

With A the rows of both surveys and R the correlation over the mesh, S = A R Aᵀ serves every standard deviation,
noise and correlation: K = [s_p s_q ρ_pq S_pq] + B Bᵀ b² + C, log p(d) = −½ dᵀK⁻¹d − ½ log det K − ½ m log 2π. It is the
number of `DensePosterior.log_evidence`; run.py checks that it is. Nothing here sees the truth.
"""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, cholesky, solve_triangular, svd
from scipy.optimize import minimize

import bayesjoint as bj

SMOOTHNESS = (0.5, 1.5)
RANGES = (80.0, 120.0, 180.0)  # horizontal, metres
STRETCH = 4  # vertical range over horizontal in the grid (the units dip steeply); OTHERS are tried at its best
OTHERS = (1, 2, 8)
THIN = 4  # every fourth magnetic point, 40 m apart, for the grid over kernels
CORRELATIONS = np.round(np.arange(-0.98, 0.981, 0.02), 2)
BIAS = {"gravity": 1.0, "magnetic": 100.0}  # mGal, nT: three coefficients each, about the size of the anomalies


class DataSpace:
    """Both surveys' data with S for one kernel.

    Parameters
    ----------
    signal : ndarray, shape (m, m)
        S for unit standard deviations.
    data, bases, stations, noise : tuple of two ndarrays, (m_k,), (m_k, 3), (m_k, 2) and numbers
        Gravity, magnetic: data, bias columns, (easting, northing), instrument std.
    """

    def __init__(self, signal, data, bases, stations, noise):
        self.signal, self.data, self.noise = signal, data, noise
        count = data[0].size
        self.parts = (slice(0, count), slice(count, None))
        self.bias = [b @ b.T * std**2 for b, std in zip(bases, BIAS.values(), strict=True)]
        self.distance = [np.hypot(*(s[:, None] - s[None]).transpose(2, 0, 1)) for s in stations]

    def noise_covariance(self, k, extra, reach=None):
        """C of survey k: instrument noise, and discretisation noise white or with exponential correlation."""
        correlation = np.eye(self.data[k].size) if reach is None else np.exp(-self.distance[k] / reach)
        return self.noise[k] ** 2 * np.eye(self.data[k].size) + extra**2 * correlation

    def block(self, k, std, extra, reach=None):
        """K of survey k alone."""
        where = self.parts[k]
        return std**2 * self.signal[where, where] + self.bias[k] + self.noise_covariance(k, extra, reach)

    def alone(self, k, std, extra, reach=None):
        """Log evidence of survey k alone."""
        return log_density(self.data[k], self.block(k, std, extra, reach))

    def fit(self, k, *start):
        """Settings of survey k that maximise its evidence, and that evidence; Nelder–Mead on logarithms."""
        found = minimize(lambda logs: -self.alone(k, *np.exp(logs)), np.log(start), method="Nelder-Mead",
                         options={"xatol": 0.02, "fatol": 0.05, "maxiter": 150})
        return tuple(float(v) for v in np.exp(found.x)), -float(found.fun)


class Coupled:
    """Both surveys for any correlation ρ, from one Cholesky factor each and the singular values of the cross block.

    With K₁ = L₁L₁ᵀ, K₂ = L₂L₂ᵀ and L₁⁻¹(s₁s₂S₁₂)L₂⁻ᵀ = U diag(σ) Vᵀ, K falls apart into 2 x 2 blocks [[1, ρσ], [ρσ, 1]]
    (ρσ are the canonical correlations of the two surveys under the prior predictive): exact for every ρ at once.

    Parameters
    ----------
    space : DataSpace
    settings : tuple of two tuples
        Arguments of `DataSpace.block` of each survey; std first.
    """

    def __init__(self, space, settings):
        self._parts, self._data = space.parts, np.concatenate(space.data)
        self._factors = [cholesky(space.block(k, *settings[k]), lower=True) for k in (0, 1)]
        cross = settings[0][0] * settings[1][0] * space.signal[space.parts[0], space.parts[1]]
        half = solve_triangular(self._factors[0], cross, lower=True)
        left, self.canonical, right = svd(solve_triangular(self._factors[1], half.T, lower=True).T, full_matrices=False)
        self._turns = (left, right.T)

    def log_evidence(self, correlation):
        """Log evidence of both surveys, nats."""
        z = self._whitened(self._data[:, None])
        a, b = (turn.T @ part for turn, part in zip(self._turns, z, strict=True))
        r = correlation * self.canonical[:, None]
        fit = sum(float(np.sum(part**2)) for part in z)
        fit += float(np.sum((a**2 + b**2 - 2 * r * a * b) / (1 - r**2) - a**2 - b**2))
        logdet = float(np.sum(np.log1p(-(r**2)))) + 2 * sum(np.log(np.diag(f)).sum() for f in self._factors)
        return -0.5 * (fit + logdet + self._data.size * np.log(2 * np.pi))

    def weights(self, data, correlation):
        """K⁻¹ d for d of shape (m, k), one part for each survey."""
        z = self._whitened(data)
        a, b = (turn.T @ part for turn, part in zip(self._turns, z, strict=True))
        r = correlation * self.canonical[:, None]
        changes = ((a - r * b) / (1 - r**2) - a, (b - r * a) / (1 - r**2) - b)
        return [solve_triangular(f, part + turn @ change, lower=True, trans=1)
                for f, part, turn, change in zip(self._factors, z, self._turns, changes, strict=True)]

    def _whitened(self, data):
        return [solve_triangular(f, data[part], lower=True) for f, part in zip(self._factors, self._parts, strict=True)]


def judge(curve):
    """What a curve over CORRELATIONS says: best, flat-prior mean and std, nats against 0 and against a law (±0.98)."""
    curve = np.asarray(curve)
    chance = np.exp(curve - curve.max())
    chance /= chance.sum()
    mean = float(chance @ CORRELATIONS)
    middle = curve[np.argmin(np.abs(CORRELATIONS))]
    return {"best": float(CORRELATIONS[np.argmax(curve)]), "mean": mean,
            "std": float(np.sqrt(chance @ (CORRELATIONS - mean) ** 2)), "best_over_none": float(curve.max() - middle),
            "none_over_law": float(middle - max(curve[0], curve[-1])), "law": float(CORRELATIONS[-1])}


def log_density(data, covariance):
    """Log N(data; 0, covariance), −∞ where rounding leaves it no covariance."""
    try:
        factor = cho_factor(covariance, lower=True, check_finite=False)
    except LinAlgError:
        return -np.inf
    fit = data @ cho_solve(factor, data, check_finite=False)
    return -0.5 * float(fit + data.size * np.log(2 * np.pi)) - float(np.log(np.diag(factor[0])).sum())


def correlation_of(mesh, kernel):
    """The Matérn correlation of a kernel."""
    return bj.Matern(std=1.0, range=kernel[1], smoothness=kernel[0]).correlation(mesh)


def compare_kernels(mesh, matrices, make, progress=print):
    """A row for each kernel: settings of both surveys, their evidence, and the joint one at its best correlation.

    Smoothness and horizontal range on a grid, then other vertical ranges at the best of it.

    Parameters
    ----------
    mesh : Mesh
    matrices : tuple of two ndarrays, shapes (m_k, n_cells)
    make : callable
        ``make(signal)`` gives the `DataSpace` of these rows.
    progress : callable
        Told one line per kernel.
    """
    rows = np.concatenate(matrices)

    def row(smoothness, reach, stretch):
        kernel = (smoothness, (stretch * reach, reach, reach))
        found = _kernel_row(kernel, make(rows @ correlation_of(mesh, kernel).matmat(rows.T)))
        progress(f"nu {smoothness}, ranges {kernel[1]} m: log evidence {found['log_evidence_no_coupling']:.1f} apart, "
                 f"{found['log_evidence_joint']:.1f} with correlation {found['best_correlation']:+.2f}")
        return found

    table = [row(nu, reach, STRETCH) for nu in SMOOTHNESS for reach in RANGES]
    best = max(table, key=lambda r: r["log_evidence_joint"])
    return table + [row(best["smoothness"], best["range_horizontal_m"], stretch) for stretch in OTHERS]


def _kernel_row(kernel, space):
    (gravity, z_gravity), (magnetic, z_magnetic) = space.fit(0, 65.0, 0.02), space.fit(1, 0.01, 2.5)
    coupled = Coupled(space, (gravity, magnetic))
    curve = [coupled.log_evidence(c) for c in CORRELATIONS]
    best = int(np.argmax(curve))
    return {
        "smoothness": kernel[0], "range_horizontal_m": kernel[1][1], "range_vertical_m": kernel[1][0],
        "density_std_kg_m3": gravity[0], "gravity_extra_noise_mGal": gravity[1], "log_evidence_gravity": z_gravity,
        "susceptibility_std_SI": magnetic[0], "magnetic_extra_noise_nT": magnetic[1],
        "log_evidence_magnetic": z_magnetic, "best_correlation": float(CORRELATIONS[best]),
        "log_evidence_joint": float(curve[best]), "log_evidence_no_coupling": z_gravity + z_magnetic,
    }
