import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.selection import all_valid
from epitoma.models.centring import centred
from epitoma.models.selector import TimestepSelector


@given(st.integers(1, 6), st.integers(0, 100))
def test_it_is_the_distance_from_the_mean_of_what_is_valid(valid, seed):
    x_BTC = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(seed))
    valid_BT = all_valid(2, 6)
    valid_BT[0, valid:] = False
    centred_BTC = centred(x_BTC, valid_BT)
    alone_TC = x_BTC[0, :valid]
    assert torch.allclose(centred_BTC[0, :valid], alone_TC - alone_TC.mean(dim=0), atol=1e-5)
    assert torch.allclose(centred_BTC[1].sum(dim=0), torch.zeros(3), atol=1e-5)


@pytest.mark.parametrize("is_centred", [True, False])
def test_a_centred_selector_does_not_see_what_a_whole_video_shows(is_centred):
    torch.manual_seed(0)
    config = TimestepSelector.Config(centred=is_centred)
    selector = TimestepSelector(config, channels=8, classes=3).eval()
    light_BTC, scene_B1C = torch.randn(2, 5, 8), torch.randn(2, 1, 8)
    plain = selector(light_BTC, all_valid(2, 5))
    elsewhere = selector(light_BTC + scene_B1C, all_valid(2, 5))
    assert torch.allclose(plain.alpha_BT, elsewhere.alpha_BT, atol=1e-4) == is_centred
