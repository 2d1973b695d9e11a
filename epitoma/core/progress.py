"""Callback type for reporting progress."""

from collections.abc import Callable

Watch = Callable[[int, int], None]
"""Called with the number of items done and the total number."""
