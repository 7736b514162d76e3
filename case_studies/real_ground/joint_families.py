"""Families for joint against separate, stated before any of their worlds is scored."""

from dataclasses import replace

import bayesjoint as bj

TOGETHER = bj.Geology(
    [bj.Bodies(contrasts={"density": bj.Signed(bj.LogNormal(300.0, 0.5)), "susceptibility": bj.LogNormal(0.03, 0.7)},
               number=(1, 5), size=bj.LogNormal(bj.LogUniform(150.0, 450.0), 0.3), depth=(0.0, 600.0))],
    shared=1.0, positive=("susceptibility",), name="sparse bodies, one geometry")
"""A few bodies, each dense or light and magnetic: what one survey sees the other sees too."""

HALF = replace(TOGETHER, shared=0.5, name="sparse bodies, one geometry in half of the worlds")
"""The same, but the properties share their bodies in half of the worlds only."""

APART = replace(TOGETHER, shared=0.0, name="sparse bodies, nothing shared")
"""The same bodies, each property with its own."""
