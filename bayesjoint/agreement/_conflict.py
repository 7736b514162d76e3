"""Do the surveys agree? All tests, one verdict, and what may be done."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import combinations

import numpy as np

from .._checks import as_count, as_share, checked, fail, one_of
from .._html import card
from .._memory import check_memory
from .._shown import cut
from .._typing import Any, Callable, Executor
from ..gaussian import DENSE_DATA, METHODS, check_linear_gaussian, data_system
from ..hyperparameters import as_measured
from ..problem import JointProblem
from . import _sentences as words
from ._compare_remedies import called_for, mended, remedies
from ._conflict_matrix import conflict_matrix
from ._family import Family, own_tests
from ._judgement import judge
from ._local_conflict import LEVEL
from ._pair import checked_groups
from ._pair_tests import PairTests, pieces_of
from ._recalibration import refitted_family
from ._same_tests import Probe
from ._shared import survey_names
from ._verdict_sentences import no_remedy

MENDED_TESTS = ", with the prior and noise that surveys ask for"
MATRICES = 11  # of all data by all data that are held at once at the most, as measured
_NUMBERS = ("statistic", "statistic_error", "p_value", "p_value_error", "log_p", "sigma", "p_adjusted",
            "log_p_adjusted", "size")
_LABELS = {  # coordinate of the table: (words on it, value for a test)
    "test": ("test", lambda t: t.name),
    "form": ("what was looked for", lambda t: t.form),
    "target": ("what the test is about", lambda t: t.target or ""),
    "direction": ("which way the effect goes", lambda t: t.direction),
    "surveys": ("surveys", lambda t: " and ".join(t.surveys)),
    "null": ("null distribution", lambda t: t.null),
    "effect": ("effect", lambda t: words.effect_words(t.effect)),
    "detectable": ("would have seen", lambda t: words.seen_words(t.detectable)),
    "detectable_in_suite": ("would have seen after correction for all tests",
                            lambda t: words.suite_words(t.detectable)),
    "seen": ("size that it would have seen", lambda t: words.seen_size(t.detectable)),
    "seen_in_suite": ("the same after correction for all tests", lambda t: words.suite_size(t.detectable)),
    "note": ("note", lambda t: t.note),
}


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """What `conflict` found.

    Attributes
    ----------
    problem : JointProblem
    tests : tuple of AgreementTest
        Each survey alone first, then every pair, then of three surveys or more each against the rest; each carries its
        `p_adjusted`.
    p_adjusted : ndarray, shape (tests,)
        Holm over all that are different: family-wise `level`; NaN where nothing can be tested.
    kind : {"disagree", "agree", "cannot say"}
    verdict : str
        One sentence.
    details : tuple of str
        Sentences behind it.
    level : float
    pairs : dict of {(str, str): PairTests}
        ``.detectability``, ``.maps`` and ``.bands`` of each pair.
    rest : dict of {str: PairTests}
        The same of each survey against all others, without maps and bands, where there are three surveys or more.
    couplings : tuple of (str, str)
        Pairs whose coupling is to blame, and no survey.
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
    rest: dict = field(default_factory=dict)
    blame: tuple = ()
    couplings: tuple = ()
    correction: str = ""

    @cached_property
    def table(self):
        """One row a test, as `xarray.Dataset` over ``agreement_test``."""
        import xarray as xr

        def described(values, words):
            return "agreement_test", np.asarray(values), {"units": "1", "long_name": words}

        numbers = {name: described([getattr(t, name) for t in self.tests], name.replace("_", " ")) for name in _NUMBERS}
        numbers["judged"] = described(np.isfinite(self.p_adjusted).astype(np.int8), "judged")
        labels = {name: described([value(t) for t in self.tests], said) for name, (said, value) in _LABELS.items()}
        return xr.Dataset(
            numbers, {"agreement_test": described(np.arange(len(self.tests)), "number"), **labels},
            {"verdict": self.verdict, "kind": self.kind, "level": self.level, "details": "\n".join(self.details),
             "correction": self.correction})

    @property
    def no_remedy(self):
        """Why there is nothing in `problems` but the problem as stated, "" where something is called for."""
        return "" if any(True for _ in called_for(self)) else no_remedy(self.blame)

    @cached_property
    def problems(self):
        """{remedy: JointProblem}: the problem as stated first, then what the alarms suggest, if any."""
        return remedies(self)

    def remedied(self, progress=None):
        """`problems`, built now if they were not yet: minutes at survey size, as exponents and biases are fitted.

        Parameters
        ----------
        progress : callable, optional
            Called with (remedy, remedies done, remedies in all) as each is begun.

        Returns
        -------
        Remedies
        """
        if "problems" not in vars(self):
            vars(self)["problems"] = remedies(self, progress)
        return self.problems

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

    def _repr_html_(self):
        return card(
            f"Conflict ({self.kind})", [("", self.verdict), *(("", text) for text in self.details)],
            (["test", "p", "p, corrected for all", ""],
             [[t.name, f"{t.p_value:.3g}", f"{t.p_adjusted:.3g}", "objects" if t.p_adjusted <= self.level else ""]
              for t in sorted(self.tests, key=lambda t: t.p_adjusted if t.testable else 2.0)]))

    def __repr__(self):
        alarms = sum(bool(p <= self.level) for p in self.p_adjusted)
        return cut(f"Conflict({self.kind}; {alarms} of {len(self.tests)} tests object at {self.level:g}: "
                   f"{self.verdict})")

    def __str__(self):
        rows = []
        for t in self.tests:
            within = f"; in this suite {words.suite_words(t.detectable)}" if t.detectable else ""
            rows.append(f"  {'*' if t.p_adjusted <= self.level else ' '} {t!r}{within}")
        return "\n".join([self.verdict, *self.details, *rows])


