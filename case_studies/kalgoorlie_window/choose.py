"""Choose prior std, range, smoothness and correlation for the Kalgoorlie window by the exact log evidence.

For one range everything else is cheap: with S = A R Aᵀ of a unit-std prior, K = s² S + σ² I, and the plane of the
regional field is projected out (a flat prior on its three coefficients), so one eigendecomposition of the projected S
serves every (s, σ). The correlation is then scanned with both surveys together. Twice: with the noise σ fixed at what
the README argues for, and with σ free, to show what the evidence would make of it. Run: python choose.py
"""

import json
from pathlib import Path

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh, qr
from scipy.optimize import minimize

import bayesjoint as bj

HERE = Path(__file__).parent
NOISE = {"gravity": 0.3, "magnetic": 15.0}  # mGal, nT
RANGES = (2400.0, 4000.0, 6400.0, 9600.0)
SMOOTHNESS = (1.5, 0.5)
CORRELATIONS = (-0.2, 0.0, 0.1, 0.2, 0.3, 0.5)


def plane_complement(survey):
    """Columns that span everything but a plane over the stations, shape (n, n - 3)."""
    easting, northing, _ = survey.coordinates()
    plane = np.stack([np.ones(easting.size), easting - easting.mean(), northing - northing.mean()], axis=1)
    return qr(plane / np.abs(plane).max(axis=0))[0][:, 3:]


def best_scales(data, signal, noise=None):
    """Maximum over s, and over σ unless `noise` fixes it, of log N(data; 0, s² S + σ² I): (log evidence, s, σ)."""
    values, vectors = eigh(signal)
    power = (vectors.T @ data) ** 2
    values = values.clip(0)

    def negative(log_scales):
        log_noise = log_scales[1] if noise is None else np.log(noise)
        variance = np.exp(2 * log_scales[0]) * values + np.exp(2 * log_noise)
        return 0.5 * np.sum(power / variance + np.log(2 * np.pi * variance))

    rough = np.log([data.std() / np.sqrt(values.mean()), 0.1 * data.std()])
    found = minimize(negative, rough, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-4, "maxiter": 2000})
    return -float(found.fun), float(np.exp(found.x[0])), noise or float(np.exp(found.x[1]))


def joint_evidence(data, blocks, scales, correlation):
    """Log evidence of both surveys with a cross-correlation."""
    (s1, n1), (s2, n2) = scales
    (first, between), (second,) = blocks
    cross = correlation * s1 * s2 * between
    k = np.block([[s1**2 * first + n1**2 * np.eye(len(first)), cross],
                  [cross.T, s2**2 * second + n2**2 * np.eye(len(second))]])
    factor = cho_factor(k, lower=True, overwrite_a=True)
    d = np.concatenate(data)
    return -0.5 * float(d @ cho_solve(factor, d)) - np.log(np.diag(factor[0])).sum() - 0.5 * d.size * np.log(2 * np.pi)


def main():
    file = HERE / "data" / "kalgoorlie_small.nc"
    surveys = [bj.read_survey(file, kind, std=1.0) for kind in ("gravity", "magnetic")]
    mesh = bj.Mesh.from_surveys(surveys, depth=12e3, layers=12, padding=5, growth=1.15)
    properties = [bj.Parameter(name, mesh) for name in ("density", "susceptibility")]
    modalities = [s.modality(p) for s, p in zip(surveys, properties, strict=True)]
    projections = [plane_complement(s) for s in surveys]
    data = [q.T @ m.data for q, m in zip(projections, modalities, strict=True)]
    dense = [m.forward.rmatmat(np.eye(m.size)) for m in modalities]
    table = []
    for smoothness in SMOOTHNESS:
        for reach in RANGES:
            correlation = bj.Matern(std=1.0, range=reach, smoothness=smoothness).correlation(mesh)
            smooth = [correlation.matmat(a) @ q for a, q in zip(dense, projections, strict=True)]
            blocks = [[q.T @ (a.T @ r) for r in smooth[k:]]
                      for k, (q, a) in enumerate(zip(projections, dense, strict=True))]
            row = {"smoothness": smoothness, "range_m": reach, "correlations": CORRELATIONS}
            for label, noise in (("noise fixed", NOISE), ("noise free", dict.fromkeys(NOISE))):
                row[label] = {
                    name: dict(zip(("log_evidence", "prior_std", "noise_std"), best_scales(d, s[0], noise[name]),
                                   strict=True))
                    for name, d, s in zip(NOISE, data, blocks, strict=True)
                }
                print(f"nu {smoothness}, range {reach:6.0f} m, {label}:", row[label], flush=True)
            scales = [(v["prior_std"], v["noise_std"]) for v in row["noise fixed"].values()]
            row["joint_log_evidence"] = [float(joint_evidence(data, blocks, scales, c)) for c in CORRELATIONS]
            print("   joint, noise fixed:", dict(zip(CORRELATIONS, row["joint_log_evidence"], strict=True)), flush=True)
            table.append(row)
    (HERE / "hyperparameters.json").write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
