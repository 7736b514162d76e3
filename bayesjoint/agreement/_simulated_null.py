"""The likelihood ratio of surveys that are not linear and Gaussian: its null by simulation, or by Wilks's theorem."""

import numpy as np

from .._checks import as_count, as_positive, fail
from .._places import blocks
from ..engines import posterior
from ..map_estimate import find_map
from ..problem import check_problem
from ._pair import checked_groups, restricted
from ._result import AgreementTest, chi2_test, untestable
from ._sentences import LIMIT, RAN_OFF, UNTESTABLE

FEWEST = 19  # simulations with which 5 % can be reached at all
BLOCK = 16  # simulations handed to an executor at once
SHARPER = 0.1  # tolerance of the second fit, whose statistic says how wrong the first is
STRAIGHT, CURVED = 1e-4, 1e-3  # default tolerances: of gradients, relative; of Gauss–Newton, in standard deviations
RANK, BLUR = 1e-10, 30.0  # least singular value over the largest; over the error of differenced Jacobians
LARGEST = 2e7  # entries of the Jacobian whose rank is asked for


def bootstrap_test(problem, pair, *, draws=1000, truths="fit", seed=0, executor=None, start=None, tolerance=None,
                   progress=False):
    """Likelihood-ratio test whose null distribution is simulated: any forward models, bounds, priors and penalties.

    The statistic is Λ = 2 (Φ_ab − Φ_a − Φ_b), each Φ at its minimum, or at the limit it falls to where there is none
    and parameters run off: what it costs to describe both surveys by one model. Penalties that tie parameters of a to
    parameters of b count in Φ_ab alone; with priors Λ is −2 log R of the linear-Gaussian case up to a constant (Kendall
    & Stuart 1979 for the flat case; Efron & Tibshirani 1993, chapter 16, for the null).

    Parameters
    ----------
    problem : JointProblem
        A density. Surveys beside the pair play no part. α are taken as given.
    pair : (str or tuple of str, str or tuple of str)
        Names of two surveys, or of two groups of surveys.
    draws : int, default 1000
        Simulated pairs, at least 19. Each costs three fits; p-values below one over their number cannot come out.
    truths : {"fit", "posterior"} or callable, default "fit"
        What simulated surveys see. "fit": the joint fit, each time; right where data determine the parameters well.
        "posterior": a draw from the joint posterior each time. A function ``(rng, count) -> {parameter: (count,
        *shape)}``, physical units: draws of the prior, where it is the prior that says what the ground may be.
    seed : int or numpy.random.Generator, default 0
        Every simulation has a stream of its own, so that answers do not depend on the executor.
    executor : concurrent.futures.Executor, optional
        Maps over blocks of simulations. For processes every function of the problem must be importable.
    start : dict of array_like, optional
        {parameter: physical array} of the joint fit; default the reference model. Fits are local: separate ones start
        from the joint one if that reached a minimum, refits from the truth that was simulated; what runs off or ends in
        a valley is tried from `start` too, and the lower of the two counts.
    tolerance : float, optional
        Of every fit, as in `find_map`. Default 1e-3 standard deviations where a forward model is nonlinear, which
        leaves Φ within some 1e-6 of its minimum; else 1e-4 of the gradients.
    progress : bool, default False

    Returns
    -------
    AgreementTest
        p = (1 + number of simulated Λ at or above the observed one) / (1 + number simulated). Its error adds to the
        Monte Carlo standard error the share of simulations that lie within the numerical errors of Λ: the observed
        one's, measured by a tenfold tolerance, and what fits that reached no minimum still lose, extrapolated. No
        simulation is left out: a fit that shows no limit either counts as reaching the observed Λ, and in the error.
        `note` says how many there were. Where no simulated Λ reaches the observed one it says so: p stands at its
        floor then, and sigma is a lower bound.

    Raises
    ------
    ValueError, TypeError
        On unknown names, too few draws, a coupling that is no density, or fits of the observed pair that reach neither
        a minimum nor a limit.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> rate = bj.Parameter("rate", 1, reference=1.0)
    >>> def survey(name, time, value):
    ...     model = bj.ForwardModel(lambda m: np.exp(-m * time), (1, 1))
    ...     return bj.Modality(name, model, [value], bj.DiagonalNoise([0.02]), "rate")
    >>> both = bj.JointProblem([rate], [survey("early", 1.0, 0.40), survey("late", 2.0, 0.20)])
    >>> found = bootstrap_test(both, ("early", "late"), draws=199)
    >>> found.null
    'parametric bootstrap, 199 pairs simulated from the joint fit'
    """
    setup = _Setup(problem, pair, start, tolerance)
    count = as_count("draws", draws, FEWEST, "1000 tell 5 % from 3 %.")
    rng = np.random.default_rng(seed)
    if not setup.testable:
        return untestable("likelihood ratio", setup.names, UNTESTABLE, statistic=setup.statistic, dof=0)
    states, words = _truths(setup, truths, rng, count)
    seeds = rng.integers(0, 2**63, count)
    simulated = _simulate(setup.run, states, seeds, executor, progress)
    return _answer(setup, simulated, f"parametric bootstrap, {count} pairs simulated from {words}")


