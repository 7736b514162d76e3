"""K of surveys on lattices under continued fields as an operator, with its cosine preconditioner, for one θ."""

from ._plates import Plates, plates_of
from ._torus import add_from_channels, to_channels


class LatticeSystem:
    """Σ of stationary covariances among lattice data, processed into data, plus independent noise.

    Parameters
    ----------
    signals : list of TorusSignal
    covariances : list of LatticeCovariance
        Of each, between its channels.
    noise : ndarray, shape (n_data,)
        Variances.
    """

    def __init__(self, signals, covariances, noise):
        self._signals, self.covariances, self.noise = signals, covariances, noise

    def product(self, data):
        """K V, shape (n_data, k)."""
        out = self.noise[:, None] * data
        for signal, covariance in zip(self._signals, self.covariances, strict=True):
            add_from_channels(signal.surveys, covariance.product(to_channels(signal.surveys, data)), out)
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
        for g, (signal, covariance) in enumerate(zip(self._signals, self.covariances, strict=True)):
            moved = {} if change is None else change.covariances[g].lags
            lags = {key: value + step * moved[key] if key in moved else value
                    for key, value in covariance.lags.items()}
            plates += plates_of(signal.surveys, signal.channels, covariance.windows, lags, noise)
        return Plates(noise, plates)
