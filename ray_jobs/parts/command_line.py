"""From a command line to a job: parse a dataclass, run, and end with one clear line if input was bad."""

import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import tyro

from epitoma.core.config import from_dict
from epitoma.core.errors import BAD_INPUT, NO_ROOM, STOPPED, ConfigError, EpitomaError
from epitoma.files.json_files import read_json
from epitoma.reporting.console import complain
from ray_jobs.parts.stop_signals import stopped_by_signals

IN_THE_WAY = (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
"""What a person's own files and folders can do to a job."""

ConfigType = TypeVar("ConfigType")


Preset = Callable[[str], Callable[..., Any]]
"""From a name to a function that makes a whole config."""


def run_job(
    config_type: Any, job: Callable[[Any], object], *, about: str, preset: Preset | None = None
) -> None:
    """Parse the command line into a config, run the job on it, and exit.

    Exit codes: 0 done, 2 bad input or no room (one line on standard error), 130 stopped by a person or the cluster.

    Args:
        config_type: Dataclass whose fields are the options, or a union of them, each annotated as a subcommand
            of tyro; ``--config FILE`` gives defaults from JSON.
        job: What to run.
        about: First line of ``--help``.
        preset: What ``--preset NAME`` gives defaults from; None knows no such option.
    """
    with stopped_by_signals(), _one_clear_line():
        job(parse(config_type, sys.argv[1:], about=about, preset=preset))


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


def parse(
    config_type: type[ConfigType], arguments: list[str], *, about: str, preset: Preset | None = None
) -> ConfigType:
    """Build the config from command-line arguments.

    Raises:
        ConfigError: There is no such option or preset, or no such field in the ``--config`` file.
        RunError: The ``--config`` file is not JSON.
    """
    default, arguments = _from_file(config_type, arguments)
    if preset is not None and "--preset" in arguments:
        if default is not None:
            raise ConfigError("--config and --preset both give a whole config: give one of them")
        default, arguments = _from_preset(preset, arguments)
    chosen = {} if default is None else {"default": default}
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            config, unknown = tyro.cli(
                config_type,
                prog=Path(sys.argv[0]).name,
                args=arguments,
                description=about,
                return_unknown_args=True,
                **chosen,
            )
    except SystemExit as stop:
        if stop.code == 0:
            raise
        raise ConfigError(one_line(said.getvalue())) from None
    if unknown:
        raise ConfigError(f"no such option: {' '.join(unknown)} (see --help)")
    return config


def one_line(text: str) -> str:
    """A message without its line breaks and boxes, and without the help text that may follow it."""
    words = re.sub(r"[\u2500-\u257f]+|-{5,}", " ", text).split()
    return re.split(r" Argument helptext| For full helptext", " ".join(words))[0]


def _from_file(config_type: type[ConfigType], arguments: list[str]) -> tuple[ConfigType | None, list[str]]:
    if "--config" not in arguments:
        return None, arguments
    value, rest = _taken("--config", arguments, needs="a file")
    file = Path(value)
    if not file.is_file():
        raise ConfigError(f"no config file at {file}")
    return from_dict(_chosen(config_type, rest), read_json(file), source=str(file)), rest


def _from_preset(preset: Preset, arguments: list[str]) -> tuple[Any, list[str]]:
    name, rest = _taken("--preset", arguments, needs="a name")
    return preset(name)(manifest=tyro.MISSING, name=tyro.MISSING), rest


def _taken(option: str, arguments: list[str], *, needs: str) -> tuple[str, list[str]]:
    """The value of an option, and the arguments without both."""
    place = arguments.index(option)
    if place + 1 == len(arguments):
        raise ConfigError(f"{option} needs {needs}")
    return arguments[place + 1], arguments[:place] + arguments[place + 2 :]


def _chosen(config_type: Any, arguments: list[str]) -> Any:
    """The dataclass itself, or the member of a union that the first argument names."""
    subcommands = {
        get_args(member)[1].name: get_args(member)[0]
        for member in get_args(config_type)
        if get_origin(member) is Annotated
    }
    if not subcommands:
        return config_type
    if not arguments or arguments[0] not in subcommands:
        raise ConfigError(f"--config needs one of {', '.join(subcommands)} before it")
    return subcommands[arguments[0]]
