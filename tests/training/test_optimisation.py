"""How weights are moved: Muon against torch's own, which weights it moves, and the rate over a run."""

import pytest
import torch

from epitoma.training.muon import Muon, orthogonal
from epitoma.training.optimisation import OptimisationConfig, make_optimizers, set_learning_rate


@pytest.mark.parametrize("shape", [(48, 96), (96, 48), (64, 64)])
def test_muon_goes_where_torchs_own_goes(shape):
    """But for bfloat16, in which torch's own computes."""
    torch.manual_seed(0)
    start, gradients = torch.randn(shape), torch.randn(4, *shape)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    settings = {"lr": 0.02, "weight_decay": 0.1, "momentum": 0.95}
    optimizers = Muon([{"params": [ours]}], **settings), torch.optim.Muon([theirs], **settings)
    for gradient in gradients:
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            parameter.grad = gradient.clone()
            optimizer.step()
    moved, expected = ours.detach() - start, theirs.detach() - start
    assert float((moved - expected).norm() / expected.norm()) < 0.02


def test_all_directions_are_gone_as_far():
    torch.manual_seed(0)
    uneven = torch.randn(32, 64) * torch.logspace(0, -2, 64)
    values = torch.linalg.svdvals(orthogonal(uneven))
    assert float(values.min()) > 0.5
    assert float(values.max()) < 1.3


def test_muon_moves_wide_matrices_and_adamw_all_else():
    layer, narrow = torch.nn.Linear(64, 48), torch.nn.Linear(64, 3)
    network = torch.nn.Linear(64, 64)
    frozen = torch.nn.Parameter(torch.zeros(64, 64), requires_grad=False)
    config = OptimisationConfig(optimizer="muon", learning_rate=1e-3, network_learning_rate=1e-4)
    adamw, muon = make_optimizers(
        [*layer.parameters(), *narrow.parameters(), frozen], network.parameters(), config
    )
    assert [group["params"] for group in muon.param_groups] == [[layer.weight]]
    rates = {id(p): group["lr"] for group in adamw.param_groups for p in group["params"]}
    expected = {layer.bias: 1e-3, narrow.weight: 1e-3, narrow.bias: 1e-3}
    expected |= dict.fromkeys(network.parameters(), 1e-4)
    assert rates == {id(parameter): rate for parameter, rate in expected.items()}


def test_the_papers_optimiser_moves_all_alike():
    layer = torch.nn.Linear(64, 48)
    (adamw,) = make_optimizers(layer.parameters(), [], OptimisationConfig(optimizer="adamw"))
    assert [group["params"] for group in adamw.param_groups] == [[layer.weight, layer.bias]]


@pytest.mark.parametrize(("schedule", "half", "end"), [("cosine", 0.5, 0.0), ("constant", 1.0, 1.0)])
def test_the_rate_falls_to_nothing_or_stays(schedule, half, end):
    layer = torch.nn.Linear(64, 48)
    config = OptimisationConfig(schedule=schedule)
    optimizers = make_optimizers(layer.parameters(), [], config)
    for progress, share in ((0.0, 1.0), (0.5, half), (1.0, end)):
        set_learning_rate(optimizers, config, progress=progress)
        rates = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
        assert rates == pytest.approx([config.learning_rate * share, config.matrix_learning_rate * share])
