"""A policy that is learnt by draws on light scores alone, after Uni-AdaFocus (TPAMI 2024, ``MCSampleFeature``).

As there: timesteps are drawn without replacement from the policy, the cross-entropy of the *light* scores of what was
drawn teaches it, and at inference the kept timesteps are the quantiles of the policy's cumulative weight, so that they
spread. Simplified: the gradient is that of the draws' chances with their mean loss as the baseline; no patches.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.selectors.attention import AttentionScores
from benchmarks.selectors.draws import draw, log_probability
from benchmarks.selectors.plain import frame_network
from epitoma.core.registry import register
from epitoma.core.selection import FeatureCandidates, Recognition, Scores
from epitoma.models.videoepitoma import VideoEpitoma
from epitoma.training.losses import cross_entropy

DRAWS = 4
"""Draws of each video in a step."""


@register("selector", "adafocus")
class LightPolicy(AttentionScores):
    """Scores of soft attention, and a light frame classifier that says how good a draw was."""

    @dataclass(kw_only=True)
    class Config(AttentionScores.Config):
        """Options.

        Attributes:
            picked: Timesteps of a draw.
        """

        picked: int = 8

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__(config, channels=channels, classes=classes)
        self.picked = config.picked
        self.frames = frame_network(channels, classes, dropout=config.dropout)

    def forward(self, light_BTC: Tensor, valid_BT: Tensor) -> Scores:
        """Score every timestep; in training, classify draws of them by their light features."""
        alpha_BT = super().forward(light_BTC, valid_BT).alpha_BT
        if not self.training:
            return Scores(alpha_BT=alpha_BT)
        logits_BTL = self.frames(light_BTC)
        places = [draw(alpha_BT, valid_BT, self.picked) for _ in range(DRAWS)]
        drawn = [
            logits_BTL.gather(1, p[..., None].expand(-1, -1, logits_BTL.shape[2])).mean(1) for p in places
        ]
        chances = [log_probability(alpha_BT, p) for p in places]
        return Scores(
            alpha_BT=alpha_BT, extras={"drawn_DBL": torch.stack(drawn), "chance_DB": torch.stack(chances)}
        )


@register("loss", "adafocus")
def adafocus(recognition: Recognition, labels_BL: Tensor) -> Tensor:
    """Cross-entropy of the heavy classifier and of the draws, and the gradient of the draws' chances."""
    loss_B = cross_entropy(recognition, labels_BL)
    if not recognition.extras:
        return loss_B
    label_B = labels_BL.argmax(dim=1)
    losses_DB = torch.stack(
        [F.cross_entropy(each, label_B, reduction="none") for each in recognition.extras["drawn_DBL"]]
    )
    worse_DB = (losses_DB - losses_DB.mean(dim=0)).detach()
    return loss_B + losses_DB.mean(dim=0) + (worse_DB * recognition.extras["chance_DB"]).mean(dim=0)


def by_quantiles(model: VideoEpitoma) -> Callable[[FeatureCandidates, int], Tensor]:
    """Keeps the timesteps at which the cumulative weight passes equal shares of the whole."""

    def choose(candidates: FeatureCandidates, kept: int) -> Tensor:
        alpha_BT = model.selector(candidates.light_BTC, candidates.valid_BT).alpha_BT
        return quantiles(alpha_BT.masked_fill(~candidates.valid_BT, float("-inf")), kept)

    return choose


def quantiles(alpha_BT: Tensor, kept: int) -> Tensor:
    """Mask of at most ``kept`` timesteps: one is left out where a timestep holds several shares."""
    reached_BT = alpha_BT.softmax(dim=1).cumsum(dim=1)
    shares_K = (torch.arange(kept) + 0.5) / kept
    places_BK = torch.searchsorted(reached_BT, shares_K.expand(len(alpha_BT), -1).contiguous())
    return torch.zeros_like(alpha_BT, dtype=torch.bool).scatter(
        1, places_BK.clamp_max(alpha_BT.shape[1] - 1), True
    )
