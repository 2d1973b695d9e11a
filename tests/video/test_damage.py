"""Damaged files end in a typed error or in good frames, with what was replaced said; never in black ones."""

import struct
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.footage import footage
from epitoma.core.errors import VideoError
from epitoma.video.compose import write_video
from epitoma.video.decode import Decoded, FrameRequest, decode_requests
from epitoma.video.index import index_video

SIZE = 64


def decode_every(path: Path, *, step: int = 1, **settings) -> tuple[np.ndarray, Decoded]:
    index = index_video(path)
    wanted = np.arange(0, index.frame_count, step)
    return wanted, decode_requests(path, index, [FrameRequest(frame_indices=wanted, size=SIZE)], **settings)


def overwrite(path: Path, *, share: float, length: int, value: bytes = b"\0") -> Path:
    """Damage a stretch of a file."""
    content = bytearray(path.read_bytes())
    start = int(len(content) * share)
    content[start : start + length] = value * length
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "codec", "container_options"),
    [
        ("cut.mp4", "libx264", {"movflags": "faststart"}),
        ("cut.mkv", "libx264", {}),
        ("cut.ts", "libx264", {}),
        ("cut.avi", "mpeg4", {}),
        ("cut.webm", "libvpx-vp9", {}),
    ],
)
def test_a_file_that_breaks_off_gives_the_frames_before(
    make_video, read_numbers, name, codec, container_options
):
    path = make_video(name, codec=codec, container_options=container_options, gop=10)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    wanted, decoded = decode_every(path)
    assert 20 <= len(wanted) < 60
    assert decoded.replaced <= 10
    # The very last frame may lack its last bytes, which no decoder notices.
    numbers, deviation = read_numbers(decoded.pictures[0][:-1]), decoded.deviation_seconds[0]
    assert numbers[:20] == list(range(20))
    assert all(
        number == frame for number, frame, d in zip(numbers, wanted, deviation, strict=False) if d == 0
    )
    assert set(numbers) <= set(range(60))


@pytest.mark.parametrize(
    ("name", "codec", "lost"),
    [
        ("hole.mp4", "libx264", 30),
        ("hole.avi", "mpeg4", 30),
        ("hole.ts", "libx264", 30),
        ("hole.mkv", "libx265", 100),  # Matroska loses what is left of a cluster of five seconds.
    ],
)
def test_a_hole_in_the_middle_costs_frames_near_it_only(make_video, read_numbers, name, codec, lost):
    options = {"x265-params": "log-level=none:pools=1"} if codec == "libx265" else {}
    path = make_video(name, codec=codec, gop=10, count=240, options=options)
    index = index_video(path)
    overwrite(path, share=0.5, length=200)
    wanted = np.arange(240)
    decoded = decode_requests(path, index, [FrameRequest(frame_indices=wanted, size=SIZE)])
    assert 0 < decoded.replaced < lost
    numbers, deviation = read_numbers(decoded.pictures[0]), decoded.deviation_seconds[0]
    for frame in range(240):
        if deviation[frame] == 0:
            assert numbers[frame] == frame
        else:
            assert abs(numbers[frame] - frame) == pytest.approx(deviation[frame] * 15, abs=0.1)


def with_holes(path: Path, target: Path) -> Iterator[Path]:
    """Copies of a file, each with a short hole in one packet."""
    content = path.read_bytes()
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for start, size in places:
        damaged, at, length = bytearray(content), start + size // 3, min(40, size // 4)
        damaged[at : at + length] = bytes(length)
        target.write_bytes(damaged)
        yield target


@pytest.mark.parametrize("step", [1, 12], ids=["every frame", "keyframes"])
@pytest.mark.parametrize("preset", ["ultrafast", "superfast"], ids=["predicted forwards", "both ways"])
def test_where_damage_is_noticed_nothing_of_it_is_in_the_pictures_that_are_taken_for_good(
    tmp_path, preset, step
):
    """FFmpeg adds what is left of a damaged picture to the next, and tells of it after what was predicted from it."""
    path = tmp_path / "whole.mp4"
    write_video(path, footage(48, width=160, height=120), fps=25, gop=12, preset=preset)
    _, whole = decode_every(path, step=step)
    noticed = 0
    for hole in with_holes(path, tmp_path / "hole.mp4"):
        _, decoded = decode_every(hole, step=step, max_replaced_share=0.9)
        if decoded.replaced:
            noticed += 1
            is_good = decoded.deviation_seconds[0] == 0
            assert np.array_equal(decoded.pictures[0][is_good], whole.pictures[0][is_good])
    assert noticed > 2


