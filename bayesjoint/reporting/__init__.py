"""The HTML report: one self-contained file that says what was found, and how sure one can be."""

from ._report import report
