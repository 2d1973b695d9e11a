"""Index of a video file, made by demuxing: the timestamp of every frame, and which frames are keyframes.

Headers are often wrong about the number of frames and the frame rate, so both are computed from the packets, which
takes about 10 ms for a video of minutes. Only the first frame is decoded: PyAV has the rotation on frames only.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from epitoma.core.errors import VideoError
from epitoma.video.container import OpenVideo, open_video

# Bit of a VP8 packet's first byte: hidden frames (altref) are decoded but not shown.
_VP8_SHOWN = 0x10
# After a seek in an MPEG program stream FFmpeg guesses timestamps, so such files are decoded from the start.
_UNSEEKABLE_FORMATS = ("mpeg",)
_MOST_WITHOUT_TIME = 0.5


@dataclass(frozen=True, kw_only=True)
class VideoIndex:
    """Frame times and keyframes of one video, in presentation order.

    Attributes:
        pts: int64 (frames,), strictly increasing, in units of `time_base`.
        keyframes: int64, sorted frame indices at which decoding can start; always has 0, the start of the file.
        time_base: Seconds per unit of `pts`.
        fps: Mean frame rate from the first to the last frame.
        width: Pixels across as stored, before rotation.
        height: Pixels down as stored, before rotation.
        rotation: Degrees counter-clockwise (0, 90, 180 or 270) that turn a stored frame upright.
        size_bytes: Size of the indexed file, to notice that it has changed; None if unknown.
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

    def seconds_of(self, frame_indices: np.ndarray) -> np.ndarray:
        """Times of frames since the first one, in seconds, float64; IndexError outside the video."""
        return np.array([self.seconds(int(frame)) for frame in frame_indices], np.float64)


def index_video(path: str | Path) -> VideoIndex:
    """Index a video by demuxing it.

    Args:
        path: A local path or a URI.

    Raises:
        VideoError: The file is missing, empty, not a video, sound only, or damaged from the start.
    """
    with open_video(path) as video:
        first, packets = _read_packets(video)
        pts, keyframes = _presentation_order(path, packets)
        if first is None:
            raise VideoError(path, "no frame can be decoded")
        if video.container.format.name in _UNSEEKABLE_FORMATS:
            keyframes = keyframes[:1]
        assert video.stream.time_base is not None
        return VideoIndex(
            pts=pts,
            keyframes=keyframes,
            time_base=video.stream.time_base,
            fps=_mean_fps(pts, video.stream),
            width=first.width,
            height=first.height,
            rotation=round(first.rotation / 90) * 90 % 360,
            size_bytes=video.size_bytes,
        )


def _read_packets(video: OpenVideo) -> tuple[VideoFrame | None, list[tuple[int | None, bool]]]:
    """Read the first frame, and (pts, is keyframe) of every shown packet from the first keyframe on."""
    first: VideoFrame | None = None
    packets: list[tuple[int | None, bool]] = []
    is_vp8 = video.stream.codec_context.name in ("vp8", "libvpx")
    started = False
    for packet in video.packets():
        started = started or packet.is_keyframe
        if not started:
            continue  # Nothing before the first keyframe can be decoded.
        if first is None:
            first = _first_frame(video, packet)
        if _is_shown(packet, is_vp8):
            packets.append((packet.pts, packet.is_keyframe))
    return first or _first_frame(video, None), packets


def _first_frame(video: OpenVideo, packet: "Packet[VideoStream] | None") -> VideoFrame | None:
    """Decode a packet; None as packet flushes the decoder."""
    try:
        return next(iter(video.stream.codec_context.decode(packet)), None)
    except FFmpegError:
        return None  # Damaged; the next packets are tried.


def _is_shown(packet: "Packet[VideoStream]", is_vp8: bool) -> bool:
    if packet.is_discard:  # Cut away by an edit list.
        return False
    return not is_vp8 or bool(bytes(packet)[0] & _VP8_SHOWN)


def _presentation_order(
    path: str | Path, packets: list[tuple[int | None, bool]]
) -> tuple[np.ndarray, np.ndarray]:
    """Sort packets by pts; frames shown before the first keyframe lack their references and are left out."""
    timed = [(pts, is_key) for pts, is_key in packets if pts is not None]
    if not packets:
        raise VideoError(path, "the video stream has no frames that can be decoded (no keyframe)")
    # The second field of an interlaced frame has no timestamp; if more lack one, the file is broken.
    if len(timed) < _MOST_WITHOUT_TIME * len(packets):
        raise VideoError(path, "has frames without timestamps; rewrite it, for example with ffmpeg -c copy")
    decode_order = np.array([pts for pts, _ in timed], dtype=np.int64)
    is_keyframe = np.array([is_key for _, is_key in timed])
    kept = decode_order >= decode_order[0]
    pts, first_at = np.unique(decode_order[kept], return_index=True)
    keyframes = np.flatnonzero(is_keyframe[kept][first_at]).astype(np.int64)
    # Where an edit list hides the first keyframe, decoding of frame 0 starts at the beginning of the file.
    return pts, np.union1d(np.zeros(1, dtype=np.int64), keyframes)


def _mean_fps(pts: np.ndarray, stream: VideoStream) -> float:
    assert stream.time_base is not None
    if len(pts) > 1:
        return float((len(pts) - 1) / (int(pts[-1] - pts[0]) * stream.time_base))
    return float(stream.average_rate or stream.guessed_rate or 1)
