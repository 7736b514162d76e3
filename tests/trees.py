"""Synthetic but lifelike result trees for the tests of the dataset, the plots and the report."""

import numpy as np
from scipy.ndimage import gaussian_filter

from bayesjoint import Mesh
from bayesjoint.dataset import Approximation, ModalityBlock, ParameterBlock, build_tree

LABELS = {"gravity": "gravity_only", "magnetic": "magnetic_only"}


def bodies(mesh):
    """Two dense, magnetic bodies as a smooth field of unit amplitude."""
    z, y, x = np.meshgrid(mesh.upward, mesh.northing, mesh.easting, indexing="ij")
    span = mesh.easting_edges[-1] - mesh.easting_edges[0]
    dx, dy, dz = (x - mesh.easting.mean()) / span, (y - mesh.northing.mean()) / span, z / span
    first = np.exp(-(((dx + 0.2) / 0.1) ** 2 + ((dy - 0.1) / 0.15) ** 2 + ((dz + 0.06) / 0.05) ** 2))
    second = np.exp(-(((dx - 0.15) / 0.12) ** 2 + ((dy + 0.15) / 0.08) ** 2 + ((dz + 0.1) / 0.06) ** 2))
    return first - 0.8 * second


def parameter_blocks(mesh, rng, chains=2, draws=25, separate=True):
    depth = (mesh.upward_edges[-1] - mesh.upward)[:, None, None]
    rim = np.maximum(np.abs(np.linspace(-1, 1, mesh.shape[1]))[:, None], np.abs(np.linspace(-1, 1, mesh.shape[2])))
    share = np.minimum(0.35 + 0.68 * (1 - np.exp(-depth / depth.max() * 3)) + 0.25 * rim**6, 0.995)
    blocks = []
    for name, units, size, label in (("density", "kg/m3", 120.0, "gravity_only"),
                                     ("susceptibility", "SI", 0.02, "magnetic_only")):
        mean = 5.0 * size * bodies(mesh) * (1.1 - share) + 0.05 * size * rng.standard_normal(mesh.shape)
        std = size * share
        noise = gaussian_filter(rng.standard_normal((chains, draws, *mesh.shape)), (0, 0, 1, 2, 2))
        noise /= noise.std((0, 1))
        blocks.append(ParameterBlock(
            name=name, dims=mesh.dims, coords=mesh.coords(), units=units,
            edges={d: getattr(mesh, f"{d}_edges") for d in mesh.dims},
            long_name={"density": "density contrast", "susceptibility": "magnetic susceptibility"}[name],
            draws=mean + std * noise, mean=mean, std=std, mean_error=0.0, std_error=0.0,
            prior_mean=0.0, prior_std=size,
            separate={label: {"mean": 0.8 * mean, "std": np.minimum(std * (1.15 - 0.1 * rim), size)}} if separate
            else {},
            attributes={"prior": f"Matern(std={size:g} {units}, range=4000 m, smoothness=1.5, extent='mesh')"},
        ))
    return blocks


