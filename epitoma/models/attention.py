"""Self-attention over timesteps with a weight on each, shared by the selector and the classifier."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from epitoma.models.roles import FusedLinear


class TemporalSelfAttention(nn.Module):
    """One residual self-attention layer over timesteps, with a weight on each timestep.

    The weight g of a key adds log g to its attention logits, so that the timestep counts g times in every softmax:
    weight 0 removes it exactly, weight 1 is plain attention, and weights above 0 receive gradients.

    Source: VideoEpitoma section 3.1 (context of the selector, and the classifier).
    """

    @dataclass(kw_only=True)
    class Config:
        """Size of the layer.

        Attributes:
            inner_channels: Channels of queries, keys and values, over all heads together.
            heads: Attention heads; they must divide ``inner_channels``.
        """

        inner_channels: int = 128
        heads: int = 4

        def __post_init__(self) -> None:
            if self.inner_channels % self.heads:
                raise ValueError(
                    f"inner_channels {self.inner_channels} is not a multiple of heads {self.heads}"
                )

    def __init__(self, config: Config, *, channels: int) -> None:
        super().__init__()
        self.heads = config.heads
        self.query_key_value = FusedLinear(channels, 3 * config.inner_channels, parts=3)
        self.out = nn.Linear(config.inner_channels, channels)

    def forward(self, x_BTC: Tensor, weight_BT: Tensor) -> Tensor:
        """Attend over the timesteps whose weight is above 0, ``(B, T, C) -> (B, T, C)``.

        Args:
            x_BTC: Features.
            weight_BT: Weight of each timestep, at least 0; every video needs one above 0.
        """
        batch, timesteps, _ = x_BTC.shape
        split = self.query_key_value(x_BTC).view(batch, timesteps, 3, self.heads, -1)
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
