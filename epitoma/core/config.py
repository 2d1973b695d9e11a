"""Dataclass configs to JSON and back, strictly: an unknown field is an error, not a surprise."""

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar

import dacite

from epitoma.core.errors import ConfigError

ConfigType = TypeVar("ConfigType")

CONFIG_FILE = "config.json"
"""Where the folder of a run, a trial, a sweep or a model keeps its config."""

_STRICT = dacite.Config(strict=True, cast=[Path, tuple], strict_unions_match=False, check_types=True)


def to_dict(config: Any) -> dict[str, Any]:
    """The config as plain JSON types; paths become strings and tuples become lists."""
    return json.loads(json.dumps(dataclasses.asdict(config), default=str))


def from_dict(config_type: type[ConfigType], values: dict[str, Any], *, source: str) -> ConfigType:
    """Build a config from plain JSON types.

    Args:
        config_type: The dataclass to build.
        values: Nested plain values.
        source: Where the values came from, named in errors.

    Raises:
        ConfigError: A field is unknown, missing, of the wrong type, or its value is refused.
    """
    try:
        return dacite.from_dict(config_type, values, config=_STRICT)
    except (dacite.DaciteError, ValueError, TypeError) as error:
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
