"""How work tells what it has done, whoever shows it."""

from collections.abc import Callable

Watch = Callable[[int, int], None]
"""Told how many are done, of how many."""
