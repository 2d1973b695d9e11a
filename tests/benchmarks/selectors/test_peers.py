"""What the peers do, on videos whose evidence is plain to see."""

from itertools import permutations

import numpy as np
import pytest
import torch

from benchmarks.selectors.adafocus import quantiles
from benchmarks.selectors.draws import at_places, draw, entropy, log_probability
from benchmarks.selectors.early_exit import coarse_to_fine
from benchmarks.selectors.fitting import by_threshold
from benchmarks.selectors.oracle import shown_by
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.sosampler import ranking
from benchmarks.selectors.stts import PerturbedMaximum
from benchmarks.selectors.videos import KEPT, Splits, Videos
from benchmarks.selectors.ways import WAYS, Answering, early, learnt, ours
from epitoma.core.selection import Recognition, Selection
from epitoma.models.gating import top_k
from epitoma.training.metrics import accuracy
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


def mean_accuracy(fitted: Answering, asked: Videos) -> float:
    found = [accuracy(fitted.seen(asked, kept)[0], asked.split.labels_VL) for kept in KEPT]
    return sum(found) / len(found)


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


def test_draws_are_of_valid_timesteps_each_once_and_as_likely_as_their_scores():
    score_BT = torch.log(torch.tensor([0.5, 0.3, 0.2, 1.0])).expand(4000, 4)
    valid_BT = torch.tensor([True, True, True, False]).expand(4000, 4)
    torch.manual_seed(0)
    places_BK = draw(score_BT, valid_BT, 2)
    assert bool((places_BK[:, 0] != places_BK[:, 1]).all())
    first = places_BK[:, 0].bincount(minlength=4) / 4000
    assert first.tolist() == pytest.approx([0.5, 0.3, 0.2, 0.0], abs=0.03)
    assert at_places(places_BK, valid_BT).sum(dim=1).unique().tolist() == [2]
    assert float(entropy(torch.zeros(1, 8))) == pytest.approx(np.log(8))


def test_quantiles_spread_by_weight():
    weight_BT = torch.tensor([[0.01, 0.01, 0.46, 0.02, 0.02, 0.02, 0.45, 0.01]])
    assert quantiles(weight_BT.log(), 2).nonzero()[:, 1].tolist() == [2, 6]
    assert quantiles(torch.zeros(1, 100), 4).nonzero()[:, 1].tolist() == [12, 37, 62, 87]
    assert int(quantiles(weight_BT.log(), 4).sum()) <= 4


def test_the_perturbed_maximum_has_the_gradient_of_its_mean():
    torch.manual_seed(0)
    alpha_BT = torch.linspace(-1, 1, 12)[None].repeat(200, 1).requires_grad_()
    weight_BT = PerturbedMaximum().value(alpha_BT, torch.zeros_like(alpha_BT))
    assert weight_BT.sum(dim=1).tolist() == pytest.approx([8.0] * 200)
    mean_T = weight_BT.mean(dim=0)
    assert bool((mean_T.diff() > 0).all())
    (gradient_BT,) = torch.autograd.grad(weight_BT[:, 4].sum(), alpha_BT)
    with torch.no_grad():
        step = 0.2 * torch.eye(12)[4]
        up, down = (PerturbedMaximum().value(alpha_BT + sign * step, alpha_BT)[:, 4] for sign in (1, -1))
    assert float(gradient_BT[:, 4].mean()) == pytest.approx(float((up - down).mean()) / 0.4, abs=0.1)


def test_frames_are_ranked_by_the_classifiers_confidence():
    frames_BKL = torch.tensor([[[2.0, 0.0], [0.0, 2.0], [1.0, 0.0]]])
    labels_BL = torch.tensor([[1.0, 0.0]])

    def loss_of(*alpha: float) -> float:
        alpha_BT = torch.tensor([alpha])
        gate_BT = torch.ones(1, 3)
        selection = Selection(
            alpha_BT=alpha_BT, gate_BT=gate_BT, open_probability_BT=gate_BT, valid_BT=gate_BT > 0
        )
        said = Recognition(
            logits_BL=torch.zeros(1, 2), selection=selection, extras={"frames_BKL": frames_BKL}
        )
        return float(ranking(said, labels_BL))

    assert loss_of(3.0, -3.0, 0.0) < loss_of(0.0, 0.0, 0.0) < loss_of(-3.0, 3.0, 0.0)
