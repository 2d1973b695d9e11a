"""Which frame each packet of a file holds: found by its time of showing where that tells, and else by what does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from epitoma.video.clock import PacketTimes

NO_FRAME = -1
UNKNOWN_PLACE = -1
# FFmpeg marks a packet as damaged when the counters of an MPEG transport stream start again, one or two too early.
_NEAR_JOIN = 3


@dataclass(frozen=True, kw_only=True)
class PacketOrder:
    """Frames of packets, for a file whose timestamps do not tell.

    Attributes:
        frames: int64 (packets,), the frame that each packet holds, from the first keyframe in the order of the file;
            NO_FRAME where there is none.
        dts: int64 (packets,), strictly increasing, by which packets are found; empty where times of decoding are
            missing or start again, so that packets are counted from the start of the file.
        joins: int64, sorted, the packets at which another recording starts.
        key_packets: int64, sorted, the packets that the file calls keyframes.
        key_places: int64 (key_packets,), where those lie in the file, in bytes; UNKNOWN_PLACE where that is not known.
    """

    frames: np.ndarray
    dts: np.ndarray
    joins: np.ndarray
    key_packets: np.ndarray
    key_places: np.ndarray

    @classmethod
    def of_shown(
        cls, shown: Sequence[int], packets: Sequence[PacketTimes], joins: np.ndarray
    ) -> "PacketOrder":
        """Make it of all packets, and of the numbers of those that hold frames, in the order of showing."""
        frames = np.full(len(packets), NO_FRAME, np.int64)
        frames[list(shown)] = np.arange(len(shown))
        keys = [number for number, packet in enumerate(packets) if packet.is_keyframe]
        places = [packets[number].place for number in keys]
        return cls(
            frames=frames,
            dts=_increasing([packet.dts for packet in packets]),
            joins=joins,
            key_packets=np.array(keys, np.int64),
            key_places=np.array([UNKNOWN_PLACE if at is None else at for at in places], np.int64),
        )

    def is_in_place(self, packet: int, place: int | None) -> bool:
        """Whether a keyframe's packet lies where it lay: a damaged index gives one the time of another."""
        key = int(np.searchsorted(self.key_packets, packet))
        if key == len(self.key_packets) or self.key_packets[key] != packet:
            return False
        return int(self.key_places[key]) in (UNKNOWN_PLACE, place)

    def is_before_join(self, packet: int) -> bool:
        """Whether a packet is one of the last of its recording."""
        if not len(self.joins):
            return False  # Asked for every packet, and nearly every file is one recording.
        following = np.searchsorted(self.joins, packet, side="right")
        return bool(following < len(self.joins) and self.joins[following] <= packet + _NEAR_JOIN)


def _increasing(dts: Sequence[int | None]) -> np.ndarray:
    known = np.array([time for time in dts if time is not None], np.int64)
    is_whole = len(known) == len(dts) and bool((np.diff(known) > 0).all())
    return known if is_whole else np.zeros(0, np.int64)
