"""The tests of the suite: for every survey alone, for every pair, and where and at which wavelengths."""

from copy import copy
from dataclasses import replace

import numpy as np

from .additive import level_fits
from .bands import spectral_conflict
from .detectable import tabulate
from .disturbances import disturbances_of
from .gain import gain_fits
from .likelihood_ratio import ratio_of
from .local import local_conflict, smallest
from .nuisances import additive_test
from .own_model import own_model_tests
from .pair import make_pair
from .result import AgreementTest
from .splitting import splits_of

FORMS = ("offset", "tilt", "gain")
TIGHT = 1e-8  # relative residual of the solves behind offsets and tilts
SPREAD = 2.8  # standard deviations that a two-sided test at 5 % sees in 80 % of cases
FEW_SCORES = 38  # degrees of freedom of the fewest simulated scores behind a null


def own_tests(data, problem, seed):
    """{survey: (test of its prior std, test of its noise std)}, each survey alone."""
    found = {m.name: own_model_tests(data.part((m.name,)), m.name, seed=seed) for m in problem.modalities}
    return {name: tuple(replace(t, detectable=_seen(f"an error of the {t.name}", SPREAD * t.effect["std"], "%"))
                        if t.effect else t for t in both) for name, both in found.items()}


class PairTests:
    """All tests of two surveys.

    Parameters
    ----------
    problem : JointProblem
    pair : (str, str)
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
        Each with what it would have detected.
    shared : float
        Nats that surveys without a common parameter share under the prior; infinite where they have one.
    fits : dict of {id of a test: LevelFit}
        Of levels of lines.
    detectability, maps, bands : xarray.Dataset and {survey: xarray.Dataset}
        What lies behind them; maps and bands are empty where a survey does not know its stations.
    """

    def __init__(self, problem, pair, margins, method, seed, places=True):
        made = make_pair(problem, pair, method)
        self.pair, self.problem = pair, made.problem
        gains = gain_fits(made.both, pair, seed)
        spectrum = made.spectrum(**({} if made.method == "dense" else {"seed": seed}))
        self.shared = _shared(made, spectrum)
        levels = level_fits(made.both, [d for m in made.problem.modalities for d in disturbances_of(m)])
        self.detectability = tabulate(made, margins=margins, seed=seed, gains=gains, spectrum=spectrum, levels=levels)
        self.fits = {}
        self.tests = [with_offset(t, self.detectability) for t in (ratio_of(made, spectrum), *splits_of(made))]
        for survey in pair:
            self.tests += self._nuisances(made, survey, gains[survey])
            self.tests += self._levels(survey, levels)
        self.maps, self.bands = {}, {}
        if places and not made.problem.prior.flat:
            for survey in pair:
                self._place(survey, method, seed)

    def _nuisances(self, made, survey, gain):
        """Offset, tilt and gain of one survey, the model marginalised."""
        table, found = self.detectability, []
        for form in FORMS:
            rows = [k for k, (s, f) in enumerate(zip(table.survey.values, table.form.values, strict=True))
                    if s == survey and f.split()[0] == form]
            if not rows:
                continue
            if form == "gain":
                test, size = gain.test(), SPREAD * gain.resolution
            else:
                columns, labels = self._columns(survey, form)
                test = additive_test(_tightened(made.both), survey, columns, labels)
                size = float(np.max(table.detectable.sel(test="nuisance").values[rows]))
            found.append(renamed(test, f"{form} of {survey}", f"a {form} of {survey}" if form != "offset" else
                                 f"an offset of {survey}", size, str(table.size_units.values[rows[0]])))
        return found

    def _levels(self, survey, levels):
        """Levels of rows and columns of one survey, the model marginalised."""
        table, found = self.detectability, []
        for (name, form), fit in levels.items():
            if name == survey:
                title, (other,) = f"{form} of {survey}", set(self.pair) - {survey}
                row = table.sel(disturbance=title)
                units, size = str(row.size_units.values), float(row.detectable.sel(test="nuisance"))
                test = fit.test(title, (survey, other), units)
                found.append(renamed(test, title, f"rms of independent {form} of {survey}", size, units))
                self.fits[id(found[-1])] = fit
        return found

    def _columns(self, survey, form):
        modality = next(m for m in self.problem.modalities if m.name == survey)
        forms = [d for d in disturbances_of(modality) if d.kind == form]
        return np.stack([d.column for d in forms], axis=1), tuple(d.name for d in forms)

    def _place(self, survey, method, seed):
        modality = next(m for m in self.problem.modalities if m.name == survey)
        if not hasattr(modality.forward, "coordinates"):
            return
        given = tuple(name for name in self.pair if name != survey)
        self.bands[survey] = spectral_conflict(self.problem, survey, given, method=method, seed=seed)
        self.maps[survey] = local_conflict(self.problem, survey, given, method=method, seed=seed)
        self.tests += [bands_test(self.bands[survey], survey, given), map_test(self.maps[survey], survey, given)]


def _shared(made, spectrum):
    """Nats that surveys without a common parameter share under the prior; infinite where they have one."""
    one, other = ({name for m in made.problem.modalities if m.name in group for name in m.parameters}
                  for group in made.groups)
    return np.inf if one & other or made.excess else spectrum.information()[0]


def _tightened(data):
    """The same, solving as closely as a p-value of few columns wants."""
    out = copy(data)
    out.tolerance = TIGHT
    return out


