"""Inner products and combinations of a few long vectors, each read from memory once. Imported when first used."""

from .._compiled import FAST, njit

CHUNK = 1 << 11  # values of each vector taken at a time, so that they stay in the first cache


@njit(cache=True, nogil=True, fastmath=FAST)
def add_products(left, right, start, stop, gram):
    """Add Σ left[p] right[q] over a stretch to gram[p, q]; `left` and `right` are tuples of vectors."""
    for first in range(start, stop, CHUNK):
        last = min(first + CHUNK, stop)
        for p in range(len(left)):
            for q in range(len(right)):
                a, b, total = left[p], right[q], 0.0
                for i in range(first, last):
                    total += a[i] * b[i]
                gram[p, q] += total


@njit(cache=True, nogil=True, fastmath=FAST)
def combine(matrix, vectors, start, stop, out):
    """Put Σ_q matrix[p, q] vectors[q] over a stretch into out[p]; `vectors` and `out` are tuples of vectors."""
    for first in range(start, stop, CHUNK):
        last = min(first + CHUNK, stop)
        for p in range(len(out)):
            total = out[p]
            for q in range(len(vectors)):
                factor, v = matrix[p, q], vectors[q]
                if q == 0:
                    for i in range(first, last):
                        total[i] = factor * v[i]
                else:
                    for i in range(first, last):
                        total[i] += factor * v[i]
