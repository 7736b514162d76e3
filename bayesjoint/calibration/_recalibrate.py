"""The door: an engine's posterior, a family of grounds, and intervals that hold on such ground."""

from __future__ import annotations

import numpy as np

from .._checks import as_count, as_positive, checked, fail
from .._typing import Any, Callable, Executor, Geology, Mixture, Seed, Sequence
from ..augment import refuse_tangents
from ..engines import Posterior
from ..geology import describe, geology_default, name_of
from ._contrasts import ContrastRule
from ._counter import Counter
from ._coverage import cross_validated, scores_of
from ._inside import InsideRule
from ._lived import check_worlds, kept_whole, live_again, live_through
from ._plausibility import data_marks, rank_p_values, seen_share
from ._recalibrated_posterior import RecalibratedPosterior
from ._record import Record, classes_sheet, coverage_sheet, inside_sheet, plausibility_sheet, sensitivity_sheet
from ._reruns import Reruns
from ._rules import ClassRule, Frame
from ._surroundings import Surroundings
from ._variants import standard_variants
from ._worlds import Simulator

USUAL = "200 worlds are usual."
FEWEST = 40  # worlds: with fewer hardly any class knows its tails to 1.5 points


@checked
def recalibrate(post: Posterior, geology: Geology | Mixture | Callable, worlds: Any = 200, seed: Seed = 0, *,
                envelope: Sequence = (), contrast_factor: float = 1.0, learned: bool = False,
                symmetric: Sequence[str] | None = None, sensitivity: str | dict | None = "standard",
                sensitivity_worlds: int = 40, beyond: float | None = None, functionals: dict | None = None,
                progress: Callable | bool | None = None, inside: dict | None = None,
                executor: Executor | None = None):
    """Intervals that hold on a stated kind of ground: simulate it, push it through the engine, learn the errors.

    A Gaussian posterior is exact for its prior; real ground is not like that prior, and no test of the data can see it:
    what lies in the operator's null space is the prior's word alone. Here worlds are drawn from a family of grounds on
    cells at least twice finer than the engine's, their data computed there, noise and nuisances added, and the
    unchanged engine answers each by one solve. What z = (truth − mean) / std really is, is learned by classes of depth
    below ground, signed mean / std, std ratio and the mean's share of the local peak, and put on the answer to the
    observed data. The classes decide: by depth alone a compact body stays uncovered.

    Parameters
    ----------
    post : Posterior
        By "dense", "iterative", "spectral" or "lowrank". Hyperparameters stay what they are, fitted once on the data.
        Or by an engine of chains ("bodies", "gibbs", "truncated"), which starts anew for every world: as many runs as
        there are worlds, those of `sensitivity` among them, each at what the observed data took and with the same
        settings. Make it with short chains; z is then what it is of such chains.
    geology : Geology, Mixture or callable
        The family; any ``f(mesh, seed) -> {parameter: array (nz, ny, nx)}``, in units of the parameters. State it
        before the answer is looked at. `geology_default` offers one by name.
    worlds : int or RecalibratedPosterior, default 200
        At least 40. The median class then knows its tails to 1.5 points; rare classes are merged until they do. A
        posterior recalibrated on the same families, of surveys among which are these (the joint one beside a separate
        one): its worlds, which then need not be drawn anew.
    seed : int or numpy.random.Generator, default 0
    envelope : sequence of geologies, default ()
        Further families, each learned by itself: the widest interval counts.
    contrast_factor : float, default 1.0
        1 to 2. Intervals are widened for the family's grounds with contrasts so many times stronger or weaker: the end
        that is farther from the engine's prior mean moves outwards. Contrasts count from that mean too: state the
        family so that its background is the prior mean. 1.4 is sensible where you ask about one chosen body whose
        contrast is a guess: on the family itself intervals then hold some points more than they say. Medians,
        exceedance and functionals stay those of the family as stated. The default promises that family.
    learned : bool, default False
        Learn quantiles by gradient boosting from the cell's and its neighbours' means, those of the other properties
        among them (needs ``pip install 'bayesjoint[learn]'``): 5 to 25 % sharper than classes, at minutes of learning.
        More worlds pay: 1,000 where another property is to help.
    symmetric : sequence of str, optional
        Parameters whose sign the family does not know: errors are then taken along the sign of the mean. Default: what
        the family states as ``symmetric``, else none.
    sensitivity : "standard", dict or None, default "standard"
        Other families on which the intervals are tried: {label: geology}. "standard": contrasts × 0.7 and × 1.4, no
        cover, half and double sizes as far as the family knows them, and foreign families of the same size of contrast.
    sensitivity_worlds : int, default 40
        Worlds of each.
    beyond : float, optional
        Metres of ground simulated beyond the mesh on each side. Default: the mesh's depth where fields are continued,
        else none.
    functionals : dict of callable, optional
        {name: f({parameter: (k, *shape)}) -> (k,)} to be evaluated while worlds are at hand; needed only above some
        hundred thousand cells, where worlds are not kept whole. Ask `RecalibratedPosterior.functional_interval`.
    progress : bool or callable, default None
        True shows a progress bar; a callable is called with (stage, worlds done, worlds in all), all stages counted.
    inside : dict of {str: float}, optional
        {parameter: deviation from the prior mean, its units} from which a cell counts as inside a body. Its intervals
        are widened until 90 % intervals hold 90 % of such cells of worlds left out, or as many as can be had: cells of
        bodies are few, and intervals that hold 90 % of all cells may miss half of those. Medians, exceedance and
        functionals stay as they are. `RecalibratedPosterior.inside` tells what it came to. Default: all cells alike.
    executor : concurrent.futures.Executor, optional
        Runs of an engine of chains go through its ``map``, side by side; others need none. Dask:
        ``client.get_executor()``.

    Returns
    -------
    RecalibratedPosterior
        ``.interval(p)``, ``.median()``, exceedance and functionals are recalibrated; ``.coverage``, ``.classes``,
        ``.sensitivity``, ``.plausibility`` say how well.

    Raises
    ------
    ValueError, TypeError
        If the engine is a Laplace approximation, the properties are on several meshes, the family does not simulate one
        of them, or there are too few worlds; with chains, if quantiles are to be learned, or contrasts stretched.
    ImportError
        If quantiles are to be learned without scikit-learn.

    Notes
    -----
    The Monte Carlo error of a class's level counts worlds, not cells: se² = Σ_w (h_w − q n_w)² / (Σ_w n_w)². Coverage
    is measured on worlds left out, over four folds. After Cai, Greengard, Goodrich & Gelman (arXiv 2603.20068) and
    Rodrigues, Prangle & Sisson (arXiv 1704.06374), whose draws are transformed; here only intervals are.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((3, 8, 8), (50.0, 50.0, 50.0))
    >>> op = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=5.0)
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=200.0, range=150.0))
    >>> truth = np.zeros(mesh.shape)
    >>> truth[1:, 3:5, 3:5] = -600.0
    >>> survey = bj.Modality("gravity", op, op.predict(truth), bj.DiagonalNoise(np.full(64, 0.01)), "density")
    >>> post = bj.posterior(bj.JointProblem([density], [survey]))
    >>> family = bj.Geology([bj.Bodies(contrasts={"density": bj.Signed(bj.LogNormal(500.0, 0.5))}, number=(1, 3),
    ...                                size=(60.0, 200.0), depth=(0.0, 150.0))], name="compact bodies")
    >>> sound = bj.recalibrate(post, family, worlds=60, sensitivity=None)
    >>> lower, upper = sound.interval(0.9)["density"]
    >>> float(np.mean((truth >= lower) & (truth <= upper))) > 0.8
    True
    """
    refuse_tangents(post.problem, "recalibration")
    families = _families(post, geology, envelope)
    again = _lived_before(worlds, families, functionals)
    stated = again.record.seed if again else int(seed) if isinstance(seed, (int, np.integer)) else "of a generator"
    count = again.record.worlds if again else as_count("worlds", worlds, FEWEST, USUAL)
    factor = _factor(contrast_factor)
    as_count("sensitivity_worlds", sensitivity_worlds, 2, USUAL)
    rng = np.random.default_rng(seed)
    simulator = Simulator(post.problem, beyond)
    check_worlds("worlds", simulator, count, len(families))
    if sensitivity is not None:
        check_worlds("sensitivity_worlds", simulator, sensitivity_worlds)
    frames = _frames(post, simulator)
    if post.markov and (learned or factor != 1):
        fail("learned" if learned else "contrast_factor", "be left out with chains, whose answers are not linear",
             repr(learned or factor), 'Use a Gaussian engine, or inside={parameter: deviation}.')
    rule_of = _rule_maker(learned, simulator, frames, count, factor, _deviations(inside, frames, learned))
    seeds = [int(s) for s in rng.integers(0, 2**62, len(families))]
    engine = Reruns(post, np.random.default_rng(int(rng.integers(2**62))), executor) if post.markov else post

    signs = tuple(getattr(geology, "symmetric", ())) if symmetric is None else tuple(symmetric)
    fewer, others = int(sensitivity_worlds), _variants(sensitivity, geology, simulator)
    with Counter(progress, count * len(families) + fewer * len(others)) as counter:
        def live(stage, family, number, seed, functionals=None):
            return live_through(simulator, engine, family, number, seed, functionals, counter.begin(stage, number))

        lived = [live_again(simulator, engine, again.problem, one, counter.begin("answers to the same worlds", count))
                 for one in again.lived] if again else [
            live(f"worlds of {name_of(f)}", f, count, s, functionals) for f, s in zip(families, seeds, strict=True)]
        counter.begin("learning from them")
        rules = {name: [rule_of(name, frames[name].at(one.places[name]), one, signs) for one in lived]
                 for name in frames}
        scores = {name: cross_validated(each[0], lived[0], _some(each[0])) for name, each in rules.items()}
        variants = _variants(sensitivity, geology, simulator, lived[0])
        tried = {label: live(label, other, fewer, int(rng.integers(2**62))) for label, other in variants.items()}
        counter.begin("coverage")
        record = _record(post, simulator, families, lived, rules, scores, variants, tried, frames, functionals, stated,
                         factor)
    whole = {name: [rule.on(frames[name]) for rule in each] for name, each in rules.items()}
    here = simulator.answers(*({name: values[None] for name, values in moment.items() if name in frames}
                               for moment in (post.mean(), *([post.std()] if post.markov else []))))
    return RecalibratedPosterior(post, whole, simulator.free, {k: v[0] for k, v in here.items()}, lived, record)


