"""Gates that no longer choose are told from gates that do, and the line says what helps."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.selection import all_valid
from epitoma.training.collapse import find_collapse, shared_share
from epitoma.training.sparsity import SparsityConfig

VIDEOS, TIMESTEPS = 40, 32


def scores(seed: int = 0) -> torch.Tensor:
    return torch.randn(VIDEOS, TIMESTEPS, generator=torch.Generator().manual_seed(seed))


def found(alpha_VT: torch.Tensor, config: SparsityConfig) -> str | None:
    return find_collapse(torch.sigmoid(alpha_VT), alpha_VT, all_valid(*alpha_VT.shape), config)


@pytest.mark.parametrize("mode", ["anytime", "target_timesteps", "l0_weight"])
@pytest.mark.parametrize("seed", range(5))
def test_gates_that_choose_are_left_alone(mode, seed: int):
    assert found(scores(seed), SparsityConfig(mode=mode)) is None


@pytest.mark.parametrize(
    ("mode", "shift", "told"),
    [
        ("l0_weight", 6.0, ("open in every video", "raise sparsity.l0_weight (0.1)")),
        ("l0_weight", -6.0, ("shut in every video", "lower sparsity.l0_weight (0.1)", "--classifier paper")),
        ("target_timesteps", 6.0, ("open in every video", "lower sparsity.target_timesteps (8)")),
        ("target_timesteps", -6.0, ("shut in every video", "raise sparsity.target_timesteps (8)")),
    ],
)
def test_gates_that_are_all_open_or_all_shut_are_told_with_the_remedy(mode, shift: float, told):
    line = found(0.1 * scores() + shift, SparsityConfig(mode=mode))
    assert line is not None
    assert all(part in line for part in told)
    assert "\n" not in line


def test_budgets_push_no_gate_so_their_level_says_nothing():
    for shift in (-6.0, 6.0):
        assert found(scores() + shift, SparsityConfig(mode="anytime")) is None


def test_whoever_asks_for_two_of_many_gets_gates_that_are_nearly_shut():
    config = SparsityConfig(mode="target_timesteps", target_timesteps=2)
    probability_VT = torch.full((VIDEOS, 128), 2 / 128)
    alpha_VT = torch.rand(VIDEOS, 128, generator=torch.Generator().manual_seed(0))
    assert find_collapse(probability_VT, alpha_VT, all_valid(VIDEOS, 128), config) is None


@pytest.mark.parametrize("mode", ["anytime", "target_timesteps", "l0_weight"])
def test_the_same_timesteps_in_every_video_are_told(mode):
    line = found(scores()[:1].expand(VIDEOS, -1), SparsityConfig(mode=mode))
    assert line is not None
    assert "the same timesteps" in line


def test_nothing_is_said_of_a_handful_of_videos():
    assert found(scores()[:1].expand(3, -1), SparsityConfig()) is None


@given(st.integers(1, TIMESTEPS), st.integers(0, 2**16))
def test_what_videos_share_lies_between_chance_and_all(kept: int, seed: int):
    alpha_VT = scores(seed)
    valid_VT = all_valid(*alpha_VT.shape)
    share = shared_share(alpha_VT, valid_VT, kept=kept)
    assert kept / TIMESTEPS <= share + 1e-6
    assert share <= 1
    assert shared_share(alpha_VT[:1].expand(VIDEOS, -1), valid_VT, kept=kept) == 1
