"""The tests of two surveys, or of one against all others: whether they differ, how, where and at which wavelengths."""

from dataclasses import replace
from functools import partial

import numpy as np

from ..problem import one_survey
from ._detectability import fitted_forms, shares, tabulate
from ._likelihood_ratio import ratio_of, splits_of
from ._local_conflict import LEVEL, POWER, map_residual, smallest
from ._nuisance_test import NuisanceFit, fitted_test
from ._pair import checked_groups, make_pair
from ._residuals import Residual
from ._result import AgreementTest
from ._same_tests import statistics_of
from ._sentences import FORMS, LEVELS, NO_OFFSET, article, disc_words, place_words, range_words
from ._sizes import Sizes
from ._spectral_conflict import band_residual, bands_by_wavenumber, noncentrality

ALIKE = 1 + 1e-9  # times the least: sizes that rounding alone tells apart
FEW_SCORES = 38  # degrees of freedom of the fewest simulated scores behind a null


class PairTests:
    """All tests of two surveys, or of one against all others, from one `Pair`.

    Parameters
    ----------
    problem : JointProblem
    pair : (str or tuple of str, str or tuple of str)
    margins : dict or None
        As in `detectability`.
    method : str
        "auto", "dense" or "iterative".
    seed : int
    places : bool
        Whether maps and bands are wanted.
    about : tuple of str, optional
        Surveys whose disturbances are looked for, and which are predicted from the others; default all.
    probe : Probe, optional
        Simulated data sets, to tell which tests are one.
    tell : callable, optional
        Called with what is begun, as `pieces_of` lists it.

    Attributes
    ----------
    tests : list of AgreementTest
        Each with what it would have detected; the likelihood ratio, `ratio`, first.
    statistics : list of (int, ndarray) or None
        Of each test, for `groups_of`.
    sees : list of callable
        Of each test ``(level, power) -> size``.
    shared : float
        Nats that surveys without a common parameter share under the prior; infinite where they have one.
    fitted : list of (Disturbance, SinglePlaces, LevelFit or GainFit)
        What the data say of every disturbance.
    detectability, maps, bands : xarray.Dataset and {survey: xarray.Dataset}
        What lies behind them; maps and bands are empty where a survey does not know its stations.
    """

    def __repr__(self):
        return f"PairTests({len(self.tests)} tests, {len(self.maps)} maps, {len(self.bands)} sets of bands)"

    def __init__(self, problem, pair, margins, method, seed, places=True, about=None, probe=None,
                 tell=lambda what: None):
        begun = iter(pieces_of(problem, pair, places, about))
        tell(next(begun))
        self.pair = pair = make_pair(problem, pair, method)
        about = pair.names if about is None else about
        self.fitted = fitted_forms(pair, seed, about=about)
        tell(next(begun))
        spectrum = pair.spectrum(seed=seed)
        self.shared = np.inf if shares(pair) else spectrum.information()[0]
        self._found, self._columns = Sizes(pair, self.fitted, seed, spectrum), {}
        table = tabulate(pair, margins=margins, seed=seed, fitted=self.fitted, found=self._found)
        self.detectability, self.maps, self.bands = table, {}, {}
        self.tests, self.sees, self._keys = [], [], []
        splits = splits_of(pair)
        for which, test, key in ((2, ratio_of(pair, spectrum), "ratio"), (0, splits[0], "into second"),
                                 (1, splits[1], "into first")):
            if which == 2 or set(pair.groups[1 - which]) & set(about):
                self._offset(test, which, key)
        for survey in about:
            self._nuisances(pair, survey)
        for survey in _placed(pair.problem, about) if places else ():
            tell(next(begun))
            if not pair.problem.prior.flat:
                given = tuple(name for name in pair.names if name != survey)
                self._place(pair.problem, Residual(pair.both, survey, given, seed=seed), method, seed)
        tell(next(begun))
        known = {} if probe is None else statistics_of(pair, probe, self._columns)
        self.statistics = [known.get(key) for key in self._keys]

    @property
    def ratio(self):
        """The likelihood ratio."""
        return self.tests[0]

    def _add(self, test, what, sees, units, key=None, **more):
        """Keep a test with what it sees."""
        self.tests.append(seeing(test, what, sees, units, **more))
        self.sees.append(sees)
        self._keys.append(key)

    def _offset(self, test, which, key):
        """Keep a test with the offset that it sees: of the survey in which least of it is needed."""
        offsets = [k for k, (d, _) in enumerate(self.fitted) if d.kind == "offset"]
        sizes = np.array([self._found.of(which, k, LEVEL, POWER)[0] / self.fitted[k][0].scale for k in offsets])
        if not test.testable or not np.isfinite(sizes).any():
            note = test.note if not test.testable else "; ".join(filter(None, (test.note, NO_OFFSET)))
            self._add(replace(test, note=note), "", lambda *_: np.nan, "", key)
            return
        k = offsets[int(np.flatnonzero(sizes <= np.nanmin(sizes) * ALIKE)[0])]
        self._add(test, f"an offset of {self.fitted[k][0].survey}", lambda *at: self._found.of(which, k, *at)[0],
                  self.fitted[k][0].units, key, error=self._found.of(which, k, LEVEL, POWER)[1],
                  reach=_reach(self.pair.problem, self.fitted[k][0].survey))

    def _nuisances(self, pair, survey):
        """Offset, tilt, gain and levels of one survey, the model marginalised."""
        surveys = (survey, *(name for name in pair.names if name != survey))
        for form in FORMS:
            kept = [(d, fit) for d, fit in self.fitted if d.survey == survey and form in (d.kind, d.name)]
            if not kept:
                continue
            (d, fit), what = kept[0], article(f"{form} of {survey}", form)
            columns, sees = None if form == "gain" else np.hstack([d.columns for d, _ in kept]), fit.detectable
            if form == "gain":
                test = fit.test()
            elif form in LEVELS:
                test, what = fit.test(form, surveys, d.units), f"rms of independent {form} of {survey}"
            else:
                stds = max(each.stds[each.least_seen] for _, each in kept)
                fit = NuisanceFit(pair.both, survey, columns)
                test = fitted_test(pair.both, fit, tuple(d.name for d, _ in kept), form)
                sees = partial(_seen_by_chi2, fit.rank, stds)
            if test.testable:
                self._columns[survey, form] = columns, fit
            reach = {} if form == "gain" else {"reach": _reach(pair.problem, survey)}
            self._add(test, what, sees, d.units, (survey, form), **reach)

    def _place(self, problem, residual, method, seed):
        """Bands and maps of the residual of one survey."""
        survey, given = residual.modality.name, residual.given
        bands = bands_by_wavenumber(problem, survey, given, method=method, seed=seed)
        self.bands[survey] = band_residual(residual) if bands is None else bands
        self.maps[survey] = map_residual(residual)
        for test, what, sees, units, within in (bands_test(self.bands[survey], (survey, *given)),
                                                map_test(self.maps[survey], (survey, *given))):
            self._add(test, what, sees, units, within=within)


