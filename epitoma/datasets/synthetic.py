"""Synthetic long-range videos: a class is a set of one-actions, shown in a small share of a long video.

The videos are real H.264 files with known evidence, so that claims about selection can be measured. The content of a
video is planned without files, from the seed and its id only; rendering and encoding one video is one parallel task.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from epitoma.core.errors import ConfigError
from epitoma.datasets.backgrounds import drifting_background
from epitoma.datasets.class_sets import choose_class_sets
from epitoma.datasets.made_videos import made_file, made_row
from epitoma.datasets.schema import VideoRow
from epitoma.datasets.sprites import DISTRACTOR_APPEARANCES, MOTIONS, ONE_ACTIONS, OneAction, animate, paste
from epitoma.video.compose import write_video

_CLASS_NAMES = (
    *(
        "juggling",
        "weaving",
        "baking",
        "sailing",
        "painting",
        "forging",
        "planting",
        "carving",
        "rowing",
        "brewing",
    ),
    *(
        "stacking",
        "polishing",
        "kneading",
        "sewing",
        "climbing",
        "fishing",
        "skating",
        "pottery",
        "drumming",
        "folding",
    ),
)
_SEGMENT_SECONDS = (1.0, 2.5)
_MEAN_SEGMENT_SECONDS = 1.75
_SHORTEST_SEGMENT_FRAMES = 4


@dataclass(frozen=True, kw_only=True)
class SyntheticConfig:
    """The synthetic videos to make.

    Attributes:
        train_videos: Videos of the train split; the classes take turns, in every split.
        validation_videos: Videos of the validation split.
        test_videos: Videos of the test split.
        classes: Number of classes.
        one_actions: Number of different one-actions; the classes share them.
        actions_per_class: Number of one-actions of a class; a video shows each at least once.
        twin_classes: Pairs of classes that differ in motion only (0 or 1), which only a 3D network can distinguish.
        evidence_share: Share of a video's frames that shows its class.
        distractor_share: Share of the other frames that shows objects unrelated to the class; more is harder.
        min_seconds: Duration of the shortest video.
        max_seconds: Duration of the longest video.
        fps: Frames a second.
        size: Side of the square frames in pixels, even.
        gop: Largest number of frames from one keyframe to the next.
        seed: Seed of everything random.
    """

    train_videos: int = 240
    validation_videos: int = 60
    test_videos: int = 120
    classes: int = 10
    one_actions: int = 16
    actions_per_class: int = 3
    twin_classes: int = 1
    evidence_share: float = 0.12
    distractor_share: float = 1 / 3
    min_seconds: float = 30.0
    max_seconds: float = 60.0
    fps: int = 8
    size: int = 112
    gop: int = 24
    seed: int = 0

    def __post_init__(self) -> None:
        _check_range("classes", self.classes, 2, len(_CLASS_NAMES))
        _check_range("one_actions", self.one_actions, 2, len(ONE_ACTIONS))
        _check_range("actions_per_class", self.actions_per_class, 1, self.one_actions // 2)
        _check_range("twin_classes", self.twin_classes, 0, 1)
        _check_range("evidence_share", self.evidence_share, 0.0, 0.9)
        _check_range("distractor_share", self.distractor_share, 0.0, 1.0)
        _check_range("max_seconds", self.max_seconds, self.min_seconds, math.inf)
        _check_range("fps", self.fps, 1, 240)
        if self.size < 16 or self.size % 2:
            raise ConfigError(f"size is {self.size}, must be even and at least 16")
        needed = self.actions_per_class * _SHORTEST_SEGMENT_FRAMES
        shortest = int(self.evidence_share * self.min_seconds * self.fps)
        if shortest < needed:
            raise ConfigError(
                f"the shortest video would have {shortest} frames of evidence, {needed} are needed: "
                "raise min_seconds, fps or evidence_share"
            )


@dataclass(frozen=True)
class Segment:
    """Frames from `start_frame` to `end_frame` (exclusive) that show an action."""

    start_frame: int
    end_frame: int
    action: OneAction


@dataclass(frozen=True, kw_only=True)
class SyntheticVideo:
    """Plan of one video; segments of evidence and distractors never overlap."""

    video_id: str
    split: str
    class_name: str
    frame_count: int
    evidence: tuple[Segment, ...]
    distractors: tuple[Segment, ...]


def class_names(config: SyntheticConfig) -> tuple[str, ...]:
    """Names of the classes in order."""
    return _CLASS_NAMES[: config.classes]


def class_actions(config: SyntheticConfig) -> tuple[tuple[OneAction, ...], ...]:
    """Sets of one-actions of the classes, in order.

    Raises:
        ConfigError: There are too few one-actions for the number of classes.
    """
    return choose_class_sets(
        ONE_ACTIONS[: config.one_actions],
        classes=config.classes,
        actions_per_class=config.actions_per_class,
        with_twins=config.twin_classes > 0,
        seed=config.seed,
    )


def plan_dataset(config: SyntheticConfig) -> list[SyntheticVideo]:
    """Plan all videos; each depends on the seed and its own id only."""
    counts = {
        "train": config.train_videos,
        "validation": config.validation_videos,
        "test": config.test_videos,
    }
    actions = class_actions(config)
    return [
        _plan_video(config, split, i, actions[i % config.classes])
        for split, count in counts.items()
        for i in range(count)
    ]


def render(video: SyntheticVideo, config: SyntheticConfig) -> Iterator[np.ndarray]:
    """Draw a video's frames, uint8 RGB (size, size, 3)."""
    rng = _generator(config.seed, video.video_id, "render")
    brightness = rng.uniform(0.85, 1.1)
    frames = drifting_background(rng, video.frame_count, size=config.size, brightness=brightness)
    shown_until = 0
    for segment in sorted(video.evidence + video.distractors, key=lambda segment: segment.start_frame):
        for _ in range(shown_until, segment.start_frame):
            yield next(frames)
        length = segment.end_frame - segment.start_frame
        sprites = animate(
            segment.action, length, rng, size=config.size, fps=config.fps, brightness=brightness
        )
        for sprite, top, left in sprites:
            frame = next(frames)
            paste(frame, sprite, top=top, left=left)
            yield frame
        shown_until = segment.end_frame
    yield from frames


