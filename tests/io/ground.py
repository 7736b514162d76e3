"""A posterior of two properties over topography, on cells of unlike sizes."""

import numpy as np

import bayesjoint as bj


def posterior(equal=False, air=True, crs="EPSG:32751"):
    """(posterior, {name: (nz, ny, nx) array}) with columns of one width or not; air in some cells."""
    rng = np.random.default_rng(4)
    east = np.array([500.0, 600.0, 700.0, 800.0, 900.0]) if equal else np.array([500.0, 600.0, 750.0, 800.0, 900.0])
    mesh = bj.Mesh(east, np.array([-200.0, -80.0, 40.0, 160.0]), np.array([-300.0, -120.0, -40.0]))
    active = np.ones(mesh.shape, bool)
    if air:
        active[-1, 0, :2] = False
    mesh = mesh.with_active(active)
    priors = [bj.Matern(std=100.0, range=300.0), bj.Matern(std=0.02, range=300.0)] if equal else [
        bj.MinimumLength(100.0), bj.MinimumLength(2500.0)]
    density, susceptibility = (bj.Parameter(name, mesh, prior=prior) for name, prior in zip(
        ("density", "susceptibility"), priors, strict=True))
    east, north = (axis.ravel() for axis in np.meshgrid(mesh.easting, mesh.northing))
    gravity = bj.Survey("gravity", rng.standard_normal(12), east, north, 20.0, std=0.3, crs=crs)
    magnetic = bj.Survey("magnetic", 30 * rng.standard_normal(12), east, north, 20.0, std=5.0, crs=crs, intensity=5e4,
                         inclination=60.0, declination=5.0)
    return bj.posterior(bj.JointProblem([density, susceptibility], [
        gravity.modality(density), magnetic.modality(susceptibility)]))


def fields(post, probability=0.9):
    """{name: (nz, ny, nx)} as the posterior itself states them."""
    out = {f"{name}_{key}": values for key in ("mean", "std") for name, values in getattr(post, key)().items()}
    for name, ends in post.interval(probability).items():
        out |= {f"{name}_lower": ends[0], f"{name}_upper": ends[1]}
    return out
