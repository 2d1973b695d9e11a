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
        worth_BT=probability_BT,
        gate_BT=probability_BT,
        open_probability_BT=probability_BT,
        valid_BT=valid_BT,
    )


def test_the_open_ratio_counts_valid_timesteps_of_readable_videos_only():
    probability_BT = torch.tensor([[0.2, 0.4, 0.0], [1.0, 1.0, 1.0]])
    valid_BT = torch.tensor([[True, True, False], [True, True, True]])
    ratio = expected_open_ratio(selection(probability_BT, valid_BT), torch.tensor([1.0, 0.0]))
    assert float(ratio) == pytest.approx(0.3)


def test_nothing_is_penalised_during_the_warm_up():
    for mode in ("anytime", "target_timesteps", "l0_weight", "none"):
        sparsity = Sparsity(SparsityConfig(mode=mode), candidates=32)
        sparsity.update(0.9, progress=0.1)
        assert float(sparsity.penalty(torch.tensor(0.9), progress=0.1)) == 0
        assert sparsity.multiplier == 0


def test_every_timestep_is_open_in_the_warm_up_and_now_and_then_after_it():
    sparsity = Sparsity(SparsityConfig(warmup=0.2, open_every=3), candidates=32)
    assert [sparsity.opens_all(progress=0.1, step=step) for step in range(3)] == [True, True, True]
    assert [sparsity.opens_all(progress=0.2, step=step) for step in range(4)] == [True, False, False, True]
    for config in (SparsityConfig(mode="none", open_every=1), SparsityConfig(warmup=0.0, open_every=None)):
        assert not Sparsity(config, candidates=32).opens_all(progress=0.0, step=0)


def test_anytime_draws_each_budget_and_asks_for_nothing_else():
    sparsity = Sparsity(SparsityConfig(mode="anytime", budgets=(1, 4, 16)), candidates=32)
    drawn = [sparsity.budget(32, progress=0.5, step=1, seed=seed) for seed in range(60)]
    assert set(drawn) == {1, 4, 16}
    assert drawn == [sparsity.budget(32, progress=0.5, step=1, seed=seed) for seed in range(60)]
    assert float(sparsity.penalty(torch.tensor(0.9), progress=0.9)) == 0
    target = Sparsity(SparsityConfig(mode="target_timesteps"), candidates=32)
    assert target.budget(32, progress=0.5, step=1, seed=0) is None


def test_where_anytime_opens_all_the_budget_is_all():
    config = SparsityConfig(mode="anytime", budgets=(1, 4), warmup=0.2, open_every=3)
    sparsity = Sparsity(config, candidates=32)
    for progress, step, is_all in ((0.1, 1, True), (0.3, 1, False), (0.3, 3, True)):
        assert (sparsity.budget(32, progress=progress, step=step, seed=0) == 32) == is_all


@pytest.mark.parametrize("budgets", [(), (0, 2)])
def test_budgets_that_cannot_be_kept_are_refused(budgets):
    with pytest.raises(ConfigError, match=r"sparsity\.budgets"):
        SparsityConfig(mode="anytime", budgets=budgets)


def test_the_l0_weight_rises_to_its_full_value():
    sparsity = Sparsity(
        SparsityConfig(mode="l0_weight", l0_weight=0.8, warmup=0.2, anneal=0.4), candidates=32
    )
    penalties = [float(sparsity.penalty(torch.tensor(0.5), progress=p)) for p in (0.2, 0.4, 0.6, 1.0)]
    assert penalties == pytest.approx([0, 0.2, 0.4, 0.4])


def test_the_target_falls_from_all_to_the_target_and_the_multiplier_follows_the_excess_both_ways():
    config = SparsityConfig(mode="target_timesteps", target_timesteps=8, warmup=0.2, anneal=0.4)
    sparsity = Sparsity(config, candidates=32)
    assert [sparsity.current_target(p) for p in (0.1, 0.4, 0.7)] == pytest.approx([1, 0.625, 0.25])
    sparsity.update(0.75, progress=0.7)
    assert sparsity.multiplier == pytest.approx(0.01)
    penalty = sparsity.penalty(torch.tensor(0.75), progress=0.7)
    assert float(penalty) == pytest.approx(0.01 * 0.5 + 5 * 0.25)
    for _ in range(5):
        sparsity.update(0.0, progress=0.7)
    assert sparsity.multiplier < 0


@given(st.integers(1, 30), st.floats(0.1, 12), st.integers(0, 1000))
def test_the_calibrated_threshold_keeps_the_target_on_average(videos, target, seed):
    lead_VT = torch.randn(videos, 10, generator=torch.Generator().manual_seed(seed))
    valid_VT = torch.ones(videos, 10, dtype=torch.bool)
    threshold = calibrated_threshold(lead_VT, valid_VT, target_timesteps=target)
    kept = int((lead_VT > threshold).sum())
    assert kept == min(max(1, round(target * videos)), videos * 10)
