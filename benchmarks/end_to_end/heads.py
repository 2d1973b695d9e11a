"""The selectors that the experiment trains: epitoma's own, and the same without a loss of LightNet's own.

With that loss (saliency) LightNet learns to classify by itself, whatever the gates tell it; without it, gates are all
that teaches it.
"""

from collections.abc import Mapping

from benchmarks.additions.parts import AblatedSelector
from epitoma.models.selector import EpitomaSelector
from epitoma.models.videoepitoma import HeadConfig

HEADS: Mapping[str, HeadConfig] = {
    "epitoma": HeadConfig(),
    "without_saliency": HeadConfig(
        selector=AblatedSelector.Config(
            embedding=True,
            saliency=False,
            layer_norm=True,
            kernels=EpitomaSelector.Config.kernels,
            dropout=EpitomaSelector.Config.dropout,
        )
    ),
}
"""Selectors with the classifier that a run has, by name."""
