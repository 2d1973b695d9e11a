"""Dataclass configs to JSON and back, strictly: an unknown field is an error, not a surprise."""

import dataclasses
import json
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import dacite

from epitoma.core.errors import ConfigError
from epitoma.core.registry import PartConfig, import_plugins, registered

ConfigType = TypeVar("ConfigType")

CONFIG_FILE = "config.json"
"""Where the folder of a run, a trial, a sweep or a model keeps its config."""

PART = "part"
"""Key of a part's name, beside its options."""

PLUGIN = "plugin"
"""Field of the modules that register parts which the rest of a config may name."""


def to_dict(config: Any) -> dict[str, Any]:
    """The config as plain JSON types; paths become strings and tuples become lists."""
    return json.loads(json.dumps(_plain(config), default=str))


def from_dict(config_type: type[ConfigType], values: dict[str, Any], *, source: str) -> ConfigType:
    """Build a config from plain JSON types; the plugins that it names are imported first.

    Args:
        config_type: The dataclass to build.
        values: Nested plain values.
        source: Where the values came from, named in errors.

    Raises:
        ConfigError: A field is unknown, missing, of the wrong type, or its value is refused.
    """
    try:
        if PLUGIN in {field.name for field in dataclasses.fields(config_type)}:  # pyright: ignore[reportArgumentType]
            import_plugins(_words(values.get(PLUGIN, ())))
        return dacite.from_dict(config_type, values, config=_strict())
    except (ConfigError, dacite.DaciteError, ValueError, TypeError) as error:
        raise ConfigError(f"{source}: {error}") from error


def flatten(values: dict[str, Any], *, prefix: str = "") -> dict[str, Any]:
    """Nested values as one level of dotted names, as MLflow wants its params."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat.update(flatten(value, prefix=f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, all through; a part's with its name."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
        return {PART: value.part, **fields} if isinstance(value, PartConfig) else fields
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _strict() -> dacite.Config:
    """Rules for building; the configs of parts are built by the part that the values name."""
    return dacite.Config(
        strict=True,
        cast=[Path, tuple],
        strict_unions_match=False,
        check_types=True,
        type_hooks={
            tuple[str, ...]: _words,
            **{kind: partial(_part_config, kind) for kind in PartConfig.__subclasses__()},
        },
    )


def _words(values: Any) -> Any:
    """A list as it is; a text by itself would become a tuple of its letters."""
    if isinstance(values, str):
        raise ConfigError(f"{values!r} stands where a list of texts is needed")
    return values


def _part_config(kind: type[PartConfig], values: Any) -> Any:
    if not isinstance(values, dict):
        return values
    if PART not in values:
        raise ConfigError(f"options of a {kind.kind} without its name ({PART!r})")
    part = registered(kind.kind, values[PART])
    options = {name: value for name, value in values.items() if name != PART}
    return dacite.from_dict(part.Config, options, config=_strict())