def write_synthetic_video(video: SyntheticVideo, config: SyntheticConfig, folder: str | Path) -> VideoRow:
    """Render and encode one video as `<folder>/<video id>.mp4`, and return its manifest row."""
    path = made_file(video, folder)
    write_video(path, render(video, config), fps=config.fps, gop=config.gop)
    evidence = ((shown.start_frame, shown.end_frame, shown.action.name) for shown in video.evidence)
    return made_row(video, path, fps=config.fps, evidence=evidence)


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}, must be from {low} to {high}")


def _generator(seed: int, video_id: str, purpose: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}/{video_id}/{purpose}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16]))


def _plan_video(
    config: SyntheticConfig, split: str, number: int, actions: tuple[OneAction, ...]
) -> SyntheticVideo:
    video_id = f"{split}_{number:05d}"
    rng = _generator(config.seed, video_id, "plan")
    frame_count = round(rng.uniform(config.min_seconds, config.max_seconds) * config.fps)
    evidence = _place_evidence(rng, config, frame_count, actions)
    return SyntheticVideo(
        video_id=video_id,
        split=split,
        class_name=class_names(config)[number % config.classes],
        frame_count=frame_count,
        evidence=evidence,
        distractors=_place_distractors(rng, config, frame_count, evidence),
    )


def _place_evidence(
    rng: np.random.Generator, config: SyntheticConfig, frame_count: int, actions: tuple[OneAction, ...]
) -> tuple[Segment, ...]:
    """Divide the evidence into segments of random length at random places, with every action at least once."""
    evidence_frames = round(config.evidence_share * frame_count)
    wanted = round(evidence_frames / (_MEAN_SEGMENT_SECONDS * config.fps))
    count = max(len(actions), wanted)
    extra = rng.integers(len(actions), size=count - len(actions))
    order = rng.permutation([*range(len(actions)), *extra])
    weights = rng.uniform(*_SEGMENT_SECONDS, count)
    ends_of_evidence = np.rint(np.cumsum(weights) / weights.sum() * evidence_frames).astype(int)
    lengths = np.diff(ends_of_evidence, prepend=0)
    before = np.sort(rng.integers(frame_count - evidence_frames + 1, size=count))
    starts = before + ends_of_evidence - lengths
    return tuple(
        Segment(int(start), int(start + length), actions[i])
        for start, length, i in zip(starts, lengths, order, strict=True)
    )


def _place_distractors(
    rng: np.random.Generator, config: SyntheticConfig, frame_count: int, evidence: tuple[Segment, ...]
) -> tuple[Segment, ...]:
    """Fill a share of the time between evidence with objects unrelated to the class."""
    starts = [0, *(segment.end_frame for segment in evidence)]
    ends = [*(segment.start_frame for segment in evidence), frame_count]
    distractors = []
    for start, end in zip(starts, ends, strict=True):
        slots = max(1, round((end - start) / (_MEAN_SEGMENT_SECONDS * config.fps)))
        edges = np.linspace(start, end, slots + 1).astype(int)
        for slot_start, slot_end in pairwise(edges):
            if slot_end > slot_start and rng.uniform() < config.distractor_share:
                distractors.append(Segment(int(slot_start), int(slot_end), _distractor(rng)))
    return tuple(distractors)


def _distractor(rng: np.random.Generator) -> OneAction:
    shape, colour = DISTRACTOR_APPEARANCES[rng.integers(len(DISTRACTOR_APPEARANCES))]
    return OneAction("distractor", shape, colour, MOTIONS[rng.integers(len(MOTIONS))])
