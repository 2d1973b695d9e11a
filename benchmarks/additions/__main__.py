"""Every addition to the paper's model, measured on its own, all together, and all but one.

    python -m benchmarks.additions --json PATH

All variants see the same features, videos, splits, candidates and number of steps, seed by seed, so that differences
are paired. Datasets are the synthetic hard set, and composites of two source folds of ``--footage``/jhmdb. Trainings
that ``--work`` has already are not done again.
"""

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.additions.measure import measure
from benchmarks.additions.report import markdown, verdicts
from benchmarks.additions.variants import VARIANTS
from benchmarks.command import run_benchmark
from benchmarks.record import write_record
from benchmarks.selectors.datasets import HARD, Dataset, Sizes, footage_networks, synthetic
from benchmarks.selectors.folds import jhmdb
from epitoma.core.errors import ConfigError
from epitoma.models.videoepitoma import NetworksConfig


@dataclass(kw_only=True)
class AdditionsConfig:
    """What to measure.

    Attributes:
        footage: Where the clips of ``jhmdb`` are; left out where there are none.
        folds: Folds of its sources to test on.
        only: Names of the datasets to measure; empty measures all.
        variants: Names of the variants to measure; empty measures all.
        json: Where to write means and deviations.
        work: Where videos, features and trainings are kept.
        seeds: One training each.
        steps: Optimiser steps of a training; None is what the dataset needs.
        channels: Channels that features are reduced to; None leaves them as they are.
        sizes: Videos of composites.
        networks: LightNet and HeavyNet of composites, frozen.
    """

    footage: Path = Path("../shared/clips")
    folds: tuple[int, ...] = (0, 1)
    only: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    json: Path | None = None
    work: Path = Path("runs/benchmarks/additions")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    steps: int | None = None
    channels: int | None = 256
    sizes: Sizes = field(default_factory=Sizes)
    networks: NetworksConfig = field(default_factory=footage_networks)


def main() -> None:
    """Measure, print and write."""
    run_benchmark(AdditionsConfig, run, about=__doc__)


def run(config: AdditionsConfig) -> None:
    """Measure every dataset, print its table, and write what was asked for."""
    chosen = {name: each for name, each in VARIANTS.items() if not config.variants or name in config.variants}
    if unknown := set(config.variants) - set(VARIANTS):
        raise ConfigError(f"there is no variant {', '.join(unknown)}; there are {', '.join(VARIANTS)}")
    rows = []
    for dataset in _datasets(config):
        rows += measure(
            dataset,
            chosen,
            seeds=config.seeds,
            steps=config.steps or dataset.steps,
            channels=config.channels,
            work=config.work,
        )
        print(markdown(rows, dataset.name))
        write_record(config.json, rows)
    print(verdicts(rows))


def _datasets(config: AdditionsConfig) -> list[Dataset]:
    known = [synthetic("synthetic_hard", HARD, config.work)]
    clips = config.footage / "jhmdb"
    if clips.is_dir():
        known += [jhmdb(clips, fold, config.networks, config.work, config.sizes) for fold in config.folds]
    names = [each.name for each in known]
    if unknown := set(config.only) - set(names):
        raise ConfigError(f"there is no dataset {', '.join(unknown)}; there are {', '.join(names)}")
    return [each for each in known if not config.only or each.name in config.only]


if __name__ == "__main__":
    main()
