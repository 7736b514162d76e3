"""Kinds of files with surveys: one file a format, and the list of them that `read_survey` goes by."""

from ._registry import FORMATS, format_of
