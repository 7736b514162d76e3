"""Flin Flon: scattered gravity and magnetics over a known truth, jointly and separately. Run: python run.py.

Writes results.json and the figures beside this file, and the report to reports/flin_flon.html.
"""

import json
import time
from dataclasses import dataclass

import figures
import ground
import numpy as np
import scores
from evidence import BIAS, CORRELATIONS, THIN, Coupled, DataSpace, compare_kernels, correlation_of, judge
from sampling import sampling_errors

import bayesjoint as bj
from bayesjoint.dataset import Approximation

HERE = ground.HERE
NAMES = ("density", "susceptibility")
SURVEYS = ("gravity", "magnetic")
REACH = 60.0  # metres: start for the correlation length of the discretisation noise, the size of a cell
REPEATS = 20  # noise draws behind the errors of the scores
DRAWS = 200
SCANNED = np.round(np.arange(-0.9, 0.91, 0.15), 2)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is inverted, and the truth it is scored against."""

    mesh: object
    surveys: tuple
    cells: np.ndarray
    operators: tuple
    truth: dict
    unit: np.ndarray
    volume: np.ndarray


def prepare():
    octree = ground.Octree()
    surveys = ground.surveys()
    mesh = ground.lay_mesh(octree, surveys)
    operators = tuple(ground.StoredOperator(op) for op in ground.operators(mesh, surveys))
    truth, unit = ground.truth_on(octree)
    volume = np.broadcast_to(mesh.thickness[:, None, None], mesh.shape) * np.prod(mesh.horizontal_spacing())
    return Case(mesh=mesh, surveys=surveys, cells=mesh.active, operators=operators, truth=truth, unit=unit,
                volume=volume)


def build(case, kernel, settings, correlation):
    """The joint problem of the package for given hyperparameters."""
    smoothness, ranges = kernel
    (density_std, gravity_extra), (susceptibility_std, magnetic_extra, reach) = settings
    density, susceptibility = (
        bj.Parameter(name, case.mesh, prior=bj.Matern(std=std, range=ranges, smoothness=smoothness))
        for name, std in zip(NAMES, (density_std, susceptibility_std), strict=True))
    gravity, magnetic = case.surveys
    noise = float(np.hypot(gravity.std[0], gravity_extra))
    correlated = bj.StationaryNoise(lambda e, n: magnetic_extra**2 * np.exp(-np.hypot(e, n) / reach),
                                    white=float(magnetic.std[0]))
    modalities = [gravity.modality(density, forward=case.operators[0], std=noise),
                  magnetic.modality(susceptibility, forward=case.operators[1]).replace(noise=correlated)]
    problem = bj.JointProblem([density, susceptibility], modalities, [bj.Coregionalization(correlation)])
    for name, std in BIAS.items():
        problem = bj.add_bias(problem, name, "linear", std=std)
    return problem


def choose(case, progress):
    """Kernel from the grid, noise and standard deviations at that kernel, correlation: all by evidence."""
    start = build(case, (1.5, (300.0,) * 3), ((70.0, 0.1), (0.01, 1.0, 60.0)), 0)
    bases = [m.terms[0].columns for m in start.modalities]

    def space(signal, step):
        pick = (slice(None), slice(None, None, step))
        return DataSpace(
            signal, [s.data[p] for s, p in zip(case.surveys, pick, strict=True)],
            [b[p] for b, p in zip(bases, pick, strict=True)],
            [np.stack(s.coordinates()[:2], axis=1)[p] for s, p in zip(case.surveys, pick, strict=True)],
            [float(s.std[0]) for s in case.surveys])

    matrices = [op.matrix for op in case.operators]
    table = compare_kernels(case.mesh, [matrices[0], matrices[1][::THIN]], lambda s: space(s, THIN), progress)
    best = max(table, key=lambda row: row["log_evidence_joint"])
    kernel = (best["smoothness"], (best["range_vertical_m"], *(best["range_horizontal_m"],) * 2))
    rows = np.concatenate(matrices)
    full = space(rows @ correlation_of(case.mesh, kernel).matmat(rows.T), 1)
    kept = full.parts[1].start + np.arange(0, matrices[1].shape[0], 2)
    index = np.concatenate([np.arange(full.parts[1].start), kept])
    half = space(full.signal[np.ix_(index, index)], 2)
    gravity, _ = full.fit(0, best["density_std_kg_m3"], max(best["gravity_extra_noise_mGal"], 0.005))
    white, _ = half.fit(1, best["susceptibility_std_SI"], best["magnetic_extra_noise_nT"])
    correlated, _ = half.fit(1, best["susceptibility_std_SI"], best["magnetic_extra_noise_nT"], REACH)
    noise = {"white": {"settings": white, "log_evidence": full.alone(1, *white)},
             "correlated": {"settings": correlated, "log_evidence": full.alone(1, *correlated)}}
    progress(f"magnetic noise: {noise}")
    settings = (gravity, correlated)
    coupled = Coupled(full, settings)
    curve = [coupled.log_evidence(c) for c in CORRELATIONS]
    return {"kernel": kernel, "settings": settings, "table": table, "noise": noise, "curve": curve, "coupled": coupled,
            "correlation": float(CORRELATIONS[int(np.argmax(curve))])}


def estimate(case, chosen, data, correlation):
    """Posterior mean for data (m, k), {property: (cells, k)}; correlation 0 gives the separate inversions."""
    pulled = [std * (op.matrix.T @ weights) for (std, *_), op, weights in zip(
        chosen["settings"], case.operators, chosen["coupled"].weights(data, correlation), strict=True)]
    count = data.shape[1]
    smooth = correlation_of(case.mesh, chosen["kernel"]).matmat(np.concatenate(pulled, axis=1))
    first, second = smooth[:, :count], smooth[:, count:]
    return {"density": chosen["settings"][0][0] * (first + correlation * second),
            "susceptibility": chosen["settings"][1][0] * (correlation * first + second)}


def noise_free(case):
    """The supplied noise-free columns, joined."""
    return np.concatenate([np.genfromtxt(ground.DATA / f"{s}.csv", delimiter=",", names=True)[column]
                           for s, column in (("gravity", "gravity_mGal"), ("magnetic", "magnetic_nT"))])


def repeated_scores(case, chosen, seen):
    """Mean and std of the scores over fresh instrument noise (seeds 0 to 19), hyperparameters held."""
    rng, clean = np.random.default_rng(0), noise_free(case)
    std = np.concatenate([s.std for s in case.surveys])
    data = clean[:, None] + std[:, None] * rng.standard_normal((clean.size, REPEATS))
    out = {}
    for label, c in (("joint", chosen["correlation"]), ("separate", 0.0)):
        models = estimate(case, chosen, data, c)
        for name in NAMES:
            where = seen[name].ravel()
            truth, volume = case.truth[name].ravel()[where], case.volume.ravel()[where]
            rows = [scores.agreement(models[name][where, k], truth, volume) for k in range(REPEATS)]
            out.setdefault(name, {})[label] = {
                key: {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=1))}
                for key, values in ((key, [r[key] for r in rows]) for key in rows[0])}
    return out


def scan(case, chosen, seen):
    """Scores against the correlation assumed, for the figure beside the evidence (looked at afterwards)."""
    data = np.concatenate([s.data for s in case.surveys])[:, None]
    rows = []
    for c in SCANNED:
        models = estimate(case, chosen, data, float(c))
        rows.append({"correlation": float(c)} | {
            name: scores.agreement(models[name][seen[name].ravel(), 0], case.truth[name][seen[name]],
                                   case.volume[seen[name]]) for name in NAMES})
    return rows


def score(case, joint, separate, seen):
    """Every score of the joint and the separate posteriors."""
    posts = {"joint": dict.fromkeys(NAMES, joint), "separate": dict(zip(NAMES, separate.values(), strict=True))}
    means = {key: {n: posts[key][n].mean()[n] for n in NAMES} for key in posts}
    stds = {key: {n: posts[key][n].std()[n] for n in NAMES} for key in posts}
    out = {"cells_ground": int(case.cells.sum()), "seen_share": {}, "agreement": {}, "coverage": {}, "std_ratio": {},
           "helped": {}, "layers": {}, "calibration": {}}
    sampled = joint.sample(DRAWS, chains=1, seed=1)
    draws = {"joint": {n: sampled[n][0] for n in NAMES},
             "separate": {n: posts["separate"][n].sample(DRAWS, chains=1, seed=1)[n][0] for n in NAMES}}
    for n in NAMES:
        out["seen_share"][n] = float(seen[n].sum() / case.cells.sum())
        ratio = (stds["joint"][n] / stds["separate"][n])[seen[n]]
        out["std_ratio"][n] = {q: float(np.percentile(ratio, p)) for q, p in
                               (("p5", 5), ("median", 50), ("p95", 95), ("max", 100))}
        for where, mask in (("seen", seen[n]), ("ground", case.cells)):
            truth, volume = case.truth[n][mask], case.volume[mask]
            error = {key: np.abs(means[key][n][mask] - truth) for key in means}
            out["helped"].setdefault(n, {})[where] = scores.weighted(error["joint"] < error["separate"], volume)
            for key in means:
                mean, std = means[key][n][mask], stds[key][n][mask]
                sample = draws[key][n][:, mask]
                out["agreement"].setdefault(n, {}).setdefault(where, {})[key] = scores.agreement(mean, truth, volume)
                out["coverage"].setdefault(n, {}).setdefault(where, {})[key] = scores.coverage(mean, std, truth, sample)
                out["calibration"].setdefault(n, {}).setdefault(where, {})[key] = [
                    float(scores.covered(mean, std, truth, p)) for p in scores.LEVELS]
        out["layers"][n] = scores.by_layer(case.mesh, seen[n], {k: m[n] for k, m in means.items()}, case.truth[n],
                                           case.volume)
    both = seen["density"] & seen["susceptibility"]
    out["units"] = scores.by_unit(np.where(both, case.unit, -1), means, stds, draws, case.truth, case.volume)
    return out, means, stds


def misfit(case):
    """What discretisation does: the resampled truth's data less the supplied ones, raw and after a plane."""
    parts, out = np.split(noise_free(case), [case.operators[0].shape[0]]), {}
    for name, operator, clean, prop in zip(SURVEYS, case.operators, parts, NAMES, strict=True):
        east, north, _ = operator.coordinates()
        plane = np.stack([np.ones(east.size), east - east.mean(), north - north.mean()], axis=1)
        error = operator.predict(np.where(case.cells, case.truth[prop], 0.0)) - clean
        left = error - plane @ np.linalg.lstsq(plane, error, rcond=None)[0]
        out[name] = {"rms": float(np.sqrt(np.mean(error**2))), "rms_after_plane": float(left.std()),
                     "units": operator.units}
    return out


