"""What was measured, where and how well: surveys, and reading them from files."""

from ._aliasing import WIDEST, aliased_share, spacing_of
from ._contents import contents, left_open
from ._doubts import other_units, span
from ._lattice import on_lattice
from ._read_survey import read_survey
from ._roughness import roughness
from ._survey import Survey
from .formats import FORMATS
