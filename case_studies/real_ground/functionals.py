"""Mass and depth to the top on 200 worlds left out, and on families not told of. Run: python functionals.py.

Writes functionals.json. The problem is that of left_out.py.
"""

import json
import time
from pathlib import Path

import numpy as np
from left_out import DEFAULT, FAMILIES, posterior

import bayesjoint as bj
from bayesjoint.calibration._functional_rules import FunctionalRule
from bayesjoint.calibration._lived import live_through
from bayesjoint.calibration._worlds import Simulator
from bayesjoint.functionals._exceedance import SHARES, shallowest
from bayesjoint.functionals._excess_mass import mass_in
from bayesjoint.functionals._window import WindowedMass

TRAIN, TESTED, PROBABILITY = 400, 200, 0.9
BOX = (700.0, 1300.0, 700.0, 1300.0, -500.0, 0.0)
WINDOW = bj.Window(northing=600.0, easting=600.0, depth=500.0)
THRESHOLD = 100.0  # kg/m3


def questions(problem):
    """{name: (functional, what may stand for it on a mean)}."""
    mass = {"total excess mass": mass_in(problem), "excess mass of a fixed window": mass_in(problem, BOX),
            "excess mass of a picked window": WindowedMass(problem, WINDOW)}
    found = {name: (f, (f,)) for name, f in mass.items()}
    density = problem.by_name["density"]
    return found | {"depth to the top": (shallowest(density, THRESHOLD, BOX), tuple(
        shallowest(density, share * THRESHOLD, BOX) for share in SHARES))}


def values(sound, lived, functional, estimators):
    """Of the truths, and of the answers by each estimator: (1 + estimators, worlds)."""
    return sound.over_worlds(lived, lambda real, found: np.stack([
        functional.at(real, functional.pick(found)) if hasattr(functional, "pick") else functional.evaluate(real),
        *(f.evaluate(found) for f in estimators)]))


def tried(rule, truth, estimate):
    """Coverage with its error, and the mean width over that without data, on other worlds."""
    ends = np.array([rule.given(e, PROBABILITY)[1:3] for e in estimate]).T
    scored = np.isfinite(truth) & np.isfinite(ends).all(axis=0)
    held = ((truth >= ends[0]) & (truth <= ends[1]))[scored]
    before = np.ptp(rule.without_data(PROBABILITY))
    return {"coverage": round(float(held.mean()), 3),
            "error": round(float(np.sqrt(held.mean() * (1 - held.mean()) / held.size)), 3), "worlds": int(held.size),
            "width": float(np.mean(ends[1] - ends[0], where=scored)), "width_without_data": float(before)}


def main():
    began = time.perf_counter()
    post = posterior()
    sound = bj.recalibrate(post, DEFAULT, worlds=TRAIN, seed=1, sensitivity=None)
    simulator = Simulator(post.problem)
    families = {"own": DEFAULT, **FAMILIES}
    lived = {name: live_through(simulator, post, family, TESTED, 1000 + k)
             for k, (name, family) in enumerate(families.items())}
    out = {"worlds_learned_from": TRAIN, "worlds_tried": TESTED, "threshold_kg_m3": THRESHOLD}
    for question, (functional, estimators) in questions(post.problem).items():
        truth, *learned = values(sound, sound.lived[0], functional, estimators)
        best = min(range(len(learned)), key=lambda k: FunctionalRule(truth, learned[k]).score(PROBABILITY))
        rule = FunctionalRule(truth, learned[best])
        out[question] = {}
        for name, one in lived.items():
            real, *found = values(sound, one, functional, estimators)
            out[question][name] = tried(rule, real, found[best])
            if question == "depth to the top":
                absent = np.array([rule.given(e, PROBABILITY)[3] for e in found[best]])
                out[question][name] |= {"absent": float(np.mean(~np.isfinite(real))),
                                        "probability_of_absence": round(float(absent.mean()), 3)}
    out["seconds"] = round(time.perf_counter() - began, 1)
    (Path(__file__).parent / "functionals.json").write_text(json.dumps(out, indent=1) + "\n")
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
