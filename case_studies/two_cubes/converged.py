"""Two cubes, the converged MAP of the proper density: one Gramian weight, bounds, α moved both ways.

Without arguments: draws 0-19 into converged.json, converged.png and a printed table. `choose`: λ and the target on
draws 100-119 into converged_choice.json. `starts`: what other starting models lead to. `tight`: the same MAPs to a
criterion of 1e-6. `path`: semi-convergence alone.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from run import errors, geometry, problem
from scipy.optimize import minimize

import bayesjoint as bj

HERE = Path(__file__).parent
ALPHA = (1e4, 3e8)  # where the search for α begins; it moves
WEIGHT, TARGET = 300.0, 0.93  # by `choose`
LBFGSB_ITERATIONS = 3000
TIGHT = 1e-6


def ask(seed, setting, weight=WEIGHT, alpha=ALPHA):
    coupling = bj.Gramian(weight=weight) if weight else None
    return problem(seed, setting, coupling, alpha=alpha)


def record(result, truth, seconds):
    re = errors(result.model, truth)
    flat = [m.ravel() for m in result.model.values()]
    return {
        "re_gravity": re["density"], "re_magnetic": re["susceptibility"],
        "chi2_gravity": result.chi2["gravity"] / 1500, "chi2_magnetic": result.chi2["magnetic"] / 1500,
        "within_window": result.target_met, "converged": result.converged, "ratios": result.ratios,
        "alpha": [p.prior.alpha for p in result.problem.parameters], "searches": result.searches,
        "newton_steps": result.iterations, "hessian_products": result.products, "value": result.value,
        "active_share": result.active_share, "correlation": float(np.corrcoef(*flat)[0, 1]),
        "seconds": result.seconds, "cpu_seconds": seconds,
    }


def solve(asked, truth, **options):
    began = time.process_time()
    result = bj.find_map(asked, method="map", **options)
    return result, record(result, truth, time.process_time() - began)


def middle(records, key):
    values = np.array([r[key] for r in records], dtype=float)
    return f"{np.median(values):.3f} ({values.min():.3f}–{values.max():.3f})"


def run_seeds(seeds, setting):
    """Joint and separate converged MAPs of every draw."""
    rows = {"joint": [], "separate": []}
    for seed in seeds:
        joint = ask(seed, setting)
        rows["joint"].append({"seed": seed} | solve(joint, setting[2], target=TARGET)[1])
        print(seed, json.dumps(rows["joint"][-1]), flush=True)
        alone = {}
        for name, part in joint.separate().items():
            result = bj.find_map(part, method="map", target=TARGET)
            (re,) = errors(result.model, setting[2]).values()
            alone |= {f"re_{name}": re, f"chi2_{name}": result.chi2[name] / 1500}
            alone["converged"] = alone.get("converged", True) and result.converged
        rows["separate"].append({"seed": seed} | alone)
    return rows


def semiconvergence(seed, setting, alpha):
    """RE along two roads to one and the same MAP: L-BFGS-B and projected Newton, both from the reference model."""
    joint, truth = ask(seed, setting, alpha=alpha), setting[2]
    paths = {"L-BFGS-B": [], "projected Newton": []}

    def note(path, x, iteration, value, ratio):
        re = errors(joint.unpack(x), truth)
        chi2 = joint.chi2(x)
        paths[path].append([iteration, re["density"], re["susceptibility"], chi2["gravity"] / 1500,
                            chi2["magnetic"] / 1500, float(value), ratio])

    def every_step(x, row):
        note("projected Newton", x, 1 + len(paths["projected Newton"]), row["value"], row["ratio"])

    result = bj.find_map(joint, method="map", discrepancy=False, tolerance=TIGHT, callback=every_step)
    # in depth-weighted coordinates, as fast as it gets; unscaled it hardly moves the density
    weights = [p.bound_prior.depth_weights for p in joint.parameters]
    unit = np.concatenate([p.upper * w.max() / w for p, w in zip(joint.parameters, weights, strict=True)])
    steps = [0]

    def value_and_gradient(z):
        x = np.clip(unit * z, joint.lower, joint.upper)
        return joint.value(x), unit * joint.gradient(x)

    def every_tenth(z):
        steps[0] += 1
        if steps[0] % 10 == 0 or steps[0] < 50:
            x = np.clip(unit * z, joint.lower, joint.upper)
            note("L-BFGS-B", x, steps[0], joint.value(x), None)

    limits = {"maxiter": LBFGSB_ITERATIONS, "maxfun": 5 * LBFGSB_ITERATIONS, "maxcor": 20, "ftol": 0, "gtol": 0}
    minimize(value_and_gradient, joint.start() / unit, jac=True, method="L-BFGS-B", callback=every_tenth,
             bounds=list(zip(joint.lower / unit, joint.upper / unit, strict=True)), options=limits)
    return {"seed": seed, "alpha": list(alpha), "value": result.value, "criterion": result.criterion,
            "columns": ["iteration", "re_density", "re_susceptibility", "chi2_gravity", "chi2_magnetic", "value",
                        "criterion"], "paths": paths}


def figure(path):
    """RE, χ² and Φ − Φ(MAP) against the iteration, with the iterate that meets the criterion."""
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    slow, fast = (np.array(path["paths"][key], dtype=float) for key in ("L-BFGS-B", "projected Newton"))
    first = int(np.argmax(fast[:, 6] <= 1e-3))
    least = min(slow[:, 5].min(), fast[:, 5].min()) - 1e-4
    panels = (("relative error", ((1, "density", "C0"), (2, "susceptibility", "C1")), 0.0),
              ("χ²/n", ((3, "gravity", "C0"), (4, "magnetic", "C1")), 0.0),
              ("Φ − smallest Φ", ((5, "Φ", "C2"),), least))
    for ax, (title, lines, shift) in zip(axes, panels, strict=True):
        for column, label, colour in lines:
            ax.plot(slow[:, 0], slow[:, column] - shift, color=colour, label=f"{label}, L-BFGS-B")
            ax.plot(fast[:, 0], fast[:, column] - shift, "--", color=colour, label=f"{label}, projected Newton")
            ax.plot(fast[first, 0], fast[first, column] - shift, "o", color=colour, mec="k")
        ax.set(xlabel="iteration", ylabel=title, xscale="log")
        ax.legend(fontsize=7)
        ax.grid(alpha=0.3)
    axes[0].set_ylim(0.3, 1.0)
    axes[1].set(yscale="log", ylim=(0.5, 200))
    axes[2].set_yscale("log")
    fig.savefig(HERE / "converged.png", dpi=130)
    plt.close(fig)


def choose(setting):
    """λ and target on the draws set aside for choosing."""
    rows = []
    for weight in (100.0, 300.0, 1000.0):
        for target in (0.93, 1.0):
            records = [solve(ask(seed, setting, weight), setting[2], target=target)[1] for seed in range(100, 120)]
            rows.append({"weight": weight, "target": target, "re_gravity": middle(records, "re_gravity"),
                         "re_magnetic": middle(records, "re_magnetic"),
                         "good": sum(r["converged"] and r["within_window"] for r in records)})
            print(rows[-1], flush=True)
    (HERE / "converged_choice.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def starts(setting):
    """MAPs of draw 0 from different starting models: Φ is not convex."""
    base = ask(0, setting)
    truth, rng = setting[2], np.random.default_rng(0)
    best = bj.find_map(base, method="map", target=TARGET)
    top = {"density": 1000.0, "susceptibility": 0.1}
    pattern = rng.random(setting[0].shape)
    tried = {
        "reference (zero)": None, "half the bounds": {k: np.full(pattern.shape, 0.5 * v) for k, v in top.items()},
        "random, same in both": {k: v * pattern for k, v in top.items()},
        "random, different": {k: v * rng.random(pattern.shape) for k, v in top.items()},
        "RRCG's iterate": bj.find_map(base, method="rrcg").model, "truth": truth,
    }
    rows = []
    for name, start in tried.items():
        _, row = solve(best.problem, truth, start=start, discrepancy=False)
        rows.append({"start": name} | row)
        print(name, row["value"], row["re_gravity"], row["re_magnetic"], row["converged"], flush=True)
    return rows


def tighten(draws, setting):
    """The MAPs of `run_seeds`, at their α, to a criterion a thousand times smaller."""
    rows = []
    for kept in draws["joint"]:
        joint = ask(kept["seed"], setting, alpha=tuple(kept["alpha"]))
        rows.append({"seed": kept["seed"]} | solve(joint, setting[2], discrepancy=False, tolerance=TIGHT)[1])
        print(json.dumps(rows[-1]), flush=True)
    return rows


def table(rows):
    lines = []
    for name, records in rows.items():
        lines.append(f"{name}: RE {middle(records, 're_gravity')} / {middle(records, 're_magnetic')}; "
                     f"chi2/n {middle(records, 'chi2_gravity')} / {middle(records, 'chi2_magnetic')}; "
                     f"converged {sum(r['converged'] for r in records)}/{len(records)}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", default="table", choices=("table", "choose", "starts", "tight", "path"))
    parser.add_argument("--draws", type=int, default=20, help="noise draws 0 ... N-1 (default 20)")
    arguments = parser.parse_args()
    setting = geometry()
    bj.find_map(ask(99, setting), method="rrcg", max_iterations=2)  # compile first
    file = HERE / "converged.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    if arguments.what == "choose":
        choose(setting)
        return
    if arguments.what == "table":
        kept["draws"] = run_seeds(range(arguments.draws), setting)
        print(table(kept["draws"]))
    if arguments.what == "starts":
        kept["starts"] = starts(setting)
    if arguments.what == "tight":
        kept["tight"] = tighten(kept["draws"], setting)
        print(table({"tight": kept["tight"]}))
    if arguments.what in ("table", "path"):
        kept["path"] = semiconvergence(0, setting, tuple(kept["draws"]["joint"][0]["alpha"]))
        figure(kept["path"])
    file.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
