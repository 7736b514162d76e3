"""Which cells of each parameter are ground: what its mesh says, and what the operators that see it say."""

from .._checks import fail


def with_ground(parameters, modalities):
    """Parameters on meshes that know their air, from their own mesh or from an operator's `active`.

    Parameters
    ----------
    parameters : tuple of Parameter
    modalities : tuple of Modality

    Returns
    -------
    tuple of Parameter
        Those whose mesh is all ground, under an operator that marks air, replaced by the same on a mesh that has it.

    Raises
    ------
    ValueError
        If two operators, or an operator and the parameter's mesh, mark different cells.
    """
    return tuple(_placed(p, modalities) if p.mesh is not None else p for p in parameters)


def _placed(p, modalities):
    active, owner = (p.mesh.active, f"the mesh of {p.name}") if p.mesh.has_air else (None, None)
    for m in modalities:
        theirs = operator_ground(m.forward, m.seen, p)
        if theirs is None:
            continue
        name = f"the operator of {m.name}"
        if active is not None and (theirs != active).any():
            fail(f"active of {name}", f"mark the air that {owner} marks", f"{int((theirs != active).sum())} cells that "
                 "differ", "Build the operator on the parameter's mesh, or give both the same `active`.")
        active, owner = theirs, name if owner is None else owner
    return p if active is None or p.mesh.has_air else p.replace(mesh=p.mesh.with_active(active))


def operator_ground(forward, names, parameter):
    """Cells of a parameter that an operator says are ground, (nz, ny, nx), or None where it marks no air of its mesh.

    Parameters
    ----------
    forward : LinearOperator, array or ForwardModel
    names : tuple of str
        Parameters it sees.
    parameter : Parameter
    """
    active = getattr(forward, "active", None)
    if parameter.name not in names or getattr(active, "shape", None) != parameter.shape or active.all():
        return None
    mesh = getattr(forward, "mesh", None)
    return active if mesh is None or parameter.mesh.same_cells(mesh) else None
