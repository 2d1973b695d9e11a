"""Command-line options: tyro parses ``--config`` and ``--preset`` first, then all options over their defaults."""

import inspect
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

import tyro

from epitoma.core.config import from_dict
from epitoma.core.errors import ConfigError
from epitoma.core.registry import Kind, import_plugins, registered
from epitoma.files.json_files import read_json
from epitoma.files.local_paths import check_paths
from epitoma.files.presence import is_file
from ray_jobs.parts.clear_line import one_line

ConfigType = TypeVar("ConfigType")
SourceType = TypeVar("SourceType", bound="FromFile")

Preset = Callable[[str], Callable[..., Any]]
"""Maps a preset's name to a function that makes a whole config."""


def _preset_names(default: str) -> str:
    """Text that ``--help`` shows after ``--preset``, where other options have their default."""
    # Imported here: presets import the networks, which takes seconds that a job without presets need not wait.
    from epitoma.presets import PRESETS

    return f"(one of {', '.join(PRESETS)})"


@dataclass(frozen=True, kw_only=True)
class FromFile:
    """Options that give the defaults of all others.

    Attributes:
        config: JSON file to take all defaults from, such as the ``config.json`` of a run.
    """

    # A tuple, so that an option that is given twice is noticed.
    config: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(metavar="FILE", help_behavior_hint=""),
    ] = ()


Named = Annotated[
    tuple[str, ...],
    tyro.conf.UseAppendAction,
    tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: epitoma)"),
]


@dataclass(frozen=True, kw_only=True)
class FromFileOrPreset(FromFile):
    """Options that give the defaults of all others, for a job with presets.

    Attributes:
        preset: Recipe to take all defaults from; a network after a colon, as in ``paper:i3d``, replaces the recipe's
            own.
        selector: Selector to train; its own options follow it in this help.
        classifier: Classifier to train; its own options follow it in this help.
    """

    preset: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(metavar="NAME", help_behavior_hint=_preset_names),
    ] = ()
    selector: Named = ()
    classifier: Named = ()


NEEDS = {"config": "a file", "preset": "a name", "selector": "a name", "classifier": "a name"}
"""What each of these options needs after it, for errors."""


@dataclass(frozen=True, kw_only=True)
class Line(Generic[SourceType, ConfigType]):
    """All options of a command line; both fields have an empty name, so options have no prefix.

    Attributes:
        source: Options that give the defaults; here only for ``--help``, since they are parsed before.
        options: The config.
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
        config_type: Dataclass whose fields are the options, or a union of dataclasses, each annotated as a subcommand
            of tyro.
        arguments: Arguments after the command.
        about: First lines of ``--help``; None under ``python -OO``.
        preset: Function from the name in ``--preset NAME`` to a config with its defaults; None has no such option.

    Raises:
        ConfigError: There is no such option or preset, a value is wrong or missing, or the ``--config`` file is
            missing or has no such field, or a path is none that a job can use (see `files/local_paths.py`).
        RunError: The ``--config`` file is not JSON.
        SystemExit: Help was printed.
    """
    source_type = FromFile if preset is None else FromFileOrPreset
    import_plugins(_plugins(arguments), from_here=True)
    source, rest = _source(source_type, arguments)
    default = _default(source, config_type, rest, preset)
    if isinstance(source, FromFileOrPreset):
        default = _with_parts(source, default, config_type)
    chosen = {} if default is None else {"default": Line(source=source_type(), options=default)}
    line, unknown = _tyro(_line_type(source_type, config_type), rest, description=about, **chosen)
    if unknown:
        raise ConfigError(f"no such option: {' '.join(unknown)} (see --help)")
    check_paths(line.options)
    return line.options


def _source(source_type: type[SourceType], arguments: Sequence[str]) -> tuple[SourceType, list[str]]:
    """Parse the options that give the defaults; returns them and all other arguments."""
    if arguments and arguments[0].startswith("--tyro-"):
        # Shell completion must cover all options, so the second parse handles it.
        return source_type(), [*arguments]
    if "--" in arguments:
        # tyro parses no options after `--`, and drops it, so the second parse would read them differently.
        raise ConfigError("no such option: -- (see --help)")
    try:
        return _tyro(source_type, arguments, add_help=False)
    except ConfigError as error:
        # The options are texts, so the only possible error is a missing value.
        for name, needed in NEEDS.items():
            if f"--{name}" in str(error):
                raise ConfigError(f"--{name} needs {needed}") from None
        raise