def collect(case, chosen, joint, separate):
    """Every number of results.json, with posterior means, standard deviations and the cells seen for the figures."""
    prior, evidence = joint.prior_std(), joint.log_evidence()
    alone = {n: p.std()[n] for n, p in zip(NAMES, separate.values(), strict=True)}
    seen = {n: case.cells & (alone[n] < scores.SEEN * prior[n]) for n in NAMES}
    results, means, stds = score(case, joint, separate, seen)
    results |= {
        "verdict": judge(chosen["curve"]), "kernels": chosen["table"], "correlations": CORRELATIONS.tolist(),
        "chosen": {k: chosen[k] for k in ("kernel", "settings", "correlation", "noise")},
        "log_evidence": chosen["curve"],
        "log_evidence_engine": {"value": float(evidence), "error": evidence.error},
        "log_evidence_separate": {n: float(p.log_evidence()) for n, p in separate.items()},
        "repeated": repeated_scores(case, chosen, seen), "scan": scan(case, chosen, seen),
        "chi2": {k: p.problem.chi2(p.state_mean()) for k, p in (("joint", joint), *separate.items())},
        "bias": {n: {"mean": joint.mean()[f"{n}_bias"].tolist(), "std": joint.std()[f"{n}_bias"].tolist()}
                 for n in SURVEYS},
        "truth_correlation": scores.correlation(*(case.truth[n][case.cells] for n in NAMES), case.volume[case.cells]),
        "discretisation": misfit(case), "sampling": sampling_errors(case),
    }
    return results, means, stds, seen


