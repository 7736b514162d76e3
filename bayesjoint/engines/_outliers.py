"""Data that all others do not expect, and how far each of them moves the model: leave-one-out in closed form."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ..dataset import DatasetBuilder
from ..problem import layout, placed

LEVEL = 0.05  # of sets of data that are as stated, how many are said to hold an outlier, at most
NAMED = 5  # data that a sentence names
FEW = 0.1  # share of the data up to which those that stand out are single ones
REMEDY = ("Look at them, and at what the model may lack there. Errors of measurement lose their weight under "
          "StudentNoise(std).")
MANY = "So many are no single data: the noise std, the prior or the model is not as stated."


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


def outlier_words(left_out, surveys, stations):
    """A sentence on data beyond `farthest`, and a remedy; empty where there are none."""
    size, limit = np.abs(left_out.z), farthest(left_out.z.size)
    beyond = np.flatnonzero(size > limit)
    if not beyond.size:
        return ""
    beyond = beyond[np.argsort(-size[beyond], kind="stable")]
    named = ", ".join(f"{surveys[i]} datum {stations[i]} (z {left_out.z[i]:+.1f}, moves the model by up to "
                      f"{left_out.influence[i]:.2g} std)" for i in beyond[:NAMED])
    more = f" and {beyond.size - NAMED} more" if beyond.size > NAMED else ""
    return (f"{beyond.size} of {size.size} data are farther from what all others predict than 19 of 20 such sets have "
            f"any, |z| > {limit:.2f}: {named}{more}. "
            f"{REMEDY if beyond.size <= FEW * size.size else MANY}")


def left_out_table(left_out, problem):
    """Z and influence of every datum at its station, as an `xarray.Dataset`; `left_out` in the problem's order."""
    table = DatasetBuilder()
    for m, rows in zip(problem.modalities, problem.data_slices.values(), strict=True):
        dims, coords, _, _ = layout(m)
        table.place({"name": m.name, "dims": dims, "coords": coords})
        for key, values, units, words in (
                ("residual", left_out.residual, m.units, "datum less what all others predict"),
                ("z", left_out.z, "1", "datum less what all others predict, over its std"),
                ("influence", left_out.influence, "1", "how far the mean moves without the datum, in posterior std")):
            table.add(f"{m.name}_{key}", dims, placed(m, values[rows]), units, f"{m.name}: {words}")
    table.add("farthest", (), farthest(left_out.z.size), "1", "|z| that any datum exceeds in at most 1 of 20 sets")
    return table.dataset({"level": LEVEL})
