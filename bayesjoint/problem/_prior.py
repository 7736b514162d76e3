"""The prior of all parameters together: independent blocks, or one joint covariance where parameters are coupled."""

import numpy as np

from .._checks import fail
from .._places import as_slice, blocks, unit_columns
from ..priors import BlockCovariance, BoundGaussian, ConditionedCovariance

COLUMNS = 1_000  # of a Hessian, formed at a time


class JointPrior:
    """Prior over the state vector x.

    Parameters
    ----------
    parameters : list of Parameter
        In the order of x.
    slices : dict of {str: slice}
        Their places in x.
    coregionalization : Coregionalization, optional
        Replaces its members' own priors.
    """

    def __init__(self, parameters, slices, coregionalization=None):
        self.size = sum(p.size for p in parameters)
        blocks, members = [], []
        if coregionalization is not None:
            names, by_name = coregionalization.parameters, {p.name: p for p in parameters}
            members = [p for p in parameters if p.mesh is not None] if names is None else [by_name[n] for n in names]
            covariance = coregionalization.joint_covariance(members)  # refuses members it cannot tie
            index = np.concatenate([np.arange(self.size)[slices[p.name]] for p in members])
            mean = np.concatenate([p.bound_prior.mean for p in members])
            blocks.append((as_slice(index), BoundGaussian(mean, covariance)))
        self.continued = tuple(p.name for p in parameters if getattr(p.prior, "extent", "mesh") == "continued")
        self.tied = {p.name for p in members}  # parameters whose prior is correlated with another's
        self.flat = [p.name for p in parameters if p.bound_prior is None]
        alone = [p for p in parameters if p not in members and p.bound_prior]
        # (index into x, bound prior) of the priors that there are; flat ones have none
        self.blocks = (*blocks, *((slices[p.name], p.bound_prior) for p in alone))
        self.block_members = [tuple(p.name for p in group)  # names, for each of `blocks`
                              for group in (members, *([p] for p in alone)) if group]
        self._known = np.concatenate([p.fixed_mask for p in parameters])
        self._known_values = np.concatenate([p.fixed_values for p in parameters])

    @property
    def gaussian(self):
        """Whether the whole prior is a proper Gaussian."""
        return not self.flat and all(bound.gaussian for _, bound in self.blocks)

    def terms(self, x):
        """Negative log density of every block, by the names of its parameters."""
        self.refuse_hidden()
        return {"+".join(names): bound.value(x[index])
                for (index, bound), names in zip(self.blocks, self.block_members, strict=True)}

    def value(self, x):
        """Negative log density up to its constant."""
        return sum(self.terms(x).values())

    def refuse_flat(self, use):
        """Refuse improper priors, and say what they are of no `use` for."""
        if self.flat:
            fail("prior", f"be proper {use}", f"flat priors on {', '.join(self.flat)}",
                 "Give GaussianPrior(mean, covariance), however broad.")

    def refuse_hidden(self):
        """Refuse functions of the visible cells alone where fields go on beyond the mesh."""
        if self.continued:
            fail("extent", 'be "mesh" where a function of the mesh\'s cells is asked for: MAP, samplers, chi2',
                 f'"continued" for {", ".join(self.continued)}', "Data feel cells that are hidden there. Use the "
                 'dense or iterative engine, whose mean is the MAP, or extent="mesh".')

    def gradient(self, x):
        """Gradient of `value`, shape (size,)."""
        return self._by_block(lambda bound, index: bound.gradient(x[index]))

    def hessian_product(self, x, direction):
        """Hessian of `value` at x times a direction, shape (size,)."""
        return self._by_block(lambda bound, index: bound.hessian_product(x[index], direction[index]))

    def hessian_matrix(self, x, index):
        """`hessian_product` as a matrix over the values at `index`, (k, k): Gaussians by solves of many columns."""
        self.refuse_hidden()
        out, place = np.zeros((index.size,) * 2), np.full(self.size, -1)
        place[index] = np.arange(index.size)
        for where, bound in self.blocks:
            cells = np.arange(self.size)[where]
            kept = np.flatnonzero(place[cells] >= 0)
            for part in blocks(kept.size, COLUMNS):
                units = unit_columns(cells.size, kept[part])
                found = bound.covariance.solve(units) if bound.gaussian else np.stack(
                    [bound.hessian_product(x[where], unit) for unit in units.T], axis=1)
                out[np.ix_(place[cells[kept]], place[cells[kept[part]]])] += found[kept]
        return out

    def _by_block(self, product):
        self.refuse_hidden()
        out = np.zeros(self.size)
        for index, bound in self.blocks:
            out[index] = product(bound, index)
        return out

    def gaussian_moments(self, instead=None):
        """(mean, covariance) of a Gaussian prior, given the cells known exactly.

        Parameters
        ----------
        instead : list of (index, BoundGaussian), optional
            In place of `blocks`.

        Returns
        -------
        mean : ndarray, shape (size,)
        covariance : Covariance
        """
        mean = np.zeros(self.size)
        found = self.blocks if instead is None else instead
        for index, bound in found:
            mean[index] = bound.mean
        blocks = [(index, bound.covariance) for index, bound in found]
        covariance = blocks[0][1] if _covers(blocks, self.size) else BlockCovariance(self.size, blocks)
        known = np.flatnonzero(self._known)
        if known.size:
            covariance = ConditionedCovariance(covariance, known)
            mean = mean + covariance.shift(self._known_values[known] - mean[known])
        return mean, covariance


def _covers(blocks, size):
    return len(blocks) == 1 and isinstance(blocks[0][0], slice) and blocks[0][1].size == size
