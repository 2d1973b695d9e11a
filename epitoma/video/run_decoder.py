"""Decoder of the runs of a plan: yields frames that are not damaged, in presentation order."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, dropwhile
from typing import Literal, NamedTuple

import numpy as np
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from epitoma.video.container import OpenVideo, open_video
from epitoma.video.frame_finder import Found, frame_finder
from epitoma.video.index import VideoIndex
from epitoma.video.plan import Run

# Codecs in which skip_frame=NONREF is exact: a frame marked as non-reference is never referenced.
_SKIPS_EXACTLY = frozenset({"h264", "mpeg4", "mpeg2video", "mpeg1video"})
_FAST_OPTIONS = {"skip_loop_filter": "all"}
# Where a picture is damaged, FFmpeg's decoder of these keeps coefficients of it, and adds them to the next one.
_SPOILS_THE_NEXT = frozenset({"h264"})

_Skipped = Literal["DEFAULT", "NONREF"]
NumberedFrame = tuple[int, VideoFrame]
"""A frame's number in the index, and the frame."""


class _Decoded(NamedTuple):
    """What is known of a frame when its packet is decoded.

    Attributes:
        is_sound: Whether it is sound, unless one that was decoded before turns out to be damaged.
        known_at: The frame that is shown last of all that were decoded before it: then it is known.
    """

    is_sound: bool
    known_at: int


_UNKNOWN = _Decoded(is_sound=False, known_at=-1)


@dataclass
class _Soundness:
    """Tracks which frames are sound: neither damaged nor predicted from a damaged one.

    From a damaged packet on, all packets up to the next keyframe count as damaged. Leading frames (after a keyframe in
    the file, but shown before it) need the previous group of pictures too. A keyframe that is not in the index means
    that frames were lost and timestamps have shifted. A frame that a decoder shows after a later one is not what its
    timestamp says.

    A decoder tells of damage when it shows the frame, and shows those that were predicted from it before, if they come
    earlier: so a frame waits here until all that were decoded before it are shown. Of some damaged packets it shows two
    pictures, and tells of the second: so a frame waits for one more.
    """

    keyframes: frozenset[int]
    is_sound: bool = False
    was_sound: bool = False
    keyframe: int | None = None
    last_decoded: int = -1
    last_shown: int = -1
    decoded: dict[int, _Decoded] = field(default_factory=dict)
    waiting: deque[NumberedFrame] = field(default_factory=deque)

    def see(self, packet: "Packet[VideoStream]", found: Found, *, decodes: bool) -> None:
        """Add a packet, in decoding order."""
        frame = found.frame
        if found.is_keyframe:
            is_known = not self.keyframes or frame in self.keyframes or packet.is_discard
            self.was_sound, self.is_sound, self.keyframe = self.is_sound, is_known, frame
        if not decodes or (packet.is_corrupt and not found.is_before_join):
            self.is_sound = False
        if frame is None:
            return
        # A keyframe that is not shown is cut away from the start, and all that is shown comes after it.
        is_sound = self.is_sound and (self.was_sound or self.keyframe is None or frame >= self.keyframe)
        self.last_decoded = max(self.last_decoded, frame)
        self.decoded[frame] = _Decoded(is_sound, self.last_decoded)

    def show(self, frames: Iterable[VideoFrame]) -> None:
        """Add frames, in the order in which the decoder shows them."""
        for frame in frames:
            number = frame.pts
            if frame.is_corrupt:
                self._damage(number)
            elif number is not None and number >= self.last_shown:
                self.waiting.append((number, frame))
            self.last_shown = max(self.last_shown, -1 if number is None else number)

    def trusted(self, *, is_end: bool = False) -> Iterator[NumberedFrame]:
        """Yield the sound frames that wait no more; at the end of a run none does."""
        while self.waiting:
            decoded = self.decoded.get(self.waiting[0][0], _UNKNOWN)
            if decoded.known_at >= self.last_shown and not is_end:
                return
            frame = self.waiting.popleft()
            if decoded.is_sound:
                yield frame

    def _damage(self, number: int | None) -> None:
        """Note that a frame is damaged: what was decoded since may be, up to a keyframe that is still to come."""
        self.is_sound = False
        since = number if number in self.decoded else next(reversed(self.decoded), None)
        while since in self.decoded:
            self.decoded.popitem()