def _default(source: FromFile, config_type: Any, arguments: Sequence[str], preset: Preset | None) -> Any:
    """Config from ``--config`` or ``--preset``; None if neither is given."""
    file = _only("config", source.config)
    name = _only("preset", source.preset) if isinstance(source, FromFileOrPreset) else None
    if file is not None and name is not None:
        raise ConfigError("--config and --preset both give a whole config: give one of them")
    if file is not None:
        return _from_file(Path(file), _chosen(config_type, arguments))
    if name is not None and preset is not None:
        return preset(name)(manifest=tyro.MISSING, name=tyro.MISSING)
    return None


def _with_parts(source: FromFileOrPreset, default: Any, config_type: Any) -> Any:
    """The default with the selector and the classifier that are named, if any."""
    named: dict[Kind, str | None] = {
        "selector": _only("selector", source.selector),
        "classifier": _only("classifier", source.classifier),
    }
    parts = {kind: registered(kind, name).Config() for kind, name in named.items() if name is not None}
    if not parts:
        return default
    default = default or config_type(manifest=tyro.MISSING, name=tyro.MISSING)
    return replace(default, head=replace(default.head, **parts))


def _plugins(arguments: Sequence[str]) -> list[str]:
    """Values of ``--plugin``, which the parse proper reads again: its options may be those of a plugin's parts."""
    found, takes = [], False
    for word in arguments:
        if word.startswith("-"):
            name, _, value = word.partition("=")
            takes = name == "--plugin"
            found += [value] if takes and value else []
        elif takes:
            found.append(word)
    return found


def _only(name: str, values: Sequence[str]) -> str | None:
    if len(values) > 1:
        raise ConfigError(f"--{name} is given {len(values)} times ({', '.join(values)}): give it once")
    if "" in values:
        raise ConfigError(f"--{name} needs {NEEDS[name]}")
    return values[0] if values else None


def _from_file(file: Path, config_type: type[ConfigType]) -> ConfigType:
    if not is_file(file):
        raise ConfigError(f"no config file at {file}")
    return from_dict(config_type, read_json(file), source=str(file))


def _subcommands(config_type: Any) -> Mapping[str, Any]:
    """Members of a union by the names of their subcommands; empty for a dataclass."""
    members = [get_args(member) for member in get_args(config_type) if get_origin(member) is Annotated]
    return {subcommand.name: member for member, subcommand in members}


def _chosen(config_type: Any, arguments: Sequence[str]) -> Any:
    """The dataclass, or the member of a union that the first argument names."""
    subcommands = _subcommands(config_type)
    if not subcommands:
        return config_type
    if not arguments or arguments[0] not in subcommands:
        raise ConfigError(f"--config needs one of {', '.join(subcommands)} before it")
    return subcommands[arguments[0]]


def _line_type(source_type: type[FromFile], config_type: Any) -> Any:
    """Type for tyro to parse: a Line, or for a union one subcommand with a Line for each member."""
    # Any, because type checkers take no types that are computed at runtime.
    line: Any = Line
    subcommands = [
        Annotated[line[source_type, member], tyro.conf.subcommand(name, description=_summary(member))]
        for name, member in _subcommands(config_type).items()
    ]
    return Union[tuple(subcommands)] if subcommands else line[source_type, config_type]  # noqa: UP007


def _summary(config_type: type) -> str:
    """A class's docstring up to its attributes."""
    return (inspect.getdoc(config_type) or "").partition("\n\nAttributes:")[0]


def _tyro(form: Any, arguments: Sequence[str], **more: Any) -> tuple[Any, list[str]]:
    """Parse with tyro; returns the result and unknown arguments.

    Raises:
        ConfigError: tyro refuses an argument; with its message in one line.
        SystemExit: Help was printed.
    """
    messages = io.StringIO()
    try:
        with redirect_stderr(messages):
            return tyro.cli(
                form, prog=Path(sys.argv[0]).name, args=arguments, return_unknown_args=True, **more
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise ConfigError(one_line(messages.getvalue())) from None
