"""Worlds done over all stages of a recalibration, told to a callable or shown as a bar."""

import numpy as np

from .._progress import progress_bar


class Counter:
    """Counts worlds of one stage after another.

    Parameters
    ----------
    progress : callable, bool or None
        Called with (stage, worlds done, worlds in all); True shows a bar.
    total : int
        Worlds of all stages.
    """

    def __init__(self, progress, total):
        self._call = progress if callable(progress) else None
        self._bar = progress_bar(progress is True, total=total, unit="world")
        self._total, self._before = total, 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._bar.close()

    def begin(self, stage, count=0):
        """Begin a stage of so many worlds; return a callable for the number of its worlds done."""
        before, self._before = self._before, self._before + count

        def tell(done):
            if self._call is not None:
                self._call(stage, before + done, self._total)
            self._bar.update(before + done - self._bar.n)

        self._bar.set_description_str(stage)
        tell(0)
        return tell


def within(part, progress):
    """Callable for the share done of a block of worlds, which tells `progress` how many worlds that makes."""
    return None if progress is None else (
        lambda share: progress(part.start + int(share * (part.stop - part.start))))


def share_of_data(tell, problem, k):
    """Callable for the number of data done of modality number `k`, which tells the share of all data done."""
    sizes = [m.size for m in problem.modalities]
    return None if tell is None else lambda done: tell((sum(sizes[:k]) + done) / sum(sizes))


def told_product(operator, columns, tell):
    """A product that tells how many data are done, where it comes station by station."""
    if tell is None or not hasattr(operator, "piecewise"):
        return operator.matmat(columns)
    out = np.empty((operator.shape[0], columns.shape[1]))
    for stations, values in operator.piecewise(columns):
        out[stations] = values
        tell(stations.stop)
    return out
