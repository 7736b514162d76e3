"""Preparation of surveys."""
