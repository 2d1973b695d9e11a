"""Which frames to seek to and decode so that every wanted frame comes out: pure, no files.

A video codec can start at keyframes only. Frames between two wanted ones must be decoded unless a keyframe
lies after what was decoded already: there a seek skips frames, and nowhere else.
"""

from dataclasses import dataclass

import numpy as np

from epitoma.video.index import VideoIndex


@dataclass(frozen=True)
class Run:
    """One stretch of decoding without a seek inside.

    Attributes:
        seek_frame: Keyframe to seek to first; None starts at the beginning of the file.
        last_frame: Last frame to decode.
        wanted: Frames of the run to keep, sorted.
    """

    seek_frame: int | None
    last_frame: int
    wanted: tuple[int, ...]

    @property
    def frames_decoded(self) -> int:
        """Frames from the seek to the last wanted one."""
        return self.last_frame - (self.seek_frame or 0) + 1


@dataclass(frozen=True)
class DecodePlan:
    """Runs in presentation order; together they want every frame once."""

    runs: tuple[Run, ...]

    @property
    def frames_decoded(self) -> int:
        """Frames that the codec works through, wanted or not."""
        return sum(run.frames_decoded for run in self.runs)


def plan_decode(index: VideoIndex, wanted_frames: np.ndarray) -> DecodePlan:
    """Plan the decoding of frame indices, given in any order and with repeats.

    Args:
        index: The video's frames and keyframes.
        wanted_frames: int (n,), frame indices.

    Raises:
        ValueError: A frame lies outside the video.
    """
    wanted = np.unique(np.asarray(wanted_frames, dtype=np.int64))
    if not len(wanted):
        return DecodePlan(())
    _check_inside(index, wanted)
    starts = index.keyframes[np.searchsorted(index.keyframes, wanted, side="right") - 1]
    skips_frames = starts[1:] > wanted[:-1] + 1
    cuts = np.flatnonzero(skips_frames) + 1
    runs = zip(np.split(wanted, cuts), np.split(starts, cuts), strict=True)
    return DecodePlan(tuple(_run(frames, int(first[0])) for frames, first in runs))


def _run(frames: np.ndarray, start: int) -> Run:
    return Run(start if start > 0 else None, int(frames[-1]), tuple(frames.tolist()))


def _check_inside(index: VideoIndex, wanted: np.ndarray) -> None:
    for frame in (wanted[0], wanted[-1]):
        if not 0 <= frame < index.frame_count:
            raise ValueError(f"frame {frame} is outside 0..{index.frame_count - 1}")
