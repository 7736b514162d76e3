"""A linear-Gaussian problem as covariances between model and data: what every exact engine works with."""

import copy
from types import SimpleNamespace

import numpy as np
from scipy.sparse import csr_array, vstack

from .._checks import fail
from .._places import unit_columns
from ..priors import DISCREPANCIES
from ..problem import check_gaussian_noise
from ._groups import torus_groups

VECTOR_LIMIT = 4096  # values of plain vectors beside a continued field
OTHERS = ("dense", "iterative", "spectral", "lowrank")  # engines for which another one is the way out


def linear_gaussian(problem, stored=False, purpose="dense"):
    """Covariances of a linear-Gaussian problem, through the mesh or through the torus of continued fields.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors, no bounds, no penalties.
    stored : bool, default False
        Keep operators that stream (prism sums at scattered stations) as matrices.
    purpose : str, default "dense"
        Engine or question that is named where the problem is refused.

    Returns
    -------
    LinearGaussian

    Raises
    ------
    ValueError
        If the problem is not linear-Gaussian; if a continued field is seen by an operator that is neither on a lattice
        nor a log, or stands beside a field that is not continued.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 4.0))
    >>> line = bj.Modality("line", [[1.0], [2.0]], [3.0, 3.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
    >>> model = linear_gaussian(bj.JointProblem([slope], [line]))
    >>> model.signal(np.eye(2)).tolist()
    [[4.0, 8.0], [8.0, 16.0]]
    """
    check_linear_gaussian(problem, purpose)
    return LinearGaussian(problem, stored)


def is_linear_gaussian(problem):
    """Whether the posterior is exactly Gaussian, flat priors on some parameters allowed."""
    return (problem.gaussian_noise and not problem.bounded and not problem.penalties and not problem.nonlinear
            and all(bound.gaussian for _, bound in problem.prior.blocks))


def check_linear_gaussian(problem, purpose="dense"):
    """Raise an error unless the problem is linear and its priors are Gaussian or flat; `purpose` is named in it."""
    engine = purpose in OTHERS
    what = f"the {purpose} engine" if engine else purpose
    laplace = ', or use method="laplace" at a converged MAP' if engine else ""
    check_gaussian_noise(problem, f"for {what}")
    if problem.nonlinear:
        fail("problem", f"have linear forward operators for {what}", f"a nonlinear model of "
             f"{', '.join(problem.nonlinear)}", f"Ask problem.linearised(x), the tangent at a state vector x{laplace}.")
    if problem.bounded:
        fail("problem", f"have no bounds for {what}", "a bounded parameter",
             f"The posterior is then no Gaussian: drop the bounds{laplace or f' for {what}'}.")
    if not is_linear_gaussian(problem):
        kinds = [type(b).__name__ for b in problem.penalties] or ["a prior that is not Gaussian"]
        fail("problem", f"be linear-Gaussian for {what}", f"{', '.join(kinds)}",
             f"Use Matern priors with Coregionalization{laplace}.")


