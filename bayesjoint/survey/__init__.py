"""What was measured, where and how well: surveys, and reading them from files."""

from ._read_survey import read_survey
from ._survey import Survey
from .formats import FORMATS
