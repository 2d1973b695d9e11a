"""Dropout by bytes drops as many as PyTorch's, at random, and nothing in evaluation."""

import pytest
import torch
from torch import nn

from benchmarks.selectors.fast_dropout import FastDropout, hasten


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9])
def test_it_drops_its_share_and_keeps_the_mean(share):
    torch.manual_seed(0)
    x = torch.ones(301, 1003, requires_grad=True)
    dropped = FastDropout(share)(x)
    dropped.sum().backward()
    y = dropped.detach()
    assert float((y == 0).float().mean()) == pytest.approx(share, abs=0.004)
    assert float(y.mean()) == pytest.approx(1, abs=0.01)
    # Elements are dropped by themselves: no row, column or byte of a draw is favoured.
    for places in (y.mean(dim=0), y.mean(dim=1)):
        assert float(places.std()) < 3 * float(y.std()) / 301**0.5 + 1e-6
    assert torch.equal(x.grad, y)


def test_evaluation_drops_nothing_and_every_dropout_is_replaced():
    model = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.Dropout(0.5), nn.ReLU()), nn.Dropout(0.2))
    hasten(model)
    assert not [part for part in model.modules() if isinstance(part, nn.Dropout)]
    assert [part.dropped for part in model.modules() if isinstance(part, FastDropout)] == [128, 51]
    x = torch.randn(4, 3)
    model.eval()
    assert torch.equal(model(x), model[0](x).relu())
