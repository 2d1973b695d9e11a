"""Signals that stop a job: each raises KeyboardInterrupt, again and again until the job is on its way out."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from epitoma.core.uninterrupted import is_uninterrupted
from ray_jobs.parts.process_start import end_at_once

AGAIN_SECONDS = 2.0
"""Time after a signal until KeyboardInterrupt is raised again, if nothing handles the first."""

WAITING_SECONDS = 0.05
"""Time between looks at whether a block that must not be interrupted has ended."""

_interrupts = 0
"""How often somebody has pressed Ctrl-C."""

_stops = 0
"""How often a signal has come in the block that it stops."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block on SIGTERM or SIGINT.

    Python ignores exceptions raised in a destructor or in a weak reference's callback, and a job that logs to MLflow
    is often in one when the signal comes. So a timer raises it again, until the job is on its way out.
    """
    # SIGALRM is the timer's signal.
    taken = [signal.SIGTERM, signal.SIGALRM]
    # A shell has SIGINT ignored for background jobs; that is left as it is.
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, end_at_once):
        taken += [signal.SIGINT]
    before = {number: signal.signal(number, _stop) for number in taken}
    try:
        with _no_tracebacks_of_stops():
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def is_stopped() -> bool:
    """Whether a signal has told this process to stop."""
    return _stops > 0


@contextmanager
def _no_tracebacks_of_stops() -> Iterator[None]:
    """Print nothing of what Python cannot raise, and of threads that fail, once a signal has come: it is why."""
    swallowed, in_thread = sys.unraisablehook, threading.excepthook
    sys.unraisablehook = lambda said: None if is_stopped() else swallowed(said)
    threading.excepthook = lambda said: None if is_stopped() else in_thread(said)
    try:
        yield
    finally:
        if not is_stopped():
            sys.unraisablehook, threading.excepthook = swallowed, in_thread


def _stop(number: int, frame: FrameType | None) -> None:
    global _interrupts, _stops
    _stops += 1
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
