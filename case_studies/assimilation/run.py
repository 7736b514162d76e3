"""Time-lapse gravity over a growing mass, with a datum that drifts: one survey a year, taken up as it comes.

``python case_studies/assimilation/run.py`` simulates six years, assimilates them with and without an absolute
gravimeter far off, holds the result against the posterior of all years at once and against closed forms, and writes
results.json and the figures.
"""

import json
import time
from pathlib import Path

import figures
import numpy as np

import bayesjoint as bj
from bayesjoint.assimilation import contamination, damping

HERE = Path(__file__).parent
SEED = 20261122
YEARS = np.arange(1.0, 7.0)  # since the survey that all others are compared with
NOISE, ABSOLUTE = 0.005, 0.002  # mGal: a campaign with a relative gravimeter, an absolute one
DRIFT = 0.006  # mGal a year: the truth, 1.2 noise stds, from a base station that is lifted by 2 cm a year
PRIOR_DRIFT = 0.010  # mGal a year
FIRST_TIE = 4.0  # the year in which the absolute gravimeter comes in
FIELD = {"range": (300.0, 400.0, 400.0), "smoothness": 1.5}
MESH = bj.Mesh.regular(shape=(10, 20, 20), spacing=(100.0, 100.0, 100.0), west=-1000.0, south=-1000.0)
LAYERS = np.where((MESH.upward > -850.0) & (MESH.upward < -250.0), 1.0, 0.1)  # the reservoir is known roughly
STD, STEP = 4.0, 2.0  # kg/m3 in the reservoir: of the first year's change, and of what a year adds
TONNES = np.zeros(MESH.shape)  # what 1 kg/m3 in a cell weighs, megatonnes, under the net
TONNES[:, 3:17, 3:17] = 1e-3


def growing(year):
    """The truth: an ellipsoidal cloud that fills up, fast at first, and rises; density change in kg/m3."""
    up, north, east = np.meshgrid(MESH.upward, MESH.northing, MESH.easting, indexing="ij")
    depth = 620.0 - 25.0 * year
    size = 60.0 * (1 - np.exp(-year / 3.0))
    reach = ((up + depth) / 130.0) ** 2 + ((north - 80.0) / 260.0) ** 2 + ((east + 120.0) / 200.0) ** 2
    return size * np.exp(-0.5 * reach)


def stations(rng):
    """64 stations on a disturbed 8 x 8 net."""
    line = np.linspace(-900.0, 900.0, 8)
    north, east = (v.ravel() + rng.uniform(-60, 60, 64) for v in np.meshgrid(line, line, indexing="ij"))
    return east, north


def surveys(rng):
    """(campaigns, ties): six campaigns that feel the mass and the drift, and readings that feel the drift alone."""
    east, north = stations(rng)
    operator = bj.GravityOperator.at_stations(MESH, east, north, np.full(64, 1.0))
    rows = operator.matmat(np.eye(MESH.size))
    campaigns, ties = [], []
    for year in YEARS:
        clean = rows @ growing(year).ravel() + DRIFT * year
        campaigns.append(bj.Modality(
            f"year{year:.0f}", np.column_stack([rows, np.full(64, year)]), clean + NOISE * rng.standard_normal(64),
            bj.DiagonalNoise(np.full(64, NOISE)), ("density", "drift"), units="mGal"))
        if year >= FIRST_TIE:
            ties.append(bj.Modality(f"tie{year:.0f}", [[year]], [DRIFT * year + ABSOLUTE * rng.standard_normal()],
                                    bj.DiagonalNoise([ABSOLUTE]), "drift", units="mGal"))
    return campaigns, ties


def assimilated(campaigns, ties, step=STEP):
    """The time-lapse posterior, a step a year."""
    density = bj.Parameter("density", MESH, prior=bj.Matern(std=STD * LAYERS, **FIELD))
    drift = bj.Parameter("drift", 1, prior=bj.GaussianPrior(0.0, PRIOR_DRIFT**2), units="mGal/yr", scale=0.01)
    problem = bj.JointProblem([density, drift], [*campaigns, *ties])
    order = [tuple(m.name for m in (*campaigns, *ties) if m.name[-1] == f"{year:.0f}") for year in YEARS]
    walk = bj.StateModel(noise={"density": bj.Matern(std=step * LAYERS, **FIELD)}, times=YEARS)
    return bj.assimilate(problem, order, state=walk)


def batch_difference(post):
    """Largest departure of the smoothed states from all states inferred at once, in posterior stds.

    The stacked problem in data space, without a state model: Cov(m_s, m_t) is that of the first state plus that of the
    steps both have taken.
    """
    problem, count = post.all, len(post.steps)
    density, cells, datum = problem.by_name["density"], problem.slices["density"], problem.slices["drift"]
    first, step = (bj.Matern(std=s * LAYERS, **FIELD).bind(density).covariance for s in (STD, STEP))
    names = [[m for m in problem.modalities if m.name in s] for s in post.steps]
    rows = [np.vstack([problem.operator(m.name).matmat(np.eye(problem.size)) for m in s]) for s in names]
    data = np.concatenate([m.data for s in names for m in s])
    noise = np.concatenate([m.noise.variance() for s in names for m in s])
    begun, grown = ([c.matmat(r[:, cells].T) for r in rows] for c in (first, step))
    gains = []
    for t in range(count):
        gains.append(np.empty((problem.size, data.size)))
        gains[t][cells] = np.hstack([begun[s] + min(s, t) * grown[s] for s in range(count)])
        gains[t][datum] = (PRIOR_DRIFT / 0.01) ** 2 * np.vstack([r[:, datum] for r in rows]).T
    system = np.vstack([rows[t] @ gains[t] for t in range(count)]) + np.diag(noise)
    worst = 0.0
    for t in range(count):
        mean, solved = gains[t] @ np.linalg.solve(system, data), np.linalg.solve(system, gains[t].T)
        prior = np.append(first.diagonal() + t * step.diagonal(), (PRIOR_DRIFT / 0.01) ** 2)
        std = np.sqrt(prior - np.einsum("ij,ji->i", gains[t], solved))
        ours = post.smoothed(t)
        worst = max(worst, np.abs((ours.state_mean() - mean) / std).max(),
                    np.abs(np.sqrt(ours.state_variance()) / std - 1).max())
    return float(worst)


