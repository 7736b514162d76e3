"""
A borehole beside gravity
=========================

A density log is data as well: averages over the cells that each interval crosses. It sharpens the picture near the
hole, and nowhere else.
"""

import matplotlib.pyplot as plt
import numpy as np

import bayesjoint as bj

mesh = bj.Mesh.regular((10, 16, 16), (50.0, 100.0, 100.0))
density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
stations = mesh.easting, mesh.northing


def problem_of(data):
    """Gravity over the mesh, 1 m up."""
    return bj.JointProblem([density], [bj.Survey("gravity", data, *stations, 1.0, std=0.05).modality(density)])


blank = problem_of(np.zeros((16, 16)))

# %%
# A ground drawn from the prior, gravity over it, and a hole of 400 m in the middle, logged every 50 m.
rng = np.random.default_rng(4)
truth = blank.unpack(bj.posterior(blank).prior_state_draws(rng, 1)[0])["density"]
gravity = (bj.GravityOperator(mesh, *stations, height=1.0) @ truth.ravel()).reshape(16, 16)
surface = problem_of(gravity + rng.normal(0.0, 0.05, (16, 16)))
tops = -np.arange(0.0, 400.0, 50.0)
layers = mesh.shape[0] - 1 - np.arange(8)  # layers are counted from below
hole = bj.Borehole("K1", truth[layers, 8, 8] + rng.normal(0.0, 20.0, 8), np.full(8, 20.0),
                   easting=np.full(8, mesh.easting[8]), northing=np.full(8, mesh.northing[8]),
                   top=tops, bottom=tops - 50.0)
drilled = bj.add_boreholes(surface, [hole])
print(drilled)

# %%
# What the hole leaves of the standard deviation, in a section through it.
without, with_hole = bj.posterior(surface), bj.posterior(drilled)
ratio = with_hole.std()["density"] / without.std()["density"]
figure, axes = plt.subplots(1, 3, figsize=(14, 3.6), layout="constrained")
north = mesh.northing[8]
bj.plot.model(truth, mesh=mesh, units="kg/m3", northing=north, ax=axes[0], limits=(-250, 250))
bj.plot.model(with_hole.to_datatree(draws=2), "density", northing=north, ax=axes[1], limits=(-250, 250))
x, y = mesh.easting_edges / 1e3, mesh.upward_edges / 1e3
shown = axes[2].pcolormesh(x, y, ratio[:, 8], vmin=0, vmax=1, cmap="cividis")
axes[2].set(title="std with the hole / without", xlabel="easting (km)", ylabel="upward (km)")
figure.colorbar(shown)

# %%
# Each hole, as predicted by everything else, beside the prior alone.
found = bj.leave_one_hole_out(drilled)
for name in ("interval_score", "crps"):
    print(f"{name}: {float(found[name][0]):.0f}, by the prior alone {float(found[name + '_prior'][0]):.0f} kg/m3")
