"""Figures: maps and sections of data and models, and the charts of the report.

Every function draws on the Axes given as ``ax=`` (or on new ones) and returns it. Maps have equal scales along both
axes and are in kilometres; anomalies and contrasts have a diverging colour map centred on zero, standard deviations a
sequential one; both are safe for the colour-blind. What takes a result tree takes a posterior from `bayesjoint.load`
too. Matplotlib is imported on first use of this module.
"""

from ._agreement import bands, matrix, places, verdict
from ._answers import cells, columns, layers
from ._calibration import ecdf, ranks
from ._charts import (
    beyond,
    chi2_terms,
    convergence,
    correlation,
    crossplot,
    layers_left,
    profile,
    residual_reach,
    residuals,
)
from ._fields import (
    best_sections,
    cut,
    data_field,
    has,
    held,
    is_tree,
    labels_of,
    mesh_of,
    mesh_parameters,
    model_values,
    prior_mean,
    standing_out,
    station_boxes,
    std_ratio,
    title_of,
    under_stations,
)
from ._grounds import geology
from ._intervals import coverage, coverage_rows, family_label, interval, interval_values
from ._maps import compare, data, draw_section, exaggeration_of, model
from ._style import colours_for, kind_of_data, length_scale, norm_for, plainly, pretty, raised

bands, matrix, places, verdict, cells, columns, layers, ecdf, ranks, beyond, residuals, geology, data, model = map(
    plainly, (bands, matrix, places, verdict, cells, columns, layers, ecdf, ranks, beyond, residuals, geology, data,
              model))
compare, convergence, coverage, crossplot, interval, profile = (
    plainly(draw, of_tree=True) for draw in (compare, convergence, coverage, crossplot, interval, profile))
draw_section = plainly(draw_section)
