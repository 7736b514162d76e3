"""Small files of every format, written from the published layouts and by nothing of the package."""

import struct
import zlib

import numpy as np

EAST, NORTH = 400_000.0 + 50.0 * np.arange(4), 7_000_000.0 + 25.0 * np.arange(3)
VALUES = np.array([[1.0, 2, 3, 4], [5, np.nan, 7, 8], [9, 10, 11, -12]])
CODES = {"f4": (4, 2), "f8": (8, 2), "i4": (4, 1), "u4": (4, 0), "i2": (2, 1), "u2": (2, 0), "i1": (1, 1), "u1": (1, 0)}
DUMMIES = {"f4": -1e32, "f8": -1e32, "i4": -2147483647, "u4": 4294967295, "i2": -32767, "u2": 65535, "i1": -127,
           "u1": 255}


def oasis(values=VALUES, dtype="f4", packed=False, order=1, turn=0.0, base=0.0, factor=1.0, blocks=2, **header):
    """Bytes of an Oasis montaj grid."""
    size, sign = CODES[dtype]
    raw = (values - base) * factor
    body = np.where(np.isnan(raw), DUMMIES[dtype], raw).astype("<" + dtype)
    vectors = body if order == 1 else body.T
    across, count = vectors.shape[::-1]
    spacing = (50.0, 25.0) if order == 1 else (25.0, 50.0)
    given = {"size": size + 1024 * packed, "sign": sign, "across": across, "vectors": count, "order": order} | header
    head = struct.pack("<5i7d", *given.values(), *spacing, EAST[0], NORTH[0], turn, base, factor).ljust(512, b"\0")
    plain = np.ascontiguousarray(vectors).tobytes()
    if not packed:
        return head + plain
    step = -(-count // blocks) * across * size
    parts = [bytes(16) + zlib.compress(plain[at:at + step]) for at in range(0, len(plain), step)]
    start = 512 + 16 + 12 * len(parts)
    starts = start + np.cumsum([0, *map(len, parts[:-1])])
    table = struct.pack(f"<{len(parts)}q", *starts) + struct.pack(f"<{len(parts)}i", *map(len, parts))
    return head + struct.pack("<4i", -1, 1, len(parts), -(-count // blocks)) + table + b"".join(parts)


def surfer_text(values=VALUES, head="DSAA", blank="1.70141e+38"):
    """Text of a Surfer grid."""
    rows = [" ".join(blank if np.isnan(v) else repr(float(v)) for v in row) for row in values]
    limits = [f"{a[0]} {a[-1]}" for a in (EAST, NORTH)]
    return "\n".join([head, f"{values.shape[1]} {values.shape[0]}", *limits, "-12 11", *rows]) + "\n"


def surfer_6(values=VALUES, shape=None):
    """Bytes of a Surfer 6 grid."""
    rows, columns = values.shape if shape is None else shape
    body = np.where(np.isnan(values), 1.70141e38, values).astype("<f4")
    head = struct.pack("<2h6d", columns, rows, EAST[0], EAST[-1], NORTH[0], NORTH[-1], -12, 11)
    return b"DSBB" + head + body.tobytes()


def surfer_7(values=VALUES, shape=None, version=1, blank=1.70141e38, turn=0.0, extra=b""):
    """Bytes of a Surfer 7 grid, `extra` before its data."""
    rows, columns = values.shape if shape is None else shape
    body = np.where(np.isnan(values), blank, values).astype("<f8").tobytes()
    lattice = struct.pack("<2i8d", rows, columns, EAST[0], NORTH[0], 50.0, 25.0, -12.0, 11.0, turn, blank)
    return (b"DSRB" + struct.pack("<2i", 4, version) + b"GRID" + struct.pack("<i", 72) + lattice + extra
            + b"DATA" + struct.pack("<i", len(body)) + body)


def esri(values=VALUES, place="corner", blank="-9999", head=None):
    """Text of an ESRI ASCII grid with cells of 50 m."""
    shift = 25.0 if place == "corner" else 0.0
    rows = [" ".join(blank if np.isnan(v) else repr(float(v)) for v in row) for row in values[::-1]]
    given = {"ncols": values.shape[1], "nrows": values.shape[0], f"xll{place}": EAST[0] - shift,
             f"yll{place}": NORTH[0] - shift, "cellsize": 50, "NODATA_value": blank} | (head or {})
    return "\n".join([*(f"{key:<14}{value}" for key, value in given.items() if value is not None), *rows]) + "\n"


def icgem(names=("x", "y", "gravity_disturbance"), units=("[m]", "[m]", "[mgal]"), values=VALUES, **changes):
    """Text of an ICGEM grid, from north to south as the service writes it."""
    head = {"product_type": "gravity_field", "modelname": "EIGEN-6C4", "functional": "gravity_disturbance_sa",
            "latlimit_north": NORTH[-1], "number_of_gridpoints": values.size, "gapvalue": "999999.0000",
            "height_over_ell": "1200.00 m"} | changes
    rows = [f"{x:.3f} {y:.3f} {999999.0 if np.isnan(v) else v:.5f}"
            for y, row in zip(NORTH[::-1], values[::-1], strict=True) for x, v in zip(EAST, row, strict=True)]
    return "\n".join([*(f"{key:>20}   {value}" for key, value in head.items() if value is not None), "",
                      "   ".join(names), "   ".join(units), "end_of_head " + 40 * "=", *rows]) + "\n"


ROWS = np.array([[0.0, 0, 12, 1.5, 0.1], [50, 10, 14, -2.5, 0.2], [100, 0, 13, 4.0, 0.1]])  # x, y, up, data, std
INDUCING = (60.0, -20.0, 55_000.0)


def ubc(rows=ROWS, count=None, head=""):
    """Text of UBC-GIF observations of gravity, or with a head of magnetic ones."""
    lines = [" ".join(f"{v:.4f}" for v in row) for row in rows]
    return head + "\n".join([str(len(rows) if count is None else count), *lines]) + "\n"


def ubc_magnetic(rows=ROWS, count=None, field=INDUCING, along=(60.0, -20.0, 1)):
    """Text of magnetic observations."""
    return ubc(rows, count, " ".join(map(str, field)) + " ! field\n" + " ".join(map(str, along)) + "\n")


def writer(folder, usual):
    """A function that writes text or bytes to a file of a folder, and returns its path."""
    def write(content, name=usual):
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
