"""The start of a process that is a job: until the job has its own ways, a stop or an error is one line there too.

Imports only what takes no time: it runs before everything else, and what stops a process before it shows a traceback.
"""

import atexit
import os
import signal
import sys
from types import FrameType, TracebackType

from epitoma.core.errors import STOPPED

_stopped: list[int] = []
"""Holds an item when it has been said that the process was stopped."""


def is_a_job() -> bool:
    """Whether this process is ``epitoma`` or ``python -m ray_jobs.NAME``; to be asked while ray_jobs is imported."""
    # Python puts "-m" there until it has found the module.
    return sys.argv[0] == "-m" or os.path.basename(sys.argv[0]) == "epitoma"


def start() -> None:
    """Take over signals, uncaught errors, and characters that standard output cannot encode."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # A shell has SIGINT ignored for background jobs; that is left as it is.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end_at_once)
    sys.excepthook = _end_with_one_line
    # What is registered first runs last.
    atexit.register(_ignore_ctrl_c)
    print_any_name()


def print_any_name() -> None:
    """Have standard output write what its encoding lacks as an escape: names of files may hold any byte."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def end_at_once(number: int, frame: FrameType | None) -> None:
    """Handle a signal where nothing has to be saved: while modules are imported, and when the job has ended."""
    if not was_said():
        os.write(2, b"stopped\n")
    os._exit(STOPPED)


def _ignore_ctrl_c() -> None:
    """Let the process end as it does, from where Python takes its handlers away: a moment before it is gone."""
    if signal.getsignal(signal.SIGINT) is end_at_once:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def was_said() -> bool:
    """Whether it has been said that the process was stopped; from here on it counts as said."""
    _stopped.append(1)
    return len(_stopped) > 1


def _end_with_one_line(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an error that nothing has caught, as an import's, in the way of a job's own."""
    if isinstance(error, KeyboardInterrupt):
        end_at_once(signal.SIGINT, None)
    from ray_jobs.parts.clear_line import clear_ending

    if not clear_ending(error):
        sys.__excepthook__(kind, error, trace)
