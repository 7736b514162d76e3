"""One ground: its truths and their data, the engine fitted to the first of them, and what was learned from worlds."""

import time
from dataclasses import replace
from functools import cached_property

import numpy as np
from grounds import DEFAULT, FOREIGN, GROUNDS, MESH, ROCKS, TEXTBOOK, UNITS, problem

import bayesjoint as bj
from bayesjoint.calibration._lived import live_again, live_through
from bayesjoint.calibration._worlds import Simulator

TRUTHS, WORLDS, TRUTH_SEED, WORLD_SEED = 100, 200, 7_000, 100
STANDS_OUT = 0.5  # stds of the rocks from the prior mean: inside a body
PROPERTIES = {"density": "gravity", "susceptibility": "magnetic"}
FAMILIES = {"own": None, "round bodies": FOREIGN, "units": UNITS, "default": DEFAULT}


class Bench:
    """A ground: its truths and their data, the engine fitted to the first, and what was learned from worlds."""

    def __init__(self, name):
        self.name, self.family = name, GROUNDS[name]
        self.number = list(GROUNDS).index(name)
        self._sounds, self.seconds = {}, {}

    @cached_property
    def _start(self):
        made = problem()
        return made, live_through(Simulator(made), bj.posterior(made, method="dense"), self.family, TRUTHS,
                                  TRUTH_SEED + self.number)

    @property
    def data(self):
        """Data of every truth, (truths, 648)."""
        return self._start[1].data

    @property
    def truths(self):
        """{property: (truths, cells)}."""
        return self._start[1].truth

    @cached_property
    def fitted(self):
        """The problem of the first truth's data, its hyperparameters by evidence."""
        data, began = self.data[0], time.process_time()
        fit = bj.fit_hyperparameters(problem(data), curve=False)
        self.seconds["fit"] = time.process_time() - began
        self.hyperparameters = {k: float(v) for k, v in fit.estimate.items()}
        return fit.problem

    @cached_property
    def by_table(self):
        """The same problem, prior mean and std from the textbook's rocks; range, correlation and noise by evidence."""
        moments = TEXTBOOK.moments(MESH)
        return self.fitted.replace(parameters=[
            p if p.mesh is None else p.replace(prior=replace(p.prior, **moments[p.name]))
            for p in self.fitted.parameters])

    def posts(self, which, mode):
        """{property: posterior} by evidence or by table, joint or separate."""
        joint = self._joint(which)
        if mode == "joint":
            return dict.fromkeys(PROPERTIES, joint)
        alone = joint.separate()
        return {p: alone[survey] for p, survey in PROPERTIES.items()}

    def _joint(self, which):
        key = f"post {which}"
        if key not in self._sounds:
            asked, began = self.fitted if which == "evidence" else self.by_table, time.process_time()
            self._sounds[key] = bj.posterior(asked, method="dense")
            self._sounds[key].std()
            self.seconds[which] = time.process_time() - began + (self.seconds["fit"] if which == "evidence" else 0)
        return self._sounds[key]

    def lived(self, posts):
        """Truths and what posteriors answer to their data: {property: Worlds}."""
        made, start = self._start
        found = {id(post): live_again(Simulator(post.problem), post, made, start) for post in posts.values()}
        return {p: found[id(post)] for p, post in posts.items()}

    def sounds(self, label, mode, learned=False, factor=1.0, inside=False):
        """{property: RecalibratedPosterior} of a family; `factor` as `recalibrate` has it of contrasts."""
        key = (label, mode, learned, factor, inside)
        if key not in self._sounds:
            family = FAMILIES[label] or self.family
            first = None if mode == "joint" and factor == 1 and not inside else self.sounds(label, "joint")["density"]
            deviations = {p: STANDS_OUT * std for p, std in ROCKS.std().items() if p in PROPERTIES} if inside else {}
            posts, began = self.posts("evidence", mode), time.process_time()
            made = {id(post): bj.recalibrate(post, family, worlds=first or WORLDS, seed=WORLD_SEED + self.number,
                                             sensitivity=None, learned=learned, contrast_factor=factor,
                                             inside={p: v for p, v in deviations.items() if p in post.problem.by_name})
                    for post in posts.values()}
            self._sounds[key] = {p: made[id(post)] for p, post in posts.items()}
            self.seconds[key] = time.process_time() - began
        return self._sounds[key]

    @cached_property
    def seen(self):
        """{property: mask of the cells whose separate posterior std is under 0.9 of the prior's}."""
        return {p: (post.std()[p] < 0.9 * post.prior_std()[p]).ravel()
                for p, post in self.posts("evidence", "separate").items()}

    @cached_property
    def spread(self):
        """{property: std over all cells and truths}."""
        return {p: float(np.std(v)) for p, v in self.truths.items()}
