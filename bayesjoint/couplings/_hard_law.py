"""How a hard law is met: penalties and multipliers in rounds (augmented Lagrangian)."""

import numpy as np

SHARE = 1e-4  # of the spread of g under the priors: how far off the law may be in any cell
FIRST = 0.3  # of the spread of g under the priors: std of the first round's law
TIGHTER, FASTER = 0.25, 10.0  # share by which a round must bring g down, and by which the weight grows if it does not
HEAVIEST = 1e10  # over the first weight: beyond it rounding rules


class HardRounds:
    """The state of an augmented Lagrangian: ½ ρ Σ (g + s)², with ρ s the multipliers (Nocedal & Wright 2006, 17.3).

    Parameters
    ----------
    law : Petrophysical
        A hard one.
    parameters : list of Parameter
        Its members in order.
    """

    name = "largest misfit of a hard law"

    def __init__(self, law, parameters):
        self._law, self._parameters, self._bound = law, parameters, law.bind(parameters)
        start = {p.name: p.reference_hat for p in parameters}
        self._size = self._bound.spread(start)
        self.tolerance = SHARE * self._size if law.tolerance is None else float(law.tolerance)
        self._weight = (FIRST * self._size) ** -2
        self._heaviest = HEAVIEST * self._weight
        self._shift, self._worst = np.zeros(self._bound.misfit(start).size), np.inf

    @property
    def coupling(self):
        """What stands for the law in the next round: a density."""
        return AugmentedLaw(self._law, self._weight, self._shift)

    @property
    def kept(self):
        """What the result's problem holds: the law itself."""
        return self._law

    def update(self, parts):
        """Move multipliers by what a round found; return the largest |g| that is left."""
        g = np.where(self._bound.free_cells(), self._bound.misfit(parts), 0.0)
        worst = float(np.max(np.abs(g)))
        multipliers = self._weight * (g + self._shift)
        if worst > TIGHTER * self._worst and self._weight < self._heaviest:
            self._weight *= FASTER
        self._shift, self._worst = multipliers / self._weight, worst
        return worst

    def said(self, worst):
        """The end of it in words."""
        met = "met" if worst <= self.tolerance else "not met"
        return f"hard law {met}: largest |g| {worst:.2g}, tolerance {self.tolerance:.2g}"


class AugmentedLaw:
    """One round's penalty for a hard law.

    Parameters
    ----------
    law : Petrophysical
    weight : float
        ρ, per (unit of g)².
    shift : ndarray, shape (ground,)
        s.
    """

    is_density = True

    def __init__(self, law, weight, shift):
        self._law, self._weight, self._shift = law, weight, shift
        self.parameters = law.parameters

    def bind(self, parameters):
        """The penalty over given parameters."""
        found = self._law.bind(parameters)
        found.weight, found.shift, found.is_density = self._weight, self._shift, True
        return found
