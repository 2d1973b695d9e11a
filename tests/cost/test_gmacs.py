import pytest
import torch
from torch import nn

from epitoma.cost.gmacs import CostModel, gmacs, networks_cost
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.videoepitoma import build_model


def test_macs_of_layers_by_hand():
    assert gmacs(nn.Linear(30, 20), torch.zeros(7, 30)) == pytest.approx(7 * 30 * 20 / 1e9)
    convolution = nn.Conv2d(3, 8, 3, stride=2, padding=1)
    assert gmacs(convolution, torch.zeros(1, 3, 16, 16)) == pytest.approx(8 * 8 * 8 * 27 / 1e9)


def test_attentions_own_products_are_counted():
    layer = TemporalSelfAttention(channels=16)
    by_hand = 5 * 16 * 24 + 2 * 5 * 5 * 8 + 5 * 8 * 16
    assert gmacs(layer, torch.zeros(1, 5, 16), torch.ones(1, 5)) == pytest.approx(by_hand / 1e9)


def test_heavy_cost_follows_the_kept_timesteps_and_light_cost_does_not(model_config):
    model = build_model(model_config)
    cost = CostModel(model, networks_cost(model.networks), candidates=8)
    assert cost.at(8).heavy == pytest.approx(4 * cost.at(2).heavy)
    assert cost.at(8).light == cost.at(2).light > 0
    assert cost.at(8, selected=False).light == 0
    assert cost.at(8).total == cost.at(8).light + cost.at(8).heavy + cost.at(8).classifier
    assert cost.at(1).classifier < cost.at(8).classifier


def test_resnet50_costs_what_is_published():
    import timm

    net = timm.create_model("resnet50", num_classes=0)
    assert gmacs(net, torch.zeros(1, 3, 224, 224)) == pytest.approx(4.087, rel=0.005)
