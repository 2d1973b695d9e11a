import pytest
import torch
from torch import nn

from epitoma.training.weight_average import WeightAverage


def test_the_average_is_the_one_worked_out_by_hand_and_is_on_only_meanwhile():
    layer = nn.Linear(1, 1)
    layer.bias.requires_grad_(False)
    layer.weight.data.fill_(0.0)
    average, expected = WeightAverage(layer, decay=0.5), 0.0
    for steps, value in enumerate((1.0, 4.0, 2.0), start=1):
        layer.weight.data.fill_(value)
        average.update(steps=steps)
        decay = min(0.5, (1 + steps) / (10 + steps))
        expected = decay * expected + (1 - decay) * value
    bias = layer.bias.clone()
    with average.applied():
        assert layer.weight.item() == pytest.approx(expected)
        assert torch.equal(layer.bias, bias)
    assert layer.weight.item() == 2.0


def test_without_decay_the_module_keeps_its_own_weights_and_nothing_is_stored():
    layer = nn.Linear(2, 2)
    average = WeightAverage(layer, decay=0.0)
    layer.weight.data.add_(1.0)
    own = layer.weight.detach().clone()
    average.update(steps=1)
    with average.applied():
        assert torch.equal(layer.weight, own)
    assert average.values == {}


def test_an_average_that_was_kept_is_gone_on_with():
    torch.manual_seed(0)
    layer = nn.Linear(2, 2)
    first = WeightAverage(layer, decay=0.9)
    layer.weight.data.add_(1.0)
    first.update(steps=100)
    second = WeightAverage(layer, decay=0.9)
    second.load(first.values)
    for average in (first, second):
        average.update(steps=101)
    assert torch.equal(first.values["weight"], second.values["weight"])
