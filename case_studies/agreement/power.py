"""What each test sees: shares of pairs called in conflict at 5 %, for eight ways to be wrong and none."""

import numpy as np
from setting import CORRELATION, PAIRS, SEED, STD, Suite, pair_of, surveys

from bayesjoint.gaussian import linear_gaussian

Z80 = 2.8016  # standard deviations that a two-sided 5 % test finds in 80 % of cases
PATCH, DEPTH = 6, 1.5  # stations a side, and noise standard deviations
LEVEL = 0.05
# stated prior std over the true one
STATED = {"prior std 20 % too small": 0.8, "prior std 20 % too large": 1.2, "prior std twice too large": 2.0}


def disturbed(kind, suite, count=PAIRS):
    """{disturbance: (whitened residuals, its size in words)}."""
    made, rng = suite.made, np.random.default_rng(SEED + 4)
    model, second = made.both.model, made.problem.modalities[1]
    rows, noise = model.data_slices[1], second.noise.std[0]
    clean = model.whiten(model.draw(rng, count)[1].T)
    errors = rng.standard_normal(clean.shape)
    base = clean + errors

    def added(column):
        wide = np.zeros((made.both.size, 1))
        wide[rows, 0] = column / noise
        return base + wide

    easting, _, _ = second.forward.coordinates()
    east = 2 * (easting - easting.min()) / np.ptp(easting) - 1
    shift, tilt = Z80 * suite.fits["offset"].std[0], Z80 * suite.fits["tilt"].std[2]
    gain = Z80 / suite.spread
    grid = np.zeros(second.data_shape)
    grid[10 : 10 + PATCH, 12 : 12 + PATCH] = DEPTH * noise
    stretched = base.copy()
    stretched[rows] += gain * clean[rows]
    out = {
        "nothing": (base, ""),
        "datum shift": (added(shift), f"{shift:.3g} {second.units}"),
        "tilt": (added(tilt * east), f"± {tilt:.3g} {second.units} from edge to edge"),
        "gain": (stretched, f"{100 * gain:.2g} %"),
        "wrong patch": (added(grid.ravel()), f"{PATCH} x {PATCH} stations off by {DEPTH * noise:.3g} {second.units}"),
    }
    if kind == "tied":
        out["wrong coupling"] = (other_truth(surveys(kind, correlation=0.0), model, rng, count),
                                 f"stated {CORRELATION}, true 0")
    for name, ratio in STATED.items():
        true = {parameter: value / ratio for parameter, value in STD.items()}
        out[name] = (other_truth(surveys(kind, std=true), model, rng, count), "the surveys agree: any alarm is false")
    return out


def other_truth(problem, model, rng, count):
    """Residuals of surveys of another truth, whitened as the problem states."""
    other = linear_gaussian(problem)
    return model.whiten(other.draw(rng, count)[1].T) + rng.standard_normal((model.data_size, count))


def power(kind):
    """{disturbance: {"size": words, test: share called in conflict}}."""
    suite = Suite(pair_of(surveys(kind)))
    return {name: {"size": size, **{test: round(float(np.mean(p <= LEVEL)), 3) for test, p in
                                    suite.p_values(white, quick=True).items()}}
            for name, (white, size) in disturbed(kind, suite).items()}


