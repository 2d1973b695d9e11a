"""Real footage to measure on: clips that are split by their source, shown at random and as real scripts have it.

Clips of one film look alike, so a split clip by clip would tell a model its test films. Each fold of the sources is
test once, and folds can be dealt anew, since one fold moves a score by more than ways to choose differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from benchmarks.selectors.composed import TIMESTEPS, composites_of
from benchmarks.selectors.datasets import Dataset, Sizes
from benchmarks.selectors.videos import Splits
from epitoma.datasets.clip_sequences import Story
from epitoma.datasets.clip_table import FoldsConfig, list_clip_table
from epitoma.datasets.composites import CompositeConfig, LookConfig, random_story
from epitoma.datasets.scripts import ScriptConfig, scripted_story
from epitoma.models.videoepitoma import NetworksConfig

FOLDS = 5
PARTITIONS = 3
STEPS = 400
GIVEN = 0
"""Partition of the sources that the clips come with; others are dealt, with this number as their seed."""

FILLER = ("clap", "climb_stairs", "jump", "pick", "run", "sit", "stand", "walk", "wave")
"""Classes of JHMDB that are filler among the evidence of the other twelve."""

SCRIPT_FILLER = ("walk", "stand", "sit")
"""Classes that stand for no sub-action of Breakfast."""

BREAKFAST_TEST = tuple(f"P{number}" for number in range(47, 55))
"""The persons of Breakfast's own test split."""


def jhmdb(
    clips: Path, fold: int, networks: NetworksConfig, work: Path, sizes: Sizes, *, partition: int = GIVEN
) -> Dataset:
    """One minute with 10% of evidence, tested on the sources of one fold; the same for every seed."""
    config = CompositeConfig(
        filler=FILLER,
        train_videos=sizes.train,
        validation_videos=sizes.validation,
        test_videos=sizes.test,
        min_seconds=60,
        max_seconds=68,
        seed=fold,
    )
    name = f"{clips.name}_fold{fold}" if partition == GIVEN else f"{clips.name}_{partition}_fold{fold}"
    folds = _folds(fold, partition)
    story = partial(random_story, config=config)
    made = cache(lambda: _composites(clips, folds, story, config, networks, work / clips.name))
    return Dataset(
        name=name,
        networks=networks,
        make=lambda seed: made(),
        steps=STEPS,
        batch_size=32,
        candidates=TIMESTEPS // 2,
    )


def jhmdb_folds(clips: Path, networks: NetworksConfig, work: Path, sizes: Sizes) -> Dataset:
    """The same over all folds of three partitions: a seed is one of these fifteen."""
    first = jhmdb(clips, 0, networks, work, sizes)

    def make(seed: int) -> Splits:
        partition, fold = divmod(seed, FOLDS)
        return jhmdb(clips, fold, networks, work, sizes, partition=partition).make(seed)

    return replace(first, name=clips.name, make=make, seeds=tuple(range(PARTITIONS * FOLDS)))


def breakfast(clips: Path, scripts: Path, networks: NetworksConfig, work: Path) -> Dataset:
    """Videos that follow the scripts of Breakfast; a seed is the fold of the clips whose sources test."""
    config = ScriptConfig(
        script=scripts / "segments.csv", words=scripts / "words.csv", test_persons=BREAKFAST_TEST
    )

    def make(seed: int) -> Splits:
        look = LookConfig(filler=SCRIPT_FILLER, seed=seed)
        story = partial(scripted_story, config=config, look=look)
        return _composites(clips, _folds(seed, GIVEN), story, look, networks, work / clips.name)

    return Dataset(
        name="breakfast_structure",
        networks=networks,
        make=make,
        steps=STEPS,
        batch_size=32,
        candidates=TIMESTEPS // 2,
    )


def _folds(fold: int, partition: int) -> FoldsConfig:
    return FoldsConfig(fold_column="fold" if partition == GIVEN else None, fold=fold, fold_seed=partition)


def _composites(
    clips: Path,
    folds: FoldsConfig,
    story_of: Callable[[Sequence[str]], Story],
    look: LookConfig,
    networks: NetworksConfig,
    work: Path,
) -> Splits:
    listing = list_clip_table(clips / "clips.csv", folds)
    return composites_of(listing, lambda usable: story_of(listing.classes), look, networks, cache=work)
