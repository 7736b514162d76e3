"""The likelihood ratio at survey size: 1,000 pairs by wavenumber on a whole torus, 30 windows by iterative solves."""

import pickle
import time
from pathlib import Path

import numpy as np
from saddlepoint import saddlepoint_tail
from scipy import fft
from scipy.stats import chi2
from setting import PAIRS, SEED, surveys

from bayesjoint.agreement._likelihood_ratio_null import _binned, torus_correlations
from bayesjoint.agreement._pair import make_pair
from bayesjoint.agreement._weighted_chi2 import WeightedChi2
from bayesjoint.gaussian import WaveSystem

SHAPE, SPACING = (2, 201, 338), (400.0, 100.0, 100.0)
WINDOWS, FEW = 30, 5  # windows, solved at once
BLOCK = 20
PARTIAL = Path(__file__).parent / "partial"


def pair():
    problem = surveys("tied", SHAPE, SPACING)
    return make_pair(problem, ("gravity", "magnetic"), "iterative")


def kept(name, make):
    """Arrays of one step, made once: a run that is stopped goes on where it was."""
    path = PARTIAL / f"{name}.npz"
    if not path.exists():
        PARTIAL.mkdir(exist_ok=True)
        found = make()
        with path.with_suffix(".new").open("wb") as file:
            np.savez(file, **found)
        path.with_suffix(".new").rename(path)
    return dict(np.load(path))


class Endless:
    """Both surveys on all of the torus, where wavenumbers are independent: statistics of many pairs."""

    def __init__(self):
        self.made = pair()
        group = self.made.both.model.groups[0]
        self.torus = rows, columns = group.torus
        self.noise = [m.noise.variance()[0] for m in self.made.problem.modalities]
        spectrum = WaveSystem(group, self.noise).spectrum
        self.power = np.sqrt(np.stack([spectrum[..., k, k].real for k in (0, 1)]) * rows * columns)
        signal = WaveSystem(group, [1e-12 * n for n in self.noise]).spectrum  # a little, so that roots exist
        self.root = np.moveaxis(np.linalg.cholesky(signal), (-2, -1), (0, 1)) * np.sqrt(rows * columns)
        across = spectrum[..., 0, 1] * rows * columns / (self.power[0] * self.power[1])
        self.rho = np.abs(across)
        self.turn = across / np.where(self.rho > 0, self.rho, 1.0)
        self.standing = np.where(np.arange(columns // 2 + 1) * 2 % columns == 0, 1.0, 2.0)

    def statistics(self, seed, count):
        """(likelihood ratio, node split) of `count` pairs: clean data by the roots of their spectra, and noise."""
        rng, size = np.random.default_rng(seed), np.sqrt(np.prod(self.torus))
        one, two = self._white(rng, count), self._white(rng, count)
        waves = [self.root[0, 0].real * one, self.root[1, 0] * one + self.root[1, 1].real * two]
        for c in (0, 1):
            waves[c] += np.sqrt(self.noise[c]) * size * self._white(rng, count)
        u, v = waves[0] / self.power[0], self.turn * waves[1] / self.power[1]
        weight = self.standing / (1.0 - self.rho**2)
        both = np.abs(u) ** 2 + np.abs(v) ** 2
        return {"ratio": np.sum(weight * self.rho * (self.rho * both - 2 * (u * v.conj()).real), axis=(1, 2)),
                "onward": np.sum(weight * np.abs(v - self.rho * u) ** 2, axis=(1, 2))}


    def _white(self, rng, count):
        """Half spectra of unit white noise: columns that stand for themselves are those of real sequences."""
        rows, columns = self.torus
        waves = rng.standard_normal((count, rows, columns // 2 + 1, 2)).view(complex)[..., 0] / np.sqrt(2.0)
        for alone in (0, columns // 2) if columns % 2 == 0 else (0,):
            waves[..., alone] = fft.fft(rng.standard_normal((count, rows)), axis=1) / np.sqrt(rows)
        return waves


def by_wavenumber(count=PAIRS):
    """({null: p-values}, facts) of data on all of the torus."""
    endless = Endless()
    blocks = [kept(f"torus_{k}", lambda k=k: endless.statistics((SEED, k), BLOCK)) for k in range(count // BLOCK)]
    ratio, onward = (np.concatenate([b[name] for b in blocks]) for name in ("ratio", "onward"))
    values, counts = _binned(*torus_correlations(endless.made))
    null = WeightedChi2(np.concatenate([values, -values]), np.concatenate([counts, counts]))
    return {"likelihood ratio, by wavenumber": null.tail(ratio)[0],
            "likelihood ratio, by wavenumber, saddlepoint": saddlepoint_tail(null, ratio),
            "node split, by wavenumber": chi2.sf(onward, endless.torus[0] * endless.torus[1])}, {
                "stations of the survey": SHAPE[1] * SHAPE[2], "torus": [int(n) for n in endless.torus],
                "sum of squared correlations": float(counts @ values**2),
                "variance of the ratio over that of the null": float(np.mean(ratio**2) / null.variance)}


def windows():
    """p-values of finite windows: statistic by block conjugate gradients, null by random vectors and by wavenumber."""
    made, seconds = pair(), {}
    found = [kept(f"windows_{k}", lambda k=k: _timed(_statistics, made, k)) for k in range(WINDOWS // FEW)]
    ratio, onward, error = (np.concatenate([b[name] for b in found]) for name in ("ratio", "onward", "error"))
    own = kept("spectrum", lambda: _timed(_spectrum, made))
    solved = pickle.loads(own["spectrum"].tobytes())
    began = time.perf_counter()
    waves = made.spectrum("spectral", seed=SEED)
    seconds["spectrum by wavenumber and its error"] = time.perf_counter() - began
    seconds["statistics of five pairs"] = float(np.mean([b["seconds"] for b in found]))
    seconds["spectrum by random vectors"] = float(own["seconds"])
    (p, p_error), (q, q_error) = (s.tail(ratio, error) for s in (solved, waves))
    return {"likelihood ratio, iterative": p, "likelihood ratio, spectral null on windows": q,
            "node split, iterative": chi2.sf(onward, made.second.size)}, {
        "windows": WINDOWS, "seconds, on a busy machine": {k: round(v, 1) for k, v in seconds.items()},
        "variance of the statistic, random vectors over wavenumbers": solved.null().variance / waves.null().variance,
        "variance of the statistics over that of the null": float(np.mean(ratio**2) / solved.null().variance),
        "largest difference of p-values": float(np.abs(p - q).max()),
        "largest stated error, iterative": float(p_error.max()),
        "largest stated error, spectral": float(q_error.max()),
        "differences within the two stated errors": int(np.sum(np.abs(p - q) <= p_error + q_error)),
        "bound on the statistic's error": float(error.max()),
        "null by random vectors": solved.words,
        "information, nats": [round(v, 2) for v in solved.information()]}


def _timed(make, *arguments):
    began = time.perf_counter()
    return {**make(*arguments), "seconds": time.perf_counter() - began}


def _statistics(made, k):
    found = made.statistics(made.both.draw(np.random.default_rng((SEED + 2, k)), FEW))
    return {"ratio": found.ratio, "onward": found.into_second, "error": found.error}


def _spectrum(made):
    found = made.spectrum(seed=SEED)
    return {"spectrum": np.frombuffer(pickle.dumps(found), dtype=np.uint8)}
