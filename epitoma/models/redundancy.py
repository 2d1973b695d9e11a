"""Redundancy: a greedy choice of timesteps that lowers the worth of those similar to timesteps already taken.

A few timesteps cover an action of several parts only if they differ. Timesteps are therefore taken one after the
other, and the worth of each is its score less a penalty for its likeness to those taken before it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from epitoma.models.centring import centred


@torch.no_grad()
def worth(
    score_BT: Tensor, light_BTC: Tensor, valid_BT: Tensor, *, redundancy: float, taken: int | None = None
) -> Tensor:
    """Worth of each timestep given the better ones, ``(B, T)``; the K of highest worth are K that differ.

    The worth of the best-scored timestep is its score. Each following one is the timestep whose score, less
    ``redundancy`` times its likeness to the most similar one taken before, is largest. That difference is its worth,
    so worth falls in the order in which timesteps are taken. It is minus infinity on padding and has no gradient.

    Args:
        score_BT: Scores.
        light_BTC: LightNet's features, from which likeness is computed.
        valid_BT: False for padding.
        redundancy: What a timestep identical to a taken one loses.
        taken: How many are taken; each of the others gets the worth that it would have if it were next. None takes all.

    Source: beyond the paper; the greedy choice of Carbonell and Goldstein, "The use of MMR" (SIGIR 1998).
    """
    score_BT = score_BT.masked_fill(~valid_BT, float("-inf"))
    if redundancy == 0:
        return score_BT
    likeness_BTT = likeness(light_BTC, valid_BT)
    videos = torch.arange(len(score_BT), device=score_BT.device)
    left_BT, worth_BT = score_BT, torch.zeros_like(score_BT)
    likest_BT, is_taken_BT = torch.zeros_like(score_BT), ~valid_BT
    for _ in range(min(taken or score_BT.shape[1], score_BT.shape[1])):
        best_B = left_BT.argmax(dim=1)
        value_B = left_BT[videos, best_B]
        # In a video with nothing left, argmax returns a timestep that was taken: its worth must stay.
        worth_BT[videos, best_B] = torch.where(value_B.isneginf(), worth_BT[videos, best_B], value_B)
        is_taken_BT = is_taken_BT.index_put((videos, best_B), torch.ones_like(best_B, dtype=torch.bool))
        likest_BT = torch.maximum(likest_BT, likeness_BTT[videos, best_B])
        left_BT = (score_BT - redundancy * likest_BT).masked_fill(is_taken_BT, float("-inf"))
    return torch.where(is_taken_BT, worth_BT, left_BT).masked_fill(~valid_BT, float("-inf"))


def likeness(light_BTC: Tensor, valid_BT: Tensor) -> Tensor:
    """Likeness of each two timesteps of a video, ``(B, T, T)``: the cosine of their features less the video's mean.

    From 0 to 1; negative cosines count as 0.
    """
    apart_BTC = F.normalize(centred(light_BTC, valid_BT).float(), dim=2)
    return (apart_BTC @ apart_BTC.transpose(1, 2)).clamp_min(0)
