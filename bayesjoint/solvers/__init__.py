"""Solvers: arrays, operators and callables in, arrays out; nothing here knows what is measured."""

from ._block_cg import block_cg
from ._bounded_gaussian import bounded_gaussian, distances_to_bounds
from ._cosine import CosinePreconditioner
from ._gauss_newton import gauss_newton
from ._lanczos import preconditioned_log_trace
from ._nystrom import NystromPreconditioner
from ._projected_newton import projected_newton
from ._rrcg import RRCGSettings, rrcg
from ._splitting import project_in_metric, split
from ._terms import Block, Misfit, NoCoupling
