"""What answers the data of a ground: every method as means, intervals and quantiles of many truths."""

import time

import numpy as np
from bench import FAMILIES, PROPERTIES, WORLDS
from grounds import ENVELOPE, MESH, ROCKS, problem
from scipy.special import ndtri

import bayesjoint as bj
from bayesjoint.calibration._functional_rules import FunctionalRule
from bayesjoint.calibration._rules import DepthRule
from bayesjoint.functionals._closed_form import closed_form
from bayesjoint.functionals._exceedance import shallowest
from bayesjoint.functionals._excess_mass import mass_in

SAMPLED, LEARNED, SWEEPS = 5, 30, {"draws": 150, "warmup": 100, "chains": 2}
BETWEEN = {"draws": 250, "thin": 8, "chains": 2}
LADDERS = {"draws": 250, "thin": 8, "keep": True}
TEXTURE = 5.0  # of a body's contrast over the std of what is between bodies, as the family's default has it
DRAWN = 300  # of each posterior that is asked by its draws
DRAWS = 200
TOP_THRESHOLD, COLUMN = 100.0, (700.0, 1100.0, 700.0, 1100.0, -600.0, 0.0)  # kg/m3; four by four columns


class Gaussian:
    """A Gaussian posterior's answers: means of several data sets, one covariance."""

    def __init__(self, posts, mean):
        self.posts, self.mean = posts, mean
        self._std = {p: post.std()[p].ravel() for p, post in posts.items()}

    def intervals(self, name, probabilities):
        """(k, 2, worlds, cells)."""
        half = ndtri((1 + np.asarray(probabilities)) / 2)[:, None, None] * self._std[name]
        return np.stack([self.mean[name] - half, self.mean[name] + half], axis=1)

    def quantiles(self, name, levels):
        """(levels, worlds, cells)."""
        return self.mean[name] + ndtri(np.asarray(levels))[:, None, None] * self._std[name]

    def functional(self, functional, probability):
        """(2, worlds): in closed form where it is linear, else from draws about each mean."""
        post = self.posts["density"]
        fields = shaped(self.mean["density"])
        if functional.weights is not None:
            half = ndtri((1 + probability) / 2) * closed_form(post, functional)[2]
            return functional.evaluate({"density": fields}) + np.array([[-half], [half]])
        drawn = post.problem.unpack(post.state_draws(np.random.default_rng(0), DRAWS))
        away = drawn["density"] - post.mean()["density"]
        return np.array([ends(functional.evaluate({"density": one + away}), probability) for one in fields]).T


class Refitted:
    """The Gaussian with its hyperparameters fitted to each truth's data anew."""

    def __init__(self, bench, count):
        self._each = []
        for data in bench.data[:count]:
            post = bj.posterior(bj.fit_hyperparameters(problem(data), curve=False).problem, method="dense")
            mean = post.mean()
            self._each.append(Gaussian(dict.fromkeys(PROPERTIES, post),
                                       {p: mean[p].reshape(1, -1) for p in PROPERTIES}))
        self.mean = {p: np.concatenate([g.mean[p] for g in self._each]) for p in PROPERTIES}

    def intervals(self, name, probabilities):
        """(k, 2, worlds, cells)."""
        return np.concatenate([g.intervals(name, probabilities) for g in self._each], axis=2)

    def quantiles(self, name, levels):
        """(levels, worlds, cells)."""
        return np.concatenate([g.quantiles(name, levels) for g in self._each], axis=1)

    def functional(self, functional, probability):
        """(2, worlds)."""
        return np.concatenate([g.functional(functional, probability) for g in self._each], axis=1)


class Recalibrated:
    """Rules learned from one or several families, on the answers of a Gaussian to all truths."""

    def __init__(self, sounds, mean, lived):
        self.sounds, self.mean, self._lived = sounds, mean, lived

    def _each(self, name, ask):
        return np.stack([ask(rule, self._lived[name].estimate)
                         for sound in self.sounds for rule in sound[name]._rules[name]])

    def intervals(self, name, probabilities):
        """(k, 2, worlds, cells): of several families the widest."""
        found = self._each(name, lambda rule, estimates: rule.intervals(probabilities, estimates))
        return np.stack([found[:, :, 0].min(axis=0), found[:, :, 1].max(axis=0)], axis=1)

    def quantiles(self, name, levels):
        """(levels, worlds, cells); of several families the outer one."""
        found = self._each(name, lambda rule, estimates: rule.quantiles(levels, estimates))
        return np.where(np.asarray(levels)[:, None, None] < 0.5, found.min(axis=0), found.max(axis=0))

    def functional(self, functional, probability):
        """(2, worlds): regression of the truth on the estimate over worlds; of several families the widest."""
        here = functional.evaluate({"density": shaped(self.mean["density"])})
        found = np.stack([given(sound["density"].lived[0], functional, here, probability) for sound in self.sounds])
        return np.stack([np.fmin.reduce(found[:, 0]), np.fmax.reduce(found[:, 1])])


