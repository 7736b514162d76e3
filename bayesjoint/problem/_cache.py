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

    def find(self, kind, parts, key):
        """What was kept for these parts, compared by identity, and this key, compared by value; or None."""
        with self._lock:
            return next((result for known, value, result in self._kept.get(kind, ()) if value == key
                         and len(known) == len(parts) and all(map(operator.is_, known, parts))), None)

    def keep(self, kind, parts, key, result, most):
        """Keep a result among the last `most` of its kind, and return it."""
        if most:
            with self._lock:
                self._kept[kind] = [*self._kept.get(kind, ()), (parts, key, result)][-most:]
        return result

    def get(self, kind, parts, key, make, most):
        """What was kept, or `make()`, which then is."""
        found = self.find(kind, parts, key)
        return self.keep(kind, parts, key, make(), most) if found is None else found

    def __reduce__(self):
        """Nothing of it goes along."""
        return Cache, ()
