from pathlib import Path

import numpy as np

from epitoma.cost.decoding import Passes, decode_milliseconds, heavy_request, light_request
from epitoma.models.input_spec import InputSpec
from epitoma.video.compose import write_video
from epitoma.video.index import index_video


def _spec(size: int, frames: int) -> InputSpec:
    return InputSpec(size=size, frames=frames, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


def test_the_passes_ask_for_every_middle_frame_and_for_the_kept_snippets_only(tmp_path: Path):
    light, heavy = _spec(32, 1), _spec(48, 4)
    path = tmp_path / "a.mp4"
    write_video(path, np.zeros((96, 64, 64, 3), dtype=np.uint8), fps=8, gop=8)
    index = index_video(path)
    looked_at = light_request(index, candidates=16, light=light, heavy=heavy)
    assert (len(looked_at.frame_indices), looked_at.size) == (16, 32)
    for kept in (2, 8):
        closely = heavy_request(index, candidates=16, kept=kept, heavy=heavy)
        assert (len(closely.frame_indices), closely.size) == (kept * 4, 48)
    assert decode_milliseconds(path, Passes(candidates=16, kept=2, light=light, heavy=heavy)) > 0
