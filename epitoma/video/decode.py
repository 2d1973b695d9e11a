"""Decoding of chosen frames of a video into square RGB arrays, by the cheapest strategy that reaches them.

One thread a call: parallelism is across videos. Frames are matched by their timestamps, never by counting, so
that a seek that lands early, or leading frames of an open GOP, cannot shift anything. A frame that cannot be trusted
(it or one that it is predicted from is damaged or lost) is replaced by the nearest that can, and counted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from epitoma.core.errors import VideoError
from epitoma.video.container import OpenVideo, open_video
from epitoma.video.frames import RunDecoder, nearest_frames
from epitoma.video.index import VideoIndex
from epitoma.video.pictures import Pictures, Sheet
from epitoma.video.plan import (
    DecodePlan,
    Run,
    plan_decode,
    plan_each_group,
    plan_from_start,
    snap_to_keyframes,
)

Mode = Literal["exact", "fast"]


@dataclass(frozen=True, kw_only=True)
class FrameRequest:
    """Frames wanted at one size.

    Attributes:
        frame_indices: int (n,), in any order, repeats allowed (decoded once).
        size: Side of the squares in pixels: the centre of the frame, scaled.
    """

    frame_indices: np.ndarray
    size: int


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """Pictures of one video, and what it took to decode them.

    Attributes:
        pictures: For each request uint8 RGB (n, size, size, 3), upright, in the order of the request.
        deviation_seconds: For each request float64 (n,), how far the frame shown lies from the one wanted.
        replaced: Wanted frames, each counted once, that are damaged or lost and shown by the nearest good one.
        wanted: Wanted frames, each counted once.
        frames_decoded: Frames given to the decoder.
        bytes_read: Bytes fetched over the network; 0 for a local file.
    """

    pictures: tuple[np.ndarray, ...]
    deviation_seconds: tuple[np.ndarray, ...]
    replaced: int
    wanted: int
    frames_decoded: int
    bytes_read: int


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """A way to reach the frames that are missing.

    Attributes:
        plan: Which keyframes to seek to, and what to decode from there.
        is_fast: Decode a keyframe instead of a frame near it, and leave out what no other frame needs.
    """

    plan: Callable[[VideoIndex, np.ndarray], DecodePlan]
    is_fast: bool = False

    def stand_ins(self, index: VideoIndex, wanted: np.ndarray, *, tolerance_seconds: float) -> np.ndarray:
        """Return the frame to decode for each wanted one, int (n,)."""
        if not self.is_fast:
            return wanted
        return snap_to_keyframes(index, wanted, tolerance_seconds=tolerance_seconds)


# One of these two reaches every frame of a sound file whose index is right.
_CHEAPEST = Strategy(plan=plan_decode)
_CHEAPEST_FAST = Strategy(plan=plan_decode, is_fast=True)
# For damage: the cheapest plan decodes on from one group of pictures into the next, and may take damage along.
# It follows fast decoding as well, where a stand-in may be damaged that the wanted frame does not need.
_EACH_GROUP = Strategy(plan=plan_each_group)
# For seeks that fail or land elsewhere, and for an index with keyframes that are none: this one does not seek.
# It is the last one because it decodes everything up to the last missing frame.
_FROM_START = Strategy(plan=plan_from_start)

_STRATEGIES: dict[Mode, tuple[Strategy, ...]] = {
    "exact": (_CHEAPEST, _EACH_GROUP, _FROM_START),
    "fast": (_CHEAPEST_FAST, _EACH_GROUP, _FROM_START),
}


def decode_requests(
    path: str | Path,
    index: VideoIndex,
    requests: Sequence[FrameRequest],
    *,
    mode: Mode = "exact",
    tolerance_seconds: float = 0.5,
    max_replaced_share: float = 0.5,
) -> Decoded:
    """Decode frames of a video once, and return them at every requested size.

    Args:
        path: The video that `index` was made from, a local path or a URI.
        index: Its frames and keyframes.
        requests: Frames, each list at a size.
        mode: "exact" returns the very frames. "fast" leaves out frames that no other needs, and the deblocking
            filter, and may show a keyframe instead.
        tolerance_seconds: How far from the wanted frame "fast" may go.
        max_replaced_share: Largest share of wanted frames that may be damaged or lost.

    Raises:
        ValueError: A frame index lies outside the video.
        VideoError: The file cannot be read, has changed since it was indexed, or too many frames are damaged.
    """
    pictures = _no_pictures_yet(index, requests)
    allowed_seconds = tolerance_seconds if mode == "fast" else 0.0
    decoding = _Decoding(path, index, pictures, tolerance_seconds=allowed_seconds)
    missing = decoding.run_until_complete(_STRATEGIES[mode])
    _check_damage(path, missing=missing, wanted=len(pictures.wanted), max_share=max_replaced_share)
    return Decoded(
        pictures=pictures.completed(),
        deviation_seconds=pictures.deviation_seconds(),
        replaced=missing,
        wanted=len(pictures.wanted),
        frames_decoded=decoding.frames_decoded,
        bytes_read=decoding.bytes_read,
    )


def decode_frames(
    path: str | Path, index: VideoIndex, frame_indices: np.ndarray, *, sizes: tuple[int, ...]
) -> tuple[np.ndarray, ...]:
    """Return the same frames at every size, exactly; see decode_requests."""
    requests = [FrameRequest(frame_indices=frame_indices, size=size) for size in sizes]
    return decode_requests(path, index, requests).pictures


def _no_pictures_yet(index: VideoIndex, requests: Sequence[FrameRequest]) -> Pictures:
    sheets = [
        Sheet(request.frame_indices, size=request.size, rotation=index.rotation) for request in requests
    ]
    return Pictures(index, sheets)


class _Decoding:
    """Decodes one video strategy by strategy, and counts what that takes.

    Args:
        path: The video.
        index: Its frames and keyframes.
        pictures: Where to show the frames.
        tolerance_seconds: How far from a wanted frame the one that is shown may be.
    """

    def __init__(
        self, path: str | Path, index: VideoIndex, pictures: Pictures, *, tolerance_seconds: float
    ) -> None:
        self.frames_decoded = 0
        self.bytes_read = 0
        self._path = path
        self._index = index
        self._pictures = pictures
        self._tolerance_seconds = tolerance_seconds

    def run_until_complete(self, strategies: Iterable[Strategy]) -> int:
        """Run strategies until no frame is missing, and return how many are missing after the last."""
        missing = self._pictures.wanted
        for strategy in strategies:
            # The first runs even where no frame is wanted: a file that is gone or has changed is an error.
            self._run(strategy, missing)
            missing = self._pictures.missing(tolerance_seconds=self._tolerance_seconds)
            if not len(missing):
                break
        return len(missing)

    def _run(self, strategy: Strategy, wanted: np.ndarray) -> None:
        stand_ins = strategy.stand_ins(self._index, wanted, tolerance_seconds=self._tolerance_seconds)
        wanted_by: dict[int, list[int]] = defaultdict(list)
        for frame, stand_in in zip(wanted.tolist(), stand_ins.tolist(), strict=True):
            wanted_by[stand_in].append(frame)
        # Before the file is opened: a frame outside the video is the caller's error, whatever the file is like.
        plan = strategy.plan(self._index, stand_ins)
        # Opened anew: a decoder takes in what to skip when it is opened, and some runs begin where the file does.
        with open_video(self._path) as video:
            _check_unchanged(video, self._index)
            decoder = RunDecoder(video, self._index, is_fast=strategy.is_fast)
            for run in plan.runs:
                self._show(run, decoder, wanted_by)
            self.frames_decoded += decoder.packets_fed
            self.bytes_read += video.bytes_read

    def _show(self, run: Run, decoder: RunDecoder, wanted_by: Mapping[int, Sequence[int]]) -> None:
        targets = [(int(self._index.pts[stand_in]), stand_in) for stand_in in run.wanted]
        for stand_in, (pts, frame) in nearest_frames(targets, decoder.frames(run)):
            for wanted in wanted_by[stand_in]:
                self._pictures.show(frame, wanted=wanted, pts=pts)


def _check_unchanged(video: OpenVideo, index: VideoIndex) -> None:
    if index.size_bytes not in (None, video.size_bytes):
        raise VideoError(
            video.name, f"is {video.size_bytes} bytes, but was {index.size_bytes} when it was prepared"
        )


def _check_damage(path: str | Path, *, missing: int, wanted: int, max_share: float) -> None:
    # Where all are missing there is nothing to show instead, whatever share is allowed.
    if missing and (missing == wanted or missing > max_share * wanted):
        raise VideoError(path, f"{missing} of {wanted} frames are damaged or lost")
