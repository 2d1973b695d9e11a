"""Config of the paper's head: every addition of epitoma is switched off."""

from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.classifier import VideoClassifier
from epitoma.models.gating import Gating
from epitoma.models.selector import TimestepSelector
from epitoma.models.videoepitoma import HeadConfig

KERNELS = 128
"""Number of concept kernels, on which the paper's text is silent."""


def paper_head(
    *,
    kernels: int = KERNELS,
    attention: TemporalSelfAttention.Config | None = None,
    hidden_channels: int = 256,
) -> HeadConfig:
    """Selector, gates and classifier as in the paper's section 3.1; sizes, which it leaves open, are arguments."""
    attention = attention or TemporalSelfAttention.Config()
    selector = TimestepSelector.Config(
        kernels=kernels,
        embed_channels=None,
        centred=False,
        attention=attention,
        normalise=False,
        dropout=0.0,
        saliency=False,
        score_bound=None,
    )
    classifier = VideoClassifier.Config(
        gates="multiplied",
        embed_channels=None,
        attention=attention,
        hidden_channels=hidden_channels,
        dropout=0.0,
        frame_logits=False,
    )
    gating = Gating.Config(gate="clipped_sigmoid", redundancy=0.0, weigh_kept=False)
    return HeadConfig(selector=selector, gating=gating, classifier=classifier)
