"""Checks of a search space before a sweep starts.

A sweep takes hours, and a trial fails only when its turn comes. So every option, every value and some whole configs
are checked before the first trial.
"""

from dataclasses import fields, is_dataclass
from itertools import chain, islice
from typing import Any, get_args, get_type_hints

import numpy as np
from dacite.types import is_instance
from ray.tune.search.optuna import OptunaSearch

from epitoma.core.errors import ConfigError
from epitoma.core.registry import PartConfig, registered
from epitoma.on_ray.tune.search_space import DRAWS, PARTS, SearchSpace, changed, values_of
from epitoma.training.run_config import TrainConfig

_OWN = (
    "manifest",
    "name",
    "runs",
    "source",
    "selection",
    "resume",
    "seed",
    "features",
    "store_timesteps",
    "networks",
    "plugin",
    "start_from",
    "speed",
)
"""Options that no space may change: the sweep sets them itself, or all its trials share them."""


def check_values(space: SearchSpace, base: TrainConfig, *, seed: int) -> None:
    """Refuse a space with an option that does not exist, or a value that the option cannot have.

    Raises:
        ConfigError: An option is unknown or fixed for the sweep, a value is of the wrong type, or a grid is empty.
    """
    rng = np.random.RandomState(seed)
    names = [*space.fixed, *space.grids, *space.ranges]
    for name in set(names) & set(PARTS):
        for part in values_of(space, name, rng):
            registered(PARTS[name], part)
    base = changed(base, {k: v for k, v in space.fixed.items() if k in PARTS}, source=space.name)
    for name in (name for name in names if name not in PARTS):
        _check_type(name, space, base, rng)
    if space.search == "optuna":
        _check_for_optuna(space)


def _check_type(name: str, space: SearchSpace, base: TrainConfig, rng: np.random.RandomState) -> None:
    kind = _type_of(name, space, base)
    for value in values_of(space, name, rng):
        if not is_instance(value, kind):
            wanted = getattr(kind, "__name__", str(kind).replace("typing.", ""))
            raise ConfigError(f"{space.name}: {name} can be {value!r}, but must be of type {wanted}")


def check_combinations(space: SearchSpace, base: TrainConfig, *, seed: int) -> None:
    """Refuse a space in which every trial would fail.

    Some trials may: a grid of two options often holds a few combinations that contradict each other.

    Raises:
        ConfigError: None of the combinations that were drawn is possible.
    """
    reasons = []
    for changes in islice(space.draws(seed=seed), DRAWS):
        try:
            changed(base, changes, source=space.name)
        except ConfigError as error:
            reasons.append(str(error))
    if len(reasons) == DRAWS:
        raise ConfigError(f"no combination of {space.name} is possible, for example: {reasons[0]}")


def _check_for_optuna(space: SearchSpace) -> None:
    """Refuse ranges that Optuna cannot search."""
    try:
        OptunaSearch.convert_search_space(space.ranges)
    except ValueError as error:
        raise ConfigError(f"{space.name}: {error}") from error


def _type_of(name: str, space: SearchSpace, base: TrainConfig) -> Any:
    """Return the type of an option, by its dotted name; parts have the options that theirs has in the base."""
    if name.split(".")[0] in _OWN:
        raise ConfigError(
            f"{space.name}: {name} is the same in all trials; choose it on the command line, or in the run "
            "that the sweep is like"
        )
    kind: Any = TrainConfig
    value: Any = base
    for part in name.split("."):
        known = [field.name for field in fields(kind)] if is_dataclass(kind) else []
        if part not in known:
            near = f"; there {'is' if len(known) == 1 else 'are'} {', '.join(known)}" if known else ""
            raise ConfigError(f"{space.name}: there is no option {name!r}{near}")
        kind = get_type_hints(kind)[part]
        # An optional group of options (`Group | None`) is entered as the group itself.
        kind = next((each for each in chain([kind], get_args(kind)) if is_dataclass(each)), kind)
        value = getattr(value, part)
        if isinstance(value, PartConfig):
            kind = type(value)
    return kind
