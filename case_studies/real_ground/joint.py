"""What a second survey buys in interval score, and costs where nothing is shared. Writes joint.json.

The families are in joint_families.py. The engine has no coupling, so that joint and separate answers are the same
fields; the joint rule looks at both of them, the separate one at its own property alone. Worlds are the same for both.
A first try, on other worlds (400 to learn from, no feature that says how alike both fields are), gained 2.6 ± 1.2 %
where geometry is shared and lost 2.7 ± 0.6 % where it is not though the family allows for that. Where most truths are
exactly 0, as the susceptibilities are, intervals hold more than they promise.
"""

import json
import time
from pathlib import Path

import numpy as np
from joint_families import APART, HALF, TOGETHER

import bayesjoint as bj
from bayesjoint.calibration._coverage import PROBABILITIES, mean_and_error, ratio_and_error, scores_of
from bayesjoint.calibration._learned import LearnedRule
from bayesjoint.calibration._lived import live_through
from bayesjoint.calibration._recalibrate import _frames
from bayesjoint.calibration._rules import ClassRule
from bayesjoint.calibration._surroundings import Surroundings
from bayesjoint.calibration._worlds import Simulator

MESH = bj.Mesh.regular((8, 20, 20), (100.0, 100.0, 100.0))
TRAIN, TEST, SEED, EVERY = 1000, 200, 500, 3  # worlds to learn from, worlds left out, seed, cells scored: every third
AT = PROBABILITIES.index(0.9)
QUESTIONS = {
    "shared, family shares": (TOGETHER, TOGETHER),
    "shared, family allows both": (HALF, TOGETHER),
    "nothing shared, family allows both": (HALF, APART),
    "nothing shared, family insists on sharing": (TOGETHER, APART),
}


def engine():
    """Gravity and magnetics over one mesh, uncoupled; data come with each world."""
    std = {"density": 100.0, "susceptibility": 0.01}
    density, susceptibility = (bj.Parameter(k, MESH, prior=bj.Matern(v, 300.0)) for k, v in std.items())
    parts = ((bj.GravityOperator, 0.02, density), (bj.MagneticOperator, 2.0, susceptibility))
    surveys = [bj.Modality(p.name, made(MESH, MESH.easting, MESH.northing, height=10.0), np.zeros((20, 20)),
                           bj.DiagonalNoise(np.full(400, noise)), p.name) for made, noise, p in parts]
    return bj.posterior(bj.JointProblem([density, susceptibility], surveys))


def rules(name, frames, worlds, free):
    """Three rules for one property learned from the same worlds."""
    around = {"separate": {name: frames[name]}, "joint": frames}
    return {"classes": ClassRule(name, frames[name], worlds)} | {
        k: LearnedRule(name, frames[name], worlds, Surroundings(MESH, free, looked)) for k, looked in around.items()}


def compared(made, name, frames, test, train):
    """Coverage of each rule, and the gain of joint over separate in interval score, over worlds left out."""
    cells = np.arange(0, MESH.size, EVERY)
    found = {k: scores_of(rule, frames[name], test, train, name, cells)[:, AT] for k, rule in made.items()}
    out = {"coverage": {k: [float(v) for v in mean_and_error(s[0, 0])] for k, s in found.items()},
           "score": {k: float(s[0, 2].mean()) for k, s in found.items()},
           "score_no_data": float(found["joint"][2, 2].mean()), "score_plain": float(found["joint"][1, 2].mean())}
    for label, a, b in (("gain_joint_over_separate", "joint", "separate"), ("gain_separate_over_classes", "separate",
                        "classes"), ("gain_joint_over_classes", "joint", "classes")):
        ratio, error = ratio_and_error(found[a][0, 2], found[b][0, 2])
        out[label] = [1 - ratio, error]
    return out


def main():
    began = time.perf_counter()
    post = engine()
    simulator = Simulator(post.problem)
    frames = _frames(post, simulator)
    train = {f.name: live_through(simulator, post, f, TRAIN, SEED + k) for k, f in enumerate((TOGETHER, HALF))}
    test = {f.name: live_through(simulator, post, f, TEST, SEED + 10 + k) for k, f in enumerate((TOGETHER, APART))}
    found = {}
    for name in frames:
        made = {label: rules(name, frames, worlds, simulator.free) for label, worlds in train.items()}
        for question, (stated, real) in QUESTIONS.items():
            row = compared(made[stated.name], name, frames, test[real.name], train[stated.name])
            found.setdefault(question, {})[name] = row
            gain, error = row["gain_joint_over_separate"]
            print(f"{name}: {question}: joint gains {gain:+.1%} ± {error:.1%}", row["coverage"], flush=True)
    out = {"train": TRAIN, "test": TEST, "questions": found, "seconds": round(time.perf_counter() - began, 1)}
    (Path(__file__).parent / "joint.json").write_text(json.dumps(out, indent=1) + "\n")
    print(out["seconds"])


if __name__ == "__main__":
    main()
