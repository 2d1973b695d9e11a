"""A job's first line: said before anything that takes seconds is imported, so that nobody wonders if it has begun."""

import re
import sys
from collections.abc import Sequence

from epitoma.reporting.console import say

HELP = ("-h", "--help")

WITH_VALUE = re.compile(r"-[^-]*?([cmWX])(.*)", flags=re.DOTALL)
"""An option of Python that takes a value, which may be attached, as others may be: ``-W error``, ``-Xdev``, ``-um``."""


def say_first_line(job: str, arguments: Sequence[str]) -> None:
    """Say that a job is starting, unless it is only asked what it can do."""
    if not set(HELP) & set(arguments):
        say(f"epitoma {job}: starting")


def job_of(command: Sequence[str]) -> tuple[str, list[str]] | None:
    """The job that a command line of Python runs by ``-m ray_jobs.NAME``, and the job's arguments; None if none.

    Args:
        command: As Python was called, such as ``sys.orig_argv``.
    """
    arguments = iter(command[1:])
    for option in arguments:
        if option == "-" or not option.startswith("-"):
            # Standard input or a script, whose own are all that follow.
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
    """Say it where this process was started as a job."""
    started = job_of(sys.orig_argv)
    if started is not None:
        say_first_line(*started)
