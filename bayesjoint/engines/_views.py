"""How a posterior shows itself: in a notebook, as a figure. Neither computes more than the figure needs."""

from __future__ import annotations

from importlib import import_module

from .._checks import checked
from .._html import card
from .._shown import cut
from .._typing import Sequence


@checked
class PosteriorViews:
    """The part of `Posterior` that shows it."""

    def plot(self, parameter: str | None = None, *, depth: float | None = None, northing: float | None = None,
             easting: float | None = None, axes: Sequence | None = None):
        """Draw the mean of a property and its standard deviation side by side, on one plane.

        Parameters
        ----------
        parameter : str, optional
            Default the first on a mesh.
        depth, northing, easting : float, optional
            The plane, metres, one of them; depth is below the top of the mesh. Default: the layer with the value that
            lies furthest from zero in its standard deviations.
        axes : sequence of two matplotlib.axes.Axes, optional
            Where; default new ones.

        Returns
        -------
        ndarray of matplotlib.axes.Axes
            Of mean and standard deviation. The colours of the latter begin at zero.

        Examples
        --------
        >>> import numpy as np, bayesjoint as bj
        >>> from matplotlib.figure import Figure
        >>> mesh = bj.Mesh.regular((2, 2, 3), (2000.0, 2000.0, 2000.0))
        >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=6000.0))
        >>> survey = bj.Survey("gravity", np.ones((2, 3)), mesh.easting, mesh.northing, 10.0, std=0.1)
        >>> post = bj.posterior(bj.JointProblem([density], [survey.modality(density)]))
        >>> [ax.get_xlabel() for ax in post.plot(axes=Figure().subplots(1, 2))]
        ['easting (km)', 'easting (km)']
        """
        draw = import_module("...plot._of_objects", __name__).plot_posterior
        return draw(self, parameter, depth, northing, easting, axes)

    def __repr__(self):
        kept = "" if self.held is None else f"; {self.held[0]} chains of {self.held[1]} draws kept"
        return cut(f"{type(self).__name__}({self.method}: {self.problem.size_words()}{kept})")

    def _repr_html_(self):
        kept = None if self.held is None else f"{self.held[0]} chains of {self.held[1]}"
        return card(
            f"{type(self).__name__} ({self.method})",
            [("unknowns, data", self.problem.size_words()), ("engine", self.reason), ("draws kept", kept)],
            *self.problem.shown_tables(priors=self.held is None),  # a file holds none
            (["how wrong", "status", ""], [[a.name, a.status, a.statement] for a in self.approximations]))
