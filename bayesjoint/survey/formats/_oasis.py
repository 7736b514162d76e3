"""Grids of Oasis montaj (.grd, version 2): a header of 512 bytes and the values, plain or in blocks of zlib."""

import struct
import zlib

import numpy as np

from ..._checks import fail
from ..._memory import check_memory
from ._parts import DAMAGED, axis, check_count, content, grid, reals, whole

HEADER = 512
PACKED = 1024  # added to the bytes of a value where blocks are compressed
TYPES = {(1, 0): "u1", (1, 1): "i1", (2, 0): "<u2", (2, 1): "<i2", (4, 0): "<u4", (4, 1): "<i4", (4, 2): "<f4",
         (8, 0): "<f8", (8, 1): "<f8", (8, 2): "<f8"}  # by bytes and sign flag
DUMMY = -1e32  # of floats; of integers the end of their range
COLOUR = 3
BLOCK = 16  # bytes before the data of a compressed block
MOST = 1100  # times that zlib makes anything smaller


def looks(head):
    """Whether a file begins like such a grid, which has no name of its own: with a size and a sign that there are."""
    if len(head) < 8:
        return False
    size, sign = struct.unpack_from("<2i", head)
    return size % PACKED in (1, 2, 4, 8) and size // PACKED in (0, 1) and 0 <= sign <= COLOUR


def read(path, kind, columns):
    """Contents of a grid as a dict of plain arrays."""
    raw = content(path)
    if len(raw) < HEADER:
        fail("path", f"hold a header of {HEADER} bytes", f"{len(raw)} bytes", DAMAGED)
    size, sign, across, vectors, order, *places = struct.unpack_from("<5i7d", raw)
    across, vectors = whole("its numbers of values", (across, vectors), 2)
    step, between, east, north, turn, base, factor = reals("spacing, origin, rotation and scale", places, 7)
    if sign == COLOUR:
        fail("path", "hold values", "a colour grid", "Export the grid that it was coloured from.")
    dtype = TYPES.get((size % PACKED, sign))
    if dtype is None or size // PACKED > 1 or abs(order) != 1 or factor == 0:
        fail("path", "be an Oasis montaj grid of version 2", f"{size} bytes a value, sign flag {sign}, order {order}, "
             f"scale {factor:g}", "Write it again as a plain grid (GRD) of floats.")
    count, dtype = across * vectors, np.dtype(dtype)
    body = _unpacked(raw, count * dtype.itemsize) if size >= PACKED else raw[HEADER:]
    if len(body) < count * dtype.itemsize or size >= PACKED:
        check_count(len(body) // dtype.itemsize, count)
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond any number is refused with the survey
        values = (_without_dummies(np.frombuffer(body, dtype, count)) / factor + base).reshape(vectors, across)
    if order == -1:  # vectors run to the north
        values, step, between = values.T, between, step
    x = axis("easting", 0.0, step, values.shape[1])
    y = axis("northing", 0.0, between, values.shape[0])
    if turn == 0:
        return grid("an Oasis montaj grid", values, east + x, north + y)
    x, y = np.meshgrid(x, y)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))  # counter-clockwise
    return grid(f"an Oasis montaj grid turned by {turn:g} degrees (read as stations)", values.ravel(),
                east + (x * cos - y * sin).ravel(), north + (x * sin + y * cos).ravel())


def _without_dummies(values):
    """Floats with NaN for the dummy of the type."""
    if values.dtype.kind == "f":
        dummy = values <= values.dtype.type(DUMMY)
    else:
        limits = np.iinfo(values.dtype)
        dummy = values == (limits.max if values.dtype.kind == "u" else limits.min + 1)
    return np.where(dummy, np.nan, values.astype(float))


def _unpacked(raw, size):
    """`size` bytes out of the blocks of a compressed grid."""
    if size > MOST * len(raw) or len(raw) < HEADER + BLOCK:
        fail("path", "hold as many values as its header says", f"{size} bytes announced in {len(raw)} compressed ones",
             DAMAGED)
    check_memory("path", size * 4, "the grid would take", "Cut a window out of it first.")
    blocks, = whole("its number of blocks", struct.unpack_from("<i", raw, HEADER + 8), 1)
    table = HEADER + BLOCK
    if table + 12 * blocks > len(raw):
        fail("path", "hold its table of blocks", f"{blocks} announced in {len(raw)} bytes", DAMAGED)
    starts = struct.unpack_from(f"<{blocks}q", raw, table)
    lengths = struct.unpack_from(f"<{blocks}i", raw, table + 8 * blocks)
    out = bytearray()
    for start, length in zip(starts, lengths, strict=True):
        if not (table <= start and length > BLOCK and start + length <= len(raw)):
            fail("path", "hold its blocks", f"one of {length} bytes at {start} of {len(raw)}", DAMAGED)
        try:
            out += zlib.decompressobj().decompress(raw[start + BLOCK:start + length], size + 1 - len(out))
        except zlib.error as error:
            fail("path", "hold blocks of zlib", str(error), "Write it again as a plain grid (GRD).")
        if len(out) > size:
            fail("path", "hold as many values as its header says", f"more than the {size} bytes announced", DAMAGED)
    return bytes(out)
