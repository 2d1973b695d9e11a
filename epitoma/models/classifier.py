"""Classifiers: class logits from HeavyNet's features of the open timesteps (paper section 3.1)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from epitoma.core.registry import register
from epitoma.core.selection import Selection
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.embedding import WIDTH, embedding
from epitoma.models.packing import pack, pad
from epitoma.models.parts import ClassifierConfig

HIDDEN_CHANNELS = 256
"""Width of the MLP, on which the paper is silent."""


@register("classifier", "paper")
class VideoClassifier(nn.Module):
    """The paper's: features multiplied by their gates, self-attention over the open timesteps, mean, two-layer MLP.

    The product lets the loss hold a gate open: a weight in a normalised mean could be scaled without effect.
    """

    @dataclass(kw_only=True)
    class Config(ClassifierConfig):
        """Options of the classifier.

        Attributes:
            dropout: Share of channels dropped inside the MLP; the paper has none.
        """

        dropout: float = 0.0

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()
        self.attention = TemporalSelfAttention(channels=channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, HIDDEN_CHANNELS),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(HIDDEN_CHANNELS, classes),
        )

    def forward(self, heavy_PC: Tensor, selection: Selection) -> Tensor:
        """Classify videos from the features of their open timesteps.

        Args:
            heavy_PC: HeavyNet's features of the open timesteps, packed.
            selection: The gates; they say which timesteps are open and how much each counts.

        Returns:
            Logits of the videos, ``(B, L)``.
        """
        gate_P = pack(selection.gate_BT, selection.open_BT).to(heavy_PC.dtype)
        return self._logits(heavy_PC * gate_P[:, None], selection.open_BT, torch.ones_like(gate_P))

    def _logits(self, x_PC: Tensor, open_BT: Tensor, weight_P: Tensor) -> Tensor:
        weight_BK = pad(weight_P, open_BT)
        attended_BKC = self.attention(pad(x_PC, open_BT), weight_BK)
        return self.mlp(weighted_mean(attended_BKC, weight_BK))


@register("classifier", "epitoma")
class EpitomaClassifier(VideoClassifier):
    """The paper's classifier on an embedding of HeavyNet's features, with gates as weights of attention and mean.

    Only the ratios of a video's gates count then, so that budgets never shut all of them. With an L0 penalty take the
    paper's classifier: nothing here would hold a gate open against it.
    """

    @dataclass(kw_only=True)
    class Config(VideoClassifier.Config):
        """Options of the classifier.

        Attributes:
            dropout: Share of channels dropped before the embedding and inside the MLP.
        """

        dropout: float = 0.3

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__(config, channels=WIDTH, classes=classes)
        self.embed = embedding(channels, dropout=config.dropout)

    def forward(self, heavy_PC: Tensor, selection: Selection) -> Tensor:
        """Classify; arguments as of the paper's."""
        x_PC = self.embed(heavy_PC)
        gate_P = pack(selection.gate_BT, selection.open_BT).to(x_PC.dtype)
        return self._logits(x_PC, selection.open_BT, gate_P)


@register("classifier", "average")
class FrameAverage(nn.Module):
    """Classifies each open timestep by itself and averages the logits: the plain way to fine-tune a network."""

    @dataclass(kw_only=True)
    class Config(ClassifierConfig):
        """It has no options."""

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, classes)

    def forward(self, heavy_PC: Tensor, selection: Selection) -> Tensor:
        """Classify; arguments as of the paper's."""
        weight_P = torch.ones_like(heavy_PC[:, 0])
        return weighted_mean(pad(self.linear(heavy_PC), selection.open_BT), pad(weight_P, selection.open_BT))


def weighted_mean(x_BKC: Tensor, weight_BK: Tensor) -> Tensor:
    """Mean over slots with the given weights, ``(B, K, C) -> (B, C)``; one factor on all of them changes nothing."""
    total_B1 = weight_BK.sum(dim=1, keepdim=True).clamp_min(1e-6)
    return (x_BKC * (weight_BK / total_B1).unsqueeze(-1)).sum(dim=1)
