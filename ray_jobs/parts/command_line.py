"""A job as a command: parse its options, run it, and end with one clear line if input was bad."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from epitoma.core.errors import BAD_INPUT, NO_ROOM, STOPPED, EpitomaError
from epitoma.reporting.console import complain
from ray_jobs.parts.closed_pipe import quiet_without_reader
from ray_jobs.parts.options import Preset, one_line, parse
from ray_jobs.parts.stop_signals import stopped_by_signals

IN_THE_WAY = (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
"""What a person's own files and folders can do to a job."""


def run_job(
    config_type: Any, job: Callable[[Any], object], *, about: str | None, preset: Preset | None = None
) -> None:
    """Parse the command line into a config, run the job on it, and exit.

    Exit codes: 0 done, 1 nobody reads the help, 2 bad input or no room (one line on standard error), 130 stopped by a
    person or the cluster.

    Args:
        config_type: Dataclass whose fields are the options, or a union of them, each annotated as a subcommand
            of tyro; ``--config FILE`` gives defaults from JSON.
        job: What to run.
        about: First lines of ``--help``, such as ``__doc__``, which Python without docstrings has not.
        preset: What ``--preset NAME`` gives defaults from; None knows no such option.
    """
    with stopped_by_signals(), _one_clear_line():
        with quiet_without_reader():
            config = parse(config_type, sys.argv[1:], about=about, preset=preset)
        job(config)


@contextmanager
def _one_clear_line() -> Iterator[None]:
    """End the process with an exit code and a line that says why, for all that is no fault of ours."""
    try:
        yield
    except EpitomaError as error:
        complain(f"error: {one_line(str(error))}")
        sys.exit(BAD_INPUT)
    except IN_THE_WAY as error:
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
