"""How a job ends that cannot go on: in one line on standard error and an exit code, unless it is a bug."""

import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from epitoma.core.errors import BAD_INPUT, STOPPED, EpitomaError
from epitoma.core.names import escaped
from epitoma.core.system_errors import exit_code_of, line_of
from epitoma.reporting.console import complain
from ray_jobs.parts.process_start import end_at_once, was_said
from ray_jobs.parts.stop_signals import is_stopped

DEBUG = "EPITOMA_DEBUG"
"""Variable of the environment: 1 shows the traceback of what ends a job, before its line."""


class Ending(NamedTuple):
    """Exit code and line of an error."""

    code: int
    line: str


@contextmanager
def one_clear_line() -> Iterator[None]:
    """Turn errors that are no bugs into one line on standard error and an exit code.

    Raises:
        SystemExit: There was such an error; bugs pass as they are.
    """
    try:
        yield
    except BaseException as error:
        if not clear_ending(error):
            raise


def clear_ending(error: BaseException) -> bool:
    """Print the line of an error and exit with its code; returns False for a bug, and for an exit that is one already.

    Raises:
        SystemExit: It is no bug.
    """
    ending = ending_of(error)
    if ending is None:
        return False
    if ending.code == STOPPED:
        # Who presses Ctrl-C once more, while this is printed, gets no traceback for it.
        _end_at_once_from_here()
    if os.environ.get(DEBUG, "0") not in ("", "0"):
        complain("".join(traceback.format_exception(error)).rstrip())
    if ending.code != STOPPED or not was_said():
        complain(ending.line)
    sys.exit(ending.code)


def ending_of(error: BaseException) -> Ending | None:
    """Exit code and line of an error; None for a bug, and for an exit that is one already."""
    # What fails once a job was told to stop does so because of that.
    if isinstance(error, KeyboardInterrupt) or is_stopped():
        return Ending(STOPPED, "stopped")
    if isinstance(error, EpitomaError):
        return Ending(error.exit_code, f"error: {one_line(str(error)) or type(error).__name__}")
    if isinstance(error, OSError):
        return Ending(exit_code_of(error), f"error: {one_line(escaped(line_of(error)))}")
    if isinstance(error, UnicodeEncodeError) and escaped(error.object) != error.object:
        line = (
            f"error: a name is not UTF-8: {one_line(escaped(error.object))[:200]}: rename the file or folder"
        )
        return Ending(BAD_INPUT, line)
    return None


def one_line(text: str) -> str:
    """Give a message in one line, without tyro's box drawing and without the help text that may follow it."""
    words = re.sub(r"[\u2500-\u257f]+|-{5,}", " ", text).split()
    return re.split(r" Argument helptext| For full helptext", " ".join(words))[0]


def _end_at_once_from_here() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end_at_once)
