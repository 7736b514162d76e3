"""A table of cells, one a row."""

from __future__ import annotations

import csv
import json

import numpy as np

from .._checks import checked
from .._typing import Any, Path, Sequence
from ..dataset import beside
from ._content import STATISTICS, content_of
from ._targets import one_file, refuse_taken

SIDES = ("west", "east", "south", "north", "bottom", "top")


@checked
def save_csv(source: Any, path: str | Path, parameter: str | Sequence[str] | None = None, *,
             statistics: str | Sequence[str] = STATISTICS, probability: float = 0.9, overwrite: bool = False) -> Path:
    """Write properties as a CSV table, one cell a row, in the order of the arrays (upward, northing, easting).

    Columns: the centre (``easting_m``, ``northing_m``, ``upward_m``), the six faces (``west_m`` ... ``top_m``),
    ``ground`` (1, or 0 in air, where values are empty), then every statistic with its units, such as
    ``density_std_kg/m3``; interval ends say their probability, ``density_lower90_kg/m3``. Numbers have all their
    digits. What each column is stands beside the table in ``<name>-metadata.json`` (CSV on the Web, W3C).

    Parameters
    ----------
    source : Posterior, xarray.DataTree or path-like
        As of `save_vtk`.
    path : path-like
        Target.
    parameter, statistics, probability, overwrite
        As of `save_vtk`.

    Returns
    -------
    pathlib.Path
        The table.

    Examples
    --------
    >>> import tempfile, numpy as np, bayesjoint as bj
    >>> mesh = bj.Mesh.regular((2, 2, 3), (100.0, 100.0, 100.0))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    >>> survey = bj.Survey("gravity", np.ones((2, 3)), mesh.easting, mesh.northing, 10.0, std=0.1)
    >>> post = bj.posterior(bj.JointProblem([density], [survey.modality(density)]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_csv(post, folder + "/cells.csv").read_text().split()[0].split(",")[-3:]
    ['density_std_kg/m3', 'density_lower90_kg/m3', 'density_upper90_kg/m3']
    """
    content = content_of(source, parameter, statistics, probability)
    columns = _columns(content)
    with one_file(path, content.source, overwrite) as (target, part):
        words = target.with_name(f"{target.name}-metadata.json")
        refuse_taken(words, content.source, overwrite)
        with part.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow([name for name, *_ in columns])
            table.writerows(zip(*(_texts(values) for _, values, *_ in columns), strict=True))
        with beside(words) as second:
            second.write_text(_metadata(content, target.name, columns), encoding="utf-8")
    return target


def _columns(content):
    """[(name, values (cells,), units, words)]."""
    mesh, out = content.mesh, []
    centres = np.meshgrid(mesh.upward, mesh.northing, mesh.easting, indexing="ij")
    for axis, values in zip(("easting", "northing", "upward"), centres[::-1], strict=True):
        out.append((f"{axis}_m", values.ravel(), "m", f"{axis} of the centre of the cell"))
    for k, side in enumerate(SIDES):
        edges = getattr(mesh, f"{('easting', 'northing', 'upward')[k // 2]}_edges")
        shape = [1, 1, 1]
        shape[2 - k // 2] = -1
        values = np.broadcast_to(np.reshape(edges[1:] if k % 2 else edges[:-1], shape), mesh.shape)
        out.append((f"{side}_m", values.ravel(), "m", f"{side} face of the cell"))
    out.append(("ground", mesh.active.ravel().astype(int), "1", "1 in ground, 0 in air"))
    for f in content.fields:
        level = f"{100 * content.probability:.6g}" if f.statistic in ("lower", "upper") else ""
        out.append((f"{f.name}{level}_{f.units}", f.values.ravel(), f.units, f.words))
    return out


def _texts(values):
    """Numbers with all their digits, nothing where there is none."""
    return ["" if v != v else repr(v) for v in values.tolist()]


def _metadata(content, name, columns):
    said = {"@context": "http://www.w3.org/ns/csvw", "url": name,
            "dc:description": " ".join(content.statements),
            "dc:spatial": content.crs or "coordinate reference system not stated",
            "tableSchema": {"columns": [{"titles": title, "dc:description": f"{words}; {units}"}
                                        for title, _, units, words in columns]}}
    return json.dumps(said, indent=1, ensure_ascii=False) + "\n"
