"""Train every way on a dataset, and measure it at every number of timesteps, as many at once as there are cores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import ray
import torch

from benchmarks.finished import digest, finished, once
from benchmarks.selectors.datasets import Dataset
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.videos import KEPT, Splits, Videos
from benchmarks.selectors.ways import Answering, Way, mean_accuracy
from epitoma.core.config import to_dict
from epitoma.on_ray.cluster.parallel import in_parallel
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.reporting.console import phase
from epitoma.training.metrics import accuracy


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
        seeds: How many seeds; of footage each is another fold.
        settings: What validation chose, by its mean over seeds.
        looks: Whether LightNet looked at every candidate.
        by_seed: Accuracy on test, seed by seed: all ways see the same videos under a seed, so differences are paired.
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
    by_seed: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Point:
    """What one training gives at one number of timesteps.

    Attributes:
        selector: Name of the way, or of another way to ask it.
        timesteps: Timesteps asked for.
        accuracy: On test.
        kept: Timesteps that were really kept.
        validated: Accuracy on validation, averaged over all numbers of timesteps: what settings are chosen by.
        looks: Whether LightNet looked at every candidate.
    """

    selector: str
    timesteps: int
    accuracy: float
    kept: float
    validated: float
    looks: bool


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One way with one of its settings."""

    way: Way
    settings: Mapping[str, Any]


def measure(
    dataset: Dataset, ways: Sequence[Way], recipe: Recipe, seeds: Sequence[int], *, work: Path
) -> list[Row]:
    """Every way, on the same videos, each with the settings that validation prefers in the mean over all seeds."""
    trials = [Trial(way=way, settings=each) for way in ways for each in way.settings]
    with ray_session(logs=work / "logs"):
        found = {seed: _all(dataset, trials, recipe, seed, finished(work, dataset.name)) for seed in seeds}
    by_trial = [[found[seed][place] for seed in seeds] for place in range(len(trials))]
    return [row for way in ways for row in _rows(dataset.name, *_best(way, trials, by_trial))]


def _all(
    dataset: Dataset, trials: Sequence[Trial], recipe: Recipe, seed: int, folder: Path
) -> list[list[Point]]:
    """Points of every trial under one seed, whose videos are given up before those of the next are made."""
    with phase(f"{dataset.name}: videos of seed {seed}"):
        splits = ray.put(dataset.make(seed))
    with phase(f"{dataset.name}: trainings of seed {seed}", unit="trainings") as advance:
        return in_parallel(lambda trial: _try.remote(trial, splits, recipe, seed, folder), trials, advance)


@ray.remote(num_cpus=1)
def _try(trial: Trial, splits: Splits, recipe: Recipe, seed: int, folder: Path) -> list[Point]:
    """Train one way once, and measure it, unless that has been done."""
    torch.set_num_threads(1)
    asked = [
        trial.way.name,
        {name: str(value) for name, value in trial.settings.items()},
        to_dict(recipe),
        seed,
    ]
    return once(folder / f"{digest(asked)}.json", Point, lambda: _measured(trial, splits, recipe, seed))


def _measured(trial: Trial, splits: Splits, recipe: Recipe, seed: int) -> list[Point]:
    way = trial.way
    fitted = way.fit(splits, recipe, seed=seed, **trial.settings)
    with torch.inference_mode():
        asked = {way.name: fitted} | {name: ask(fitted, splits.validation) for name, ask in way.also.items()}
        validated = mean_accuracy(fitted, splits.validation)
        return [
            point
            for name, each in asked.items()
            for point in _curve(name, each, splits.test, validated=validated)
        ]


def _curve(selector: str, fitted: Answering, test: Videos, *, validated: float) -> list[Point]:
    every = test.evidence_VT.shape[1]
    points = []
    for timesteps in KEPT if selector != "dense" else (every,):
        logits_VL, kept = fitted.seen(test, timesteps)
        points.append(
            Point(
                selector=selector,
                timesteps=timesteps,
                accuracy=accuracy(logits_VL, test.split.labels_VL),
                kept=kept,
                validated=validated,
                looks=fitted.looks,
            )
        )
    return points


def _best(
    way: Way, trials: Sequence[Trial], found: Sequence[Sequence[Sequence[Point]]]
) -> tuple[Mapping[str, Any], Sequence[Sequence[Point]]]:
    """Settings of a way that validation prefers, and their points, seed by seed."""
    own = [(trial.settings, points) for trial, points in zip(trials, found, strict=True) if trial.way == way]
    return max(own, key=lambda each: mean(points[0].validated for points in each[1]))


def _rows(name: str, settings: Mapping[str, Any], seeds: Sequence[Sequence[Point]]) -> list[Row]:
    """A row for each number of timesteps, over seeds."""
    return [_row(name, settings, points) for points in zip(*seeds, strict=True)]


def _row(name: str, settings: Mapping[str, Any], points: Sequence[Point]) -> Row:
    found = tuple(point.accuracy for point in points)
    return Row(
        dataset=name,
        selector=points[0].selector,
        timesteps=points[0].timesteps,
        kept=mean(point.kept for point in points),
        mean=mean(found),
        std=stdev(found) if len(found) > 1 else 0.0,
        seeds=len(found),
        settings=settings,
        looks=points[0].looks,
        by_seed=found,
    )
