"""A benchmark as a command: options in, and one line where it cannot go on."""

from collections.abc import Callable, Collection
from typing import TypeVar

import tyro

from epitoma.core.errors import ConfigError
from ray_jobs.parts.clear_line import one_clear_line
from ray_jobs.parts.closed_pipe import quiet_without_reader
from ray_jobs.parts.process_start import print_any_name
from ray_jobs.parts.stop_signals import stopped_by_signals

ConfigType = TypeVar("ConfigType")


def run_benchmark(
    config_type: type[ConfigType], run: Callable[[ConfigType], object], *, about: str | None
) -> None:
    """Parse the command line into a config, and run the benchmark on it; it ends as jobs do (``run_job``)."""
    print_any_name()
    with stopped_by_signals(), one_clear_line():
        with quiet_without_reader():
            config = tyro.cli(config_type, description=about)
        run(config)


def check_only(asked: Collection[str], known: Collection[str], *, what: str) -> None:
    """Check the names that ``--only`` gives.

    Args:
        asked: The names.
        known: Those that there are.
        what: What they are names of.

    Raises:
        ConfigError: One is not known.
    """
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise ConfigError(f"--only: no {what} {unknown[0]}: there are {', '.join(known)}")