@checked
def conflict(problem: JointProblem, pairs: Any = None, *, level: float = LEVEL, margins: dict | None = None,
             method: str = "auto", places: bool = True, seed: int = 0, refit: Callable | None = None, draws: int = 99,
             executor: Executor | None = None, progress: Callable | None = None) -> Conflict:
    """Do the surveys agree? Every test that has power against some way of disagreeing, and one verdict.

    Each survey is first tested alone, against its own prior and noise: a wrong std of either alarms tests of
    agreement too. Before surveys are said to disagree, each is granted the prior std and the larger noise std that it
    asks for by itself at `level`, and every pair is tested again: what falls silent is named for what it is, what stays
    stays. Surveys that nothing ties neither agree nor disagree. Where a coupling alone ties two, they disagree only if
    the likelihood ratio objects to it: what else alarms is a misfit of one survey with its own prior and noise, and is
    named as that; below 3 nats that they share there is next to nothing to agree on. For every pair: the likelihood
    ratio (a wrong coupling), node splits both ways (gains, patches, wrong noise); offset, tilt, gain, and where a
    survey is a lattice levels of its rows and of its columns, of either with the model marginalised; bands of
    wavelength and maps of either given the other. Of three surveys or more also each against all others together (maps
    and bands aside), and the one that stands out there is named. Holm keeps the chance of one false alarm or more at
    `level`, over tests that are different: those whose statistics are one another's functions, which data simulated
    from the problem tell, count once. What the hyperparameters were fitted without, nodes between the measured ones of
    an interpolated grid (`Modality.stride`), is left out of all tests.

    A survey is blamed only where the same disturbance of the other one, or another form, explains the data worse by 6
    in χ² (odds of 20); else the data cannot say whose it is. Maps and bands are of a residual between two surveys, and
    never say whose. Where a coupling alone ties two, what neither shows by itself is laid on the coupling.

    Surveys "agree" only if no test objects *and* every disturbance that was tried, of a size that matters, `margins`,
    is excluded: offset, tilt, gain, a disc at every place of a grid over the survey, independent levels of rows and of
    columns, of three surveys or more each held against all others; the verdict and its details name them, and nothing
    else is claimed. If not, the verdict is "cannot say".

    What a test would have seen in 80 % of cases is told for that test alone at 5 %, and for the suite at Bonferroni's
    share of `level`, which Holm never falls short of; cases are grounds and noise as the problem has them, and rates
    measured over simulated pairs stand in ``benchmarks/reliability/agreement.json``.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors, no bounds; two surveys or more.
    pairs : list of (str, str), optional
        Default all; at least one.
    level : float, default 0.05
        Family-wise.
    margins : dict, optional
        Sizes that matter, as in `detectability`; default the noise std of each survey, or what the surveys can exclude
        where that is larger: else no pair of surveys could ever be found to agree. The details tell which.
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
    progress : callable, optional
        Called with (tests, how many are done, in all) as each group of tests is begun.

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
    names, level = survey_names(problem), as_share("level", level)
    check_linear_gaussian(problem, "agreement")
    one_of("method", method, METHODS)
    if pairs is not None and (isinstance(pairs, (str, dict)) or not hasattr(pairs, "__len__")):
        fail("pairs", "be a list of pairs of surveys", repr(pairs), 'Such as [("ground", "air")]; None is all.',
             TypeError)
    if pairs is not None and not len(pairs):
        fail("pairs", "hold at least one pair", "none", "Leave it out to test all.")
    rest = names if pairs is None and len(names) > 2 else ()
    pairs = [_pair(problem, pair) for pair in (combinations(names, 2) if pairs is None else pairs)]
    as_count("seed", seed, 0, "0 will do.")
    as_count("draws", draws)
    if refit is not None and not callable(refit):
        fail("refit", "be callable", repr(refit),
             "Such as lambda p: bj.fit_hyperparameters(p, curve=False).problem.", TypeError)
    _check_cost(problem, method)
    suite = _Suite(pairs, rest, margins, method, places, seed)
    family = suite.family(problem, progress=progress)
    if refit is None:
        family.adjusted()
        correction = f"Holm over {family.count} different tests, of {int(np.isfinite(family.p_values).sum())}"
    else:
        family.adjusted(refitted_family(as_measured(problem), family.p_values, suite, refit, draws, seed, executor))
        correction = f"smallest p-value of all tests, {draws} data sets simulated and fitted anew"
    family.add_suite_sizes(level)

    def again(asked, placed):
        changed = mended(problem, asked)
        return None if changed is None else suite.family(changed, placed, False, progress, MENDED_TESTS).adjusted()

    found = judge(problem, family, level, again)
    return Conflict(problem=problem, tests=tuple(family.tests), level=level, pairs=family.pairs, seed=seed,
                    rest=family.rest, couplings=found.couplings, kind=found.kind, verdict=found.sentence,
                    p_adjusted=np.array([t.p_adjusted for t in family.tests]), details=found.details,
                    blame=found.blame, correction=correction)


class _Suite:
    """All tests of a problem; a class, so that processes can be given it."""

    def __init__(self, pairs, rest, margins, method, places, seed):
        self.pairs, self.rest = pairs, rest
        self.margins, self.method, self.places, self.seed = margins, method, places, seed

    def family(self, problem, places=True, own=True, progress=None, label=""):
        """`Family` of a problem: with maps and bands if `places`, with tests of each survey alone if `own`.

        `progress` is told of each group of tests as it begins, `label` behind its name.
        """
        problem = as_measured(problem)
        names, placed = [m.name for m in problem.modalities], self.places and places
        rest = {name: {"pair": (name, tuple(n for n in names if n != name)), "places": False, "about": (name,)}
                for name in self.rest}
        each = [{"pair": pair, "places": placed} for pair in self.pairs] + list(rest.values())
        count = sum(len(pieces_of(problem, **one)) for one in each) + own * len(names)
        number = iter(range(count))

        def tell(what):
            if progress is not None:
                progress(f"{what}{label}", next(number), count)

        data = data_system(problem, self.method)
        made = partial(PairTests, problem, margins=self.margins, method=self.method, seed=self.seed, probe=Probe(data),
                       tell=tell)
        pairs = {pair: made(pair=pair, places=placed) for pair in self.pairs}
        rest = {name: made(**one) for name, one in rest.items()}
        return Family(own_tests(data, problem, self.seed, tell) if own else {}, pairs, rest)

    def __call__(self, problem):
        """p-values of all of them."""
        return self.family(problem).p_values


def _check_cost(problem, method):
    """Refuse matrices of the data that the memory cannot hold; with products alone there are none."""
    size = as_measured(problem).data_size
    if method != "iterative" and size <= DENSE_DATA:
        check_memory("problem", 8.0 * MATRICES * size**2, f"the matrices of {size} data would take",
                     'Ask for method="iterative", or thin the surveys.')


def _pair(problem, pair):
    """Names of the two surveys of a pair."""
    groups = checked_groups(problem, pair)
    if any(len(group) > 1 for group in groups):
        fail("pairs", "name two surveys each", repr(pair), "For groups use likelihood_ratio_test and node_split.")
    return groups[0][0], groups[1][0]
