import pytest
import torch

from epitoma.models.shufflenet3d import ShuffleNet3D, shuffle_channels
from tests.models.published import shufflenet3d_forward, shufflenet3d_state


@pytest.mark.parametrize(
    "width", [1.0, *(pytest.param(width, marks=pytest.mark.slow) for width in (0.5, 2.0))]
)
def test_the_published_tensors_give_what_an_independent_forward_gives(width: float):
    """Width 1 has a stem of 24 channels, whose first unit alone is not grouped."""
    state = shufflenet3d_state(width=width, classes=600)
    net = ShuffleNet3D(width=width).eval()
    net.load_state_dict(
        {key.removeprefix("module."): tensor for key, tensor in state.items() if "classifier" not in key}
    )
    pixels = torch.rand(2, 3, 16, 64, 64) * 255 - 110
    with torch.no_grad():
        expected, got = shufflenet3d_forward(state, pixels), net(pixels)
    assert got.shape == (2, 960 * width)
    assert torch.allclose(got, expected, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 8, 12])
def test_any_number_of_frames_will_do(frames: int):
    net = ShuffleNet3D(width=0.5).eval()
    with torch.no_grad():
        assert net(torch.rand(1, 3, frames, 40, 40)).isfinite().all()


def test_shuffling_takes_one_channel_of_each_group_in_turn():
    x = torch.arange(6.0).view(1, 6, 1, 1, 1)
    assert shuffle_channels(x, 3).flatten().tolist() == [0, 2, 4, 1, 3, 5]
