"""VideoClassifier: class logits from HeavyNet's features of the open timesteps (paper section 3.1)."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from epitoma.core.errors import ConfigError
from epitoma.core.registry import register
from epitoma.core.selection import Selection
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.embedding import embedding
from epitoma.models.packing import pack, pad
from epitoma.models.parts import ClassifierConfig
from epitoma.models.roles import ScoreLayer


@register("classifier", "videoepitoma")
class VideoClassifier(nn.Module):
    """Self-attention over the open timesteps, pooling, two-layer MLP; through the gates it trains the selector.

    A second, linear path classifies each timestep by itself and pools those logits: its gradient tells the gate
    directly how much a single timestep contributes.
    """

    @dataclass(kw_only=True)
    class Config(ClassifierConfig):
        """Size of the head.

        Attributes:
            gates: ``multiplied`` multiplies a timestep's features by its gate and takes the mean over the open ones, as
                in the paper, so that the loss can hold a gate open; ``normalised`` takes gates as weights of attention
                and of the mean, so that only their ratios within a video count.
            embed_channels: Width of the embedding of HeavyNet's features; None uses the features unchanged.
            hidden_channels: Width of the MLP.
            dropout: Share of channels dropped before the embedding and inside the MLP.
            frame_logits: Add the pooled logits of single timesteps; the paper has no such path.
            video_logits: Add the logits of the attended and pooled timesteps, the paper's path; without it the logits
                of single timesteps are averaged, which is the plain way to classify a video.
        """

        gates: Literal["multiplied", "normalised"] = "normalised"
        embed_channels: int | None = 256
        hidden_channels: int = 256
        dropout: float = 0.3
        frame_logits: bool = True
        video_logits: bool = True

        def __post_init__(self) -> None:
            if not (self.frame_logits or self.video_logits):
                raise ConfigError(
                    "head.classifier needs frame_logits or video_logits: nothing else gives scores"
                )

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()
        width = config.embed_channels or channels
        self.multiplies = config.gates == "multiplied"
        self.embed = (
            embedding(channels, width, dropout=config.dropout) if config.embed_channels else nn.Identity()
        )
        if config.video_logits:
            self.attention = TemporalSelfAttention(channels=width)
            self.mlp = nn.Sequential(
                nn.Linear(width, config.hidden_channels),
                nn.ReLU(),
                nn.Dropout(config.dropout),
                ScoreLayer(config.hidden_channels, classes),
            )
        self.has_video_logits = config.video_logits
        self.frame_classifier = ScoreLayer(width, classes) if config.frame_logits else None

    def forward(self, heavy_PC: Tensor, selection: Selection) -> Tensor:
        """Classify videos from the features of their open timesteps.

        Args:
            heavy_PC: HeavyNet's features of the open timesteps, packed.
            selection: The gates; they say which timesteps are open and how much each counts.

        Returns:
            Logits of the videos, ``(B, L)``.
        """
        open_BT = selection.open_BT
        x_PC = self.embed(heavy_PC)
        gate_P = pack(selection.gate_BT, open_BT).to(x_PC.dtype)
        weight_BK = pad(gate_P, open_BT)
        if self.multiplies:
            # After the embedding, whose LayerNorm would undo it.
            x_PC = x_PC * gate_P[:, None]
            weight_BK = (weight_BK > 0).to(x_PC.dtype)
        return self._logits(x_PC, open_BT, weight_BK)

    def _logits(self, x_PC: Tensor, open_BT: Tensor, weight_BK: Tensor) -> Tensor:
        logits_BL = x_PC.new_zeros(())
        if self.has_video_logits:
            attended_BKC = self.attention(pad(x_PC, open_BT), weight_BK)
            logits_BL = self.mlp(weighted_mean(attended_BKC, weight_BK))
        if self.frame_classifier is not None:
            frame_logits_BKL = pad(self.frame_classifier(x_PC), open_BT)
            logits_BL = logits_BL + weighted_mean(frame_logits_BKL, weight_BK)
        return logits_BL


def weighted_mean(x_BKC: Tensor, weight_BK: Tensor) -> Tensor:
    """Mean over slots with the given weights, ``(B, K, C) -> (B, C)``; one factor on all of them changes nothing."""
    total_B1 = weight_BK.sum(dim=1, keepdim=True).clamp_min(1e-6)
    return (x_BKC * (weight_BK / total_B1).unsqueeze(-1)).sum(dim=1)
