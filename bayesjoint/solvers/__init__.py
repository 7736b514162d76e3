"""Solvers: arrays, operators and callables in, arrays out; nothing here knows what is measured."""
