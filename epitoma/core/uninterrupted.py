"""Blocks that a stop of the job waits for, such as a transaction of a database."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

_depth = 0
"""How many such blocks the main thread is in: signals are handled there and nowhere else."""


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a signal that stops the job wait until the block has ended; a second Ctrl-C does not wait."""
    global _depth
    is_main = current_thread() is main_thread()
    _depth += is_main
    try:
        yield
    finally:
        _depth -= is_main


def is_uninterrupted() -> bool:
    """Whether the main thread is in such a block."""
    return _depth > 0
