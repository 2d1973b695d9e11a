"""The selector against every other way to choose timesteps.

    python -m benchmarks.selectors --json PATH --figure PATH

One run trains and measures all of them, on the same features, splits and random candidates, with heads of the same
capacity and the same training budget, each with the one of as many settings that validation prefers. Datasets are
synthetic videos, easy and hard, composites of the clips of JHMDB in ``--footage`` over all folds of their sources,
videos that follow the ``--scripts`` of Breakfast, and composites of ``--clips DIR`` with ``--filler CLASS``.
"""

from dataclasses import dataclass, field, replace
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
from benchmarks.selectors.measure import Row, measure
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.report import figure, markdown, write
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
        json: Where to write means and deviations.
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
    rows: list[Row] = []
    costs: dict[str, Costs] = {}
    for dataset in chosen(config):
        say(dataset.name)
        costs[dataset.name] = Costs(dataset.networks)
        recipe = recipe_of(config, dataset)
        rows += measure(dataset, ways, recipe, config.seeds or dataset.seeds, work=config.work)
        print(markdown([row for row in rows if row.dataset == dataset.name], costs[dataset.name]))
        write(config.json, rows, costs)
    if config.figure is not None:
        figure(rows, config.figure)
    return rows


def recipe_of(config: SelectorsConfig, dataset: Dataset) -> Recipe:
    """The training budget that all ways have on a dataset."""
    batch_size = config.batch_size or dataset.batch_size
    return replace(
        config.recipe,
        steps=config.steps or dataset.steps,
        candidates=config.candidates or dataset.candidates,
        optimisation=replace(config.recipe.optimisation, batch_size=batch_size),
    )


def chosen(config: SelectorsConfig) -> list[Dataset]:
    """The datasets that were asked for.

    Raises:
        ConfigError: There is none of a name, or clips without a filler.
    """
    if (config.clips is None) != (config.filler is None):
        raise ConfigError(
            "--clips and --filler go together: a folder of clips, and its class that shows nothing"
        )
    known = [synthetic("synthetic_easy", EASY, config.work), synthetic("synthetic_hard", HARD, config.work)]
    jhmdb = config.footage / "jhmdb"
    if jhmdb.is_dir():
        known.append(jhmdb_folds(jhmdb, config.networks, config.work, config.sizes))
        if config.scripts.is_dir():
            known.append(breakfast(jhmdb, config.scripts, config.networks, config.work))
    if config.clips is not None and config.filler is not None:
        known.append(footage(config.clips, config.filler, config.networks, config.work, config.sizes))
    _check(config.only, [dataset.name for dataset in known], "dataset")
    return [dataset for dataset in known if not config.only or dataset.name in config.only]


def _check(asked: tuple[str, ...], known: list[str], what: str) -> None:
    for name in asked:
        if name not in known:
            raise ConfigError(f"there is no {what} {name!r}; there are {', '.join(known)}")


if __name__ == "__main__":
    main()
