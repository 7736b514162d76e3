"""VTK rectilinear grids (.vtr) for ParaView and its kin: XML with one appended block of raw numbers."""

from __future__ import annotations

import sys
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from .._checks import checked
from .._typing import Any, Path, Sequence
from ._content import STATISTICS, content_of
from ._targets import one_file

HIDDEN = 32  # vtkDataSetAttributes::HIDDENCELL
TYPES = {"f8": "Float64", "u1": "UInt8"}


@checked
def save_vtk(source: Any, path: str | Path, parameter: str | Sequence[str] | None = None, *,
             statistics: str | Sequence[str] = STATISTICS, probability: float = 0.9, overwrite: bool = False) -> Path:
    """Write properties on their mesh as a VTK rectilinear grid (.vtr), for ParaView, PyVista and others.

    Every statistic is one cell array, its units in its name (``density_std [kg/m3]``) and in its VTK metadata.
    Coordinates are easting, northing and height, positive up, in metres. Air is NaN, 0 in the array ``ground`` and
    hidden (``vtkGhostType``).

    Parameters
    ----------
    source : Posterior, xarray.DataTree or path-like
        Of `posterior` or `load`; a dataset; the file of one, or the folder of ``bayesjoint run``. A MAP, which has no
        standard deviations, is refused.
    path : path-like
        Target.
    parameter : str or sequence of str, optional
        Properties; default all that live on the mesh.
    statistics : sequence of str, default ("mean", "std", "lower", "upper")
        Also "mean_error" and "std_error". A mean is not written without its std or interval.
    probability : float, default 0.9
        Of the interval.
    overwrite : bool, default False
        Replace an existing file; never the one that is read.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ValueError, TypeError, FileNotFoundError
        If the source has no property on a mesh or no standard deviations, or the target is not free.

    Examples
    --------
    >>> import tempfile, numpy as np, bayesjoint as bj
    >>> mesh = bj.Mesh.regular((2, 2, 3), (100.0, 100.0, 100.0))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    >>> survey = bj.Survey("gravity", np.ones((2, 3)), mesh.easting, mesh.northing, 10.0, std=0.1)
    >>> post = bj.posterior(bj.JointProblem([density], [survey.modality(density)]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_vtk(post, folder + "/density.vtr").stat().st_size > 400
    True
    """
    content = content_of(source, parameter, statistics, probability)
    with one_file(path, content.source, overwrite) as (target, part):
        part.write_bytes(_document(content))
    return target


def _document(content):
    mesh, blocks, body = content.mesh, [], []
    cells = [(f"{f.name} [{f.units}]", f.values.astype("f8"), f.units) for f in content.fields]
    cells += [("ground", mesh.active.astype("u1"), ""), ("vtkGhostType", np.where(mesh.active, 0, HIDDEN).astype("u1"),
                                                         "")]
    edges = [(f"{axis} [m]", getattr(mesh, f"{axis}_edges"), "m") for axis in ("easting", "northing", "upward")]

    def add(arrays):
        for name, values, units in arrays:
            data = np.ascontiguousarray(values).tobytes()  # C order of (up, north, east) is VTK's: easting fastest
            key = f"{values.dtype.kind}{values.dtype.itemsize}"
            offset = sum(8 + len(block) for block in blocks)
            body.append(f'<DataArray type="{TYPES[key]}" Name={quoteattr(name)} format="appended" offset="{offset}">'
                        f"{_unit_key(units)}</DataArray>")
            blocks.append(data)

    extent = " ".join(f"0 {n}" for n in reversed(mesh.shape))
    order = "LittleEndian" if sys.byteorder == "little" else "BigEndian"
    body.append(f'<VTKFile type="RectilinearGrid" version="1.0" byte_order="{order}" header_type="UInt64">')
    body.append(f'<!-- {_comment(content)} -->\n<RectilinearGrid WholeExtent="{extent}">\n<Piece Extent="{extent}">')
    body.append("<CellData>")
    add(cells)
    body.append("</CellData>\n<Coordinates>")
    add(edges)
    body.append('</Coordinates>\n</Piece>\n</RectilinearGrid>\n<AppendedData encoding="raw">\n_')
    head = '<?xml version="1.0"?>\n' + "\n".join(body)
    raw = b"".join(len(block).to_bytes(8, sys.byteorder) + block for block in blocks)
    return head.encode("utf-8") + raw + b"\n</AppendedData>\n</VTKFile>\n"


def _unit_key(units):
    key = f'<InformationKey name="UNITS_LABEL" location="vtkDataArray">{escape(units)}</InformationKey>'
    return key if units else ""


def _comment(content):
    said = [f"{f.name}: {f.words}, {f.units}" for f in content.fields]
    said += [f"coordinate reference system: {content.crs or 'not stated'}; metres, height positive up"]
    said += content.statements
    return escape("\n".join(said)).replace("--", "- -")
