"""TimestepSelector: selects from light features the timesteps that HeavyNet runs on (paper section 3.2)."""

from dataclasses import dataclass, field

from torch import Tensor, nn

from epitoma.core.selection import Selection
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.centring import centred
from epitoma.models.concept_kernels import ConceptKernels
from epitoma.models.embedding import embedding
from epitoma.models.gating import GatingModule
from epitoma.models.saliency import LightGuess, Saliency


class TimestepSelector(nn.Module):
    """Context attention, concept kernels and gating on LightNet's features."""

    @dataclass(kw_only=True)
    class Config:
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
            attention: Size of that self-attention.
            normalise: LayerNorm before the kernels; the paper has none, and its gates collapse more often.
            dropout: Share of feature channels dropped in training.
            saliency: Add the hint of LightNet's frame classifier to the scores; the paper does not.
            frame_classifier: Pooling and weight of that frame classifier.
            gating: How timesteps are scored and gated.
        """

        kernels: int = 64
        embed_channels: int | None = 256
        centred: bool = True
        context: bool = True
        attention: TemporalSelfAttention.Config = field(default_factory=TemporalSelfAttention.Config)
        normalise: bool = True
        dropout: float = 0.3
        saliency: bool = True
        frame_classifier: Saliency.Config = field(default_factory=Saliency.Config)
        gating: GatingModule.Config = field(default_factory=GatingModule.Config)

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()
        width = config.embed_channels or channels
        self.is_centred = config.centred
        self.embed = (
            embedding(channels, width, dropout=config.dropout)
            if config.embed_channels
            else nn.Dropout(config.dropout)
        )
        self.context = TemporalSelfAttention(config.attention, channels=width) if config.context else None
        self.norm = nn.LayerNorm(width) if config.normalise else nn.Identity()
        self.concept_kernels = ConceptKernels(kernels=config.kernels, channels=width)
        self.saliency = (
            Saliency(config.frame_classifier, channels=width, classes=classes) if config.saliency else None
        )
        self.gating = GatingModule(config.gating, kernels=config.kernels)

    def forward(
        self,
        light_BTC: Tensor,
        valid_BT: Tensor,
        *,
        noise_BT: Tensor | None = None,
        budget: int | None = None,
    ) -> tuple[Selection, LightGuess | None]:
        """Select timesteps; arguments as in :meth:`GatingModule.forward`.

        Returns:
            The selection, and the logits of LightNet's frame classifier, or None without ``saliency``.
        """
        similarity_BTN, hint_BT, guess = self.concepts(light_BTC, valid_BT)
        selection = self.gating(
            similarity_BTN, light_BTC, valid_BT, hint_BT=hint_BT, noise_BT=noise_BT, budget=budget
        )
        return selection, guess

    def concepts(
        self, light_BTC: Tensor, valid_BT: Tensor
    ) -> tuple[Tensor, Tensor | None, LightGuess | None]:
        """Compute the inputs of the gating module.

        Returns:
            Similarities to the concept kernels, ``(B, T, N)``; the hint of the frame classifier, ``(B, T)``; and the
            logits of the frame classifier. The last two are None without ``saliency``.
        """
        hint_BT, guess = None, None
        seen_BTC = centred(light_BTC, valid_BT) if self.is_centred else light_BTC
        x_BTC = self.embed(seen_BTC)
        if self.saliency is not None:
            hint_BT, guess = self.saliency(x_BTC, valid_BT)
        if self.context is not None:
            x_BTC = self.context(x_BTC, valid_BT.to(x_BTC.dtype))
        return self.concept_kernels(self.norm(x_BTC)), hint_BT, guess
