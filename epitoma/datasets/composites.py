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

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.datasets.clips import Clip, by_class
from epitoma.datasets.schema import SPLITS
from epitoma.datasets.splits import SplitsConfig
from epitoma.video.shots import Shot, frames_filled, random_shot

ClassClips = Mapping[str, Sequence[Clip]]
"""Clips of each class, of one split."""


@dataclass(frozen=True, kw_only=True)
class CompositeConfig(SplitsConfig):
    """The composites to make.

    Attributes:
        filler: Class of the filler; every other class is a label.
        train_videos: Videos of the train split; the classes take turns, in every split.
        validation_videos: Videos of the validation split.
        test_videos: Videos of the test split.
        validation_share: Share of each class's clips that are used in validation videos only, if the clips have no
            splits.
        test_share: Likewise for test videos.
        evidence_share: Share of a video's time that shows its class.
        evidence_clips: Number of different clips of evidence in a video; None shows each as often as a filler clip.
        min_segment_seconds: Shortest stretch of evidence, except the last of a video; clips are shown completely.
        max_segment_seconds: Longest stretch of evidence, which its last clip may exceed.
        min_seconds: Duration of the shortest video.
        max_seconds: Duration of the longest video.
        fps: Frames a second.
        size: Side of the square frames in pixels, even.
        gop: Largest number of frames from one keyframe to the next.
        vary: Zoom, shift, mirror and light a clip at random each time that it is shown.
        filler_is_class: Make some videos without evidence, with the filler class as their label.
        seed: Seed of everything random.
    """

    filler: str
    train_videos: int = 160
    validation_videos: int = 60
    test_videos: int = 120
    validation_share: float = 0.2
    test_share: float = 0.3
    evidence_share: float = 0.1
    evidence_clips: int | None = None
    min_segment_seconds: float = 1.0
    max_segment_seconds: float = 3.0
    min_seconds: float = 60.0
    max_seconds: float = 90.0
    fps: int = 12
    size: int = 128
    gop: int = 48
    vary: bool = True
    filler_is_class: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_range("evidence_share", self.evidence_share, 0.001, 0.9)
        _check_range("min_seconds", self.min_seconds, 1.0, float("inf"))
        _check_range("max_seconds", self.max_seconds, self.min_seconds, float("inf"))
        _check_range("min_segment_seconds", self.min_segment_seconds, 0.0, self.max_segment_seconds)
        _check_range("fps", self.fps, 1, 240)
        _check_range("gop", self.gop, 1, float("inf"))
        _check_range("evidence_clips", self.evidence_clips or 1, 1, float("inf"))
        if self.size < 16 or self.size % 2:
            raise ConfigError(f"size is {self.size}, must be even and at least 16")
        if min(self.videos.values()) < 0 or not any(self.videos.values()):
            raise ConfigError(f"videos of the splits are {self.videos}, some must be above 0 and none below")

    @property
    def videos(self) -> dict[str, int]:
        """Number of videos of each split."""
        return dict(zip(SPLITS, (self.train_videos, self.validation_videos, self.test_videos), strict=True))


@dataclass(frozen=True)
class Stretch:
    """Frames from `start_frame` to `end_frame` (exclusive) that show evidence."""

    start_frame: int
    end_frame: int


@dataclass(frozen=True, kw_only=True)
class CompositeVideo:
    """Plan of one video: complete clips in sequence, the shot of each, and where the evidence is."""

    video_id: str
    split: str
    class_name: str
    clips: tuple[Clip, ...]
    shots: tuple[Shot, ...]
    evidence: tuple[Stretch, ...]

    @property
    def frame_count(self) -> int:
        """Number of frames of the video."""
        return sum(shot.frame_count for shot in self.shots)


def class_names(known: Sequence[str], config: CompositeConfig) -> tuple[str, ...]:
    """Labels of the videos in order, from the classes of the clips.

    Raises:
        ManifestError: The filler class does not exist, or there are fewer than two labels.
    """
    if config.filler not in known:
        raise ManifestError(f"no clips of the filler class {config.filler!r}; there are {', '.join(known)}")
    labels = tuple(name for name in known if config.filler_is_class or name != config.filler)
    if len(labels) < 2:
        raise ManifestError(
            f"clips of {', '.join(known)} with filler {config.filler!r} make {len(labels)} labels, 2 are needed: "
            "add clips of another class, or make filler_is_class true"
        )
    return labels


