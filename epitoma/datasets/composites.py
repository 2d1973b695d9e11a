"""Composites: minutes-long videos with known evidence, made from short labelled clips.

Stretches of clips of one class (the evidence) are placed among clips of a filler class; the label of the video is the
class of its evidence. The sequence of clips is planned without files, from the seed and the video's id only. Shortcuts
that would reveal the label or the place of evidence without recognising the clips are avoided:

- a clip is used in one split only;
- evidence and filler are resampled in the same way, and a clip is always shown completely;
- a clip is varied each time that it is shown, so that repetitions do not stand out;
- filler is drawn independently of the label, and stretches of evidence are at random places;
- a clip of evidence is shown about as often in a video as a clip of filler, so that rarity does not reveal it
  (unless `evidence_clips` sets another number).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.datasets.clip_sequences import (
    ClassClips,
    CompositeVideo,
    Story,
    Stretch,
    fill,
    frames_of,
    generator,
    joined,
    shots_of,
    shuffled,
    take,
)
from epitoma.datasets.clips import Clip, by_class
from epitoma.datasets.schema import SPLITS
from epitoma.datasets.splits import SplitsConfig


@dataclass(frozen=True, kw_only=True)
class LookConfig(SplitsConfig):
    """What composites are made of, and what they look like.

    Attributes:
        filler: Classes of the filler, one or several, shown together; every other class is evidence.
        validation_share: Share of each class's clips that are used in validation videos only, if the clips have no
            splits.
        test_share: Likewise for test videos.
        fps: Frames a second.
        size: Side of the square frames in pixels, even.
        gop: Largest number of frames from one keyframe to the next.
        vary: Zoom, shift, mirror and light a clip at random each time that it is shown.
        seed: Seed of everything random.
    """

    filler: tuple[str, ...]
    validation_share: float = 0.2
    test_share: float = 0.3
    fps: int = 12
    size: int = 128
    gop: int = 48
    vary: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_range("fps", self.fps, 1, 240)
        _check_range("gop", self.gop, 1, float("inf"))
        if self.size < 16 or self.size % 2:
            raise ConfigError(f"size is {self.size}, must be even and at least 16")
        if not self.filler or isinstance(self.filler, str):
            raise ConfigError(f"filler is {self.filler!r}, must name a class of clips, or several")

    @property
    def filler_name(self) -> str:
        """What the filler is called where it is one class."""
        return self.filler[0]


@dataclass(frozen=True, kw_only=True)
class CompositeConfig(LookConfig):
    """The composites to make.

    Attributes:
        train_videos: Videos of the train split; the classes take turns, in every split.
        validation_videos: Videos of the validation split.
        test_videos: Videos of the test split.
        evidence_share: Share of a video's time that shows its class.
        evidence_clips: Number of different clips of evidence in a video; None shows each as often as a filler clip.
        min_segment_seconds: Shortest stretch of evidence, except the last of a video; clips are shown completely.
        max_segment_seconds: Longest stretch of evidence, which its last clip may exceed.
        min_seconds: Duration of the shortest video.
        max_seconds: Duration of the longest video.
        filler_is_class: Make some videos without evidence, with the filler class as their label.
    """

    train_videos: int = 160
    validation_videos: int = 60
    test_videos: int = 120
    evidence_share: float = 0.1
    evidence_clips: int | None = None
    min_segment_seconds: float = 1.0
    max_segment_seconds: float = 3.0
    min_seconds: float = 60.0
    max_seconds: float = 90.0
    filler_is_class: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_range("evidence_share", self.evidence_share, 0.001, 0.9)
        _check_range("min_seconds", self.min_seconds, 1.0, float("inf"))
        _check_range("max_seconds", self.max_seconds, self.min_seconds, float("inf"))
        _check_range("min_segment_seconds", self.min_segment_seconds, 0.0, self.max_segment_seconds)
        _check_range("evidence_clips", self.evidence_clips or 1, 1, float("inf"))
        if min(self.videos.values()) < 0 or not any(self.videos.values()):
            raise ConfigError(f"videos of the splits are {self.videos}, some must be above 0 and none below")
        if self.filler_is_class and len(self.filler) > 1:
            raise ConfigError(f"filler_is_class needs one class of filler, not {', '.join(self.filler)}")

    @property
    def videos(self) -> dict[str, int]:
        """Number of videos of each split."""
        return dict(zip(SPLITS, (self.train_videos, self.validation_videos, self.test_videos), strict=True))

    @property
    def fed_splits(self) -> tuple[str, ...]:
        """Splits that have videos."""
        return tuple(name for name, count in self.videos.items() if count)


def class_names(known: Sequence[str], config: CompositeConfig) -> tuple[str, ...]:
    """Labels of the videos in order, from the classes of the clips.

    Raises:
        ManifestError: The filler class does not exist, or there are fewer than two labels.
    """
    for filler in config.filler:
        if filler not in known:
            raise ManifestError(f"no clips of the filler class {filler!r}; there are {', '.join(known)}")
    labels = tuple(name for name in known if config.filler_is_class or name not in config.filler)
    if len(labels) < 2:
        raise ManifestError(
            f"clips of {', '.join(known)} with filler {', '.join(config.filler)} make {len(labels)} labels, 2 are "
            "needed: add clips of another class, or make filler_is_class true"
        )
    return labels


def pools_of(clips: Sequence[Clip], config: LookConfig, *, splits: Iterable[str]) -> dict[str, ClassClips]:
    """Clips by split and class, in the order of their ids; all filler is one class, by the name of its first."""
    clips = sorted(clips, key=lambda clip: clip.clip_id)
    pools: dict[str, ClassClips] = {}
    for split in splits:
        own = [clip for clip in clips if clip.split == split]
        evidence = by_class([clip for clip in own if clip.label not in config.filler])
        filler = [clip for clip in own if clip.label in config.filler]
        pools[split] = {**evidence, config.filler_name: filler}
    return pools


def check_supply(
    clips: Sequence[Clip], classes: Sequence[str], *, filler: Sequence[str], splits: Iterable[str]
) -> None:
    """Check that every class, and the filler as a whole, has a clip for every split that will have videos.

    Raises:
        ManifestError: A class has none.
    """
    for name in splits:
        fed = {clip.label for clip in clips if clip.split == name}
        starved = [label for label in classes if label not in fed and label not in filler]
        if not fed & set(filler):
            starved.append(" and ".join(filler))
        if starved:
            raise ManifestError(
                f"not enough clips: {', '.join(starved)} has none for {name} videos (a clip feeds one split only); "
                f"add clips, or make no {name} videos"
            )


def random_story(known: Sequence[str], config: CompositeConfig) -> Story:
    """Evidence of one class among filler, at random places; from the classes of the clips.

    Raises:
        ManifestError: As for :func:`class_names`.
    """
    classes = class_names(known, config)
    return Story(
        classes=classes,
        shown=classes,
        splits=config.fed_splits,
        plan=lambda clips: plan_composites(clips, config),
    )


def plan_composites(clips: Sequence[Clip], config: CompositeConfig) -> list[CompositeVideo]:
    """Plan all videos; each depends on the clips, the seed and its own id only."""
    labels = class_names(sorted({clip.label for clip in clips}), config)
    pools = pools_of(clips, config, splits=config.fed_splits)
    # Equal in all splits, so that a split with more clips does not have more varied filler.
    filler_frames = min(frames_of(pool[config.filler_name], fps=config.fps) for pool in pools.values())
    return [
        _plan_video(config, name, number, labels[number % len(labels)], pool, filler_frames)
        for name, pool in pools.items()
        for number in range(config.videos[name])
    ]


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}, must be from {low} to {high}")


def _plan_video(
    config: CompositeConfig, split: str, number: int, label: str, pool: ClassClips, filler_frames: int
) -> CompositeVideo:
    video_id = f"{split}_{number:05d}"
    rng = generator(config.seed, video_id)
    frame_count = round(rng.uniform(config.min_seconds, config.max_seconds) * config.fps)
    stretches, shown = [], 0
    if label != config.filler_name:
        wanted = config.evidence_share * frame_count
        few = _few_clips(rng, config, pool[label], filler_frames, wanted)
        evidence = fill(rng, few, wanted, fps=config.fps)
        stretches, shown = _stretches(rng, config, evidence), frames_of(evidence, fps=config.fps)
    some = take(shuffled(rng, pool[config.filler_name]), filler_frames, fps=config.fps)
    filler = fill(rng, some, frame_count - shown, fps=config.fps)
    clips, ranges = _insert(rng, config, filler, stretches)
    return CompositeVideo(
        video_id=video_id,
        split=split,
        class_name=label,
        clips=tuple(clips),
        shots=shots_of(rng, clips, fps=config.fps, vary=config.vary),
        evidence=tuple(ranges),
    )


def _few_clips(
    rng: np.random.Generator,
    config: CompositeConfig,
    clips: Sequence[Clip],
    filler_frames: int,
    wanted: float,
) -> list[Clip]:
    """Different clips of evidence in a video, in the proportion to its different filler that `evidence_share` sets."""
    order = shuffled(rng, clips)
    if config.evidence_clips is not None:
        return order[: config.evidence_clips]
    matched = filler_frames * config.evidence_share / (1 - config.evidence_share)
    return take(order, min(matched, wanted), fps=config.fps)


def _stretches(
    rng: np.random.Generator, config: CompositeConfig, evidence: Sequence[Clip]
) -> list[list[Clip]]:
    """Split the sequence of evidence into stretches of random length."""
    stretches: list[list[Clip]] = []
    room = 0.0
    for clip in evidence:
        if room <= 0:
            stretches.append([])
            room = rng.uniform(config.min_segment_seconds, config.max_segment_seconds) * config.fps
        stretches[-1].append(clip)
        room -= frames_of([clip], fps=config.fps)
    return stretches


def _insert(
    rng: np.random.Generator,
    config: CompositeConfig,
    filler: Sequence[Clip],
    stretches: Sequence[Sequence[Clip]],
) -> tuple[list[Clip], list[Stretch]]:
    """Insert stretches at random places between clips of filler; stretches at the same place are joined."""
    places = np.sort(rng.integers(len(filler) + 1, size=len(stretches))).tolist()
    clips: list[Clip] = []
    ranges: list[Stretch] = []
    for stretch, (before, place) in zip(stretches, pairwise([0, *places]), strict=True):
        clips += filler[before:place]
        start = frames_of(clips, fps=config.fps)
        clips += stretch
        ranges.append(Stretch(start, frames_of(clips, fps=config.fps)))
    clips += filler[places[-1] if places else 0 :]
    return clips, joined(ranges)
