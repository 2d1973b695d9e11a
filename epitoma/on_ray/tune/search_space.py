"""Search spaces: loading one from a module or a file, and applying its values to a run's config."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np
from ray.tune.search.sample import Domain

from epitoma.core.config import PART, from_dict, to_dict
from epitoma.core.errors import ConfigError
from epitoma.core.registry import Kind
from epitoma.files.presence import is_file
from epitoma.training.run_config import TrainConfig

Search = Literal["variants", "optuna"]
PARTS: Mapping[str, Kind] = {"head.selector": "selector", "head.classifier": "classifier"}
"""Options whose value is the name of a part, which comes with its own options; and the kind of the part."""

DRAWS = 64
"""Values drawn from each range, and configs drawn from the whole space, for the checks before a sweep."""


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """The options that a sweep changes from trial to trial.

    Attributes:
        name: Module or file that it was loaded from.
        text: Source of that module or file.
        fixed: Options that are the same in every trial.
        grids: Options with all the values to try.
        ranges: Options with the range that Tune draws from, or that Optuna searches.
        search: Whether Tune goes through variants, or Optuna proposes values.
        trials: Trials that Optuna makes; with variants, passes through the grids.
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
        """Grids and ranges in the form that Tune takes."""
        return {**{name: {"grid_search": values} for name, values in self.grids.items()}, **self.ranges}

    @property
    def combinations(self) -> int:
        """Number of trials in one pass through the grids."""
        return prod(len(values) for values in self.grids.values())

    def draws(self, *, seed: int) -> Iterator[dict[str, Any]]:
        """Yield examples of the changes that a trial may get, without end."""
        rng = np.random.RandomState(seed)
        combinations = [
            dict(zip(self.grids, values, strict=True)) for values in product(*self.grids.values())
        ]
        while True:
            for combination in combinations:
                drawn = {name: domain.sample(random_state=rng) for name, domain in self.ranges.items()}
                yield {**self.fixed, **combination, **_plain(drawn)}


def load_space(name: str) -> SearchSpace:
    """Load a search space.

    Args:
        name: Dotted name of a module, or path of a Python file.

    Raises:
        ConfigError: There is no such module, or what it holds is not a space.
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


def changed(base: TrainConfig, changes: Mapping[str, Any], *, source: str) -> TrainConfig:
    """Return a config with some options changed.

    Args:
        base: The config.
        changes: New values by option; dots lead into nested options. A part is given by its name, and has its own
            options then.
        source: Search space, for the error.

    Raises:
        ConfigError: The values contradict each other.
    """
    values = to_dict(base)
    # Parts first: other changes are of options that they bring along.
    for name in sorted(changes, key=lambda name: name not in PARTS):
        *path, last = name.split(".")
        place = values
        for part in path:
            place = place[part]
        place[last] = {PART: changes[name]} if name in PARTS else changes[name]
    return from_dict(TrainConfig, values, source=source)


def most_timesteps(space: SearchSpace, base: TrainConfig) -> int:
    """Return the most timesteps of a video that any trial may use."""
    rng = np.random.RandomState(0)
    most = [_most(space, name, rng) for name in ("timesteps", "train_timesteps")]
    return max(base.dense, base.timesteps, base.candidates, *most)


def most_epochs(space: SearchSpace, base: TrainConfig) -> int:
    """Return the most epochs that any trial may train for."""
    return max(base.optimisation.epochs, _most(space, "optimisation.epochs", np.random.RandomState(0)))


def _most(space: SearchSpace, name: str, rng: np.random.RandomState) -> int:
    """Return the largest value that an option may get; 0 if the space does not set it."""
    if name not in {*space.fixed, *space.grids, *space.ranges}:
        return 0
    # The values of a range are draws, which may all miss its end.
    upper = getattr(space.ranges.get(name), "upper", 0)
    return max(upper, *(value or 0 for value in values_of(space, name, rng)))


def _module(name: str) -> ModuleType:
    try:
        if not name.endswith(".py"):
            return importlib.import_module(name)
        path = Path(name)
        if not is_file(path):
            raise ConfigError(f"no search space at {path}")
        spec = importlib.util.spec_from_file_location(f"space_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # Before it is executed: dataclasses look up their module in sys.modules.
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module
    except ConfigError:
        raise
    # Any error: importing runs code that somebody wrote for this sweep.
    except Exception as error:
        raise ConfigError(
            f"the search space {name} cannot be read: {type(error).__name__}: {error} "
            "(give a module, such as tune_spaces.quick, or a Python file)"
        ) from error


def _is_grid(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"grid_search"}


def values_of(space: SearchSpace, name: str, rng: np.random.RandomState) -> list[Any]:
    """Return all values of an option; of a range, some drawn ones."""
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
    """Return all values of a choice; of any other range, some drawn ones."""
    domain = space.ranges[name]
    try:
        listed = getattr(domain, "categories", None) or domain.sample(size=DRAWS, random_state=rng)
    # Any error: a range may call a function of the space, such as one that reads other options of the trial.
    except Exception as error:
        raise ConfigError(
            f"{space.name}: {name} cannot be drawn by itself ({error}); use tune.choice, tune.uniform and the like"
        ) from error
    return list(_plain({"value": listed})["value"])


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with Python's numbers for NumPy's: for type checks, and in JSON, `np.int64` is no int."""
    return {name: np.asarray(value).tolist() if _is_numpy(value) else value for name, value in values.items()}


def _is_numpy(value: Any) -> bool:
    several = isinstance(value, list) and any(isinstance(each, np.generic) for each in value)
    return several or isinstance(value, np.generic | np.ndarray)
