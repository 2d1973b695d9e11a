"""Index of a video file: the time of every frame, and which frames are keyframes.

Headers are often wrong about the number of frames and the frame rate, so both are computed from the packets, which
takes about 10 ms for a video of minutes. Where timestamps say in which order frames are shown, only the first frame is
decoded: PyAV has the rotation on frames only. Where they do not (``clock.py``), all are.
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
from epitoma.video.clock import PacketTimes, joins, shown_times, tells_order
from epitoma.video.container import OpenVideo, open_video
from epitoma.video.packet_order import PacketOrder
from epitoma.video.shown_order import shown_packets

# Bit of a VP8 packet's first byte: hidden frames (altref) are decoded but not shown.
_VP8_SHOWN = 0x10
# These are decoded from the start: after a seek in an MPEG program stream FFmpeg guesses timestamps, and what it marks
# as keyframes of an animated PNG is painted over the frames before.
_UNSEEKABLE_FORMATS = ("mpeg", "apng")


@dataclass(frozen=True, kw_only=True)
class VideoIndex:
    """Frame times and keyframes of one video, in presentation order.

    Attributes:
        pts: int64 (frames,), strictly increasing, in units of `time_base`; those of the file, or where these do not
            tell the order of frames, those of a clock that goes on where the file's is set anew.
        keyframes: int64, sorted frame indices at which decoding can start; always has 0, the start of the file.
        time_base: Seconds per unit of `pts`.
        fps: Mean frame rate from the first to the last frame.
        width: Pixels across as stored, before rotation.
        height: Pixels down as stored, before rotation.
        rotation: Degrees counter-clockwise (0, 90, 180 or 270) that turn a stored frame upright.
        size_bytes: Size of the indexed file, to notice that it has changed; None if unknown.
        packet_order: Which frame each packet holds, where timestamps do not tell; None where they do.
        stream: Number of the stream that is decoded, among all of the file.
        films: How many video streams that was chosen from.
    """

    pts: np.ndarray
    keyframes: np.ndarray
    time_base: Fraction
    fps: float
    width: int
    height: int
    rotation: int
    size_bytes: int | None = None
    packet_order: PacketOrder | None = None
    stream: int = 0
    films: int = 1

    @property
    def frame_count(self) -> int:
        """Frames that can be decoded."""
        return len(self.pts)

    @property
    def chosen_stream(self) -> int | None:
        """Number of the stream that is decoded, of a file with several videos; None where there is no choice."""
        return self.stream if self.films > 1 else None

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
        if not packets:
            raise VideoError(path, "the video stream has no frames that can be decoded (no keyframe)")
        if first is None:
            raise VideoError(path, "no frame can be decoded")
        frames = _by_time(packets) if tells_order(video, packets) else _by_decoding(path, packets)
        return _index(video, frames, first)


@dataclass(frozen=True)
class _Frames:
    """The frames of a file: their times, which are keyframes, and the packets that hold them."""

    pts: np.ndarray
    keyframes: np.ndarray
    packet_order: PacketOrder | None = None


def _index(video: OpenVideo, frames: _Frames, first: VideoFrame) -> VideoIndex:
    assert video.stream.time_base is not None
    is_seekable = video.container.format.name not in _UNSEEKABLE_FORMATS
    return VideoIndex(
        pts=frames.pts,
        keyframes=frames.keyframes if is_seekable else frames.keyframes[:1],
        time_base=video.stream.time_base,
        fps=_mean_fps(frames.pts, video.stream),
        width=first.width,
        height=first.height,
        rotation=round(first.rotation / 90) * 90 % 360,
        size_bytes=video.size_bytes,
        packet_order=frames.packet_order,
        stream=video.stream.index,
        films=video.films,
    )


def _read_packets(video: OpenVideo) -> tuple[VideoFrame | None, list[PacketTimes]]:
    """Read the first frame, and the times of every packet from the first keyframe on."""
    first: VideoFrame | None = None
    packets: list[PacketTimes] = []
    is_vp8 = video.stream.codec_context.name in ("vp8", "libvpx")
    for packet in video.packets_from_keyframe():
        if first is None:
            first = _first_frame(video, packet)
        packets.append(_times_of(packet, is_shown=_is_shown(packet, is_vp8)))
    return first or _first_frame(video, None), packets


def _times_of(packet: "Packet[VideoStream]", *, is_shown: bool) -> PacketTimes:
    return PacketTimes(packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe, is_shown, packet.pos)


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


def _by_time(packets: list[PacketTimes]) -> _Frames:
    """Sort packets by pts; frames shown before the first keyframe lack their references and are left out."""
    timed = [(packet.pts, packet) for packet in packets if packet.pts is not None]
    first_key = timed[0][0]
    shown = sorted((pts, packet.is_keyframe) for pts, packet in timed if packet.is_shown and pts >= first_key)
    keyframes = [number for number, (_, is_keyframe) in enumerate(shown) if is_keyframe]
    # Where an edit list hides the first keyframe, decoding of frame 0 starts at the beginning of the file.
    return _Frames(np.array([pts for pts, _ in shown], np.int64), _with_start(keyframes))


def _by_decoding(path: str | Path, packets: list[PacketTimes]) -> _Frames:
    """Put frames in the order in which a decoder shows them."""
    with open_video(path) as video:
        shown = shown_packets(video)
        if not shown:
            raise VideoError(path, "no frame can be decoded")
        numbers = [packet.number for packet in shown]
        order = PacketOrder.of_shown(numbers, packets, joins(video, packets))
        # Packets that are counted are not found after a seek.
        keyframes = [
            frame
            for frame, packet in enumerate(shown)
            if len(order.dts) and packet.is_key and packets[packet.number].is_keyframe
        ]
        return _Frames(shown_times(video, packets, shown=numbers), _with_start(keyframes), order)


def _with_start(keyframes: list[int]) -> np.ndarray:
    return np.union1d(np.zeros(1, np.int64), np.array(keyframes, np.int64))


def _mean_fps(pts: np.ndarray, stream: VideoStream) -> float:
    assert stream.time_base is not None
    if len(pts) > 1:
        return float((len(pts) - 1) / (int(pts[-1] - pts[0]) * stream.time_base))
    return float(stream.average_rate or stream.guessed_rate or 1)
