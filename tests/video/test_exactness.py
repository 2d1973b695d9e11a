"""The frames of "exact" are the frames: equal to those of a full decode by a loop of its own, bit for bit."""

from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace, VideoReformatter

from epitoma.video.decode import FrameRequest, decode_requests
from epitoma.video.index import index_video
from epitoma.video.scale import SquareScaler

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


def full_decode(path: Path) -> list[np.ndarray]:
    """Every frame of a file, in order of presentation, by the plainest loop there is."""
    scaler = SquareScaler(size=SIZE, rotation=0)
    with av.open(str(path), options={"fflags": "genpts"}) as container:
        frames = sorted(container.decode(video=0), key=lambda frame: frame.pts)
    squares = np.empty((len(frames), SIZE, SIZE, 3), np.uint8)
    for square, frame in zip(squares, frames, strict=True):
        scaler.scale_into(square, frame)
    return list(squares)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_exact_frames_are_those_of_a_full_decode(make_video, kind):
    path = make_video(kind.name, codec=kind.codec, options=kind.options, **kind.settings)
    index, whole = index_video(path), full_decode(path)
    assert index.frame_count == len(whole)
    rng = np.random.default_rng(0)
    for count in (1, 2, 5, 16, len(whole)):
        wanted = rng.choice(len(whole), count, replace=count > len(whole))
        decoded = decode_requests(path, index, [FrameRequest(frame_indices=wanted, size=SIZE)])
        assert decoded.replaced == 0
        assert (decoded.deviation_seconds[0] == 0).all()
        for frame, picture in zip(wanted, decoded.pictures[0], strict=True):
            assert np.array_equal(picture, whole[frame]), frame


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


@pytest.mark.parametrize("size", [(320, 240), (96, 160), (101, 77)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv420p10le", "yuvj420p"])
def test_squares_are_near_to_those_of_a_plain_conversion(size, pix_fmt):
    width, height = size
    y, x = np.mgrid[:height, :width]
    blue = 128 + 60 * np.sin(2 * np.pi * x / width)  # Slow: colour has half the detail of brightness.
    picture = np.stack([x * 255 / width, y * 255 / height, blue], axis=-1).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pix_fmt)
    square = np.empty((32, 32, 3), np.uint8)
    SquareScaler(size=32, rotation=0).scale_into(square, frame)
    side = min(size)
    top, left = (height - side) // 2, (width - side) // 2
    centre = np.ascontiguousarray(picture[top : top + side, left : left + side])
    plain = av.VideoFrame.from_ndarray(centre, "rgb24").reformat(32, 32, "rgb24").to_ndarray()
    assert np.abs(square.astype(int) - plain).mean() < 4


def test_colours_of_high_definition_are_told_from_those_of_television():
    colour = np.broadcast_to(np.array([200, 40, 40], np.uint8), (64, 64, 3)).copy()
    frame = av.VideoFrame.from_ndarray(colour, "rgb24")
    frame = VideoReformatter().reformat(frame, format="yuv420p", dst_colorspace=Colorspace.ITU709)
    square = np.empty((32, 32, 3), np.uint8)
    SquareScaler(size=32, rotation=0).scale_into(square, frame)
    assert np.abs(square.astype(int) - colour[0, 0]).max() <= 6
