"""A reader that has seen enough, such as ``head``: what prints for it ends, and says nothing of it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NOT_READ = 1
"""Exit code where nobody reads on; Rich ends a process with it too, where that happens to what it prints."""


@contextmanager
def quiet_without_reader() -> Iterator[None]:
    """End the process without a word where standard output is a pipe that nobody reads any longer.

    For blocks that print and do no more: a broken connection of a job is no such pipe, and is to be heard of.

    Raises:
        SystemExit: Nobody reads what was printed.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python writes what is left at its end, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NOT_READ)
