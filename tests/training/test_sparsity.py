import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.errors import ConfigError
from epitoma.core.selection import Selection
from epitoma.training.sparsity import Sparsity, SparsityConfig, calibrated_threshold, expected_open_ratio


def selection(probability_BT: torch.Tensor, valid_BT: torch.Tensor) -> Selection:
    return Selection(
        alpha_BT=probability_BT,
        gate_BT=probability_BT,
        open_probability_BT=probability_BT,
        valid_BT=valid_BT,
    )


def test_the_open_ratio_counts_valid_timesteps_of_readable_videos_only():
    probability_BT = torch.tensor([[0.2, 0.4, 0.0], [1.0, 1.0, 1.0]])
    valid_BT = torch.tensor([[True, True, False], [True, True, True]])
    ratio = expected_open_ratio(selection(probability_BT, valid_BT), torch.tensor([1.0, 0.0]))
    assert float(ratio) == pytest.approx(0.3)


def test_anytime_draws_each_budget_and_asks_for_nothing_else():
    sparsity = Sparsity(SparsityConfig(mode="anytime", budgets=(1, 4, 16)), candidates=32)
    drawn = [sparsity.budget(seed=seed) for seed in range(60)]
    assert set(drawn) == {1, 4, 16}
    assert drawn == [sparsity.budget(seed=seed) for seed in range(60)]
    assert float(sparsity.penalty(torch.tensor(0.9))) == 0


@pytest.mark.parametrize("mode", ["target_timesteps", "l0_weight", "none"])
def test_other_modes_let_the_gates_choose(mode):
    assert Sparsity(SparsityConfig(mode=mode), candidates=32).budget(seed=0) is None


@pytest.mark.parametrize("budgets", [(), (0, 2)])
def test_budgets_that_cannot_be_kept_are_refused(budgets):
    with pytest.raises(ConfigError, match=r"sparsity\.budgets"):
        SparsityConfig(mode="anytime", budgets=budgets)


def test_the_l0_penalty_is_the_open_ratio_times_its_weight():
    sparsity = Sparsity(SparsityConfig(mode="l0_weight", l0_weight=0.8), candidates=32)
    sparsity.update(0.9)
    assert float(sparsity.penalty(torch.tensor(0.5))) == pytest.approx(0.4)


def test_the_multiplier_follows_the_excess_over_the_target_both_ways():
    sparsity = Sparsity(SparsityConfig(mode="target_timesteps", target_timesteps=8), candidates=32)
    assert float(sparsity.penalty(torch.tensor(0.75))) == pytest.approx(5 * 0.25)
    sparsity.update(0.75)
    assert sparsity.multiplier == pytest.approx(0.01)
    assert float(sparsity.penalty(torch.tensor(0.75))) == pytest.approx(0.01 * 0.5 + 5 * 0.25)
    for _ in range(5):
        sparsity.update(0.0)
    assert sparsity.multiplier < 0


@given(st.integers(1, 30), st.floats(0.1, 12), st.integers(0, 1000))
def test_the_calibrated_threshold_keeps_the_target_on_average(videos, target, seed):
    lead_VT = torch.randn(videos, 10, generator=torch.Generator().manual_seed(seed))
    valid_VT = torch.ones(videos, 10, dtype=torch.bool)
    threshold = calibrated_threshold(lead_VT, valid_VT, target_timesteps=target)
    kept = int((lead_VT > threshold).sum())
    assert kept == min(max(1, round(target * videos)), videos * 10)
