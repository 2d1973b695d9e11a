"""Config of the paper's head: every addition of epitoma is switched off."""

from epitoma.models.classifier import VideoClassifier
from epitoma.models.gating import Gating
from epitoma.models.selector import TimestepSelector
from epitoma.models.videoepitoma import HeadConfig

KERNELS = 128
"""Number of concept kernels, on which the paper's text is silent."""


def paper_head(*, kernels: int = KERNELS) -> HeadConfig:
    """Selector, gates and classifier as in the paper's section 3.1; it leaves sizes open."""
    selector = TimestepSelector.Config(
        kernels=kernels,
        embed_channels=None,
        centred=False,
        normalise=False,
        dropout=0.0,
        saliency=False,
        score_bound=None,
    )
    classifier = VideoClassifier.Config(
        gates="multiplied",
        embed_channels=None,
        dropout=0.0,
        frame_logits=False,
    )
    gating = Gating.Config(gate="clipped_sigmoid", redundancy=0.0, weigh_kept=False)
    return HeadConfig(selector=selector, gating=gating, classifier=classifier)
