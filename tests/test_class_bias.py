import torch

from epitoma.class_bias import fitted_class_bias


def scores(videos: int, *, lean: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy scores of three classes, all leaning one way."""
    generator = torch.Generator().manual_seed(0)
    labels_VL = torch.eye(3)[torch.arange(videos) % 3]
    return labels_VL * 2 + torch.randn(videos, 3, generator=generator) + lean, labels_VL


def test_a_lean_is_taken_back():
    logits_VL, labels_VL = scores(600, lean=torch.tensor([0.0, 2.0, -1.0]))
    hits = [
        (biased_VL.argmax(dim=1) == labels_VL.argmax(dim=1)).float().mean()
        for biased_VL in (logits_VL, logits_VL + fitted_class_bias(logits_VL, labels_VL))
    ]
    upright_VL, _ = scores(600, lean=torch.zeros(3))
    best = (upright_VL.argmax(dim=1) == labels_VL.argmax(dim=1)).float().mean()
    assert hits[0] < best - 0.1
    assert hits[1] > best - 0.03


def test_scores_that_do_not_lean_get_next_to_none():
    assert fitted_class_bias(*scores(600, lean=torch.zeros(3))).abs().max() < 0.2


def test_it_is_the_same_however_sure_the_scores_are():
    logits_VL, labels_VL = scores(300, lean=torch.tensor([0.0, 1.0, 0.0]))
    bias_L, of_surer_L = fitted_class_bias(logits_VL, labels_VL), fitted_class_bias(9 * logits_VL, labels_VL)
    assert torch.allclose(9 * bias_L, of_surer_L, atol=1e-2)
