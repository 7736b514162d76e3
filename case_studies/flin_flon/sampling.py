"""StationSampling against direct prism sums at the real stations: the error it states, and the true one.

The lattice operators need stations above the mesh's top, so this part takes the truth below the lowest ground only
(298.5 m, a flat top); the inversion itself uses prism sums over the stepped ground.
"""

import numpy as np

import bayesjoint as bj


def sampling_errors(case):
    """For each survey: stated error (64 stations measured) and true error (all stations), data units."""
    edges = case.mesh.upward_edges
    lowest = case.mesh.upward_edges[1 + np.flatnonzero(case.cells.all(axis=(1, 2)))[-1]]
    kept = edges <= lowest + 1e-6
    flat = bj.Mesh(case.mesh.easting_edges, case.mesh.northing_edges, edges[kept])
    out = {"top_m": float(lowest)}
    for survey, name in zip(case.surveys, case.truth, strict=True):
        parameter = bj.Parameter(name, flat)
        sampled = survey.modality(parameter, forward="sampling").forward
        exact = survey.modality(parameter, forward="direct").forward
        model = case.truth[name][: flat.shape[0]]
        field = exact.predict(model)
        error = sampled.predict(model) - field
        stated = sampled.sampling_error(model, stations=64, seed=0)
        every = sampled.sampling_error(model, stations=survey.size, seed=0)
        out[survey.kind] = {
            "units": sampled.units, "measured_stations": int(stated.index.size), "stated_rms": stated.rms,
            "stated_rms_upper": stated.rms_upper, "probability": stated.probability, "stated_max": stated.max,
            "true_rms": float(np.sqrt(np.mean(error**2))), "true_max": float(np.abs(error).max()),
            "field_rms": float(np.sqrt(np.mean(field**2))), "all_stations_rms": every.rms,
            "above_top_m": [float(survey.upward.min() - lowest), float(survey.upward.max() - lowest)],
        }
    return out
