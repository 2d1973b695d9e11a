import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.selection import all_valid
from epitoma.models.gates import GATES
from epitoma.models.gating import GatingModule, lead, logistic_noise, top_k


def gating(**settings) -> GatingModule:
    torch.manual_seed(0)
    return GatingModule(GatingModule.Config(**{"redundancy": 0.0} | settings), kernels=6)


LIGHT_11C = torch.zeros(1, 1, 6)
"""Light features of gates that take none into account."""


def noise_of(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return logistic_noise(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("gate", sorted(set(GATES) - {"soft"}))
def test_something_stays_open_in_every_video_however_low_the_scores(gate):
    module = gating(gate=gate, score_bound=None)
    module.mlp[-1].bias.data.fill_(-50.0)
    similarity_BTN = torch.randn(5, 7, 6)
    valid_BT = all_valid(5, 7)
    valid_BT[:, 4:] = False
    for noise_BT in (None, noise_of((5, 7))):
        selection = module(similarity_BTN, LIGHT_11C, valid_BT, noise_BT=noise_BT)
        assert selection.count_B.tolist() == [1] * 5
        assert not (selection.open_BT & ~valid_BT).any()


def test_soft_attention_shuts_nothing_in_training_and_chooses_at_inference():
    module = gating(gate="soft", score_bound=None)
    module.mlp[-1].bias.data.fill_(-50.0)
    similarity_BTN, valid_BT = torch.randn(5, 7, 6), all_valid(5, 7)
    trained = module(similarity_BTN, LIGHT_11C, valid_BT, noise_BT=noise_of((5, 7)))
    assert trained.open_BT.all()
    assert module(similarity_BTN, LIGHT_11C, valid_BT).count_B.tolist() == [1] * 5


def test_a_budget_is_kept_even_where_scores_underflow():
    module = gating(score_bound=None)
    module.mlp[-1].bias.data.fill_(-500.0)
    assert module(torch.randn(2, 5, 6), LIGHT_11C, all_valid(2, 5), budget=3).count_B.tolist() == [3, 3]


@given(st.integers(1, 9), st.floats(0.0, 1.0), st.integers(0, 100))
def test_a_budget_in_training_opens_the_highest_noisy_scores_with_their_sigmoid(budget, noise, seed):
    module = gating(budget_noise=noise)
    similarity_BTN = torch.randn(3, 7, 6, generator=torch.Generator().manual_seed(seed))
    valid_BT = all_valid(3, 7)
    valid_BT[1, 4:] = False
    noise_BT = noise_of((3, 7), seed)
    selection = module(similarity_BTN, LIGHT_11C, valid_BT, noise_BT=noise_BT, budget=budget)
    noisy_BT = (module.score(similarity_BTN) + noise * noise_BT).detach()
    for video in range(3):
        places = torch.nonzero(valid_BT[video]).flatten().tolist()
        best = sorted(places, key=lambda place: -float(noisy_BT[video, place]))[:budget]
        for place in range(7):
            expected = float(torch.sigmoid(noisy_BT[video, place])) if place in best else 0.0
            assert float(selection.gate_BT.detach()[video, place]) == pytest.approx(expected, abs=1e-5)


def test_where_gates_say_how_many_are_open_the_noise_is_the_papers():
    similarity_BTN, valid_BT, noise_BT = torch.randn(2, 5, 6), all_valid(2, 5), noise_of((2, 5))
    half = gating(budget_noise=0.5)(similarity_BTN, LIGHT_11C, valid_BT, noise_BT=noise_BT)
    whole = gating(budget_noise=1.0)(similarity_BTN, LIGHT_11C, valid_BT, noise_BT=noise_BT)
    assert torch.equal(half.gate_BT, whole.gate_BT)


@pytest.mark.parametrize("noise_BT", [None, noise_of((3, 8))])
def test_what_is_kept_differs_where_redundancy_costs(noise_BT):
    """Each timestep is there twice: half of them are kept without a pair, where scores alone would keep pairs."""
    once_BTN = torch.randn(3, 4, 6)
    similarity_BTN = torch.cat([once_BTN, once_BTN], dim=1)
    paired_BT = torch.zeros(3, 8) if noise_BT is None else torch.cat([noise_BT[:, :4]] * 2, dim=1)
    for redundancy, pairs in ((0.0, 2), (100.0, 0)):
        module = gating(redundancy=redundancy, budget_noise=1.0)
        given = None if noise_BT is None else paired_BT
        kept_BT = module(similarity_BTN, similarity_BTN, all_valid(3, 8), noise_BT=given, budget=4).open_BT
        assert (kept_BT[:, :4] & kept_BT[:, 4:]).sum(dim=1).tolist() == [pairs] * 3


@given(st.integers(1, 9), st.integers(0, 100))
def test_a_budget_keeps_as_many_of_the_whole_order_of_worth(budget, seed):
    generator = torch.Generator().manual_seed(seed)
    similarity_BTN, light_BTC = (torch.randn(2, 7, 6, generator=generator) for _ in range(2))
    module = gating(redundancy=3.0)
    asked = module(similarity_BTN, light_BTC, all_valid(2, 7), budget=budget)
    whole = module(similarity_BTN, light_BTC, all_valid(2, 7))
    again = module.select_at_inference(whole.alpha_BT, whole.worth_BT, all_valid(2, 7), budget=budget)
    assert torch.equal(asked.open_BT, again.open_BT)
    assert torch.equal(asked.gate_BT, again.gate_BT)


@pytest.mark.parametrize("budget", [5, 9])
def test_a_budget_of_all_weighs_each_timestep_by_its_noisy_score(budget):
    module, noise_BT = gating(redundancy=3.0, budget_noise=0.5), noise_of((2, 5))
    similarity_BTN, light_BTC = torch.randn(2, 5, 6), torch.randn(2, 5, 4)
    seen = module(similarity_BTN, light_BTC, all_valid(2, 5), noise_BT=noise_BT, budget=budget)
    assert torch.allclose(seen.gate_BT, torch.sigmoid(seen.alpha_BT + 0.5 * noise_BT))
    alpha_BT = seen.alpha_BT
    alpha_BT.retain_grad()
    seen.gate_BT.sum().backward()
    assert (alpha_BT.grad > 0).all()


def test_a_video_keeps_a_timestep_however_low_its_scores():
    module = gating(score_bound=None)
    module.mlp[-1].bias.data.fill_(-300.0)
    selection = module(torch.randn(2, 4, 6), LIGHT_11C, all_valid(2, 4), noise_BT=torch.zeros(2, 4))
    assert selection.count_B.tolist() == [1, 1]


def test_a_gate_kept_open_by_force_still_learns():
    module = gating(score_bound=None)
    module.mlp[-1].bias.data.fill_(-3.0)
    selection = module(torch.randn(2, 4, 6), LIGHT_11C, all_valid(2, 4), noise_BT=torch.zeros(2, 4))
    selection.gate_BT.sum().backward()
    assert module.mlp[-1].bias.grad.abs() > 0


@pytest.mark.parametrize("weigh_kept", [True, False])
def test_at_inference_a_step_on_the_score_says_what_is_open(weigh_kept):
    module = gating(weigh_kept=weigh_kept)
    similarity_BTN = torch.randn(4, 9, 6)
    selection = module(similarity_BTN, LIGHT_11C, all_valid(4, 9))
    above_BT = selection.alpha_BT > 0
    kept_BT = selection.gate_BT[selection.open_BT]
    expected = (
        torch.sigmoid(selection.alpha_BT[selection.open_BT]) if weigh_kept else torch.ones_like(kept_BT)
    )
    assert torch.allclose(kept_BT, expected)
    assert torch.equal(selection.open_BT | top_k(selection.alpha_BT, all_valid(4, 9), 1), selection.open_BT)
    assert torch.equal(selection.open_BT & above_BT, above_BT)
    module.open_threshold.fill_(float(selection.alpha_BT.detach().max()))
    assert module(similarity_BTN, LIGHT_11C, all_valid(4, 9)).count_B.tolist() == [1] * 4


def test_gates_with_a_threshold_measure_from_half_of_the_best_of_the_video():
    """All scores of the second video are 2 lower, of which 1 counts; padding never counts."""
    module, worth_BT = gating(), torch.tensor([[3.0, 2.5, 1.0, 9.0], [1.0, 0.5, -1.0, 9.0]])
    valid_BT = torch.tensor([[True, True, True, False]] * 2)
    assert lead(worth_BT, valid_BT)[:, :3].tolist() == [[1.5, 1.0, -0.5], [0.5, 0.0, -1.5]]
    module.set_threshold(0.75)
    kept = module.select_at_inference(worth_BT, worth_BT, valid_BT, budget=None)
    assert kept.open_BT.tolist() == [[True, True, False, False], [True, False, False, False]]
    module.reset_threshold()
    kept = module.select_at_inference(worth_BT, worth_BT, valid_BT, budget=None)
    assert kept.open_BT.tolist() == [[True, True, True, False], [True, True, False, False]]


def test_scores_are_bounded_unless_the_bound_is_taken_off():
    similarity_BTN = 1000 * torch.randn(3, 5, 6)
    assert gating().score(similarity_BTN).abs().max() <= 5
    assert gating(score_bound=None).score(similarity_BTN).abs().max() > 5


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