def statements(results):
    """What the report must say beyond the engine's own statements: all of it measured against the truth."""
    off, cover = results["discretisation"], results["coverage"]
    shares = ", ".join(f"{n} {cover[n]['seen']['joint']['90%']['truth']:.0%}" for n in NAMES)
    return [
        Approximation(
            name="mesh and stepped ground", status="measured", error=off["gravity"]["rms_after_plane"], units="mGal",
            statement="The truth averaged over the cells predicts the noise-free data to "
            f"{off['gravity']['rms_after_plane']:.3f} mGal and {off['magnetic']['rms_after_plane']:.1f} nT rms after a "
            "plane (error: the former). The extra noise chosen by evidence stands for it."),
        Approximation(
            name="intervals against the truth", status="measured",
            error=max(0.9 - cover[n]["seen"]["joint"]["90%"]["truth"] for n in NAMES),
            statement=f"Nominal 90 % equal-tailed intervals hold the truth in these shares of the cells seen: {shares} "
            "(error: the larger shortfall). Piecewise constant rock is not a Gaussian field of one variance."),
    ]


def main(progress=print):
    start = time.perf_counter()
    case = prepare()
    progress(f"{case.mesh}, {case.cells.sum()} ground cells; {time.perf_counter() - start:.0f} s")
    chosen = choose(case, progress)
    progress(f"chosen: {chosen['kernel']}, {chosen['settings']}, correlation {chosen['correlation']:+.2f}; "
             f"{time.perf_counter() - start:.0f} s")
    joint = bj.posterior(build(case, chosen["kernel"], chosen["settings"], chosen["correlation"]), method="dense")
    separate = joint.separate()
    progress(f"posterior: log evidence {joint.log_evidence()!r}; {time.perf_counter() - start:.0f} s")
    results, means, stds, seen = collect(case, chosen, joint, separate)
    progress(f"scored; {time.perf_counter() - start:.0f} s")
    figures.draw(case, joint, means, stds, seen, results, HERE)
    joint.approximations += statements(results)
    tree = joint.to_datatree(draws=50, chains=4, seed=0, separate=separate)
    tree.attrs["command"] = "python case_studies/flin_flon/run.py"
    bj.report(tree, HERE.parents[1] / "reports" / "flin_flon.html",
              title="Flin Flon: scattered gravity and magnetics over a known truth")
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    progress(f"done in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
