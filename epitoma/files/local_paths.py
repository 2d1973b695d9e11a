"""Path options: every one names a local or mounted file, never an address; outputs are absolute inside a Ray job.

An option of type `Path` is taken for an output, unless its type says that it is only read (`InputPath`): so a new
output cannot forget the rule. Options that may be addresses are texts.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

from epitoma.core.errors import ConfigError
from epitoma.files.uris import without_secrets

READ_ONLY = "only read"
InputPath = Annotated[Path, READ_ONLY]
"""A path of something that the job only reads."""

RAY_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Environment variable that Ray sets for the process of a submitted job, and for no other."""

# `Path` has made one slash of the two.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")
_SHARED = "a folder that all machines share, such as NFS, EFS, FSx or Lustre"


def check_paths(config: Any) -> None:
    """Check all path options of a config.

    Raises:
        ConfigError: One is an address, or a relative output inside a Ray job; in one line with what will do.
    """
    for option, path, is_output in path_options(config):
        address = _address(path)
        if address is not None:
            raise ConfigError(
                f"--{option} {without_secrets(address)} is an address, and only videos may be at addresses: give a "
                f"folder of this machine or, on a cluster, {_SHARED}"
            )
        if is_output and is_in_ray_job() and not path.is_absolute():
            raise ConfigError(
                f"--{option} {path} is a relative path inside a Ray job: what is written there lies in Ray's copy of "
                f"the working directory and is lost with it: give the absolute path of {_SHARED}"
            )


def is_in_ray_job() -> bool:
    """Whether this process is a submitted job, whose working folder is a copy that Ray removes."""
    return RAY_JOB in os.environ


def path_options(config: Any, *, prefix: str = "") -> Iterator[tuple[str, Path, bool]]:
    """Yield every path in a config and its parts: the option's name, the path, and whether it is an output."""
    hints = get_type_hints(type(config), include_extras=True)
    for field in fields(config):
        name, value = prefix + field.name.replace("_", "-"), getattr(config, field.name)
        if is_dataclass(value):
            yield from path_options(value, prefix=f"{name}.")
            continue
        for path in _paths(value):
            yield name, path, not is_input(hints[field.name])


def is_input(hint: Any) -> bool:
    """Whether a type, or one of those that it is made of, says that the path is only read."""
    return READ_ONLY in getattr(hint, "__metadata__", ()) or any(map(is_input, get_args(hint)))


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _paths(each)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _paths(each)


def _address(path: Path) -> str | None:
    """The address that somebody gave as a path; None for a path."""
    found = _ADDRESS.match(str(path))
    if found is None:
        return None
    slashes = ":///" if found[1].lower() == "file" else "://"
    return f"{found[1]}{slashes}{str(path)[found.end() :]}"
