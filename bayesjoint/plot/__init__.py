"""Figures: maps and sections of data and models, and the charts of the report.

Every function draws on the Axes given as ``ax=`` (or on new ones) and returns it. Maps have equal scales along both
axes and are in kilometres; anomalies and contrasts have a diverging colour map centred on zero, standard deviations a
sequential one; both are safe for the colour-blind. What takes a result tree takes a posterior from `bayesjoint.load`
too. Matplotlib is imported on first use of this module.
"""

from .agreement import bands, matrix, places, verdict
from .answers import cells, columns, layers
from .calibration import ecdf, ranks
from .charts import convergence, crossplot, profile, residuals
from .fields import best_sections
from .grounds import geology
from .intervals import coverage, interval
from .maps import compare, data, model

__all__ = ["bands", "best_sections", "cells", "columns", "compare", "convergence", "coverage", "crossplot", "data",
           "ecdf", "geology", "interval", "layers", "matrix", "model", "places", "profile", "ranks", "residuals",
           "verdict"]
