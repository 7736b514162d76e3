"""Posterior engines behind one interface."""

from ._body_family import BodyFamily
from ._chains import LEAST_ESS, WORST_RHAT, Mixing
from ._choice import choose_engine, dense_fits, needs_a_map, posterior
from ._data_space import UNCHECKED
from ._draw_blocks import BLOCK, Drawn, blocks_of, drawn
from ._estimate import Estimate
from ._export import chi2_of, clean_mean, prior_correlations
from ._leave_one_out import loo
from ._loaded import LoadedPosterior, load
from ._outliers import outlier_remedy
from ._posterior import Posterior, SummarisedPosterior
from ._protocol import PosteriorEngine
from ._registry import ENGINES, answers_other_data, has_own_prior, methods, register_engine
from ._rounding import EPS, SAFETY, std_error
from ._until_mixed import entries_gone_over
from .dense import CELLS, DensePosterior, check_dense
from .iterative import LOOSEST, IterativePosterior
from .lowrank import LowRankWarning
