import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.errors import VideoError
from epitoma.video.compose import write_video
from epitoma.video.decode import FrameRequest, decode_frames, decode_requests
from epitoma.video.index import index_video

FILES = {
    "b_frames.mp4": {"options": {"x264-params": "bframes=3:b-pyramid=normal"}},
    "open_gop.mp4": {"options": {"x264-params": "open-gop=1:bframes=3"}},
    "open_gop.mkv": {"options": {"x264-params": "open-gop=1:bframes=3"}},
    "short_gops.mp4": {"gop": 2, "options": {"x264-params": "bframes=1"}},
    "one_gop.mp4": {"gop": 100, "options": {"x264-params": "scenecut=0"}},
    "keyframes_only.mp4": {"gop": 1},
    "mpeg4.avi": {"codec": "mpeg4", "gop": 250, "options": {"bf": "2"}},
    "stream.ts": {"options": {"x264-params": "bframes=3"}},
    "program.mpg": {"codec": "mpeg2video", "options": {"bf": "2"}},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none:pools=1"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "uneven.mkv": {"presented_at": [3 * i + i % 2 for i in range(60)]},
}


@pytest.fixture(scope="module", params=FILES)
def indexed(request, make_video):
    path = make_video(request.param, **FILES[request.param])
    return path, index_video(path)


def test_every_single_frame_is_the_right_one(indexed, read_numbers):
    path, index = indexed
    for i in range(60):
        (frames,) = decode_frames(path, index, np.array([i]), sizes=(64,))
        assert read_numbers(frames) == [i]


@given(wanted=st.lists(st.integers(0, 59), min_size=1, max_size=12))
def test_frames_come_in_the_order_asked_with_repeats(indexed, read_numbers, wanted):
    path, index = indexed
    (frames,) = decode_frames(path, index, np.array(wanted), sizes=(64,))
    assert read_numbers(frames) == wanted


def test_several_sizes_show_the_same_frames(make_video, read_numbers):
    path = make_video("sizes.mp4")
    wanted = np.array([50, 3, 3, 17])
    small, large = decode_frames(path, index_video(path), wanted, sizes=(32, 128))
    assert small.shape == (4, 32, 32, 3)
    assert large.shape == (4, 128, 128, 3)
    assert small.dtype == large.dtype == np.uint8
    assert read_numbers(small) == read_numbers(large) == wanted.tolist()


def test_no_frames_wanted(make_video):
    path = make_video("none.mp4", count=3)
    (frames,) = decode_frames(path, index_video(path), np.array([], dtype=np.int64), sizes=(16,))
    assert frames.shape == (0, 16, 16, 3)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_turns_the_picture(make_video, rotation):
    plain, turned = make_video("plain.mp4", count=46), make_video("turned.mp4", count=46, rotation=rotation)
    wanted = np.array([0, 45])
    (upright,) = decode_frames(plain, index_video(plain), wanted, sizes=(64,))
    (frames,) = decode_frames(turned, index_video(turned), wanted, sizes=(64,))
    assert np.array_equal(frames, np.rot90(upright, rotation // 90, axes=(1, 2)))


def corners(height: int, width: int) -> np.ndarray:
    """A white frame with a black border a tenth wide, and a red centre."""
    frame = np.full((height, width, 3), 235, np.uint8)
    border = min(height, width) // 10
    frame[:border] = frame[-border:] = 16
    frame[:, :border] = frame[:, -border:] = 16
    frame[height // 2 - border : height // 2 + border, width // 2 - border : width // 2 + border] = (
        220,
        20,
        30,
    )
    return frame


@pytest.mark.parametrize(("height", "width"), [(80, 160), (160, 80), (120, 122)])
def test_the_centre_is_cut_out_and_colours_survive(tmp_path, height, width):
    path = tmp_path / "shape.mp4"
    write_video(path, [corners(height, width)] * 3, fps=8, crf=10)
    (frames,) = decode_frames(path, index_video(path), np.array([1]), sizes=(60,))
    picture = frames[0].astype(int)
    assert np.abs(picture[30, 30] - (220, 20, 30)).max() < 12
    assert np.abs(picture[15, 15] - 235).max() < 12
    long_edge, short_edge = (picture[:, :2], picture[:2]) if width > height else (picture[:2], picture[:, :2])
    assert short_edge.mean() < 40
    assert (long_edge.mean() > 150) == (abs(width - height) > 10)


def test_a_frame_outside_the_video(make_video):
    path = make_video("short.mp4", count=5)
    with pytest.raises(ValueError, match=r"frame 5 is outside 0\.\.4"):
        decode_frames(path, index_video(path), np.array([1, 5]), sizes=(16,))


def test_a_frame_that_never_comes_is_replaced_by_its_neighbour(make_video, read_numbers):
    path = make_video("some.mp4", count=20)
    index = index_video(path)
    pts = index.pts.copy()
    pts[7] += 1
    view = FrameRequest(frame_indices=np.array([7, 9, 12]), size=64)
    decoded = decode_requests(path, dataclasses.replace(index, pts=pts), [view])
    assert (decoded.replaced, decoded.wanted) == (1, 3)
    assert read_numbers(decoded.pictures[0]) == [8, 9, 12]
    step = float((pts[8] - pts[7]) * index.time_base)
    assert decoded.deviation_seconds[0] == pytest.approx([step, 0, 0])


def test_damage_after_indexing_is_a_video_error(make_video):
    path = make_video("damaged.mp4", gop=60)
    index = index_video(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(VideoError, match=r"is 500 bytes, but was \d+ when it was prepared|cannot be read"):
        decode_frames(path, index, np.array([40]), sizes=(16,))
    path.unlink()
    with pytest.raises(VideoError, match="no such file"):
        decode_frames(path, index, np.array([40]), sizes=(16,))
