"""Fields and endless data on a torus: one small Gaussian problem for each horizontal wavenumber."""

import numpy as np
from scipy import fft
from scipy.interpolate import PchipInterpolator

from .._places import blocks, half_counts
from ..dataset import DatasetBuilder
from ..forward import worker_count
from ._spectral_gaps import gap_loss
from ._spectral_strip import Strip, solved_waves, strip_reduction

BLOCK_BYTES = 4e8  # of spectra carried at once
MARGIN = 16  # columns beyond a survey that are looked at with its gaps
BANDS = 12  # of wavelength, in the summary


class SpectralField:
    """Posterior by wavenumber of the fields of a group, given data on all of its torus.

    Parameters
    ----------
    waves : WaveSystem
        Of the group's channels.

    Attributes
    ----------
    reduction : ndarray, shape (P, nz)
        Share of the prior variance taken away, by parameter and layer.
    losses : (ndarray, ndarray), shapes (P, nz, ny) and (P, nz, nx)
        Share of it lost across a strip of stations that ends to the south and north, and to the west and east.
    gaps, near : ndarray, shape (P, nz, ny, nx)
        Share of it that gaps take, and that gaps and what lies just beyond the survey take.
    """

    def __init__(self, waves):
        self.waves, self.group, self.noise, self.ties = waves, waves.group, waves.noise, waves.ties
        self.layers, self.torus = self.group.field.layers, self.group.torus
        east, north = self._shares()
        self.reduction = east.sum(axis=2)
        self.losses = self._loss(0, east), self._loss(1, north)
        self.gaps, self.near = gap_loss(waves, self.reduction), gap_loss(waves, self.reduction, MARGIN)

    def _shares(self):
        """Share of the prior variance taken by every wavenumber, summed along each axis.

        Returns
        -------
        (ndarray, ndarray), shapes (P, nz, half) and (P, nz, rows // 2 + 1)
            By wavenumber along easting, and along northing, north and south together.
        """
        (rows, _), half = self.torus, self.torus[0] // 2 + 1
        east = np.empty((len(self.ties), self.layers, self.waves.counts.size))
        north = np.empty((len(self.ties), self.layers, half))
        for z in range(self.layers):
            for p in range(len(self.ties)):
                share = self.waves.share(p, z)
                east[p, z] = share.sum(axis=0)
                whole = share.sum(axis=1)
                whole[1 : rows - half + 1] += whole[: half - 1 : -1]
                north[p, z] = whole[:half]
        return east, north

    # -- edges ---------------------------------------------------------------------------------------------------------
    def weights(self, powers):
        """Share of the reduction that edges leave at every cell, shape (P, nz, ny, nx): 1 well inside.

        The losses u across two strips, each finite along one axis, and of gaps go together by their odds
        o = u/(1 − u) as (Σ o^s)^(1/s), with a power s for each parameter, and are at least what gaps and the near
        outside take together.
        """
        s = np.reshape(powers, (-1, 1, 1, 1))
        odds = sum((u / (1.0 - u)) ** s for u in self._losses()) ** (1 / s)
        return 1.0 / (1.0 + np.maximum(odds, self.near / (1.0 - self.near)))

    def doubt(self):
        """How much of the weights hangs on the way in which losses go together, shape (P, nz, ny, nx)."""
        north, east, gaps = self._losses()
        kept = (1.0 - north) * (1.0 - east) * (1.0 - gaps)
        least = np.maximum(np.maximum(north, east), np.maximum(gaps, self.near))  # none of them is more than all take
        return np.maximum(1.0 - kept - least, 0.0)

    def _losses(self):
        return self.losses[0][..., :, None], self.losses[1][..., None, :], self.gaps

    def _loss(self, axis, shares):
        """Share of the reduction lost across a strip finite along `axis`, shape (P, nz, size).

        `shares`, (P, nz, waves): the reduction by wavenumber along the endless axis.
        """
        windows = [self.group.surveys[k].window[axis] for k, _ in self.group.channels]
        strip = Strip(windows, self.group.mesh.shape[1 + axis])
        solved = solved_waves(shares.shape[-1])
        signal = {key: self._turned(wave, axis)[solved] for key, wave in self.waves.signal.items()}
        reach = [np.stack([self._turned(wave, axis)[solved] for wave in each]) for each in self.waves.through]
        found = strip_reduction(signal, reach, self.ties, self.noise, strip.windows, strip.columns)
        counts = half_counts(self.torus[1 - axis])
        whole = shares[..., solved] / counts[solved] * self.torus[1 - axis]
        kept = np.divide(np.moveaxis(found, 1, 2), whole[..., None], out=np.ones((*whole.shape, found.shape[-1])),
                         where=whole[..., None] > 0)
        between = PchipInterpolator(solved, kept, axis=2)(np.arange(shares.shape[-1]))
        left = np.einsum("pzw,pzwc->pzc", shares, between) / self.reduction[..., None]
        return strip.spread(1.0 - left).clip(0.0, 1.0 - 1e-12)

    def _turned(self, wave, axis):
        """A half spectrum as (waves along the endless axis, period of the other)."""
        rows, columns = self.torus
        if axis == 0:
            return wave.T
        mirrored = np.roll(wave[::-1], 1, axis=0)[:, 1 : columns - columns // 2].conj()[:, ::-1]
        return np.concatenate([wave, mirrored], axis=1)[: rows // 2 + 1]

    # -- draws --------------------------------------------------------------------------------------------
    def draw(self, rng, count):
        """Zero-mean draws of the posterior of endless data.

        Returns
        -------
        fields : list of ndarray, shape (count, cells of the mesh)
            One for each parameter.
        data : list of ndarray, shape (count, stations)
            Clean data of each channel, at the stations of its window.
        """
        cells = self.layers * self.group.mesh.shape[1] * self.group.mesh.shape[2]
        windows = [self.group.surveys[k].window for k, _ in self.group.channels]
        fields = [np.empty((count, cells)) for _ in self.group.places]
        data = [np.empty((count, rows[1] * columns[1])) for rows, columns in windows]
        step = max(1, int(BLOCK_BYTES // (16 * self.layers * self.torus[0] * self.torus[1])))
        for block in blocks(count, step):
            left = self._drawn(rng, block.stop - block.start)
            for part, waves, std in zip(fields, left, self.group.stds, strict=True):
                part[block] = self.group.on_mesh(waves, std)
            for n, (part, window, (k, _)) in enumerate(zip(data, windows, self.group.channels, strict=True)):
                waves = self._seen(n, left[self.group.surveys[k].member])
                part[block] = self.group.crop(waves, *window).reshape(waves.shape[0], -1)
        return fields, data

    def _drawn(self, rng, count):
        """Spectra of what endless data leave of a prior draw, for every parameter's unit field."""
        group = self.group
        root = np.linalg.cholesky(group.mixing)
        latent = [group.field.colour(group.field.white(rng, count)) for _ in group.places]
        fields = [sum(root[p, q] * latent[q] for q in range(p + 1)) for p in range(len(latent))]
        data = []
        for n, (k, _) in enumerate(group.channels):
            noise = fft.rfft2(rng.standard_normal((count, *self.torus)), workers=worker_count())
            data.append(self._seen(n, fields[group.surveys[k].member]) + np.sqrt(self.noise[n]) * noise)
        return [fields[p] - estimate for p, estimate in enumerate(self._estimates(data))]

    def _seen(self, channel, waves):
        return np.einsum("zyx,zcyx->cyx", self.waves.rows[channel], waves)

    def _estimates(self, data):
        """Γh*Q⁻¹ d for every parameter's unit field, spectra (nz, count, rows, half), one parameter at a time."""
        solved = np.einsum("yxab,bcyx->acyx", self.waves.inverse, np.stack(data), optimize=True)
        for tie in self.ties:
            total = np.zeros((self.layers, *solved.shape[1:]), dtype=complex)
            for a, weight in enumerate(tie):
                if weight:
                    total += weight * self.waves.through[a].conj()[:, None] * solved[a]
            yield total

    # -- what the data say at which wavelength -------------------------------------------------------------------------
    def summary(self, names, parameters):
        """{"spectral": Dataset}: bits and informative modes by wavelength, reduction by layer."""
        wavelength, bits, modes = self._bands()
        labels = [names[k] if len(self.group.surveys[k].lattice.height) == 1 else f"{names[k]}_{h}"
                  for k, h in self.group.channels]
        table, words = DatasetBuilder(), "information about the model, by wavelength band"
        table.along("survey", labels, "survey")
        table.along("parameter", parameters, "parameter")
        table.along("layer", np.arange(self.layers), "layer, bottom first")
        table.along("wavelength", wavelength, "longest wavelength of the band", "m")
        table.add("information", ("survey", "wavelength"), bits[:-1], "bit", words)
        table.add("information_joint", ("wavelength",), bits[-1], "bit", words)
        table.add("modes", ("survey", "wavelength"), modes, "1", "wavenumbers whose signal exceeds the noise")
        table.add("reduction", ("parameter", "layer"), self.reduction, "1",
                  "share of the prior variance that data without edges would take away")
        return {"spectral": table.dataset()}

    def _bands(self):
        """Bits of every channel and of all, and modes above the noise, by band; scaled from torus to window."""
        (py, px), (dy, dx) = self.torus, self.group.mesh.horizontal_spacing()
        wave = np.hypot(fft.fftfreq(py, dy)[:, None], fft.rfftfreq(px, dx))
        edges = np.geomspace(1 / (2 * max(py * dy, px * dx)), wave.max() * (1 + 1e-9), BANDS + 1)
        band = np.clip(np.searchsorted(edges, wave.ravel(), side="right") - 1, 0, BANDS - 1)
        counts = np.broadcast_to(self.waves.counts, wave.shape).ravel()
        bits, modes = [], []
        spectrum = self.waves.spectrum
        for n, noise in enumerate(self.noise):
            rows, columns = (w[1] for w in self.group.surveys[self.group.channels[n][0]].window)
            share = counts * (rows * columns / (py * px))
            ratio = (spectrum[..., n, n].real / noise).ravel()
            bits.append(np.bincount(band, share * 0.5 * np.log2(ratio), BANDS))
            modes.append(np.bincount(band, share * (ratio > 2.0), BANDS))
        scaled = spectrum / np.sqrt(np.outer(self.noise, self.noise))
        joint = 0.5 * np.linalg.slogdet(scaled)[1].ravel() / np.log(2.0)
        bits.append(np.bincount(band, share * joint, BANDS))
        return 1 / edges[:-1], np.array(bits), np.array(modes)

