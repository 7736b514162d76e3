"""Meshes and models of UBC-GIF programs (GRAV3D, MAG3D, and what reads their files)."""

from __future__ import annotations

import numpy as np

from .._checks import checked
from .._typing import Any, Path, Sequence
from ._content import STATISTICS, content_of
from ._targets import folder_of

AIR = -100.0  # what UBC-GIF programs take for a cell of no interest
KINDS = {"kg/m3": (".den", 1e-3, "g/cm3"), "SI": (".sus", 1.0, "SI")}  # ending, factor, units of the files


@checked
def save_ubc(source: Any, folder: str | Path, parameter: str | Sequence[str] | None = None, *,
             statistics: str | Sequence[str] = STATISTICS, probability: float = 0.9, overwrite: bool = False) -> Path:
    """Write a mesh and its properties as files of UBC-GIF programs.

    The folder gets ``mesh.msh``; one model a statistic, such as ``density_mean.den`` (density contrast in g/cm3: a
    thousandth of kg/m3), ``susceptibility_std.sus`` (SI) or ``velocity_mean.mod`` (own units); ``active.txt``, 1 in
    ground and 0 in air, where there is air; ``README.txt``, what each file is and in which units. Air is -100 in every
    model, standard deviations and bounds too.

    Parameters
    ----------
    source : Posterior, xarray.DataTree or path-like
        As of `save_vtk`.
    folder : path-like
        Made if it is not there; other files in it stay.
    parameter, statistics, probability
        As of `save_vtk`.
    overwrite : bool, default False
        Replace files of those names.

    Returns
    -------
    pathlib.Path
        The folder.

    Examples
    --------
    >>> import tempfile, numpy as np, bayesjoint as bj
    >>> mesh = bj.Mesh.regular((2, 2, 3), (100.0, 100.0, 100.0))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    >>> survey = bj.Survey("gravity", np.ones((2, 3)), mesh.easting, mesh.northing, 10.0, std=0.1)
    >>> post = bj.posterior(bj.JointProblem([density], [survey.modality(density)]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sorted(p.name for p in save_ubc(post, folder + "/ubc", statistics=["mean", "std"]).iterdir())
    ['README.txt', 'density_mean.den', 'density_std.den', 'mesh.msh']
    """
    content = content_of(source, parameter, statistics, probability)
    mesh, said = content.mesh, ["mesh.msh: the mesh; metres, height positive up"]
    with folder_of(folder, content.source, overwrite) as (target, scratch):
        (scratch / "mesh.msh").write_text(_mesh_text(mesh), encoding="ascii")
        for f in content.fields:
            ending, factor, units = KINDS.get(f.units, (".mod", 1.0, f.units))
            values = np.where(f.ground, f.values * factor, AIR)
            (scratch / f"{f.name}{ending}").write_text(_model_text(values), encoding="ascii")
            said.append(f"{f.name}{ending}: {f.words}; {units}" + ("" if factor == 1 else f", {factor:g} of {f.units}"))
        if mesh.has_air:
            (scratch / "active.txt").write_text(_model_text(mesh.active.astype(int)), encoding="ascii")
            said.append("active.txt: 1 in ground, 0 in air")
        said.append(f"Air is {AIR:g} in every model. Values run downward fastest, then eastward, then northward.")
        said += [f"Coordinate reference system: {content.crs or 'not stated'}.", *content.statements]
        (scratch / "README.txt").write_text("\n".join(said) + "\n", encoding="utf-8")
    return target


def _mesh_text(mesh):
    """Counts; the top south-west corner; widths eastward, northward and downward."""
    nz, ny, nx = mesh.shape
    corner = mesh.easting_edges[0], mesh.northing_edges[0], mesh.upward_edges[-1]
    widths = (np.diff(mesh.easting_edges), np.diff(mesh.northing_edges), np.diff(mesh.upward_edges)[::-1])
    rows = [f"{nx} {ny} {nz}", " ".join(f"{float(x)!r}" for x in corner)]
    return "\n".join(rows + [" ".join(f"{float(w)!r}" for w in axis) for axis in widths]) + "\n"


def _model_text(values):
    """One value a line, from the top down, then eastward, then northward."""
    ordered = values[::-1].transpose(1, 2, 0).ravel()
    return "\n".join(f"{v:.9g}" for v in ordered) + "\n"