def lattice(name, kind, units, mesh, rng, amplitude, gap=True, chains=2, draws=25, separate=True):
    shape = (mesh.shape[1] - 10, mesh.shape[2] - 10)
    clean = amplitude * bodies(mesh)[-4:].mean(0)[5:-5, 5:-5]
    std = np.full(shape, 0.05 * amplitude)
    mask = np.ones(shape, bool)
    if gap:
        mask[shape[0] // 3:shape[0] // 2, shape[1] // 5:shape[1] // 3] = False
    predicted = clean + 0.2 * std * rng.standard_normal(shape)
    observed = np.where(mask, clean + std * rng.standard_normal(shape), np.nan)
    noise = rng.standard_normal((chains, draws, *shape))
    residual = (observed - predicted) / std
    chi2 = float(np.nansum(residual**2))
    return ModalityBlock(
        name=name, kind=kind, dims=(f"{name}_northing", f"{name}_easting"), units=units,
        coords={f"{name}_{d}": (f"{name}_{d}", getattr(mesh, d)[5:-5], {"units": "m", "long_name": d})
                for d in ("northing", "easting")},
        observed=observed, std=std, upward=60.0, predicted_mean=predicted, predicted_std=0.3 * std,
        predictive_draws=predicted + std * noise,
        log_likelihood=-0.5 * (residual + 0.2 * noise) ** 2 - np.log(std * np.sqrt(2 * np.pi)),
        chi2=chi2, separate={LABELS[name]: 0.98 * chi2} if separate else {},
        long_name={"gravity": "Bouguer anomaly", "magnetic": "total-field anomaly"}[kind],
        attributes={"source": "synthetic", "licence": "CC0-1.0", "crs": "EPSG:28351", "noise": "5 % of the largest"},
    )


def scattered(name, kind, units, mesh, rng, amplitude, stations=300, chains=2, draws=25):
    iy, ix = rng.integers(0, mesh.shape[1], stations), rng.integers(0, mesh.shape[2], stations)
    clean, std = amplitude * bodies(mesh)[-4:].mean(0)[iy, ix], 0.05 * amplitude
    observed = clean + std * rng.standard_normal(stations)
    jitter = rng.uniform(-0.4, 0.4, (2, stations)) * np.diff(mesh.easting_edges)[0]
    dim = f"{name}_station"
    return ModalityBlock(
        name=name, kind=kind, dims=(dim,), units=units, long_name="Bouguer anomaly",
        coords={f"{name}_easting": (dim, mesh.easting[ix] + jitter[0], {"units": "m"}),
                f"{name}_northing": (dim, mesh.northing[iy] + jitter[1], {"units": "m"})},
        observed=observed, std=std, upward=rng.uniform(50, 90, stations), predicted_mean=clean,
        predictive_draws=clean + std * rng.standard_normal((chains, draws, stations)),
        log_likelihood=rng.standard_normal((chains, draws)), log_likelihood_kind="total",
        chi2=float(np.sum(((observed - clean) / std) ** 2)), attributes={"source": "synthetic", "licence": "CC0-1.0"},
    )


def approximations():
    return [
        Approximation(name="posterior", status="exact", statement="Data-space Cholesky of a linear-Gaussian problem."),
        Approximation(name="station sampling", status="measured", error=0.0031, units="mGal",
                      statement="Interpolation from the lattice to the stations, against direct prism sums."),
    ]


def settings():
    return {
        "parameters": {"density": {"prior": "Matern", "std": 120.0, "range": 4000.0, "bounds": None}},
        "modalities": {"gravity": {"noise": "DiagonalNoise", "std": 0.5}},
        "coupling": {"kind": "Coregionalization", "correlation": 0.6},
        "mesh": "15 x 50 x 50 cells of 800 m",
    }


def make_tree(shape=(15, 50, 50), kind="grid", separate=True, seed=0, draws=25, **options):
    """A tree with two parameters and two modalities: `kind` is "grid" (one survey with a gap) or "scattered"."""
    rng = np.random.default_rng(seed)
    mesh = Mesh.regular(shape=shape, spacing=(800.0, 800.0, 800.0), west=350_000.0, south=6_500_000.0)
    magnetic = lattice("magnetic", "magnetic", "nT", mesh, rng, 400.0, gap=False, draws=draws, separate=separate)
    gravity = (lattice("gravity", "gravity", "mGal", mesh, rng, 12.0, draws=draws, separate=separate)
               if kind == "grid" else scattered("gravity", "gravity", "mGal", mesh, rng, 12.0, draws=draws))
    steps = np.arange(30)
    history = {"objective": 4000 + 9000 * np.exp(-steps / 4), "gradient_norm": 100 * np.exp(-steps / 3),
               "gravity_chi2": 1560 + 20000 * np.exp(-steps / 3), "magnetic_chi2": 1600 + 50000 * np.exp(-steps / 4)}
    attributes = {"engine": "dense", "engine_label": "exact", "seed": seed, "versions": {"numpy": np.__version__},
                  "settings": settings(), "bayesjoint_version": "0.1.0"}
    return build_tree(
        parameter_blocks(mesh, rng, draws=draws, separate=separate), [gravity, magnetic],
        sample_stats={"lp": (rng.standard_normal((2, draws)), {"long_name": "log posterior density"})},
        history=history, correlations={("density", "susceptibility"): 0.6}, approximations=approximations(),
        attributes=attributes, **options,
    )
