"""Collapse: gates that no longer choose, found on validation videos and said in one line with what helps."""

from torch import Tensor

from epitoma.models.gating import top_k
from epitoma.training.sparsity import SparsityConfig

FEWEST_VIDEOS = 8
"""Of fewer videos nothing is said: they may agree by chance."""

ALIKE = 0.98
"""Share of what is kept that all videos have in common, from which it counts as the same."""

CERTAIN = 0.98
"""Mean probability to be open, or to be shut, from which all gates count as such."""


def find_collapse(
    open_probability_VT: Tensor, worth_VT: Tensor, valid_VT: Tensor, config: SparsityConfig
) -> str | None:
    """How the gates of a set of videos have collapsed and what helps, in one line; None where they choose.

    Gates that budgets train are never pushed open or shut as a whole; they can only come to look at nothing.

    Args:
        open_probability_VT: Expected L0 norm of the gates.
        worth_VT: What timesteps are kept by.
        valid_VT: False for padding.
        config: What the gates were trained for, which says what helps.
    """
    videos, timesteps = valid_VT.shape
    if videos < FEWEST_VIDEOS or timesteps < 2:
        return None
    mean_probability = float(open_probability_VT[valid_VT].mean())
    if config.has_penalty and mean_probability > CERTAIN:
        return f"every gate is open in every video: {_remedy(config, open_more=False)}"
    if config.has_penalty and mean_probability < _shut_below(config, timesteps):
        return f"every gate is shut in every video: {_remedy(config, open_more=True)}"
    kept = max(1, min(round(config.target_timesteps), timesteps // 2))
    if shared_share(worth_VT, valid_VT, kept=kept) >= ALIKE:
        return (
            "the same timesteps are kept in every video, whatever they show: train for more epochs or on more "
            "videos, lower optimisation.learning_rate and matrix_learning_rate, or start from a run that chooses"
        )
    return None


def shared_share(worth_VT: Tensor, valid_VT: Tensor, *, kept: int) -> float:
    """Share of each video's best timesteps that are among the ones which most videos keep, in the mean.

    Chance would have about ``kept / T``, a selector that does not look at its videos 1.
    """
    best_VT = top_k(worth_VT, valid_VT, kept)
    most_kept = best_VT.sum(dim=0).topk(kept).indices
    return float(best_VT[:, most_kept].sum() / best_VT.sum())


def _shut_below(config: SparsityConfig, timesteps: int) -> float:
    """Mean probability to be open that is too low, also for who asks for few timesteps."""
    if config.mode == "target_timesteps":
        return min(1 - CERTAIN, config.target_timesteps / timesteps / 4)
    return 1 - CERTAIN


def _remedy(config: SparsityConfig, *, open_more: bool) -> str:
    """What to change of the mode's own number, and the mode that does not collapse so."""
    number = "l0_weight" if config.mode == "l0_weight" else "target_timesteps"
    direction = "raise" if open_more == (number == "target_timesteps") else "lower"
    return (
        f"{direction} sparsity.{number} ({getattr(config, number):g}), raise sparsity.warmup ({config.warmup:g}), "
        "or use sparsity.mode anytime"
    )
