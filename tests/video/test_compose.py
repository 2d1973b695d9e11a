import os

import numpy as np
import pytest

from epitoma.video.compose import read_comment, write_video
from epitoma.video.index import index_video


def noise(count: int, *, height: int = 48, width: int = 64) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(count)]


def test_what_was_written_is_what_is_read(tmp_path):
    path = tmp_path / "clip.mp4"
    assert write_video(path, iter(noise(25)), fps=8, gop=10) == 25
    index = index_video(path)
    assert (index.frame_count, index.width, index.height) == (25, 64, 48)
    assert index.fps == pytest.approx(8)
    assert index.keyframes.tolist()[:2] == [0, 10]


def test_the_same_frames_give_the_same_bytes(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, noise(10), fps=8)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="needs scheduling policies")
def test_an_encoder_does_not_keep_the_machine_for_itself(tmp_path):
    policy = os.sched_getscheduler(0)
    write_video(tmp_path / "clip.mp4", noise(3, height=64), fps=8, codec="libsvtav1")
    assert os.sched_getscheduler(0) == policy


def test_a_comment_is_kept_in_the_file(tmp_path):
    path = tmp_path / "clip.mp4"
    assert read_comment(path) is None
    write_video(path, noise(3), fps=8)
    assert read_comment(path) is None
    write_video(path, noise(3), fps=8, comment="made from these")
    assert read_comment(path) == "made from these"
    path.write_bytes(path.read_bytes()[:100])
    assert read_comment(path) is None


def failing_frames():
    yield noise(1)[0]
    raise RuntimeError("the source broke")


def test_a_failure_leaves_nothing_and_keeps_what_was_there(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"an older file")
    with pytest.raises(RuntimeError, match="the source broke"):
        write_video(path, failing_frames(), fps=8)
    assert path.read_bytes() == b"an older file"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "no frames to write"),
        (noise(1, height=47), "64 x 47; both sides must be even"),
        ([np.zeros((48, 64, 3))], r"must be uint8 \(height, width, 3\), not float64"),
        ([np.zeros((48, 64), np.uint8)], r"not uint8 \(48, 64\)"),
        ([*noise(2), *noise(1, width=32)], r"frame 2 is uint8 \(48, 32, 3\), the first was"),
    ],
)
def test_wrong_frames(tmp_path, frames, message):
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / "clip.mp4", frames, fps=8)


def test_other_codecs(tmp_path):
    path = tmp_path / "old.avi"
    write_video(path, noise(12), fps=8, codec="mpeg4", gop=6)
    assert index_video(path).frame_count == 12
