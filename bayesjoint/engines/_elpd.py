"""ArviZ's objects for leave-one-out results: theirs in all they hold, with a summary that speaks of no draws."""

from dataclasses import dataclass

import arviz
from arviz_stats.utils import ELPDData
from xarray import DataArray

SERIES = {"elpd": "elpd_loo", "p": "p_loo", "elpd_i": "loo_i"}  # as ArviZ called them before its version 1
MODERN = arviz.compare.__module__.startswith("arviz_stats")


def summary(found, elpd, effective):
    """What a result says of itself."""
    names = dict.fromkeys(found["elpd_i" if elpd == "elpd" else "loo_i"]["survey"].values.tolist())
    return (f"Exact leave-one-out of {found['n_data_points']} data of {', '.join(names)}, no draws.\n\n"
            f"         Estimate       SE\nelpd_loo {found[elpd]:8.2f}  {found['se']:7.2f}\n"
            f"p_loo    {found[effective]:8.2f}        -")


@dataclass(repr=False)
class ExactLoo(ELPDData):
    """For ``arviz_stats.compare``."""

    loo_mean: DataArray = None
    loo_std: DataArray = None

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


def for_arviz(fields):
    """What `arviz.compare` of the installed version takes."""
    if MODERN:
        return ExactLoo(**fields)
    return ExactLooSeries({SERIES.get(key, key): value for key, value in fields.items() if key != "kind"})
