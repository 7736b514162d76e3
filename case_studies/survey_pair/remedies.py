"""What may be done about a survey in conflict, and posteriors of many simulated data sets under each remedy."""

import ground
import numpy as np
from scipy.linalg import cho_factor, cho_solve

import bayesjoint as bj
from bayesjoint.gaussian import DenseSystem, linear_gaussian
from bayesjoint.tempering._criteria import CRITERIA

BIAS = 1.0  # mGal, prior std of every coefficient
GAIN = 0.5  # prior std of the gain
WRONG = bj.Matern(std=0.5, range=700.0)
Z90 = 1.6448536269514722
AUGMENTED = {
    "joint, as it stands": lambda p: p,
    "ground survey alone": lambda p: p.replace(modalities=[p.modalities[0]]),
    "bias: constant": lambda p: bj.add_bias(p, "airborne", "constant", BIAS),
    "bias: linear": lambda p: bj.add_bias(p, "airborne", "linear", BIAS),
    "bias: linear and lines": lambda p: bj.add_bias(p, "airborne", ("linear", "rows"), BIAS),
    "discrepancy": lambda p: bj.add_discrepancy(p, WRONG, "airborne"),
}
TEMPERED = {f"tempered: {name}": name for name in CRITERIA}
GAINED = "bias: airborne data predicted by the ground survey"


class Answers:
    """Means and standard deviations of cells and of the total mass, (simulations, ...), physical units."""

    def __init__(self, mean, std, mass, mass_std):
        self.mean, self.std, self.mass, self.mass_std = mean, std, mass, mass_std

    def score(self, truth, mass_weights, plain=None):
        """Errors and coverage of nominal 90 % intervals against truths (simulations, cells), kg/m3.

        With their standard errors over data sets. ``cost``: each less that of `plain`, as a share of it; the data sets
        are the same, so its error is that of their differences.
        """
        squares, (cells, mass) = self._squares(truth, mass_weights), self._covered(truth, mass_weights)
        out = {"coverage_cells": float(cells.mean()), "coverage_cells_error": _error(cells),
               "coverage_mass": float(mass.mean()), "coverage_mass_error": _error(mass)}
        for key, values in squares.items():
            size = float(np.sqrt(values.mean()))
            out |= {key: size, f"{key}_error": _error(values) / (2 * size)}
        if plain is None:
            return out
        against, cost = plain._squares(truth, mass_weights), {}
        for key, values in squares.items():
            ratio = float(np.sqrt(values.mean() / against[key].mean()))
            # d log of a ratio of means of squares, over data sets
            moves = values / values.mean() - against[key] / against[key].mean()
            cost[key] = [ratio - 1, 0.5 * ratio * _error(moves)]
        return out | {"cost": cost}

    def _squares(self, truth, mass_weights):
        """Squares of each data set, (simulations,): of the error and of the std, of cells and of the mass."""
        std = np.broadcast_to(self.std, self.mean.shape) / ground.STD
        return {"rms_error": np.mean(((self.mean - truth) / ground.STD) ** 2, axis=1),
                "mean_std": np.mean(std**2, axis=1), "rms_error_mass": (self.mass - truth @ mass_weights) ** 2,
                "mean_std_mass": np.asarray(self.mass_std) ** 2}

    def _covered(self, truth, mass_weights):
        """(share of cells, whether the mass), (simulations,), within their intervals."""
        cells = np.mean(np.abs(self.mean - truth) <= Z90 * self.std, axis=1)
        return cells, (np.abs(self.mass - truth @ mass_weights) <= Z90 * self.mass_std).astype(float)


def _error(values):
    """Standard error of a mean over data sets."""
    return float(np.std(values, ddof=1) / np.sqrt(np.size(values)))


def mass_weights(problem):
    """Weights on density in kg/m3 that give the total excess mass in 1e9 kg."""
    mesh = problem.by_name["density"].mesh
    return np.full(mesh.size, np.prod(ground.SPACING) / 1e9)


def augmented(problem, data):
    """(Answers, posterior, its state vectors) of a problem whose covariance does not depend on the data."""
    post = bj.posterior(problem, method="dense")
    x = post.mean_response(data[:, : post._model.data_size].T).T
    where, scale = problem.slices["density"], problem.by_name["density"].scale
    weights = mass_weights(problem)
    unit = {p.name: np.zeros(p.shape) for p in problem.parameters}
    unit["density"] = weights.reshape(unit["density"].shape)
    spread = float(weights @ post.covariance_product(unit)["density"].ravel()) ** 0.5
    mean = x[:, where] * scale
    return Answers(mean, post.std()["density"].ravel(), mean @ weights, np.full(len(x), spread)), post, x


class Tempered:
    """Posteriors with exponents that each data set chooses for itself, by one set of matrices."""

    def __init__(self, problem):
        self.problem, self._model = problem, linear_gaussian(problem)
        self._whitened = DenseSystem(linear_gaussian(problem.replace(weights={})))
        eye = np.eye(self._whitened.size)
        self._gain = self._model.gain(self._model.whiten_adjoint(eye)) * problem.by_name["density"].scale
        self._prior = problem.prior.gaussian_moments()[1]
        scale = problem.by_name["density"].scale
        self._variance = self._prior.diagonal() * scale**2
        weights = mass_weights(problem)
        self._mass = weights @ self._prior.matmat(weights[:, None])[:, 0] * scale**2
        self._weights = weights

    def exponents(self, data, criterion):
        """{survey: w} of one data set."""
        self._whitened.residual = self._model.whiten(data)
        # how well one survey predicts the other would temper both: it is asked of the suspect alone
        groups = [("airborne",)] if criterion == "prediction" else [("ground",), ("airborne",)]
        chosen = CRITERIA[criterion](self._whitened, groups, most=1.0)  # as `bj.temper` has it
        return chosen.weights({"ground": 1.0, "airborne": 1.0})[0]

    def answer(self, data, weights, extra=None):
        """(mean, std, mass, its std) of one data set; `extra` (n, k): columns of further noise, whitened."""
        noise = np.concatenate([np.full(m.size, 1 / weights[m.name]) for m in self.problem.modalities])
        covariance = self._whitened.signal + np.diag(noise)
        if extra is not None:
            covariance = covariance + extra @ extra.T
        factor = cho_factor(covariance, lower=True)
        solved = cho_solve(factor, np.column_stack([self._model.whiten(data), self._gain.T]))
        mean, half = self._gain @ solved[:, 0], self._gain.T
        variance = self._variance - np.einsum("ij,ij->j", half, solved[:, 1:])
        seen = half @ self._weights
        left = self._mass - seen @ cho_solve(factor, seen)
        return mean, np.sqrt(variance), mean @ self._weights, np.sqrt(left)

    def all(self, data, criterion):
        """(Answers, {survey: exponents}) of many data sets."""
        found = [self.exponents(d, criterion) for d in data]
        return self._stacked([self.answer(d, w) for d, w in zip(data, found, strict=True)]), {
            name: np.array([w[name] for w in found]) for name in found[0]}

    def gained(self, data, predicted):
        """Answers with one column more: airborne data that the ground survey alone predicts, (simulations, n)."""
        stated = {"ground": 1.0, "airborne": 1.0}
        columns = GAIN * np.column_stack([np.zeros((len(data), self.problem.modalities[0].size)), predicted])
        return self._stacked([self.answer(d, stated, self._model.whiten(c[:, None]))
                              for d, c in zip(data, columns, strict=True)])

    @staticmethod
    def _stacked(parts):
        return Answers(*(np.array(each) for each in zip(*parts, strict=True)))
