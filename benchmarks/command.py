"""A benchmark as a command: options in, and one line where the input is bad."""

import sys
from collections.abc import Callable
from typing import TypeVar

import tyro

from epitoma.core.errors import BAD_INPUT, EpitomaError
from epitoma.reporting.console import complain

ConfigType = TypeVar("ConfigType")


def run_benchmark(
    config_type: type[ConfigType], run: Callable[[ConfigType], object], *, about: str | None
) -> None:
    """Parse the command line into a config, and run the benchmark on it; bad input ends it with exit code 2."""
    config = tyro.cli(config_type, description=about)
    try:
        run(config)
    except EpitomaError as error:
        complain(f"error: {error}")
        sys.exit(BAD_INPUT)
