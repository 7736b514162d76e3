"""Results that are costly and asked for again, kept with the problem that they are of."""

import operator
import threading


class Cache:
    """Results by the very objects that they were made from, the oldest of a kind dropped first.

    Problems made from one another share it: what has changed between them is another object. It is left out of copies
    and pickles.
    """

    def __init__(self):
        self._kept, self._lock = {}, threading.Lock()

    def get(self, kind, parts, key, make, most):
        """What `make()` gave for these parts before, or gives now.

        Parameters
        ----------
        kind : str
        parts : tuple
            Objects, compared by identity.
        key : object
            Compared by value.
        make : callable
        most : int
            Results of this kind that are kept.
        """
        with self._lock:
            for known, value, result in self._kept.get(kind, ()):
                if value == key and len(known) == len(parts) and all(map(operator.is_, known, parts)):
                    return result
        result = make()
        with self._lock:
            self._kept[kind] = [*self._kept.get(kind, ()), (parts, key, result)][-most:]
        return result

    def __reduce__(self):
        """Nothing of it goes along."""
        return Cache, ()

    def __deepcopy__(self, memo):
        """Return a new, empty one."""
        return Cache()
