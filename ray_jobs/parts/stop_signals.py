"""Signals that end a job: each becomes a KeyboardInterrupt, raised again where it was swallowed."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN_SECONDS = 2.0


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt where the block is when SIGTERM or SIGINT comes.

    Python swallows what is raised in a destructor or in the callback of a weak reference, where a signal may well
    find a job that writes to MLflow all the time. So it is raised again, until the job is on its way out.
    """
    taken = [signal.SIGTERM, signal.SIGALRM]
    # Where a shell has it ignored, as for what runs in the background, it stays so.
    taken += [signal.SIGINT] if signal.getsignal(signal.SIGINT) is signal.default_int_handler else []
    before = {number: signal.signal(number, _stop) for number in taken}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
    # Who presses Ctrl-C once more does not want to wait for a job that is ending well.
    if number == signal.SIGINT or not _is_on_its_way_out():
        raise KeyboardInterrupt(f"signal {number}")


def _is_on_its_way_out() -> bool:
    """Whether a KeyboardInterrupt is what ``finally`` and ``except`` blocks are just dealing with."""
    error = sys.exception()
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False
