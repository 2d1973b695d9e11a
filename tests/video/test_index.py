import av
import numpy as np
import pytest

from epitoma.core.errors import VideoError
from epitoma.video.container import open_video
from epitoma.video.index import index_video


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("b_frames.mp4", "libx264", {"bf": "3"}),
        ("open_gop.mkv", "libx264", {"x264-params": "open-gop=1:bframes=3"}),
        ("mpeg4.avi", "mpeg4", {"bf": "2"}),
        ("h264.avi", "libx264", {"bf": "2"}),
        ("stream.ts", "libx264", {}),
        ("vp8.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "realtime"}),
    ],
)
def test_counts_what_a_full_decode_gives(make_video, name, codec, options):
    path = make_video(name, codec=codec, options=options)
    index = index_video(path)
    with av.open(str(path)) as container:
        decoded = np.array([frame.pts for frame in container.decode(video=0)])
    assert index.frame_count == len(decoded) == 60
    # AVI has times of decoding, which are a constant time before those of showing.
    assert (index.pts - index.pts[0]).tolist() == (np.sort(decoded) - decoded.min()).tolist()
    assert index.fps == pytest.approx(15, rel=0.02)
    assert index.duration_seconds == pytest.approx(4, rel=0.02)
    assert (index.width, index.height, index.rotation) == (96, 64, 0)


def test_keyframes_follow_the_gop(make_video):
    path = make_video("gop.mp4", options={"x264-params": "scenecut=0:bframes=2"}, gop=20)
    assert index_video(path).keyframes.tolist() == [0, 20, 40]


def test_times_of_a_variable_rate_start_at_zero(make_video):
    presented_at = [5 + i + i // 10 * 7 for i in range(30)]
    index = index_video(make_video("uneven.mkv", count=30, presented_at=presented_at))
    times = [index.seconds(i) for i in range(30)]
    assert np.allclose(times, (np.array(presented_at) - 5) / 15, atol=2e-3)
    with pytest.raises(IndexError, match=r"frame 30 is outside 0\.\.29"):
        index.seconds(30)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_that_of_the_display(make_video, rotation):
    index = index_video(make_video("turned.mp4", count=2, rotation=rotation))
    assert index.rotation == rotation


def test_one_frame(make_video):
    index = index_video(make_video("one.mp4", count=1))
    assert (index.frame_count, index.keyframes.tolist()) == (1, [0])
    assert index.duration_seconds == pytest.approx(1 / 15)


def test_a_stream_cut_before_its_first_keyframe_starts_at_the_next(make_video):
    path = make_video("whole.ts", gop=12, options={"x264-params": "scenecut=0:bframes=0"})
    packets = path.read_bytes()
    cut = path.with_name("cut.ts")
    cut.write_bytes(packets[: 3 * 188] + packets[len(packets) // 6 // 188 * 188 :])
    index = index_video(cut)
    assert index.keyframes[0] == 0
    assert index.frame_count in (36, 48)


def _garbage(folder):
    path = folder / "garbage.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    return path


def _text(folder):
    path = folder / "notes.txt"
    path.write_text("not a video\n" * 50)
    return path


def _picture(folder):
    path = folder / "picture.png"
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width = stream.height = 16
        stream.pix_fmt = "rgb24"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _empty(folder):
    path = folder / "empty.mp4"
    path.touch()
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: folder / "gone.mp4", "no such file"),
        (lambda folder: folder, "is not a file"),
        (_empty, "the file is empty"),
        (_garbage, "cannot be read as a video"),
        (_text, "is not a video"),
        (_picture, "is not a video"),
    ],
)
def test_what_is_no_video_says_so(tmp_path, make, reason):
    path = make(tmp_path)
    with pytest.raises(VideoError, match=reason) as caught:
        index_video(path)
    assert caught.value.path == str(path)


def test_sound_only(sound_only):
    with pytest.raises(VideoError, match=r"has no video stream \(streams: audio\)"):
        index_video(sound_only)


def test_a_file_cut_short_is_an_error_or_fewer_frames(make_video):
    path = make_video("long.mp4", container_options={"movflags": "faststart"})
    cut = path.with_name("cut.mp4")
    cut.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert 0 < index_video(cut).frame_count < 60
    headless = path.with_name("headless.mp4")
    headless.write_bytes(make_video("tail.mp4").read_bytes()[:2000])
    with pytest.raises(VideoError, match="cannot be read as a video"):
        index_video(headless)


def test_any_error_with_a_file_is_that_video_s(make_video):
    path = make_video("film.mp4", count=2)
    with (
        pytest.raises(
            VideoError, match=r"cannot be read as a video \(ZeroDivisionError: odd file\)"
        ) as caught,
        open_video(path),
    ):
        raise ZeroDivisionError("odd file")
    assert caught.value.path == str(path)


def test_a_file_that_the_system_does_not_even_look_for_is_an_error_of_that_video(tmp_path):
    path = tmp_path / f"{300 * 'a'}.mp4"
    with pytest.raises(VideoError, match=r"File name too long") as error:
        index_video(path)
    assert error.value.path == str(path)
