"""Pairs of surveys that agree, many of them at once: problems, draws, and the p-values of every test."""

import numpy as np
from further import Alone, Predicted
from saddlepoint import saddlepoint_tail
from scipy.optimize import brentq
from scipy.stats import chi2

import bayesjoint as bj
from bayesjoint.agreement._gain_test import GainScore
from bayesjoint.agreement._nuisance_test import NuisanceFit
from bayesjoint.agreement._pair import make_pair
from bayesjoint.augment._bias_basis import bias_basis
from bayesjoint.gaussian import System

SEED = 20261122
PAIRS = 1000
STD, NOISE = {"density": 100.0, "susceptibility": 0.02}, {"ground": 0.05, "air": 0.08, "gravity": 0.05, "magnetic": 5.0}
CORRELATION = 0.7
BASES = {"offset": "constant", "tilt": "linear", "lines": "rows"}
GAIN_NULL = 1999  # simulated scores behind the p-value of a gain


def surveys(kind, shape=(4, 30, 32), spacing=(100.0, 100.0, 100.0), reach=400.0, std=STD, correlation=CORRELATION):
    """Two gravity surveys of one density ("one property"), or gravity and magnetics under a correlation ("tied")."""
    mesh = bj.Mesh.regular(shape, spacing)
    stations = (mesh, mesh.easting, mesh.northing)
    if kind == "one property":
        fields = {"ground": (bj.GravityOperator(*stations, 20.0), "density"),
                  "air": (bj.GravityOperator(*stations, 100.0), "density")}
    else:
        fields = {"gravity": (bj.GravityOperator(*stations, 20.0), "density"),
                  "magnetic": (bj.MagneticOperator(*stations, 50.0, inclination=60.0, declination=10.0),
                               "susceptibility")}
    names = sorted({p for _, p in fields.values()})
    parameters = [bj.Parameter(p, mesh, prior=bj.Matern(std[p], reach, extent="continued")) for p in names]
    modalities = [bj.Modality(k, op, np.zeros(op.data_shape), bj.DiagonalNoise(np.full(op.data_shape, NOISE[k])), p)
                  for k, (op, p) in fields.items()]
    ties = [] if kind == "one property" else [bj.Coregionalization(correlation)]
    return bj.JointProblem(parameters, modalities, ties)


def mixed(seed, data=150, cells=60, shared=3, own=2):
    """A Gaussian vector, flat values that both surveys see and flat values of each alone."""
    rng = np.random.default_rng(seed)
    parameters = [bj.Parameter("field", cells, prior=bj.GaussianPrior(0.0, np.eye(cells))),
                  bj.Parameter("regional", shared), bj.Parameter("level_a", own), bj.Parameter("level_b", own)]
    modalities = [bj.Modality(k, rng.standard_normal((data, cells + shared + own)) / 5, np.zeros(data),
                              bj.DiagonalNoise(np.ones(data)), ("field", "regional", f"level_{k}")) for k in "ab"]
    return bj.JointProblem(parameters, modalities)


def flat(seed, data=100, cells=120, seen=70):
    """Unregularised: as many unknowns as nobody can resolve; each survey sees `seen` directions, some of them both."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((cells, seen // 2))
    modalities = []
    for k in "ab":
        own = rng.standard_normal((cells, seen - seen // 2))
        matrix = rng.standard_normal((data, seen)) @ np.hstack([shared, own]).T
        modalities.append(bj.Modality(k, matrix, np.zeros(data), bj.DiagonalNoise(rng.uniform(0.5, 2.0, data)), "m"))
    return bj.JointProblem([bj.Parameter("m", cells)], modalities)


def pair_of(problem):
    """The pair that a problem's two surveys are, factorised."""
    return make_pair(problem, tuple(m.name for m in problem.modalities), "dense")


def simulated(made, seed, count=PAIRS):
    """Whitened residuals of pairs that agree, (n_data, count), from the problem's own prior predictive."""
    return System.draw(made.both, np.random.default_rng(seed), count)


class Suite:
    """Every test of a pair as a function of many whitened residuals at once.

    Parameters
    ----------
    made : Pair
    bases : dict
        Of nuisances of the second survey, by name.
    gain : bool
    seed : int
        Of the simulated null of the gain.
    places : bool
        Bands, maps, and each survey against its own prior and noise: two surveys of lattices without flat values.
    """

    def __init__(self, made, bases=BASES, gain=True, seed=SEED + 1, places=True):
        self.made, self.spectrum = made, made.spectrum()
        self.survey = made.problem.modalities[1].name
        self.fits = {name: NuisanceFit(made.both, self.survey, bias_basis(made.problem.modalities[1], basis)[0])
                     for name, basis in bases.items()}
        self.score = GainScore(made.both, self.survey) if gain else None
        self.scores = np.sort(np.abs(self._centred(self.score.null(GAIN_NULL, np.random.default_rng(seed))))) \
            if gain else None
        self.critical = {}
        self.further = [(k, Predicted(made, k), Alone(part)) for k, part in enumerate((made.first, made.second))] \
            if places else []

    def _centred(self, scores):
        if not hasattr(self, "middle"):
            self.middle, self.spread = scores.mean(), scores.std(ddof=1)
        return scores - self.middle

    def p_values(self, white, quick=False):
        """{test: p-values (k,)}; `quick`: the ratio's only as below or above its critical values (0 or 1)."""
        found = self.made.statistics(white)
        out = {"likelihood ratio": self._ratio(found.ratio) if quick else self.spectrum.tail(found.ratio)[0]}
        if not quick:
            out["likelihood ratio, saddlepoint"] = saddlepoint_tail(self.spectrum.null(), found.ratio)
        dofs = [self.made.both.dof - part.dof for part in (self.made.first, self.made.second)]
        out["node split a -> b"] = chi2.sf(found.into_second, dofs[0])
        out["node split b -> a"] = chi2.sf(found.into_first, dofs[1])
        out |= {name: chi2.sf(fit.test(white)[0], fit.rank) for name, fit in self.fits.items()}
        if self.score is not None:
            off = np.abs(self._centred(self.score.score(white)))
            beyond = self.scores.size - np.searchsorted(self.scores, off, side="left")
            out["gain"] = (1 + beyond) / (self.scores.size + 1)
        for which, predicted, alone in self.further[1:] if quick else self.further:
            name = "ab"[which]
            out[f"bands of {name}"], out[f"places of {name}"] = predicted.p_values(white)
            out[f"prior std behind {name}"], out[f"noise std of {name}"] = (
                alone.alarms if quick else alone.p_values)(white[self.made.rows[which]])
        return out

    def _ratio(self, ratio):
        """A p-value that is right about 5 and 1 % and nothing else."""
        null = self.spectrum.null()
        for level in (0.05, 0.01):
            if level not in self.critical:
                root = np.sqrt(null.variance)
                self.critical[level] = brentq(lambda x, p=level: float(null.tail(x)[0]) - p, null.mean,
                                              null.mean + 8 * root, xtol=1e-4 * root)
        return np.where(ratio >= self.critical[0.01], 0.0, np.where(ratio >= self.critical[0.05], 0.03, 1.0))
