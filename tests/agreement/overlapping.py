"""Two surveys of the same ground, of one property or of two, with data simulated from the problem itself."""

import numpy as np

import bayesjoint as bj
from bayesjoint.forward import StationSelection
from bayesjoint.gaussian import linear_gaussian


def overlapping(two=False, *, shape=(3, 14, 16), gaps=True, extent="continued", disturb=None, seed=0):
    """Ground and airborne gravity, or gravity and magnetics tied by a correlation; `disturb` is added to the second."""
    mesh = bj.Mesh.regular(shape, (200.0, 250.0, 250.0))
    names = {"density": 100.0, "susceptibility": 0.02}
    parameters = [bj.Parameter(name, mesh, prior=bj.Matern(std=std, range=1000.0, extent=extent))
                  for name, std in names.items()][: 1 + two]
    ground = bj.GravityOperator(mesh, mesh.easting[1:-1], mesh.northing[1:-1], height=50.0)
    if two:
        air = bj.MagneticOperator(mesh, mesh.easting[1:-1], mesh.northing[1:-1], height=50.0, intensity=5e4,
                                  inclination=60.0, declination=10.0)  # fmt: skip
    else:
        air = bj.GravityOperator(mesh, mesh.easting[2:], mesh.northing[:-2], height=300.0)
    if gaps:
        mask = np.ones(air.data_shape, dtype=bool)
        mask[4:7, 5:8] = mask[1, 2] = False
        air = StationSelection(air, mask) @ air
    surveys = [bj.Modality(name, op, np.zeros(op.shape[0]), bj.DiagonalNoise(np.full(op.shape[0], std)), sees)
               for name, op, std, sees in (("ground", ground, 0.3, "density"),
                                           ("air", air, 10.0 if two else 0.2, parameters[-1].name))]
    problem = bj.JointProblem(parameters, surveys, [bj.Coregionalization(0.7)] if two else [])
    data = simulated(problem, 1, np.random.default_rng(seed))[0]
    first = surveys[0].size
    second = data[first:] if disturb is None else data[first:] + disturb(surveys[1])
    return problem.replace(modalities=[surveys[0].replace(data=data[:first]), surveys[1].replace(data=second)])


def simulated(problem, count, rng):
    """Data of all surveys drawn from the joint prior predictive, shape (count, n_data)."""
    model = linear_gaussian(problem)
    noise = np.sqrt(model.noise_variance()) * rng.standard_normal((count, model.data_size))
    return model.data_mean + model.draw(rng, count)[1] + noise
