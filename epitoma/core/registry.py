"""Registry: exchangeable parts by kind and name, our own and those of plugins."""

import importlib
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from epitoma.core.errors import ConfigError

Kind = Literal["network", "selector", "gate", "classifier", "loss"]
Part = TypeVar("Part")

_PARTS: dict[Kind, dict[str, Any]] = {
    "network": {},
    "selector": {},
    "gate": {},
    "classifier": {},
    "loss": {},
}


@dataclass(kw_only=True)
class PartConfig:
    """Base of the configs of parts that have options: files name the part beside its options.

    Attributes:
        kind: Kind of the part.
        part: Name of the part; set where the part is registered.
    """

    kind: ClassVar[Kind]
    part: ClassVar[str]


def register(kind: Kind, name: str) -> Callable[[Part], Part]:
    """Decorator that makes a part known by a name, in config files and on command lines.

    What a part of each kind has to be is in ``epitoma/models/parts.py``; ``docs/extending.md`` has examples.

    Raises:
        ConfigError: Another part of this kind has the name, or the part has no config class of its own.
    """

    def add(part: Part) -> Part:
        taken = _PARTS[kind].get(name)
        # The same module may be imported again, as by a reload.
        if taken is not None and _place(taken) != _place(part):
            raise ConfigError(
                f"{_place(part)} wants to be the {kind} {name!r}, which {_place(taken)} is: rename it"
            )
        config = getattr(part, "Config", None)
        if isinstance(config, type) and issubclass(config, PartConfig):
            # A config class says which part it belongs to, so two parts cannot share one.
            if "Config" not in vars(part):
                raise ConfigError(
                    f"{_place(part)} needs a Config of its own, such as class Config({config.__qualname__})"
                )
            config.part = name
        _PARTS[kind][name] = part
        return part

    return add


def registered(kind: Kind, name: str) -> Any:
    """The part of this kind and name.

    Raises:
        ConfigError: There is none.
    """
    if name not in _PARTS[kind]:
        raise ConfigError(
            f"there is no {kind} {name!r}; there are {', '.join(names(kind))} (one's own: --plugin MODULE)"
        )
    return _PARTS[kind][name]


def names(kind: Kind) -> list[str]:
    """Names of all parts of a kind that are known so far."""
    return sorted(_PARTS[kind])


def import_plugins(modules: Iterable[str], *, from_here: bool = False) -> None:
    """Import modules that register parts.

    Args:
        modules: Their names.
        from_here: Look in the working folder too, where Python does not anyway (as for ``python -m``): for names that a
            person has typed, and not for those that a file holds, which could come with a module beside it.

    Raises:
        ConfigError: There is no such module.
    """
    modules = list(modules)
    if modules and from_here and not {"", os.getcwd()} & {*sys.path}:
        sys.path.append(os.getcwd())
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            # Only the plugin itself: what it imports and lacks is an error of its own.
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise
            raise ConfigError(
                f"there is no module {module!r} for --plugin: run from its folder, or put that on PYTHONPATH"
            ) from error


def plugin_sources(modules: Iterable[str]) -> list[Path]:
    """Files, or folders of packages, of imported plugins."""
    roots = dict.fromkeys(module.partition(".")[0] for module in modules)
    files = [Path(sys.modules[root].__file__ or "") for root in roots]
    return [file.parent if file.name == "__init__.py" else file for file in files]


def _place(part: Any) -> str:
    return f"{part.__module__}.{part.__qualname__}"
