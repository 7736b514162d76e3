"""ArviZ's objects for leave-one-out results: theirs in all they hold, with a summary that speaks of no draws."""

from dataclasses import dataclass, fields

import arviz
from arviz_stats import utils
from xarray import DataArray

SERIES = {"elpd": "elpd_loo", "p": "p_loo", "elpd_i": "loo_i"}  # as ArviZ called them before its version 1
TODAY = {old: new for new, old in SERIES.items()}
BASE = getattr(utils, "ELPDDataLOO", utils.ELPDData)  # arviz-stats has one class a kind since version 1.3
MODERN = arviz.compare.__module__.startswith("arviz_stats")


def summary(found, elpd, effective):
    """What a result says of itself."""
    names = dict.fromkeys(found["elpd_i" if elpd == "elpd" else "loo_i"]["survey"].values.tolist())
    return (f"Exact leave-one-out of {found['n_data_points']} data of {', '.join(names)}, no draws.\n\n"
            f"         Estimate       SE\nelpd_loo {found[elpd]:8.2f}  {found['se']:7.2f}\n"
            f"p_loo    {found[effective]:8.2f}        -"
            + (f"\n\n{found['outliers']}" if found["outliers"] else ""))


@dataclass(repr=False, kw_only=True)
class ExactLoo(BASE):
    """For ``arviz_stats.compare``."""

    loo_mean: DataArray = None
    loo_std: DataArray = None
    loo_z: DataArray = None
    loo_influence: DataArray = None
    outliers: str = ""

    def __getitem__(self, key):
        """An entry by its name of today or by that before version 1."""
        return getattr(self, TODAY.get(key, key))

    def __str__(self):
        return summary(self, "elpd", "p")


if not MODERN:
    from arviz.stats import ELPDData as SeriesOfElpd

    class ExactLooSeries(SeriesOfElpd):
        """For ``arviz.compare`` before version 1."""

        def __str__(self):
            return summary(self, "elpd_loo", "p_loo")

        def copy(self, deep=True):
            """A copy of it and of what it holds."""
            return ExactLooSeries(super().copy(deep))


def for_arviz_stats(found):
    """What `arviz_stats.compare` of the installed version takes."""
    known = {field.name for field in fields(ExactLoo)}
    return ExactLoo(**{key: value for key, value in found.items() if key in known})


def for_arviz(found):
    """What `arviz.compare` of the installed version takes."""
    if MODERN:
        return for_arviz_stats(found)
    return ExactLooSeries({SERIES.get(key, key): value for key, value in found.items() if key != "kind"})
