"""Whether what a test of two surveys objects to is there in one of them by itself: else what ties the two made it."""

import numpy as np
from scipy.stats import chi2

from ._additive import additive_fits
from ._gain_test import GainScore
from ._local_conflict import map_residual
from ._nuisance_test import NuisanceFit
from ._pair_tests import bands_test, map_test
from ._residuals import Residual
from ._spectral_conflict import band_residual

DRAWS = 199  # simulated data sets behind a gain of one survey


def shows_alone(each, test, level):
    """Whether a survey by itself, under its own prior and noise, shows what a test of it and others objects to.

    Parameters
    ----------
    each : PairTests
        Among whose tests it is.
    test : AgreementTest
    level : float

    Returns
    -------
    bool
        False for a test that is of no one survey.
    """
    survey, both = test.target, each.pair.both
    if survey not in both.rows:
        return False
    alone = both.part((survey,))
    if test.form == "node split":
        p = chi2.sf(float(alone.quadratic(alone.residual[:, None])[0][0]), alone.dof) if alone.dof else np.nan
    elif test.form in ("places", "wavelengths"):
        residual = Residual(both, survey, ())
        made = map_test(map_residual(residual), (survey,)) if test.form == "places" else bands_test(
            band_residual(residual), (survey,))
        p = made[0].p_value
    elif test.form == "gain":
        p = GainScore(alone, survey).fit(DRAWS, np.random.default_rng(0)).test().p_value
    else:
        kept = [d for d, _ in each.fitted if d.survey == survey and test.form in (d.kind, d.name)]
        if kept[0].kind == "levels":
            p = next(iter(additive_fits(alone, kept).values())).p_value
        else:
            fit = NuisanceFit(alone, survey, np.hstack([d.columns for d in kept]))
            p = chi2.sf(fit.test(alone.residual[:, None])[0][0], fit.rank) if fit.rank else np.nan
    return bool(p <= level)
