"""Batch normalisation in training, frozen or live, and folded for inference alone."""

import copy

import pytest
import torch
from torch import nn

from epitoma.models.heavy_net import HeavyNet
from tests.models.small_resnet import small_resnet_file


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(small_resnet_file(tmp_path_factory.mktemp("weights")))


def heavy(weights: str, **settings) -> HeavyNet:
    torch.manual_seed(0)
    return HeavyNet(HeavyNet.Config(name="resnet10t", weights=weights, size=32, **settings))


def snippets(count: int = 4) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 1, 32, 32), generator=torch.Generator().manual_seed(0))


def statistics(net: nn.Module) -> list[torch.Tensor]:
    return [each.clone() for name, each in net.named_buffers() if "running" in name]


def test_frozen_statistics_stay_and_timesteps_are_independent(weights):
    net = heavy(weights)
    before = statistics(net)
    assert before
    trained = net.train()(snippets())
    assert all(map(torch.equal, before, statistics(net)))
    assert torch.allclose(net.eval()(snippets()), trained)
    assert torch.allclose(net.train()(snippets()[:1]), trained[:1], atol=1e-5)


def test_live_statistics_are_those_of_the_batch_and_are_kept_up(weights):
    net = heavy(weights, normalisation="live")
    before = statistics(net)
    trained = net.train()(snippets())
    assert not any(map(torch.equal, before, statistics(net)))
    assert not torch.allclose(net.eval()(snippets()), trained, atol=1e-3)
    held = statistics(net)
    net(snippets())
    assert all(map(torch.equal, held, statistics(net))), "inference moves nothing"


@pytest.mark.parametrize(("normalisation", "moves"), [(None, True), ("live", True), ("frozen", False)])
def test_random_weights_are_live_unless_it_is_said_otherwise(normalisation, moves):
    net = heavy("random", normalisation=normalisation)
    before = statistics(net)
    net.train()(snippets())
    assert all(map(torch.equal, before, statistics(net))) is not moves


@pytest.mark.parametrize("normalisation", ["frozen", "live"])
def test_a_folded_network_computes_the_same_and_has_no_normalisation_left(weights, normalisation):
    net = heavy(weights, normalisation=normalisation)
    folded = copy.deepcopy(net)
    folded.fold()
    assert any(isinstance(each, nn.BatchNorm2d) for each in net.modules())
    assert not any(isinstance(each, nn.BatchNorm2d) for each in folded.modules())
    expected = net.eval()(snippets()).detach()
    assert torch.allclose(folded(snippets()), expected, atol=1e-4 * float(expected.abs().max()))
