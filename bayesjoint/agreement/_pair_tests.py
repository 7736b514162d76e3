"""The tests of the suite: for every survey alone, for every pair, and where and at which wavelengths."""

from dataclasses import replace

import numpy as np

from ..problem import one_survey
from ._detectability import fitted_forms, tabulate
from ._likelihood_ratio import ratio_of, splits_of
from ._local_conflict import LEVEL, POWER, map_residual, smallest
from ._multiple_testing import holm
from ._nuisance_test import additive_test
from ._own_model import own_model_tests
from ._pair import make_pair
from ._residuals import Residual
from ._result import AgreementTest
from ._sentences import FORMS, LEVELS, NO_OFFSET, article, disc_words, place_words, range_words
from ._spectral_conflict import band_residual, bands_by_wavenumber

SPREAD = 2.8  # standard deviations that a two-sided test at 5 % sees in 80 % of cases
ALIKE = 1 + 1e-9  # times the least: sizes that rounding alone tells apart
FEW_SCORES = 38  # degrees of freedom of the fewest simulated scores behind a null


class Family:
    """All tests of a suite.

    Parameters
    ----------
    own : dict of {survey: (AgreementTest, AgreementTest)}
        Of its prior and of its noise, each survey alone.
    pairs : dict of {(str, str): PairTests}
    """

    def __init__(self, own, pairs):
        self.own, self.pairs = own, pairs

    @property
    def tests(self):
        """All, those of each survey alone first."""
        return [t for both in self.own.values() for t in both] + [t for each in self.pairs.values() for t in each.tests]

    @property
    def p_values(self):
        """p-values of all."""
        return [t.p_value for t in self.tests]

    def _change(self, change):
        """Put ``change(test)`` for every test, in their order."""
        self.own = {name: tuple(map(change, both)) for name, both in self.own.items()}
        for each in self.pairs.values():
            each.tests = list(map(change, each.tests))

    def adjusted(self, p_adjusted=None):
        """The family itself, with adjusted p-values in its tests; default Holm over all of them."""
        values = iter(holm(self.p_values) if p_adjusted is None else p_adjusted)
        self._change(lambda t: replace(t, p_adjusted=float(next(values))))
        return self

    def add_suite_sizes(self, level):
        """Add to each test the size that it would have seen in this suite, at a family-wise level."""
        share = level / max(int(np.isfinite(self.p_values).sum()), 1)
        levels = {(frozenset(pair), d.survey, d.name): fit for pair, each in self.pairs.items()
                  for d, fit in each.fitted if d.kind == "levels"}
        self._change(lambda t: in_suite(t, share, levels.get((frozenset(t.surveys), t.target, t.form))))


def own_tests(data, problem, seed):
    """{survey: (test of its prior std, test of its noise std)}, each survey alone."""
    found = {m.name: own_model_tests(data.part((m.name,)), m.name, seed=seed) for m in problem.modalities}
    return {name: tuple(_seeing(t, f"an error of the {t.name}", SPREAD * t.effect["std"], "%") if t.effect else t
                        for t in both) for name, both in found.items()}


class PairTests:
    """All tests of two surveys, from one `Pair`.

    Parameters
    ----------
    problem : JointProblem
    surveys : (str, str)
    margins : dict or None
        As in `detectability`.
    method : str
        "auto", "dense" or "iterative".
    seed : int
    places : bool
        Whether maps and bands are wanted.

    Attributes
    ----------
    tests : list of AgreementTest
        Each with what it would have detected; the likelihood ratio, `ratio`, first.
    shared : float
        Nats that surveys without a common parameter share under the prior; infinite where they have one.
    fitted : list of (Disturbance, SinglePlaces, LevelFit or GainFit)
        What the data say of every disturbance.
    detectability, maps, bands : xarray.Dataset and {survey: xarray.Dataset}
        What lies behind them; maps and bands are empty where a survey does not know its stations.
    """

    def __repr__(self):
        return f"PairTests({len(self.tests)} tests, {len(self.maps)} maps, {len(self.bands)} sets of bands)"

    def __init__(self, problem, surveys, margins, method, seed, places=True):
        pair = make_pair(problem, surveys, method)
        self.fitted, spectrum = fitted_forms(pair, seed), pair.spectrum(seed=seed)
        one, other = ({name for m in pair.problem.modalities if m.name in group for name in m.parameters}
                      for group in pair.groups)
        self.shared = np.inf if one & other or pair.excess else spectrum.information()[0]
        table = tabulate(pair, margins=margins, seed=seed, fitted=self.fitted, spectrum=spectrum)
        self.detectability, self.maps, self.bands = table, {}, {}
        self.tests = [_seeing_offset(t, table) for t in (ratio_of(pair, spectrum), *splits_of(pair))]
        for survey, other in (surveys, surveys[::-1]):
            self._nuisances(pair, survey, other)
        if places and not pair.problem.prior.flat:
            for survey, other in (surveys, surveys[::-1]):
                if hasattr(one_survey(pair.problem, survey).forward, "coordinates"):
                    self._place(pair.problem, Residual(pair.both, survey, (other,), seed=seed), method, seed)

    @property
    def ratio(self):
        """The likelihood ratio."""
        return self.tests[0]

    def _nuisances(self, pair, survey, other):
        """Offset, tilt, gain and levels of one survey, the model marginalised."""
        for form in FORMS:
            kept = [(d, fit) for d, fit in self.fitted if d.survey == survey and form in (d.kind, d.name)]
            if not kept:
                continue
            (d, fit), what = kept[0], article(f"{form} of {survey}", form)
            size = np.max([each.detectable(LEVEL, POWER) for _, each in kept])
            if form == "gain":
                test, size = fit.test(), SPREAD * fit.resolution
            elif form in LEVELS:
                test, what = fit.test(form, (survey, other), d.units), f"rms of independent {form} of {survey}"
            else:
                test = additive_test(pair.both, survey, np.hstack([d.columns for d, _ in kept]),
                                     tuple(d.name for d, _ in kept), form)
            self.tests.append(_seeing(test, what, size, d.units))

    def _place(self, problem, residual, method, seed):
        """Bands and maps of the residual of one survey."""
        survey, given = residual.modality.name, residual.given
        bands = bands_by_wavenumber(problem, survey, given, method=method, seed=seed)
        self.bands[survey] = band_residual(residual) if bands is None else bands
        self.maps[survey] = map_residual(residual)
        self.tests += [bands_test(self.bands[survey], (survey, *given)), map_test(self.maps[survey], (survey, *given))]


