"""Train every way on a dataset, and measure it at every number of timesteps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

import torch

from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.videos import KEPT, Splits
from benchmarks.selectors.ways import Fitted, Way, mean_accuracy
from epitoma.console import phase, say
from epitoma.metrics import accuracy

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


def measure(
    name: str, make: MakeSplits, ways: Sequence[Way], recipe: Recipe, seeds: Sequence[int]
) -> list[Row]:
    """Every way, on the same videos, each with the settings that validation of the first seed prefers."""
    splits = {seed: make(seed) for seed in seeds}
    return [row for way in ways for row in measure_way(name, way, splits, recipe)]


def measure_way(name: str, way: Way, splits: Mapping[int, Splits], recipe: Recipe) -> list[Row]:
    """One way: choose settings, train on every seed, and measure on test."""
    first, *others = splits
    with phase(f"{name}: {way.name}", unit="trainings") as advance:
        total, tried = len(way.settings) + len(others), []
        for number, settings in enumerate(way.settings, start=1):
            tried.append(way.fit(splits[first], recipe, seed=first, **settings))
            advance(number, total)
        best = max(range(len(tried)), key=lambda place: _validated(tried[place], splits[first]))
        fitted = {first: tried[best]}
        for number, seed in enumerate(others, start=len(tried) + 1):
            fitted[seed] = way.fit(splits[seed], recipe, seed=seed, **way.settings[best])
            advance(number, total)
    rows = rows_of(name, way, way.settings[best], fitted, splits)
    say("  " + "  ".join(f"{row.timesteps}: {row.mean:.3f}" for row in rows))
    return rows


def rows_of(
    name: str,
    way: Way,
    settings: Mapping[str, Any],
    fitted: Mapping[int, Fitted],
    splits: Mapping[int, Splits],
) -> list[Row]:
    """A row for each number of timesteps."""
    timesteps = next(iter(splits.values())).test.evidence_VT.shape[1]
    rows = []
    for kept in KEPT if way.name != "dense" else (timesteps,):
        found, counts = zip(*(_tested(fitted[seed], splits[seed], kept) for seed in splits), strict=True)
        rows.append(
            Row(
                dataset=name,
                selector=way.name,
                timesteps=kept,
                kept=mean(counts),
                mean=mean(found),
                std=stdev(found) if len(found) > 1 else 0.0,
                seeds=len(found),
                settings=settings,
                looks=fitted[next(iter(fitted))].looks,
            )
        )
    return rows


@torch.inference_mode()
def _validated(fitted: Fitted, splits: Splits) -> float:
    return mean_accuracy(fitted, splits.validation)


@torch.inference_mode()
def _tested(fitted: Fitted, splits: Splits, kept: int) -> tuple[float, float]:
    logits_VL, count = fitted.seen(splits.test, kept)
    return accuracy(logits_VL, splits.test.split.labels_VL), count
