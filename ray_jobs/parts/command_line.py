"""A job as a command: parse its options, run it, and exit with one line of error if the input was bad."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from epitoma.core.errors import BAD_INPUT, NO_ROOM, STOPPED, EpitomaError
from epitoma.reporting.console import complain
from ray_jobs.parts.closed_pipe import quiet_without_reader
from ray_jobs.parts.options import Preset, one_line, parse
from ray_jobs.parts.stop_signals import stopped_by_signals

USER_FILE_ERRORS = (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
"""Errors of the file system that the user can fix: reported in one line instead of a traceback."""


def run_job(
    config_type: Any, job: Callable[[Any], object], *, about: str | None, preset: Preset | None = None
) -> None:
    """Parse the command line into a config, run the job on it, and exit.

    Exit codes: 0 done, 1 the help's reader closed the pipe, 2 bad input or a full disk (one line on standard error),
    130 stopped by a signal.

    Args:
        config_type: Dataclass whose fields are the options, or a union of dataclasses, each annotated as a subcommand
            of tyro; ``--config FILE`` reads defaults from JSON.
        job: Function to run with the config.
        about: First lines of ``--help``, usually ``__doc__``; None under ``python -OO``, which has no docstrings.
        preset: Function from the name in ``--preset NAME`` to a config with its defaults; None has no such option.
    """
    with stopped_by_signals(), _one_clear_line():
        with quiet_without_reader():
            config = parse(config_type, sys.argv[1:], about=about, preset=preset)
        job(config)


@contextmanager
def _one_clear_line() -> Iterator[None]:
    """Turn errors that are not bugs into one line on standard error and an exit code."""
    try:
        yield
    except EpitomaError as error:
        complain(f"error: {one_line(str(error))}")
        sys.exit(BAD_INPUT)
    except USER_FILE_ERRORS as error:
        complain(f"error: {error.filename or 'a file'}: {error.strerror}")
        sys.exit(BAD_INPUT)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        complain(
            f"error: no room for {error.filename or 'a file'} ({error.strerror}): make room and run the job again "
            "(training and sweeps with --resume)"
        )
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        complain("stopped")
        sys.exit(STOPPED)
