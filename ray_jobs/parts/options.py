"""From arguments to a config: tyro parses first what gives the defaults, then all options over those defaults."""

import inspect
import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

import tyro

from epitoma.core.config import from_dict
from epitoma.core.errors import ConfigError
from epitoma.files.json_files import read_json

ConfigType = TypeVar("ConfigType")
SourceType = TypeVar("SourceType", bound="FromFile")

Preset = Callable[[str], Callable[..., Any]]
"""From a name to a function that makes a whole config."""


def _preset_names(default: str) -> str:
    """What help says where it says an option's default elsewhere."""
    # Imported here, since a job without presets shall not wait for the networks that presets choose among.
    from epitoma.presets import PRESETS

    return f"(one of {', '.join(PRESETS)})"


@dataclass(frozen=True, kw_only=True)
class FromFile:
    """Where a whole config can come from, before options change it.

    Attributes:
        config: JSON file to take all defaults from, such as the ``config.json`` of a run.
    """

    # A list, so that an option that is given twice is seen.
    config: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(metavar="FILE", help_behavior_hint=""),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class FromFileOrPreset(FromFile):
    """Where a whole config can come from, if the job has presets.

    Attributes:
        preset: Recipe to take all defaults from; a network after a colon, as in ``breakfast:i3d``, replaces the
            recipe's own.
    """

    preset: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(metavar="NAME", help_behavior_hint=_preset_names),
    ] = ()


NEEDS = {"config": "a file", "preset": "a name"}
"""What must follow each of these options."""


@dataclass(frozen=True, kw_only=True)
class Line(Generic[SourceType, ConfigType]):
    """All that a command line can say; none of its options is named after these two fields.

    Attributes:
        source: What gives the defaults; here for the help alone, since it is parsed before.
        options: The config itself.
    """

    source: Annotated[SourceType, tyro.conf.arg(name="")]
    options: Annotated[ConfigType, tyro.conf.arg(name="")]


def parse(
    config_type: type[ConfigType],
    arguments: Sequence[str],
    *,
    about: str | None,
    preset: Preset | None = None,
) -> ConfigType:
    """Build the config from command-line arguments.

    Args:
        config_type: Dataclass whose fields are the options, or a union of them, each annotated as a subcommand of tyro.
        arguments: What was typed after the command.
        about: First lines of ``--help``; Python without docstrings has none.
        preset: What ``--preset NAME`` gives defaults from; None knows no such option.

    Raises:
        ConfigError: There is no such option or preset, a value is wrong or missing, or the ``--config`` file is
            missing or has no such field.
        RunError: The ``--config`` file is not JSON.
        SystemExit: Help was asked for, and printed.
    """
    source_type = FromFile if preset is None else FromFileOrPreset
    source, rest = _source(source_type, arguments)
    default = _default(source, config_type, rest, preset)
    chosen = {} if default is None else {"default": Line(source=source_type(), options=default)}
    line, unknown = _tyro(_line_type(source_type, config_type), rest, description=about, **chosen)
    if unknown:
        raise ConfigError(f"no such option: {' '.join(unknown)} (see --help)")
    return line.options


def one_line(text: str) -> str:
    """A message without its line breaks and boxes, and without the help text that may follow it."""
    words = re.sub(r"[\u2500-\u257f]+|-{5,}", " ", text).split()
    return re.split(r" Argument helptext| For full helptext", " ".join(words))[0]


def _source(source_type: type[SourceType], arguments: Sequence[str]) -> tuple[SourceType, list[str]]:
    """What gives the defaults, and all other arguments."""
    if arguments and arguments[0].startswith("--tyro-"):
        # Completion for shells, which is of all options.
        return source_type(), [*arguments]
    if "--" in arguments:
        # It would hide a source from this parse and be gone in the next.
        raise ConfigError("no such option: -- (see --help)")
    try:
        return _tyro(source_type, arguments, add_help=False)
    except ConfigError as error:
        # All that can be wrong with a text is that there is none.
        for name, needed in NEEDS.items():
            if f"--{name}" in str(error):
                raise ConfigError(f"--{name} needs {needed}") from None
        raise


def _default(source: FromFile, config_type: Any, arguments: Sequence[str], preset: Preset | None) -> Any:
    """The config that a file or a preset gives; None if neither does."""
    file = _only("config", source.config)
    name = _only("preset", source.preset) if isinstance(source, FromFileOrPreset) else None
    if file is not None and name is not None:
        raise ConfigError("--config and --preset both give a whole config: give one of them")
    if file is not None:
        return _from_file(Path(file), _chosen(config_type, arguments))
    if name is not None and preset is not None:
        return preset(name)(manifest=tyro.MISSING, name=tyro.MISSING)
    return None


def _only(name: str, values: Sequence[str]) -> str | None:
    if len(values) > 1:
        raise ConfigError(f"--{name} is given {len(values)} times ({', '.join(values)}): give it once")
    if "" in values:
        raise ConfigError(f"--{name} needs {NEEDS[name]}")
    return values[0] if values else None


def _from_file(file: Path, config_type: type[ConfigType]) -> ConfigType:
    if not file.is_file():
        raise ConfigError(f"no config file at {file}")
    values = read_json(file)
    if not isinstance(values, dict):
        raise ConfigError(f"{file} holds no options by name, as the config.json of a run does")
    return from_dict(config_type, values, source=str(file))


def _subcommands(config_type: Any) -> Mapping[str, Any]:
    """The members of a union by the names of their subcommands; none for a dataclass."""
    members = [get_args(member) for member in get_args(config_type) if get_origin(member) is Annotated]
    return {subcommand.name: member for member, subcommand in members}


def _chosen(config_type: Any, arguments: Sequence[str]) -> Any:
    """The dataclass itself, or the member of a union that the first argument names."""
    subcommands = _subcommands(config_type)
    if not subcommands:
        return config_type
    if not arguments or arguments[0] not in subcommands:
        raise ConfigError(f"--config needs one of {', '.join(subcommands)} before it")
    return subcommands[arguments[0]]


def _line_type(source_type: type[FromFile], config_type: Any) -> Any:
    """What tyro parses: a line, or for a union a subcommand with such a line for each of its members."""
    # Without types, since these types are known only when the job runs.
    line: Any = Line
    subcommands = [
        Annotated[line[source_type, member], tyro.conf.subcommand(name, description=_summary(member))]
        for name, member in _subcommands(config_type).items()
    ]
    return Union[tuple(subcommands)] if subcommands else line[source_type, config_type]  # noqa: UP007


def _summary(config_type: type) -> str:
    """What a docstring says before it lists the attributes."""
    return (inspect.getdoc(config_type) or "").partition("\n\nAttributes:")[0]


def _tyro(form: Any, arguments: Sequence[str], **more: Any) -> tuple[Any, list[str]]:
    """What tyro makes of the arguments, and those that it does not know; what it complains of is one line."""
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(
                form, prog=Path(sys.argv[0]).name, args=arguments, return_unknown_args=True, **more
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise ConfigError(one_line(said.getvalue())) from None
