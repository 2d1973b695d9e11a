"""Collapse detection: warn when the gates on validation videos no longer choose, and say what helps."""

from torch import Tensor

from epitoma.models.gating import top_k
from epitoma.training.sparsity import SparsityConfig

FEWEST_VIDEOS = 8
"""Fewest videos to judge by: fewer may keep the same timesteps by chance."""

ALIKE = 0.98
"""Value of :func:`shared_share` from which all videos count as keeping the same timesteps."""

CERTAIN = 0.98
"""Mean probability to be open, or to be shut, above which all gates count as open, or as shut."""


def find_collapse(
    open_probability_VT: Tensor, alpha_VT: Tensor, valid_VT: Tensor, config: SparsityConfig
) -> str | None:
    """Describe in one line how the gates of a set of videos have collapsed and what helps.

    Without a penalty (budgets) nothing pushes all gates open or shut, so only the third kind of collapse is possible:
    the same timesteps are kept in every video.

    Args:
        open_probability_VT: Probability of each gate to be open.
        alpha_VT: Scores.
        valid_VT: False for padding.
        config: Sparsity settings of the run, on which the advice depends.

    Returns:
        The line; None where the gates choose, or where there are fewer than eight videos.
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
    if shared_share(alpha_VT, valid_VT, kept=kept) >= ALIKE:
        return (
            "the same timesteps are kept in every video, whatever they show: train for more epochs or on more "
            "videos, lower optimisation.learning_rate, or start from a run that chooses"
        )
    return None


def shared_share(alpha_VT: Tensor, valid_VT: Tensor, *, kept: int) -> float:
    """Mean share of a video's best timesteps that are among the timesteps kept in most videos.

    Random choices have about ``kept / T``; a selector that ignores its videos has 1.
    """
    best_VT = top_k(alpha_VT, valid_VT, kept)
    most_kept = best_VT.sum(dim=0).topk(kept).indices
    return float(best_VT[:, most_kept].sum() / best_VT.sum())


def _shut_below(config: SparsityConfig, timesteps: int) -> float:
    """Mean probability to be open below which all gates count as shut; lower where the target itself is low."""
    if config.mode == "target_timesteps":
        return min(1 - CERTAIN, config.target_timesteps / timesteps / 4)
    return 1 - CERTAIN


def _remedy(config: SparsityConfig, *, open_more: bool) -> str:
    """Advice: which way to change the number of the mode, and what does not collapse like this."""
    number = "l0_weight" if config.mode == "l0_weight" else "target_timesteps"
    direction = "raise" if open_more == (number == "target_timesteps") else "lower"
    # Gates that weigh a mean can be scaled without effect, so nothing holds them open against a penalty.
    held = "--classifier paper, whose gates resist a penalty, or " if open_more else ""
    return f"{direction} sparsity.{number} ({getattr(config, number):g}), or use {held}sparsity.mode anytime"
