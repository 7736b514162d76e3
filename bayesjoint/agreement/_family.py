"""All tests of a suite as one family: which of them are one, adjusted p-values, and what each sees in the suite."""

from dataclasses import replace
from functools import cached_property

import numpy as np

from ._multiple_testing import holm, log_holm
from ._own_model import own_model_fits
from ._pair_tests import seeing
from ._same_tests import groups_of
from ._sentences import REST


class Family:
    """All tests of a suite.

    Parameters
    ----------
    own : dict of {survey: ((AgreementTest, callable), (AgreementTest, callable))}
        Of its prior and of its noise, each survey alone, with the size that each sees at a level with a power.
    pairs : dict of {(str, str): PairTests}
    rest : dict of {str: PairTests}, optional
        Of every survey against all others, where there are more than two.

    Attributes
    ----------
    comparisons : dict of {(str, str): PairTests}
        Of all pairs, and of (survey, "the rest").
    """

    def __init__(self, own, pairs, rest=None):
        self.own = {name: tuple(test for test, _ in both) for name, both in own.items()}
        self.pairs, self.rest = pairs, rest or {}
        self.comparisons = pairs | {(name, REST): each for name, each in self.rest.items()}
        self._seen = [seen for both in own.values() for _, seen in both]

    @property
    def tests(self):
        """All: those of each survey alone, of pairs, of each against the rest."""
        return [t for both in self.own.values() for t in both] + [
            t for each in self.comparisons.values() for t in each.tests]

    @property
    def p_values(self):
        """p-values of all."""
        return [t.p_value for t in self.tests]

    @cached_property
    def groups(self):
        """For each test the place of the first that is the same test, shape (tests,)."""
        found = [None] * sum(map(len, self.own.values())) + [
            s for each in self.comparisons.values() for s in each.statistics]
        return groups_of([s if t.testable else None for s, t in zip(found, self.tests, strict=True)])

    @property
    def count(self):
        """How many different tests there are."""
        return int(np.unique(self.groups[np.isfinite(self.p_values)]).size)

    def _change(self, change):
        """Put ``change(test)`` for every test, in their order."""
        self.own = {name: tuple(map(change, both)) for name, both in self.own.items()}
        for each in self.comparisons.values():
            each.tests = list(map(change, each.tests))

    def adjusted(self, p_adjusted=None):
        """The family itself, with adjusted p-values in its tests; default Holm over all different ones."""
        if p_adjusted is None:
            p_adjusted, logs = holm(self.p_values, self.groups), log_holm([t.log_p for t in self.tests], self.groups)
        else:
            logs = np.full(len(p_adjusted), np.nan)  # of the p-values themselves
        values = iter(zip(p_adjusted, logs, strict=True))

        def with_both(test):
            p, log_p = next(values)
            return replace(test, p_adjusted=float(p), log_p_adjusted=float(log_p))

        self._change(with_both)
        return self

    def add_suite_sizes(self, level):
        """Add to each test the size that it would have seen in this suite, at a family-wise level."""
        share = level / max(self.count, 1)
        sees = iter(self._seen + [s for each in self.comparisons.values() for s in each.sees])
        self._change(lambda t: in_suite(t, share, next(sees)))


def own_tests(data, problem, seed, tell=lambda what: None):
    """{survey: ((test of its prior std, what it sees), (of its noise std, what it sees))}, each survey alone."""
    out = {}
    for m in problem.modalities:
        tell(own_piece(m.name))
        both = own_model_fits(data.part((m.name,)), m.name, seed=seed)
        out[m.name] = tuple((seeing(t, f"a {t.name}", sees, "%", **_stated(t)), sees) for t, sees in both)
    return out


def own_piece(survey):
    """What `own_tests` begins for a survey."""
    return f"{survey} by itself: prior and noise"


def _stated(test):
    return {key: test.effect[key] for key in ("stated", "stated_units") if test.effect and key in test.effect}


def in_suite(test, share, sees):
    """A test with the size that it would have seen in a suite that leaves it a `share` of the family-wise level.

    At Bonferroni's level, which no step of Holm falls short of, so that the power is no smaller.
    """
    if not test.detectable:
        return test
    single = test.detectable
    least = share / single["within"]
    return replace(test, detectable=single | {"suite_size": float(sees(share, single["power"])), "suite_level": least})