def wilks_test(problem, pair, *, start=None, tolerance=None):
    """Likelihood-ratio test of flat parameters by Wilks's theorem: Λ as in `bootstrap_test`, against a χ².

    Degrees of freedom are rank J_a + rank J_b − rank [J_a; J_b] of the Jacobians at the joint fit, at 1e-10 of the
    largest singular value or 30 times the error of differenced Jacobians (Wilks 1938). For nonlinear models the χ²
    holds as far as they are straight over what the data leave open, which is measured: by Λ of the tangent at the
    joint fit.

    Parameters
    ----------
    problem : JointProblem
        Flat priors, no penalties, no bound reached.
    pair, start, tolerance
        As in `bootstrap_test`.

    Returns
    -------
    AgreementTest
        `p_value_error` is how far p moves from Λ to that of the tangent, a size of error and no bound.

    Raises
    ------
    ValueError, TypeError
        Where there are priors, penalties or active bounds: Wilks does not count them right.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> rate = bj.Parameter("rate", 1, reference=1.0)
    >>> def survey(name, time, value):
    ...     model = bj.ForwardModel(lambda m: np.exp(-m * time), (1, 1))
    ...     return bj.Modality(name, model, [value], bj.DiagonalNoise([0.02]), "rate")
    >>> both = bj.JointProblem([rate], [survey("early", 1.0, 0.40), survey("late", 2.0, 0.20)])
    >>> found = wilks_test(both, ("early", "late"))
    >>> found.dof, round(found.sigma, 1)
    (1, 1.5)
    """
    setup = _Setup(problem, pair, start, tolerance)
    joint = setup.joint
    if not setup.plain:
        fail("problem", "have flat priors and no penalties for Wilks's theorem",
             f"priors on {[p.name for p in joint.parameters if p.name not in joint.prior.flat]}, "
             f"{len(joint.penalties)} penalties", "Use null='bootstrap'.")
    if np.any((setup.x <= joint.lower) | (setup.x >= joint.upper)):
        fail("problem", "have its joint fit inside the bounds for Wilks's theorem", "a bound reached",
             "Use null='bootstrap'.")
    dof = setup.wilks_dof(setup.x)
    if dof == 0:
        why = RAN_OFF if setup.testable else UNTESTABLE
        return untestable("likelihood ratio", setup.names, why, statistic=setup.statistic, dof=0)
    tangent = joint.linearised(setup.x)
    straight = _SimulatedTest(tangent, setup.run.groups, SHARPER * STRAIGHT, setup.begin).statistic(tangent, setup.x)[0]
    moved = setup.error + abs(setup.statistic - straight)
    return chi2_test(
        "likelihood ratio", setup.names, setup.statistic, moved, dof, how="Wilks's theorem, asymptotic",
        note="; ".join(["The error is what the curvature of the models does to the statistic; null='bootstrap' needs "
                        "no theorem", *setup.notes]))


