"""Decode plans: which keyframes to seek to, and which frames to decode from there. Pure functions, no files.

A codec can start at keyframes only. Between two wanted frames all frames must be decoded, unless there is a keyframe
between them that a seek can skip to.
"""

from dataclasses import dataclass

import numpy as np

from epitoma.core.timesteps import Timesteps
from epitoma.video.index import VideoIndex


@dataclass(frozen=True)
class Run:
    """A range of frames that is decoded without a seek inside.

    Attributes:
        seek_frame: Keyframe to seek to first; None starts at the beginning of the file.
        last_frame: Last frame to decode.
        wanted: Frames of the run that are returned, sorted.
    """

    seek_frame: int | None
    last_frame: int
    wanted: tuple[int, ...]

    @property
    def frames_decoded(self) -> int:
        """Frames from the seek to the last wanted one, both included."""
        return self.last_frame - (self.seek_frame or 0) + 1


@dataclass(frozen=True)
class DecodePlan:
    """Runs in presentation order; every wanted frame is in exactly one."""

    runs: tuple[Run, ...]

    @property
    def frames_decoded(self) -> int:
        """Frames that the codec decodes, wanted or not."""
        return sum(run.frames_decoded for run in self.runs)


def plan_decode(index: VideoIndex, wanted_frames: np.ndarray) -> DecodePlan:
    """Plan the decoding of frame indices, given in any order and with repeats.

    Args:
        index: The video's frames and keyframes.
        wanted_frames: int (n,), frame indices.

    Raises:
        ValueError: A frame lies outside the video.
    """
    wanted, starts = _starts(index, wanted_frames)
    skips_frames = starts[1:] > wanted[:-1] + 1
    return _plan(wanted, starts, cuts=np.flatnonzero(skips_frames) + 1)


def plan_each_group(index: VideoIndex, wanted_frames: np.ndarray) -> DecodePlan:
    """Plan a seek to every group of pictures, so that damage in one does not spread to the next."""
    wanted, starts = _starts(index, wanted_frames)
    return _plan(wanted, starts, cuts=np.flatnonzero(np.diff(starts)) + 1)


def plan_from_start(index: VideoIndex, wanted_frames: np.ndarray) -> DecodePlan:
    """Plan without any seek, for files in which seeks fail or land at a wrong frame."""
    wanted, starts = _starts(index, wanted_frames)
    return _plan(wanted, np.zeros_like(starts), cuts=np.array([], dtype=np.int64))


def plan_timesteps(index: VideoIndex, timesteps: Timesteps) -> DecodePlan:
    """Plan the decoding of every frame of some timesteps; ValueError if one lies outside the video."""
    return plan_decode(index, timesteps.frames_TM.reshape(-1))


def snap_to_keyframes(
    index: VideoIndex, wanted_frames: np.ndarray, *, tolerance_seconds: float
) -> np.ndarray:
    """Replace wanted frames by nearby keyframes, where that saves decoding.

    A group of pictures must be decoded up to its last wanted frame without a keyframe within the tolerance; earlier
    frames of the group are decoded anyway, so they are not replaced.

    Args:
        index: The video's frames and keyframes.
        wanted_frames: int (n,), frame indices.
        tolerance_seconds: How far from the wanted frame a keyframe may lie.

    Returns:
        int (n,), the frame to decode for each wanted one.

    Raises:
        ValueError: A frame lies outside the video.
    """
    wanted = np.asarray(wanted_frames, dtype=np.int64)
    if not len(wanted):
        return wanted
    _check_inside(index, np.sort(wanted))
    nearest = _nearest_keyframe(index, wanted)
    deviation = np.abs(index.pts[nearest] - index.pts[wanted]) * float(index.time_base)
    group = np.searchsorted(index.keyframes, wanted, side="right") - 1
    last_needed = np.full(len(index.keyframes), -1, dtype=np.int64)
    is_far = deviation > tolerance_seconds
    np.maximum.at(last_needed, group[is_far], wanted[is_far])
    return np.where(wanted <= last_needed[group], wanted, nearest)


def _nearest_keyframe(index: VideoIndex, wanted: np.ndarray) -> np.ndarray:
    after = np.searchsorted(index.keyframes, wanted, side="right")
    before = index.keyframes[after - 1]
    following = index.keyframes[np.minimum(after, len(index.keyframes) - 1)]
    is_nearer = np.abs(index.pts[following] - index.pts[wanted]) < index.pts[wanted] - index.pts[before]
    return np.where(is_nearer, following, before)


def _starts(index: VideoIndex, wanted_frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted unique wanted frames, and for each the last keyframe at or before it, where decoding starts."""
    wanted = np.unique(np.asarray(wanted_frames, dtype=np.int64))
    if len(wanted):
        _check_inside(index, wanted)
    return wanted, index.keyframes[np.searchsorted(index.keyframes, wanted, side="right") - 1]


def _plan(wanted: np.ndarray, starts: np.ndarray, *, cuts: np.ndarray) -> DecodePlan:
    if not len(wanted):
        return DecodePlan(())
    runs = zip(np.split(wanted, cuts), np.split(starts, cuts), strict=True)
    return DecodePlan(tuple(_run(frames, int(first[0])) for frames, first in runs))


def _run(frames: np.ndarray, start: int) -> Run:
    return Run(start if start > 0 else None, int(frames[-1]), tuple(frames.tolist()))


def _check_inside(index: VideoIndex, wanted: np.ndarray) -> None:
    for frame in (wanted[0], wanted[-1]):
        if not 0 <= frame < index.frame_count:
            raise ValueError(f"frame {frame} is outside 0..{index.frame_count - 1}")
