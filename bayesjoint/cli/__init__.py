"""The command: ``bayesjoint run CONFIG.toml --out DIR`` and its sisters."""

from .main import main
