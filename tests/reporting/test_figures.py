"""Scales of the static figures come from cells under the stations: a strong cell elsewhere hides nothing."""

import numpy as np
import pytest

from bayesjoint import plot
from bayesjoint.reporting._figures import ModelPictures

from .viewed import make_viewed


def test_a_strong_cell_outside_the_stations_does_not_set_the_scale():
    tree = make_viewed()
    under = plot.under_stations(tree, plot.mesh_of(tree))
    outside = ~np.broadcast_to(under, tree["posterior_summary"].density_mean.shape)
    assert outside.any()
    tree["posterior_summary"].density_mean.values[outside] = 1e4
    tree["posterior_summary"].density_std.values[outside] = 1e3
    summary, alone = tree["posterior_summary"], tree["separate_summary"]
    pictures = ModelPictures(tree, "density")
    mean = np.abs([summary.density_mean.values[~outside], alone.density_mean__gravity_only.values[~outside]]).max()
    std = max(summary.density_std.values[~outside].max(), alone.density_std__gravity_only.values[~outside].max())
    assert pictures.limits["mean"] == pytest.approx((-mean, mean))
    assert pictures.limits["std"] == pytest.approx((0.0, std))
