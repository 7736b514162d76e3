"""K of surveys on lattices under continued fields as an operator, with its cosine preconditioner, for one θ."""

from ._lattice_preconditioner import LatticePreconditioner, blocks_of_windows, channel_sets


class LatticeSystem:
    """Σ of stationary covariances among lattice data, processed into data, plus independent noise.

    Parameters
    ----------
    groups : list of StationaryGroup
        Of every signal, for its surveys.
    noise : ndarray, shape (n_data,)
        Variances.
    """

    def __init__(self, groups, noise):
        self.groups, self.noise = groups, noise

    def product(self, data):
        """K V, shape (n_data, k)."""
        out = self.noise[:, None] * data
        for group in self.groups:
            group.add_signal(data, out)
        return out

    def preconditioner(self, change=None, step=0.0):
        """The preconditioner M of K, or of K + step · change.

        Parameters
        ----------
        change : LatticeSystem, optional
            A derivative of this one.
        step : float, default 0.0

        Returns
        -------
        LatticePreconditioner
        """
        noise, lags = self.noise + step * (0.0 if change is None else change.noise), []
        for g, group in enumerate(self.groups):
            moved = {} if change is None else change.groups[g].covariance.lags
            lags.append({key: value + step * moved[key] if key in moved else value
                         for key, value in group.covariance.lags.items()})
        return LatticePreconditioner(noise, [block for found in channel_sets(self.groups, lags)
                                             for block in blocks_of_windows(*found, noise)])
