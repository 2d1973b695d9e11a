"""Timesteps ranked by a frame classifier's confidence, after SCSampler (Korbar et al., ICCV 2019).

Simplified: the ranker is a small network on LightNet's features of single frames, not on compressed video and sound,
and learns from video labels alone, as its scores of the best frames are averaged. Its scores of a frame are ranked by
the largest, as SCSampler's are. Ranker and classifier are trained together: the classifier learns on what the ranker
keeps, which SCSampler's, trained beforehand, does not.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from benchmarks.selectors.plain import frame_network
from epitoma.core.registry import register
from epitoma.core.selection import Scores
from epitoma.models.parts import SelectorConfig

SHARP = 100.0
"""Factor on the ranks' scores, beside which the noise of training is nothing."""


@register("selector", "saliency_ranking")
class SaliencyRanking(nn.Module):
    """Keeps the timesteps whose largest class score is largest."""

    @dataclass(kw_only=True)
    class Config(SelectorConfig):
        """Options.

        Attributes:
            dropout: Share of channels dropped in training.
            pooled: Timesteps whose scores are averaged into the video's, class by class.
        """

        dropout: float = 0.5
        pooled: int = 4

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()
        self.pooled = config.pooled
        self.frames = frame_network(channels, classes, dropout=config.dropout)

    def forward(self, light_BTC: Tensor, valid_BT: Tensor) -> Scores:
        """Rank every timestep, and guess the video's class, from which alone the ranker learns."""
        logits_BTL = self.frames(light_BTC).masked_fill(~valid_BT[..., None], float("-inf"))
        return Scores(
            alpha_BT=SHARP * logits_BTL.detach().amax(dim=2),
            light_logits_BL=logits_BTL.topk(self.pooled, dim=1).values.mean(dim=1),
        )
