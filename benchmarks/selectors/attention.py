"""Soft attention over light features, hardened to the best timesteps when asked (as in attention-based pooling).

Training weighs every timestep by the attention, which costs the heavy network on all of them; asked for a number, it
keeps the highest weights. This is the usual alternative to gates: nothing in training makes it choose.
"""

from dataclasses import dataclass, replace

from torch import Tensor, nn

from epitoma.core.registry import register
from epitoma.core.selection import Scores, Selection
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.classifier import EpitomaClassifier
from epitoma.models.embedding import WIDTH, embedding
from epitoma.models.parts import SelectorConfig


@register("selector", "attention")
class AttentionScores(nn.Module):
    """Scores by a context of light features."""

    @dataclass(kw_only=True)
    class Config(SelectorConfig):
        """Options.

        Attributes:
            dropout: Share of channels dropped in training.
            sharpness: What scores are multiplied with before the softmax.
        """

        dropout: float = 0.5
        sharpness: float = 1.0

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()
        self.sharpness = config.sharpness
        self.embed = nn.Sequential(
            *embedding(channels, dropout=config.dropout),
            nn.Dropout(config.dropout),
            nn.Linear(WIDTH, WIDTH),
        )
        self.context = TemporalSelfAttention(channels=WIDTH)
        self.score = nn.Linear(WIDTH, 1)

    def forward(self, light_BTC: Tensor, valid_BT: Tensor) -> Scores:
        """Score every timestep."""
        x_BTC = self.context(self.embed(light_BTC), valid_BT.to(light_BTC.dtype))
        return Scores(alpha_BT=self.sharpness * self.score(x_BTC).squeeze(-1))


@register("classifier", "softmax_weighted")
class SoftmaxWeighted(EpitomaClassifier):
    """Weighs the open timesteps by the softmax of their scores."""

    @dataclass(kw_only=True)
    class Config(EpitomaClassifier.Config):
        """As of the project's own."""

    def forward(self, heavy_PC: Tensor, selection: Selection) -> Tensor:
        """Classify, with attention in place of the gates."""
        open_BT = selection.open_BT
        weight_BT = selection.alpha_BT.masked_fill(~open_BT, float("-inf")).softmax(dim=1)
        # Against underflow: a weight of 0 would be a shut gate.
        gate_BT = (weight_BT / weight_BT.amax(dim=1, keepdim=True)).clamp_min(1e-9) * open_BT
        return super().forward(heavy_PC, replace(selection, gate_BT=gate_BT))
