"""Files whose containers say little or nothing of the order of their frames, made of ordinary ones."""

from collections.abc import Iterable
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Disposition

_VOP = b"\x00\x00\x01\xb6"
_USER_DATA = b"\x00\x00\x01\xb2"
# DivX writes this into the header of a stream whose packets may hold two frames.
_PACKED = _USER_DATA + b"DivX503b1393p"
_P, _B = 1, 2


def joined(first: Path, second: Path, path: Path) -> Path:
    """Two recordings one after the other, as ``cat`` does it: the clock starts again in the middle."""
    path.write_bytes(first.read_bytes() + second.read_bytes())
    return path


def cut_by_edit_list(source: Path, path: Path, *, seconds: float) -> Path:
    """A film without its start, which is still in the file, as ``ffmpeg -ss ... -c copy`` does it."""
    with av.open(str(source)) as container, av.open(str(path), "w") as output:
        stream = container.streams.video[0]
        copy = output.add_stream_from_template(stream)
        for packet in container.demux(stream):
            if packet.size:
                assert packet.pts is not None
                assert packet.dts is not None
                packet.pts -= round(seconds / stream.time_base)
                packet.dts -= round(seconds / stream.time_base)
                packet.stream = copy
                output.mux(packet)
    return path


def with_late_keyframe(source: Path, path: Path, *, seconds: float) -> Path:
    """The second keyframe with a damaged time of showing."""
    keyframes = 0
    with av.open(str(source)) as container, av.open(str(path), "w") as output:
        stream = container.streams.video[0]
        copy = output.add_stream_from_template(stream)
        for packet in container.demux(stream):
            if packet.size:
                keyframes += packet.is_keyframe
                if packet.is_keyframe and keyframes == 2:
                    assert packet.pts is not None
                    packet.pts += round(seconds / stream.time_base)
                packet.stream = copy
                output.mux(packet)
    return path


def with_swapped_keyframes(source: Path, path: Path) -> Path:
    """An AVI whose index has the places of its second and third keyframe the wrong way round."""
    content = bytearray(source.read_bytes())
    start = content.rindex(b"idx1") + 8
    entries = range(start, len(content) - 15, 16)
    second, third = [at for at in entries if content[at + 4] & 0x10][1:3]
    places = slice(second + 8, second + 16), slice(third + 8, third + 16)
    content[places[0]], content[places[1]] = content[places[1]], content[places[0]]
    path.write_bytes(content)
    return path


def with_thumbnail_first(source: Path, path: Path, *, width: int = 32) -> Path:
    """A film behind a stream of one small picture."""
    with av.open(str(source)) as container, av.open(str(path), "w") as output:
        picture = output.add_stream("mjpeg", rate=25)
        picture.width, picture.height, picture.pix_fmt = width, width, "yuvj420p"
        film = output.add_stream_from_template(container.streams.video[0])
        output.mux(picture.encode(av.VideoFrame(width, width, "yuvj420p")))
        output.mux(picture.encode(None))
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = film
                output.mux(packet)
    return path


def with_two_films(first: Path, second: Path, path: Path, *, meant: int) -> Path:
    """Two films in one file, of which one is marked as the one to show."""
    with av.open(str(first)) as one, av.open(str(second)) as other, av.open(str(path), "w") as output:
        sources = [one, other]
        films = [output.add_stream_from_template(source.streams.video[0]) for source in sources]
        for number, film in enumerate(films):
            film.disposition = Disposition.default if number == meant else Disposition(0)
        for source, film in zip(sources, films, strict=True):
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = film
                    output.mux(packet)
    return path


def packed(source: Path, path: Path, *, dropped: Iterable[int] = (), late: Iterable[int] = ()) -> Path:
    """MPEG-4 as DivX and XviD write it: a P frame and the B frame shown before it in one packet, then an empty one.

    Args:
        source: MPEG-4 with B frames, one in a packet.
        path: The file to write.
        dropped: Numbers of packets that are lost.
        late: Numbers of packets before which two places in the file are empty, as where a camera fell behind.
    """
    dropped, late = set(dropped), tuple(late)
    with av.open(str(source)) as container, av.open(str(path), "w") as output:
        stream = container.streams.video[0]
        copy = output.add_stream_from_template(stream)
        copy.codec_context.extradata = _said_to_be_packed(stream.codec_context.extradata)
        frames = [bytes(packet) for packet in container.demux(stream) if packet.size]
        for number, content in enumerate(_in_pairs(frames, rate=int(stream.average_rate))):
            if number not in dropped:
                packet = Packet(content)
                packet.stream, packet.time_base = copy, stream.time_base
                packet.pts = packet.dts = number + 2 * sum(number >= place for place in late)
                packet.is_keyframe = _kind(content) == 0
                output.mux(packet)
    return path


def _said_to_be_packed(header: bytes | None) -> bytes:
    return (header or b"").partition(_USER_DATA)[0] + _PACKED


def _in_pairs(frames: list[bytes], *, rate: int) -> list[bytes]:
    packets: list[bytes] = []
    waiting = list(frames)
    while waiting:
        frame = waiting.pop(0)
        if _kind(frame) == _P and waiting and _kind(waiting[0]) == _B:
            packets += [frame + waiting.pop(0), _not_coded(frame, rate=rate)]
        else:
            packets.append(frame)
    return [_marked(packet) for packet in packets]


def _marked(packet: bytes) -> bytes:
    """Say so in the headers that a keyframe repeats, too."""
    head, vop, picture = packet.partition(_VOP)
    return (_said_to_be_packed(head) if head else b"") + vop + picture


def _kind(frame: bytes) -> int:
    """Type of a packet's first frame: 0 I, 1 P, 2 B."""
    return frame[frame.index(_VOP) + 4] >> 6


def _not_coded(frame: bytes, *, rate: int) -> bytes:
    """A frame with the time of another one, and nothing in it."""
    start = frame.index(_VOP) + 4
    bits = "".join(f"{byte:08b}" for byte in frame[start : start + 8])
    seconds = bits.index("0", 2)  # Ones count seconds, a nought ends them, a marker follows.
    head = bits[: seconds + 2 + (rate - 1).bit_length() + 1] + "0"
    padded = head + "0" + "1" * (-(len(head) + 1) % 8)
    return _VOP + int(padded, 2).to_bytes(len(padded) // 8, "big")
