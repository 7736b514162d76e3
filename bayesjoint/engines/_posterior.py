"""What every posterior offers, whatever engine computed it."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from .._checks import as_finite, checked, fail, one_of
from .._typing import Any, JointProblem, Sequence, xr
from ..augment import refuse_tangents
from ._export import chi2_of
from ._leave_one_out import leave_one_out, refuse_loo
from ._nuisances import nuisance_table
from ._registry import check_shape
from ._sample import DrawsOfPosterior, as_mapping
from ._views import PosteriorViews


@checked
class Posterior(PosteriorViews, DrawsOfPosterior):
    """A posterior over the parameters of a problem.

    What an engine gives is `PosteriorEngine`; the defaults that follow here rest on `state_product`, the operators and
    the noise. An engine whose unknowns include cells hidden from x overrides them.

    Attributes
    ----------
    problem : JointProblem
        What the posterior is of.
    method : str
        Engine.
    reason : str
        Why this engine.
    approximations : list of Approximation
        Every approximation with its error, or the statement that there is none.
    markov : bool
        Whether draws of one chain depend on one another; Monte Carlo errors then rest on the effective sample size.
    options : dict or None
        Of the engine, as `posterior` was given them; None where another way made it.
    held : (int, int) or None
        Chains and draws of a posterior that was loaded, which computes nothing more; None of all others.
    """

    method = ""
    markov = False
    options = None
    held = None
    reason = "asked for by name"

    def __init__(self, problem: JointProblem) -> None:
        self.problem = problem
        self.approximations = []

    def mean(self):
        """Posterior mean, {parameter: array}, physical units."""
        return self.problem.unpack(self.state_mean())

    def std(self):
        """Posterior standard deviation, {parameter: array}, physical units."""
        variance = self.state_variance()
        check_shape(self.method, "state_variance()", variance, (self.problem.size,))
        return self.problem.unpack(np.sqrt(variance))

    def mean_error(self):
        """Error of `mean` as {parameter: array}, physical units; what kind of error, `approximations` says."""
        return self.problem.unpack(self.state_mean_error())

    def std_error(self):
        """Error of `std` as {parameter: array}, physical units; what kind of error, `approximations` says."""
        return self.problem.unpack(self.state_std_error())

    def interval(self, probability: float = 0.9) -> dict | np.ndarray:
        """Equal-tailed posterior interval of every value, computed and not read off draws where the engine can.

        A Gaussian's is mean ± z std; a mixture's solves for its quantiles; chains give the quantiles of all their
        draws. Where a parameter has bounds its interval is cut to them. It holds for the stated prior, noise and
        physics; see `recalibrate` for intervals that hold on stated kinds of ground.

        Parameters
        ----------
        probability : float, default 0.9
            Of the interval, between 0 and 1.

        Returns
        -------
        dict of (ndarray, ndarray)
            {parameter: (lower, upper)}, arrays of its shape, physical units.

        Raises
        ------
        ValueError
            If the probability is not between 0 and 1.

        Examples
        --------
        >>> import bayesjoint as bj
        >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
        >>> line = bj.Modality("line", [[1.0]], [2.0], bj.DiagonalNoise([1.0]), "slope")
        >>> lower, upper = bj.posterior(bj.JointProblem([slope], [line])).interval(0.9)["slope"]
        >>> lower.round(3), upper.round(3)
        (array([-0.163]), array([2.163]))
        """
        share = float(as_finite("probability", probability, 0))
        if not 0 < share < 1:
            fail("probability", "lie between 0 and 1", f"{share:g}", "Give for example 0.9.")
        low, high = self.problem.lower, self.problem.upper
        lower, upper = (self.problem.unpack(np.clip(end, low, high)) for end in self.state_interval(share))
        return {name: (lower[name], upper[name]) for name in lower}

    def interval_words(self, parameter: str):
        """What the interval of a parameter is, in words."""
        one_of("parameter", parameter, self.problem.by_name)
        return "equal-tailed Gaussian, for the stated prior"

    def stored_intervals(self, probability: float):
        """{label: (intervals, words)}, both by parameter, that a dataset keeps; those to lead with under ""."""
        found = self.interval(probability)
        return {"": (found, {name: self.interval_words(name) for name in found})}

    def tail_probability(self, parameter: str, threshold: float) -> None:
        """(probability that a parameter exceeds a threshold, its error) as learned on simulated ground, else None."""
        one_of("parameter", parameter, self.problem.by_name)

    def state_interval(self, probability: float):
        """Both ends of the interval of x, (2, size)."""
        return self.state_quantiles(np.array([(1 - probability) / 2, (1 + probability) / 2]))

    def state_quantiles(self, levels: np.ndarray):
        """Quantiles of x, (levels, size); a Gaussian's unless an engine knows better."""
        return self.state_mean() + ndtri(levels)[:, None] * np.sqrt(self.state_variance())

    def prediction(self) -> dict:
        """Noise-free data that the posterior mean predicts, cells hidden beyond the mesh included.

        Returns
        -------
        dict of ndarray
            {modality name: array of its data's shape}, units of the data. Of a nonlinear model the prediction of the
            state the posterior stands on.
        """
        predicted = self.predicted_data()
        return {m.name: predicted[where].reshape(m.data_shape)
                for m, where in zip(self.problem.modalities, self.problem.data_slices.values(), strict=True)}

    def chi2(self):
        """χ² of `prediction` against the data, {modality name: float}, without the likelihood exponents.

        For a sound model it lies *below* the number of data: the mean has been fitted to them.
        """
        predicted = self.predicted_data()
        return {m.name: chi2_of(m, predicted[where])
                for m, where in zip(self.problem.modalities, self.problem.data_slices.values(), strict=True)}

    def mean_given(self, data: np.ndarray) -> np.ndarray:
        """Posterior means had the data been others: those of a Gaussian are affine in them, and its std is the same.

        Parameters
        ----------
        data : ndarray, shape (n, n_data)
            Data sets, one a row, stacked over modalities in the problem's order, physical units.

        Returns
        -------
        ndarray, shape (n, size)
            State vectors of the problem.

        Raises
        ------
        TypeError
            By engines that would have to start anew for other data.
        """
        fail("method", "answer other data by one solve", self.method,
             'Use "dense", "iterative", "spectral" or "lowrank".', TypeError)

    def loo(self, surveys: str | Sequence[str] | None = None, library: str = "arviz"):
        """Exact leave-one-out: the log density of every datum given all others, for comparing models with ArviZ.

        Each datum is left out by itself and predicted, noise included, from all other data of every survey, in closed
        form. Noise that is correlated between stations is taken into account; likelihood exponents enter as C/w. It is
        exact for the stated prior, noise and physics, with hyperparameters held. Joint and separate posteriors are
        compared on one survey: ``az.compare({"joint": joint.loo("gravity"), "separate": alone.loo("gravity")})``.

        Parameters
        ----------
        surveys : str or sequence of str, optional
            Whose data are scored; default all. The data of the others are known all the same.
        library : {"arviz", "arviz_stats"}, default "arviz"
            Whose ``compare`` is to take it; from ArviZ 1 on they are the same.

        Returns
        -------
        ELPDData
            ArviZ's, pointwise (``loo_i``; ``elpd_i`` in arviz_stats) along ``datum``, which knows its survey and
            station, surveys in the order of their names; ``loo_mean`` and ``loo_std`` are what the others predict of
            each datum, units of the data; ``loo_z`` the datum less that mean over that std; ``loo_influence`` how far
            the posterior mean moves without the datum, in posterior std of what moves most. ``outliers`` says in words
            which data have a |z| that 19 of 20 sets of as many data, as stated, do not reach anywhere (Bonferroni);
            where there are any it is warned of.

        Raises
        ------
        ValueError
            If the posterior is not that of a linear-Gaussian problem, was loaded from a file, has more than 20,000 data
            (6,000 unless the engine is dense), or a datum alone holds a value with a flat prior.

        Examples
        --------
        >>> import bayesjoint as bj
        >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
        >>> line = bj.Modality("line", [[1.0], [1.0]], [2.0, 0.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
        >>> print(bj.posterior(bj.JointProblem([slope], [line])).loo())
        Exact leave-one-out of 2 data of line, no draws.
        <BLANKLINE>
                 Estimate       SE
        elpd_loo    -3.91     0.71
        p_loo        0.95        -
        """
        refuse_tangents(self.problem, "leave-one-out")
        return leave_one_out(self.data_system(), surveys, library)

    def data_system(self):
        """The `DenseSystem` of the data; refused where the posterior is no Gaussian of a linear problem."""
        refuse_loo(self.method)

    def functional_interval(self, functional: Any, probability: float, estimators: Sequence = ()) -> None:
        """Interval of a functional learned from simulated worlds; None unless the posterior was recalibrated."""

    def prior_std(self):
        """Prior standard deviation, {parameter: array}, physical units; None where the prior is not Gaussian."""
        variance = self.prior_state_variance()
        return None if variance is None else self.problem.unpack(np.sqrt(variance))

    def prediction_std(self):
        """Posterior std of the noise-free data, {modality name: (n_data,)}, or None where the engine has none."""
        return {m.name: None for m in self.problem.modalities}

    def covariance_product(self, v: dict) -> dict:
        """Posterior covariance times v.

        Parameters
        ----------
        v : dict of array_like
            {parameter: array of its shape} in the inverse of the parameter's physical units.

        Returns
        -------
        dict of ndarray
            {parameter: array}: Σ_q Cov(m_p, m_q) v_q, physical units.
        """
        # v weighs physical values, so on m̂ = m / s it is s v: pack divides by s, hence the square
        scales = {p.name: p.scale**2 for p in self.problem.parameters}
        if set(as_mapping("v", v)) != set(scales):
            fail("v", f"have the keys {sorted(scales)}", f"{sorted(v)}", "Give zeros for the parameters left out.")
        flat = self.problem.pack({name: np.asarray(array) * scales[name] for name, array in v.items()})
        found = self.state_product(flat)
        check_shape(self.method, "state_product(v)", found, flat.shape)
        return self.problem.unpack(found)

    def nuisances(self) -> xr.Dataset | None:
        """What was learned of every bias and unknown of the measurement, and what of the model it is confused with.

        Returns
        -------
        xarray.Dataset or None
            For each parameter of `add_bias`, `add_direction_error` or `add_height_error`, by the names of its values:
            ``_value``, ``_std`` and ``_prior_std`` (the parameter's units), ``_correlation`` with averages of the model
            (all of a property, runs of layers, ninths of the mesh seen from above; values of plain vectors),
            ``_strongest`` of them and ``_strongest_average``, its place along ``average``; and ``_cost``, by average:
            its std over what it were if the parameter were known. As exact as the engine's covariance. None where there
            is no such parameter.

        Examples
        --------
        >>> import bayesjoint as bj
        >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
        >>> line = bj.Modality("line", [[1.0], [2.0]], [3.0, 4.0], bj.DiagonalNoise([0.1, 0.1]), "slope")
        >>> problem = bj.add_bias(bj.JointProblem([slope], [line]), "line", {"datum": [1.0, 1.0]}, std=5.0)
        >>> bj.posterior(problem).nuisances()["line_bias_strongest"].sel(line_bias_id="datum").round(2).item()
        -0.95
        """
        return nuisance_table(self)

    def datum_weights(self) -> xr.Dataset | None:
        """What was learned of the weight of every datum of surveys with `StudentNoise`: outliers have small ones.

        Returns
        -------
        xarray.Dataset or None
            For each such survey, along its stations: ``<survey>_weight``, the posterior mean of the weight, with
            ``<survey>_weight_error``, its Monte Carlo standard error; ``<survey>_residual``, datum less clean data of
            the posterior mean, units of the data. Along ``dof``: ``<survey>_dof``, the posterior probability of each
            number of degrees of freedom, and its error. None where no noise is Student-t.

        Examples
        --------
        >>> import bayesjoint as bj
        >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
        >>> line = bj.Modality("line", [[1.0]] * 4, [1.0, 1.0, 1.0, 9.0], bj.StudentNoise([0.1] * 4, dof=4.0), "slope")
        >>> found = bj.posterior(bj.JointProblem([slope], [line])).datum_weights()
        >>> bool(found["line_weight"][3] < 0.01 < 0.9 < found["line_weight"][0])
        True
        """

    def mean_response(self, data: np.ndarray):
        """Change of the posterior mean, (size, k), when the data deviate by `data`, (n_data, k), from the prediction.

        ∂mean/∂d = Cov(x | d) Aᵀ w C⁻¹ for linear operators and Gaussian noise whatever the prior (for the Gaussian
        case Tarantola 2005, eq. 3.37); data stacked over modalities in the problem's order, physical units.
        """
        by_survey = [data[where] for where in self.problem.data_slices.values()]
        return self.state_product(self.problem.add_pull(np.zeros((self.problem.size, data.shape[1])), by_survey))

    def mean_response_adjoint(self, vectors: np.ndarray):
        """Transpose of `mean_response`: (size, k) to (n_data, k)."""
        sensed = self.data_sensitivity(self.state_product(vectors))
        for m, where in zip(self.problem.modalities, self.problem.data_slices.values(), strict=True):
            sensed[where] = self.problem.weights[m.name] * m.noise.solve(sensed[where])
        return sensed

    def data_sensitivity(self, vectors: np.ndarray):
        """A V of the visible cells, (size, k) to (n_data, k), stacked over modalities, physical units."""
        return np.concatenate([self.problem.operator(k).matmat(vectors) for k in range(len(self.problem.modalities))])

    def predicted_data(self):
        """Clean data that the posterior mean predicts, (n_data,), stacked, physical units; hidden cells included."""
        return self.data_sensitivity(self.state_mean()[:, None])[:, 0]

    def joint_draws(self, rng: np.random.Generator, count: int):
        """Draws of x, (count, size), with the clean data that each predicts, (count, n_data)."""
        x = self.state_draws(rng, count)
        return x, self.data_sensitivity(x.T).T

    def prior_state_product(self, vectors: np.ndarray):
        """Prior covariance times V, (size, k) to (size, k), 0 where flat; None where the prior is not Gaussian."""
        if not all(bound.gaussian for _, bound in self.problem.prior.blocks):
            return None
        if not hasattr(self, "_prior_covariance"):
            _, self._prior_covariance = self.problem.prior.gaussian_moments()
        return self._prior_covariance.matmat(vectors)

    def prior_state_variance(self) -> None:
        """Prior variance of x, (size,)."""

    def prior_state_mean(self) -> None:
        """Prior mean of x, (size,)."""

    def prior_state_draws(self, rng: np.random.Generator, count: int) -> None:
        """Prior draws of x, (count, size)."""

    def evidence_or_none(self) -> None:
        """Log evidence as an `Estimate`, or None."""

    def extra_groups(self):
        """Groups of the dataset that this engine adds."""
        return {}

    def extra_attributes(self):
        """Attributes of the dataset that this engine adds."""
        return {}

    def groups_beside(self, separate: dict):
        """Groups of a dataset that set this posterior beside separate ones, {modality name: Posterior}."""
        return {}

    def log_evidence(self) -> None:
        """Logarithm of the evidence p(d) as an `Estimate`, in nats with every constant."""
        fail("method", "offer an evidence", self.method, 'Use method="dense" or, at survey size, "iterative".')


class SummarisedPosterior(Posterior):
    """A posterior that holds mean, variance, error of the mean and error of the std of x as `_moments`, (4, size)."""

    def state_mean(self):
        """Posterior mean of x, (size,)."""
        return self._moments[0].copy()

    def state_variance(self):
        """Posterior variance of x, (size,)."""
        return self._moments[1].copy()

    def state_mean_error(self):
        """Error of the mean of x, (size,)."""
        return self._moments[2].copy()

    def state_std_error(self):
        """Error of the std of x, (size,)."""
        return self._moments[3].copy()
