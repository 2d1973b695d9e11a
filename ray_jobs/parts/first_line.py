"""A job's first line of output, printed before the imports, which take seconds: it shows that the job has started."""

import re
import sys
from collections.abc import Sequence

from epitoma.reporting.console import say

HELP = ("-h", "--help")

WITH_VALUE = re.compile(r"-[^-]*?([cmWX])(.*)", flags=re.DOTALL)
"""An option of Python with a value, attached or not, perhaps after other letters: ``-W error``, ``-Xdev``, ``-um``."""


def say_first_line(job: str, arguments: Sequence[str]) -> None:
    """Print that a job is starting, unless its arguments ask for help."""
    if not set(HELP) & set(arguments):
        say(f"epitoma {job}: starting")


def job_of(command: Sequence[str]) -> tuple[str, list[str]] | None:
    """Find the job and its arguments in a Python command line with ``-m ray_jobs.NAME``; None if there is none.

    Args:
        command: Whole command line, such as ``sys.orig_argv``.
    """
    arguments = iter(command[1:])
    for option in arguments:
        if option == "-" or not option.startswith("-"):
            # Python reads standard input or runs a script; what follows are its arguments.
            return None
        found = WITH_VALUE.fullmatch(option)
        if found is None:
            continue
        letter, value = found[1], found[2] or next(arguments, "")
        if letter in "cm":
            package, _, job = value.partition(".")
            return (job, [*arguments]) if letter == "m" and package == "ray_jobs" and job != "cli" else None
    return None


def say_first_line_of_process() -> None:
    """Print the first line if this process was started as a job."""
    started = job_of(sys.orig_argv)
    if started is not None:
        say_first_line(*started)
