"""How weights are moved: Muon against torch's own, which weights it moves, and the rate over a run."""

import pytest
import torch

from epitoma.models.videoepitoma import HeadConfig, Networks, VideoEpitoma
from epitoma.training.muon import Muon, orthogonal
from epitoma.training.optimisation import OptimisationConfig, make_optimizers, set_learning_rate
from tests.conftest import tiny_networks


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


def test_fused_matrices_are_moved_each_by_itself():
    torch.manual_seed(0)
    start, gradient = torch.randn(96, 64), torch.randn(96, 64)
    fused, *parts = (torch.nn.Parameter(each.clone()) for each in (start, *start.chunk(3)))
    fused.grad = gradient.clone()
    for part, its_gradient in zip(parts, gradient.chunk(3), strict=True):
        part.grad = its_gradient.clone()
    for group in ({"params": [fused], "parts": 3}, {"params": parts}):
        Muon([group], lr=0.02, weight_decay=0.1).step()
    assert torch.allclose(fused, torch.cat(parts), atol=1e-6)


def model_of(*, networks: bool = False) -> VideoEpitoma:
    torch.manual_seed(0)
    head = HeadConfig()
    if not networks:
        return VideoEpitoma(head, light_channels=24, heavy_channels=32, classes=157)
    built = Networks(tiny_networks())
    return VideoEpitoma(
        head,
        light_channels=built.light.channels,
        heavy_channels=built.heavy.channels,
        classes=157,
        networks=built,
    )


def names_of(optimizer: torch.optim.Optimizer, model: VideoEpitoma) -> set[str]:
    moved = {each for group in optimizer.param_groups for each in group["params"]}
    return {name for name, each in model.named_parameters() if each in moved}


def test_muon_moves_hidden_matrices_by_role_and_adamw_all_else():
    """Score layers of 157 classes are as large as hidden matrices, and are none."""
    model = model_of()
    adamw, muon = make_optimizers(model, OptimisationConfig(optimizer="muon"))
    hidden = {name for name, each in model.named_parameters() if each.ndim == 2}
    scores = {
        "selector.saliency.classifier.weight",
        "selector.mlp.2.weight",
        "classifier.mlp.3.weight",
        "classifier.frame_classifier.weight",
    }
    assert scores < hidden
    assert names_of(muon, model) == hidden - scores
    assert names_of(adamw, model) == {name for name, _ in model.named_parameters()} - hidden | scores
    parts = {group["parts"]: group["params"] for group in muon.param_groups}
    fused = [model.selector.context.query_key_value.weight, model.classifier.attention.query_key_value.weight]
    assert {id(each) for each in parts[3]} == {id(each) for each in fused}


def test_a_part_that_is_frozen_is_moved_by_nobody():
    model = model_of()
    model.selector.requires_grad_(False)
    moved = set().union(*(names_of(each, model) for each in make_optimizers(model, OptimisationConfig())))
    assert moved == {name for name, _ in model.named_parameters() if name.startswith("classifier.")}


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_norms_and_biases_are_not_decayed_and_networks_have_a_rate_of_their_own(optimizer):
    model = model_of(networks=True)
    config = OptimisationConfig(optimizer=optimizer, learning_rate=1e-3, network_learning_rate=1e-4)
    groups = make_optimizers(model, config)[0].param_groups
    decay = {each: group["weight_decay"] for group in groups for each in group["params"]}
    rates = {each: group["lr"] for group in groups for each in group["params"]}
    of_networks = set(model.networks.parameters())
    assert of_networks <= decay.keys()
    for each, its_decay in decay.items():
        assert its_decay == (0.1 if each.ndim > 1 else 0.0)
        assert rates[each] == (1e-4 if each in of_networks else 1e-3)


def test_the_papers_optimiser_is_adam_on_everything():
    model = model_of()
    (adamw,) = make_optimizers(model, OptimisationConfig(optimizer="adamw"))
    assert names_of(adamw, model) == {name for name, _ in model.named_parameters()}


@pytest.mark.parametrize(("schedule", "half", "end"), [("cosine", 0.5, 0.0), ("constant", 1.0, 1.0)])
def test_the_rate_falls_to_nothing_or_stays(schedule, half, end):
    config = OptimisationConfig(schedule=schedule)
    optimizers = make_optimizers(model_of(), config)
    for progress, share in ((0.0, 1.0), (0.5, half), (1.0, end)):
        set_learning_rate(optimizers, config, progress=progress)
        rates = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
        assert set(rates) == {config.learning_rate * share, config.matrix_learning_rate * share}
