"""K of surveys on lattices under continued fields as an operator, with its cosine preconditioner, for one θ."""

from ._plates import Plates, plates_of
from ._torus import add_from_channels, to_channels


class LatticeSystem:
    """Σ of stationary covariances among lattice data, processed into data, plus independent noise.

    Parameters
    ----------
    groups : list of StationaryGroup
        Of every signal, for its surveys.
    covariances : list of LatticeCovariance
        Of each, between its channels.
    noise : ndarray, shape (n_data,)
        Variances.
    """

    def __init__(self, groups, covariances, noise):
        self._groups, self.covariances, self.noise = groups, covariances, noise

    def product(self, data):
        """K V, shape (n_data, k)."""
        out = self.noise[:, None] * data
        for group, covariance in zip(self._groups, self.covariances, strict=True):
            add_from_channels(group.surveys, covariance.product(to_channels(group.surveys, data)), out)
        return out

    def preconditioner(self, change=None, step=0.0):
        """M of this system, or of one whose lags and noise are moved by `step` times those of another.

        Parameters
        ----------
        change : LatticeSystem, optional
            A derivative of this one.
        step : float, default 0.0

        Returns
        -------
        Plates
        """
        noise, plates = self.noise + step * (0.0 if change is None else change.noise), []
        for g, (group, covariance) in enumerate(zip(self._groups, self.covariances, strict=True)):
            moved = {} if change is None else change.covariances[g].lags
            lags = {key: value + step * moved[key] if key in moved else value
                    for key, value in covariance.lags.items()}
            plates += plates_of(group.surveys, group.channels, covariance.windows, lags, noise)
        return Plates(noise, plates)
