"""A posterior as a saved dataset holds it: what was computed can be asked again, nothing more is computed."""

from __future__ import annotations

import numpy as np

from .._checks import as_count, checked, fail
from .._damaged import whole
from .._typing import Path, xr
from ..dataset import Approximation, read_attributes, read_tree
from ._draw_blocks import Drawn, quantiles, thinned
from ._estimate import Estimate
from ._loaded_problem import AGAIN, at_stations, problem_of
from ._posterior import Posterior

GAUSSIAN = "equal-tailed Gaussian"  # how the words of a Gaussian's interval begin


@checked
def load(source: str | Path | xr.DataTree):
    """The posterior that a saved dataset holds.

    Parameters
    ----------
    source : path-like or xarray.DataTree
        File that `write_tree`, ``post.to_file`` or ``bayesjoint run`` has written; or the tree itself.

    Returns
    -------
    LoadedPosterior

    Raises
    ------
    ValueError, FileNotFoundError
        If there is no such file, or it holds no posterior of a problem.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0]], [2.0], bj.DiagonalNoise([1.0]), "slope")
    >>> tree = bj.posterior(bj.JointProblem([slope], [line])).to_datatree(draws=20, chains=2)
    >>> post = load(tree)
    >>> post.mean()["slope"].round(3), post.sample()["slope"].shape
    (array([1.]), (2, 20, 1))
    """
    with whole("source"):
        return LoadedPosterior(source if hasattr(source, "children") else read_tree(source, lazy=True))


