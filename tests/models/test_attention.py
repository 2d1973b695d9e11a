import torch
from torch import Tensor

from epitoma.models.attention import TemporalSelfAttention

CHANNELS = 16
"""Of which queries have half: four heads of two."""


def layer() -> TemporalSelfAttention:
    torch.manual_seed(0)
    return TemporalSelfAttention(channels=CHANNELS)


def slow(module: TemporalSelfAttention, x_TC: Tensor, weight_T: Tensor) -> Tensor:
    """Attention by its definition: one head and one query at a time, weights multiplied into the softmax."""
    query, key, value = module.query_key_value(x_TC).chunk(3, dim=-1)
    out = torch.zeros_like(query)
    for head in (slice(first, first + 2) for first in (0, 2, 4, 6)):
        for t in range(len(x_TC)):
            score_T = torch.exp(key[:, head] @ query[t, head] / 2**0.5) * weight_T
            out[t, head] = (score_T / score_T.sum()) @ value[:, head]
    return x_TC + module.out(out)


def test_it_is_attention_with_each_timestep_weighted():
    module, x_BTC, weight_BT = layer(), torch.randn(3, 5, CHANNELS), torch.rand(3, 5)
    weight_BT[0, 2:] = 0
    expected = torch.stack([slow(module, x, w) for x, w in zip(x_BTC, weight_BT, strict=True)])
    assert torch.allclose(module(x_BTC, weight_BT), expected, atol=1e-5)


def test_a_timestep_of_weight_zero_is_absent_and_gradients_are_finite():
    module, x_BTC = layer(), torch.randn(1, 4, CHANNELS)
    weight_BT = torch.tensor([[0.7, 0.0, 0.9, 0.0]], requires_grad=True)
    out_BTC = module(x_BTC, weight_BT)
    fewer_BTC = module(x_BTC[:, [0, 2]], weight_BT[:, [0, 2]])
    assert torch.allclose(out_BTC[:, [0, 2]], fewer_BTC, atol=1e-6)
    out_BTC.sum().backward()
    assert torch.isfinite(weight_BT.grad).all()
    assert weight_BT.grad[0, 1] == 0
    assert weight_BT.grad[0, 0] != 0
