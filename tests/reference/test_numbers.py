"""The numbers of twelve problems are those stored; see problems.py. Anew: python -m tests.reference.test_numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

from .problems import NUMBERS

STORED = Path(__file__).parent / "numbers.json"
EVERY = 7  # of an array's values one in so many is kept


def kept(value):
    """The values that are stored."""
    return np.asarray(value, dtype=float).ravel()[::EVERY]


def differences(found, stored):
    """Labels whose values are not those stored, with the largest difference over what is allowed."""
    out = {}
    for label, (value, tolerance) in found.items():
        values, expected = kept(value), np.array(stored[label], dtype=float)
        allowed = kept(tolerance) if np.ndim(tolerance) or isinstance(tolerance, np.ndarray) else (
            tolerance * max(np.max(np.nan_to_num(np.abs(expected))), 1e-300))
        away = np.abs(values - expected) / np.maximum(allowed, 1e-300)
        both = np.isnan(values) & np.isnan(expected)
        if np.any(~both & ~(away <= 1)):
            out[label] = float(np.max(np.where(both, 0, away)))
    return out


@pytest.mark.parametrize("name", list(NUMBERS))
def test_numbers_are_those_stored(name):
    found, stored = NUMBERS[name](), json.loads(STORED.read_text())[name]
    assert set(found) == set(stored)
    assert differences(found, stored) == {}


def test_a_difference_is_seen():
    stored = {"a": [1.0, 2.0], "b": [3.0]}
    values = {"a": (np.repeat([1.0, 2.0], EVERY), 1e-10), "b": (3.1, np.array(0.2))}
    assert differences(values, stored) == {}
    assert set(differences(values | {"a": (np.repeat([1.0, 2.0 + 1e-9], EVERY), 1e-10)}, stored)) == {"a"}
    assert set(differences(values | {"b": (3.3, np.array(0.2))}, stored)) == {"b"}
    assert set(differences(values | {"b": (np.nan, np.array(0.2))}, stored)) == {"b"}


def store():
    """Write numbers.json anew."""
    numbers = {name: {label: [float(v) for v in kept(value)] for label, (value, _) in f().items()}
               for name, f in NUMBERS.items()}
    STORED.write_text(json.dumps(numbers, indent=0).replace(",\n", ", ").replace("[\n", "[").replace("\n]", "]") + "\n")


if __name__ == "__main__":
    store()
