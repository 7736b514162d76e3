"""The result schema: plain arrays in, an `xarray.DataTree` in ArviZ's flat groups out, and the only writer of netCDF.

Groups (present when they have something to hold):

``posterior``, ``prior``
    draws, dims ``(chain, draw, ...)``, one variable a parameter.
``posterior_summary``, ``prior_summary``
    per cell ``density_mean``, ``density_std``, ``density_mean_error``, ``density_std_error``, and ``density_lower``,
    ``density_upper`` with their probability and kind (where these are recalibrated, the engine's own beside them as
    ``density_gaussian_lower``, ``density_gaussian_upper``); ``prior_summary`` also holds the prior correlation of two
    parameters, ``correlation__density__susceptibility``.
``separate_summary``
    the same from the separate inversions: ``density_mean__gravity_only``, ``gravity_chi2__gravity_only``.
``observed_data``, ``posterior_predictive``, ``log_likelihood``
    one variable a modality, on that modality's own dims; gaps are NaN.
``predictive_summary``
    ``gravity_mean``, ``gravity_std`` (noise-free prediction) and ``gravity_chi2``, all without Monte Carlo noise.
``constant_data``
    cell edges, bounds (``density_bound_lower``), noise standard deviations (``gravity_noise_std``), station heights
    (``gravity_upward``).
``sample_stats``, ``history``
    one value a draw (``chi2_gravity``: χ² of that draw's prediction; ``relative_residual`` of the solve behind it); one
    value an iteration of the optimiser.

``recalibration``, ``recalibration_classes``, ``recalibration_plausibility``, ``recalibration_sensitivity``
    what `recalibrate` found on simulated ground; the family, its worlds and their seed are attributes of the root.

Anything else (diagnostics, conflict tests) goes in as further flat groups through `build_tree(extra=...)`.
"""

from ._beside import beside, wait
from ._build import build_tree
from ._dataset_builder import DatasetBuilder
from ._files import read_attributes, read_tree, without_gaps, write_dataset, write_tree
from ._groups import check_name
from ._records import Approximation, ModalityBlock, ParameterBlock
from ._store import GrowingFile
