"""Train every way on a dataset, and measure it at every number of timesteps, as many at once as there are cores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import ray
import torch

from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.videos import KEPT, Splits, Videos
from benchmarks.selectors.ways import Answering, Way, mean_accuracy
from epitoma.on_ray.cluster.parallel import in_parallel
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.reporting.console import phase
from epitoma.training.metrics import accuracy

MakeSplits = Callable[[int], Splits]
"""From a seed to a dataset: other videos, or the same where there is one dataset only."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way at one number of timesteps.

    Attributes:
        dataset: Name of the dataset.
        selector: Name of the way.
        timesteps: Timesteps asked for, T'; for ``dense`` all of them.
        kept: Timesteps that were really kept, on average.
        mean: Mean accuracy on test over seeds.
        std: Standard deviation over seeds (of a sample).
        seeds: How many seeds.
        settings: What validation chose.
        looks: Whether LightNet looked at every candidate.
    """

    dataset: str
    selector: str
    timesteps: int
    kept: float
    mean: float
    std: float
    seeds: int
    settings: Mapping[str, Any]
    looks: bool


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training of one way."""

    way: Way
    settings: Mapping[str, Any]
    seed: int


@dataclass(frozen=True, kw_only=True)
class Point:
    """What one training gives at one number of timesteps."""

    selector: str
    timesteps: int
    accuracy: float
    kept: float


@dataclass(frozen=True, kw_only=True)
class Found:
    """What came of a trial.

    Attributes:
        trial: What was trained.
        validated: Accuracy on validation over all numbers of timesteps: what settings are chosen by.
        points: Accuracy on test.
        looks: Whether LightNet looked at every candidate.
    """

    trial: Trial
    validated: float
    points: Sequence[Point]
    looks: bool


def measure(
    name: str, make: MakeSplits, ways: Sequence[Way], recipe: Recipe, seeds: Sequence[int], *, logs: Path
) -> list[Row]:
    """Every way, on the same videos, each with the settings that validation of the first seed prefers."""
    first, *others = seeds
    with ray_session(logs=logs):
        splits = {seed: ray.put(make(seed)) for seed in seeds}
        settings = [Trial(way=way, settings=each, seed=first) for way in ways for each in way.settings]
        tried = _all(f"{name}: settings", settings, splits, recipe)
        best = [_best(way, tried) for way in ways]
        again = [
            Trial(way=found.trial.way, settings=found.trial.settings, seed=seed)
            for found in best
            for seed in others
        ]
        rest = _all(f"{name}: other seeds", again, splits, recipe)
    return [row for way in ways for row in _rows(name, _of(way, best + rest))]


def _all(
    title: str, trials: Sequence[Trial], splits: Mapping[int, ray.ObjectRef], recipe: Recipe
) -> list[Found]:
    with phase(title, unit="trainings") as advance:
        return in_parallel(lambda trial: _try.remote(trial, splits[trial.seed], recipe), trials, advance)


@ray.remote(num_cpus=1)
def _try(trial: Trial, splits: Splits, recipe: Recipe) -> Found:
    """Train one way once, and measure it."""
    way = trial.way
    fitted = way.fit(splits, recipe, seed=trial.seed, **trial.settings)
    with torch.inference_mode():
        asked = {way.name: fitted} | {name: ask(fitted, splits.validation) for name, ask in way.also.items()}
        validated = mean_accuracy(fitted, splits.validation)
        points = [point for name, each in asked.items() for point in _curve(name, each, splits.test)]
    return Found(trial=trial, validated=validated, points=points, looks=fitted.looks)


def _curve(selector: str, fitted: Answering, test: Videos) -> list[Point]:
    timesteps = test.evidence_VT.shape[1]
    points = []
    for kept in KEPT if selector != "dense" else (timesteps,):
        logits_VL, count = fitted.seen(test, kept)
        right = accuracy(logits_VL, test.split.labels_VL)
        points.append(Point(selector=selector, timesteps=kept, accuracy=right, kept=count))
    return points


def _of(way: Way, found: Sequence[Found]) -> list[Found]:
    return [each for each in found if each.trial.way.name == way.name]


def _best(way: Way, tried: Sequence[Found]) -> Found:
    return max(_of(way, tried), key=lambda found: found.validated)


def _rows(name: str, seeds: Sequence[Found]) -> list[Row]:
    """A row for each number of timesteps, over seeds."""
    return [_row(name, seeds, points) for points in zip(*(found.points for found in seeds), strict=True)]


def _row(name: str, seeds: Sequence[Found], points: Sequence[Point]) -> Row:
    found = [point.accuracy for point in points]
    return Row(
        dataset=name,
        selector=points[0].selector,
        timesteps=points[0].timesteps,
        kept=mean(point.kept for point in points),
        mean=mean(found),
        std=stdev(found) if len(found) > 1 else 0.0,
        seeds=len(found),
        settings=seeds[0].trial.settings,
        looks=seeds[0].looks,
    )
