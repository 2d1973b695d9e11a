import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.selection import all_valid
from epitoma.models.gating import BUDGET_NOISE, Gating, lead, logistic_noise, top_k
from tests.models.test_gates import GATES


def gating(**settings) -> Gating:
    return Gating(Gating.Config(**settings))


def scores(*shape: int, seed: int = 0, low: float = 0.0) -> torch.Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed)) - low


def noise_of(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return logistic_noise(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("gate", GATES)
def test_something_stays_open_in_every_video_however_low_the_scores(gate):
    alpha_BT, valid_BT = scores(5, 7, low=50.0), all_valid(5, 7)
    valid_BT[:, 4:] = False
    for noise_BT in (None, noise_of((5, 7))):
        selection = gating(gate=gate)(alpha_BT, valid_BT, noise_BT=noise_BT)
        assert selection.count_B.tolist() == [1] * 5
        assert not (selection.open_BT & ~valid_BT).any()


def test_a_budget_is_kept_even_where_scores_underflow():
    alpha_BT = scores(2, 5, low=500.0)
    assert gating()(alpha_BT, all_valid(2, 5), budget=3).count_B.tolist() == [3, 3]


@given(st.integers(1, 9), st.integers(0, 100))
def test_a_budget_in_training_opens_the_highest_noisy_scores_with_their_sigmoid(budget, seed):
    alpha_BT, noise_BT = scores(3, 7, seed=seed), noise_of((3, 7), seed)
    valid_BT = all_valid(3, 7)
    valid_BT[1, 4:] = False
    selection = gating()(alpha_BT, valid_BT, noise_BT=noise_BT, budget=budget)
    noisy_BT = alpha_BT + BUDGET_NOISE * noise_BT
    for video in range(3):
        places = torch.nonzero(valid_BT[video]).flatten().tolist()
        best = sorted(places, key=lambda place: -float(noisy_BT[video, place]))[:budget]
        for place in range(7):
            expected = float(torch.sigmoid(noisy_BT[video, place])) if place in best else 0.0
            assert float(selection.gate_BT[video, place]) == pytest.approx(expected, abs=1e-5)


def test_where_gates_say_how_many_are_open_the_noise_is_the_papers():
    alpha_BT, noise_BT = scores(2, 5), noise_of((2, 5))
    gate_BT = gating()(alpha_BT, all_valid(2, 5), noise_BT=noise_BT).gate_BT
    expected_BT = torch.sigmoid(alpha_BT + noise_BT)
    assert torch.allclose(gate_BT, expected_BT.where(expected_BT > 0.5, 0))


@pytest.mark.parametrize("budget", [5, 9])
def test_a_budget_of_all_weighs_each_timestep_by_its_noisy_score(budget):
    alpha_BT, noise_BT = scores(2, 5).requires_grad_(), noise_of((2, 5))
    seen = gating()(alpha_BT, all_valid(2, 5), noise_BT=noise_BT, budget=budget)
    assert torch.allclose(seen.gate_BT, torch.sigmoid(alpha_BT + BUDGET_NOISE * noise_BT))
    seen.gate_BT.sum().backward()
    assert (alpha_BT.grad > 0).all()


def test_a_video_keeps_a_timestep_however_low_its_scores():
    alpha_BT = scores(2, 4, low=300.0)
    selection = gating()(alpha_BT, all_valid(2, 4), noise_BT=torch.zeros(2, 4))
    assert selection.count_B.tolist() == [1, 1]


def test_scores_of_mixed_precision_are_gated_in_float32():
    selection = gating()(scores(2, 5).bfloat16(), all_valid(2, 5), noise_BT=torch.zeros(2, 5))
    assert {t.dtype for t in (selection.alpha_BT, selection.gate_BT, selection.open_probability_BT)} == {
        torch.float32
    }


def test_at_inference_a_step_on_the_score_says_what_is_open():
    module, alpha_BT, valid_BT = gating(), scores(4, 9), all_valid(4, 9)
    selection = module(alpha_BT, valid_BT)
    assert set(selection.gate_BT.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(selection.open_BT, (alpha_BT > 0) | top_k(alpha_BT, valid_BT, 1))
    module.open_threshold.fill_(float(alpha_BT.max()))
    assert module(alpha_BT, valid_BT).count_B.tolist() == [1] * 4


def test_gates_with_a_threshold_measure_from_half_of_the_best_of_the_video():
    """All scores of the second video are 2 lower, of which 1 counts; padding never counts."""
    module, alpha_BT = gating(), torch.tensor([[3.0, 2.5, 1.0, 9.0], [1.0, 0.5, -1.0, 9.0]])
    valid_BT = torch.tensor([[True, True, True, False]] * 2)
    assert lead(alpha_BT, valid_BT)[:, :3].tolist() == [[1.5, 1.0, -0.5], [0.5, 0.0, -1.5]]
    module.set_threshold(0.75)
    kept = module(alpha_BT, valid_BT)
    assert kept.open_BT.tolist() == [[True, True, False, False], [True, False, False, False]]
    module.reset_threshold()
    kept = module(alpha_BT, valid_BT)
    assert kept.open_BT.tolist() == [[True, True, True, False], [True, True, False, False]]


@given(st.integers(1, 12), st.integers(1, 9), st.integers(0, 1000))
def test_top_k_keeps_the_best_valid_timesteps(budget, timesteps, seed):
    generator = torch.Generator().manual_seed(seed)
    score_BT = torch.randn(3, timesteps, generator=generator)
    valid_BT = torch.rand(3, timesteps, generator=generator) < 0.7
    kept_BT = top_k(score_BT, valid_BT, budget)
    for score_T, valid_T, kept_T in zip(score_BT, valid_BT, kept_BT, strict=True):
        valid = [place for place in range(timesteps) if valid_T[place]]
        best = sorted(valid, key=lambda place: -float(score_T[place]))[:budget]
        assert sorted(best) == torch.nonzero(kept_T).flatten().tolist()


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one timestep must be kept, not 0"):
        top_k(torch.zeros(1, 3), all_valid(1, 3), 0)
