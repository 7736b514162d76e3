"""The door: do the surveys agree? All tests, one verdict, and what may be done."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from .._checks import fail, one_of
from ..problem import JointProblem
from ..problem.gaussian import check_linear_gaussian
from .family import refitted_family
from .local import LEVEL, _share
from .marginal import METHODS, marginal
from .multiple import holm
from .pair import checked_groups
from .remedy_problems import remedies, with_mended_prior
from .result import _detectable as detectable_words
from .result import _effect as effect_words
from .several import conflict_matrix
from .suite_tests import PairTests, own_tests
from .verdicts import judge


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """What `conflict` found.

    Attributes
    ----------
    problem : JointProblem
    tests : tuple of AgreementTest
        Each survey alone first, then every pair.
    p_adjusted : ndarray, shape (tests,)
        Holm over all of them: family-wise `level`; NaN where nothing can be tested.
    kind : {"disagree", "agree", "cannot say"}
    verdict : str
        One sentence.
    details : tuple of str
        Sentences behind it.
    level : float
    pairs : dict of {(str, str): PairTests}
        ``.detectability``, ``.maps`` and ``.bands`` of each pair.
    """

    problem: JointProblem
    tests: tuple
    p_adjusted: np.ndarray
    kind: str
    verdict: str
    details: tuple
    level: float
    pairs: dict
    seed: int = 0
    blame: tuple = ()
    correction: str = ""

    @cached_property
    def table(self):
        """One row a test, as `xarray.Dataset` over ``agreement_test``."""
        import xarray as xr

        def words(name, values):
            return ("agreement_test", np.array([str(v) for v in values]), {"units": "1", "long_name": name})

        numbers = {"statistic": [t.statistic for t in self.tests], "p_value": [t.p_value for t in self.tests],
                   "p_value_error": [t.p_value_error for t in self.tests], "p_adjusted": self.p_adjusted,
                   "sigma": [t.sigma for t in self.tests], "judged": np.isfinite(self.p_adjusted).astype(np.int8)}
        return xr.Dataset(
            {k: ("agreement_test", np.asarray(v), {"units": "1", "long_name": k.replace("_", " ")})
             for k, v in numbers.items()},
            {"agreement_test": ("agreement_test", np.arange(len(self.tests)), {"units": "1", "long_name": "number"}),
             "test": words("test", [t.name for t in self.tests]),
             "surveys": words("surveys", [" and ".join(t.surveys) for t in self.tests]),
             "null": words("null distribution", [t.null for t in self.tests]),
             "effect": words("effect", [effect_words(t.effect) for t in self.tests]),
             "detectable": words("would have seen", [detectable_words(t.detectable) for t in self.tests]),
             "note": words("note", [t.note for t in self.tests])},
            {"verdict": self.verdict, "kind": self.kind, "level": self.level, "details": "\n".join(self.details),
             "correction": self.correction},
        )

    @cached_property
    def problems(self):
        """{remedy: JointProblem}: the problem as stated first, then what the alarms suggest, if any."""
        return remedies(self)

    @cached_property
    def matrix(self):
        """`conflict_matrix` of all surveys: Bayes ratios and suspiciousness, and each survey against the rest."""
        return conflict_matrix(self.problem, level=self.level, seed=self.seed)

    def datasets(self):
        """{group: xarray.Dataset} to keep with a posterior: ``post.to_datatree(diagnostics=found.datasets())``."""
        out = {"agreement": self.table}
        for (one, other), tests in self.pairs.items():
            label = f"{one}_{other}"
            out[f"agreement_detectable_{label}"] = tests.detectability
            out |= {f"agreement_bands_{label}_{s}": d for s, d in tests.bands.items()}
            out |= {f"agreement_map_{label}_{s}": d for s, d in tests.maps.items()}
        return out

    def __repr__(self):
        rows = [f"  {'*' if p <= self.level else ' '} {test!r}" for p, test in
                zip(self.p_adjusted, self.tests, strict=True)]
        return "\n".join([self.verdict, *self.details, *rows])


def conflict(problem, pairs=None, *, level=LEVEL, margins=None, method="auto", places=True, seed=0, refit=None,
             draws=99, executor=None):
    """Do the surveys agree? Every test that has power against some way of disagreeing, and one verdict.

    Each survey first stands trial alone, against its own prior and noise: a wrong prior std alarms tests of agreement
    too, and is then named for what it is, unless alarms stay when the prior is as wide or as narrow as each survey
    alone asks for. Surveys that nothing ties neither agree nor disagree. For every pair: the likelihood ratio (a wrong
    coupling), node splits both ways (gains, patches, wrong noise), offset, tilt and gain of either survey with the
    model marginalised, bands of wavelength and maps of either given the other. Holm over all tests keeps the chance of
    one false alarm or more at `level`. Surveys "agree" only if no test objects *and* every disturbance of a size that
    matters, `margins`, is excluded; if not, the verdict is "cannot say", with what could have been seen.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors, no bounds; two surveys or more.
    pairs : list of (str, str), optional
        Default all.
    level : float, default 0.05
        Family-wise.
    margins : dict, optional
        Sizes that matter, as in `detectability`; default the noise std of each survey.
    method : {"auto", "dense", "iterative"}, default "auto"
        As in `node_split`.
    places : bool, default True
        Make maps and bands: the costly part at survey size.
    seed : int, default 0
        Of every simulation.
    refit : callable, optional
        Where hyperparameters of `problem` were fitted to its data: ``refit(problem) -> JointProblem``, such as
        ``lambda p: bj.fit_hyperparameters(p, curve=False).problem``. Adjusted p-values are then those of
        `refitted_family`: fits take part of a conflict for noise, and Holm would miss it.
    draws : int, default 99
        Simulated data sets behind `refit`, each a fit and all tests.
    executor : concurrent.futures.Executor, optional
        Maps over them.

    Returns
    -------
    Conflict
        ``.verdict``, ``.table`` (xarray, one row a test), ``.problems`` ({remedy: JointProblem}), ``.tests``,
        ``.matrix``, ``.pairs``, ``.datasets()``.

    Raises
    ------
    ValueError, TypeError
        If the problem is not linear-Gaussian, has one survey, or a pair is none.

    Notes
    -----
    Without `refit` hyperparameters are taken as given. Fitted to the same data, they take part of a conflict for noise
    or for a rougher ground and p-values come out too large.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> h0 = bj.Parameter("H0", 1, units="km/s/Mpc")
    >>> rows = {"planck": (67.36, 0.54), "shoes": (73.04, 1.04)}
    >>> surveys = [bj.Modality(k, [[1.0]], [v], bj.DiagonalNoise([s]), "H0", units="km/s/Mpc")
    ...            for k, (v, s) in rows.items()]
    >>> found = conflict(bj.JointProblem([h0], surveys))
    >>> found.kind, found.verdict.split(":")[0]
    ('disagree', 'planck and shoes disagree')
    >>> list(found.problems)
    ['as stated', 'offset of planck', 'offset of shoes', 'tempered']
    """
    if not isinstance(problem, JointProblem):
        fail("problem", "be a JointProblem", type(problem).__name__, "Build JointProblem(parameters, modalities).",
             TypeError)
    level, names = _share("level", level), [m.name for m in problem.modalities]
    if len(names) < 2:
        fail("problem", "hold at least two surveys", f"{names}", "One survey has nothing to disagree with.")
    check_linear_gaussian(problem, "agreement")
    one_of("method", method, METHODS)
    pairs = list(combinations(names, 2)) if pairs is None else [_pair(problem, pair) for pair in pairs]
    run = _Run(pairs, margins, method, places, seed)
    own, made = run.tests(problem)
    tests = _joined(own, made)
    adjusted = _adjusted(tests)
    words = f"Holm over {int(np.isfinite(list(adjusted.values())).sum())} tests"
    if refit is not None:
        values = refitted_family(problem, [t.p_value for t in tests], run, refit, draws, seed, executor)
        adjusted = dict(zip(map(id, tests), values, strict=True))
        words = f"smallest p-value of all tests, {draws} data sets simulated and fitted anew"

    def again(objecting):
        mended = with_mended_prior(problem, objecting)
        if mended is None:
            return None
        anew = {pair: PairTests(mended, pair, margins, method, seed, places=False) for pair in pairs}
        return anew, _adjusted(_joined({}, anew))

    found = judge(problem, own, made, adjusted, level, again)
    return Conflict(problem=problem, tests=tuple(tests), p_adjusted=np.array(list(adjusted.values())), level=level,
                    pairs=made, seed=seed, kind=found.kind, verdict=found.sentence, details=found.details,
                    blame=found.blame, correction=words)


class _Run:
    """All tests of a problem; a class, so that processes can be given it."""

    def __init__(self, pairs, margins, method, places, seed):
        self.pairs, self.margins, self.method, self.places, self.seed = pairs, margins, method, places, seed

    def tests(self, problem):
        """({survey: tests of its own model}, {pair: PairTests})."""
        own = own_tests(marginal(problem, self.method), problem, self.seed)
        return own, {pair: PairTests(problem, pair, self.margins, self.method, self.seed, self.places)
                     for pair in self.pairs}

    def __call__(self, problem):
        """p-values of all of them."""
        return [t.p_value for t in _joined(*self.tests(problem))]


def _joined(own, made):
    return [test for both in own.values() for test in both] + [t for each in made.values() for t in each.tests]


def _adjusted(tests):
    """{id of a test: p-value adjusted for all of them (Holm)}, in their order."""
    return dict(zip(map(id, tests), holm([t.p_value for t in tests]), strict=True))


def _pair(problem, pair):
    groups = checked_groups(problem, pair)
    if any(len(group) > 1 for group in groups):
        fail("pairs", "name two surveys each", repr(pair), "For groups use likelihood_ratio_test and node_split.")
    return groups[0][0], groups[1][0]
