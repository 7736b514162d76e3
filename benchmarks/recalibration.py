"""What recalibration costs: the Kalgoorlie window, and the full survey. Run: python recalibration.py [window|full].

Prints and keeps seconds and peak memory in recalibration.json. Worlds are those of the default family.
"""

import json
import resource
import sys
import time
from pathlib import Path

import bayesjoint as bj

HERE = Path(__file__).parent
STUDIES = HERE.parent / "case_studies"


def window():
    from bayesjoint.cli._config import read_config
    from bayesjoint.cli.run import build_problem

    problem = build_problem(read_config(STUDIES / "kalgoorlie_window" / "run.toml"))
    return bj.posterior(problem, method="dense")


def full():
    sys.path.insert(0, str(STUDIES / "kalgoorlie"))
    import run as study

    values = json.loads((STUDIES / "kalgoorlie" / "results.json").read_text())["values"]
    return bj.posterior(study.problem(study.surveys(), values), method="iterative", solves=64, seed=0)


def measure(name):
    began = time.perf_counter()
    post = {"window": window, "full": full}[name]()
    post.std()
    prior = post.prior_std()
    ready = time.perf_counter()
    mesh = post.problem.by_name["density"].mesh
    family = bj.geology_default(mesh, {k: float(prior[k].mean()) for k in ("density", "susceptibility")})
    stages = []

    def told(stage, done, total):
        stages.append(time.perf_counter() - ready)

    sound = bj.recalibrate(post, family, worlds=200, seed=0, sensitivity=None, progress=told)
    done = time.perf_counter()
    sound.interval(0.9)
    held = sound.coverage.coverage.sel(kind="recalibrated", probability=0.9)
    row = {"unknowns": post.problem.size, "data": sum(m.size for m in post.problem.modalities), "worlds": 200,
           "posterior_and_std_s": round(ready - began, 1), "worlds_lived_s": round(stages[-1], 1),
           "recalibration_s": round(done - ready, 1), "intervals_s": round(time.perf_counter() - done, 1),
           "peak_GiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
           "coverage": {str(n): round(float(held.sel(parameter=n)), 4) for n in held.parameter.values}}
    path = HERE / "recalibration.json"
    rows = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(rows | {name: row}, indent=1) + "\n")
    print(json.dumps(row, indent=1))


if __name__ == "__main__":
    for each in sys.argv[1:] or ("window", "full"):
        measure(each)
