"""Decode chosen frames of a video into square RGB arrays, in one pass over a plan.

One thread a call: parallelism is across videos. Frames are matched by their timestamps, never by counting, so
that a seek that lands early, or leading frames of an open GOP, cannot shift anything. A frame that cannot be trusted
(it or one that it is predicted from is damaged or lost) is replaced by the nearest that can, and counted.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from av.video.frame import VideoFrame

from epitoma.core.errors import VideoError
from epitoma.video.container import OpenVideo, open_video
from epitoma.video.frames import RunDecoder, nearest_frames
from epitoma.video.index import VideoIndex
from epitoma.video.plan import (
    DecodePlan,
    plan_decode,
    plan_each_group,
    plan_from_start,
    snap_to_keyframes,
)
from epitoma.video.scale import SquareScaler

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
    """What came out.

    Attributes:
        pictures: For each request uint8 RGB (n, size, size, 3), upright, in the order asked.
        deviation_seconds: For each request float64 (n,), how far the frame shown lies from the one asked for.
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


def decode_requests(
    path: str | Path,
    index: VideoIndex,
    requests: Sequence[FrameRequest],
    *,
    mode: Mode = "exact",
    tolerance_seconds: float = 0.5,
    max_replaced_share: float = 0.5,
) -> Decoded:
    """Decode a video once and give frames of it at every size asked for.

    Args:
        path: The video that `index` was made from, a local path or a URI.
        index: Its frames and keyframes.
        requests: Frames, each list at a size.
        mode: "exact" gives the very frames. "fast" leaves out frames that no other needs, and the deblocking
            filter, and may show a keyframe instead.
        tolerance_seconds: How far from the wanted frame "fast" may go.
        max_replaced_share: Largest share of wanted frames that may be damaged or lost.

    Raises:
        ValueError: A frame index lies outside the video.
        VideoError: The file cannot be read, has changed since it was indexed, or too many frames are damaged.
    """
    pictures = _Pictures(index, requests)
    wanted, allowed_seconds = pictures.wanted, tolerance_seconds if mode == "fast" else 0.0
    sought = snap_to_keyframes(index, wanted, tolerance_seconds=allowed_seconds)
    plan = plan_decode(index, sought)
    fed, read = _show(pictures, path, index, plan, wanted=wanted, sought=sought, is_fast=mode == "fast")
    for plan_again in (plan_each_group, plan_from_start):
        missing = pictures.further_than(allowed_seconds)
        if len(missing):
            plan = plan_again(index, missing)
            again = _show(pictures, path, index, plan, wanted=missing, sought=missing, is_fast=False)
            fed, read = fed + again[0], read + again[1]
    replaced = len(pictures.further_than(allowed_seconds))
    if replaced and (replaced == len(wanted) or replaced > max_replaced_share * len(wanted)):
        raise VideoError(path, f"{replaced} of {len(wanted)} frames are damaged or lost")
    return Decoded(
        pictures=pictures.completed(),
        deviation_seconds=pictures.deviation_seconds(),
        replaced=replaced,
        wanted=len(wanted),
        frames_decoded=fed,
        bytes_read=read,
    )


def decode_frames(
    path: str | Path, index: VideoIndex, frame_indices: np.ndarray, *, sizes: tuple[int, ...]
) -> tuple[np.ndarray, ...]:
    """Give the same frames at every size; see decode_requests."""
    requests = [FrameRequest(frame_indices=frame_indices, size=size) for size in sizes]
    return decode_requests(path, index, requests).pictures


