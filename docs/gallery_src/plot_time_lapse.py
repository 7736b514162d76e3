"""
Surveys one after another
=========================

`assimilate` takes surveys in turn. The last answer is that of all of them together, and the history says what each
one brought.
"""

import matplotlib.pyplot as plt
import numpy as np

import bayesjoint as bj

mesh = bj.Mesh.regular((4, 12, 12), (100.0, 100.0, 100.0))
density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
stations = mesh.easting, mesh.northing
heights, noise = {"airborne": 80.0, "ground": 1.0}, {"airborne": 0.1, "ground": 0.05}


def problem_of(data):
    """One density, seen by both."""
    surveys = [bj.Survey("gravity", data[name], *stations, heights[name], std=noise[name], name=name) for name in data]
    return bj.JointProblem([density], [s.modality(density) for s in surveys])


rng = np.random.default_rng(1)
blank = problem_of({name: np.zeros((12, 12)) for name in heights})
truth = blank.unpack(bj.posterior(blank).prior_state_draws(rng, 1)[0])["density"]
data = {name: (bj.GravityOperator(mesh, *stations, height=heights[name]) @ truth.ravel()).reshape(12, 12)
        + rng.normal(0.0, noise[name], (12, 12)) for name in heights}
problem = problem_of(data)

# %%
# One step a survey: how surprising its data were, what they taught, and how much of the prior's standard deviation is
# left.
post = bj.assimilate(problem, order=["airborne", "ground"])
for step in post.history:
    print(step)

# %%
# The end is the joint posterior.
joint = bj.posterior(problem)
print(np.abs(post.mean()["density"] - joint.mean()["density"]).max(), "kg/m3")

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for ax, values, words in zip(axes, (truth, post.mean()["density"]), ("truth", "mean after both"), strict=True):
    bj.plot.model(values, mesh=mesh, units="kg/m3", depth=150.0, limits=(-250, 250), ax=ax)
    ax.set_title(f"density, 150 m deep: {words}")
