"""Sequences of clips: what a composite shows one after the other, and how each clip is shown.

A clip is always shown completely, and is varied each time that it is shown, so that neither its length nor a repetition
tells where it comes from.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from epitoma.datasets.clips import Clip
from epitoma.video.shots import Shot, frames_filled, random_shot

ClassClips = Mapping[str, Sequence[Clip]]
"""Clips of each class, of one split."""


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


@dataclass(frozen=True, kw_only=True)
class Story:
    """What the videos of a dataset show.

    Attributes:
        classes: Names of the videos' classes in order.
        shown: Classes of clips that the videos show, beside filler.
        splits: Splits that have videos.
        plan: Makes all videos from the clips.
    """

    classes: tuple[str, ...]
    shown: tuple[str, ...]
    splits: tuple[str, ...]
    plan: Callable[[Sequence[Clip]], list[CompositeVideo]]


def generator(seed: int, video_id: str) -> np.random.Generator:
    """Randomness of one video, whatever other videos there are."""
    seed_of_video = hashlib.sha256(f"{seed}/{video_id}".encode()).digest()
    return np.random.default_rng(int.from_bytes(seed_of_video[:16]))


def fill(rng: np.random.Generator, clips: Sequence[Clip], frames: float, *, fps: int) -> list[Clip]:
    """Sequence of about this many frames that shows all clips equally often, in random order."""
    rounds = 1 + int(frames) // frames_of(clips, fps=fps)
    shown = [clip for _ in range(rounds) for clip in shuffled(rng, clips)]
    return take(shown, frames, fps=fps)


def take(clips: Sequence[Clip], frames: float, *, fps: int) -> list[Clip]:
    """The first clips, at least one, whose total is closest to this number of frames."""
    total = np.cumsum([frames_of([clip], fps=fps) for clip in clips])
    return list(clips[: int(np.abs(total - frames).argmin()) + 1])


def shuffled(rng: np.random.Generator, clips: Sequence[Clip]) -> list[Clip]:
    """Clips in random order."""
    return [clips[i] for i in rng.permutation(len(clips))]


def frames_of(clips: Sequence[Clip], *, fps: int) -> int:
    """Frames that clips fill."""
    return sum(frames_filled(clip.duration_seconds, fps=fps) for clip in clips)


def joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Stretches in order, those that touch made one."""
    found: list[Stretch] = []
    for stretch in stretches:
        if found and found[-1].end_frame == stretch.start_frame:
            found[-1] = Stretch(found[-1].start_frame, stretch.end_frame)
        else:
            found.append(stretch)
    return found


def shots_of(rng: np.random.Generator, clips: Sequence[Clip], *, fps: int, vary: bool) -> tuple[Shot, ...]:
    """How each clip is shown: as it is, or each time in another way."""
    counts = [frames_filled(clip.duration_seconds, fps=fps) for clip in clips]
    if not vary:
        return tuple(Shot(path=c.path, frame_count=n) for c, n in zip(clips, counts, strict=True))
    return tuple(random_shot(rng, c.path, frame_count=n) for c, n in zip(clips, counts, strict=True))
