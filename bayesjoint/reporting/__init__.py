"""The HTML report: one self-contained file that says what was found, and how sure one can be."""

from ._compare import compare_runs
from ._report import report
