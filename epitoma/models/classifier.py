"""VideoClassifier: class logits from HeavyNet's features of the open timesteps (paper section 3.4)."""

from dataclasses import dataclass, field

from torch import Tensor, nn

from epitoma.core.errors import ConfigError
from epitoma.core.selection import Selection
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.embedding import embedding
from epitoma.models.packing import pack, pad


class VideoClassifier(nn.Module):
    """Self-attention over the open timesteps, gate-weighted pooling, two-layer MLP.

    The gate values weigh attention and pooling, and through them the classification loss trains the selector. A
    second, linear path classifies each timestep by itself and pools those logits with the same weights: its gradient
    tells the gate directly how much a single timestep contributes.
    """

    @dataclass(kw_only=True)
    class Config:
        """Size of the head.

        Attributes:
            embed_channels: Width of the embedding of HeavyNet's features; None uses the features unchanged.
            attention: Size of the self-attention.
            hidden_channels: Width of the MLP.
            dropout: Share of channels dropped before the embedding and inside the MLP.
            frame_logits: Add the pooled logits of single timesteps; the paper has no such path.
            video_logits: Add the logits of the attended and pooled timesteps, the paper's path; without it the logits
                of single timesteps are averaged, which is the plain way to classify a video.
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
        """Classify videos from the features of their open timesteps.

        Args:
            heavy_PC: HeavyNet's features of the open timesteps, packed.
            selection: The gates; they say which timesteps are open and how much each counts.

        Returns:
            Logits of the videos, ``(B, L)``, and those of single open timesteps, ``(P, L)``; the latter are None
            without ``frame_logits``.
        """
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
    """Mean over slots with the given weights, ``(B, K, C) -> (B, C)``.

    The weights are divided by their sum, so scaling all gates of a video by one factor changes nothing: the
    classification loss sees how the gates of a video compare, not how large they are.
    """
    total_B1 = weight_BK.sum(dim=1, keepdim=True).clamp_min(1e-6)
    return (x_BKC * (weight_BK / total_B1).unsqueeze(-1)).sum(dim=1)
