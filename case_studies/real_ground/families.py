"""Families of ground, stated before any truth of this study is looked at."""

import bayesjoint as bj

COMPACT = bj.Geology(
    [bj.Bodies(contrasts={"density": bj.Signed(bj.LogNormal(500.0, 0.5))}, number=(1, 4),
               size=bj.LogNormal(bj.LogUniform(80.0, 250.0), 0.3), depth=(0.0, 250.0))],
    name="compact bodies")
"""A few bodies of either sign, from two to five cells of 50 m across, anywhere in the upper 250 m."""

SUPERQUADRICS = bj.Geology(
    [bj.Bodies(contrasts={"density": bj.Signed(bj.LogNormal(500.0, 0.5))}, number=bj.LogUniform(1.0, 6.0),
               size=bj.LogNormal(200.0, 0.5 / 3**0.5), elongation=bj.LogNormal(1.0, 0.5 * 2**0.5),
               flatness=bj.LogNormal(1.0, 0.5 * 2**0.5), exponent=(2.0, 8.0), depth=(0.0, 300.0))],
    name="superquadrics")
"""One to six bodies whose half axes have logarithms N(ln 100 m, 0.5), exponents 2 to 8, anywhere in the mesh."""

ANY_CONTRAST = bj.Geology(
    [bj.Bodies(contrasts={"density": bj.Signed(bj.LogUniform(100.0, 1500.0))}, number=bj.LogUniform(1.0, 6.0),
               size=bj.LogNormal(200.0, 0.5 / 3**0.5), elongation=bj.LogNormal(1.0, 0.5 * 2**0.5),
               flatness=bj.LogNormal(1.0, 0.5 * 2**0.5), exponent=(2.0, 8.0), depth=(0.0, 300.0))],
    log_std=0.0, name="superquadrics of any contrast")
"""The same bodies with any contrast that rocks and voids have, 100 to 1,500 kg/m³ of either sign."""