def bands_test(found, survey, given):
    """`AgreementTest` of a `spectral_conflict`: the smallest p-value, adjusted for the number of bands."""
    best = int(np.argmin(found.p_value.values))
    units = found.residual_rms.attrs["units"]
    least = int(np.argmin(found.detectable_rms.values))
    return AgreementTest(
        name=f"wavelengths of {survey}", surveys=(survey, *given), statistic=float(found.statistic.values[best]),
        p_value=float(found.p_holm.values.min()), p_value_error=float(found.p_value_error.values[best])
        * found.sizes["band"], null=f"smallest of {found.sizes['band']} bands (Holm); {found.attrs['null']}",
        effect={"what": f"residual rms at wavelengths {_range(found, best)}",
                "value": float(found.residual_rms.values[best]),
                "std": float(found.expected_rms.values[best] * 0.5 * found.ratio_spread.values[best]), "units": units},
        detectable=_seen(f"an rms disturbance {_range(found, least)}", found.detectable_rms.values[least], units,
                         within=found.sizes["band"]))


def map_test(found, survey, given):
    """`AgreementTest` of a `local_conflict`: both maps by the inequality of Simes, the smaller doubled."""
    p = min(1.0, 2 * min(found.attrs["p_value"], found.attrs["anomaly_p_value"]))
    at = np.unravel_index(np.nanargmax(np.abs(found.anomaly_z.values)), found.anomaly_z.shape)
    units = found.anomaly.attrs["units"]
    radius = float(found.patch.values[at[0]])
    size = f"of {radius:.3g} m radius" if radius > 0 else "of one station"
    return AgreementTest(
        name=f"places of {survey}", surveys=(survey, *given), statistic=float(np.abs(found.anomaly_z.values[at])),
        p_value=p, p_value_error=0.0, null=f"Simes over stations and sizes of two maps; each {found.attrs['null']}",
        effect={"what": f"extra anomaly {size}{_place(found, at[1:])}",
                "value": float(found.anomaly.values[at]),
                "std": float(found.anomaly_error.values[at]), "units": units},
        detectable=_seen(f"an anomaly {size} at one given place",
                         np.nanmedian(found.anomaly_detectable.values[at[0]]), units,
                         within=2 * int(np.isfinite(found.anomaly_z.values).sum())))


def with_offset(test, table):
    """A test with the offset that it would have detected: of the survey in which least of it is needed."""
    if np.isnan(test.p_value):
        return test
    rows = [k for k, form in enumerate(table.form.values) if form == "offset"]
    sizes = table.detectable.sel(test=test.name).values[rows] / table.margin.values[rows]
    if not np.isfinite(sizes).any():
        return replace(test, note=f"{test.note + '; ' if test.note else ''}it does not see an offset")
    best = rows[int(np.nanargmin(sizes))]
    error = float(table.detectable_error.sel(test=test.name).values[best])
    return replace(test, detectable=_seen(f"an offset of {table.survey.values[best]}",
                                          table.detectable.sel(test=test.name).values[best],
                                          str(table.size_units.values[best]), error))


def renamed(test, name, what, size, units):
    """A test under another name, with the size it would have detected."""
    seen = None if np.isnan(test.p_value) or not np.isfinite(size) else _seen(what, size, units)
    return replace(test, name=name, detectable=seen)


def in_suite(test, level, count, fit=None):
    """A test with the size that it would have seen in a suite of `count` tests at a family-wise level.

    At Bonferroni's level, which no step of Holm falls short of, so that the power is no smaller. The size grows as that
    of a Gaussian estimate: a χ² of more degrees of freedom needs less. Of random levels it is the `fit`'s.
    """
    if not test.detectable:
        return test
    single, within = test.detectable, test.detectable["within"]
    dof = FEW_SCORES if "Student" in test.null else np.inf
    least, power = level / (count * within), single["power"]
    size = fit.detectable(least, power) if fit else single["size"] * smallest(dof, least, power) / smallest(
        dof, single["level"], power)
    return replace(test, detectable=single | {"suite_size": float(size), "suite_level": least})


def in_suite_words(test):
    """What the suite would have seen, in words."""
    found = test.detectable
    if not found:
        return ""
    return (f"{found['what']} of {found['suite_size']:.3g} {found['units']} in {found['power']:.0%} of cases or more, "
            f"at {found['suite_level']:.2g} (Bonferroni)")


def _seen(what, size, units, error=0.0, within=1):
    """`within`: how many comparisons a test makes, of which this is one."""
    return {"what": what, "size": float(size), "units": units, "power": 0.8, "level": 0.05, "error": float(error),
            "within": within}


def _place(found, at):
    """Words for a station of a map."""
    axes = {}
    for direction in ("easting", "northing"):
        name = f"{found.attrs['survey']}_{direction}"
        if name in found.coords:
            dims = found.anomaly.dims[1:]
            axes[direction] = float(found[name].values[at[dims.index(found[name].dims[0])]])
    return "".join(f"{' at' if k == 0 else ','} {direction} {value:.0f} m" for k, (direction, value) in
                   enumerate(axes.items()))


def _range(found, band):
    long, short = found.wavelength_long.values[band], found.wavelength_short.values[band]
    return f"above {short:.3g} km" if np.isnan(long) else f"between {short:.3g} and {long:.3g} km"
