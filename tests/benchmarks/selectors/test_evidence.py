"""Evidence by class and timestep: what it is averaged over, and what it says of which timesteps to keep."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.selectors.evidence import (
    EVIDENCE_WEIGHT,
    FEW,
    BestMean,
    Evidence,
    EvidenceClassifier,
    EvidenceSelector,
    dealt,
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
    for is_training, done, parts in ((True, min(1.0, progress / 0.6), (1.0,)), (False, 1.0, (1.0, FEW))):
        pool.train(is_training)
        said_BL = pool(logits_BTL, open_BT, candidates_B)
        for video in range(3):
            most = float(candidates_B[video]) * (1 - (1 - share) * done)
            counts = [round(min(most, int(open_BT[video].sum()) * part)) for part in parts]
            means = [plain_mean(logits_BTL[video], open_BT[video], count) for count in counts]
            wanted = [sum(each) / len(each) for each in zip(*means, strict=True)]
            assert said_BL[video].tolist() == pytest.approx(wanted, abs=1e-5)


def test_features_are_centred_on_the_first_batch_of_training_and_never_again():
    evidence = Evidence(channels=8, kernels=5, classes=3, dropout=0.0)
    x_BTC = torch.rand(5, 10, 8) + 3
    before = evidence.eval()(x_BTC)
    assert not evidence.centred
    evidence.train()(x_BTC)
    assert torch.allclose(evidence.centre_C, x_BTC.sqrt().mean(dim=(0, 1)))
    evidence(x_BTC * 2)
    assert torch.allclose(evidence.centre_C, x_BTC.sqrt().mean(dim=(0, 1)))
    assert not torch.equal(evidence.eval()(x_BTC), before)


def test_the_same_channels_are_dropped_at_all_timesteps_of_a_video():
    evidence = Evidence(channels=64, kernels=32, classes=3, dropout=0.5).train()
    x_BTC = torch.randn(2, 1, 64).expand(2, 6, 64)
    logits_BTL = evidence(x_BTC)
    assert torch.allclose(logits_BTL, logits_BTL[:, :1].expand_as(logits_BTL), atol=1e-5)
    again_BTL = evidence(x_BTC)
    assert not torch.allclose(logits_BTL, again_BTL, atol=1e-2)


def plainly_dealt(logits, chances):
    """One class after the other, its timesteps from the best to the worst."""
    score = [float("-inf")] * len(logits)
    for own, chance in zip(zip(*logits, strict=True), chances, strict=True):
        for place, timestep in enumerate(sorted(range(len(own)), key=lambda t: -own[t])):
            given_ = math.log(chance / (place + 1)) + EVIDENCE_WEIGHT * own[timestep]
            score[timestep] = max(score[timestep], given_)
    return score


@given(st.integers(0, 10**6), st.integers(1, 12))
def test_timesteps_are_dealt_to_classes_as_seats_are_to_parties(seed, length):
    generator = torch.Generator().manual_seed(seed)
    logits_BTL = torch.randn(2, 12, 3, generator=generator) * 3
    video_BL = torch.randn(2, 3, generator=generator)
    valid_BT = torch.ones(2, 12, dtype=torch.bool)
    valid_BT[1, length:] = False
    score_BT = dealt(logits_BTL, video_BL, valid_BT)
    for video, count in ((0, 12), (1, length)):
        wanted = plainly_dealt(logits_BTL[video, :count].tolist(), video_BL[video].softmax(dim=0).tolist())
        assert score_BT[video, :count].tolist() == pytest.approx(wanted, abs=1e-4)


def test_a_likely_class_is_kept_more_often_and_an_unlikely_one_too():
    """Six timesteps in eight for a class that is three times as likely, where both are equally plain to see."""
    logits_TL = torch.full((40, 2), -3.0)
    logits_TL[:15, 0] = logits_TL[15:30, 1] = torch.linspace(3.1, 3.0, 15)
    video_BL = torch.tensor([[0.75, 0.25]]).log()
    score_BT = dealt(logits_TL[None], video_BL, torch.ones(1, 40, dtype=torch.bool))
    kept = score_BT[0].argsort(descending=True)[:8].tolist()
    assert sorted(kept) == [0, 1, 2, 3, 4, 5, 15, 16]


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
