"""Clips listed in a table with what they were cut from, and split by that over all classes.

Clips of one film look alike, and some films have clips of several classes: a split clip by clip would show a model its
test films. Sources are dealt into folds. One fold tests, the next one validates, the others train, so that every clip
is in test once where every fold is taken in turn.
"""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.datasets.csv_rows import read_csv
from epitoma.datasets.listing import ListedVideo, Listing
from epitoma.datasets.table import TableConfig, list_table

_FEWEST_FOLDS = 3
"""One for each split."""


@dataclass(frozen=True, kw_only=True)
class FoldsConfig:
    """How the clips of a table are split.

    Attributes:
        label_column: Column of classes; paths, from the table's folder, are in column path.
        group_column: Column of what a clip was cut from, all clips of which are in one split.
        fold_column: Column of the fold of each clip, counted from 0; None deals the groups into folds.
        folds: Number of folds.
        fold: Fold that tests; the next one validates, the others train.
        fold_seed: Seed of the dealing.
    """

    label_column: str = "label"
    group_column: str = "source"
    fold_column: str | None = None
    folds: int = 5
    fold: int = 0
    fold_seed: int = 0

    def __post_init__(self) -> None:
        if self.folds < _FEWEST_FOLDS:
            raise ConfigError(f"folds is {self.folds}, must be at least {_FEWEST_FOLDS}, one for each split")
        if not 0 <= self.fold < self.folds:
            raise ConfigError(f"fold is {self.fold}, must be from 0 to {self.folds - 1}")


def list_clip_table(file: Path, config: FoldsConfig) -> Listing:
    """List the clips of a CSV file, each with its split.

    Raises:
        ManifestError: As for :func:`list_table`; or a group is in two folds, a fold has no number, or there are fewer
            groups than folds.
    """
    listing = list_table(
        TableConfig(file=file, labels_column=config.label_column, group_column=config.group_column)
    )
    fold_of = (
        _given(file, listing.videos, config) if config.fold_column else _dealt(file, listing.videos, config)
    )
    splits = {config.fold: "test", (config.fold + 1) % config.folds: "validation"}
    videos = [replace(video, split=splits.get(fold_of[video.video_id], "train")) for video in listing.videos]
    return replace(listing, videos=tuple(videos))


def _given(file: Path, videos: Sequence[ListedVideo], config: FoldsConfig) -> Mapping[str, int]:
    """Fold of each clip as the table has it."""
    assert config.fold_column is not None
    cells = {
        row["path"].strip(): row[config.fold_column] for row in read_csv(file, columns=[config.fold_column])
    }
    known = {str(fold): fold for fold in range(config.folds)}
    fold_of: dict[str, int] = {}
    first: dict[str | None, ListedVideo] = {}
    for video in videos:
        cell = cells[video.video_id].strip()
        if cell not in known:
            raise ManifestError(
                f"{file}: fold {cell!r} of {video.video_id} is none of 0 to {config.folds - 1}; "
                "--folds is the number of folds"
            )
        fold_of[video.video_id] = known[cell]
        other = first.setdefault(video.group, video).video_id
        if fold_of[other] != known[cell]:
            raise ManifestError(
                f"{file}: group {video.group!r} is in two folds: {other} in {fold_of[other]} and {video.video_id} in "
                f"{known[cell]}, so a model would be tested on what it was trained on"
            )
    return fold_of


def _dealt(file: Path, videos: Sequence[ListedVideo], config: FoldsConfig) -> Mapping[str, int]:
    """Groups dealt into folds so that each has about as many clips of every class."""
    groups = [str(video.group) for video in videos]
    if len(set(groups)) < config.folds:
        raise ManifestError(
            f"{file}: has {len(set(groups))} groups in column {config.group_column}, fewer than {config.folds} folds"
        )
    labels = [video.labels[0] for video in videos]
    if max(Counter(labels).values()) < config.folds:
        raise ManifestError(f"{file}: no class has a clip for each of {config.folds} folds")
    # Here, so that no other job waits for its import.
    from sklearn.model_selection import StratifiedGroupKFold

    dealer = StratifiedGroupKFold(config.folds, shuffle=True, random_state=config.fold_seed)
    with warnings.catch_warnings():
        # Of a class with fewer clips than folds, which is told where a split that will have videos lacks it.
        warnings.simplefilter("ignore", UserWarning)
        dealt = list(dealer.split(groups, labels, groups))
    return {videos[place].video_id: fold for fold, (_, places) in enumerate(dealt) for place in places}
