"""Room on a disk: a run that finds none ends in one line, and goes on when there is some."""

from collections.abc import Iterator
from contextlib import contextmanager

from epitoma.core.errors import NO_ROOM, StorageError


@contextmanager
def needing_room(what: str, *, kept: str = "") -> Iterator[None]:
    """Write something of a run within the block.

    Args:
        what: What is written, and where, for the error.
        kept: What there is in any case.

    Raises:
        StorageError: The disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        advice = "make room and go on with --resume"
        told = f"{kept}; {advice}" if kept else advice
        raise StorageError(f"no room for {what} ({error.strerror}): {told}") from error
