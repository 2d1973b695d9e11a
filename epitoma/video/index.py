"""What a video file holds, found by demuxing: the time of every frame, and which are keyframes.

Headers lie about the number of frames and the rate, so both are counted from the packets, which costs about
10 ms for a video of minutes. Only the first frame is decoded: PyAV shows the rotation on frames only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from epitoma.errors import VideoError

# FFmpeg opens pictures and plain text as one-frame "videos"; nobody means those.
_PICTURE_FORMATS = ("image2", "_pipe", "tty")
_VP8_SHOWN = 0x10
# After a seek into an MPEG program stream FFmpeg guesses timestamps: such files are decoded from the start.
_UNSEEKABLE_FORMATS = ("mpeg",)


@dataclass(frozen=True, kw_only=True)
class VideoIndex:
    """Frame times and keyframes of one video, in presentation order.

    Attributes:
        pts: int64 (frames,), strictly increasing, in units of `time_base`.
        keyframes: int64, sorted frame indices at which decoding can start.
        time_base: Seconds per unit of `pts`.
        fps: Mean rate from the first to the last frame.
        width: Pixels across as stored, before rotation.
        height: Pixels down as stored, before rotation.
        rotation: Degrees counter-clockwise (0, 90, 180 or 270) that turn a stored frame upright.
        size_bytes: Size of the file that was indexed, by which a changed file is noticed; None if unknown.
    """

    pts: np.ndarray
    keyframes: np.ndarray
    time_base: Fraction
    fps: float
    width: int
    height: int
    rotation: int
    size_bytes: int | None = None

    @property
    def frame_count(self) -> int:
        """Frames that can be decoded."""
        return len(self.pts)

    @property
    def duration_seconds(self) -> float:
        """Time from the start of the first frame to the end of the last."""
        return self.frame_count / self.fps

    def seconds(self, frame_index: int) -> float:
        """Time of a frame since the first one, in seconds; IndexError outside the video."""
        if not 0 <= frame_index < self.frame_count:
            raise IndexError(f"frame {frame_index} is outside 0..{self.frame_count - 1}")
        return float((int(self.pts[frame_index]) - int(self.pts[0])) * self.time_base)


def index_video(path: str | Path) -> VideoIndex:
    """Index a video by demuxing it.

    Raises:
        VideoError: The file is missing, empty, not a video, sound only, or damaged from the start.
    """
    with open_video(path) as (container, stream):
        first, packets = _read_packets(container, stream)
        if first is None:
            raise VideoError(path, "no frame can be decoded" if packets else "the video stream has no frames")
        pts, keyframes = _presentation_order(path, packets)
        if container.format.name in _UNSEEKABLE_FORMATS:
            keyframes = keyframes[:1]
        assert stream.time_base is not None
        return VideoIndex(
            pts=pts,
            keyframes=keyframes,
            time_base=stream.time_base,
            fps=_mean_fps(pts, stream),
            width=first.width,
            height=first.height,
            rotation=round(first.rotation / 90) * 90 % 360,
        )


@contextmanager
def open_video(path: str | Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a file's video stream for one thread; every FFmpeg error inside the block becomes a VideoError."""
    _check_file(path)
    try:
        # genpts: some AVI files carry decoding times only.
        with av.open(str(path), options={"fflags": "genpts"}) as container:
            stream = _video_stream(path, container)
            stream.codec_context.thread_count = 1
            yield container, stream
    except FFmpegError as error:
        raise VideoError(path, f"cannot be read as a video ({error.strerror})") from error


def _check_file(path: str | Path) -> None:
    if "://" in str(path):
        return
    file = Path(path)
    if not file.exists():
        raise VideoError(path, "no such file")
    if not file.is_file():
        raise VideoError(path, "is not a file")
    if file.stat().st_size == 0:
        raise VideoError(path, "the file is empty")


def _video_stream(path: str | Path, container: InputContainer) -> VideoStream:
    if any(part in container.format.name for part in _PICTURE_FORMATS):
        raise VideoError(path, f"is not a video (looks like {container.format.name})")
    # A song's cover is a video stream as well.
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        kinds = sorted({s.type for s in container.streams})
        raise VideoError(path, f"has no video stream (streams: {', '.join(kinds) or 'none'})")
    return streams[0]


def _read_packets(
    container: InputContainer, stream: VideoStream
) -> tuple[VideoFrame | None, list[tuple[int | None, bool]]]:
    """Give the first frame and (pts, is keyframe) of every shown packet from the first keyframe on."""
    first: VideoFrame | None = None
    packets: list[tuple[int | None, bool]] = []
    is_vp8 = stream.codec_context.name in ("vp8", "libvpx")
    for packet in container.demux(stream):
        if not packets and not packet.is_keyframe:
            continue  # Nothing before the first keyframe can be decoded.
        if first is None:
            first = next(iter(packet.decode()), None)
        if _is_shown(packet, is_vp8):
            packets.append((packet.pts, packet.is_keyframe))
    return first, packets


def _is_shown(packet: "Packet[VideoStream]", is_vp8: bool) -> bool:
    if packet.size == 0 or packet.is_discard:  # The end of the stream; cut away by an edit list.
        return False
    return not is_vp8 or bool(bytes(packet)[0] & _VP8_SHOWN)


def _presentation_order(
    path: str | Path, packets: list[tuple[int | None, bool]]
) -> tuple[np.ndarray, np.ndarray]:
    """Sort packets by pts; frames shown before the first keyframe lack their references and are left out."""
    if not packets:
        raise VideoError(path, "the video stream has no frames")
    if any(pts is None for pts, _ in packets):
        raise VideoError(path, "has frames without timestamps; rewrite it, for example with ffmpeg -c copy")
    decode_order = np.array([pts for pts, _ in packets], dtype=np.int64)
    is_keyframe = np.array([key for _, key in packets])
    kept = decode_order >= decode_order[0]
    pts, first_at = np.unique(decode_order[kept], return_index=True)
    return pts, np.flatnonzero(is_keyframe[kept][first_at]).astype(np.int64)


def _mean_fps(pts: np.ndarray, stream: VideoStream) -> float:
    assert stream.time_base is not None
    if len(pts) > 1:
        return float((len(pts) - 1) / (int(pts[-1] - pts[0]) * stream.time_base))
    return float(stream.average_rate or stream.guessed_rate or 1)