def _families(post, geology, envelope):
    if not isinstance(post, Posterior):
        fail("post", "be a Posterior", type(post).__name__, "Pass bj.posterior(problem).", TypeError)
    if isinstance(post, RecalibratedPosterior):
        fail("post", "be an engine's posterior", "one that was recalibrated already", "Pass its .engine.", TypeError)
    if not post.markov and type(post).mean_given is Posterior.mean_given:
        fail("post", "answer other data by one solve, or be of chains", f"method {post.method!r}",
             'Use method="dense", "iterative", "spectral" or "lowrank" for a problem without penalties, or an engine '
             'of chains: "gibbs", "truncated", "bodies", "nuts".', TypeError)
    families = [geology, *envelope]
    for each in families:
        if not callable(each):
            fail("geology" if each is geology else "envelope", "be a Geology or a callable f(mesh, seed)",
                 type(each).__name__, "Try bj.Geology([...]).", TypeError)
    return families


def _lived_before(worlds, families, functionals):
    """The posterior whose worlds are used again, or None where a number of worlds is asked for."""
    if not isinstance(worlds, RecalibratedPosterior):
        return None
    if worlds.record.family != _words(families):
        fail("worlds", "be of the same families", worlds.record.name, "Give a number of worlds.")
    if functionals:
        fail("functionals", "be None with worlds that were lived through already", f"{sorted(functionals)}",
             "Give a number of worlds.")
    return worlds


