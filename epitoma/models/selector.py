"""TimestepSelector: scores timesteps on light features, for the gates to open the best (paper section 3.1)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from epitoma.core.registry import register
from epitoma.core.selection import Scores
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.centring import centred
from epitoma.models.concept_kernels import ConceptKernels
from epitoma.models.embedding import embedding
from epitoma.models.parts import SelectorConfig
from epitoma.models.roles import ScoreLayer
from epitoma.models.saliency import Saliency


@register("selector", "videoepitoma")
class TimestepSelector(nn.Module):
    """Context attention and concept kernels on LightNet's features, and an MLP to one score a timestep."""

    @dataclass(kw_only=True)
    class Config(SelectorConfig):
        """Parts of the selector.

        Attributes:
            kernels: Number of concept kernels, N.
            embed_channels: Width of an embedding of LightNet's features, shared by frame classifier, context and
                kernels, so that the gates see what separates the classes. None has no embedding, as in the paper.
            centred: Subtract the mean over the video from each timestep's features, which removes scene and lighting;
                the paper does not.
            context: Self-attention over timesteps before the kernels (context-conditioned gating). Without it, and
                without ``centred`` and ``saliency``, which use the whole video too, gating is frame-conditioned
                (paper section 4.4).
            normalise: LayerNorm before the kernels; the paper has none.
            dropout: Share of feature channels dropped in training.
            saliency: Add the hint of LightNet's frame classifier to the scores; the paper does not.
            hidden_channels: Width of the MLP from similarities to the score.
            score_bound: Bounds scores to +-bound by a scaled tanh, so that no gate saturates for good; None leaves
                them unbounded, as in the paper.
        """

        kernels: int = 64
        embed_channels: int | None = 256
        centred: bool = True
        context: bool = True
        normalise: bool = True
        dropout: float = 0.3
        saliency: bool = True
        hidden_channels: int = 64
        score_bound: float | None = 5.0

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()
        width = config.embed_channels or channels
        self.is_centred = config.centred
        self.score_bound = config.score_bound
        self.embed = (
            embedding(channels, width, dropout=config.dropout)
            if config.embed_channels
            else nn.Dropout(config.dropout)
        )
        self.context = TemporalSelfAttention(channels=width) if config.context else None
        self.norm = nn.LayerNorm(width) if config.normalise else nn.Identity()
        self.concept_kernels = ConceptKernels(kernels=config.kernels, channels=width)
        self.saliency = Saliency(channels=width, classes=classes) if config.saliency else None
        self.mlp = nn.Sequential(
            nn.Linear(config.kernels, config.hidden_channels),
            nn.ReLU(),
            ScoreLayer(config.hidden_channels, 1),
        )

    def forward(self, light_BTC: Tensor, valid_BT: Tensor) -> Scores:
        """Score every timestep.

        Args:
            light_BTC: LightNet's features.
            valid_BT: False for padding.

        Returns:
            Scores of the timesteps, and with ``saliency`` the frame classifier's logits of the videos.
        """
        x_BTC = self._embedded(light_BTC, valid_BT)
        hint_BT, light_logits_BL = (0.0, None) if self.saliency is None else self.saliency(x_BTC, valid_BT)
        alpha_BT = self.mlp(self._similarities(x_BTC, valid_BT)).squeeze(-1) + hint_BT
        if self.score_bound is not None:
            alpha_BT = self.score_bound * torch.tanh(alpha_BT / self.score_bound)
        return Scores(alpha_BT=alpha_BT, light_logits_BL=light_logits_BL)

    def concepts(self, light_BTC: Tensor, valid_BT: Tensor) -> Tensor:
        """Similarities to the concept kernels, ``(B, T, N)``."""
        return self._similarities(self._embedded(light_BTC, valid_BT), valid_BT)

    def _embedded(self, light_BTC: Tensor, valid_BT: Tensor) -> Tensor:
        return self.embed(centred(light_BTC, valid_BT) if self.is_centred else light_BTC)

    def _similarities(self, x_BTC: Tensor, valid_BT: Tensor) -> Tensor:
        if self.context is not None:
            x_BTC = self.context(x_BTC, valid_BT.to(x_BTC.dtype))
        return self.concept_kernels(self.norm(x_BTC))
