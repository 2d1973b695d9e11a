"""What FFmpeg shows of a file that is decoded plainly, packet after packet, whatever is damaged in it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from epitoma.video.container import OpenVideo, open_video
from epitoma.video.index import VideoIndex
from epitoma.video.packet_order import NO_FRAME
from epitoma.video.scale import SquareScaler

Options = Mapping[str, str]

EXACT: Options = {}
FAST: Options = {"skip_loop_filter": "all"}

LEAVES_HOLES = frozenset({"hevc", "mpeg4"})
"""Codecs of which FFmpeg fills what a damaged picture lacks by what it has done before, and says nothing of it."""


@dataclass(frozen=True, kw_only=True)
class PlainPictures:
    """What plain decodes of a file show.

    Attributes:
        of_frame: Pictures by number of frame: several where decodes differ, or damage has a decoder show one twice.
        leaves_holes: Whether pictures may depend on what the decoder has done before.
    """

    of_frame: Mapping[int, set[bytes]]
    leaves_holes: bool = False

    def has(self, picture: bytes, frames: Iterable[int]) -> bool:
        """Whether a picture is that of one of these frames, or may be, where nobody knows what they show."""
        if any(picture in self.of_frame.get(frame, ()) for frame in frames):
            return True
        return self.leaves_holes and not any(picture in shown for shown in self.of_frame.values())


def plain_pictures(path: Path, index: VideoIndex, ways: Sequence[Options], *, size: int) -> PlainPictures:
    """Decode every packet of a file into squares of a size, with several options.

    Each is done by one decoder, and by a new one from each keyframe on: a decoder may spoil what comes after damage.
    """
    of_frame: dict[int, set[bytes]] = defaultdict(set)
    for options, renews in product(ways, (False, True)):
        with open_video(path) as video:
            leaves_holes = video.stream.codec_context.name in LEAVES_HOLES
            for frame, picture in _pictures(video, index, options, size=size, renews=renews):
                of_frame[frame].add(picture)
    return PlainPictures(of_frame=of_frame, leaves_holes=leaves_holes)


def _pictures(
    video: OpenVideo, index: VideoIndex, options: Options, *, size: int, renews: bool
) -> Iterator[tuple[int, bytes]]:
    scaler, square = SquareScaler(size=size, rotation=index.rotation), np.empty((size, size, 3), np.uint8)
    for frame in _frames(video, index, options, renews=renews):
        if frame.pts is not None:
            scaler.scale_into(square, frame)
            yield frame.pts, square.tobytes()


def _frames(video: OpenVideo, index: VideoIndex, options: Options, *, renews: bool) -> Iterator[VideoFrame]:
    """All that is shown; the pts of a frame is its number in the index, None where it has none."""
    numbers = {time: number for number, time in enumerate(index.pts.tolist())}
    order = None if index.packet_order is None else index.packet_order.frames.tolist()
    decoder = _with_options(video.stream.codec_context, options)
    for count, packet in enumerate(video.packets_from_keyframe()):
        if renews and count and packet.is_keyframe:
            yield from _decoded(decoder, None)
            with open_video(video.path) as again:
                decoder = _with_options(again.stream.codec_context, options)
        number = numbers.get(packet.pts) if order is None else order[count]
        packet.pts = None if number == NO_FRAME else number
        yield from _decoded(decoder, packet)
    yield from _decoded(decoder, None)


def _with_options(decoder: VideoCodecContext, options: Options) -> VideoCodecContext:
    decoder.options = {**decoder.options, **options}
    return decoder


def _decoded(decoder: VideoCodecContext, packet: object) -> list[VideoFrame]:
    try:
        return decoder.decode(packet)
    except FFmpegError:
        return []
