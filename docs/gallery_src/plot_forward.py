"""
Forward: what a body gives
==========================

Gravity, its vertical gradient and the total magnetic field of one block, on a lattice of stations. The operators are
SciPy ``LinearOperator`` objects: ``operator @ model`` predicts data.
"""

import matplotlib.pyplot as plt
import numpy as np

import bayesjoint as bj

mesh = bj.Mesh.regular((8, 40, 40), (50.0, 50.0, 50.0))  # layers, northing, easting; metres
block = np.zeros(mesh.shape)
block[3:6, 15:25, 18:22] = 1.0  # 100 to 250 m deep; layers are counted from below

# %%
# Density contrast of 300 kg/m³, susceptibility of 0.02 SI, sensors 10 m above the ground.
stations = {"easting": mesh.easting, "northing": mesh.northing, "height": 10.0}
operators = {
    "gravity (mGal)": (300.0, bj.GravityOperator(mesh, **stations)),
    "vertical gradient (Eötvös)": (300.0, bj.GravityOperator(mesh, **stations, component="gzz")),
    "total field (nT)": (0.02, bj.MagneticOperator(mesh, **stations, intensity=50_000.0, inclination=-60.0,
                                                   declination=5.0)),
}
figure, axes = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
for ax, (words, (contrast, operator)) in zip(axes, operators.items(), strict=True):
    field = (operator @ (contrast * block).ravel()).reshape(40, 40)
    bj.plot.data(field, easting=mesh.easting, northing=mesh.northing, ax=ax)
    ax.set_title(words)

# %%
# The adjoint is the transpose, to rounding: ⟨A x, y⟩ = ⟨x, Aᵀ y⟩.
bj.testing.assert_adjoint(operators["gravity (mGal)"][1])
