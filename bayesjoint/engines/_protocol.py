"""What an engine gives, whatever it computes with: the protocol that diagnostics, functionals and datasets ask."""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class PosteriorEngine(Protocol):
    """Moments, products and draws of a posterior on the state vector x of its problem.

    x, shape (size,), holds m̂ = m / scale of every parameter, in the problem's order, 0 in air; `problem.pack` and
    `problem.unpack` go between x and physical arrays. Data are stacked over modalities in the problem's order, shape
    (n_data,), physical units. `Posterior` gives defaults for all but the first five methods; what they rest on is said
    with each.

    Attributes
    ----------
    problem : JointProblem
        What the posterior is of.
    method, reason : str
        Name of the engine, and why it was chosen.
    approximations : list of Approximation
        Every approximation with its error, or the statement that there is none.
    markov : bool
        Whether draws of one chain depend on one another.
    """

    problem: Any
    method: str
    reason: str
    approximations: list
    markov: bool

    # -- to be written -------------------------------------------------------------------------------------------------
    def state_mean(self) -> np.ndarray:
        """Posterior mean of x, shape (size,)."""

    def state_variance(self) -> np.ndarray:
        """Posterior variance of x, shape (size,)."""

    def state_mean_error(self) -> np.ndarray:
        """Error of `state_mean`, shape (size,): of the kind that `approximations` states."""

    def state_std_error(self) -> np.ndarray:
        """Error of the square root of `state_variance`, shape (size,)."""

    def state_draws(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draws of x, shape (count, size)."""

    def state_product(self, v: np.ndarray) -> np.ndarray:
        """Posterior covariance of x times V, for V of shape (size,) or (size, k)."""

    # -- with defaults -------------------------------------------------------------------------------------------------
    def joint_draws(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(draws of x, (count, size), the clean data that each predicts, (count, n_data)); default from the first."""

    def draw_blocks(self, blocks: list, clean: bool = True) -> Iterator:
        """`Drawn` of every `DrawBlock`; default by `joint_draws`, or `state_draws` where no data are wanted."""

    def state_quantiles(self, levels: np.ndarray) -> np.ndarray:
        """Quantiles of x, shape (levels, size); default a Gaussian's of mean and variance."""

    def predicted_data(self) -> np.ndarray:
        """Clean data that the posterior mean predicts, (n_data,), hidden cells included; default A times the mean."""

    def data_sensitivity(self, vectors: np.ndarray) -> np.ndarray:
        """A V of the cells of x, (size, k) to (n_data, k); default by the problem's operators."""

    def mean_response(self, data: np.ndarray) -> np.ndarray:
        """Change of the mean of x, (size, k), for data (n_data, k) away from the prediction; default by the product."""

    def mean_response_adjoint(self, vectors: np.ndarray) -> np.ndarray:
        """Transpose of `mean_response`, (size, k) to (n_data, k); default by the product."""

    def prior_state_mean(self) -> np.ndarray | None:
        """Prior mean of x, shape (size,); default None, of a prior that is not known to be Gaussian."""

    def prior_state_variance(self) -> np.ndarray | None:
        """Prior variance of x, shape (size,), infinite where flat; default None."""

    def prior_state_product(self, vectors: np.ndarray) -> np.ndarray | None:
        """Prior covariance of x times V, (size, k), 0 where flat; default by the problem's prior where Gaussian."""

    def prior_state_draws(self, rng: np.random.Generator, count: int) -> np.ndarray | None:
        """Prior draws of x, shape (count, size); default None."""
