"""Other families on which recalibrated intervals are tried."""

FACTORS = {"contrasts x 0.7": 0.7, "contrasts x 1.4": 1.4}
SIZES = {"half the size": 0.5, "double the size": 2.0}


class Scaled:
    """Any simulator of ground, its values multiplied."""

    def __init__(self, geology, factor):
        self.geology, self.factor = geology, factor
        self.name = f"{factor:g} times {getattr(geology, 'name', type(geology).__name__)}"

    def __call__(self, mesh, seed):
        """One world."""
        world = self.geology(mesh, seed)
        return {name: values if name == "unit" else self.factor * values for name, values in world.items()}


def standard_variants(geology, default):
    """{label: geology}: the same family with other contrasts, sizes, without cover, and foreign ones.

    Parameters
    ----------
    geology : callable
        The family that was learned from.
    default : Mixture
        Whose families are the foreign ones, of about the same contrast.

    Returns
    -------
    dict of {str: callable}

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((4, 9, 9), (100.0, 100.0, 100.0))
    >>> family = bj.Geology([bj.Bodies(contrasts={"density": 300.0})])
    >>> sorted(standard_variants(family, bj.geology_default(mesh, {"density": 100.0})))[:3]
    ['contrasts x 0.7', 'contrasts x 1.4', 'double the size']
    """
    out = {label: Scaled(geology, factor) for label, factor in FACTORS.items()}
    if "cover" in {getattr(s, "kind", "") for s in getattr(geology, "structures", ())} and len(
            {s.kind for s in geology.structures}) > 1:
        out["no cover"] = geology.without("cover")
    if hasattr(geology, "resized"):
        out |= {label: geology.resized(factor) for label, factor in SIZES.items()}
    return out | {f"foreign: {family.name}": family for family in default.families}
