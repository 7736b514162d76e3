"""Figures that surveys and posteriors offer themselves."""

import numpy as np

from .._checks import fail, one_of
from ._maps import data, model
from ._style import plainly


@plainly
def plot_survey(survey, what="observed", ax=None):
    """Map of a survey; see `Survey.plot`."""
    one_of("what", what, ("observed", "noise_std"))
    if what == "noise_std" and survey.std is None:
        fail("what", "be 'observed' where the std is not known", "'noise_std'", "Give the survey a std.")
    return data(survey, what=what, ax=ax)


@plainly
def plot_posterior(post, parameter=None, depth=None, northing=None, easting=None, axes=None):
    """Mean and standard deviation side by side; see `Posterior.plot`."""
    fields = {p.name: p for p in post.problem.parameters if p.mesh is not None}
    if not fields:
        fail("parameter", "be a property on a mesh", "plain vectors only", "Print post.mean() and post.std().")
    name = one_of("parameter", next(iter(fields)) if parameter is None else parameter, fields)
    mesh, units = fields[name].mesh, fields[name].units
    mean, std = (np.where(np.reshape(fields[name].ground, mesh.shape), values[name], np.nan)
                 for values in (post.mean(), post.std()))
    if depth is None and northing is None and easting is None:
        depth = _standing_out(mesh, mean, std)
    axes = _two(axes)
    for ax, values, what in zip(axes, (mean, std), ("mean", "std"), strict=True):
        model(values, name, what, ax=ax, mesh=mesh, depth=depth, northing=northing, easting=easting, units=units)
    return axes


def _standing_out(mesh, mean, std):
    """Depth of the layer that holds the value furthest from zero in its standard deviations."""
    score = np.divide(np.abs(mean), std, out=np.zeros_like(mean), where=std > 0)
    layer = int(np.argmax(np.nanmax(np.where(np.isfinite(score), score, 0.0), axis=(1, 2))))
    return float(mesh.upward_edges[-1] - mesh.upward[layer])


def _two(axes):
    if axes is None:
        import matplotlib.pyplot as plt

        return plt.subplots(1, 2, layout="constrained", figsize=(9.6, 4.0))[1]
    axes = np.ravel(np.array(axes, dtype=object))
    if axes.size != 2 or not all(hasattr(ax, "pcolorfast") for ax in axes):
        fail("axes", "be two of Matplotlib, of mean and of std", f"{axes.size} of {type(axes[0]).__name__}"
             if axes.size else "none", "Pass plt.subplots(1, 2)[1].")
    return axes