def pieces_of(problem, pair, places, about=None):
    """What `PairTests` of these arguments begins, in its order."""
    groups = checked_groups(problem, pair)
    label = " and ".join(name for group in groups for name in group)
    placed = _placed(problem, groups[0] + groups[1] if about is None else about) if places else ()
    return [f"{label}: offset, tilt, gain and levels", f"{label}: likelihood ratio and node splits",
            *(f"{label}: wavelengths and places of {survey}" for survey in placed), f"{label}: which tests are one"]


def _placed(problem, surveys):
    """Of these surveys those that know their stations."""
    return [survey for survey in surveys if hasattr(one_survey(problem, survey).forward, "coordinates")]


def _reach(problem, survey):
    """Size from which a disturbance of a survey is larger than its data, and than ten times their noise."""
    modality = one_survey(problem, survey)
    noise = float(np.sqrt(np.median(modality.noise.variance()) / problem.weights[survey]))
    return max(float(np.nanmax(np.abs(modality.data))), 10.0 * noise)


def _seen_by_chi2(dof, std, level, power):
    """Size of one column that the test of `dof` of them sees, each known to `std` at worst as the only one."""
    return std * (smallest(level=level, power=power) if dof == 1 else np.sqrt(noncentrality(float(dof), level, power)))


def _seen_by_one_of(within, size, dof, level, power):
    """Size that the smallest p-value of `within` comparisons sees, of one seen at `LEVEL` by itself."""
    dof = FEW_SCORES if np.isfinite(dof) else np.inf
    return size * smallest(dof, level / within, power) / smallest(dof, LEVEL, POWER)


def bands_test(found, surveys):
    """Of a `spectral_conflict` the test of its smallest p-value, adjusted for the number of bands, and what it sees."""
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
    sees = partial(_seen_by_one_of, count, float(found.detectable_rms.values[least]), np.inf)
    return test, f"an rms disturbance {where[1]}", sees, units, count


def map_test(found, surveys):
    """Of a `local_conflict` the test of both maps by the inequality of Simes, the smaller doubled; and what it sees."""
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
    within = 2 * int(np.isfinite(z).sum())
    sees = partial(_seen_by_one_of, within, float(np.nanmedian(found.anomaly_detectable.values[best[0]])),
                   float(at["dof"]))
    return test, f"an anomaly {size} at a typical place", sees, units, within


def seeing(test, what, sees, units, *, error=0.0, within=1, **more):
    """A test with the size that it would have detected by itself.

    Parameters
    ----------
    test : AgreementTest
    what : str
        Which disturbance.
    sees : callable
        ``(level, power) -> size``, NaN where it sees none.
    units : str
    error : float, default 0.0
        Of the size.
    within : int, default 1
        How many comparisons it makes, for all of which it is corrected.
    **more
        Fields of ``detectable`` beside these.
    """
    size = sees(LEVEL, POWER) if test.testable else np.nan
    if not np.isfinite(size):
        return test
    return replace(test, detectable={"what": what, "size": float(size), "units": units, "power": POWER, "level": LEVEL,
                                     "error": float(error), "within": within, **more})
