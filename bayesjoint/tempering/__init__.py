"""Likelihood exponents: how much each survey may be believed, by criteria that look at the data."""

from .weighing import temper

__all__ = ["temper"]
