"""Decode chosen frames of a video into square RGB arrays, following a plan.

One thread a call: parallelism is across videos. Frames are matched by their timestamps, never by counting, so
that a seek that lands early, or leading frames of an open GOP, cannot shift anything.
"""

from collections.abc import Iterator
from itertools import chain, dropwhile
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from epitoma.errors import VideoError
from epitoma.video.index import VideoIndex, open_video
from epitoma.video.plan import Run, plan_decode


def decode_frames(
    path: str | Path, index: VideoIndex, frame_indices: np.ndarray, *, sizes: tuple[int, ...]
) -> tuple[np.ndarray, ...]:
    """Decode frames once and give them at every size asked for: short side scaled, centre cut out, upright.

    Args:
        path: The video that `index` was made from.
        index: Its frames and keyframes.
        frame_indices: int (n,), in any order, repeats allowed (decoded once).
        sizes: Side s of each result in pixels.

    Returns:
        For each size a uint8 RGB array (n, s, s, 3), in the order of `frame_indices`.

    Raises:
        ValueError: A frame index lies outside the video.
        VideoError: The file cannot be read, or a wanted frame does not decode.
    """
    unique, position = np.unique(np.asarray(frame_indices, dtype=np.int64), return_inverse=True)
    plan = plan_decode(index, unique)
    scalers = tuple(_SquareScaler(size=size, rotation=index.rotation) for size in sizes)
    decoded = tuple(np.empty((len(unique), size, size, 3), dtype=np.uint8) for size in sizes)
    row_of = {frame: row for row, frame in enumerate(unique.tolist())}
    with open_video(path) as (container, stream):
        for run in plan.runs:
            for frame_index, frame in _decode_run(path, container, stream, index, run):
                for scaler, array in zip(scalers, decoded, strict=True):
                    scaler.scale_into(array[row_of[frame_index]], frame)
    if np.array_equal(position, np.arange(len(unique))):
        return decoded
    return tuple(array[position] for array in decoded)


def _decode_run(
    path: str | Path, container: InputContainer, stream: VideoStream, index: VideoIndex, run: Run
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield the wanted frames of one run with their indices, and stop decoding after the last."""
    missing = {int(index.pts[frame]): frame for frame in run.wanted}
    for packet in _packets(path, container, stream, index, run.seek_frame):
        for frame in packet.decode():
            frame_index = None if frame.pts is None else missing.pop(frame.pts, None)
            if frame_index is not None:
                yield frame_index, frame
        if not missing:
            return
    shown = ", ".join(str(frame) for frame in sorted(missing.values())[:5])
    raise VideoError(path, f"{len(missing)} frames cannot be decoded (first: {shown})")


def _packets(
    path: str | Path,
    container: InputContainer,
    stream: VideoStream,
    index: VideoIndex,
    keyframe: int | None,
) -> Iterator["Packet[VideoStream]"]:
    """Packets from a keyframe at or before the given one; None reads from the start without a seek."""
    if keyframe is None:
        return _from_keyframe(container, stream)
    target_pts = int(index.pts[keyframe])
    # Containers seek by decoding time, and may land on a keyframe too late: then ask for an earlier one.
    for candidate in index.keyframes[index.keyframes <= keyframe][::-1]:
        container.seek(int(index.pts[candidate]), stream=stream)
        packets = _from_keyframe(container, stream)
        first = next(packets, None)
        if first is not None and first.pts is not None and first.pts <= target_pts:
            return chain([first], packets)
    raise VideoError(path, f"cannot seek to frame {keyframe}")


def _from_keyframe(container: InputContainer, stream: VideoStream) -> Iterator["Packet[VideoStream]"]:
    return dropwhile(lambda packet: not packet.is_keyframe, container.demux(stream))


class _SquareScaler:
    """Scales frames so that the short side fits, and cuts the centre square.

    Keeps one scaler for the whole video: setting it up anew for every frame costs more than scaling.
    """

    def __init__(self, *, size: int, rotation: int) -> None:
        self._size = size
        self._quarter_turns = rotation // 90
        self._reformatter = VideoReformatter()

    def scale_into(self, target: np.ndarray, frame: VideoFrame) -> None:
        """Write a frame into a uint8 RGB array (size, size, 3)."""
        width, height = self._covering_size(frame)
        scaled = self._reformatter.reformat(
            frame, width, height, "rgb24", interpolation=Interpolation.BILINEAR, threads=1
        )
        left, top = (width - self._size) // 2, (height - self._size) // 2
        square = scaled.to_ndarray()[top : top + self._size, left : left + self._size]
        target[:] = np.rot90(square, self._quarter_turns)

    def _covering_size(self, frame: VideoFrame) -> tuple[int, int]:
        short_side = min(frame.width, frame.height)
        return (
            max(self._size, round(frame.width * self._size / short_side)),
            max(self._size, round(frame.height * self._size / short_side)),
        )
