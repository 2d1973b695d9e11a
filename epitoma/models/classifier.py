"""VideoClassifier: from HeavyNet's features of the open timesteps to class scores (paper section 3.4)."""

from dataclasses import dataclass, field

from torch import Tensor, nn

from epitoma.core.errors import ConfigError
from epitoma.core.selection import Selection
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.embedding import embedding
from epitoma.models.packing import pack, pad


class VideoClassifier(nn.Module):
    """Self-attention over the open timesteps, gate-weighted pooling, two-layer MLP.

    The gate weighs attention and pooling, which is how the selector learns from the classification loss. A
    second, linear path scores each timestep by itself and pools the scores alike: it reaches the gate with a
    clean signal of how telling a single timestep is.
    """

    @dataclass(kw_only=True)
    class Config:
        """Size of the head.

        Attributes:
            embed_channels: Width of the embedding of HeavyNet's features; None uses them as they are.
            hidden_channels: Width of the MLP.
            dropout: Share of channels dropped before the embedding and inside the MLP.
            frame_logits: Add the pooled scores of single timesteps; the paper has no such path.
            video_logits: Scores of the attended and pooled timesteps, the paper's path; without it those of single
                timesteps are averaged and nothing else, which is the plain way to classify a video.
        """

        embed_channels: int | None = 256
        attention: TemporalSelfAttention.Config = field(default_factory=TemporalSelfAttention.Config)
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
        self.embed = (
            embedding(channels, width, dropout=config.dropout) if config.embed_channels else nn.Identity()
        )
        if config.video_logits:
            self.attention = TemporalSelfAttention(config.attention, channels=width)
            self.mlp = nn.Sequential(
                nn.Linear(width, config.hidden_channels),
                nn.ReLU(),
                nn.Dropout(config.dropout),
                nn.Linear(config.hidden_channels, classes),
            )
        self.has_video_logits = config.video_logits
        self.frame_classifier = nn.Linear(width, classes) if config.frame_logits else None

    def forward(self, heavy_PC: Tensor, selection: Selection) -> tuple[Tensor, Tensor | None]:
        """Class scores of videos, ``(B, L)``, and of their open timesteps, ``(P, L)``, from packed features."""
        open_BT = selection.open_BT
        x_PC = self.embed(heavy_PC)
        x_BKC = pad(x_PC, open_BT)
        gate_BK = pad(pack(selection.gate_BT, open_BT), open_BT).to(x_BKC.dtype)
        frame_logits_PL = None if self.frame_classifier is None else self.frame_classifier(x_PC)
        logits_BL = x_BKC.new_zeros(())
        if self.has_video_logits:
            logits_BL = self.mlp(weighted_mean(self.attention(x_BKC, gate_BK), gate_BK))
        if frame_logits_PL is not None:
            logits_BL = logits_BL + weighted_mean(pad(frame_logits_PL, open_BT), gate_BK)
        return logits_BL, frame_logits_PL


def weighted_mean(x_BKC: Tensor, weight_BK: Tensor) -> Tensor:
    """Mean over slots with the given weights, ``(B, K, C) -> (B, C)``."""
    total_B1 = weight_BK.sum(dim=1, keepdim=True).clamp_min(1e-6)
    return (x_BKC * (weight_BK / total_B1).unsqueeze(-1)).sum(dim=1)
