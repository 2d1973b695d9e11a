"""Finding the frame that a packet holds, in a file that is read from its start or from a keyframe."""

from typing import NamedTuple, Protocol

from av.packet import Packet
from av.video.stream import VideoStream

from epitoma.video.index import VideoIndex
from epitoma.video.packet_order import NO_FRAME


class Found(NamedTuple):
    """What is known of a packet.

    Attributes:
        frame: The frame it holds; None if the index has none for it.
        is_keyframe: Decoding can start with it, or so its file says where nothing else is known.
        is_before_join: It is one of the last of a recording that another one was joined to.
    """

    frame: int | None
    is_keyframe: bool
    is_before_join: bool = False


class FrameFinder(Protocol):
    """How packets are known."""

    def rewind(self) -> None:
        """Note that the file is read from its start again."""
        ...

    def find(self, packet: "Packet[VideoStream]") -> Found:
        """Look the next packet up."""
        ...

    def landed_at(self, packet: "Packet[VideoStream]") -> int | None:
        """The frame of the first packet after a seek; None if it may be another."""
        ...

    def seek_time(self, keyframe: int) -> int:
        """The time to seek to, in units of the index's time base."""
        ...


def frame_finder(index: VideoIndex) -> FrameFinder:
    """Choose the way that a file's index needs; one finder serves all runs over the file."""
    if index.packet_order is None:
        return _ByTimeOfShowing(index)
    return _ByNumber(index)


class _ByTimeOfShowing:
    def __init__(self, index: VideoIndex) -> None:
        self._pts = index.pts
        self._frames = {time: frame for frame, time in enumerate(index.pts.tolist())}

    def rewind(self) -> None:
        """Nothing changes: times say all."""

    def find(self, packet: "Packet[VideoStream]") -> Found:
        return Found(None if packet.pts is None else self._frames.get(packet.pts), packet.is_keyframe)

    def landed_at(self, packet: "Packet[VideoStream]") -> int | None:
        return self.find(packet).frame

    def seek_time(self, keyframe: int) -> int:
        return int(self._pts[keyframe])


class _ByNumber:
    """Packets are numbered by their times of decoding, or counted where these start again."""

    def __init__(self, index: VideoIndex) -> None:
        assert index.packet_order is not None
        self._order = index.packet_order
        self._frames = self._order.frames.tolist()
        self._numbers = {time: number for number, time in enumerate(self._order.dts.tolist())}
        # Of a file that is read from its start only, the first is known and no other.
        self._keyframes = set(index.keyframes.tolist()) if len(index.keyframes) > 1 else None
        self._read = 0

    def rewind(self) -> None:
        self._read = 0

    def find(self, packet: "Packet[VideoStream]") -> Found:
        number = self._number(packet)
        if number is None or number >= len(self._frames):
            return Found(None, packet.is_keyframe)
        frame = self._frames[number]
        is_keyframe = packet.is_keyframe and (self._keyframes is None or frame in self._keyframes)
        is_before_join = self._order.is_before_join(number)
        return Found(None if frame == NO_FRAME else frame, is_keyframe, is_before_join)

    def landed_at(self, packet: "Packet[VideoStream]") -> int | None:
        number = None if packet.dts is None else self._numbers.get(packet.dts)
        is_there = number is not None and self._order.is_in_place(number, packet.pos)
        return self.find(packet).frame if is_there else None

    def seek_time(self, keyframe: int) -> int:
        return int(self._order.dts[self._frames.index(keyframe)])

    def _number(self, packet: "Packet[VideoStream]") -> int | None:
        if self._numbers:
            return None if packet.dts is None else self._numbers.get(packet.dts)
        # Such a file is read from its start only.
        self._read += 1
        return self._read - 1