class NoData:
    """The ground's own family by depth, before any data."""

    def __init__(self, worlds, sound):
        self._truths, self._rules = sound.lived[0].truth, {
            p: DepthRule(MESH.depth_below_ground.ravel(), v) for p, v in sound.lived[0].truth.items()}
        self._shape = {p: v.shape for p, v in worlds.items()}
        self.mean = {p: np.broadcast_to(v.mean(axis=0), self._shape[p]) for p, v in self._truths.items()}

    def intervals(self, name, probabilities):
        """(k, 2, worlds, cells)."""
        found = np.stack([self._rules[name].interval(p) for p in probabilities])
        return np.broadcast_to(found[:, :, None], (len(found), 2, *self._shape[name]))

    def quantiles(self, name, levels):
        """(levels, worlds, cells), by layer."""
        layers = self._truths[name].reshape(WORLDS, MESH.shape[0], -1).transpose(1, 0, 2).reshape(MESH.shape[0], -1)
        found = np.repeat(np.quantile(layers, levels, axis=1), MESH.size // MESH.shape[0], axis=1)
        return np.broadcast_to(found[:, None], (len(levels), *self._shape[name]))

    def functional(self, functional, probability):
        """(2, worlds)."""
        truth = functional.evaluate({"density": shaped(self._truths["density"].astype(float))})
        found = FunctionalRule(truth, truth).without_data(probability)
        return np.broadcast_to(np.array(found)[:, None], (2, self._shape["density"][0]))


class Sampled:
    """Chains: focusing priors by Gibbs sweeps, independent cells of a Laplace distribution with the evidence's std."""

    def __init__(self, bench, count):
        self.draws, self.rhat = {p: [] for p in PROPERTIES}, []
        for (name, survey), data in zip(PROPERTIES.items(), np.split(bench.data[:count], 2, axis=1), strict=True):
            for k in range(count):
                alone = bench.fitted.separate()[survey]
                prior = self._prior(alone.by_name[name], bench.hyperparameters[f"{name}_std"])
                post = self._posterior(alone.replace(
                    parameters=[prior, *(p for p in alone.parameters if p.name != name)],
                    modalities=[alone.modalities[0].replace(data=data[k])]), k)
                drawn = post.state_draws(np.random.default_rng(0), DRAWN)
                if hasattr(post, "mixing"):
                    self.rhat.append(post.mixing.worst[0])
                self.draws[name].append(post.problem.unpack(drawn)[name].reshape(len(drawn), -1))
        self.mean = {p: np.array([d.mean(axis=0) for d in each]) for p, each in self.draws.items()}

    @staticmethod
    def _prior(old, std):
        return old.replace(prior=bj.Focusing(np.sqrt(2) * old.scale / std, p=1, depth_exponent=0.0))

    @staticmethod
    def _posterior(problem, seed):
        return bj.posterior(problem, method="gibbs", seed=seed, **SWEEPS)

    def intervals(self, name, probabilities):
        """(k, 2, worlds, cells)."""
        return np.stack([self.quantiles(name, [(1 - p) / 2, (1 + p) / 2]) for p in probabilities])

    def quantiles(self, name, levels):
        """(levels, worlds, cells)."""
        return np.stack([np.quantile(d, levels, axis=0) for d in self.draws[name]], axis=1)

    def functional(self, functional, probability):
        """(2, worlds)."""
        return np.array([ends(functional.evaluate({"density": shaped(d)}), probability)
                         for d in self.draws["density"]]).T


class Positive(Sampled):
    """The Gaussian by evidence with susceptibility at least 0, by sweeps between bounds; density has none."""

    @staticmethod
    def _prior(old, _):
        return old.replace(bounds=(0.0, None)) if old.name == "susceptibility" else old

    @staticmethod
    def _posterior(problem, seed):
        return bj.posterior(problem, **(BETWEEN | {"seed": seed} if problem.bounded else {}))


class WithBodies(Sampled):
    """Compact bodies of both properties, by tempered ladders: contrasts of the rocks, a fifth of it as texture."""

    def __init__(self, bench, count):
        self.draws, self.rhat = {p: [] for p in PROPERTIES}, []
        spread = ROCKS.std()
        asked = bench.fitted.replace(couplings=[], parameters=[
            p.replace(prior=bj.Matern(std=spread[p.name] / TEXTURE, range=300.0)) if p.name in PROPERTIES else p
            for p in bench.fitted.parameters])
        family = bj.BodyFamily(contrast={p: spread[p] for p in PROPERTIES})
        for k in range(count):
            self._keep(bj.posterior(with_data(asked, bench.data[k]), method="bodies", family=family, seed=k, **LADDERS))

    def _keep(self, post):
        self.rhat.append(post.mixing.worst[0])
        drawn = post.problem.unpack(post.state_draws(np.random.default_rng(0), DRAWN))
        for name in PROPERTIES:
            self.draws[name].append(drawn[name].reshape(DRAWN, -1))
        self.mean = {p: np.array([d.mean(axis=0) for d in each]) for p, each in self.draws.items()}


class HeavyTailed(WithBodies):
    """The joint Gaussian by evidence, noise of Student's law about the noise that the evidence found."""

    def __init__(self, bench, count):
        self.draws, self.rhat = {p: [] for p in PROPERTIES}, []
        for k in range(count):
            made = with_data(bench.fitted, bench.data[k])
            made = made.replace(modalities=[m.replace(noise=bj.StudentNoise(m.noise.std)) for m in made.modalities])
            self._keep(bj.posterior(made, method="gibbs", seed=k, **SWEEPS))


def with_data(asked, data):
    """A problem with other data, those of both surveys in a row."""
    return asked.replace(modalities=[m.replace(data=part) for m, part in zip(
        asked.modalities, np.split(data, len(asked.modalities)), strict=True)])


def functionals():
    """{name: Functional of the density}: mass of all that is there, and the depth to dense rock in the middle."""
    made = problem()
    return {"mass": mass_in(made), "top": shallowest(made.by_name["density"], TOP_THRESHOLD, COLUMN)}


def shaped(values):
    """(k, cells) as (k, nz, ny, nx)."""
    return values.reshape(-1, *MESH.shape)


def ends(values, probability):
    """Equal-tailed interval of draws that have a value; NaN where none has."""
    values = values[np.isfinite(values)]
    tail = (1 - probability) / 2
    return np.quantile(values, [tail, 1 - tail]) if values.size else np.full(2, np.nan)


def given(worlds, functional, estimates, probability):
    """Intervals (2, k) of a functional from worlds, given k estimates."""
    truth, answer = (functional.evaluate({"density": shaped(v["density"].astype(float))})
                     for v in (worlds.truth, worlds.estimate))
    rule = FunctionalRule(truth, answer)
    return np.array([rule.given(one, probability)[1:3] for one in estimates]).T


def answer(bench, method, mode):
    """(answer, {property: truths}, seconds) of one method; seconds are processor time."""
    if method in FEW:
        made, count = FEW[method]
        began, _ = time.process_time(), bench.fitted
        found = made(bench, count)
        return found, {p: v[:count] for p, v in bench.truths.items()}, (time.process_time() - began) / count
    which = "table" if method == "gaussian by rock table" else "evidence"
    posts = bench.posts(which, mode)
    lived = bench.lived(posts)
    mean = {p: one.estimate[p].astype(float) for p, one in lived.items()}
    if method.startswith("gaussian"):
        return Gaussian(posts, mean), bench.truths, bench.seconds[which]
    if method == "no data":
        return NoData(bench.truths, bench.sounds("own", "joint")["density"]), bench.truths, 0.0
    learned, factor = method == "learned", STRETCHED if method.endswith("stretched") else 1.0
    inside = method.endswith("inside")
    labels = [f for f in FAMILIES if FAMILIES[f] in ENVELOPE] if method == "envelope" else [
        "own" if learned else method.removesuffix(" stretched").removesuffix(" inside")]
    sounds = [bench.sounds(label, mode, learned, factor, inside) for label in labels]
    seconds = sum(bench.seconds[label, mode, learned, factor, inside] for label in labels)
    few = slice(LEARNED if learned else None)  # hundreds of trees are asked for each cell of each truth
    lived = {p: one.where(few) for p, one in lived.items()}
    return Recalibrated(sounds, {p: v[few] for p, v in mean.items()}, lived), {
        p: v[few] for p, v in bench.truths.items()}, seconds


STRETCHED = 1.4
"""Factor of contrasts of methods that are so called."""

FEW = {"focusing": (Sampled, SAMPLED), "gaussian refitted": (Refitted, SAMPLED), "positive": (Positive, SAMPLED),
       "bodies": (WithBodies, SAMPLED), "student": (HeavyTailed, SAMPLED)}
"""Methods that start anew for every truth, and the truths they are given."""
