"""Train every way on a dataset, and measure it at every number of timesteps, as many at once as there are cores."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import ray
import torch

from benchmarks.finished import digest, finished, once
from benchmarks.record import provenance
from benchmarks.selectors.datasets import Dataset
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.trained import Trained, as_texts, preferred
from benchmarks.selectors.videos import KEPT, Splits, Videos
from benchmarks.selectors.ways import Answering, Way
from epitoma.core.config import to_dict
from epitoma.on_ray.cluster.parallel import in_parallel
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.reporting.console import phase
from epitoma.training.metrics import accuracy

TUNED_ON = 5
"""Seeds, the first ones, under which a way is trained with all of its settings; under others with the best of them."""


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
        settings: What validation chose, by its mean over the seeds that all settings have.
        looks: Whether LightNet looked at every candidate.
        by_seed: Accuracy on test by seed.
    """

    dataset: str
    selector: str
    timesteps: int
    kept: float
    mean: float
    std: float
    seeds: int
    settings: Mapping[str, str]
    looks: bool
    by_seed: Mapping[int, float]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One way with one of its settings."""

    way: Way
    settings: Mapping[str, Any]

    def made(self, training: Trained) -> bool:
        """Whether a training is of this."""
        return (training.way, training.settings) == (self.way.name, as_texts(self.settings))


def measure(
    dataset: Dataset,
    ways: Sequence[Way],
    recipe: Recipe,
    seeds: Sequence[int],
    *,
    work: Path,
    known: Sequence[Trained] = (),
    done: Callable[[Sequence[Trained]], None] = lambda trainings: None,
) -> list[Trained]:
    """Train every way on the same videos; what is known already is not trained again.

    Args:
        dataset: The dataset.
        ways: What to train.
        recipe: The training budget.
        seeds: What to train each way under; its settings are tuned on the first of them.
        work: Folder of finished trainings.
        known: Trainings that are there, of this dataset and of others.
        done: Called with all trainings so far, after every seed.

    Returns:
        What was known, and what was trained.
    """
    trainings = list(known)
    with ray_session(logs=work / "logs"):
        for place, seed in enumerate(seeds):
            found = [each for each in trainings if each.dataset == dataset.name]
            missing = _missing(ways, found, seed, is_tuning=place < TUNED_ON)
            if missing:
                trainings += _train(dataset, missing, recipe, seed, finished(work, dataset.name))
                done(trainings)
    return trainings


def _missing(ways: Sequence[Way], found: Sequence[Trained], seed: int, *, is_tuning: bool) -> list[Trial]:
    """What is left to train under a seed."""
    here = [each for each in found if each.seed == seed]
    trials = [
        Trial(way=way, settings=settings) for way in ways for settings in _settings(way, found, is_tuning)
    ]
    return [trial for trial in trials if not any(trial.made(each) for each in here)]


def _settings(way: Way, found: Sequence[Trained], is_tuning: bool) -> Sequence[Mapping[str, Any]]:
    """All settings to tune on, and else those that are best for the way, or for another way to ask it."""
    if is_tuning:
        return way.settings
    best = [preferred([each for each in found if each.selector == name]) for name in (way.name, *way.also)]
    return [settings for settings in way.settings if as_texts(settings) in best]


def _train(
    dataset: Dataset, trials: Sequence[Trial], recipe: Recipe, seed: int, folder: Path
) -> list[Trained]:
    """Trainings under one seed, whose videos are given up before those of the next are made."""
    with phase(f"{dataset.name}: videos of seed {seed}"):
        splits = ray.put(dataset.make(seed))
    with phase(f"{dataset.name}: trainings of seed {seed}", unit="trainings") as advance:
        each = in_parallel(
            lambda trial: _try.remote(trial, splits, recipe, dataset.name, seed, folder), trials, advance
        )
    return [training for made in each for training in made]


@ray.remote(num_cpus=1)
def _try(
    trial: Trial, splits: Splits, recipe: Recipe, dataset: str, seed: int, folder: Path
) -> list[Trained]:
    """Train one way once, and measure it, unless that has been done."""
    torch.set_num_threads(1)
    asked = [trial.way.name, as_texts(trial.settings), to_dict(recipe), seed]
    return once(
        folder / f"{digest(asked)}.json", Trained, lambda: _measured(trial, splits, recipe, dataset, seed)
    )


def _measured(trial: Trial, splits: Splits, recipe: Recipe, dataset: str, seed: int) -> list[Trained]:
    way = trial.way
    fitted = way.fit(splits, recipe, seed=seed, **trial.settings)
    with torch.inference_mode():
        asked = {way.name: fitted} | {name: ask(fitted, splits.validation) for name, ask in way.also.items()}
        return [
            Trained(
                dataset=dataset,
                way=way.name,
                selector=name,
                settings=as_texts(trial.settings),
                seed=seed,
                looks=each.looks,
                commit=provenance()["commit"],
                **_curves(name, each, splits),
            )
            for name, each in asked.items()
        ]


def _curves(selector: str, fitted: Answering, splits: Splits) -> dict[str, Sequence[float]]:
    """Accuracy on validation and on test at every number of timesteps; all of them have but one."""
    every = splits.test.evidence_VT.shape[1]
    timesteps = KEPT if selector != "dense" else (every,)
    validation = [_point(fitted, splits.validation, each)[0] for each in timesteps]
    test = [_point(fitted, splits.test, each) for each in timesteps]
    return {
        "timesteps": timesteps,
        "validation": validation,
        "accuracy": [accuracy for accuracy, _ in test],
        "kept": [kept for _, kept in test],
    }


def _point(fitted: Answering, videos: Videos, timesteps: int) -> tuple[float, float]:
    logits_VL, kept = fitted.seen(videos, timesteps)
    return round(accuracy(logits_VL, videos.split.labels_VL), 6), round(kept, 3)


def rows_of(trainings: Sequence[Trained]) -> list[Row]:
    """A row for each way and number of timesteps, with the settings that validation prefers."""
    asked = dict.fromkeys((each.dataset, each.selector) for each in trainings)
    return [row for each in asked for row in _rows([t for t in trainings if (t.dataset, t.selector) == each])]


def _rows(trainings: Sequence[Trained]) -> Iterable[Row]:
    best = preferred(trainings)
    own = [each for each in trainings if each.settings == best]
    for place, timesteps in enumerate(own[0].timesteps):
        found = {each.seed: each.accuracy[place] for each in own}
        yield Row(
            dataset=own[0].dataset,
            selector=own[0].selector,
            timesteps=timesteps,
            kept=mean(each.kept[place] for each in own),
            mean=mean(found.values()),
            std=stdev(found.values()) if len(found) > 1 else 0.0,
            seeds=len(found),
            settings=best,
            looks=own[0].looks,
            by_seed=found,
        )
