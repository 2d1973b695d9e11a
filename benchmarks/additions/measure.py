"""Train every variant with every seed, as many at once as there are cores, and keep what each comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import ray
import torch

from benchmarks.additions.reduced import reduced
from benchmarks.additions.variants import VARIANTS, Variant
from benchmarks.finished import digest, finished, once
from benchmarks.selectors.datasets import Dataset
from benchmarks.selectors.fitting import Fitted, answers, fit
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.videos import Splits, Videos
from epitoma.core.config import to_dict
from epitoma.models.videoepitoma import VideoEpitoma
from epitoma.on_ray.cluster.parallel import in_parallel
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.reporting.console import phase
from epitoma.training.metrics import accuracy

KEPT = (1, 2, 4, 8, 16)
"""Numbers of timesteps that every model is asked for."""

GATE = 0
"""In their place, where the gates say it."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """What one training gives at one number of timesteps.

    Attributes:
        timesteps: Timesteps asked for; 0 lets the gates say it.
        kept: Timesteps that were kept, in the mean.
        validation: Accuracy on validation, by which additions are judged.
        test: Accuracy on test.
    """

    timesteps: int
    kept: float
    validation: float
    test: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model at one number of timesteps, over seeds.

    Attributes:
        dataset: Name of the dataset.
        model: Name of the variant.
        timesteps: Timesteps asked for; 0 lets the gates say it.
        mean: Mean accuracy on test.
        std: Sample deviation of it.
        seeds: How many seeds.
        kept: Timesteps that were kept, in the mean.
        validation: Mean accuracy on validation.
        ahead: By how much validation is above the paper's model, paired seed by seed.
        ahead_error: Standard error of that.
        kept_by_seed: Timesteps that were kept, seed by seed.
        validation_by_seed: Accuracy on validation, seed by seed.
    """

    dataset: str
    model: str
    timesteps: int
    mean: float
    std: float
    seeds: int
    kept: float
    validation: float
    ahead: float
    ahead_error: float
    kept_by_seed: tuple[float, ...]
    validation_by_seed: tuple[float, ...]


Found = Mapping[tuple[str, int], Sequence[Point]]
"""Points of each variant and seed."""


def measure(
    dataset: Dataset,
    variants: Mapping[str, Variant],
    *,
    seeds: Sequence[int],
    steps: int,
    channels: int | None,
    work: Path,
) -> list[Row]:
    """Rows of every variant of a dataset."""
    recipe = Recipe(steps=steps, candidates=dataset.candidates)
    made = dataset.make(0)
    with ray_session(logs=work / "logs"):
        splits = ray.put(made if channels is None else reduced(made, channels))
        folder = finished(work, dataset.name, channels)
        found = _all(dataset, {"paper": VARIANTS["paper"], **variants}, splits, recipe, seeds, folder)
    return [
        _row(
            dataset.name,
            name,
            place,
            [found[name, seed] for seed in seeds],
            [found["paper", seed] for seed in seeds],
        )
        for name in variants
        for place in range(len(KEPT) + 1)
    ]


def _all(
    dataset: Dataset,
    variants: Mapping[str, Variant],
    splits: ray.ObjectRef,
    recipe: Recipe,
    seeds: Sequence[int],
    folder: Path,
) -> Found:
    wanted = [(name, seed) for seed in seeds for name in variants]

    def start(asked: tuple[str, int]) -> ray.ObjectRef:
        name, seed = asked
        return _try.remote(variants[name], splits, _recipe(variants[name], recipe, dataset), seed, folder)

    with phase(f"{dataset.name}: trainings", unit="trainings") as advance:
        return dict(zip(wanted, in_parallel(start, wanted, advance), strict=True))


def _recipe(variant: Variant, recipe: Recipe, dataset: Dataset) -> Recipe:
    return replace(recipe, optimisation=replace(variant.optimisation, batch_size=dataset.batch_size))


@ray.remote(num_cpus=1)
def _try(variant: Variant, splits: Splits, recipe: Recipe, seed: int, folder: Path) -> list[Point]:
    """Train once and measure, unless that has been done."""
    torch.set_num_threads(1)
    asked = [to_dict(each) for each in (variant.head, variant.sparsity, recipe)]
    file = folder / f"{digest([*asked, seed])}.json"
    return once(file, Point, lambda: _measured(variant, splits, recipe, seed))


def _measured(variant: Variant, splits: Splits, recipe: Recipe, seed: int) -> list[Point]:
    model = fit(splits, recipe, variant.plan, seed=seed)
    with torch.inference_mode():
        return _points(model, splits)


def _points(model: VideoEpitoma, splits: Splits) -> list[Point]:
    fitted = Fitted(model=model)
    points = [
        _point(kept, *(fitted.seen(videos, kept) for videos in (splits.validation, splits.test)), splits)
        for kept in KEPT
    ]
    by_gates = (answers(videos, lambda candidates: {}, model) for videos in (splits.validation, splits.test))
    return [*points, _point(GATE, *by_gates, splits)]


def _point(timesteps: int, validation: Any, test: Any, splits: Splits) -> Point:
    return Point(
        timesteps=timesteps,
        kept=test[1],
        validation=_right(validation, splits.validation),
        test=_right(test, splits.test),
    )


def _right(seen: Any, videos: Videos) -> float:
    return accuracy(seen[0], videos.split.labels_VL)


def _row(
    dataset: str, name: str, place: int, found: Sequence[Sequence[Point]], base: Sequence[Sequence[Point]]
) -> Row:
    points = [each[place] for each in found]
    ahead = [
        each[place].validation - other[place].validation for each, other in zip(found, base, strict=True)
    ]
    return Row(
        dataset=dataset,
        model=name,
        timesteps=points[0].timesteps,
        mean=mean(each.test for each in points),
        std=_deviation([each.test for each in points]),
        seeds=len(points),
        kept=mean(each.kept for each in points),
        validation=mean(each.validation for each in points),
        ahead=mean(ahead),
        ahead_error=_deviation(ahead) / len(ahead) ** 0.5,
        kept_by_seed=tuple(each.kept for each in points),
        validation_by_seed=tuple(each.validation for each in points),
    )


def _deviation(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0
