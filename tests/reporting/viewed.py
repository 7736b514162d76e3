"""A result tree that holds all that the viewer can show."""

from scipy.special import ndtri

from ..trees import make_tree

SHAPE = (6, 24, 26)
GAUSSIAN = "equal-tailed Gaussian, for the stated prior"
LEARNED = "recalibrated on bodies, shortest"


def kept(tree, name, side, values, kind):
    """Add one end of the intervals of a property."""
    like = tree["posterior_summary"][f"{name}_mean"]
    tree["posterior_summary"][f"{name}_{side}"] = like.copy(data=values).assign_attrs(
        units=like.attrs["units"], long_name=f"{side} of {name}", probability=0.9, kind=kind)


def make_viewed(shape=SHAPE, **options):
    """A tree: density with Gaussian intervals, susceptibility with recalibrated ones."""
    tree = make_tree(shape, **options)
    tree["posterior_summary"]["density_std"] *= 0.5  # so that some cells are surely beyond the prior's std
    for name in ("density", "susceptibility"):
        mean, std = (tree["posterior_summary"][f"{name}_{key}"].values for key in ("mean", "std"))
        for side, z in (("lower", ndtri(0.05)), ("upper", ndtri(0.95))):
            if name == "susceptibility":
                kept(tree, name, side, mean + 1.3 * z * std, LEARNED)
            else:
                kept(tree, name, side, mean + z * std, GAUSSIAN)
    return tree
