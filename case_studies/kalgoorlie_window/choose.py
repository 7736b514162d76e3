"""What the evidence says of the Kalgoorlie window: prior std, range, correlation and noise, nothing set by hand.

The grids quote no noise, so each survey starts from a marked guess; the regional field is a plane inferred with the
model; the fields go on beyond the mesh. Gravity alone is also fitted at every node and at every second and third, to
show what an interpolated grid does to the evidence. Run: python choose.py (all rows) or python choose.py NAME ...;
rows are kept in hyperparameters.json.
"""

import json
import sys
from pathlib import Path

import bayesjoint as bj

HERE = Path(__file__).parent
TABLE = HERE / "hyperparameters.json"
START = {"gravity": ("density", 50.0), "magnetic": ("susceptibility", 0.03)}  # kg/m3, SI
BIAS = {"gravity": 20.0, "magnetic": 200.0}  # mGal, nT
RUNS = {  # surveys, smoothness, thinning, method
    "gravity, every node": (("gravity",), 1.5, 1, "dense"),
    "gravity, every 2nd node": (("gravity",), 1.5, 2, "dense"),
    "gravity, every 3rd node": (("gravity",), 1.5, 3, "dense"),
    "magnetic": (("magnetic",), 1.5, "auto", "dense"),
    "magnetic, rough": (("magnetic",), 0.5, "auto", "dense"),
    "joint": (("gravity", "magnetic"), 1.5, "auto", "lanczos"),
    "joint, rough": (("gravity", "magnetic"), 0.5, "auto", "lanczos"),
}  # fmt: skip


def problem(kinds, smoothness):
    """Continued Matérn fields, tied by a correlation where there are two, a plane in each survey, noise unknown."""
    surveys = [bj.read_survey(HERE / "data" / "kalgoorlie_small.nc", kind) for kind in START]
    mesh = bj.Mesh.from_surveys(surveys, depth=12e3, layers=12, padding=5, growth=1.15)
    parameters, modalities = [], []
    for survey in surveys:
        if survey.name in kinds:
            name, std = START[survey.name]
            prior = bj.Matern(std=std, range=4000.0, smoothness=smoothness, extent="continued")
            parameters.append(bj.Parameter(name, mesh, prior=prior))
            modalities.append(survey.modality(parameters[-1], std="unknown"))
    out = bj.JointProblem(parameters, modalities, [bj.Coregionalization(0.0)] if len(kinds) > 1 else [])
    for kind in kinds:
        out = bj.add_bias(out, kind, basis="linear", std=BIAS[kind])
    return out


def row(kinds, smoothness, thin, method):
    """One fit as numbers and words."""
    fit = bj.fit_hyperparameters(problem(kinds, smoothness), method=method, thin=thin, curve=False)
    table = {str(name): {key: plain(fit.table[key][k].item()) for key in ("units", "value", "low", "high", "verdict")}
             for k, name in enumerate(fit.table["name"])}
    return {"smoothness": smoothness, "log_evidence": float(fit.log_evidence),
            "log_evidence_error": fit.log_evidence.error, "converged": fit.converged,
            "message": fit.message, "hyperparameters": table}


def plain(value):
    """An open end is null in JSON."""
    return None if value != value else value


def main(names):
    for name in names or RUNS:
        found = row(*RUNS[name])
        kept = json.loads(TABLE.read_text()) if TABLE.exists() else {}
        TABLE.write_text(json.dumps(kept | {name: found}, indent=1) + "\n")
        print(name, found["log_evidence"], {k: v["verdict"] for k, v in found["hyperparameters"].items()}, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
