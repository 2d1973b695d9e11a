"""Search spaces: found by name or path, checked against the options they change, and applied to a run's config."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from itertools import chain, islice, product
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_type_hints

import numpy as np
from dacite.types import is_instance
from ray.tune.search.optuna import OptunaSearch
from ray.tune.search.sample import Domain

from epitoma.core.config import from_dict, to_dict
from epitoma.core.errors import ConfigError
from epitoma.training.run_config import TrainConfig

Search = Literal["variants", "optuna"]
DRAWS = 64
"""How many values of a range, and how many whole configs, are tried before a sweep starts."""

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
    "networks_from",
    "start_from",
    "speed",
)
"""What a sweep decides itself, or all its trials share."""


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """What a sweep changes from trial to trial.

    Attributes:
        name: Where it was found.
        text: As it was written.
        fixed: Options that are the same in every trial.
        grids: Options of which every value is tried.
        ranges: Options that are drawn, or chosen by Optuna.
        search: How.
        trials: How many.
    """

    name: str
    text: str
    fixed: dict[str, Any]
    grids: dict[str, list[Any]]
    ranges: dict[str, Domain]
    search: Search
    trials: int

    @property
    def param_space(self) -> dict[str, Any]:
        """What Tune searches."""
        return {**{name: {"grid_search": values} for name, values in self.grids.items()}, **self.ranges}

    @property
    def combinations(self) -> int:
        """How many trials it takes to go through the grids once."""
        return prod(len(values) for values in self.grids.values())

    def draws(self, *, seed: int) -> Iterator[dict[str, Any]]:
        """Whole sets of changes, some of those that trials may get."""
        rng = np.random.RandomState(seed)
        combinations = [
            dict(zip(self.grids, values, strict=True)) for values in product(*self.grids.values())
        ]
        while True:
            for combination in combinations:
                drawn = {name: domain.sample(random_state=rng) for name, domain in self.ranges.items()}
                yield {**self.fixed, **combination, **_plain(drawn)}


def load_space(name: str) -> SearchSpace:
    """Read a space from a module's dotted name, or from a Python file.

    Raises:
        ConfigError: There is no such module, or it is not a space.
    """
    module = _module(name)
    space = getattr(module, "SPACE", None)
    if not isinstance(space, dict) or not space:
        raise ConfigError(f"{name} has no SPACE: a dict of option names and values, and not an empty one")
    search: Any = getattr(module, "SEARCH", "variants")
    trials = getattr(module, "TRIALS", 1)
    if search not in get_args(Search):
        raise ConfigError(f"{name}: SEARCH must be one of {', '.join(get_args(Search))}, not {search!r}")
    if not isinstance(trials, int) or trials < 1:
        raise ConfigError(f"{name}: TRIALS must be a whole number of at least 1, not {trials!r}")
    grids = {key: value["grid_search"] for key, value in space.items() if _is_grid(value)}
    ranges = {key: value for key, value in space.items() if isinstance(value, Domain)}
    if search == "optuna" and (grids or not ranges):
        raise ConfigError(
            f"{name}: optuna searches ranges (tune.choice, tune.uniform, ...), and no grid_search"
        )
    unnamed = [key for key in space if not isinstance(key, str)]
    if unnamed:
        raise ConfigError(f"{name}: SPACE has {unnamed[0]!r} where the name of an option should be")
    fixed = {key: value for key, value in space.items() if key not in grids and key not in ranges}
    return SearchSpace(
        name=name,
        text=inspect.getsource(module),
        fixed=fixed,
        grids=grids,
        ranges=ranges,
        search=search,
        trials=trials,
    )


def check_values(space: SearchSpace, *, seed: int) -> None:
    """Refuse a space of options or values that do not exist.

    Raises:
        ConfigError: An option is unknown, a value is of the wrong type, or a grid is empty.
    """
    rng = np.random.RandomState(seed)
    for name in (*space.fixed, *space.grids, *space.ranges):
        kind = _type_of(name, space)
        for value in _values(space, name, rng):
            if not is_instance(value, kind):
                wanted = getattr(kind, "__name__", str(kind).replace("typing.", ""))
                raise ConfigError(f"{space.name}: {name} can be {value!r}, but must be of type {wanted}")
    if space.search == "optuna":
        _check_for_optuna(space)


def check_combinations(space: SearchSpace, base: TrainConfig, *, seed: int) -> None:
    """Refuse a space none of whose trials could be run.

    Raises:
        ConfigError: No combination of values is possible.
    """
    reasons = []
    for changes in islice(space.draws(seed=seed), DRAWS):
        try:
            changed(base, changes, source=space.name)
        except ConfigError as error:
            reasons.append(str(error))
    if len(reasons) == DRAWS:
        raise ConfigError(f"no combination of {space.name} is possible, for example: {reasons[0]}")


def changed(base: TrainConfig, changes: Mapping[str, Any], *, source: str) -> TrainConfig:
    """A config with some options changed.

    Raises:
        ConfigError: The values contradict each other.
    """
    values = to_dict(base)
    for name, value in changes.items():
        *path, last = name.split(".")
        place = values
        for part in path:
            place = place[part]
        place[last] = value
    return from_dict(TrainConfig, values, source=source)


def most_timesteps(space: SearchSpace, base: TrainConfig) -> int:
    """The most timesteps of a video that any trial may want to see."""
    rng = np.random.RandomState(0)
    most = [_most(space, name, rng) for name in ("timesteps", "train_timesteps")]
    return max(base.dense, base.timesteps, base.candidates, *most)


def most_epochs(space: SearchSpace, base: TrainConfig) -> int:
    """The most epochs that any trial may train for."""
    return max(base.optimisation.epochs, _most(space, "optimisation.epochs", np.random.RandomState(0)))


def _most(space: SearchSpace, name: str, rng: np.random.RandomState) -> int:
    """The largest value that an option may get; 0 if the space does not say."""
    if name not in {*space.fixed, *space.grids, *space.ranges}:
        return 0
    upper = getattr(space.ranges.get(name), "upper", 0)
    return max(upper, *(value or 0 for value in _values(space, name, rng)))


def _module(name: str) -> ModuleType:
    try:
        if not name.endswith(".py"):
            return importlib.import_module(name)
        path = Path(name)
        if not path.is_file():
            raise ConfigError(f"no search space at {path}")
        spec = importlib.util.spec_from_file_location(f"space_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            f"the search space {name} cannot be read: {type(error).__name__}: {error} "
            "(give a module, such as tune_spaces.quick, or a Python file)"
        ) from error


def _is_grid(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"grid_search"}


def _values(space: SearchSpace, name: str, rng: np.random.RandomState) -> list[Any]:
    """All values of an option, or some where there are endlessly many."""
    if name in space.fixed:
        return [space.fixed[name]]
    if name in space.ranges:
        return _drawn(space, name, rng)
    if not isinstance(space.grids[name], list | tuple):
        raise ConfigError(f"{space.name}: the grid of {name} must be a list, not {space.grids[name]!r}")
    if not space.grids[name]:
        raise ConfigError(f"{space.name}: the grid of {name} is empty")
    return space.grids[name]


def _drawn(space: SearchSpace, name: str, rng: np.random.RandomState) -> list[Any]:
    domain = space.ranges[name]
    try:
        listed = getattr(domain, "categories", None) or domain.sample(size=DRAWS, random_state=rng)
    except Exception as error:
        raise ConfigError(
            f"{space.name}: {name} cannot be drawn by itself ({error}); use tune.choice, tune.uniform and the like"
        ) from error
    return list(_plain({"value": listed})["value"])


def _check_for_optuna(space: SearchSpace) -> None:
    try:
        OptunaSearch.convert_search_space(space.ranges)
    except ValueError as error:
        raise ConfigError(f"{space.name}: {error}") from error


def _type_of(name: str, space: SearchSpace) -> Any:
    if name.split(".")[0] in _OWN:
        raise ConfigError(
            f"{space.name}: {name} is the same in all trials; choose it on the command line, or in the run "
            "that the sweep is like"
        )
    kind: Any = TrainConfig
    for part in name.split("."):
        known = [field.name for field in fields(kind)] if is_dataclass(kind) else []
        if part not in known:
            near = f"; there {'is' if len(known) == 1 else 'are'} {', '.join(known)}" if known else ""
            raise ConfigError(f"{space.name}: there is no option {name!r}{near}")
        kind = get_type_hints(kind)[part]
        kind = next((each for each in chain([kind], get_args(kind)) if is_dataclass(each)), kind)
    return kind


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """NumPy's numbers as Python's."""
    return {name: np.asarray(value).tolist() if _is_numpy(value) else value for name, value in values.items()}


def _is_numpy(value: Any) -> bool:
    several = isinstance(value, list) and any(isinstance(each, np.generic) for each in value)
    return several or isinstance(value, np.generic | np.ndarray)