def _frames(post, simulator):
    """{parameter: Frame of its free ground cells}."""
    std, prior = post.std(), post.prior_std()
    if prior is None:  # of no engine that simulates its prior: cells are then told apart by their std itself
        prior = {name: np.ones_like(values) for name, values in std.items()}
    depth = simulator.mesh.depth_below_ground.ravel()
    return {p.name: Frame(depth[simulator.free[p.name]], *(a[p.name].ravel()[simulator.free[p.name]]
                                                           for a in (std, prior)), simulator.middle[p.name])
            for p in simulator.meshed}


def _deviations(inside, frames, learned):
    """{parameter: deviation from which a cell is inside a body}, checked."""
    for name, value in (inside or {}).items():
        if name not in frames:
            fail("inside", f"be keyed by parameters among {list(frames)}", f"{name!r}", "Correct the key.")
        as_positive(f"inside of {name}", value, 0)
    if inside and learned:
        fail("inside", "be left out with learned quantiles", f"{inside}", "Use classes: learned=False.")
    return {name: float(value) for name, value in (inside or {}).items()}


def _rule_maker(learned, simulator, frames, count, factor, deviations):
    """``make(name, frame, worlds, symmetric)``: the rule of one property."""
    plain = _plain_rule_maker(learned, simulator, frames, count, deviations)
    if factor == 1:
        return plain

    def make(name, frame, worlds, symmetric):
        middle = {p: frames[p].middle[places] for p, places in worlds.places.items()}
        return ContrastRule(factor, lambda these: plain(name, frame, these, symmetric), worlds, middle)
    return make


