"""Random splits for sources without any, as a pure function of the seed and a video's id or group.

The split of each id or group follows from its own hash. A video therefore keeps its split on every machine and when
other videos are added or removed, and a test video never becomes a training video later. In return the shares are met
on average only. Where a class (or, with groups, the dataset) would have no video in a split, as few as possible are
moved there.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.datasets.listing import ListedVideo

NAMES_OF_SPLIT = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "val", "valid", "dev", "development"),
    "test": ("test", "testing", "tst"),
}
"""Usual names of each split, with or without ``set`` after them, in any case."""

_SET = re.compile(r"[ ._-]?(set|split|data)$")


def split_named(name: str) -> str | None:
    """Split that a folder or a cell of a table names: ``Train``, ``TEST``, ``val_set``; None for any other name."""
    plain = name.strip().lower()
    known = {plain, _SET.sub("", plain)}
    return next((split for split, names in NAMES_OF_SPLIT.items() if known & set(names)), None)


@dataclass(frozen=True, kw_only=True)
class SplitsConfig:
    """How splits are drawn.

    Attributes:
        validation_share: Share for validation if there are no splits, or of train if there are only train and test.
        test_share: Share for test if there are no splits.
        seed: Seed of the splits.
    """

    validation_share: float = 0.15
    test_share: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        shares = self.validation_share, self.test_share
        if min(shares) < 0 or sum(shares) >= 1:
            raise ConfigError(f"shares {shares[0]} and {shares[1]} must not be negative and sum below 1")


def check_share(validation_share: float) -> None:
    """Check the share of train that is held out for validation.

    Raises:
        ConfigError: The share is negative, or leaves nothing to train on.
    """
    if not 0 <= validation_share < 1:
        raise ConfigError(f"validation_share is {validation_share}, must be at least 0 and below 1")


def draw_splits(
    videos: Sequence[ListedVideo], config: SplitsConfig, *, multi_label: bool = False
) -> list[ListedVideo]:
    """Draw a split for every video without one, and hold out validation from train where there is none.

    Videos of one group are always in one split. Without groups and with one label a video, a class of three or more
    videos has one in every split whose share is above 0, and a class of two has one in train and one in another split.

    Args:
        videos: Videos; some or all have no split.
        config: Shares and seed.
        multi_label: Whether videos may have several labels; splits are then not drawn class by class.

    Raises:
        ManifestError: A group is in two splits already, or only part of it has a split.
    """
    check_groups(videos)
    shares = {"test": config.test_share, "validation": config.validation_share}
    drawn = _draw(
        videos, shares, multi_label=multi_label, seed=config.seed, is_drawn=lambda v: v.split is None
    )
    if any(video.split == "validation" for video in drawn):
        return drawn
    return hold_out_validation(
        drawn, share=config.validation_share, multi_label=multi_label, seed=config.seed
    )


def hold_out_validation(
    videos: Sequence[ListedVideo], *, share: float, multi_label: bool = False, seed: int
) -> list[ListedVideo]:
    """Move a share of the train videos to validation, in whole groups where there are any."""
    return _draw(
        videos,
        {"validation": share},
        multi_label=multi_label,
        seed=seed,
        is_drawn=lambda video: video.split == "train",
    )


def check_groups(videos: Iterable[ListedVideo]) -> None:
    """Check that all videos of a group have the same split, or all have none.

    Raises:
        ManifestError: A group does not; the message names it.
    """
    splits_of_group: dict[str, dict[str | None, str]] = defaultdict(dict)
    for video in videos:
        if video.group is not None:
            splits_of_group[video.group].setdefault(video.split, video.video_id)
    for group, splits in splits_of_group.items():
        if len(splits) > 1:
            (one, first), (other, second) = list(splits.items())[:2]
            raise ManifestError(
                f"group {group!r} may not cross splits, but {first} is in {one or 'no split'} "
                f"and {second} in {other or 'no split'}: give all of its videos one split, or none"
            )


def assign(units: Iterable[str], shares: Mapping[str, float], *, seed: int) -> dict[str, str]:
    """Assign a split to every unit, an id or a group.

    Args:
        units: Ids or groups.
        shares: Share of each split except train, which gets the rest.
        seed: Seed.

    Returns:
        The split of every unit. Train, and then each split in `shares` with a share above 0, gets at least one unit,
        as long as there are enough units.
    """
    place = {unit: _uniform(f"{seed}/{unit}") for unit in sorted(set(units))}
    split_of = {unit: _split_at(value, shares) for unit, value in place.items()}
    wanted = ["train", *(name for name, share in shares.items() if share > 0)]
    for empty in wanted[: len(place)]:
        if empty not in split_of.values():
            split_of[_nearest(empty, split_of, place, wanted)] = empty
    return split_of


def _draw(
    videos: Sequence[ListedVideo],
    shares: Mapping[str, float],
    *,
    multi_label: bool,
    seed: int,
    is_drawn: Callable[[ListedVideo], bool],
) -> list[ListedVideo]:
    units_of_stratum: dict[str, list[str]] = defaultdict(list)
    for video in filter(is_drawn, videos):
        units_of_stratum[_stratum(video, multi_label=multi_label)].append(_unit(video))
    split_of = {
        unit: split
        for units in units_of_stratum.values()
        for unit, split in assign(units, shares, seed=seed).items()
    }
    return [replace(video, split=split_of[_unit(video)]) if is_drawn(video) else video for video in videos]


def _unit(video: ListedVideo) -> str:
    return f"group {video.group}" if video.group is not None else video.video_id


def _stratum(video: ListedVideo, *, multi_label: bool) -> str:
    """Stratum in which every split gets a video: the class; or everything, with groups or several labels."""
    return "" if multi_label or video.group is not None else video.labels[0]


def _uniform(text: str) -> float:
    """Hash of a text as a number in [0, 1), equal on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64


def _split_at(value: float, shares: Mapping[str, float]) -> str:
    end = 0.0
    for name, share in shares.items():
        end += share
        if value < end:
            return name
    return "train"


def _nearest(empty: str, split_of: dict[str, str], place: dict[str, float], wanted: Sequence[str]) -> str:
    """Unit to move into an empty split: the one of the fullest split whose hash is closest to it."""
    count = Counter(split_of.values())
    fullest = max(wanted, key=lambda name: (count[name], wanted.index(name)))
    candidates = [unit for unit, split in split_of.items() if split == fullest]
    return (max if empty == "train" else min)(candidates, key=place.__getitem__)
