"""Config of the paper's head: nothing of epitoma's own."""

from epitoma.models.classifier import VideoClassifier
from epitoma.models.gating import Gating
from epitoma.models.selector import TimestepSelector
from epitoma.models.videoepitoma import HeadConfig


def paper_head(*, kernels: int = TimestepSelector.Config.kernels) -> HeadConfig:
    """Selector, gates and classifier as in the paper's section 3.1; it leaves sizes open."""
    return HeadConfig(
        selector=TimestepSelector.Config(kernels=kernels),
        gating=Gating.Config(gate="clipped_sigmoid"),
        classifier=VideoClassifier.Config(),
    )
