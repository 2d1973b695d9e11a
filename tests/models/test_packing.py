import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from epitoma.models.packing import pack, pad

masks = (
    st.integers(1, 5)
    .flatmap(lambda t: st.lists(st.lists(st.booleans(), min_size=t, max_size=t), min_size=1, max_size=4))
    .filter(lambda rows: any(map(any, rows)))
)


def slow_pad(x_P: Tensor, open_BT: Tensor) -> Tensor:
    rows, taken = [], 0
    most = int(open_BT.sum(dim=1).max())
    for open_T in open_BT:
        count = int(open_T.sum())
        own = x_P[taken : taken + count]
        rows.append(torch.cat([own, x_P.new_zeros(most - count, *x_P.shape[1:])]))
        taken += count
    return torch.stack(rows)


@given(masks)
def test_pad_puts_each_videos_open_timesteps_in_its_own_first_slots(rows):
    open_BT = torch.tensor(rows)
    x_BTC = torch.arange(open_BT.numel() * 2, dtype=torch.float32).view(*open_BT.shape, 2)
    packed = pack(x_BTC, open_BT)
    assert torch.equal(pad(packed, open_BT), slow_pad(packed, open_BT))


def test_gradients_reach_packed_timesteps_and_no_others():
    open_BT = torch.tensor([[True, False, True], [False, True, False]])
    x_BTC = torch.ones(2, 3, 4, requires_grad=True)
    pad(pack(x_BTC, open_BT), open_BT).sum().backward()
    assert torch.equal(x_BTC.grad, open_BT[..., None].expand(2, 3, 4).float())


def test_a_mask_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="2 packed timesteps for a mask with 3 open"):
        pad(torch.zeros(2, 4), torch.tensor([[True, True, True]]))
    with pytest.raises(ValueError, match="cannot pack"):
        pack(torch.zeros(2, 4), torch.ones(2, 3, dtype=torch.bool))