def _plain_rule_maker(learned, simulator, frames, count, deviations):
    if not learned:
        def by_class(name, frame, worlds, symmetric):
            if name in deviations:
                return InsideRule(name, frame, worlds, name in symmetric, deviations[name],
                                  frames[name].middle[worlds.places[name]])
            return ClassRule(name, frame, worlds, name in symmetric)
        return by_class
    from ._learned import LearnedRule, refuse_samples, regressor

    regressor()  # says at once if it is missing
    if not kept_whole(simulator, count):
        refuse_samples()
    around = Surroundings(simulator.mesh, simulator.free, frames)
    return lambda name, frame, worlds, symmetric: LearnedRule(name, frame, worlds, around, symmetric)


def _some(rule):
    """Cells on which coverage is measured."""
    size = rule.frame.std.size
    return np.arange(0, size, max(1, size // rule.scored))


def _variants(sensitivity, geology, simulator, worlds=None):
    """Other families, {label: geology}; how many they are is known without worlds, the size of the foreign is not."""
    if sensitivity is None:
        return {}
    if isinstance(sensitivity, dict):
        return sensitivity
    if sensitivity != "standard":
        fail("sensitivity", 'be "standard", a dict {label: geology} or None', repr(sensitivity), "Name other families.")
    truth = {p.name: np.zeros(1) for p in simulator.meshed} if worlds is None else worlds.truth
    spread = {name: max(float(np.std(values)), 1e-12) for name, values in truth.items()}
    positive = tuple(name for name, values in truth.items() if values.min() >= 0)
    return standard_variants(geology, geology_default(simulator.mesh, spread, positive=positive))


def _record(post, simulator, families, lived, rules, scores, variants, tried, frames, functionals, seed,
            factor):
    problem = post.problem
    observed = np.concatenate([m.data for m in problem.modalities])[None]
    marks = data_marks(problem, lived[0].data)
    ranks = rank_p_values(data_marks(problem, observed), marks)[..., 0]
    power = {label: seen_share(data_marks(problem, one.data), marks) for label, one in tried.items()}
    words, names = _words(families), list(frames)
    found = {label: {name: _scored(name, frames[name], rules[name], one, lived[0]) for name in names}
             for label, one in tried.items()}
    first = {name: each[0] for name, each in rules.items()}
    return Record(
        family=words, name=" and ".join(name_of(f) for f in families), worlds=lived[0].count, seed=seed, scores=scores,
        contrast_factor=factor, inside=inside_sheet(first),
        kind=next(iter(first.values())).kind,
        coverage=coverage_sheet(scores, words, lived[0].count), classes=classes_sheet(first),
        plausibility=plausibility_sheet([m.name for m in problem.modalities], ranks, power),
        sensitivity=sensitivity_sheet(found, names, {k: describe(v) for k, v in variants.items()}) if found else None,
        coarse=tuple(simulator.coarse), functionals=dict(functionals or {}))


def _words(families):
    words = " ".join(describe(f) for f in families)
    return words if len(families) == 1 else f"{words} Of these families the widest interval counts."


def _scored(name, frame, rules, worlds, train):
    frame = frame.at(worlds.places[name])
    placed = [rule.on(frame) for rule in rules]
    return scores_of(placed, frame, worlds, train, name, _some(placed[0]))


def _factor(value):
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 1 <= value <= 2:
        fail("contrast_factor", "be a number from 1 to 2", repr(value), "1.4 is usual, 1 the family as it is stated.")
    return float(value)
