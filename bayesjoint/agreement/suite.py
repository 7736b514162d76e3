"""The door: do the surveys agree? All tests, one verdict, and what may be done."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from .._checks import fail, one_of
from ..gaussian import METHODS, check_linear_gaussian, data_system
from ..problem import JointProblem, check_problem
from .family import refitted_family
from .local import LEVEL, _share
from .multiple import holm
from .pair import checked_groups
from .remedy_problems import remedies, with_mended_noise, with_mended_prior
from .result import _detectable as detectable_words
from .result import _effect as effect_words
from .several import conflict_matrix
from .suite_tests import PairTests, in_suite, in_suite_words, own_tests
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

        numbers = {name: [getattr(t, name) for t in self.tests]
                   for name in ("statistic", "statistic_error", "p_value", "p_value_error", "sigma")}
        numbers |= {"p_adjusted": self.p_adjusted, "judged": np.isfinite(self.p_adjusted).astype(np.int8)}
        return xr.Dataset(
            {k: ("agreement_test", np.asarray(v), {"units": "1", "long_name": k.replace("_", " ")})
             for k, v in numbers.items()},
            {"agreement_test": ("agreement_test", np.arange(len(self.tests)), {"units": "1", "long_name": "number"}),
             "test": words("test", [t.name for t in self.tests]),
             "surveys": words("surveys", [" and ".join(t.surveys) for t in self.tests]),
             "null": words("null distribution", [t.null for t in self.tests]),
             "effect": words("effect", [effect_words(t.effect) for t in self.tests]),
             "detectable": words("would have seen", [detectable_words(t.detectable) for t in self.tests]),
             "detectable_in_suite": words("would have seen after correction for all tests",
                                          [in_suite_words(t) for t in self.tests]),
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
        rows = [f"  {'*' if p <= self.level else ' '} {test!r}{_in_suite(test)}" for p, test in
                zip(self.p_adjusted, self.tests, strict=True)]
        return "\n".join([self.verdict, *self.details, *rows])


def _in_suite(test):
    return f"; in this suite {in_suite_words(test)}" if test.detectable else ""


def conflict(problem, pairs=None, *, level=LEVEL, margins=None, method="auto", places=True, seed=0, refit=None,
             draws=99, executor=None):
    """Do the surveys agree? Every test that has power against some way of disagreeing, and one verdict.

    Each survey first stands trial alone, against its own prior and noise: a wrong std of either alarms tests of
    agreement too. Before surveys are said to disagree, each is granted the prior std and the larger noise std that it
    asks for by itself at `level`, and every pair is tested again: what falls silent is named for what it is, what stays
    stays. Surveys that nothing ties neither agree nor disagree. Where a coupling alone ties two, they disagree only if
    the likelihood ratio objects to it: what else alarms is a misfit of one survey with its own prior and noise, and is
    named as that; below 3 nats that they share there is next to nothing to agree on. For every pair: the likelihood
    ratio (a wrong coupling), node splits both ways (gains, patches, wrong noise); offset, tilt, gain, and where a
    survey is a lattice levels of its rows and of its columns, of either with the model marginalised; bands of
    wavelength and maps of either given the other. Holm over all tests keeps the chance of one false alarm or more at
    `level`.

    A survey is blamed only where the same disturbance of the other one, or another form, explains the data worse by 6
    in χ² (odds of 20); else the data cannot say whose it is. Maps and bands are of a residual between two surveys, and
    never say whose.

    Surveys "agree" only if no test objects *and* every disturbance that was tried, of a size that matters, `margins`,
    is excluded: offset, tilt, gain, a disc at every place of a grid over the survey, independent levels of rows and of
    columns; the verdict and its details name them, and nothing else is claimed. If not, the verdict is "cannot say".
    What a test would have seen is told for that test alone at 5 %, and for the suite at Bonferroni's share of `level`,
    which Holm never falls short of.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors, no bounds; two surveys or more.
    pairs : list of (str, str), optional
        Default all; at least one.
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
        If the problem is not linear-Gaussian, has one survey, or a pair is none; if `seed` is no integer >= 0 or
        `refit` cannot be called.

    Notes
    -----
    Ranges and couplings are taken for known, and no test looks for a wrong range. Without `refit` hyperparameters are
    taken as given. Fitted to the same data, they take part of a conflict for noise or for a rougher ground and p-values
    come out too large.

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
    check_problem(problem)
    level, names = _share("level", level), [m.name for m in problem.modalities]
    if len(names) < 2:
        fail("problem", "hold at least two surveys", f"{names}", "One survey has nothing to disagree with.")
    check_linear_gaussian(problem, "agreement")
    one_of("method", method, METHODS)
    _check_options(pairs, seed, refit)
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

    def again(asked, placed):
        prior, noise = ([t for t in asked if t.name.startswith(f"{kind} std")] for kind in ("prior", "noise"))
        mended = with_mended_prior(problem, prior)
        if mended is None and not noise:
            return None
        mended = with_mended_noise(problem if mended is None else mended, noise)
        anew = {pair: PairTests(mended, pair, margins, method, seed, places and placed) for pair in pairs}
        return anew, _adjusted(_joined({}, anew))

    found = judge(problem, own, made, adjusted, level, again)
    count = int(np.isfinite([t.p_value for t in tests]).sum())
    fits = {key: fit for each in made.values() for key, fit in each.fits.items()}
    tests = tuple(in_suite(t, level, count, fits.get(id(t))) for t in tests)
    return Conflict(problem=problem, tests=tests, level=level,
                    p_adjusted=np.array(list(adjusted.values())), pairs=made, seed=seed, kind=found.kind,
                    verdict=found.sentence, details=found.details, blame=found.blame, correction=words)


class _Run:
    """All tests of a problem; a class, so that processes can be given it."""

    def __init__(self, pairs, margins, method, places, seed):
        self.pairs, self.margins, self.method, self.places, self.seed = pairs, margins, method, places, seed

    def tests(self, problem):
        """({survey: tests of its own model}, {pair: PairTests})."""
        own = own_tests(data_system(problem, self.method), problem, self.seed)
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


def _check_options(pairs, seed, refit):
    if pairs is not None and (isinstance(pairs, (str, dict)) or not hasattr(pairs, "__len__")):
        fail("pairs", "be a list of pairs of surveys", repr(pairs), 'Such as [("ground", "air")]; None is all.',
             TypeError)
    if pairs is not None and not len(pairs):
        fail("pairs", "hold at least one pair", "none", "Leave it out to test all.")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        fail("seed", "be an integer", repr(seed), "0 will do.", TypeError)
    if seed < 0:
        fail("seed", "be >= 0", repr(seed), "0 will do.")
    if refit is not None and not callable(refit):
        fail("refit", "be callable", repr(refit),
             "Such as lambda p: bj.fit_hyperparameters(p, curve=False).problem.", TypeError)


def _pair(problem, pair):
    groups = checked_groups(problem, pair)
    if any(len(group) > 1 for group in groups):
        fail("pairs", "name two surveys each", repr(pair), "For groups use likelihood_ratio_test and node_split.")
    return groups[0][0], groups[1][0]
