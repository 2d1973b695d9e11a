"""Self-attention over timesteps with a weight on each, shared by the selector and the classifier."""

import torch.nn.functional as F
from torch import Tensor, nn

HEADS = 4
"""Attention heads, on which the paper is silent."""


class TemporalSelfAttention(nn.Module):
    """One residual self-attention layer over timesteps, with a weight on each timestep.

    The weight g of a key adds log g to its attention logits, so that the timestep counts g times in every softmax:
    weight 0 removes it exactly, weight 1 is plain attention, and weights above 0 receive gradients. Queries, keys and
    values have half of the channels, which is what the costs of the paper's Table 1 add up to.

    Source: VideoEpitoma section 3.1 (context of the selector, and the classifier).
    """

    def __init__(self, *, channels: int) -> None:
        super().__init__()
        inner = HEADS * max(1, channels // (2 * HEADS))
        self.query_key_value = nn.Linear(channels, 3 * inner)
        self.out = nn.Linear(inner, channels)

    def forward(self, x_BTC: Tensor, weight_BT: Tensor) -> Tensor:
        """Attend over the timesteps whose weight is above 0, ``(B, T, C) -> (B, T, C)``.

        Args:
            x_BTC: Features.
            weight_BT: Weight of each timestep, at least 0; every video needs one above 0.
        """
        batch, timesteps, _ = x_BTC.shape
        split = self.query_key_value(x_BTC).view(batch, timesteps, 3, HEADS, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(
            query, key, value, attn_mask=log_weight(weight_BT)[:, None, None]
        )
        return x_BTC + self.out(attended.transpose(1, 2).flatten(2))


def log_weight(weight_BT: Tensor) -> Tensor:
    """Logarithm of the weights; where a weight is 0, minus infinity with gradient 0 instead of NaN."""
    present_BT = weight_BT > 0
    # The zeros are replaced before the log: its infinite gradient there, times the mask's 0, would be NaN.
    return weight_BT.where(present_BT, 1).log().masked_fill(~present_BT, float("-inf"))
