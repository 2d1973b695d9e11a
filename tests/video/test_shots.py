"""Clips of any codec, rate, size and rotation become frames of one rate and one size."""

from dataclasses import replace

import numpy as np
import pytest

from epitoma.core.errors import VideoError
from epitoma.video.compose import write_video
from epitoma.video.shots import LARGEST_ZOOM, Shot, frames_filled, resampled_clip, shot_frames

SIZE = 64


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.mp4", "libx264", 24),
        ("b.mp4", "libx264", 12),
        ("c.mp4", "libx264", 5),
        ("d.mp4", "libx265", 30),
        ("e.avi", "mpeg4", 15),
        ("f.webm", "libvpx-vp9", 10),
        ("g.ts", "mpeg2video", 25),
    ],
)
def test_each_tick_shows_the_frame_that_is_on_screen(make_video, read_numbers, name, codec, rate):
    clip = make_video(name, codec=codec, rate=rate, count=rate)
    frames = resampled_clip(clip, fps=12, size=SIZE)
    assert frames.shape == (12, SIZE, SIZE, 3)
    assert read_numbers(frames) == [int(tick / 12 * rate + 1e-6) for tick in range(12)]


def test_variable_frame_rate_is_shown_at_its_own_times(make_video, read_numbers):
    clip = make_video("vfr.mp4", rate=8, count=5, presented_at=[0, 1, 5, 6, 7])
    frames = resampled_clip(clip, fps=8, size=SIZE)
    # Five frames in 7 / 8 s: the mean rate says that the last one ends at 35 / 32 s.
    assert read_numbers(frames) == [0, 1, 1, 1, 1, 2, 3, 4, 4]


def test_a_rotated_clip_is_turned_upright(make_video):
    upright = resampled_clip(make_video("plain.mp4", count=6), fps=15, size=SIZE)
    turned = resampled_clip(make_video("turned.mp4", count=6, rotation=90), fps=15, size=SIZE)
    assert np.array_equal(turned, np.rot90(upright, 1, axes=(1, 2)))


def test_a_single_frame_fills_one():
    assert frames_filled(0.01, fps=12) == 1
    assert frames_filled(0.3, fps=10) == 3


def quarters(height: int, width: int, count: int) -> list[np.ndarray]:
    """Upper left red, upper right green, lower left blue, lower right white."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[: height // 2, : width // 2, 0] = 250
    frame[: height // 2, width // 2 :, 1] = 250
    frame[height // 2 :, : width // 2, 2] = 250
    frame[height // 2 :, width // 2 :] = 250
    return [frame] * count


def corner(frame: np.ndarray, *, right: bool, lower: bool) -> np.ndarray:
    """Which colours are bright in a corner."""
    part = frame[-4:, :] if lower else frame[:4, :]
    part = part[:, -4:] if right else part[:, :4]
    return part.mean(axis=(0, 1)) > 125


@pytest.mark.parametrize(("height", "width"), [(178, 100), (90, 160), (40, 40), (34, 180)])
def test_any_size_keeps_its_centre_in_the_centre(tmp_path, height, width):
    path = tmp_path / "clip.mp4"
    write_video(path, quarters(height, width, 3), fps=12)
    (*_, frame) = shot_frames([Shot(path=str(path), frame_count=3)], fps=12, size=SIZE)
    assert frame.shape == (SIZE, SIZE, 3)
    assert corner(frame, right=False, lower=False).tolist() == [True, False, False]
    assert corner(frame, right=True, lower=False).tolist() == [False, True, False]
    assert corner(frame, right=False, lower=True).tolist() == [False, False, True]
    assert corner(frame, right=True, lower=True).all()


def test_a_shot_is_a_window_of_the_clip(tmp_path):
    """Zoomed all the way into a corner of the quarters nothing of another quarter is left."""
    path = str(tmp_path / "clip.mp4")
    write_video(path, quarters(80, 80, 2), fps=12)
    zoomed = [
        Shot(path=path, frame_count=2, zoom=LARGEST_ZOOM, left=0.0, top=0.0),
        Shot(path=path, frame_count=2, zoom=LARGEST_ZOOM, left=1.0, top=1.0),
    ]
    frames = list(shot_frames(zoomed, fps=12, size=SIZE))
    assert [frame.shape for frame in frames] == [(SIZE, SIZE, 3)] * 4
    border = round(SIZE * LARGEST_ZOOM / 2)  # The middle of the clip.
    assert (
        frames[0][: border - 3, : border - 3, 0].min()
        > 200
        > frames[0][:, border + 3 :, 0][: border - 3].max()
    )
    assert frames[2][-border + 3 :, -border + 3 :].min() > 200


def test_a_shot_may_be_mirrored_and_in_another_light(tmp_path):
    path = str(tmp_path / "clip.mp4")
    write_video(path, quarters(80, 80, 1), fps=12)
    shot = Shot(path=path, frame_count=1)
    plain, mirrored, red = shot_frames(
        [shot, replace(shot, mirrored=True), replace(shot, light=(1.0, 0.5, 0.0))], fps=12, size=SIZE
    )
    assert np.array_equal(mirrored, plain[:, ::-1])
    assert np.array_equal(red[..., 0], plain[..., 0])
    assert np.abs(red[..., 1] - plain[..., 1] / 2).max() <= 0.5
    assert not red[..., 2].any()


def test_a_clip_that_has_changed_is_an_error(tmp_path):
    path = str(tmp_path / "clip.mp4")
    write_video(path, quarters(40, 40, 4), fps=12)
    with pytest.raises(VideoError, match="fills 4 frames and not 5: it has changed"):
        list(shot_frames([Shot(path=path, frame_count=5)], fps=12, size=SIZE))
