"""A job as a command: parse its options, run it, and exit with one line of error unless it is a bug."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from epitoma.core.errors import ConfigError
from epitoma.core.names import escaped, is_text
from ray_jobs.parts.clear_line import one_clear_line
from ray_jobs.parts.closed_pipe import quiet_without_reader
from ray_jobs.parts.options import Preset, parse
from ray_jobs.parts.stop_signals import stopped_by_signals


def run_job(
    config_type: Any, job: Callable[[Any], object], *, about: str | None, preset: Preset | None = None
) -> None:
    """Parse the command line into a config, run the job on it, and exit.

    Exit codes: 0 done, 1 the help's reader closed the pipe, or a bug, with its traceback; with one line on standard
    error 2 bad input, 75 what the job depends on failed and it may be run again, and 130 stopped by a signal.

    Args:
        config_type: Dataclass whose fields are the options, or a union of dataclasses, each annotated as a subcommand
            of tyro; ``--config FILE`` reads defaults from JSON.
        job: Function to run with the config.
        about: First lines of ``--help``, usually ``__doc__``; None under ``python -OO``, which has no docstrings.
        preset: Function from the name in ``--preset NAME`` to a config with its defaults; None has no such option.
    """
    with stopped_by_signals(), one_clear_line():
        _check_names(sys.argv[1:])
        with quiet_without_reader():
            config = parse(config_type, sys.argv[1:], about=about, preset=preset)
        job(config)


def _check_names(arguments: Sequence[str]) -> None:
    """Check that the working folder and what arguments name is text, as tables, JSON and MLflow hold it.

    Raises:
        ConfigError: Something is not.
    """
    for what, name in (("the working folder", os.getcwd()), *(("an argument", each) for each in arguments)):
        if not is_text(name):
            raise ConfigError(f"{what} is not UTF-8: {escaped(name)}: rename the file or folder")