def check_supply(clips: Sequence[Clip], classes: Sequence[str], config: CompositeConfig) -> None:
    """Check that every class has a clip for every split that will have videos.

    Raises:
        ManifestError: A class has none.
    """
    for name in (name for name, videos in config.videos.items() if videos):
        fed = {clip.label for clip in clips if clip.split == name}
        starved = [label for label in classes if label not in fed]
        if starved:
            raise ManifestError(
                f"not enough clips: {', '.join(starved)} has none for {name} videos (a clip feeds one split only); "
                f"add clips, or make no {name} videos"
            )


def plan_composites(clips: Sequence[Clip], config: CompositeConfig) -> list[CompositeVideo]:
    """Plan all videos; each depends on the clips, the seed and its own id only."""
    clips = sorted(clips, key=lambda clip: clip.clip_id)
    labels = class_names(sorted({clip.label for clip in clips}), config)
    pools = {name: by_class([c for c in clips if c.split == name]) for name, n in config.videos.items() if n}
    # Equal in all splits, so that a split with more clips does not have more varied filler.
    filler_frames = min(_frames(pool[config.filler], config) for pool in pools.values())
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
    rng = _generator(config.seed, video_id)
    frame_count = round(rng.uniform(config.min_seconds, config.max_seconds) * config.fps)
    stretches, shown = [], 0
    if label != config.filler:
        wanted = config.evidence_share * frame_count
        few = _few_clips(rng, config, pool[label], filler_frames, wanted)
        evidence = _fill(rng, config, few, wanted)
        stretches, shown = _stretches(rng, config, evidence), _frames(evidence, config)
    some = _take(_shuffled(rng, pool[config.filler]), filler_frames, config)
    filler = _fill(rng, config, some, frame_count - shown)
    clips, ranges = _insert(rng, config, filler, stretches)
    return CompositeVideo(
        video_id=video_id,
        split=split,
        class_name=label,
        clips=tuple(clips),
        shots=tuple(_shot(rng, config, clip) for clip in clips),
        evidence=tuple(ranges),
    )


def _generator(seed: int, video_id: str) -> np.random.Generator:
    seed_of_video = hashlib.sha256(f"{seed}/{video_id}".encode()).digest()
    return np.random.default_rng(int.from_bytes(seed_of_video[:16]))


def _few_clips(
    rng: np.random.Generator,
    config: CompositeConfig,
    clips: Sequence[Clip],
    filler_frames: int,
    wanted: float,
) -> list[Clip]:
    """Different clips of evidence in a video, in the proportion to its different filler that `evidence_share` sets."""
    order = _shuffled(rng, clips)
    if config.evidence_clips is not None:
        return order[: config.evidence_clips]
    matched = filler_frames * config.evidence_share / (1 - config.evidence_share)
    return _take(order, min(matched, wanted), config)


def _fill(
    rng: np.random.Generator, config: CompositeConfig, clips: Sequence[Clip], frames: float
) -> list[Clip]:
    """Sequence of about this many frames that shows all clips equally often, in random order."""
    rounds = 1 + int(frames) // _frames(clips, config)
    shown = [clip for _ in range(rounds) for clip in _shuffled(rng, clips)]
    return _take(shown, frames, config)


def _take(clips: Sequence[Clip], frames: float, config: CompositeConfig) -> list[Clip]:
    """The first clips, at least one, whose total is closest to this number of frames."""
    total = np.cumsum([_frames([clip], config) for clip in clips])
    return list(clips[: int(np.abs(total - frames).argmin()) + 1])


def _shuffled(rng: np.random.Generator, clips: Sequence[Clip]) -> list[Clip]:
    return [clips[i] for i in rng.permutation(len(clips))]


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
        room -= _frames([clip], config)
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
        start = _frames(clips, config)
        clips += stretch
        ranges.append(Stretch(start, _frames(clips, config)))
    clips += filler[places[-1] if places else 0 :]
    return clips, _joined(ranges)


def _joined(ranges: Sequence[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for stretch in ranges:
        if joined and joined[-1].end_frame == stretch.start_frame:
            joined[-1] = Stretch(joined[-1].start_frame, stretch.end_frame)
        else:
            joined.append(stretch)
    return joined


def _shot(rng: np.random.Generator, config: CompositeConfig, clip: Clip) -> Shot:
    frame_count = frames_filled(clip.duration_seconds, fps=config.fps)
    if not config.vary:
        return Shot(path=clip.path, frame_count=frame_count)
    return random_shot(rng, clip.path, frame_count=frame_count)


def _frames(clips: Sequence[Clip], config: CompositeConfig) -> int:
    return sum(frames_filled(clip.duration_seconds, fps=config.fps) for clip in clips)