class RunDecoder:
    """Decodes runs of a plan from one open file.

    Args:
        video: The open file.
        index: Its frames and keyframes.
        is_fast: Skip the deblocking filter and frames that no other frame references.
    """

    def __init__(self, video: OpenVideo, index: VideoIndex, *, is_fast: bool) -> None:
        self.packets_fed = self.bytes_read_again = 0
        self._video = video
        self._index = index
        self._finder = frame_finder(index)
        self._codec = video.stream.codec_context
        self._is_spoiled = False
        self._keyframes = frozenset(index.keyframes.tolist() if len(index.keyframes) > 1 else ())
        self._is_fast = is_fast
        # MPEG-4 in AVI may have two frames in a packet: the decoder would lose the second with the first.
        is_packed = self._codec.name == "mpeg4" and index.packet_order is not None
        self._skips = is_fast or (self._codec.name in _SKIPS_EXACTLY and not is_packed)
        self._open_decoder()

    def frames(self, run: Run) -> Iterator[NumberedFrame]:
        """Yield the sound frames of a run, wanted or not, up to the last wanted one.

        Frames that are neither wanted nor referenced by others are not decoded.
        """
        missing, soundness = set(run.wanted), _Soundness(self._keyframes)
        for packet in self._packets(run.seek_frame):
            found = self._finder.find(packet)
            # What holds no frame of its own may be the second field of the last one.
            if not missing and found.frame is not None:
                break
            if found.is_keyframe and self._is_spoiled:
                self._show(self._drain(), soundness)
                self._renew_decoder()
            self._decode(packet, found, soundness, is_wanted=found.frame in missing)
            yield from soundness.trusted()
            missing.discard(found.frame)
        self._show(self._drain(), soundness)
        yield from soundness.trusted(is_end=True)

    def _decode(
        self, packet: "Packet[VideoStream]", found: Found, soundness: _Soundness, *, is_wanted: bool
    ) -> None:
        # What holds no frame of its own may be the second field of a wanted one.
        may_skip = self._is_fast or not (is_wanted or found.frame is None)
        self._skip("NONREF" if self._skips and may_skip else "DEFAULT")
        self.packets_fed += 1
        # A decoder hands a packet's pts on to its frame: here it is the frame's number.
        packet.pts = found.frame
        try:
            frames, decodes = self._codec.decode(packet), True
        except FFmpegError:
            frames, decodes = [], False
        soundness.see(packet, found, decodes=decodes)
        self._show(frames, soundness, decodes=decodes)

    def _show(self, frames: list[VideoFrame], soundness: _Soundness, *, decodes: bool = True) -> None:
        is_damaged = not decodes or any(frame.is_corrupt for frame in frames)
        self._is_spoiled |= is_damaged and self._codec.name in _SPOILS_THE_NEXT
        soundness.show(frames)

    def _open_decoder(self) -> None:
        self._skipping: _Skipped = "DEFAULT"
        if self._is_fast:
            self._codec.options = {**self._codec.options, **_FAST_OPTIONS}
        # Opened now, after the options are set: some decoders read them only when they are opened.
        self._codec.open(strict=False)

    def _renew_decoder(self) -> None:
        """Go on with a decoder that knows nothing of the damaged picture; what the stream is, is read once more."""
        with open_video(self._video.path) as again:
            self._codec, self._is_spoiled = again.stream.codec_context, False
            self.bytes_read_again += again.bytes_read
        self._open_decoder()

    def _drain(self) -> list[VideoFrame]:
        """Take the frames that the decoder holds back for reordering; it accepts packets again, from a keyframe on."""
        try:
            return self._codec.decode(None)
        except FFmpegError:
            return []  # Wanted frames among them are counted as missing.
        finally:
            self._codec.flush_buffers()

    def _skip(self, frames: _Skipped) -> None:
        if frames != self._skipping:
            self._codec.skip_frame = self._skipping = frames

    def _packets(self, keyframe: int | None) -> Iterator["Packet[VideoStream]"]:
        """Packets from a keyframe on; None starts at the beginning of the file."""
        if keyframe is not None:
            return self._seek(keyframe)
        self._finder.rewind()
        return self._video.packets_from_keyframe()

    def _seek(self, keyframe: int) -> Iterator["Packet[VideoStream]"]:
        """Packets from a keyframe on; empty where the file cannot seek, so that its frames count as missing."""
        # Containers seek by dts, which may land at a later keyframe than asked: then try an earlier one.
        for candidate in self._seekable(keyframe):
            try:
                self._video.container.seek(self._finder.seek_time(candidate), stream=self._video.stream)
            except FFmpegError:
                break
            packets = self._video.packets_from_keyframe()
            first = next(packets, None)
            if first is None:
                continue
            landed = self._finder.landed_at(first)
            if landed is not None and landed <= keyframe:
                # A seek may also land too early: packets before the keyframe need not be decoded.
                return dropwhile(
                    lambda packet: self._finder.find(packet).frame != keyframe, chain([first], packets)
                )
        return iter(())

    def _seekable(self, keyframe: int) -> list[int]:
        """The keyframe and all before it, from the last to the first."""
        keyframes = self._index.keyframes
        return keyframes[keyframes <= keyframe][::-1].tolist()


def nearest_frames(
    targets: Iterable[int], frames: Iterable[NumberedFrame], *, pts: np.ndarray
) -> Iterator[tuple[int, NumberedFrame]]:
    """Match each wanted frame with the one nearest to it in time.

    Args:
        targets: Numbers of wanted frames, sorted.
        frames: Numbers and frames, sorted by number.
        pts: Times of all frames.

    Yields:
        (wanted number, (number, frame)) for every target; nothing if there is no frame.
    """
    waiting = deque(targets)
    previous: NumberedFrame | None = None
    for following in frames:
        while waiting and waiting[0] <= following[0]:
            wanted = waiting.popleft()
            is_nearer = previous is None or pts[following[0]] - pts[wanted] < pts[wanted] - pts[previous[0]]
            yield wanted, following if previous is None or is_nearer else previous
        previous = following
    if previous is not None:
        yield from ((wanted, previous) for wanted in waiting)
