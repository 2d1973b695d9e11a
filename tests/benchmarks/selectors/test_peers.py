"""What the peers do, on videos whose evidence is plain to see."""

from itertools import permutations

import pytest
import torch

from benchmarks.selectors.early_exit import coarse_to_fine
from benchmarks.selectors.fitting import by_threshold
from benchmarks.selectors.oracle import shown_by
from benchmarks.selectors.policy import log_probability
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.videos import KEPT, Splits, Videos
from benchmarks.selectors.ways import WAYS, early, learnt, mean_accuracy, ours
from epitoma.models.gating import top_k
from tests.training.synthetic_features import EVIDENCE, TIMESTEPS, make_split


def videos(count: int, *, seed: int) -> Videos:
    split = make_split(count, seed=seed)
    # The evidence of these features is what has moved the most along its class's direction.
    strength_VT = (split.light_VTC**2).sum(dim=2)
    every_VT = torch.ones_like(strength_VT, dtype=torch.bool)
    return Videos(split=split, evidence_VT=top_k(strength_VT, every_VT, EVIDENCE + 8))


@pytest.fixture(scope="module")
def splits() -> Splits:
    return Splits(training=videos(200, seed=1), validation=videos(60, seed=2), test=videos(60, seed=3))


QUICK = ("uniform", "saliency", "paper")
"""Ways that are trained in every run of the tests; the others take longer."""


@pytest.mark.parametrize(
    "way",
    [pytest.param(way, id=way.name, marks=[] if way.name in QUICK else pytest.mark.slow) for way in WAYS],
)
def test_every_way_learns_and_keeps_no_more_than_it_is_asked_for(splits: Splits, way):
    recipe = Recipe(steps=64, candidates=TIMESTEPS, validations=1)
    fitted = way.fit(splits, recipe, seed=0, **way.settings[0])
    with torch.inference_mode():
        assert mean_accuracy(fitted, splits.validation) > 0.2  # Chance is 0.1.
        for kept in KEPT:
            logits_VL, count = fitted.seen(splits.validation, kept)
            assert logits_VL.shape == splits.validation.split.labels_VL.shape
            if way.name != "dense":
                assert count <= kept


def test_the_same_seed_trains_the_same_peer(splits: Splits):
    recipe = Recipe(steps=6, candidates=16, validations=1)
    (way,) = (way for way in WAYS if way.name == "saliency")
    seen = []
    for seed in (0, 0, 1):
        fitted = way.fit(splits, recipe, seed=seed, **way.settings[0])
        with torch.inference_mode():
            seen.append(fitted.seen(splits.validation, 4)[0])
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])


def test_the_policy_knows_how_likely_each_way_to_pick_is():
    score_BT = torch.randn(1, 4)
    chances = [log_probability(score_BT, torch.tensor([order])).exp() for order in permutations(range(4), 2)]
    assert float(torch.stack(chances).sum()) == pytest.approx(1, abs=1e-5)
    first = score_BT.softmax(dim=1)[0, 2]
    rest = score_BT[0, [0, 1, 3]].softmax(dim=0)[1]
    chance = log_probability(score_BT, torch.tensor([[2, 1]])).exp()
    assert float(chance) == pytest.approx(float(first * rest), abs=1e-5)


def test_without_evidence_the_oracle_is_shown_as_many_timesteps_as_elsewhere():
    evidence_BT = torch.zeros(300, 40, dtype=torch.bool)
    evidence_BT[:150, 3:9] = True
    evidence_BT[:50, 20:30] = True
    shown_BT = shown_by(evidence_BT, torch.rand(300, 40))
    assert torch.equal(shown_BT[:150], evidence_BT[:150])
    count_B = shown_BT[150:].sum(dim=1)
    assert set(count_B.tolist()) == {6, 16}
    assert shown_BT[150:].any(dim=0).all()


def test_by_threshold_the_gates_keep_so_many_of_validation_in_the_mean(splits: Splits):
    recipe = Recipe(steps=12, candidates=TIMESTEPS, validations=1)
    trained = learnt(splits, recipe, seed=0, plan=ours, dropout=0.1, kernels=64)
    with torch.inference_mode():
        asked = by_threshold(trained, splits.validation)
        for kept in KEPT:
            logits_VL, count = asked.seen(splits.validation, kept)
            assert logits_VL.shape == splits.validation.split.labels_VL.shape
            assert kept <= count < 1.5 * kept


def test_coarse_to_fine_spreads_the_first_and_misses_none():
    order = coarse_to_fine(128).tolist()
    assert sorted(order) == list(range(128))
    assert sorted(order[:4]) == [0, 32, 64, 96]
    assert sorted(coarse_to_fine(10).tolist()) == list(range(10))


def test_early_exit_stops_in_time_on_validation_and_later_where_more_is_allowed(splits: Splits):
    recipe = Recipe(steps=12, candidates=TIMESTEPS, validations=1)
    asked = early(splits, recipe, seed=0, dropout=0.1)
    with torch.inference_mode():
        counts = [asked.seen(splits.validation, kept)[1] for kept in KEPT]
    assert all(count <= kept for count, kept in zip(counts, KEPT, strict=True))
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
