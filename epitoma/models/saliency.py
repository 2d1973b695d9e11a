"""Saliency: LightNet's own guess at the class, timestep by timestep, as a first hint of where to look.

Learnt from video labels alone: the video's score is pooled over its best timesteps (multiple-instance
learning), so timesteps that never help stay low. A gate that starts from this hint finds rare evidence among
distractors far more dependably than one that must learn where to look from the classifier's gradient only.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from epitoma.models.centring import standardised


@dataclass(frozen=True, kw_only=True)
class LightGuess:
    """What LightNet alone makes of a batch.

    Attributes:
        frame_logits_BTL: Class scores of single timesteps.
        logits_BL: Class scores of videos.
    """

    frame_logits_BTL: Tensor
    logits_BL: Tensor


class Saliency(nn.Module):
    """Linear frame classifier: a hint for each timestep, and a guess for the video.

    Source: beyond the paper; SCSampler (Korbar et al. 2019) ranks timesteps by such a classifier alone.
    """

    @dataclass(kw_only=True)
    class Config:
        """How the guess of single timesteps is pooled, and how much the hint says.

        Attributes:
            pooled_share: Share of a video's timesteps, the best of each class, that its score is pooled over.
            weight: What a standardised hint is multiplied with at the start; learnt from there.
        """

        pooled_share: float = 0.1
        weight: float = 2.0

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()
        self.pooled_share = config.pooled_share
        self.weight = nn.Parameter(torch.tensor(config.weight))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x_BTC: Tensor, valid_BT: Tensor) -> tuple[Tensor, LightGuess]:
        """Hint for every timestep, ``(B, T)``, and the guess that it comes from.

        ``x_BTC`` are an embedding of light features. The hint passes no gradient on to the frame classifier,
        which learns from its guess alone.
        """
        logits_BTL = self.classifier(x_BTC)
        hint_BT = self.weight * standardised(logits_BTL.detach().amax(dim=2), valid_BT)
        return hint_BT, LightGuess(frame_logits_BTL=logits_BTL, logits_BL=self._pooled(logits_BTL, valid_BT))

    def _pooled(self, logits_BTL: Tensor, valid_BT: Tensor) -> Tensor:
        count_B = (valid_BT.sum(dim=1) * self.pooled_share).ceil().clamp_min(1)
        ranked_BTL = (
            logits_BTL.masked_fill(~valid_BT[..., None], float("-inf")).sort(dim=1, descending=True).values
        )
        rank_T = torch.arange(logits_BTL.shape[1], device=logits_BTL.device)
        kept_BT1 = (rank_T < count_B[:, None])[..., None]
        return ranked_BTL.where(kept_BT1, 0).sum(dim=1) / count_B[:, None]