class _Setup:
    """The three fits of the observed pair."""

    def __init__(self, problem, pair, start, tolerance):
        check_problem(problem)
        groups = checked_groups(problem, pair)
        self.names = groups[0] + groups[1]
        self.joint = restricted(problem, self.names)
        usual = CURVED if self.joint.nonlinear else STRAIGHT
        tolerance = as_positive("tolerance", usual if tolerance is None else tolerance, 0)
        self.begin = self.joint.start() if start is None else self.joint.pack(
            {p.name: start[p.name] for p in self.joint.parameters})
        self.run = _SimulatedTest(self.joint, groups, tolerance, self.begin)
        first = self.run.fit_from(self.joint, self.joint.unpack(self.begin))
        if not np.isfinite(_missing(first)):
            fail("problem", "have a joint fit that converges", first.message, "Give start=, or a looser tolerance.")
        self.x = first.x
        self.statistic, left, reached = self.run.statistic(self.joint, self.x)
        if not np.isfinite(left):
            fail("problem", "have fits that converge", f"an iterate for {' or '.join(self.names)} alone",
                 "Give start=, a prior, or a looser tolerance.")
        sharper = _SimulatedTest(self.joint, groups, SHARPER * tolerance, self.begin).statistic(self.joint, self.x)[0]
        self.error = left + abs(sharper - self.statistic)
        self.notes = [] if reached else [f"a fit of the observed pair reached no minimum, {LIMIT} {left:.1g}"]
        self.plain = len(self.joint.prior.flat) == len(self.joint.parameters) and not self.joint.penalties

    @property
    def testable(self):
        """Whether a joint model is asked for more than separate ones."""
        if self.plain and self.joint.size * sum(m.size for m in self.joint.modalities) <= LARGEST:
            return any(self.wilks_dof(x) > 0 for x in (self.x, self.begin))  # where a fit ran off, models may be flat
        one, two = (restricted(self.joint, group) for group in self.run.groups)
        apart = len(one.couplings) + len(two.couplings)
        return bool(set(one.by_name) & set(two.by_name)) or len(self.joint.couplings) > apart

    def wilks_dof(self, x):
        """Rank of a's Jacobian at a state vector plus that of b's less that of both."""
        rows = {m.name: np.sqrt(self.joint.weights[m.name]) * m.noise.whiten(
            np.ascontiguousarray(a.rmatmat(np.eye(m.size)).T[:, self.joint.free]))
            for a, m in zip(self.joint.operators_at(x), self.joint.modalities, strict=True)}
        scale = np.sqrt(sum(np.sum(r**2, axis=0) for r in rows.values()))
        scale = np.where(scale > 0, scale, 1.0)
        blurred = [m.forward.jacobian_error(self.joint.physical(m.name, x)) for m in self.joint.modalities
                   if hasattr(m.forward, "jacobian_error")]
        least = max([RANK, *(BLUR * error for error in blurred)])
        values = [np.linalg.svd(np.vstack([rows[name] for name in group]) / scale, compute_uv=False)
                  for group in (*self.run.groups, self.names)]
        ranks = [int(np.sum(v > least * v.max(initial=0.0))) for v in values]
        return ranks[0] + ranks[1] - ranks[2]


