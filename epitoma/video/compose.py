"""Encoding of frames into video files, deterministic: the same frames give the same bytes."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from epitoma.files.atomic import renamed_when_whole
from epitoma.files.presence import is_file
from epitoma.video.own_priority import own_priority

_H26X = ("libx264", "libx265")


def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    *,
    fps: int,
    codec: str = "libx264",
    gop: int = 48,
    crf: int = 23,
    preset: str = "ultrafast",
    comment: str | None = None,
) -> int:
    """Encode frames into a video file, and return how many there were.

    The file is written atomically. The same frames give the same bytes.

    Args:
        path: File to write; its suffix chooses the container.
        frames: uint8 RGB arrays (height, width, 3), all of one even size.
        fps: Frames per second.
        codec: FFmpeg's name of the encoder.
        gop: Most frames from one keyframe to the next.
        crf: Quality of x264 and x265, lower is better.
        preset: Speed of x264 and x265.
        comment: Text to keep in the file (see :func:`read_comment`).

    Raises:
        ValueError: There are no frames, or one has a wrong shape, type or size.
    """
    path = Path(path)
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError(f"no frames to write to {path}")
    options = {"crf": str(crf), "preset": preset} if codec in _H26X else {}
    with own_priority(), renamed_when_whole(path) as aside, av.open(str(aside), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps), options=options)
        assert isinstance(stream, VideoStream)
        if comment is not None:
            container.metadata["comment"] = comment
        _set_up(stream, first, gop=gop)
        return _encode(container, stream, _video_frames(chain([first], frames), first.shape))


def read_comment(path: str | Path) -> str | None:
    """Read the comment of a video file; None where there is no readable file, or no comment."""
    if not is_file(path):
        return None
    try:
        with av.open(str(path)) as container:
            return container.metadata.get("comment")
    except FFmpegError:
        return None


def _set_up(stream: VideoStream, frame: np.ndarray, *, gop: int) -> None:
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ValueError(f"a frame must be uint8 (height, width, 3), not {frame.dtype} {frame.shape}")
    stream.height, stream.width = height, width = frame.shape[:2]
    if height % 2 or width % 2:
        raise ValueError(f"frames are {width} x {height}; both sides must be even, as yuv420p asks")
    stream.pix_fmt = "yuv420p"
    stream.codec_context.gop_size = gop
    stream.codec_context.thread_count = 1  # Several threads would make the bytes depend on the machine.


def _video_frames(frames: Iterable[np.ndarray], shape: tuple[int, ...]) -> Iterator[VideoFrame]:
    for i, frame in enumerate(frames):
        if frame.shape != shape or frame.dtype != np.uint8:
            raise ValueError(f"frame {i} is {frame.dtype} {frame.shape}, the first was uint8 {shape}")
        video_frame = VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")
        video_frame.pts = i
        yield video_frame


def _encode(container: OutputContainer, stream: VideoStream, frames: Iterable[VideoFrame]) -> int:
    count = 0
    for frame in frames:
        container.mux(stream.encode(frame))
        count += 1
    # Flush the frames that the encoder holds back for reordering.
    container.mux(stream.encode(None))
    return count
