"""
Physics of your own: arrival times
==================================

A survey may see the ground through any function. Here straight rays between two holes give travel times, which depend
on velocity as 1/v: a nonlinear forward model. `ForwardModel` takes predictions and, if you have it, the Jacobian.
"""

import matplotlib.pyplot as plt
import numpy as np

import bayesjoint as bj

mesh = bj.Mesh.regular((10, 1, 8), (20.0, 20.0, 20.0))  # a vertical panel between two holes, metres
depths = -mesh.upward
lengths = []
for source in depths[::2]:
    for receiver in depths[::2]:
        share = np.linspace(0.0, 1.0, 400)  # points along a ray: how much of it lies in each cell
        column = np.minimum((share * 8).astype(int), 7)
        layer = np.clip(((200.0 - (source + share * (receiver - source))) / 20.0).astype(int), 0, 9)
        row = np.zeros(mesh.shape)
        np.add.at(row, (layer, 0, column), np.hypot(160.0, receiver - source) / 400)
        lengths.append(row.ravel())
lengths = np.array(lengths)

# %%
# The unknown is the velocity contrast from 4000 m/s.


def times(contrast):
    """Milliseconds, less those at 4000 m/s."""
    return 1e3 * (lengths @ (1 / (4000.0 + contrast)) - lengths.sum(axis=1) / 4000.0)


def jacobian(contrast):
    """∂times/∂contrast."""
    return -1e3 * lengths / (4000.0 + contrast) ** 2


rays = bj.ForwardModel(times, lengths.shape, jacobian, units="ms", kind="traveltime", typical=200.0)
bj.testing.assert_adjoint(jacobian(np.zeros(mesh.size)))

rng = np.random.default_rng(2)
truth = np.zeros(mesh.shape)
truth[4:7, 0, 3:6] = -300.0
data = times(truth.ravel()) + rng.normal(0.0, 0.2, len(lengths))
velocity = bj.Parameter("velocity", mesh, prior=bj.Matern(std=100.0, range=60.0), scale=100.0, units="m/s")
survey = bj.Modality("rays", rays, data, bj.DiagonalNoise(np.full(len(data), 0.2)), "velocity", units="ms")
problem = bj.JointProblem([velocity], [survey])
post = bj.posterior(problem, method="laplace", at=bj.find_map(problem))

print(post.validity.verdict)  # the engine says of itself whether the Gaussian holds

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
shown = {"truth": truth, "mean": post.mean()["velocity"], "std": post.std()["velocity"]}
for ax, (words, values) in zip(axes, shown.items(), strict=True):
    drawn = ax.pcolormesh(mesh.easting_edges, mesh.upward_edges, values[:, 0], cmap="cividis")
    ax.set(title=f"contrast: {words} (m/s)", xlabel="between the holes (m)", ylabel="upward (m)", aspect="equal")
    figure.colorbar(drawn, ax=ax)
