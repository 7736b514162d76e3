"""A table of rocks: density and susceptibility of each unit, how they vary, and how sure that is."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files

import numpy as np
from scipy.special import ndtr, ndtri

from .._checks import as_finite, as_positive, checked, fail, one_of, warn
from .._shown import shown
from .._typing import Any, ArrayLike, HyperparameterFit, Mesh, Path, Seed, Sequence
from ._rock_files import read_samples, read_units
from ._rock_moments import by_depth, by_unit, compared, mixed, unit_covariances, unit_moments
from ._rock_unit import RockUnit

PROPERTIES = ("density", "susceptibility")
CUT = 2.5  # of the log's std: over four decades a log-normal's tail is rock that no one has seen, and rules its mean


@checked
class RockTable:
    """Rocks with their density and susceptibility.

    Densities are absolute. What the table hands out are contrasts, density − `background`: inversions know no more.
    Susceptibility is a contrast as it is. Density is normal; susceptibility spans decades within one rock and is
    log-normal, cut at 2.5 standard deviations of the log.

    Parameters
    ----------
    units : sequence of RockUnit
    background : float, optional
        Density whose contrast is zero, kg/m³. Default: the mean over the units by share, so that contrasts are zero on
        average. Use the density of the Bouguer slab where the data keep the mean of the ground: 2670.

    Raises
    ------
    ValueError, TypeError
        If there is no unit, or two have one name.

    Examples
    --------
    >>> table = RockTable([RockUnit("granite", 2640, 60, 0.001, 1.0, share=0.8),
    ...                    RockUnit("gabbro", 3000, 120, 0.01, 1.0, share=0.2)])
    >>> table.background
    2712.0
    >>> {k: round(float(v), 4) for k, v in table.std().items()}
    {'density': 162.7759, 'susceptibility': 0.0094}
    """

    def __init__(self, units: Sequence, background: float | None = None) -> None:
        self.units = tuple(units)
        if not self.units or not all(isinstance(u, RockUnit) for u in self.units):
            fail("units", "be a sequence of at least one RockUnit", repr(units), "Try RockTable.textbook().", TypeError)
        self.names = tuple(u.name for u in self.units)
        if len(set(self.names)) < len(self.names):
            fail("units", "have a name each", ", ".join(self.names), "Rename one.")
        self.shares = np.array([u.share for u in self.units], dtype=float)
        self.shares /= self.shares.sum()
        self._stated = None if background is None else float(as_positive("background", background, 0))

    @property
    def background(self):
        """Density whose contrast is zero, kg/m³."""
        mean = self.shares @ np.array([u.density for u in self.units])
        return float(mean) if self._stated is None else self._stated

    @classmethod
    def from_samples(cls, samples: Any, density_units: str = "kg/m3", background: float | None = None,
                     columns: dict | None = None) -> RockTable:
        """A table from measured samples, one row a sample.

        Parameters
        ----------
        samples : path, dict of {str: array_like} or structured array
            A CSV file with a header, or columns by name. Columns: ``unit`` or ``rock``; ``density``; ``susceptibility``
            (SI; 0 and below count as not measured: a log-normal has none). Empty cells are gaps.
        density_units : {"kg/m3", "g/cm3"}, default "kg/m3"
        background : float, optional
            As above, kg/m³.
        columns : dict of {str: str}, optional
            Names of the columns where they are others: {"unit": "LITHO", "density": "DENS", "susceptibility": "K"}.

        Returns
        -------
        RockTable
            Shares are those of the samples: state others with `select` where the samples were not taken at random.

        Raises
        ------
        ValueError, TypeError
            If a column is missing, a unit has fewer than two values of a property, or all its values are one.

        Examples
        --------
        >>> table = RockTable.from_samples({"unit": ["a", "a", "b", "b"], "density": [2.6, 2.7, 2.9, 3.0],
        ...                                 "susceptibility": [1e-3, 1e-2, 1e-2, 2e-2]}, density_units="g/cm3")
        >>> table["a"].density, table["a"].samples
        (2650.0, 2)
        """
        return cls([RockUnit(**u) for u in read_samples(samples, density_units, columns)], background)

    @classmethod
    def from_units(cls, path: Path, background: float | None = None) -> RockTable:
        """A table from a CSV file of units.

        Parameters
        ----------
        path : path
            Header with ``unit`` or ``rock``; ``density`` with ``density_std``, or ``density_low`` and ``density_high``
            (5 and 95 %); ``susceptibility`` (median) with ``susceptibility_log_std``, or ``susceptibility_low`` and
            ``susceptibility_high``; optional the other fields of `RockUnit`. Units kg/m³ and SI; endings as in
            ``density_low_kg_m3`` are allowed.
        background : float, optional

        Returns
        -------
        RockTable

        Raises
        ------
        ValueError
            If a column is missing or a cell holds no number.
        """
        return cls([RockUnit(**u) for u in read_units(path)], background)

    @classmethod
    def textbook(cls, shares: dict | None = None, background: float | None = None) -> RockTable:
        """The table that ships with the package: 24 rocks.

        Parameters
        ----------
        shares : dict of {str: float}, optional
            The rocks of your ground with their shares of its volume. Default: all, with shares that stand for no place.
        background : float, optional

        Returns
        -------
        RockTable
            Which rows were checked against a source stands in ``bayesjoint/geology/data/README.md``.

        Examples
        --------
        >>> RockTable.textbook({"granite": 0.7, "gabbro": 0.25, "overburden": 0.05}).names
        ('granite', 'gabbro', 'overburden')
        """
        table = cls.from_units(files(__package__) / "data" / "textbook.csv", background)
        return table if shares is None else table.select(shares)

    def select(self, shares: dict) -> RockTable:
        """Some of the units, with other shares.

        Parameters
        ----------
        shares : dict of {str: float}
            Share of the volume by name.

        Returns
        -------
        RockTable
        """
        self.weights(shares)
        return RockTable([replace(self[name], share=share) for name, share in shares.items()], self._stated)

    def __getitem__(self, name):
        return self.units[self.names.index(one_of("name", name, self.names))]

    def draw(self, rng: Seed) -> RockTable:
        """A table as it might be: means and spreads moved by how unsure they are.

        Parameters
        ----------
        rng : int or numpy.random.Generator

        Returns
        -------
        RockTable
        """
        rng = np.random.default_rng(rng)
        moved = []
        for u, (mean, log, first, second, turn) in zip(self.units, rng.standard_normal((len(self.units), 5)),
                                                       strict=True):
            e = u.errors()
            moved.append(replace(
                u, density=max(u.density + mean * e["density"], 1.0), susceptibility=float(
                    u.susceptibility * np.exp(log * e["susceptibility"])),
                density_std=float(u.density_std * np.exp(first * e["std"])),
                susceptibility_log_std=float(u.susceptibility_log_std * np.exp(second * e["std"])),
                correlation=float(np.tanh(np.arctanh(u.correlation) + turn * e["correlation"])) if u.correlation else (
                    0.0)))
        return RockTable(moved, self._stated)

    def sample(self, units: ArrayLike, rng: Seed) -> np.ndarray:
        """Properties of objects, one draw each.

        Parameters
        ----------
        units : array_like of int, shape (n,)
            Numbers of the rocks.
        rng : int or numpy.random.Generator

        Returns
        -------
        ndarray, shape (n, 2)
            Density contrast (kg/m³) and susceptibility (SI).
        """
        rng, units = np.random.default_rng(rng), as_finite("units", units, 1).astype(int)
        if ((units < 0) | (units >= len(self.units))).any():
            fail("units", f"number rocks from 0 to {len(self.units) - 1}", shown(units), "Give their places.")
        first, second = rng.standard_normal((2, units.size))
        mean, spread, median, log, rho = (np.array([getattr(u, k) for u in self.units])[units] for k in (
            "density", "density_std", "susceptibility", "susceptibility_log_std", "correlation"))
        score = rho * first + np.sqrt(1 - rho**2) * second
        score = ndtri(ndtr(-CUT) + ndtr(score) * (ndtr(CUT) - ndtr(-CUT)))
        return np.stack([mean + spread * first - self.background, median * np.exp(log * score)], axis=1)

    def typical(self):
        """Density contrast at the mean and susceptibility at the median of each unit, shape (n_units, 2)."""
        return np.array([[u.density - self.background, u.susceptibility] for u in self.units])

    def components(self, parameters: Sequence[str] = PROPERTIES) -> tuple:
        """The units as Gaussians of the same means and covariances, for `RockMixture`.

        Parameters
        ----------
        parameters : tuple of str, default ("density", "susceptibility")
            One or both of them, in the order of the columns.

        Returns
        -------
        shares : ndarray, shape (n_units,)
        means : ndarray, shape (n_units, n_parameters)
            Density contrast (kg/m³) and susceptibility (SI).
        covariances : ndarray, shape (n_units, n_parameters, n_parameters)

        Raises
        ------
        ValueError
            If a parameter is neither of the two.
        """
        columns = [PROPERTIES.index(one_of("parameters", name, PROPERTIES)) for name in parameters]
        means, covariances = unit_moments(self, CUT)[0], unit_covariances(self, CUT)
        return self.shares, means[:, columns], covariances[:, columns][:, :, columns]

    def std(self, shares: dict | None = None) -> dict:
        """Standard deviation of each property over the ground: within units and between them.

        Parameters
        ----------
        shares : dict of {str: float}, optional
            Default the table's.

        Returns
        -------
        dict of {str: float}
        """
        means, variances = unit_moments(self, CUT)
        weights = self.shares if shares is None else self.weights(shares)
        return {p: float(s) for p, s in zip(PROPERTIES, mixed(weights, means, variances)[1], strict=True)}

    def weights(self, shares: dict):
        """Shares by name as an array over all units, sum 1."""
        out = np.zeros(len(self.units))
        for name, share in shares.items():
            out[self.names.index(one_of("shares", name, self.names))] = as_positive(f"shares[{name!r}]", share, 0)
        if not out.any():
            fail("shares", "name at least one unit", repr(shares), f"The units are {', '.join(self.names)}.")
        return out / out.sum()

    def moments(self, mesh: Mesh, where: Any = None) -> dict:
        """Mean and standard deviation of each property in every cell, for `Matern(std=..., mean=...)`.

        Parameters
        ----------
        mesh : Mesh
        where : optional
            What is where. Default: the table's shares everywhere. A dict {unit: share}: those everywhere. A list of
            (top, bottom, {unit: share}): intervals of depth below the ground, metres, which must cover all of it. An
            array of int, (ny, nx) or (nz, ny, nx): the number of the unit, or with `(array, [{unit: share}, ...])` the
            number of the region.

        Returns
        -------
        dict of {str: dict of {str: ndarray, shape (nz, ny, nx)}}
            ``{"density": {"mean", "std"}, "susceptibility": {...}}``: contrasts. In air that of the ground's top.

        Raises
        ------
        ValueError, TypeError
            If intervals leave a cell out, or a number names no unit.

        Examples
        --------
        >>> import bayesjoint as bj
        >>> mesh = bj.Mesh.regular((4, 3, 3), (50.0, 100.0, 100.0))
        >>> table = bj.RockTable.textbook({"granite": 0.7, "gabbro": 0.2, "overburden": 0.1})
        >>> found = table.moments(mesh, [(0, 50, {"overburden": 1}), (50, 1e4, {"granite": 7, "gabbro": 2})])
        >>> prior = bj.Matern(**found["density"], range=500.0)
        >>> found["density"]["std"][:, 0, 0].round(0).tolist()
        [215.0, 215.0, 215.0, 365.0]
        """
        means, variances = unit_moments(self, CUT)
        where = dict(zip(self.names, self.shares, strict=True)) if where is None else where
        if isinstance(where, dict):
            where = [(0.0, np.inf, where)]
        if isinstance(where, list):
            label, shares = by_depth(mesh, where)
            shares = np.array([self.weights(s) for s in shares])
        else:
            array, shares = where if isinstance(where, tuple) else (where, None)
            shares = np.eye(len(self.units)) if shares is None else np.array([self.weights(s) for s in shares])
            label = by_unit(mesh, array, len(shares))
        mean, std = mixed(shares, means, variances)
        return {p: {"mean": mean[label, i], "std": std[label, i]} for i, p in enumerate(PROPERTIES)}

    def check(self, fit: HyperparameterFit, seed: int = 0) -> dict:
        """Compare the table's standard deviations with those that the evidence chose, and warn where they disagree.

        They disagree where the 95 % intervals do not overlap: the evidence's, and that of the table's own uncertainty.

        Parameters
        ----------
        fit : HyperparameterFit
            What `fit_hyperparameters` returned.
        seed : int, default 0

        Returns
        -------
        dict of {str: dict}
            By parameter: ``table``, ``table_low``, ``table_high``, ``evidence``, ``evidence_low``, ``evidence_high``,
            ``agree``.

        Raises
        ------
        ValueError
            If the fit holds the std of neither property.

        Warns
        -----
        UserWarning
            Once for each property on which they disagree.
        """
        rng = np.random.default_rng(seed)
        tables = [self.draw(rng).std() for _ in range(200)]
        found = compared(self.std(), tables, fit, PROPERTIES)
        for p, row in found.items():
            if not row["agree"]:
                warn(
                    f"{p}: the rock table has a standard deviation of {row['table']:.3g} ({row['table_low']:.3g} to "
                    f"{row['table_high']:.3g}), the evidence {row['evidence']:.3g} ({row['evidence_low']:.3g} to "
                    f"{row['evidence_high']:.3g}). The evidence cannot see what lies in the operator's null space: "
                    "where the data are silent the table is the better witness of how much rocks vary.")
        return found

    def describe(self):
        """The table in one sentence."""
        rows = ", ".join(
            f"{u.name} ({100 * s:.3g} %: {u.density:.0f} ± {u.density_std:.0f} kg/m³, {u.susceptibility:.2g} × or / "
            f"exp({u.susceptibility_log_std:.2g}) SI)" for u, s in zip(self.units, self.shares, strict=True))
        return f"{rows}; background {self.background:.0f} kg/m³."

    def __eq__(self, other):
        return isinstance(other, RockTable) and (self.units, self._stated) == (other.units, other._stated)

    __hash__ = None

    def __repr__(self):
        return f"RockTable({len(self.units)} units: {', '.join(self.names)}; background {self.background:.0f} kg/m3)"
