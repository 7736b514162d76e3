"""Densities that tie several parameters."""

from .coregionalization import Coregionalization

__all__ = ["Coregionalization"]
