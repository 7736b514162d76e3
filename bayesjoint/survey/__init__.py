"""What was measured, where and how well: surveys, and reading them from files."""

from .core import Survey
from .reading import read_survey

__all__ = ["Survey", "read_survey"]
