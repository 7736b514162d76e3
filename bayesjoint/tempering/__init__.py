"""Likelihood exponents: how much each survey may be believed, by criteria that look at the data."""

from ._temper import temper

__all__ = ["temper"]
