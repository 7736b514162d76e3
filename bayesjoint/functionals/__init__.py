"""Questions that people ask of a posterior: where, how much, how deep; each answered from draws, with its error."""

from ._answers import caution
from ._closed_form import closed_form, state_weights
from ._exceedance import depth_to_top, exceedance, top_of
from ._excess_mass import excess_mass, inducing_field, magnetic_moment, mass_in, moment_in
from ._protocol import Functional, linear
from ._window import Window
