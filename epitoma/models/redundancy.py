"""Redundancy: of two timesteps that look alike, the second tells little that the first did not.

A few timesteps cover an action of several parts only if they differ. Timesteps are therefore taken one after the
other, and each is worth its score less what its likeness to those taken before it costs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from epitoma.models.centring import centred


@torch.no_grad()
def worth(
    score_BT: Tensor, light_BTC: Tensor, valid_BT: Tensor, *, redundancy: float, taken: int | None = None
) -> Tensor:
    """What each timestep adds to better ones, ``(B, T)``; the best K by worth are K that differ.

    The best-scored timestep is worth its score. Each next one is that whose score, less ``redundancy`` times its
    likeness to the likest one taken before, is largest; that difference is its worth, so worth falls in the order in
    which timesteps are taken. Minus infinity on padding.

    Args:
        score_BT: Scores.
        light_BTC: LightNet's features, by which likeness is judged.
        valid_BT: False for padding.
        redundancy: What a timestep loses for being just like one that is taken.
        taken: How many are taken; those left are worth what the next would be. None takes all.

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
        # A video of which nothing is left keeps what it has.
        worth_BT[videos, best_B] = torch.where(value_B.isneginf(), worth_BT[videos, best_B], value_B)
        is_taken_BT = is_taken_BT.index_put((videos, best_B), torch.ones_like(best_B, dtype=torch.bool))
        likest_BT = torch.maximum(likest_BT, likeness_BTT[videos, best_B])
        left_BT = (score_BT - redundancy * likest_BT).masked_fill(is_taken_BT, float("-inf"))
    return torch.where(is_taken_BT, worth_BT, left_BT).masked_fill(~valid_BT, float("-inf"))


def likeness(light_BTC: Tensor, valid_BT: Tensor) -> Tensor:
    """How alike two timesteps of a video are, ``(B, T, T)``: the cosine of what sets each apart from the video's mean.

    From 0, for nothing in common, to 1.
    """
    apart_BTC = F.normalize(centred(light_BTC, valid_BT).float(), dim=2)
    return (apart_BTC @ apart_BTC.transpose(1, 2)).clamp_min(0)
