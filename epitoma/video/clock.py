"""The clock of a video file: whether its timestamps say which picture is the n-th, and at which times frames are shown.

AVI has times of decoding only, MPEG program streams have some times and leave others to be guessed, and the times of
recordings that were joined start again in the middle. There the order of frames is known from decoding only.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from av.codec.codec import Properties
from av.format import Flags

from epitoma.video.container import OpenVideo

# Containers that store at which time a frame is shown. In all others FFmpeg guesses it from the time of decoding.
_STORES_PTS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "flv", "nut", "mxf"})
# As ``ffmpeg`` does: a clock that goes back by more, or forward by more where a format's clocks may, has been set anew.
_BACK_SECONDS = 0.1
_FORWARD_SECONDS = 10.0
# No decoder keeps more frames back. One that is farther from its place has a damaged time.
_MOST_REORDERED = 16


class PacketTimes(NamedTuple):
    """What a container says of a packet; times are in units of the stream's time base.

    Attributes:
        pts: When its frame is shown; None if unknown.
        dts: When it is decoded; None if unknown.
        duration: How long its frame is shown; 0 if unknown.
        is_keyframe: Decoding can start here.
        is_shown: Its frame is meant to be seen.
        place: Where it lies in the file, in bytes; None if unknown.
    """

    pts: int | None
    dts: int | None
    duration: int
    is_keyframe: bool
    is_shown: bool
    place: int | None = None


def tells_order(video: OpenVideo, packets: Sequence[PacketTimes]) -> bool:
    """Whether packets sorted by pts are in the order in which a decoder shows their frames, and keyframes are so."""
    if not _has_times(packets) or len(joins(video, packets)):
        return False
    codec, is_stored = video.stream.codec.properties, video.container.format.name in _STORES_PTS
    if not codec & Properties.INTRA_ONLY.value and not is_stored and all(p.is_keyframe for p in packets):
        return len(packets) == 1  # FFmpeg calls all packets keyframes where nothing tells which are.
    if not codec & Properties.REORDER.value:
        return True
    # A muxer that was told no times of showing has written those of decoding.
    is_of_decoding = all(packet.pts == packet.dts for packet in packets)
    return is_stored and not (is_of_decoding and video.stream.codec_context.has_b_frames)


def _has_times(packets: Sequence[PacketTimes]) -> bool:
    """Whether every frame has a time of its own, near to its place in the file."""
    shown = [packet.pts for packet in packets if packet.is_shown]
    if not shown or None in shown or len(set(shown)) < len(shown):
        return False
    ranks = np.argsort(np.argsort(np.array(shown, np.int64)))
    return bool(np.abs(ranks - np.arange(len(ranks))).max() <= _MOST_REORDERED)


def joins(video: OpenVideo, packets: Sequence[PacketTimes]) -> np.ndarray:
    """Numbers of the packets at which the clock goes back or is set anew, int64: there recordings were joined."""
    known, steps = _steps(packets)
    is_back = np.zeros(len(packets), bool)
    is_back[known[1:]] = steps < 0
    return np.flatnonzero(is_back | (_changes(video, packets) != 0))


def shown_times(video: OpenVideo, packets: Sequence[PacketTimes], *, shown: Sequence[int]) -> np.ndarray:
    """Times of frames in the order in which they are shown, as one clock that never goes back.

    Args:
        video: The open file.
        packets: All its packets, in the order of the file.
        shown: Numbers of the packets that hold the frames, in the order in which those are shown.

    Returns:
        int64 (frames,), strictly increasing, in units of the stream's time base.
    """
    # Times of decoding are in the order of the file: sorted, they are at a constant distance from those of showing.
    seconds = float(video.stream.time_base or 0)
    may_wait = _FORWARD_SECONDS / seconds if video.container.format.name in _STORES_PTS else -1.0
    # What to add to the times of each packet, so that its clock goes on where it was set anew.
    offsets = np.cumsum(_changes(video, packets))
    times = [_time(packets[number], may_wait=may_wait) for number in shown]
    known = np.array([0 if time is None else time + offsets[n] for n, time in zip(shown, times, strict=True)])
    is_known = np.array([time is not None for time in times])
    return _increasing(np.sort(known[is_known]), count=len(shown))


def _time(packet: PacketTimes, *, may_wait: float) -> int | None:
    """When a packet's frame is shown, or else decoded: a time of showing far from that is damaged."""
    if packet.pts is None or packet.dts is None:
        return packet.pts if may_wait > 0 and packet.pts is not None else packet.dts
    return packet.pts if abs(packet.pts - packet.dts) <= may_wait else packet.dts


def _increasing(times: np.ndarray, *, count: int) -> np.ndarray:
    """Sorted times as strictly increasing ones; frames without a time follow at the usual distance."""
    step = max(1, int(np.median(np.diff(times)))) if len(times) > 1 else 1
    start = int(times[-1]) + step if len(times) else 0
    times = np.concatenate([times, start + step * np.arange(count - len(times))]).astype(np.int64)
    numbers = np.arange(count)
    return np.maximum.accumulate(times - numbers) + numbers


def _changes(video: OpenVideo, packets: Sequence[PacketTimes]) -> np.ndarray:
    """By how much to turn the clock at each packet, where ``ffmpeg`` does; int64 (packets,)."""
    known, steps = _steps(packets)
    durations = np.array([packets[number].duration for number in known[:-1]], np.int64)
    seconds = float(video.stream.time_base or 0)
    may_jump = video.container.format.flags & Flags.ts_discont.value
    forward_seconds = _FORWARD_SECONDS if may_jump else np.inf
    is_new = (steps * seconds < -_BACK_SECONDS) | ((steps - durations) * seconds > forward_seconds)
    changes = np.zeros(len(packets), np.int64)
    changes[known[1:][is_new]] = (durations - steps)[is_new]
    return changes


def _steps(packets: Sequence[PacketTimes]) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the packets whose dts is known, and the steps from each to the next; int64."""
    known = np.array([number for number, packet in enumerate(packets) if packet.dts is not None], np.int64)
    return known, np.diff(np.array([packets[number].dts for number in known], np.int64))
