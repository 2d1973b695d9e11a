"""Saliency: a linear classifier of single timesteps on LightNet's features, whose logits give the gates a hint.

It learns from video labels alone: the logits of a video are pooled over its best timesteps (multiple-instance
learning), so that timesteps which never help stay low. Gates that add this hint find rare evidence among distractors
far more reliably than gates that learn from the gradient of the video classifier alone.
"""

import torch
from torch import Tensor, nn

from epitoma.models.standardise import standardised

POOLED_SHARE = 0.1
"""Share of a video's timesteps, the best of each class, over which its logits are averaged."""

HINT_WEIGHT = 2.0
"""Initial factor on the standardised hint; it is learnt from there."""


class Saliency(nn.Module):
    """Linear frame classifier that gives a hint for each timestep and logits for the video.

    Source: not in the paper; SCSampler (Korbar et al. 2019) ranks timesteps by such a classifier alone.
    """

    def __init__(self, *, channels: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(HINT_WEIGHT))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x_BTC: Tensor, valid_BT: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the hint of every timestep, ``(B, T)``, and the logits of the videos, ``(B, L)``.

        Args:
            x_BTC: Embedded light features.
            valid_BT: False for padding.
        """
        logits_BTL = self.classifier(x_BTC)
        # Detached: the frame classifier learns from the loss on its own logits, not through the gates.
        hint_BT = self.weight * standardised(logits_BTL.detach().amax(dim=2), valid_BT)
        return hint_BT, pooled(logits_BTL, valid_BT)


def pooled(logits_BTL: Tensor, valid_BT: Tensor) -> Tensor:
    """Mean of each class's best logits in a video, ``(B, L)``."""
    count_B = (valid_BT.sum(dim=1) * POOLED_SHARE).ceil().clamp_min(1)
    return best_mean(logits_BTL, valid_BT, count_B)


def best_mean(logits_BTL: Tensor, valid_BT: Tensor, count_B: Tensor) -> Tensor:
    """Mean of the ``count_B`` best logits of each class among the valid timesteps of a video, ``(B, L)``."""
    ranked_BTL = (
        logits_BTL.masked_fill(~valid_BT[..., None], float("-inf")).sort(dim=1, descending=True).values
    )
    rank_T = torch.arange(logits_BTL.shape[1], device=logits_BTL.device)
    kept_BT1 = (rank_T < count_B[:, None])[..., None]
    return ranked_BTL.where(kept_BT1, 0).sum(dim=1) / count_B[:, None]
