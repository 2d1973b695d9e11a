"""What is moved, at which rate."""

import pytest
import torch

from epitoma.core.errors import ConfigError
from epitoma.models.videoepitoma import VideoEpitoma, build_model
from epitoma.training.optimisation import OptimisationConfig, make_optimizer
from tests.conftest import tiny_model

RATES = OptimisationConfig(learning_rate=1e-3, network_learning_rate=1e-4, adam_epsilon=1e-4)


@pytest.fixture
def model() -> VideoEpitoma:
    return build_model(tiny_model())


def rates(model: VideoEpitoma) -> dict[torch.nn.Parameter, float]:
    groups = make_optimizer(model, RATES).param_groups
    return {each: group["lr"] for group in groups for each in group["params"]}


def test_networks_have_a_rate_of_their_own(model: VideoEpitoma):
    networks = set(model.network_parameters())
    expected = {each: 1e-4 if each in networks else 1e-3 for each in model.parameters()}
    assert rates(model) == expected


def test_a_part_that_is_frozen_is_moved_by_nobody(model: VideoEpitoma):
    model.selector.requires_grad_(False)
    model.networks.requires_grad_(False)
    assert set(rates(model)) == set(model.classifier.parameters())


def test_it_is_adam(model: VideoEpitoma):
    optimizer = make_optimizer(model, RATES)
    assert type(optimizer) is torch.optim.Adam
    assert {group["eps"] for group in optimizer.param_groups} == {1e-4}
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0}


def test_a_negative_rate_is_refused():
    for rate in (-1, float("nan"), float("inf"), 1e38):
        with pytest.raises(
            ConfigError, match=r"optimisation\.learning_rate must be at least 0 and at most 1e\+30"
        ):
            OptimisationConfig(learning_rate=rate)
