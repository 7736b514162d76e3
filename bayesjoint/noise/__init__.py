"""Noise of one modality: Gaussian with its covariance, or Student-t with a weight for each datum."""

from ._gaussian import DenseNoise, DiagonalNoise, MaternKernel, StationaryNoise, guessed_noise, noise_std
from ._student import StudentNoise, is_gaussian, standardised
