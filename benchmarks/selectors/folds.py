"""Composites of clips that are split by their source: each fold of the clips is test once.

Clips of one film look alike, so a split clip by clip would tell a model its test films.
"""

import csv
from functools import cache
from pathlib import Path

from benchmarks.selectors.clip_features import FPS, read_clips
from benchmarks.selectors.composed import TIMESTEPS, compose
from benchmarks.selectors.datasets import Dataset, Sizes
from benchmarks.selectors.videos import Splits
from epitoma.core.errors import ManifestError
from epitoma.datasets.clips import Clip, check_clip, without_copies
from epitoma.datasets.composites import CompositeConfig
from epitoma.datasets.listing import ListedVideo
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.reporting.console import phase

FOLDS = 5
FILLER = "filler"
EVIDENCE = (
    "brush_hair",
    "catch",
    "golf",
    "kick_ball",
    "pour",
    "pullup",
    "push",
    "shoot_ball",
    "shoot_bow",
    "shoot_gun",
    "swing_baseball",
    "throw",
)
"""Classes of JHMDB that serve as evidence; the other nine, mixed, are the filler."""


def jhmdb(clips: Path, fold: int, networks: NetworksConfig, work: Path, sizes: Sizes) -> Dataset:
    """One minute with 10% of evidence, tested on the sources of one fold; the same for every seed."""
    made = cache(lambda: _composites(clips, fold, networks, work / clips.name, sizes))
    return Dataset(
        name=f"{clips.name}_fold{fold}",
        networks=networks,
        make=lambda seed: made(),
        steps=400,
        batch_size=32,
        candidates=TIMESTEPS // 2,
    )


def clips_of_folds(folder: Path, fold: int) -> list[Clip]:
    """Clips that decode whole, each with its split: the fold tests, the next validates, the others train.

    Raises:
        ManifestError: Clips of one source are in two folds.
    """
    with (folder / "clips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    fold_of_source: dict[str, str] = {}
    for row in rows:
        if fold_of_source.setdefault(row["source"], row["fold"]) != row["fold"]:
            raise ManifestError(f"{folder}: source {row['source']} is in two folds")
    splits = {fold: "test", (fold + 1) % FOLDS: "validation"}
    listed = [
        ListedVideo(
            video_id=row["path"],
            path=str(folder / row["path"]),
            labels=(row["label"] if row["label"] in EVIDENCE else FILLER,),
            split=splits.get(int(row["fold"]), "train"),
        )
        for row in rows
    ]
    checked = [check_clip(video, fps=FPS, longest_seconds=60.0) for video in listed]
    return without_copies([clip for clip in checked if isinstance(clip, Clip)])[0]


def _composites(clips: Path, fold: int, networks: NetworksConfig, work: Path, sizes: Sizes) -> Splits:
    config = CompositeConfig(
        filler=FILLER,
        train_videos=sizes.train,
        validation_videos=sizes.validation,
        test_videos=sizes.test,
        min_seconds=60,
        max_seconds=68,
        seed=fold,
    )
    with phase(f"read the clips of {clips.name}"):
        usable = clips_of_folds(clips, fold)
    features = read_clips(usable, networks, cache=work)
    made = compose(usable, features, config)
    return Splits(training=made["train"], validation=made["validation"], test=made["test"])
