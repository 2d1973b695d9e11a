"""Decoding of chosen frames of a video into square RGB arrays, with the cheapest strategy that reaches them.

A call uses one thread: parallelism is across videos. Frames are matched by the packet that holds them, never by
counting what comes out, so that a seek that lands early, or leading frames of an open GOP, cannot shift them. A frame
that is damaged, lost, or predicted from such a frame is replaced by the nearest good one, and counted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from epitoma.core.errors import VideoError
from epitoma.video.container import OpenVideo, open_video
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
from epitoma.video.run_decoder import RunDecoder, nearest_frames

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
    """Pictures of one video, and statistics of their decoding.

    Attributes:
        pictures: For each request uint8 RGB (n, size, size, 3), upright, in the order of the request.
        deviation_seconds: For each request float64 (n,), time between the returned frame and the wanted one.
        replaced: Number of distinct wanted frames that are damaged or lost and replaced by the nearest good one.
        wanted: Number of distinct wanted frames.
        frames_decoded: Packets sent to the decoder.
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
    """A way to decode the frames that are missing.

    Attributes:
        plan: Makes the decode plan for frame indices.
        is_fast: Decode a keyframe instead of a frame near it, and skip frames that no other frame references.
    """

    plan: Callable[[VideoIndex, np.ndarray], DecodePlan]
    is_fast: bool = False

    def stand_ins(self, index: VideoIndex, wanted: np.ndarray, *, tolerance_seconds: float) -> np.ndarray:
        """Return the frame to decode instead of each wanted one, int (n,)."""
        if not self.is_fast:
            return wanted
        return snap_to_keyframes(index, wanted, tolerance_seconds=tolerance_seconds)


# One of these two decodes every frame of an undamaged file whose index is right.
_CHEAPEST = Strategy(plan=plan_decode)
_CHEAPEST_FAST = Strategy(plan=plan_decode, is_fast=True)
# For damage: the cheapest plan decodes across groups of pictures, so that damage in one reaches the next.
# Also after fast decoding: a keyframe that stands in for the wanted frame may be damaged while that frame is not.
_EACH_GROUP = Strategy(plan=plan_each_group)
# For seeks that fail or land elsewhere, and for packets wrongly marked as keyframes: this plan does not seek.
# It is the last because it decodes everything up to the last missing frame.
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
        requests: Frame indices, each list with a size.
        mode: "exact" returns the frames themselves. "fast" skips the deblocking filter and frames that no other frame
            references, and may return a keyframe instead.
        tolerance_seconds: Largest time between the wanted frame and the one that "fast" returns.
        max_replaced_share: Largest share of wanted frames that may be damaged or lost, 0 to 1.

    Raises:
        ValueError: A frame index lies outside the video.
        VideoError: The file cannot be read, has changed since it was indexed, or too many frames are damaged.
    """
    pictures = _no_pictures_yet(index, requests)
    allowed_seconds = tolerance_seconds if mode == "fast" else 0.0
    decoding = _Decoding(path, index, pictures, tolerance_seconds=allowed_seconds)
    missing = decoding.run_until_complete(_STRATEGIES[mode])
    _check_damage(path, pictures, missing=missing, max_share=max_replaced_share)
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
    """Decode the same frames at every size, in "exact" mode; see decode_requests."""
    requests = [FrameRequest(frame_indices=frame_indices, size=size) for size in sizes]
    return decode_requests(path, index, requests).pictures


def _no_pictures_yet(index: VideoIndex, requests: Sequence[FrameRequest]) -> Pictures:
    sheets = [
        Sheet(request.frame_indices, size=request.size, rotation=index.rotation) for request in requests
    ]
    return Pictures(index, sheets)


class _Decoding:
    """Decodes one video strategy by strategy, and counts packets and bytes.

    Args:
        path: The video.
        index: Its frames and keyframes.
        pictures: Filled with the decoded frames.
        tolerance_seconds: Largest time between a wanted frame and the one that is shown for it.
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
            # The first runs even without wanted frames, so that a missing or changed file is an error.
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
        # Before the file is opened: a frame index outside the video is a ValueError, even if the file is missing.
        plan = strategy.plan(self._index, stand_ins)
        # Reopened for each strategy: decoders read what to skip when opened, and some runs start without a seek.
        with open_video(self._path) as video:
            _check_unchanged(video, self._index)
            decoder = RunDecoder(video, self._index, is_fast=strategy.is_fast)
            for run in plan.runs:
                self._show(run, decoder, wanted_by)
            self.frames_decoded += decoder.packets_fed
            self.bytes_read += video.bytes_read + decoder.bytes_read_again

    def _show(self, run: Run, decoder: RunDecoder, wanted_by: Mapping[int, Sequence[int]]) -> None:
        for stand_in, (shown, frame) in nearest_frames(run.wanted, decoder.frames(run), pts=self._index.pts):
            for wanted in wanted_by[stand_in]:
                self._pictures.show(frame, wanted=wanted, shown=shown)


def _check_unchanged(video: OpenVideo, index: VideoIndex) -> None:
    if index.size_bytes not in (None, video.size_bytes):
        raise VideoError(
            video.name, f"is {video.size_bytes} bytes, but was {index.size_bytes} when it was prepared"
        )


def _check_damage(path: str | Path, pictures: Pictures, *, missing: int, max_share: float) -> None:
    wanted = len(pictures.wanted)
    # If all of a request are missing there is no frame to show instead, whatever share is allowed.
    if missing and (missing == wanted or missing > max_share * wanted or pictures.lack_a_request()):
        raise VideoError(path, f"{missing} of {wanted} frames are damaged or lost")
