import numpy as np
import pytest

from epitoma.on_ray.decode.decoding import DecodeSpec, decode_timesteps
from epitoma.video.index import index_video


@pytest.mark.parametrize("frames", [1, 2, 5, 8])
def test_light_net_sees_frame_j_plus_half_m_of_a_snippet_that_begins_at_j(make_video, read_numbers, frames):
    """Read off the pictures themselves, for both networks (paper section 3.1)."""
    path = make_video("numbered.mp4")
    starts_T = np.array([0, 7, 23, 48])
    spec = DecodeSpec(light_size=32, heavy_size=64, frames=frames)
    pixels = decode_timesteps(str(path), index_video(path), starts_T, 60, spec)
    assert read_numbers(pixels["frames"]) == [start + frames // 2 for start in starts_T]
    for start, snippet_MHWC in zip(starts_T, pixels["snippets"], strict=True):
        assert read_numbers(snippet_MHWC) == list(range(start, start + frames))
