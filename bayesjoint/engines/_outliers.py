"""Data that all others do not expect, and how far each of them moves the model: leave-one-out in closed form.

Testing each residual by its own standard deviation is Baarda's data snooping (1968, Neth. Geod. Comm. 2, 5); taking the
largest out before the next is looked for keeps an outlier from making its neighbours look like some.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ..dataset import DatasetBuilder
from ..problem import layout, placed

LEVEL = 0.05  # of sets of data that are as stated, how many are said to hold an outlier, at most
NAMED = 5  # data that a sentence names
FEW = 0.1  # share of the data up to which those that stand out are single ones
HELD = 1e-9  # of a datum's weight in its noise: one whose precision is less is predicted by nothing that is left



@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Every datum left out by itself, and predicted from all others.

    Parameters
    ----------
    pull, precision, noise : ndarray, shape (n,)
        P y, diagonal of P, diagonal of C⁻¹, where P is the inverse covariance of the data, flat values eliminated, and
        C that of their noise.
    """

    pull: np.ndarray
    precision: np.ndarray
    noise: np.ndarray

    @property
    def residual(self):
        """Datum less its prediction."""
        return self.pull / self.precision

    @property
    def std(self):
        """Of the residual."""
        return self.precision**-0.5

    @property
    def z(self):
        """Residual over its std: N(0, 1) for each datum if prior, noise and physics are as stated."""
        return self.pull * self.std

    @property
    def influence(self):
        """How far leaving the datum out moves the posterior mean, in posterior std of what is moved most.

        The mean moves by Λ⁻¹Aᵀ C⁻¹e_i (P y)_i / P_ii, Λ the posterior precision; the square of its length under Λ is
        (C⁻¹ − P)_ii (P y)_i² / P_ii², the most that the square of any linear functional moves in its own variance (the
        distance of Cook 1977, Technometrics 19, of a Gaussian posterior).
        """
        return np.sqrt(np.maximum(self.noise - self.precision, 0.0)) * np.abs(self.residual)


def farthest(count):
    """|z| that the largest of `count` exceeds in at most 1 of 20 sets of data as stated (Bonferroni)."""
    return float(-ndtri(LEVEL / (2 * count)))


def in_turn(left_out, candidates, column):
    """(places, z) of data beyond `farthest`, the largest first, each taken out before the next is looked for.

    Ends at one more than a tenth of the data: so many are no single ones.

    Parameters
    ----------
    left_out : LeftOut
        Of all data.
    candidates : ndarray of int
        Places of the data looked at.
    column : callable
        ``column(i)``: P e_i, shape (n,).
    """
    pull, precision, limit = left_out.pull.copy(), left_out.precision.copy(), farthest(candidates.size)
    open_ = np.zeros(pull.size, dtype=bool)
    open_[candidates] = True
    places, sizes, taken = [], [], []
    while len(places) <= single(candidates.size):
        sound = open_ & (precision > HELD * left_out.noise)
        z = np.where(sound, pull, 0.0) / np.sqrt(np.where(sound, precision, 1.0))
        worst = int(np.argmax(np.abs(z)))
        if abs(z[worst]) <= limit:
            break
        own = column(worst)
        for place, other in zip(places, taken, strict=True):
            own = own - other * (other[worst] / other[place])
        places, sizes, taken = [*places, worst], [*sizes, z[worst]], [*taken, own]
        pull, precision = pull - own * (pull[worst] / own[worst]), precision - own * (own / own[worst])
        open_[worst] = False
    return np.array(places, dtype=int), np.array(sizes)


def single(total):
    """How many of all data may stand out and still be single ones."""
    return max(1, int(FEW * total))


def outlier_words(found, influence, names, total):
    """A sentence on what `in_turn` found, and a remedy; empty where that is nothing.

    Parameters
    ----------
    found : (places, z)
    influence : ndarray, shape (n,)
    names : callable
        ``names(i)``: the datum at a place in words.
    total : int
        Data looked at.
    """
    places, z = found
    if not places.size:
        return ""
    named = ", ".join(f"{names(i)} (z {size:+.1f}, moves the model by up to {influence[i]:.2g} std)"
                      for i, size in zip(places[:NAMED], z, strict=False))
    more = f" and {places.size - NAMED} more" if places.size > NAMED else ""
    least = "At least " if places.size > single(total) else ""
    return (f"{least}{places.size} of {total} data stand out: farther from what all others predict than 19 of 20 such "
            f"sets of data have any, |z| > {farthest(total):.2f}, the largest taken out first: {named}{more}. "
            f"{outlier_remedy(places.size, total)}")


def outlier_remedy(beyond, total):
    """What to do about so many of all data that stand out."""
    if beyond > single(total):
        return "So many are no single data: the noise std, the prior or the model is not as stated."
    return ("Look at them, and at what the model may lack there. Errors of measurement lose their weight under "
            'Student-t noise: bj.StudentNoise(std), or noise = "student" in a configuration.')


def left_out_table(left_out, found, problem):
    """What is known of every datum left out, and of those that `in_turn` found, at stations: an `xarray.Dataset`."""
    outlier = np.full(left_out.z.size, np.nan)
    outlier[found[0]] = found[1]
    table = DatasetBuilder()
    for m, rows in zip(problem.modalities, problem.data_slices.values(), strict=True):
        dims, coords, _, _ = layout(m)
        table.place({"name": m.name, "dims": dims, "coords": coords})
        for key, values, units, words in (
                ("residual", left_out.residual, m.units, "datum less what all others predict"),
                ("z", left_out.z, "1", "datum less what all others predict, over its std"),
                ("outlier", outlier, "1", "z of a datum that stands out, after larger ones were taken out"),
                ("influence", left_out.influence, "1", "how far the mean moves without the datum, in posterior std")):
            table.add(f"{m.name}_{key}", dims, placed(m, values[rows]), units, f"{m.name}: {words}")
    table.add("farthest", (), farthest(left_out.z.size), "1", "|z| that any datum exceeds in at most 1 of 20 sets")
    return table.dataset({"level": LEVEL})