def masses(post):
    """Total mass of every year in megatonnes: truth, and mean and std of filter and smoother."""
    out = {"truth": [float(np.sum(growing(year) * TONNES)) for year in YEARS]}
    for kind in ("filtered", "smoothed"):
        states = [getattr(post, kind)(t) for t in range(len(YEARS))]
        out[kind] = [float(np.sum(state.mean()["density"] * TONNES)) for state in states]
        out[f"{kind}_std"] = [float(contamination(state, "drift", {"density": TONNES}).target_std) for state in states]
    return out


def held(post):
    """Share of the reservoir's cells whose 90 % interval holds the truth in the last year: all, and in the cloud."""
    truth, reservoir = growing(YEARS[-1]), np.broadcast_to((LAYERS == 1.0)[:, None, None], MESH.shape)
    inside = np.abs(post.mean()["density"] - truth) < 1.645 * post.std()["density"]
    return {"reservoir": float(inside[reservoir].mean()), "cloud": float(inside[reservoir & (truth > 10.0)].mean())}


def told(post):
    """What a run is summed up in."""
    found = damping(post, "drift", {"density": TONNES})
    steps = [{"surveys": list(s.surveys), "data": s.data, "chi2": float(s.chi2), "dof": s.dof,
              "p_value": float(s.p_value), "bits": float(s.information), "log_evidence": float(s.log_evidence),
              "std_left": s.std_left["density"]} for s in post.history]
    return {
        "steps": steps, "mass": masses(post), "log_evidence": float(post.log_evidence()),
        "share_of_mass": found.target_share.values.tolist(), "mass_std": found.target_std.values.tolist(),
        "mass_std_given_drift": found.target_std_given.values.tolist(), "rounding": post.rounding,
        "drift": [float(post.after(k + 1).mean()["drift"][0]) for k in range(len(YEARS))],
        "drift_std": found.parameter_std.values.tolist(), "batch_difference": batch_difference(post),
        "held": held(post),
    }


def closed_form():
    """A mass that stays, read N times with a drift and flat priors: the drift's share of the variance of the mass.

    Its least squares give (Σt)²/(N Σt²) = 3(N + 1)/(2(2N + 1)) for t = 1 … N; a tie of std s at time T adds (Tσ/s)² to
    Σt².
    """
    rows = []
    for count in (2, 6, 24, 96):
        t = np.arange(1.0, count + 1)
        for tied in (False, True):
            mass, drift = (bj.Parameter(name, 1) for name in ("mass", "drift"))
            seen = [bj.Modality("readings", np.column_stack([np.ones(count), t]), np.zeros(count),
                                bj.DiagonalNoise(np.full(count, NOISE)), ("mass", "drift"))]
            if tied:
                seen.append(bj.Modality("tie", [[t[-1]]], [0.0], bj.DiagonalNoise([ABSOLUTE]), "drift"))
            found = contamination(bj.assimilate(bj.JointProblem([mass, drift], seen)), "drift")
            more = (t[-1] * NOISE / ABSOLUTE) ** 2 if tied else 0.0
            rows.append({"readings": count, "tied": tied, "share": float(found.mass_share[0]),
                         "closed_form": float(t.sum() ** 2 / (count * (np.sum(t**2) + more)))})
    return rows


def main():
    rng, began = np.random.default_rng(SEED), time.process_time()
    campaigns, ties = surveys(rng)
    runs = {"campaigns alone": assimilated(campaigns, []), "with ties": assimilated(campaigns, ties)}
    results = {"years": YEARS.tolist(), "drift": DRIFT, "runs": {name: told(post) for name, post in runs.items()},
               "closed_form": closed_form()}
    results["log_evidence_by_step"] = {step: float(assimilated(campaigns, ties, step).log_evidence())
                                       for step in (1.0, STEP, 4.0)}
    change, spread = runs["with ties"].change(0, 5)
    results["change_of_mass"] = {"truth": results["runs"]["with ties"]["mass"]["truth"][5]
                                 - results["runs"]["with ties"]["mass"]["truth"][0],
                                 "mean": float(np.sum(change["density"] * TONNES))}
    figures.draw(results, runs["with ties"], growing, MESH, change["density"], spread["density"], HERE)
    results["seconds"] = round(time.process_time() - began, 1)
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(runs["with ties"].history)
    print(json.dumps({k: v for k, v in results["runs"]["with ties"].items() if k != "steps"}, indent=1))


if __name__ == "__main__":
    main()
