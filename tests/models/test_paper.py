"""The paper's head: the size of a gate matters, and the classification loss can hold each gate open."""

import pytest
import torch

from epitoma.core.selection import Selection, all_valid
from epitoma.models.classifier import EpitomaClassifier
from epitoma.models.gating import logistic_noise
from epitoma.models.paper import paper_head
from epitoma.models.videoepitoma import HeadConfig, VideoEpitoma

VIDEOS, TIMESTEPS, LIGHT, HEAVY, CLASSES = 3, 8, 12, 20, 4


def model_of(head: HeadConfig) -> VideoEpitoma:
    torch.manual_seed(0)
    return VideoEpitoma(head, light_channels=LIGHT, heavy_channels=HEAVY, classes=CLASSES).double()


def normalised_head() -> HeadConfig:
    return HeadConfig(classifier=EpitomaClassifier.Config(dropout=0.0))


def selection_of(gate_BT: torch.Tensor) -> Selection:
    zero_BT = torch.zeros_like(gate_BT)
    return Selection(
        alpha_BT=zero_BT,
        gate_BT=gate_BT,
        open_probability_BT=zero_BT,
        valid_BT=all_valid(*gate_BT.shape),
    )


def gates(seed: int = 0) -> torch.Tensor:
    """Some of them shut, and the others above a half."""
    chance_BT = torch.rand(VIDEOS, TIMESTEPS, generator=torch.Generator().manual_seed(seed)).double()
    return (0.5 + chance_BT / 2).where(chance_BT > 0.3, 0)


def logits(head: HeadConfig, gate_BT: torch.Tensor) -> torch.Tensor:
    heavy_PC = torch.randn(
        int((gate_BT > 0).sum()), HEAVY, generator=torch.Generator().manual_seed(1)
    ).double()
    return model_of(head).classifier(heavy_PC, selection_of(gate_BT))


def one_open() -> torch.Tensor:
    """A single gate open in each video."""
    return 0.7 * torch.eye(TIMESTEPS)[:VIDEOS].double()


def gradient(head: HeadConfig, gate_BT: torch.Tensor) -> torch.Tensor:
    gate_BT = gate_BT.clone().requires_grad_()
    torch.nn.functional.cross_entropy(logits(head, gate_BT), torch.arange(VIDEOS)).backward()
    assert gate_BT.grad is not None
    return gate_BT.grad


@pytest.mark.parametrize("gate_BT", [gates(), one_open()])
def test_the_gradient_of_classification_reaches_the_size_of_every_open_gate(gate_BT: torch.Tensor):
    gradient_BT = gradient(paper_head(), gate_BT)
    assert (gradient_BT[gate_BT > 0].abs() > 1e-6).all()
    # Along the gates themselves, in which direction a normalised mean has none.
    along_B = (gradient_BT * gate_BT).sum(dim=1)
    assert (along_B.abs() > 1e-5).all()


def test_a_normalised_gate_that_is_alone_has_no_gradient():
    assert (gradient(normalised_head(), one_open()).abs() < 1e-12).all()


@pytest.mark.parametrize(("head", "changes"), [(paper_head(), True), (normalised_head(), False)])
def test_all_gates_half_as_large_give_other_scores_in_the_papers_head_alone(head, changes):
    whole_BL, half_BL = logits(head, gates()), logits(head, gates() / 2)
    difference = float((whole_BL - half_BL).detach().abs().max())
    assert (difference > 1e-3) is changes
    assert changes or difference < 1e-9


def test_what_is_shut_is_absent_from_attention_and_mean():
    """The same logits where a shut timestep is not there at all, computed by hand from the parts."""
    classifier, gate_BT = model_of(paper_head()).classifier, gates()
    heavy_BTC = torch.randn(VIDEOS, TIMESTEPS, HEAVY).double()
    logits_BL = classifier(heavy_BTC[gate_BT > 0], selection_of(gate_BT))
    for heavy_TC, gate_T, logits_L in zip(heavy_BTC, gate_BT, logits_BL, strict=True):
        kept = gate_T > 0
        x_1KC = (heavy_TC[kept] * gate_T[kept, None])[None]
        attended_1KC = classifier.attention(x_1KC, torch.ones_like(x_1KC[..., 0]))
        assert torch.allclose(classifier.mlp(attended_1KC.mean(dim=1))[0], logits_L)


def test_training_is_by_noise_and_inference_is_a_step_without_it():
    model = model_of(paper_head()).float()
    light_BTC, valid_BT = torch.randn(VIDEOS, TIMESTEPS, LIGHT), all_valid(VIDEOS, TIMESTEPS)
    noise_BT = logistic_noise((VIDEOS, TIMESTEPS), generator=torch.Generator().manual_seed(2))
    trained, scores = model.select(light_BTC, valid_BT, noise_BT=noise_BT)
    value_BT = torch.sigmoid(scores.alpha_BT + noise_BT)
    several_B = (value_BT > 0.5).any(dim=1)
    assert torch.allclose(trained.gate_BT[several_B], value_BT.where(value_BT > 0.5, 0)[several_B])
    assert torch.allclose(trained.open_probability_BT, torch.sigmoid(scores.alpha_BT))
    tested, scores = model.eval().select(light_BTC, valid_BT)
    assert set(tested.gate_BT.unique().tolist()) <= {0.0, 1.0}
    assert (tested.open_BT | ~(scores.alpha_BT > 0)).all()
    assert scores.light_logits_BL is None


def test_an_l0_penalty_and_classification_pull_at_the_same_gate():
    """The gradient of a score is that of both, of which neither is lost."""
    model = model_of(paper_head()).float()
    light_BTC, valid_BT = torch.randn(VIDEOS, TIMESTEPS, LIGHT), all_valid(VIDEOS, TIMESTEPS)
    noise_BT = logistic_noise((VIDEOS, TIMESTEPS), generator=torch.Generator().manual_seed(2))
    selection, scores = model.select(light_BTC, valid_BT, noise_BT=noise_BT)
    heavy_PC = torch.randn(int(selection.open_BT.sum()), HEAVY)
    loss = torch.nn.functional.cross_entropy(model.classifier(heavy_PC, selection), torch.arange(VIDEOS))
    (by_class_BT,) = torch.autograd.grad(loss, scores.alpha_BT, retain_graph=True)
    (by_l0_BT,) = torch.autograd.grad(selection.open_probability_BT.mean(), scores.alpha_BT)
    assert (by_class_BT[selection.open_BT] != 0).all()
    assert (by_l0_BT > 0).all()