def bands_test(found, surveys):
    """`AgreementTest` of a `spectral_conflict`: the smallest p-value, adjusted for the number of bands."""
    best, least = int(np.argmin(found.log_p_value.values)), int(np.argmin(found.detectable_rms.values))
    units, count = found.residual_rms.attrs["units"], found.sizes["band"]
    where = [range_words(found.wavelength_long.values[k], found.wavelength_short.values[k]) for k in (best, least)]
    test = AgreementTest(
        form="wavelengths", target=surveys[0], surveys=surveys, statistic=float(found.statistic.values[best]),
        p_value=float(found.p_holm.values.min()), p_value_error=float(found.p_value_error.values[best]) * count,
        log_p=float(found.log_p_value.values[best]) + np.log(count),
        null=f"smallest of {count} bands (Holm); {found.attrs['null']}",
        effect={"what": f"residual rms at wavelengths {where[0]}", "value": float(found.residual_rms.values[best]),
                "std": float(found.expected_rms.values[best] * 0.5 * found.ratio_spread.values[best]), "units": units})
    return _seeing(test, f"an rms disturbance {where[1]}", found.detectable_rms.values[least], units, within=count)


def map_test(found, surveys):
    """`AgreementTest` of a `local_conflict`: both maps by the inequality of Simes, the smaller doubled."""
    z, at = np.abs(found.anomaly_z.values), found.attrs
    best = np.unravel_index(np.nanargmax(z), z.shape)
    units, size = found.anomaly.attrs["units"], disc_words(float(found.patch.values[best[0]]))
    test = AgreementTest(
        form="places", target=surveys[0], surveys=surveys, statistic=float(z[best]), p_value_error=0.0,
        p_value=min(1.0, 2 * min(at["p_value"], at["anomaly_p_value"])),
        log_p=np.log(2) + min(at["log_p_value"], at["anomaly_log_p_value"]),
        null=f"Simes over stations and sizes of two maps; each {at['null']}", spread_dof=float(at["dof"]),
        effect={"what": f"extra anomaly {size}{place_words(found, best[1:])}",
                "value": float(found.anomaly.values[best]), "std": float(found.anomaly_error.values[best]),
                "units": units})
    return _seeing(test, f"an anomaly {size} at one given place",
                   np.nanmedian(found.anomaly_detectable.values[best[0]]), units, within=2 * int(np.isfinite(z).sum()))


def _seeing_offset(test, table):
    """A test with the offset that it would have detected: of the survey in which least of it is needed."""
    if not test.testable:
        return test
    rows = table.isel(disturbance=table.kind.values == "offset").sel(test=test.name)
    sizes = rows.detectable.values / rows.margin.values
    if not np.isfinite(sizes).any():
        return replace(test, note="; ".join(filter(None, (test.note, NO_OFFSET))))
    best = rows.isel(disturbance=int(np.flatnonzero(sizes <= np.nanmin(sizes) * ALIKE)[0]))
    return _seeing(test, f"an offset of {best.survey.item()}", best.detectable, best.size_units.item(),
                   error=best.detectable_error)


def _seeing(test, what, size, units, *, error=0.0, within=1):
    """A test with the size that it would have detected; `within`: how many comparisons it makes, this one of them."""
    if not test.testable or not np.isfinite(size):
        return test
    return replace(test, detectable={"what": what, "size": float(size), "units": units, "power": POWER, "level": LEVEL,
                                     "error": float(error), "within": within})


def in_suite(test, share, fit=None):
    """A test with the size that it would have seen in a suite that leaves it a `share` of the family-wise level.

    At Bonferroni's level, which no step of Holm falls short of, so that the power is no smaller. The size grows as that
    of a Gaussian estimate: a χ² of more degrees of freedom needs less. Of random levels it is the `fit`'s.
    """
    if not test.detectable:
        return test
    single = test.detectable
    dof = FEW_SCORES if np.isfinite(test.spread_dof) else np.inf
    least, power = share / single["within"], single["power"]
    size = fit.detectable(least, power) if fit else single["size"] * smallest(dof, least, power) / smallest(
        dof, single["level"], power)
    return replace(test, detectable=single | {"suite_size": float(size), "suite_level": least})
