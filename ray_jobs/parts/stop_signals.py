"""Signals that stop a job: each raises KeyboardInterrupt, again and again until the job is on its way out."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from epitoma.core.uninterrupted import is_uninterrupted

AGAIN_SECONDS = 2.0
"""Time after a signal until KeyboardInterrupt is raised again, if nothing handles the first."""

WAITING_SECONDS = 0.05
"""Time between looks at whether a block that must not be interrupted has ended."""

_interrupts = 0
"""How often somebody has pressed Ctrl-C."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block on SIGTERM or SIGINT.

    Python ignores exceptions raised in a destructor or in a weak reference's callback, and a job that logs to MLflow
    is often in one when the signal comes. So a timer raises it again, until the job is on its way out.
    """
    # SIGALRM is the timer's signal.
    taken = [signal.SIGTERM, signal.SIGALRM]
    # A shell has SIGINT ignored for background jobs; that is left as it is.
    taken += [signal.SIGINT] if signal.getsignal(signal.SIGINT) is signal.default_int_handler else []
    before = {number: signal.signal(number, _stop) for number in taken}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    global _interrupts
    _interrupts += number == signal.SIGINT
    # Who presses Ctrl-C once more does not want to wait for anything.
    is_impatient = number == signal.SIGINT and _interrupts > 1
    waits = is_uninterrupted() and not is_impatient
    signal.setitimer(signal.ITIMER_REAL, WAITING_SECONDS if waits else AGAIN_SECONDS)
    if not waits and (number == signal.SIGINT or not _is_on_its_way_out()):
        raise KeyboardInterrupt(f"signal {number}")


def _is_on_its_way_out() -> bool:
    """Whether a ``finally`` or ``except`` block is handling a KeyboardInterrupt now."""
    error = sys.exception()
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False
