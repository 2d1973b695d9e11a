"""Decoder of the runs of a plan: yields frames that are not damaged, in presentation order."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, dropwhile
from typing import Literal

from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from epitoma.video.container import OpenVideo
from epitoma.video.index import VideoIndex
from epitoma.video.plan import Run

# Codecs in which skip_frame=NONREF is exact: a frame marked as non-reference is never referenced.
_SKIPS_EXACTLY = frozenset({"h264", "mpeg4", "mpeg2video", "mpeg1video"})
_FAST_OPTIONS = {"skip_loop_filter": "all"}

_Skipped = Literal["DEFAULT", "NONREF"]
TimedFrame = tuple[int, VideoFrame]
"""A frame's pts, in units of the stream's time base, and the frame."""


@dataclass
class _Soundness:
    """Tracks which packets are sound: neither damaged nor predicted from a damaged one.

    From a damaged packet on, all packets up to the next keyframe count as damaged. Leading frames (after a keyframe in
    the file, but shown before it) need the previous group of pictures too. A keyframe whose pts is not in the index
    means that frames were lost and timestamps have shifted.
    """

    keyframe_pts: frozenset[int]
    is_sound: bool = False
    was_sound: bool = False
    key_pts: int | None = None
    sound_pts: set[int] = field(default_factory=set)

    def see(self, packet: "Packet[VideoStream]", *, decodes: bool) -> None:
        """Add a packet, in decoding order."""
        if packet.is_keyframe:
            is_known = not self.keyframe_pts or packet.pts in self.keyframe_pts or packet.is_discard
            self.was_sound, self.is_sound, self.key_pts = self.is_sound, is_known, packet.pts
        if packet.is_corrupt or not decodes:
            self.is_sound = False
        if packet.pts is None or self.key_pts is None:
            return
        if self.is_sound and (self.was_sound or packet.pts >= self.key_pts):
            self.sound_pts.add(packet.pts)


class RunDecoder:
    """Decodes runs of a plan from one open file.

    Args:
        video: The open file.
        index: Its frames and keyframes.
        is_fast: Skip the deblocking filter and frames that no other frame references.
    """

    def __init__(self, video: OpenVideo, index: VideoIndex, *, is_fast: bool) -> None:
        self.packets_fed = 0
        self._video = video
        self._index = index
        self._codec = video.stream.codec_context
        self._keyframe_pts = frozenset(
            index.pts[index.keyframes].tolist() if len(index.keyframes) > 1 else ()
        )
        self._is_fast = is_fast
        self._skips = is_fast or self._codec.name in _SKIPS_EXACTLY
        self._skipping: _Skipped = "DEFAULT"
        if is_fast:
            self._codec.options = {**self._codec.options, **_FAST_OPTIONS}
        # Opened now, after the options are set: some decoders read them only when they are opened.
        self._codec.open(strict=False)

    def frames(self, run: Run) -> Iterator[TimedFrame]:
        """Yield the sound frames of a run, wanted or not, up to the last wanted one.

        Frames that are neither wanted nor referenced by others are not decoded.
        """
        missing = {int(self._index.pts[frame]) for frame in run.wanted}
        soundness = _Soundness(self._keyframe_pts)
        for packet in self._packets(run.seek_frame):
            frames = self._decode(packet, soundness, is_wanted=packet.pts in missing)
            yield from self._trusted(frames, soundness)
            missing.discard(packet.pts)
            if not missing:
                break
        yield from self._trusted(self._drain(), soundness)

    def _decode(
        self, packet: "Packet[VideoStream]", soundness: _Soundness, *, is_wanted: bool
    ) -> list[VideoFrame]:
        self._skip("NONREF" if self._skips and (self._is_fast or not is_wanted) else "DEFAULT")
        self.packets_fed += 1
        try:
            frames = self._codec.decode(packet)
        except FFmpegError:
            frames, decodes = [], False
        else:
            decodes = not any(frame.is_corrupt for frame in frames)
        soundness.see(packet, decodes=decodes)
        return frames

    def _drain(self) -> list[VideoFrame]:
        """Flush the frames that the decoder holds back for reordering; it accepts packets again only after a seek."""
        try:
            return self._codec.decode(None)
        except FFmpegError:
            return []  # Wanted frames among them are counted as missing.

    def _skip(self, frames: _Skipped) -> None:
        if frames != self._skipping:
            self._codec.skip_frame = self._skipping = frames

    @staticmethod
    def _trusted(frames: Iterable[VideoFrame], soundness: _Soundness) -> Iterator[TimedFrame]:
        for frame in frames:
            if frame.pts is not None and frame.pts in soundness.sound_pts and not frame.is_corrupt:
                yield frame.pts, frame

    def _packets(self, keyframe: int | None) -> Iterator["Packet[VideoStream]"]:
        """Packets from a keyframe on; None starts at the beginning of the file."""
        return self._video.packets() if keyframe is None else self._seek(keyframe)

    def _seek(self, keyframe: int) -> Iterator["Packet[VideoStream]"]:
        """Packets from a keyframe on; empty where the file cannot seek, so that its frames count as missing."""
        target_pts = int(self._index.pts[keyframe])
        # Containers seek by dts, which may land at a later keyframe than asked: then try an earlier one.
        for candidate in self._index.keyframes[self._index.keyframes <= keyframe][::-1]:
            try:
                self._video.container.seek(int(self._index.pts[candidate]), stream=self._video.stream)
            except FFmpegError:
                break
            packets = dropwhile(lambda packet: not packet.is_keyframe, self._video.packets())
            first = next(packets, None)
            if first is not None and first.pts is not None and first.pts <= target_pts:
                # A seek may also land too early: packets before the keyframe need not be decoded.
                return dropwhile(lambda packet: packet.pts != target_pts, chain([first], packets))
        return iter(())


def nearest_frames(
    targets: Iterable[tuple[int, int]], frames: Iterable[TimedFrame]
) -> Iterator[tuple[int, TimedFrame]]:
    """Match each target with the frame nearest to its pts.

    Args:
        targets: (pts, name), in order of pts.
        frames: (pts, frame), in order of pts.

    Yields:
        (name, (pts, frame)) for every target; nothing if there is no frame.
    """
    waiting = deque(targets)
    previous: TimedFrame | None = None
    for following in frames:
        while waiting and waiting[0][0] <= following[0]:
            pts, name = waiting.popleft()
            is_nearer = previous is None or following[0] - pts < pts - previous[0]
            yield name, following if previous is None or is_nearer else previous
        previous = following
    if previous is not None:
        yield from ((name, previous) for _, name in waiting)
