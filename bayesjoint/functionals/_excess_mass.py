"""How much there is of something: excess mass and magnetic moment of a body."""

from __future__ import annotations

import numpy as np
from scipy.constants import mu_0

from .._checks import as_positive, checked, fail
from .._typing import ArrayLike, Posterior, Seed, xr
from ._answers import integral
from ._protocol import linear, on_mesh, shares_in, volumes
from ._window import Window, WindowedMass


@checked
def excess_mass(post: Posterior, box: tuple | Window | None = None, parameter: str = "density",
                background: float | ArrayLike = 0.0, *, probability: float = 0.9, draws: int | None = None,
                chains: int | None = None, seed: Seed = 0) -> xr.Dataset:
    """Posterior of the excess mass in a box, Σ (m − background) · volume.

    By Gauss's theorem the field fixes the sum over the whole ground much better than any cell (Hammer 1945,
    Geophysics 10): sums are what surveys know best.

    Parameters
    ----------
    post : Posterior
        From `posterior`.
    box : (west, east, south, north, bottom, top), optional
        Metres; `bottom` and `top` are upward coordinates, negative below the datum. Cells that it cuts count by the
        share of their volume inside, air counts not at all. Default the whole mesh. Or a `Window`, put where the
        posterior mean has most.
    parameter : str, default "density"
        A parameter on a mesh.
    background : float or array_like, default 0
        Value that counts as no excess, units of the parameter: 0 because density is a contrast already.
    probability : float, default 0.9
        Of the equal-tailed interval.
    draws, chains : int, optional
        Posterior draws of the model to read all figures off. Default: none for a Gaussian posterior, whose figures have
        a closed form; else 500 and 4, or all that a loaded posterior holds. 2,000 give the mean to 2 % of the standard
        deviation and the latter to 1.6 %.
    seed : int or numpy.random.Generator, default 0

    Returns
    -------
    xarray.Dataset
        ``excess_mass_draws`` (chain, draw), ``excess_mass_mean``, ``_std``, ``_lower``, ``_upper`` in kg, each with its
        ``_error``: of a closed form what the engine states, else Monte Carlo (by the effective number of draws where
        they are chains). The attribute ``figures_from`` says which. For a Gaussian posterior also
        ``_mean_closed_form`` and ``_std_closed_form``, whatever was drawn. Of a recalibrated posterior ``_lower`` and
        ``_upper`` are recalibrated, beside ``_median``, ``_gaussian_lower`` and ``_upper`` (the engine's own),
        ``_without_data_lower`` and ``_upper``, and ``_coverage`` on worlds left out.

    Raises
    ------
    ValueError, TypeError
        If the parameter lives on no mesh, the box is none or misses the mesh, or a count is not positive.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((1, 2, 2), (100.0, 100.0, 100.0))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=10.0, range=50.0))
    >>> field = bj.Modality("mean", [[0.25] * 4], [8.0], bj.DiagonalNoise([0.1]), "density")
    >>> found = excess_mass(bj.posterior(bj.JointProblem([density], [field])))
    >>> bool(abs(found.excess_mass_mean - 4 * 8.0 * 1e6) < 1e6), found.excess_mass_mean.units
    (True, 'kg')
    """
    asked = None
    if isinstance(box, Window):
        asked = WindowedMass(post.problem, box, parameter)
        box = asked.box(post.mean())
    target = mass_in(post.problem, box, parameter, background)
    return integral(post, target, probability, draws, chains, seed,
                    {"parameter": parameter, "background": float(np.mean(background)), **_place(box)}, asked)


@checked
def magnetic_moment(post: Posterior, box: tuple | None = None, parameter: str = "susceptibility",
                    intensity: float | None = None, *, probability: float = 0.9, draws: int | None = None,
                    chains: int | None = None, seed: Seed = 0) -> xr.Dataset:
    """Posterior of the total induced magnetic moment in a box, Σ χ · volume · F/μ₀.

    Parameters
    ----------
    post : Posterior
        From `posterior`.
    box : (west, east, south, north, bottom, top), optional
        As in `excess_mass`.
    parameter : str, default "susceptibility"
        A parameter on a mesh, SI.
    intensity : float, optional
        Inducing field F in nT; default that of the problem's magnetic survey.
    probability, draws, chains, seed
        As in `excess_mass`.

    Returns
    -------
    xarray.Dataset
        ``magnetic_moment_draws``, ``_mean``, ``_std``, ``_lower``, ``_upper`` in A m2 with their errors, and the closed
        form, as from `excess_mass`.

    Raises
    ------
    ValueError, TypeError
        As `excess_mass`; or if no survey knows the inducing field and none is given.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((1, 1, 1), (100.0, 100.0, 100.0))
    >>> chi = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.01, range=50.0))
    >>> core = bj.Modality("core", [[1.0]], [0.02], bj.DiagonalNoise([1e-4]), "susceptibility")
    >>> found = magnetic_moment(bj.posterior(bj.JointProblem([chi], [core])), intensity=50_000.0)
    >>> print(f"{float(found.magnetic_moment_mean):.2e}", found.magnetic_moment_mean.units)
    7.96e+05 A m2
    """
    target = moment_in(post.problem, box, parameter, intensity)
    return integral(post, target, probability, draws, chains, seed, {"parameter": parameter, **_place(box)})


def _place(box):
    return {} if box is None else {"box": [float(side) for side in box]}


def mass_in(problem, box=None, parameter="density", background=0.0):
    """`Functional` of the excess mass; arguments as in `excess_mass`."""
    p = on_mesh(problem, parameter)
    weights = shares_in(p.mesh, box) * volumes(p.mesh)
    offset = float(weights.ravel() @ p.to_hat(background, "background")) * p.scale
    units = "kg" if p.units == "kg/m3" else f"{p.units} m3"
    words = "excess mass" if units == "kg" else f"volume integral of {parameter}"
    return linear("excess_mass", words, units, {parameter: weights}, offset)


def moment_in(problem, box=None, parameter="susceptibility", intensity=None):
    """`Functional` of the induced magnetic moment; arguments as in `magnetic_moment`."""
    p = on_mesh(problem, parameter)
    if intensity is None:
        known = inducing_field(problem, parameter)
        if len(known) != 1:
            fail("intensity", "be given where no or several surveys know the inducing field", f"{sorted(known)}",
                 "Pass intensity= in nT.")
        intensity = known.pop()
    field = float(as_positive("intensity", intensity, 0)) * 1e-9 / mu_0
    weights = field * shares_in(p.mesh, box) * volumes(p.mesh)
    return linear("magnetic_moment", "induced magnetic moment", "A m2", {parameter: weights})


def inducing_field(problem, parameter):
    """Different inducing fields, nT, that the surveys of a parameter know."""
    found = (getattr(m.forward, "intensity", None) for m in problem.modalities if parameter in m.parameters)
    return {float(f) for f in found if f}
