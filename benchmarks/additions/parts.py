"""Selector and classifier with any of our additions left out: what lies between the paper's and epitoma's own."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from epitoma.core.registry import register
from epitoma.core.selection import Scores, Selection
from epitoma.models.classifier import VideoClassifier
from epitoma.models.embedding import WIDTH, embedding
from epitoma.models.packing import pack
from epitoma.models.saliency import Saliency
from epitoma.models.selector import TimestepSelector


@register("selector", "ablated")
class AblatedSelector(TimestepSelector):
    """The paper's selector with some of what ours has more."""

    @dataclass(kw_only=True)
    class Config(TimestepSelector.Config):
        """What it has.

        Attributes:
            embedding: Whether LightNet's features are embedded.
            saliency: Whether LightNet's own guess gives a hint.
            layer_norm: Whether there is a LayerNorm before the kernels.
            dropout: Of the embedding.
        """

        embedding: bool = False
        saliency: bool = False
        layer_norm: bool = False
        dropout: float = 0.5

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        width = WIDTH if config.embedding else channels
        super().__init__(config, channels=width, classes=classes)
        self.embed = embedding(channels, dropout=config.dropout) if config.embedding else nn.Identity()
        self.norm = nn.LayerNorm(width) if config.layer_norm else nn.Identity()
        self.saliency = Saliency(channels=width, classes=classes) if config.saliency else None

    def forward(self, light_BTC: Tensor, valid_BT: Tensor) -> Scores:
        """Score every timestep."""
        x_BTC = self.embed(light_BTC)
        alpha_BT = self._alpha(x_BTC, valid_BT)
        if self.saliency is None:
            return Scores(alpha_BT=alpha_BT)
        hint_BT, light_logits_BL = self.saliency(x_BTC, valid_BT)
        return Scores(alpha_BT=alpha_BT + hint_BT, light_logits_BL=light_logits_BL)


@register("classifier", "ablated")
class AblatedClassifier(VideoClassifier):
    """The paper's classifier with some of what ours has more."""

    @dataclass(kw_only=True)
    class Config(VideoClassifier.Config):
        """What it has.

        Attributes:
            embedding: Whether HeavyNet's features are embedded.
            normalised: Whether gates weigh attention and mean, in place of multiplying features.
        """

        embedding: bool = False
        normalised: bool = False

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        width = WIDTH if config.embedding else channels
        super().__init__(config, channels=width, classes=classes)
        self.embed = embedding(channels, dropout=config.dropout) if config.embedding else nn.Identity()
        self.is_normalised = config.normalised

    def forward(self, heavy_PC: Tensor, selection: Selection) -> Tensor:
        """Classify videos."""
        x_PC = self.embed(heavy_PC)
        gate_P = pack(selection.gate_BT, selection.open_BT).to(x_PC.dtype)
        if self.is_normalised:
            return self._logits(x_PC, selection.open_BT, gate_P)
        return self._logits(x_PC * gate_P[:, None], selection.open_BT, torch.ones_like(gate_P))
