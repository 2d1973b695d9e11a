import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from epitoma.models.i3d import I3D, I3D_CHANNELS, SamePool3D, same_padding
from tests.models.published import i3d_forward, i3d_state, same


def loaded() -> tuple[I3D, dict[str, torch.Tensor]]:
    state = i3d_state(classes=400)
    net = I3D().eval()
    net.load_state_dict({key: tensor for key, tensor in state.items() if not key.startswith("logits.")})
    return net, state


@pytest.mark.parametrize(
    "layout", [torch.channels_last_3d, pytest.param(torch.contiguous_format, marks=pytest.mark.slow)]
)
def test_the_published_tensors_give_what_an_independent_forward_gives(layout):
    """Even and odd sizes and frame counts, because "SAME" pads them differently."""
    net, state = loaded()
    for shape in ((2, 3, 8, 64, 64), (1, 3, 5, 49, 70), (1, 3, 1, 32, 32)):
        pixels = torch.rand(shape) * 2 - 1
        with torch.no_grad():
            expected, got = i3d_forward(state, pixels), net(pixels.contiguous(memory_format=layout))
        assert got.shape == (shape[0], I3D_CHANNELS)
        assert torch.allclose(got, expected, atol=1e-4 * float(expected.abs().max()))


def test_eight_frames_end_as_one_timestep_of_7_by_7():
    trunk = nn.Sequential(*list(I3D())[:-2]).to("meta")
    assert trunk(torch.zeros(1, 3, 8, 224, 224, device="meta")).shape == (1, I3D_CHANNELS, 1, 7, 7)


def test_normalisation_is_tensorflows():
    epsilons = {module.eps for module in I3D().modules() if isinstance(module, nn.BatchNorm3d)}
    assert epsilons == {1e-3}


@given(size=st.integers(1, 40), kernel=st.integers(1, 7), stride=st.integers(1, 3))
def test_same_padding_gives_the_size_rounded_up_and_pads_no_more_than_it_must(size, kernel, stride):
    before, behind = same_padding(size, kernel=kernel, stride=stride)
    padded = size + before + behind
    wanted = -(-size // stride)
    if kernel >= stride or padded >= kernel:
        assert max(padded - kernel, 0) // stride + 1 == wanted
    assert 0 <= behind - before <= 1
    if before + behind:
        assert padded == (wanted - 1) * stride + kernel


@given(frames=st.integers(1, 9), size=st.integers(2, 12), halves=st.booleans(), seed=st.integers(0, 99))
def test_pooling_without_a_padded_copy_is_pooling_of_the_padded_copy(frames, size, halves, seed):
    kernel, stride = ((3, 3, 3), (2, 2, 2)) if halves else ((1, 3, 3), (1, 2, 2))
    x = torch.rand(1, 2, frames, size, size, generator=torch.Generator().manual_seed(seed))
    expected = nn.functional.max_pool3d(same(x, kernel, stride), kernel, stride)
    assert torch.equal(SamePool3D(kernel=kernel, stride=stride)(x), expected)
