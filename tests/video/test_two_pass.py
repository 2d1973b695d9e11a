"""Looking twice: what the second look needs is taken along in the first where that decodes less, and is the same."""

from pathlib import Path

import numpy as np
import pytest

from epitoma.video import two_pass as module
from epitoma.video.compose import write_video
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.two_pass import FirstPass, TwoPass, only

FRAMES, SIDE, RARE, OFTEN = 96, 256, 96, 4


@pytest.fixture
def two_pass() -> TwoPass:
    return TwoPass(timesteps=8, frames=4, light_size=16, heavy_size=32)


def video(folder: Path, *, gop: int) -> tuple[Path, VideoIndex]:
    noise = np.random.default_rng(0).integers(0, 256, (FRAMES, SIDE, SIDE, 3), dtype=np.uint8)
    path = folder / "video.mp4"
    write_video(path, noise, fps=12, gop=gop)
    return path, index_video(path)


def first_pass(two_pass: TwoPass, path: Path, index: VideoIndex, **asked) -> FirstPass:
    return two_pass.first_pass(path, index, two_pass.candidates(index), **asked)


@pytest.mark.parametrize("budget", [None, 4, 8])
def test_snippets_that_are_taken_along_are_those_of_a_second_look(tmp_path, two_pass, monkeypatch, budget):
    path, index = video(tmp_path, gop=RARE)
    at_once = first_pass(two_pass, path, index, budget=budget)
    assert at_once.snippets_TMHWC is not None
    monkeypatch.setattr(module, "MAX_KEPT_SNIPPET_BYTES", 0)
    alone = first_pass(two_pass, path, index, budget=budget)
    assert alone.snippets_TMHWC is None
    assert np.array_equal(at_once.frames_THWC, alone.frames_THWC)
    for kept in ([0], [2, 5], list(range(8))):
        closely, _ = two_pass.second_pass(path, index, only(two_pass.candidates(index), np.array(kept)))
        assert np.array_equal(at_once.snippets_TMHWC[kept], closely)


def test_few_snippets_are_come_back_for_where_keyframes_are_near(tmp_path, two_pass):
    path, index = video(tmp_path, gop=OFTEN)
    assert first_pass(two_pass, path, index, budget=1).snippets_TMHWC is None
    assert first_pass(two_pass, path, index, budget=8).snippets_TMHWC is not None


def test_nothing_is_taken_along_that_is_as_large_as_the_frames(tmp_path):
    path, index = video(tmp_path, gop=RARE)
    large = TwoPass(timesteps=8, frames=4, light_size=16, heavy_size=SIDE)
    assert first_pass(large, path, index, budget=4).snippets_TMHWC is None


def test_nothing_is_taken_along_where_nothing_chooses(tmp_path):
    path, index = video(tmp_path, gop=RARE)
    seen = first_pass(TwoPass(timesteps=8, frames=4, light_size=None, heavy_size=48), path, index)
    assert len(seen.frames_THWC) == 0
    assert seen.snippets_TMHWC is None


def test_what_is_shown_for_lost_frames_does_not_hang_on_the_way_of_decoding(tmp_path, two_pass, monkeypatch):
    path, index = video(tmp_path, gop=RARE)
    content = bytearray(path.read_bytes())
    start = len(content) * 7 // 8
    content[start : start + 4000] = bytes(4000)
    path.write_bytes(content)
    seen = first_pass(two_pass, path, index, budget=8)
    monkeypatch.setattr(module, "MAX_KEPT_SNIPPET_BYTES", 0)
    assert seen.snippets_TMHWC is None
    assert np.array_equal(seen.frames_THWC, first_pass(two_pass, path, index, budget=8).frames_THWC)
    assert two_pass.second_pass(path, index, two_pass.candidates(index))[1].replaced > 0
