"""For every room: property tests that repeat exactly and are not timed, and small arrays that need one thread."""

import gc
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is first imported
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads of scikit-learn leave the processor to others

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None, max_examples=40)
settings.load_profile("repeatable")


@pytest.fixture
def rng():
    return np.random.default_rng(20240917)


def pytest_collection_finish():
    """What is imported and collected stays: or each look for garbage, as after a damaged file, walks through it all."""
    gc.collect()
    gc.freeze()