class LinearGaussian:
    """Prior moments of model and clean data, and the noise, of a linear-Gaussian problem.

    x is the problem's state vector; d are the clean data stacked over modalities in the problem's order, physical
    units. A parameter with a flat prior has no covariance: its columns of A stand in `flat_columns`, everything else
    leaves it out.

    Parameters
    ----------
    problem : JointProblem
        The problem.
    stored : bool
        Keep streaming operators as matrices.

    Attributes
    ----------
    size, data_size : int
        Lengths of x and d.
    data_slices : list of slice
        Place of each modality among the data.
    prior_mean : ndarray, shape (size,)
        0 where the prior is flat.
    data, data_mean : ndarray, shape (n_data,)
        Observed, and predicted from the prior mean.
    flat_index : ndarray of int, shape (q,)
        Values of x with a flat prior.
    flat_columns : ndarray, shape (n_data, q)
        Their columns of A.
    groups : list of TorusGroup
        Continued fields; empty where all fields end with the mesh.
    vectors : list of (ndarray of int, matrix (n_data, q), covariance)
        Plain vectors beside continued fields: places in x, columns of A, prior covariance.
    """

    def __init__(self, problem, stored=False):
        self.problem, self.size = problem, problem.size
        self.data_slices, self.data_size = list(problem.data_slices.values()), problem.data_size
        self.data = np.concatenate([m.data for m in problem.modalities])
        operators = [problem.operator(m.name) for m in problem.modalities]
        self._operators = [op.stored() for op in operators] if stored else operators
        self.independent = all(m.noise.independent for m in problem.modalities)
        self._std = np.sqrt(self.noise_variance())
        self.prior_mean, self._prior = problem.prior.gaussian_moments()
        self.data_mean = self.predict(self.prior_mean[:, None])[:, 0]
        self.flat_index = np.concatenate([np.arange(0), *(
            problem.slices[name].start + np.flatnonzero(problem.by_name[name].ground) for name in problem.prior.flat)])
        self.flat_columns = self._columns(self.flat_index)
        self.groups = torus_groups(problem) if problem.prior.continued else []
        self.vectors = []
        if self.groups:
            self._add_vectors()

    def part(self, names):
        """(the same of some surveys on the very fields and torus of the whole, their rows among all data).

        Built anew, a continued field would live on a torus laid out for these surveys alone, and its covariances would
        differ from the blocks of the whole by what the torus truncates.
        """
        kept = [k for k, m in enumerate(self.problem.modalities) if m.name in names]
        rows = np.concatenate([np.arange(self.data_size)[self.data_slices[k]] for k in kept])
        out = copy.copy(self)
        out.problem = self.problem.replace(modalities=[self.problem.modalities[k] for k in kept])
        out.data_slices = list(out.problem.data_slices.values())
        out.data_size = rows.size
        out._operators = [self._operators[k] for k in kept]
        out.independent, out._std = all(m.noise.independent for m in out.problem.modalities), self._std[rows]
        out.data, out.data_mean, out.flat_columns = self.data[rows], self.data_mean[rows], self.flat_columns[rows]
        out.vectors = [(index, columns[rows], covariance) for index, columns, covariance in self.vectors]
        places = {self.data_slices[k].start: new for k, new in zip(kept, out.data_slices, strict=True)}
        groups = [group.part(places) for group in self.groups]
        out.groups = [group for group in groups if group.surveys or group.logs.logs]
        return out, rows

    def for_draws(self):
        """A copy that draws, whitens and has its gain, without the problem it came from."""
        out = copy.copy(self)
        out.problem = SimpleNamespace(weights=self.problem.weights, modalities=[
            SimpleNamespace(name=m.name, size=m.size, noise=m.noise) for m in self.problem.modalities])
        out.prior_mean = None
        if self.groups:
            out._operators = out._prior = None
        return out

    def _columns(self, index):
        return self.predict(unit_columns(self.size, index)) if index.size else np.zeros((self.data_size, 0))

    def _add_vectors(self):
        """Plain vectors beside continued fields: few dense columns; those of a discrepancy hold one entry each."""
        prior, count = self.problem.prior, 0
        for (where, bound), names in zip(prior.blocks, prior.block_members, strict=True):
            if set(names) & set(prior.continued):
                continue
            index = np.arange(self.size)[where]
            sparse = isinstance(self.problem.by_name[names[0]].prior, DISCREPANCIES)
            count += 0 if sparse else index.size
            if count > VECTOR_LIMIT:
                fail("prior", f"have at most {VECTOR_LIMIT} values beside a continued field", f"{count}",
                     'Make every field "continued", or every field "mesh".')
            columns = joined_columns(self.problem, names[0]) if sparse else self._columns(index)
            self.vectors.append((index, columns, bound.covariance))

    # -- the linear map of the visible cells --------------------------------------------------------------------------
    def predict(self, x):
        """A X, shape (n_data, k), physical, of visible cells."""
        return np.concatenate([op.matmat(x) for op in self._operators])

    def back(self, data):
        """Aᵀ V, shape (size, k); surveys on which V is zero cost nothing."""
        pairs = zip(self._operators, self.data_slices, strict=True)
        seen = [op.rmatmat(data[where]) for op, where in pairs if data[where].any()]
        return sum(seen[1:], seen[0]) if seen else np.zeros((self.size, data.shape[1]))

    # -- covariances --------------------------------------------------------------------------------------------------
    def gain(self, data):
        """Cov(x, d) V, shape (size, k), for V of shape (n_data, k)."""
        if not self.groups:
            return self._prior.matmat(self.back(data))
        out = np.zeros((self.size, data.shape[1]))
        for index, columns, covariance in self.vectors:
            out[index] = covariance.matmat(columns.T @ data)
        for group in self.groups:
            group.add_gain(data, out)
        return out

    def gain_adjoint(self, x):
        """Cov(d, x) X, shape (n_data, k), for X of shape (size, k)."""
        if not self.groups:
            return self.predict(self._prior.matmat(x))
        out = np.zeros((self.data_size, x.shape[1]))
        for index, columns, covariance in self.vectors:
            out += columns @ covariance.matmat(x[index])
        for group in self.groups:
            group.add_gain_adjoint(x, out)
        return out

    def signal(self, data):
        """Cov(d, d) V, shape (n_data, k), for V of shape (n_data, k): no noise in it."""
        if not self.groups:
            return self.predict(self.gain(data))
        out = np.zeros(data.shape, order="F")  # columns contiguous, as block solvers hold them
        for _, columns, covariance in self.vectors:
            out += columns @ covariance.matmat(columns.T @ data)
        for group in self.groups:
            group.add_signal(data, out)
        return out

    def gain_and_signal(self, data):
        """`gain` and `signal` together: where fields end with the mesh, at the cost of `gain` and a product with A."""
        gain = self.gain(data)
        return gain, self.signal(data) if self.groups else self.predict(gain)

    def prior_variance(self):
        """Prior variance of x, shape (size,); infinite where the prior is flat."""
        variance = self._prior.diagonal()
        variance[self.flat_index] = np.inf
        return variance

    def prior_product(self, x):
        """Prior covariance of x times X, shape (size, k); 0 where the prior is flat."""
        return self._prior.matmat(x)

    def prior_and_seen(self, x):
        """`prior_product` and `gain_adjoint` together: where fields end with the mesh Γ is multiplied by once."""
        moved = self.prior_product(x)
        return moved, self.gain_adjoint(x) if self.groups else self.predict(moved)

    def draw(self, rng, count, whole=None):
        """`count` zero-mean joint draws of x, (count, size), and clean data, (count, n_data); flat values are 0.

        A list given as `whole` gets the spectra of each continued group's clean data on all of its torus appended,
        shape (count, channels, rows, columns // 2 + 1).
        """
        if not self.groups:
            x = self._prior.sample(rng, count)
            return x, self.predict(x.T).T
        x, data = np.zeros((count, self.size)), np.zeros((count, self.data_size))
        for index, columns, covariance in self.vectors:
            x[:, index] = covariance.sample(rng, count)
            data += (columns @ x[:, index].T).T
        for group in self.groups:
            spectra = group.draw(rng, x, data)
            if whole is not None:
                whole.append(spectra)
        return x, data

    # -- noise --------------------------------------------------------------------------------------------------------
    def whiten(self, data):
        """W V, W = √w L⁻¹ with LLᵀ the noise covariance, for V of shape (n_data,) or (n_data, k)."""
        return self._by_modality(data, lambda noise, part: noise.whiten(part), 0.5)

    def whiten_survey(self, index, data):
        """`whiten` of the data of one survey, (n,) or (n, k)."""
        m = self.problem.modalities[index]
        return m.noise.whiten(data) * self.problem.weights[m.name] ** 0.5

    def whiten_adjoint(self, white):
        """Wᵀ V."""
        return self._by_modality(white, lambda noise, part: noise.whiten_adjoint(part), 0.5)

    def colour(self, white):
        """W⁻¹ V."""
        return self._by_modality(white, lambda noise, part: noise.colour(part), -0.5)

    def colour_adjoint(self, data):
        """W⁻ᵀ V: Lᵀ = L⁻¹C."""
        return self._by_modality(data, lambda noise, part: noise.whiten(noise.apply(part)), -0.5)

    def _by_modality(self, data, product, power):
        if self.independent:  # one number a datum: no need to go through every modality
            std = self._std if data.ndim == 1 else self._std[:, None]
            return data / std if power > 0 else data * std
        out = np.empty(data.shape, dtype=float)
        for m, where in zip(self.problem.modalities, self.data_slices, strict=True):
            out[where] = product(m.noise, data[where]) * self.problem.weights[m.name] ** power
        return out

    def noise_logdet(self):
        """Log det of the noise covariance, exponents taken as C/w."""
        return sum(m.noise.logdet() - m.size * np.log(self.problem.weights[m.name]) for m in self.problem.modalities)

    def noise_variance(self):
        """Variance of every datum's noise, shape (n_data,), exponents taken as C/w."""
        return np.concatenate([m.noise.variance() / self.problem.weights[m.name] for m in self.problem.modalities])


def joined_columns(problem, name):
    """Columns of A of a parameter that enters by terms, such as a bias or a discrepancy, sparse."""
    rows = []
    for m in problem.modalities:
        term, p = m.term(name), problem.by_name[name]
        rows.append(csr_array((m.size, p.size)) if term is None else csr_array(term.columns) * p.scale)
    return vstack(rows, format="csr")
