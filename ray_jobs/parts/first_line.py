"""A job's first line: said before anything that takes seconds is imported, so that nobody wonders if it has begun."""

import sys
from collections.abc import Sequence
from itertools import pairwise

from epitoma.reporting.console import say

HELP = ("-h", "--help")


def say_first_line(job: str, arguments: Sequence[str]) -> None:
    """Say that a job is starting, unless it is only asked what it can do."""
    if not set(HELP) & set(arguments):
        say(f"epitoma {job}: starting")


def job_of(command: Sequence[str]) -> tuple[str, list[str]] | None:
    """The job that a command line of Python runs by ``-m ray_jobs.NAME``, and the job's arguments; None if none.

    Args:
        command: As Python was called, such as ``sys.orig_argv``.
    """
    for place, (option, module) in enumerate(pairwise(command)):
        if option == "-m":
            package, _, job = module.partition(".")
            return (job, [*command[place + 2 :]]) if package == "ray_jobs" and job != "cli" else None
    return None


def say_first_line_of_process() -> None:
    """Say it where this process was started as a job."""
    started = job_of(sys.orig_argv)
    if started is not None:
        say_first_line(*started)
