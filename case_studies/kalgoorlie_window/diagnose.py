"""The window's report with what the diagnostics answer: resolution, leakage, what joint inversion bought, calibration.

The problem, engine, ground, draws and seed are those of run.toml; the sections come on top of what the command writes.
Run: python diagnose.py; it writes out/diagnosed.html and diagnostics.json beside this file, and leaves the published
report, reports/kalgoorlie_window.html, as the command makes it.
"""

import json
import time
from pathlib import Path

import numpy as np

import bayesjoint as bj
from bayesjoint.cli._config import read_config
from bayesjoint.cli._ground import recalibrated
from bayesjoint.cli.run import build_problem

HERE = Path(__file__).parent
TRUTHS, RANKED = 200, 19  # of the calibration, and posterior draws behind each of its ranks
ROUNDS = 100  # truths behind the error of the fusion of separate results


def answers(joint, separate):
    """{group of the dataset: what to ask}."""
    return {
        "resolution": lambda: bj.resolution(joint),
        "leakage": lambda: bj.leakage(joint),
        "comparison": lambda: bj.compare(joint, separate, draws=ROUNDS),
        "calibration": lambda: bj.calibrate(joint.problem, TRUTHS, lambda problem: joint, draws=RANKED),
    }


def summary(found):
    """What the README quotes."""
    leaks, bought, tested = (found[k] for k in ("leakage", "comparison", "calibration"))
    freedom = {str(v).removesuffix("_degrees_of_freedom"): [float(found["resolution"][v]),
                                                           float(found["resolution"][f"{v}_error"])]
               for v in found["resolution"].data_vars if str(v).endswith("_degrees_of_freedom")}
    return {
        "degrees_of_freedom": freedom,
        "leakage": {f"{p} from {q}": [float(leaks[k].sel(estimated=p, true=q)) for k in ("rms", "rms_error")]
                    for p in leaks.estimated.values for q in leaks.true.values},
        "comparison": {k: bought[k].values.tolist() for k in (
            "median_ratio", "helped", "unchanged", "harmed", "undecided", "chi2_joint", "chi2_separate", "price",
            "price_expected")},
        "calibration": {"verdict": tested.verdict, "functionals": tested.functional.values.tolist(),
                        "coverage": tested.coverage.values.tolist(),
                        "closed_form": tested.coverage_closed_form.values.tolist(),
                        "band": np.stack([tested.coverage_lower, tested.coverage_upper]).tolist(),
                        "p_value": tested.p_value.values.tolist()},
    }


def main(progress=print):
    config = read_config(HERE / "run.toml")
    start = time.perf_counter()
    joint = bj.posterior(build_problem(config), method=config.posterior.method)
    progress(f"posteriors: {time.perf_counter() - start:.0f} s")
    joint, separate = recalibrated(config, joint, joint.separate())
    found = {}
    progress(f"recalibrated: {time.perf_counter() - start:.0f} s")
    for name, ask in answers(joint, separate).items():
        found[name] = ask()
        progress(f"{name}: {time.perf_counter() - start:.0f} s")
    (HERE / "diagnostics.json").write_text(json.dumps(summary(found), indent=1) + "\n")
    tree = joint.to_datatree(draws=config.posterior.draws, chains=config.posterior.chains, seed=config.seed,
                             separate=separate, diagnostics=found)
    tree.attrs |= {"title": config.title, "configuration": config.text,
                   "command": "python case_studies/kalgoorlie_window/diagnose.py"}
    (HERE / "out").mkdir(exist_ok=True)
    bj.report(tree, HERE / "out" / "diagnosed.html", title=config.title)
    progress(f"report: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
