"""Selectors: score timesteps on light features, for the gates to open the best (paper section 3.1)."""

from dataclasses import dataclass

from torch import Tensor, nn

from epitoma.core.registry import register
from epitoma.core.selection import Scores
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.concept_kernels import ConceptKernels
from epitoma.models.embedding import WIDTH, embedding
from epitoma.models.parts import SelectorConfig
from epitoma.models.saliency import Saliency

HIDDEN_CHANNELS = 64
"""Width of the MLP from similarities to the score, on which the paper is silent."""


@register("selector", "paper")
class TimestepSelector(nn.Module):
    """The paper's: context attention and concept kernels on LightNet's features, and an MLP to one score a timestep."""

    @dataclass(kw_only=True)
    class Config(SelectorConfig):
        """Options of the selector.

        Attributes:
            kernels: Number of concept kernels, N, on which the paper's text is silent.
            context: Self-attention over timesteps before the kernels (context-conditioned gating); without it gating is
                frame-conditioned (paper section 4.4).
        """

        kernels: int = 128
        context: bool = True

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()
        self.context = TemporalSelfAttention(channels=channels) if config.context else None
        self.norm: nn.Module = nn.Identity()
        self.concept_kernels = ConceptKernels(kernels=config.kernels, channels=channels)
        self.mlp = nn.Sequential(
            nn.Linear(config.kernels, HIDDEN_CHANNELS), nn.ReLU(), nn.Linear(HIDDEN_CHANNELS, 1)
        )

    def forward(self, light_BTC: Tensor, valid_BT: Tensor) -> Scores:
        """Score every timestep.

        Args:
            light_BTC: LightNet's features.
            valid_BT: False for padding.
        """
        return Scores(alpha_BT=self._alpha(light_BTC, valid_BT))

    def concepts(self, light_BTC: Tensor, valid_BT: Tensor) -> Tensor:
        """Similarities to the concept kernels, ``(B, T, N)``."""
        return self._similarities(light_BTC, valid_BT)

    def _alpha(self, x_BTC: Tensor, valid_BT: Tensor) -> Tensor:
        return self.mlp(self._similarities(x_BTC, valid_BT)).squeeze(-1)

    def _similarities(self, x_BTC: Tensor, valid_BT: Tensor) -> Tensor:
        if self.context is not None:
            x_BTC = self.context(x_BTC, valid_BT.to(x_BTC.dtype))
        return self.concept_kernels(self.norm(x_BTC))


@register("selector", "epitoma")
class EpitomaSelector(TimestepSelector):
    """The paper's selector on an embedding of LightNet's features, with a hint by what LightNet alone recognises.

    What is embedded is normalised before the kernels: else similarities grow with it, and gates that are all shut or
    all open teach nothing.
    """

    @dataclass(kw_only=True)
    class Config(TimestepSelector.Config):
        """Options of the selector.

        Attributes:
            kernels: Number of concept kernels, N.
            context: Self-attention over timesteps before the kernels.
            dropout: Share of feature channels dropped in training.
        """

        kernels: int = 64
        dropout: float = 0.3

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__(config, channels=WIDTH, classes=classes)
        self.embed = embedding(channels, dropout=config.dropout)
        self.norm = nn.LayerNorm(WIDTH)
        self.saliency = Saliency(channels=WIDTH, classes=classes)

    def forward(self, light_BTC: Tensor, valid_BT: Tensor) -> Scores:
        """Score every timestep, and classify the videos by LightNet's features alone.

        Args:
            light_BTC: LightNet's features.
            valid_BT: False for padding.
        """
        x_BTC = self.embed(light_BTC)
        hint_BT, light_logits_BL = self.saliency(x_BTC, valid_BT)
        return Scores(alpha_BT=self._alpha(x_BTC, valid_BT) + hint_BT, light_logits_BL=light_logits_BL)

    def concepts(self, light_BTC: Tensor, valid_BT: Tensor) -> Tensor:
        """Similarities to the concept kernels, ``(B, T, N)``."""
        return self._similarities(self.embed(light_BTC), valid_BT)
