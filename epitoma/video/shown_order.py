"""The order in which a decoder shows the frames of a file, found by decoding it once, as cheaply as a decoder can."""

from collections.abc import Iterator
from typing import NamedTuple

from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from epitoma.video.container import OpenVideo

# Pixels do not matter here: neither what makes pictures of coefficients, nor what smooths the edges of blocks.
_NO_PIXELS = {"skip_idct": "all", "skip_loop_filter": "all"}


class ShownPacket(NamedTuple):
    """A packet that holds a frame.

    Attributes:
        number: Counted from the first keyframe, in the order of the file.
        is_key: Its frame needs no other.
    """

    number: int
    is_key: bool


def shown_packets(video: OpenVideo) -> list[ShownPacket]:
    """Decode a file from its first keyframe to its end.

    Args:
        video: The file, open and not yet read.

    Returns:
        The packets that hold a frame, in the order in which their frames are shown.
    """
    video.stream.codec_context.options = {**video.stream.codec_context.options, **_NO_PIXELS}
    first_of: dict[int, ShownPacket] = {}
    for packet in _shown(video):
        first_of.setdefault(packet.number, packet)
    return list(first_of.values())


def _shown(video: OpenVideo) -> Iterator[ShownPacket]:
    for number, packet in enumerate(video.packets_from_keyframe()):
        # A decoder hands a packet's pts on to its frame, whatever it is.
        packet.pts = number
        yield from _decoded(video, packet)
    yield from _decoded(video, None)


def _decoded(video: OpenVideo, packet: "Packet[VideoStream] | None") -> Iterator[ShownPacket]:
    try:
        frames = video.stream.codec_context.decode(packet)
    except FFmpegError:
        return  # Damaged; a plain decode has no picture of it either.
    yield from (ShownPacket(frame.pts, frame.key_frame) for frame in frames if frame.pts is not None)