class _SimulatedTest:
    """Statistics of one data set after another; a class, so that processes can be given it."""

    def __init__(self, joint, groups, tolerance, begin):
        self.joint, self.groups, self.tolerance, self.begin = joint, groups, float(tolerance), joint.unpack(begin)

    def __call__(self, states, seeds):
        """Rows of `statistic` for pairs simulated at state vectors, (k, size): shape (k, 3)."""
        return np.array([self._simulated(x, seed) for x, seed in zip(states, seeds, strict=True)])

    def _simulated(self, x, seed):
        rng, joint = np.random.default_rng(seed), self.joint
        data = [np.ravel(joint.predict(m.name, x)) + m.noise.sample(rng, 1)[0] / np.sqrt(joint.weights[m.name])
                for m in joint.modalities]
        return self.statistic(joint.with_data(np.concatenate(data)), x)

    def statistic(self, joint, x):
        """(Λ, its error, whether three minima were reached); the joint fit starts at x, separate ones at its own."""
        both = self._fit(joint, x)
        near = both.model if both.converged else self.begin
        alone = []
        for group in self.groups:
            part = restricted(joint, group)
            alone.append(self._fit(part, part.pack({p.name: near[p.name] for p in part.parameters})))
        return (2.0 * (both.value - alone[0].value - alone[1].value), 2.0 * sum(map(_missing, (both, *alone))),
                both.converged and all(fit.converged for fit in alone))

    def fit_from(self, problem, start):
        """The MAP from one start."""
        return find_map(problem, "map", discrepancy=False, tolerance=self.tolerance, start=start)

    def _fit(self, problem, x):
        fits = []
        for start in (problem.unpack(x), {p.name: self.begin[p.name] for p in problem.parameters}):
            fits.append(self.fit_from(problem, start))
            if fits[-1].converged and not getattr(fits[-1], "undetermined", 0):
                break
        return min(fits, key=lambda fit: fit.value)


def _truths(setup, truths, rng, count):
    """(state vectors (count, size), what they are in words)."""
    joint = setup.joint
    if truths == "fit":
        return np.broadcast_to(setup.x, (count, joint.size)), "the joint fit"
    if truths == "posterior":
        post = posterior(joint, at=setup.run.fit_from(joint, joint.unpack(setup.x)))
        return np.clip(post.state_draws(rng, count), joint.lower, joint.upper), f"the joint posterior ({post.method})"
    if not callable(truths):
        fail("truths", 'be "fit", "posterior" or a function', repr(truths)[:40],
             "A function is (rng, count) -> {parameter: (count, *shape)}.", TypeError)
    drawn = truths(rng, count)
    return np.stack([joint.pack({p.name: drawn[p.name][k] for p in joint.parameters}) for k in range(count)]), (
        "the truths given")


def _simulate(run, states, seeds, executor, progress):
    several = blocks(len(seeds), BLOCK)
    parts = (map if executor is None else executor.map)(run, (states[b] for b in several), (seeds[b] for b in several))
    if progress:
        from tqdm.auto import tqdm

        parts = tqdm(parts, desc="simulated pairs", total=len(several), unit=f"{BLOCK} pairs")
    return np.concatenate(list(parts))


def _answer(setup, simulated, null):
    values, errors, reached = simulated.T
    count, lost, limits = values.size, ~np.isfinite(errors), np.isfinite(errors) & (reached == 0)
    above = int(np.sum((values >= setup.statistic) | lost))
    p, middle = (1 + above) / (1 + count), (1 + above) / (2 + count)  # the second is never 1, nor its error 0
    near = float(np.mean(np.abs(values - setup.statistic) <= errors + setup.error))
    notes = [] if above else [f"no simulated pair disagreed as much: p can be no smaller than 1/(draws+1) = {p:.2g}, "
                              "and sigma is a lower bound: raise draws"]
    if limits.any():
        notes.append(f"in {limits.mean():.1%} of the simulated pairs a fit reached no minimum, {LIMIT} "
                     f"{errors[limits].max():.1g}")
    if lost.any():
        notes.append(f"in {lost.mean():.1%} of the simulated pairs a fit reached neither a minimum nor a limit: they "
                     "count as disagreeing as much, and in the error")
    return AgreementTest(
        form="likelihood ratio", surveys=setup.names, statistic=setup.statistic, null=null, p_value=p,
        p_value_error=float(np.sqrt(middle * (1 - middle) / count)) + near, note="; ".join(notes + setup.notes))


def _missing(fit):
    """What Φ of a fit may still lose; inf where nobody knows."""
    return getattr(fit, "value_error", 0.0 if fit.converged else np.inf)
