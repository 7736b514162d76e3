"""Families of ground, stated before any truth of this study is looked at."""

import bayesjoint as bj

COMPACT = bj.Geology(
    [bj.Bodies(contrasts={"density": bj.Signed(bj.LogNormal(500.0, 0.5))}, number=(1, 4),
               size=bj.LogNormal(bj.LogUniform(80.0, 250.0), 0.3), depth=(0.0, 250.0))],
    name="compact bodies")
"""A few bodies of either sign, from two to five cells of 50 m across, anywhere in the upper 250 m."""
