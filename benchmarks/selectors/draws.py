"""Draws of timesteps from a policy, one after the other and none twice, and how likely each draw is."""

import torch
from torch import Tensor


def draw(score_BT: Tensor, valid_BT: Tensor, count: int) -> Tensor:
    """Places ``(B, K)`` drawn without replacement, each with the softmax of the scores that are left."""
    # The largest of scores with Gumbel noise are such a draw.
    gumbel_BT = -torch.empty_like(score_BT).exponential_().log()
    noisy_BT = (score_BT.detach() + gumbel_BT).masked_fill(~valid_BT, float("-inf"))
    return noisy_BT.topk(min(count, score_BT.shape[1]), dim=1).indices


def log_probability(score_BT: Tensor, places_BK: Tensor) -> Tensor:
    """Logarithm of the chance to draw these one after the other, ``(B,)``."""
    picked_BK = score_BT.gather(1, places_BK)
    gone_BT = torch.zeros_like(score_BT, dtype=torch.bool)
    chance_B = torch.zeros_like(score_BT[:, 0])
    for k in range(places_BK.shape[1]):
        chance_B = chance_B + picked_BK[:, k] - score_BT.masked_fill(gone_BT, float("-inf")).logsumexp(dim=1)
        gone_BT = gone_BT.scatter(1, places_BK[:, k : k + 1], True)
    return chance_B


def entropy(score_BT: Tensor) -> Tensor:
    """Entropy of the first draw, ``(B,)``."""
    log_BT = score_BT.log_softmax(dim=1)
    return -(log_BT.exp() * log_BT).nan_to_num().sum(dim=1)


def at_places(places_BK: Tensor, like_BT: Tensor) -> Tensor:
    """Mask of places, ``(B, T)``."""
    return torch.zeros_like(like_BT, dtype=torch.bool).scatter(1, places_BK, True)
