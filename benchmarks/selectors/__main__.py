"""The selector against every other way to choose timesteps.

    python -m benchmarks.selectors --json PATH --figure PATH

One run trains and measures all of them, on the same features, splits and random candidates, with heads of the same
capacity and the same training budget, each with the one of as many settings that validation prefers. Datasets are
synthetic videos, easy and hard, composites of the clips of JHMDB in ``--footage`` over all folds of their sources,
videos that follow the ``--scripts`` of Breakfast, and composites of ``--clips DIR`` with ``--filler CLASS``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.command import run_benchmark
from benchmarks.selectors.cost import Costs
from benchmarks.selectors.datasets import (
    EASY,
    HARD,
    Dataset,
    Sizes,
    footage,
    footage_networks,
    synthetic,
)
from benchmarks.selectors.folds import breakfast, jhmdb_folds
from benchmarks.selectors.measure import Row, measure, rows_of
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.report import figure, markdown, write
from benchmarks.selectors.trained import Trained, read_trained
from benchmarks.selectors.ways import WAYS
from epitoma.core.errors import ConfigError
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.reporting.console import say


@dataclass(kw_only=True)
class SelectorsConfig:
    """What to measure.

    Attributes:
        clips: A folder of short clips, one folder a class; measured beside, or with ``--only``, instead of the others.
        filler: The class of those clips that shows nothing.
        footage: Where the folder ``jhmdb`` is; left out where there is none.
        scripts: Folder of ``segments.csv`` and ``words.csv``; left out where there is none.
        only: Names of the datasets to measure; empty measures all.
        ways: Names of the ways to measure; empty measures all.
        json: Where to write trainings, and their means and deviations.
        keep: Whether trainings that are in ``json`` already stay as they are, whatever code made them, and only what it
            lacks is trained: hours of measuring can be spread over days.
        figure: Where to draw them.
        work: Where videos and features are kept, so that a second run has them.
        seeds: One training each; of composites another split of the clips and other videos too. None takes what the
            dataset needs.
        sizes: Videos of composites.
        networks: LightNet and HeavyNet of composites, frozen.
        steps: Optimiser steps of a training; None is what the dataset needs.
        batch_size: Videos of a step; None is what the dataset needs.
        candidates: Timesteps of a video in a step; None is what the dataset needs.
        recipe: The rest of the training budget.
    """

    clips: Path | None = None
    filler: str | None = None
    footage: Path = Path("../shared/clips")
    scripts: Path = Path("../shared/breakfast")
    only: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    json: Path | None = None
    keep: bool = False
    figure: Path | None = None
    work: Path = Path("runs/benchmarks/selectors")
    seeds: tuple[int, ...] | None = None
    sizes: Sizes = field(default_factory=Sizes)
    networks: NetworksConfig = field(default_factory=footage_networks)
    steps: int | None = None
    batch_size: int | None = None
    candidates: int | None = None
    recipe: Recipe = field(default_factory=Recipe)


def main() -> None:
    """Measure, print and write."""
    run_benchmark(SelectorsConfig, run, about=__doc__)


def run(config: SelectorsConfig) -> list[Row]:
    """Measure every dataset, print its table, and write what was asked for."""
    ways = [way for way in WAYS if not config.ways or way.name in config.ways]
    _check(config.ways, [way.name for way in WAYS], "way")
    there = datasets(config)
    costs = {dataset.name: Costs(dataset.networks) for dataset in there}
    trainings = known(config, there)
    for dataset in chosen(config, there):
        say(dataset.name)
        trainings = measure(
            dataset,
            ways,
            recipe_of(config, dataset),
            config.seeds or dataset.seeds,
            work=config.work,
            known=trainings,
            done=lambda so_far: write(config.json, so_far, costs),
        )
        own = [row for row in rows_of(trainings) if row.dataset == dataset.name]
        print(markdown(own, costs[dataset.name]))
    rows = rows_of(trainings)
    if config.figure is not None:
        figure(rows, config.figure)
    return rows


def known(config: SelectorsConfig, there: Sequence[Dataset]) -> list[Trained]:
    """Trainings that are kept.

    Raises:
        ConfigError: They are to be kept, and it is not said where, or they are of a dataset that is not here.
    """
    if not config.keep:
        return []
    if config.json is None:
        raise ConfigError("--keep keeps what a record has: name it by --json PATH")
    trainings = read_trained(config.json)
    _check([each.dataset for each in trainings], [dataset.name for dataset in there], "dataset")
    return trainings


def recipe_of(config: SelectorsConfig, dataset: Dataset) -> Recipe:
    """The training budget that all ways have on a dataset."""
    return dataset.recipe(
        config.recipe, steps=config.steps, batch_size=config.batch_size, candidates=config.candidates
    )


def chosen(config: SelectorsConfig, there: Sequence[Dataset]) -> list[Dataset]:
    """The datasets that were asked for.

    Raises:
        ConfigError: There is none of a name.
    """
    _check(config.only, [dataset.name for dataset in there], "dataset")
    return [dataset for dataset in there if not config.only or dataset.name in config.only]


def datasets(config: SelectorsConfig) -> list[Dataset]:
    """All datasets that are there.

    Raises:
        ConfigError: There are clips without a filler.
    """
    if (config.clips is None) != (config.filler is None):
        raise ConfigError(
            "--clips and --filler go together: a folder of clips, and its class that shows nothing"
        )
    there = [synthetic("synthetic_easy", EASY, config.work), synthetic("synthetic_hard", HARD, config.work)]
    jhmdb = config.footage / "jhmdb"
    if jhmdb.is_dir():
        there.append(jhmdb_folds(jhmdb, config.networks, config.work, config.sizes))
        if config.scripts.is_dir():
            there.append(breakfast(jhmdb, config.scripts, config.networks, config.work))
    if config.clips is not None and config.filler is not None:
        there.append(footage(config.clips, config.filler, config.networks, config.work, config.sizes))
    return there


def _check(asked: Sequence[str], known: Sequence[str], what: str) -> None:
    for name in asked:
        if name not in known:
            raise ConfigError(f"there is no {what} {name!r}; there are {', '.join(known)}")


if __name__ == "__main__":
    main()
