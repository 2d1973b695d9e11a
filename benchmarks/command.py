"""A benchmark as a command: options in, and one line where it cannot go on."""

from collections.abc import Callable
from typing import TypeVar

import tyro

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