def test_lost_packets_of_a_transport_stream(make_video, read_numbers):
    path = make_video("lost.ts", gop=10, count=120, options={"x264-params": "scenecut=0"})
    content = path.read_bytes()
    middle = len(content) // 2 // 188 * 188
    path.write_bytes(content[:middle] + content[middle + 3 * 188 :])
    wanted, decoded = decode_every(path)
    assert len(wanted) >= 110
    assert decoded.replaced < 25
    shown = np.array(read_numbers(decoded.pictures[0]))
    assert (np.diff(shown) >= 0).all()
    assert (shown == shown.clip(0, 119)).all()


def test_too_much_damage_is_an_error(make_video):
    path = make_video("ruin.mp4", gop=200, options={"x264-params": "scenecut=0"})
    index = index_video(path)
    overwrite(path, share=0.05, length=path.stat().st_size * 8 // 10)
    view = FrameRequest(frame_indices=np.arange(60), size=SIZE)
    with pytest.raises(VideoError, match=r"of 60 frames are damaged or lost|cannot be read"):
        decode_requests(path, index, [view])
    kept = FrameRequest(frame_indices=np.array([0]), size=SIZE)
    with pytest.raises(VideoError, match=r"1 of 1 frames|cannot be read"):
        decode_requests(path, index, [kept], max_replaced_share=1.0)


def test_a_request_without_a_picture_is_an_error_whatever_the_others_have(tmp_path):
    path = tmp_path / "start.mp4"
    write_video(path, footage(48, width=160, height=120), fps=25, gop=12)
    index, hole = index_video(path), next(with_holes(path, tmp_path / "hole.mp4"))
    first, last = (FrameRequest(frame_indices=np.array([frame]), size=SIZE) for frame in (0, 47))
    assert decode_requests(hole, index, [last]).replaced == 0
    with pytest.raises(VideoError, match="1 of 2 frames are damaged or lost"):
        decode_requests(hole, index, [first, last])


def test_a_seek_that_leads_astray_is_made_good_from_the_start(make_video, read_numbers):
    path = make_video("astray.mp4", gop=60, options={"x264-params": "scenecut=0"})
    index = index_video(path)
    from dataclasses import replace

    lying = replace(index, keyframes=np.array([0, 20, 40]))
    decoded = decode_requests(path, lying, [FrameRequest(frame_indices=np.array([3, 25, 44]), size=SIZE)])
    assert read_numbers(decoded.pictures[0]) == [3, 25, 44]
    assert decoded.replaced == 0


def test_without_any_keyframe(make_video):
    path = make_video("keyless.ts", gop=30, options={"x264-params": "scenecut=0:bframes=0:repeat-headers=0"})
    with av.open(str(path)) as container:
        positions = [packet.pos for packet in container.demux(video=0) if packet.is_keyframe]
    content = path.read_bytes()
    keyless = path.with_name("keyless_cut.ts")
    keyless.write_bytes(content[: 3 * 188] + content[positions[0] + 20 * 188 : positions[1] // 188 * 188])
    with pytest.raises(VideoError, match=r"keyframe|no frame can be decoded|cannot be read|no video stream"):
        index_video(keyless)


def test_a_wrong_extension_does_not_matter(make_video, read_numbers):
    path = make_video("right.mp4")
    wrong = path.rename(path.with_suffix(".avi"))
    _, decoded = decode_every(wrong, step=7)
    assert read_numbers(decoded.pictures[0]) == list(range(0, 60, 7))


def test_one_frame(make_video, read_numbers):
    _, decoded = decode_every(make_video("single.mp4", count=1))
    assert read_numbers(decoded.pictures[0]) == [0]


def test_a_first_keyframe_that_is_cut_away_still_serves(make_video, read_numbers, tmp_path):
    path = make_video("whole.mp4", gop=30, options={"x264-params": "scenecut=0:bframes=0"})
    cut = tmp_path / "edited.mp4"
    with av.open(str(path)) as source, av.open(str(cut), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        step = source.streams.video[0].duration // 60
        for packet in source.demux(video=0):
            if packet.size:
                packet.pts, packet.dts, packet.stream = packet.pts - 5 * step, packet.dts - 5 * step, stream
                target.mux(packet)
    index = index_video(cut)
    assert index.frame_count in (55, 60)
    first = 60 - index.frame_count
    wanted, decoded = decode_every(cut)
    assert read_numbers(decoded.pictures[0]) == [first + frame for frame in wanted]


def test_absurd_sizes_are_refused(make_video):
    path = make_video("absurd.avi", codec="mpeg4")
    content = path.read_bytes()
    header = content.index(b"strf") + 8
    absurd = content[: header + 4] + struct.pack("<ii", 60_000, 60_000) + content[header + 12 :]
    path.write_bytes(absurd)
    try:
        index = index_video(path)
    except VideoError as error:
        assert "claims frames" in error.reason or "cannot be read" in error.reason  # noqa: PT017
    else:
        assert (index.width, index.height) == (96, 64), "the stream itself knows better"
