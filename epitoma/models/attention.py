"""Self-attention over timesteps, used for the selector's context and for the classifier."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn


class TemporalSelfAttention(nn.Module):
    """One residual self-attention layer over timesteps, with a weight on each timestep.

    A timestep of weight g counts g times in every softmax (its logit gains log g): weight 0 is exactly
    absent, weight 1 is plain attention, and gradients reach the weights in between.

    Source: VideoEpitoma section 3.2 (context of the selector) and 3.4 (classifier).
    """

    @dataclass(kw_only=True)
    class Config:
        """Size of the layer."""

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
        self.query_key_value = nn.Linear(channels, 3 * config.inner_channels)
        self.out = nn.Linear(config.inner_channels, channels)

    def forward(self, x_BTC: Tensor, weight_BT: Tensor) -> Tensor:
        """Attend over timesteps with positive weight; every video needs at least one."""
        batch, timesteps, _ = x_BTC.shape
        split = self.query_key_value(x_BTC).view(batch, timesteps, 3, self.heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(
            query, key, value, attn_mask=log_weight(weight_BT)[:, None, None]
        )
        return x_BTC + self.out(attended.transpose(1, 2).flatten(2))


def log_weight(weight_BT: Tensor) -> Tensor:
    """Logarithm of the weights, minus infinity where shut, with no gradient (rather than NaN) there."""
    present_BT = weight_BT > 0
    return weight_BT.where(present_BT, 1).log().masked_fill(~present_BT, float("-inf"))
