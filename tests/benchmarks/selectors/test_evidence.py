"""Evidence by class and timestep: what it is averaged over, and what it says of which timesteps to keep."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.selectors.evidence import (
    SMOOTHINGS,
    BestMean,
    Evidence,
    EvidenceClassifier,
    EvidenceSelector,
    smoothed,
)
from epitoma.models.packing import pack
from epitoma.models.videoepitoma import selection_from_mask


def plain_mean(logits, is_open, count):
    """Of one video, class by class."""
    found = []
    for own in zip(*logits, strict=True):
        best = sorted((float(x) for x, shown in zip(own, is_open, strict=True) if shown), reverse=True)
        best = best[: max(1, min(count, len(best)))]
        found.append(sum(best) / len(best))
    return found


@given(st.integers(0, 10**6), st.sampled_from([0.1, 0.3, 1.0]), st.sampled_from([0.0, 0.2, 0.6, 0.9]))
def test_the_best_of_each_class_are_averaged_and_in_training_all_at_first(seed, share, progress):
    generator = torch.Generator().manual_seed(seed)
    logits_BTL = torch.randn(3, 20, 4, generator=generator)
    open_BT = torch.rand(3, 20, generator=generator) < 0.6
    open_BT[:, 0] = True
    candidates_B = torch.tensor([20, 20, 10])
    pool = BestMean(share)
    pool.anneal(progress)
    for is_training, done in ((True, min(1.0, progress / 0.6)), (False, 1.0)):
        pool.train(is_training)
        said_BL = pool(logits_BTL, open_BT, candidates_B)
        for video in range(3):
            count = round(float(candidates_B[video]) * (1 - (1 - share) * done))
            wanted = plain_mean(logits_BTL[video], open_BT[video], count)
            assert said_BL[video].tolist() == pytest.approx(wanted, abs=1e-5)


def plainly_smoothed(own: list[float]) -> list[float]:
    for _ in range(SMOOTHINGS):
        near = [own[max(0, place - 1) : place + 2] for place in range(len(own))]
        own = [sum(each) / len(each) for each in near]
    return own


@given(st.integers(0, 10**6), st.integers(1, 12))
def test_evidence_is_averaged_with_its_neighbours_and_padding_is_none(seed, length):
    x_BTL = torch.randn(2, 12, 3, generator=torch.Generator().manual_seed(seed))
    valid_BT = torch.ones(2, 12, dtype=torch.bool)
    valid_BT[1, length:] = False
    said_BTL = smoothed(x_BTL, valid_BT)
    for video, count in ((0, 12), (1, length)):
        for own in range(3):
            wanted = plainly_smoothed(x_BTL[video, :count, own].tolist())
            assert said_BTL[video, :count, own].tolist() == pytest.approx(wanted, abs=1e-5)


def test_features_are_centred_on_the_first_batch_of_training_and_never_again():
    evidence = Evidence(channels=8, classes=3, dropout=0.0)
    x_NC = torch.rand(50, 8) + 3
    before = evidence.eval()(x_NC)
    assert not evidence.centred
    evidence.train()(x_NC)
    assert torch.allclose(evidence.centre_C, x_NC.sqrt().mean(dim=0))
    evidence(x_NC * 2)
    assert torch.allclose(evidence.centre_C, x_NC.sqrt().mean(dim=0))
    assert not torch.equal(evidence.eval()(x_NC), before)


def test_a_timestep_that_shows_a_likely_class_is_kept_before_one_that_shows_another():
    """The other is shown even better, but the first for longer in this video."""
    selector = EvidenceSelector(EvidenceSelector.Config(share=0.5), channels=4, classes=2).eval()
    nothing, first, second = [-9.0, -9.0], [5.0, -9.0], [-9.0, 6.0]
    logits_TL = torch.tensor([first] * 8 + [nothing] * 4 + [second] * 6 + [nothing] * 4)
    selector.evidence = torch.nn.Identity()
    scores = selector(logits_TL[None], torch.ones(1, len(logits_TL), dtype=torch.bool))
    order = scores.alpha_BT[0].argsort(descending=True).tolist()
    # The middle of each is plain, its ends are not.
    assert set(order[:6]) == set(range(6))
    assert {14, 15} <= set(order[:12])
    assert scores.light_logits_BL is not None
    assert scores.light_logits_BL[0].argmax() == 0


def test_padding_and_shut_timesteps_change_nothing():
    selector = EvidenceSelector(EvidenceSelector.Config(), channels=6, classes=3).eval()
    classifier = EvidenceClassifier(EvidenceClassifier.Config(), channels=6, classes=3).eval()
    x_BTC = torch.randn(2, 12, 6)
    valid_BT = torch.ones(2, 12, dtype=torch.bool)
    valid_BT[1, 8:] = False
    other_BTC = x_BTC.clone()
    other_BTC[1, 8:] = 100.0
    first, second = (selector(each, valid_BT) for each in (x_BTC, other_BTC))
    assert torch.equal(first.light_logits_BL, second.light_logits_BL)
    assert torch.equal(first.alpha_BT[valid_BT], second.alpha_BT[valid_BT])
    open_BT = valid_BT & (torch.arange(12) % 2 == 0)
    together = classifier(pack(x_BTC, open_BT), selection_from_mask(open_BT, valid_BT))
    alone = [
        classifier(x_BTC[[b]][open_BT[[b]]], selection_from_mask(open_BT[[b]], valid_BT[[b]]))
        for b in range(2)
    ]
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)
