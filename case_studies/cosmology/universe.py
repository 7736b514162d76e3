"""Flat ΛCDM as forward models: BAO distances, supernova distance moduli, Planck's distance priors.

Unknowns: Ω_m; h = H0 / (100 km/s/Mpc); ω_b = Ω_b h²; the supernovae's free offset. Late distances leave radiation out,
which changes them by some 1e-4; the acoustic scale has it in.
"""

import csv
from pathlib import Path

import numpy as np

import bayesjoint as bj

DATA = Path(__file__).parent / "data"
HUBBLE_LENGTH = 2997.92458  # c / (100 km/s/Mpc), Mpc
WARMTH = (2.7255 / 2.7) ** -4  # of the cosmic background, as fitting formulas take it
NODES, WEIGHTS = np.polynomial.legendre.leggauss(32)
NAMES = ("bao", "sn", "planck")


def table(file):
    with (DATA / file).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def covariance(file):
    matrix = np.loadtxt(DATA / file, delimiter=",")
    return 0.5 * (matrix + matrix.T)  # printed to eleven digits


def integral(function, low, high):
    """∫ of a smooth function, one for each pair of limits, by 32 nodes of Gauss and Legendre."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    half = 0.5 * (high - low)[..., None]
    return np.sum(half * WEIGHTS * function(half * NODES + 0.5 * (low + high)[..., None]), axis=-1)


def expansion(z, omega_m):
    """E(z) = H(z) / H0 without radiation."""
    return np.sqrt(omega_m * (1 + z) ** 3 + 1 - omega_m)


def distance(z, omega_m):
    """Comoving distance in units of c / H0."""
    return integral(lambda q: 1 / expansion(q, omega_m), np.zeros_like(z), z)


def drag_scale(omega_m, h, omega_b):
    """Sound horizon at the drag epoch, Mpc: DESI DR2 (arXiv 2503.14738), eq. 2, with N_eff = 3.04."""
    return 147.05 * (omega_b / 0.02236) ** -0.13 * (omega_m * h**2 / 0.1432) ** -0.23


class Bao:
    """D_M, D_H, D_V over the drag scale. `free`: of (Ω_m, h r_d), the scale unknown; else of (Ω_m, h, ω_b)."""

    def __init__(self, rows, free=False):
        self.z = np.array([float(r["z"]) for r in rows])
        kind = np.array([r["quantity"][:2] for r in rows])
        self.across, self.along = kind == "DM", kind == "DH"
        self.levels, self.place = np.unique(self.z, return_inverse=True)
        self.free = free

    def __call__(self, m):
        omega_m = m[0]
        with np.errstate(invalid="ignore"):
            ruler = HUBBLE_LENGTH / (m[1] if self.free else m[1] * drag_scale(*m))
            across = distance(self.levels, omega_m)[self.place] * ruler
            along = ruler / expansion(self.z, omega_m)
            mean = np.cbrt(self.z * across**2 * along)
        return np.where(self.across, across, np.where(self.along, along, mean))


class Supernovae:
    """Distance moduli of (Ω_m, offset)."""

    def __init__(self, rows):
        self.z = np.array([float(r["z"]) for r in rows])

    def __call__(self, m):
        with np.errstate(invalid="ignore"):
            return 5 * np.log10((1 + self.z) * distance(self.z, m[0])) + m[1]


def planck(m):
    """Shift parameter R, acoustic scale l_A and ω_b of (Ω_m, h, ω_b): Chen, Huang & Wang 2019 (arXiv 1808.05724)."""
    omega_m, h, omega_b = m
    with np.errstate(invalid="ignore"):
        matter = omega_m * h**2
        g1 = 0.0783 * omega_b**-0.238 / (1 + 39.5 * omega_b**0.763)
        g2 = 0.560 / (1 + 21.1 * omega_b**1.81)
        last = 1 / (1 + 1048 * (1 + 0.00124 * omega_b**-0.738) * (1 + g1 * matter**g2))  # Hu & Sugiyama 1996
        radiation = omega_m / (1 + 2.5e4 * matter * WARMTH)
        loading = 31500 * omega_b * WARMTH

        def pace(a):  # a² E
            return np.sqrt(radiation + omega_m * a + (1 - omega_m - radiation) * a**4)

        across = integral(lambda s: np.exp(s) / pace(np.exp(s)), np.log(last), 0.0)
        sound = integral(lambda a: 1 / (np.sqrt(3 * (1 + loading * a)) * pace(a)), 0.0, last)
        return np.array([np.sqrt(omega_m) * across, np.pi * across / sound, omega_b])


def probes(free=False):
    """{name: Modality}; `free` leaves the BAO's ruler unknown."""
    bao, sn, cmb = (table(f"{name}.csv") for name in ("desi_dr2_bao", "union3_binned", "planck2018_distance_priors"))
    noise = [bj.DenseNoise(covariance(f"{name}_cov.csv"))
             for name in ("desi_dr2_bao", "union3_binned", "planck2018_distance_priors")]
    early = ("omega_m", "h", "omega_b")
    return {
        "bao": bj.Modality("bao", bj.ForwardModel(Bao(bao, free), (13, 2 if free else 3)),
                           [float(r["value"]) for r in bao], noise[0], ("omega_m", "ruler") if free else early),
        "sn": bj.Modality("sn", bj.ForwardModel(Supernovae(sn), (22, 2), units="mag"),
                          [float(r["mu"]) for r in sn], noise[1], ("omega_m", "offset")),
        "planck": bj.Modality("planck", bj.ForwardModel(planck, (3, 3)), [float(r["value"]) for r in cmb], noise[2],
                              early),
    }


def problem(names=NAMES, free=False, priors=None):
    """Some of the probes as one problem; priors {parameter: prior}, else flat."""
    chosen = [probes(free)[name] for name in names]
    seen = {name for m in chosen for name in m.parameters}
    unknowns = [bj.Parameter(name, 1, reference=value, units=units, prior=(priors or {}).get(name))
                for name, value, units in (("omega_m", 0.3, "1"), ("h", 0.7, "100 km/s/Mpc"), ("omega_b", 0.0224, "1"),
                                           ("ruler", 100.0, "Mpc"), ("offset", 43.0, "mag")) if name in seen]
    return bj.JointProblem(unknowns, chosen)