class LoadedPosterior(Posterior):
    """A posterior of stored draws and summaries; use `load`.

    It answers `mean`, `std` and their errors, `interval`, `prediction`, `chi2`, `sample`, `stream`, the stored
    evidence, functionals, `bj.compare`, and stands for its tree in `bj.plot` and `bj.report`. What needs the operators
    (covariance products, resolution, other data) it refuses. Draws were stored in float32.

    Parameters
    ----------
    tree : xarray.DataTree

    Attributes
    ----------
    tree : xarray.DataTree
        What was loaded.
    held : tuple of int
        (chains, draws) that are stored; (0, 0) without draws.
    """

    def __init__(self, tree):
        if tree.attrs.get("schema") != "bayesjoint":
            fail("source", "be a bayesjoint posterior", "a tree without that schema", "Pass post.to_datatree().")
        said = read_attributes(tree)
        super().__init__(problem_of(tree, said))
        self.tree, self.method, self._said = tree, said.get("method", "unknown"), said
        self.reason = said.get("reason", "unknown")
        mixed = "mixing" in tree.children  # files of before say nothing else of it
        self.markov = said.get("markov", "true" if mixed else "false") == "true"
        self.approximations = [Approximation(**stated) for stated in said.get("approximations", [])]
        if "recalibration" in tree.children:
            self.approximations.append(Approximation(
                name="functionals of a loaded posterior", status="not validated",
                statement="Only the stored intervals of cells are recalibrated: worlds are not in the file, so that "
                "functionals and other probabilities are the engine's own."))
        sizes = tree["posterior"].sizes if "posterior" in tree.children else {}
        self.held = sizes.get("chain", 0), sizes.get("draw", 0)

    # -- the tree itself, for plots and reports ------------------------------------------------------------------------
    @property
    def children(self):
        """Groups of the tree."""
        return self.tree.children

    @property
    def attrs(self):
        """Attributes of the tree."""
        return self.tree.attrs

    def __getitem__(self, group):
        return self.tree[group]

    def to_datatree(self, **nothing):
        """The tree that was loaded; arguments are refused."""
        if nothing:
            fail("arguments", "be none: a stored tree is handed out as it is", f"{sorted(nothing)}", AGAIN, TypeError)
        return self.tree

    # -- summaries -----------------------------------------------------------------------------------------------------
    def _flat(self, p, values):
        """An array of a parameter as m̂, shape (..., size), 0 in air."""
        flat = np.reshape(values, (*np.shape(values)[: np.ndim(values) - len(p.shape)], p.size)) / p.scale
        return np.where(p.ground, flat, 0.0)

    def _summary(self, group, ending, absent=None):
        """State vector of a summary, (size,); `absent` where a parameter has none, an error where that is None."""
        held, found = self._held(group), []
        for p in self.problem.parameters:
            stored = held.get(f"{p.name}_{ending}")
            if stored is None and absent is None:
                fail("dataset", f"hold {p.name}_{ending} for this", f"no such variable in {group}", AGAIN)
            found.append(np.full(p.size, absent) if stored is None else self._flat(p, stored.values))
        return np.concatenate(found)

    def _held(self, group):
        """Variables of a group, none where there is no such group."""
        return self.tree[group].data_vars if group in self.tree.children else {}

    def state_mean(self):
        """Posterior mean of x, (size,)."""
        return self._summary("posterior_summary", "mean")

    def state_variance(self):
        """Posterior variance of x, (size,)."""
        return self._summary("posterior_summary", "std") ** 2

    def state_mean_error(self):
        """Error of the mean of x, (size,)."""
        return self._summary("posterior_summary", "mean_error", np.nan)

    def state_std_error(self):
        """Error of the std of x, (size,)."""
        return self._summary("posterior_summary", "std_error", np.nan)

    def prior_state_mean(self):
        """Prior mean of x, (size,); None where none is stored."""
        return self._summary("prior_summary", "mean", np.nan) if self._has_prior() else None

    def prior_state_variance(self):
        """Prior variance of x, (size,), infinite where none is stored; None where none is stored at all."""
        return self._summary("prior_summary", "std", np.inf) ** 2 if self._has_prior() else None

    def _has_prior(self):
        return any(f"{p.name}_std" in self._held("prior_summary") for p in self.problem.parameters)

    def log_evidence(self):
        """The stored log evidence as an `Estimate`, in nats."""
        if "log_evidence" not in self._said:
            fail("dataset", "hold an evidence", "none", AGAIN)
        return Estimate(*(self._said[f"log_evidence{key}"] for key in ("", "_error")),
                        method=self._said["log_evidence_method"])

    def evidence_or_none(self):
        """The stored log evidence, or None."""
        return self.log_evidence() if "log_evidence" in self._said else None

    def nuisances(self):
        """What was stored of biases; see `Posterior.nuisances`."""
        return self.tree["nuisances"].to_dataset() if "nuisances" in self.tree.children else None

    def datum_weights(self):
        """What was stored of weights of data; see `Posterior.datum_weights`."""
        return self.tree["datum_weights"].to_dataset() if "datum_weights" in self.tree.children else None

    # -- data ----------------------------------------------------------------------------------------------------------
    def _of_survey(self, m, ending):
        stored = self._held("predictive_summary").get(f"{m.name}_{ending}")
        return None if stored is None else stored.values

    def predicted_data(self):
        """Clean data that the posterior mean predicts, (n_data,)."""
        return np.concatenate([at_stations(self.tree, m.name, self._of_survey(m, "mean"))
                               for m in self.problem.modalities])

    def prediction_std(self):
        """Posterior std of the noise-free data, {modality name: (n_data,)}, None where none is stored."""
        found = {m.name: self._of_survey(m, "std") for m in self.problem.modalities}
        return {name: None if std is None else at_stations(self.tree, name, std) for name, std in found.items()}

    def chi2(self):
        """Stored χ² of `prediction` against the data, {modality name: float}."""
        return {m.name: float(self._of_survey(m, "chi2")) for m in self.problem.modalities}

    # -- intervals -----------------------------------------------------------------------------------------------------
    def _stored_ends(self, p):
        """(lower, upper) as stored, or None."""
        held = self.tree["posterior_summary"].data_vars
        return [held[f"{p.name}_{side}"] for side in ("lower", "upper")] if f"{p.name}_lower" in held else None

    def _is_gaussian(self):
        """Whether the engine's own intervals are a Gaussian's."""
        held = self.tree["posterior_summary"].data_vars
        stated = list(self._said.get("interval_kinds", {}).values())
        for p in self.problem.parameters:
            own = held.get(f"{p.name}_gaussian_lower", held.get(f"{p.name}_lower"))
            stated += [] if own is None else [own.attrs["kind"]]
        return any(kind.startswith(GAUSSIAN) for kind in stated)

    def state_interval(self, probability):
        """Both ends of the interval of x, (2, size): the stored ones where they have this probability."""
        ends = {p.name: self._stored_ends(p) for p in self.problem.parameters}
        stored = {name: end[0].attrs["probability"] for name, end in ends.items() if end is not None}
        kept = {name for name, share in stored.items() if np.isclose(share, probability, rtol=0, atol=1e-9)}
        for name in set(stored) - kept if "recalibration" in self.tree.children else ():
            fail("probability", f"be the stored {stored[name]:g}, at which {name} was recalibrated",
                 f"{probability:g}", AGAIN)
        out = np.empty((2, self.problem.size)) if kept == set(ends) else super().state_interval(probability)
        for name in kept:
            out[:, self.problem.slices[name]] = self._flat(self.problem.by_name[name], [e.values for e in ends[name]])
        return out

    def state_quantiles(self, levels):
        """Quantiles of x, (levels, size): of the Gaussian of mean and std, or of the stored draws."""
        if self._is_gaussian():
            return super().state_quantiles(levels)
        return quantiles(self.state_draws(None, self._all_draws()), levels)

    def interval_words(self, parameter):
        """What the interval of a parameter is, in words: at the stored probability, and at others."""
        ends = self._stored_ends(self.problem.by_name[parameter])
        others = ("equal-tailed Gaussian of the stored mean and standard deviation" if self._is_gaussian()
                  else "equal-tailed, of the stored draws")
        if ends is None:
            return others
        return f"at {ends[0].attrs['probability']:.0%} as stored: {ends[0].attrs['kind']}; otherwise {others}"

    # -- draws ---------------------------------------------------------------------------------------------------------
    def _all_draws(self):
        if not all(self.held):
            fail("dataset", "hold draws for this", "none", "Save post.to_datatree(draws=...).")
        return self.held[0] * self.held[1]

    def _draws(self, chain, draws):
        """Stored draws of x, (count, size)."""
        group = self.tree["posterior"]
        return np.concatenate([self._flat(p, np.asarray(group[p.name][chain, draws].values, dtype=float))
                               for p in self.problem.parameters], axis=-1)

    def state_draws(self, rng, count):
        """Stored draws of x, (count, size), evenly thinned over all chains."""
        if count > self._all_draws():
            self._too_many(count)
        return thinned(np.stack([self._draws(chain, slice(None)) for chain in range(self.held[0])]), count)

    def draw_blocks(self, blocks, clean=True):
        """`Drawn` of every block, as stored."""
        if clean:
            self._refuse("the noise-free data of draws")
        self._all_draws()
        for block in blocks:
            if block.chain >= self.held[0] or block.draws.stop > self.held[1]:
                self._too_many(f"draw {block.draws.stop} of chain {block.chain + 1}")
            yield Drawn(self._draws(block.chain, block.draws), None, {})

    def sample(self, draws=None, chains=None, seed=0):
        """Stored draws: the first `draws` (default all) of the first `chains` (default all).

        Returns
        -------
        dict of ndarray
            {parameter: (chain, draw, *shape)}, physical units; of Markov chains evenly thinned.
        """
        self._all_draws()
        return super().sample(self.held[1] if draws is None else draws, self.held[0] if chains is None else chains)

    def stream(self, draws=None, seed=0):
        """Stored draws of the first chain block by block, in float32; see `Posterior.stream`."""
        self._all_draws()
        yield from super().stream(self.held[1] if draws is None else as_count("draws", draws))

    def _too_many(self, asked):
        fail("draws and chains", f"be at most the {self.held[1]} draws in {self.held[0]} chains that are stored",
             str(asked), "Save more of them: post.to_file(path, draws=...) extends a file.")

    # -- what is refused -----------------------------------------------------------------------------------------------
    def _refuse(self, what):
        fail("dataset", f"hold {what} for this", "summaries and draws only", AGAIN)

    def mean_given(self, data):
        """Refused: the file holds no engine."""
        self._refuse("answers to other data")

    def to_file(self, path, **options):
        """Refused: the file is there, and more draws need the engine."""
        self._refuse("the engine that makes further draws")

    def state_product(self, v):
        """Refused: the file holds no covariance."""
        self._refuse("the covariance of cells")

    def prior_state_product(self, vectors):
        """Refused: the file holds no prior covariance."""
        self._refuse("the prior covariance of cells")

    def joint_draws(self, rng, count):
        """Refused: the file holds predictions with noise only."""
        self._refuse("the noise-free data of draws")

    def data_system(self):
        """Refused: the file holds no covariance of the data."""
        self._refuse("the covariance of the data")

    def separate(self):
        """Refused: load the separate posteriors from files of their own."""
        self._refuse("the separate posteriors")
