"""
Ground and air: a hill
======================

Cells above the ground are air: they are left out of the field, and NaN in every answer.
"""

import matplotlib.pyplot as plt
import numpy as np

import bayesjoint as bj

rng = np.random.default_rng(0)
east, north = rng.uniform(0.0, 2000.0, (2, 150))


def height(e, n):
    """Metres above the datum."""
    return 150.0 * np.exp(-((e - 1000.0) ** 2 + (n - 1000.0) ** 2) / 500.0**2)


# %%
# Points of a digital elevation model, and gravity stations on the ground.
dem = tuple(a.ravel() for a in np.meshgrid(np.arange(-500.0, 2501.0, 50.0), np.arange(-500.0, 2501.0, 50.0)))
dem = (*dem, height(*dem))
blank = bj.Survey("gravity", np.zeros(150), east, north, height(east, north) + 1.5, std=0.05)
mesh = bj.Mesh.from_surveys([blank], depth=500.0, layers=13, spacing=100.0, padding=2, topography=dem)
print(mesh)

# %%
# A dense ore body under the hill, its data, and the posterior.
truth = np.where(mesh.active, 0.0, np.nan)
middle = np.abs(np.subtract.outer(mesh.northing, 1000.0)) < 200, np.abs(mesh.easting - 1000.0) < 300
truth[np.ix_((mesh.upward > -150) & (mesh.upward < 50), *middle)] = 400.0
density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
operator = blank.modality(density).forward
data = operator @ np.nan_to_num(truth).ravel() + rng.normal(0.0, 0.05, 150)
gravity = bj.Survey("gravity", data, east, north, height(east, north) + 1.5, std=0.05)
post = bj.posterior(bj.JointProblem([density], [gravity.modality(density)]))
tree = post.to_datatree(draws=2)

figure, axes = plt.subplots(2, 2, figsize=(11, 6.5), layout="constrained")
bj.plot.data(gravity, ax=axes[0, 0])
bj.plot.model(truth, mesh=mesh, units="kg/m3", northing=1000.0, ax=axes[0, 1])
bj.plot.model(tree, "density", northing=1000.0, ax=axes[1, 0])
bj.plot.model(tree, "density", "std", northing=1000.0, ax=axes[1, 1])
