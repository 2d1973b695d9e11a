"""The n-th frame of "exact" is the n-th picture of a full decode by a loop of its own, bit for bit.

Pictures are compared by position: what a container says of time is no measure.
"""

from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest

from epitoma.video.decode import FrameRequest, decode_requests
from epitoma.video.index import index_video
from epitoma.video.scale import SquareScaler
from tests.video.odd_files import (
    cut_by_edit_list,
    joined,
    packed,
    with_late_keyframe,
    with_swapped_keyframes,
    with_thumbnail_first,
    with_two_films,
)

SIZE = 48


@dataclass(frozen=True)
class Kind:
    """How a file is written."""

    name: str
    codec: str
    options: dict[str, str] = field(default_factory=dict)
    settings: dict = field(default_factory=dict)


def x264(name: str, parameters: str, **settings) -> Kind:
    return Kind(name, "libx264", {"x264-params": parameters}, settings)


def uneven(count: int) -> list[int]:
    return [3 * i + i % 2 + 40 * (i > count // 2) for i in range(count)]


KINDS = [
    x264("h264_b.mp4", "bframes=3:b-pyramid=normal:scenecut=0", gop=24),
    x264("h264_no_b.mp4", "bframes=0:scenecut=0", gop=24),
    x264("h264_many_b.mkv", "bframes=8:b-adapt=0:ref=5", gop=60),
    x264("h264_gop_1.mp4", "scenecut=0", gop=1),
    x264("h264_gop_2.mp4", "scenecut=0:bframes=1", gop=2),
    x264("h264_gop_300.mp4", "scenecut=0:bframes=3", gop=300, count=330),
    x264("h264_open_gop.mp4", "open-gop=1:bframes=3:scenecut=0", gop=12),
    x264("h264_intra_refresh.mp4", "intra-refresh=1:bframes=0", gop=20),
    x264("h264_10_bit.mp4", "bframes=3", gop=12, pix_fmt="yuv420p10le"),
    x264("h264_444.mp4", "bframes=3", gop=12, pix_fmt="yuv444p"),
    x264("h264_odd.mp4", "bframes=3", gop=12, pix_fmt="yuv444p", size=(97, 65)),
    x264("h264_interlaced.mp4", "interlaced=1:bframes=2", gop=12),
    x264("h264_vfr.mkv", "bframes=3", gop=12, presented_at=uneven(60)),
    x264("h264_vfr.mp4", "bframes=3", gop=12, presented_at=uneven(60)),
    x264("h264.ts", "bframes=3:open-gop=1", gop=12),
    Kind(
        "h264_fragments.mp4", "libx264", {}, {"container_options": {"movflags": "frag_keyframe+empty_moov"}}
    ),
    Kind("hevc.mp4", "libx265", {"x265-params": "log-level=none:pools=1:bframes=4"}, {"gop": 20}),
    Kind(
        "hevc_layers.mkv",
        "libx265",
        {"x265-params": "log-level=none:pools=1:bframes=3:temporal-layers=3:open-gop=1"},
        {"gop": 20},
    ),
    Kind("hevc_10_bit.mp4", "libx265", {"x265-params": "log-level=none:pools=1"}, {"pix_fmt": "yuv420p10le"}),
    x264("h264_b.avi", "bframes=3:scenecut=0", gop=24),
    x264("h264_no_b.avi", "bframes=0:scenecut=0", gop=24),
    Kind("h263.avi", "h263", {}, {"size": (176, 144)}),
    Kind("painted_over.apng", "apng", {}, {"pix_fmt": "rgb24"}),
    Kind("mpeg4.avi", "mpeg4", {}, {"gop": 250, "count": 260}),
    Kind("mpeg4_b.avi", "mpeg4", {"bf": "2"}, {"gop": 12}),
    Kind("mpeg4_odd.avi", "mpeg4", {"bf": "2"}, {"gop": 12, "size": (99, 67)}),
    Kind("mpeg2.ts", "mpeg2video", {"bf": "2"}, {"gop": 15, "rate": 25}),
    Kind("mpeg2.mpg", "mpeg2video", {"bf": "2"}, {"gop": 15, "rate": 25}),
    Kind("vp8.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "realtime"}),
    Kind("vp9.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "12"}),
    Kind("vp9_vfr.webm", "libvpx-vp9", {"deadline": "realtime"}, {"presented_at": uneven(60)}),
    Kind("av1.mp4", "libsvtav1", {"preset": "12", "svtav1-params": "lp=1"}, {"gop": 20}),
    Kind("mjpeg.avi", "mjpeg", {}, {"pix_fmt": "yuvj420p"}),
]


def full_decode(path: Path, *, rotation: int = 0) -> list[np.ndarray]:
    """Every frame of a file, in the order in which a decoder shows them, by the plainest loop there is."""
    scaler = SquareScaler(size=SIZE, rotation=rotation)
    with av.open(str(path)) as container:
        frames = list(container.decode(container.streams.best("video")))
    squares = np.empty((len(frames), SIZE, SIZE, 3), np.uint8)
    for square, frame in zip(squares, frames, strict=True):
        scaler.scale_into(square, frame)
    return list(squares)


def assert_in_place(path: Path, *, counts: tuple[int, ...] = (1, 1, 1, 2, 5, 16)) -> None:
    """The pictures of some frames, and of all, are those of a full decode at the same places."""
    index, whole = index_video(path), full_decode(path)
    assert index.frame_count == len(whole)
    assert (np.diff(index.pts) > 0).all()
    rng = np.random.default_rng(0)
    for count in (*counts, len(whole)):
        wanted = rng.choice(len(whole), count, replace=count > len(whole))
        decoded = decode_requests(path, index, [FrameRequest(frame_indices=wanted, size=SIZE)])
        assert decoded.replaced == 0
        assert (decoded.deviation_seconds[0] == 0).all()
        for frame, picture in zip(wanted, decoded.pictures[0], strict=True):
            assert np.array_equal(picture, whole[frame]), frame


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_exact_frames_are_those_of_a_full_decode(make_video, kind):
    assert_in_place(make_video(kind.name, codec=kind.codec, options=kind.options, **kind.settings))


def test_packets_that_hold_two_frames(make_video, tmp_path):
    plain = make_video("b.avi", codec="mpeg4", options={"bf": "2"}, gop=20)
    path = packed(plain, tmp_path / "packed.avi")
    assert_in_place(path)
    assert len(full_decode(path)) == 60


def test_packets_that_hold_two_frames_between_empty_ones(make_video, tmp_path):
    plain = make_video("b.avi", codec="mpeg4", options={"bf": "2"}, gop=20)
    path = packed(plain, tmp_path / "late.avi", late=(7, 8, 26, 41))
    index = index_video(path)
    assert_in_place(path)
    assert index.frame_count == 60
    assert sorted(set(np.diff(index.pts).tolist())) == [1, 3]


def test_packets_that_hold_two_frames_and_are_lost(make_video, tmp_path):
    plain = make_video("b.avi", codec="mpeg4", options={"bf": "2"}, gop=20)
    path = packed(plain, tmp_path / "lost.avi", dropped=(7, 8, 26, 41))
    index, whole = index_video(path), full_decode(path)
    view = FrameRequest(frame_indices=np.arange(index.frame_count), size=SIZE)
    decoded = decode_requests(path, index, [view])
    differ = [not np.array_equal(*pair) for pair in zip(decoded.pictures[0], whole, strict=True)]
    assert sum(differ) <= decoded.replaced <= 6


def recordings(make_video, suffix: str, codec: str) -> tuple[Path, Path]:
    settings = {"codec": codec, "options": {"bf": "2"}, "rate": 25, "gop": 10}
    return make_video(f"a.{suffix}", **settings), make_video(f"b.{suffix}", count=35, **settings)


@pytest.mark.parametrize(
    ("suffix", "codec"), [("ts", "libx264"), ("ts", "mpeg2video"), ("mpg", "mpeg2video")]
)
def test_recordings_that_were_joined(make_video, tmp_path, suffix, codec):
    path = joined(*recordings(make_video, suffix, codec), tmp_path / f"joined.{suffix}")
    index = index_video(path)
    assert_in_place(path)
    assert index.frame_count == 95
    assert index.fps == pytest.approx(25, rel=0.02)
    assert index.duration_seconds == pytest.approx(3.8, rel=0.02)


def test_a_clock_that_jumps_forward_goes_on_as_ffmpeg_has_it(make_video, tmp_path):
    first, second = recordings(make_video, "ts", "libx264")
    later = tmp_path / "later.ts"
    with av.open(str(second)) as container, av.open(str(later), "w") as output:
        stream = container.streams.video[0]
        copy = output.add_stream_from_template(stream)
        for packet in container.demux(stream):
            if packet.size:
                packet.pts, packet.dts = packet.pts + 90_000 * 3600, packet.dts + 90_000 * 3600
                packet.stream = copy
                output.mux(packet)
    path = joined(first, later, tmp_path / "jump.ts")
    assert_in_place(path)
    assert index_video(path).duration_seconds == pytest.approx(3.8, rel=0.02)


@pytest.mark.parametrize("name", ["late.ts", "late.mp4"])
def test_a_keyframe_whose_time_is_damaged_stays_in_its_place(make_video, tmp_path, name):
    film = make_video("film.mkv", options={"x264-params": "bframes=0:scenecut=0"}, gop=12, rate=25)
    path = with_late_keyframe(film, tmp_path / name, seconds=1.0)
    assert_in_place(path)
    assert index_video(path).frame_count == 60


def test_an_avi_whose_index_is_damaged(make_video, tmp_path):
    plain = make_video("film.avi", codec="mpeg4", gop=12)
    assert_in_place(with_swapped_keyframes(plain, tmp_path / "swapped.avi"), counts=(1,) * 20)


def test_a_film_whose_start_an_edit_list_hides(make_video, tmp_path):
    film = make_video("film.mp4", options={"x264-params": "bframes=3:scenecut=0"}, gop=24)
    path = cut_by_edit_list(film, tmp_path / "cut.mp4", seconds=1.0)
    assert_in_place(path)
    assert 40 < index_video(path).frame_count < 50


def test_the_best_stream_is_decoded_and_not_the_first(make_video, tmp_path):
    path = with_thumbnail_first(make_video("film.mkv"), tmp_path / "film.mkv")
    index = index_video(path)
    assert_in_place(path)
    assert (index.stream, index.films, index.frame_count, index.width) == (1, 2, 60, 96)


@pytest.mark.parametrize("meant", [0, 1])
def test_of_two_films_the_one_that_is_meant_is_decoded(make_video, tmp_path, meant):
    films = make_video("short.mkv", count=40), make_video("long.mkv", count=60)
    path = with_two_films(*films, tmp_path / "both.mkv", meant=meant)
    index = index_video(path)
    assert_in_place(path)
    assert (index.stream, index.films, index.frame_count) == (meant, 2, (40, 60)[meant])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_fast_frames_are_near_and_say_how_near(make_video, kind, read_numbers):
    path = make_video(kind.name, codec=kind.codec, options=kind.options, **kind.settings)
    index = index_video(path)
    wanted = np.linspace(0, index.frame_count - 1, 7).astype(int)
    view = FrameRequest(frame_indices=wanted, size=64)
    decoded = decode_requests(path, index, [view], mode="fast", tolerance_seconds=0.4)
    assert decoded.replaced == 0
    assert decoded.deviation_seconds[0].max() <= 0.4 + 1e-9
    shown = read_numbers(decoded.pictures[0])
    for frame, number, deviation in zip(wanted, shown, decoded.deviation_seconds[0], strict=True):
        distances = np.abs(index.pts - index.pts[frame]) * float(index.time_base)
        candidates = np.flatnonzero(np.isclose(distances, deviation, atol=1e-9)) % 256
        assert number in candidates


def test_only_what_is_needed_is_decoded(make_video):
    path = make_video("few.mp4", gop=20, options={"x264-params": "scenecut=0:bframes=3"})
    decoded = decode_requests(
        path, index_video(path), [FrameRequest(frame_indices=np.array([25, 41]), size=SIZE)]
    )
    assert decoded.frames_decoded <= 12