def _show(
    pictures: "_Pictures",
    path: str | Path,
    index: VideoIndex,
    plan: DecodePlan,
    *,
    wanted: np.ndarray,
    sought: np.ndarray,
    is_fast: bool,
) -> tuple[int, int]:
    """Decode `sought` frames and show each in the place of its `wanted` one; gives frames decoded and bytes read."""
    wanted_of: dict[int, list[int]] = defaultdict(list)
    for frame, stand_in in zip(wanted.tolist(), sought.tolist(), strict=True):
        wanted_of[stand_in].append(frame)
    with open_video(path) as video:
        _check_unchanged(video, index)
        decoder = RunDecoder(video, index, is_fast=is_fast)
        for run in plan.runs:
            targets = [(int(index.pts[frame]), frame) for frame in run.wanted]
            for stand_in, (pts, frame) in nearest_frames(targets, decoder.frames(run)):
                for place in wanted_of[stand_in]:
                    pictures.show(place, frame, pts=pts)
        return decoder.packets_fed, video.bytes_read


def _check_unchanged(video: OpenVideo, index: VideoIndex) -> None:
    if index.size_bytes not in (None, video.size_bytes):
        raise VideoError(
            video.name, f"is {video.size_bytes} bytes, but was {index.size_bytes} when it was prepared"
        )


class _Pictures:
    """Squares of the wanted frames for every request, filled as frames come, nearer ones replacing others."""

    def __init__(self, index: VideoIndex, requests: Sequence[FrameRequest]) -> None:
        self.wanted = np.unique(
            np.concatenate([request.frame_indices for request in requests]).astype(np.int64)
        )
        self._index = index
        self._sheets = [_Sheet(request, rotation=index.rotation) for request in requests]
        self._shown_pts: dict[int, int] = {}

    def show(self, frame_index: int, frame: VideoFrame, *, pts: int) -> None:
        """Show a frame in the place of a wanted one, unless a nearer one is there."""
        shown = self._shown_pts.get(frame_index)
        target = int(self._index.pts[frame_index])
        if shown is not None and abs(shown - target) <= abs(pts - target):
            return
        self._shown_pts[frame_index] = pts
        for sheet in self._sheets:
            sheet.show(frame_index, frame)

    def further_than(self, seconds: float) -> np.ndarray:
        """Wanted frames that nothing near enough is shown for."""
        return self.wanted[~(self._deviation(self.wanted) <= seconds)]

    def deviation_seconds(self) -> tuple[np.ndarray, ...]:
        """How far what is shown lies from what was wanted, for each request."""
        return tuple(self._deviation(sheet.source) for sheet in self._sheets)

    def completed(self) -> tuple[np.ndarray, ...]:
        """The pictures; places that nothing was shown for get the nearest other one of their request."""
        return tuple(sheet.completed(self._shown_pts) for sheet in self._sheets)

    def _deviation(self, frames: np.ndarray) -> np.ndarray:
        shown = np.array([self._shown_pts.get(frame, np.nan) for frame in frames.tolist()], dtype=np.float64)
        return np.abs(shown - self._index.pts[frames]) * float(self._index.time_base)


class _Sheet:
    """The pictures of one request."""

    def __init__(self, request: FrameRequest, *, rotation: int) -> None:
        frames, first, inverse = np.unique(
            np.asarray(request.frame_indices, dtype=np.int64), return_index=True, return_inverse=True
        )
        self.source = frames[inverse]
        self._row_of = dict(zip(frames.tolist(), first.tolist(), strict=True))
        self._array = np.empty((len(inverse), request.size, request.size, 3), dtype=np.uint8)
        self._scaler = SquareScaler(size=request.size, rotation=rotation)

    def show(self, frame_index: int, frame: VideoFrame) -> None:
        row = self._row_of.get(frame_index)
        if row is not None:
            self._scaler.scale_into(self._array[row], frame)

    def completed(self, shown: Collection[int]) -> np.ndarray:
        frames = np.array([frame for frame in self._row_of if frame in shown])
        for row, frame in enumerate(self.source.tolist()):
            nearest = frame if frame in shown else int(frames[np.abs(frames - frame).argmin()])
            if self._row_of[nearest] != row:
                self._array[row] = self._array[self._row_of[nearest]]
        return self._array
