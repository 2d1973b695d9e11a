"""Broken pipes: end the process silently when the reader of standard output, such as ``head``, has closed it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NOT_READ = 1
"""Exit code after a broken pipe; the same as Rich's, which exits by itself when its own printing fails."""


@contextmanager
def quiet_without_reader() -> Iterator[None]:
    """Exit without a message where standard output is a pipe that its reader has closed.

    Only for blocks that do nothing but print: a broken pipe of a job, such as a connection, must be reported.

    Raises:
        SystemExit: The reader has closed the pipe.
    """
    try:
        try:
            yield
        finally:
            # Here, so that the error is raised inside the block and not when Python exits.
            sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes standard output when it exits, which would print another error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NOT_READ)
