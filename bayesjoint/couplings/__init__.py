"""Densities that tie several parameters."""

from ._coregionalization import Coregionalization
from ._gramian import BoundGramian, Gramian
