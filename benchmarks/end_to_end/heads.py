"""The selectors that the experiment trains: epitoma's own, and the same without a loss of LightNet's own.

With that loss (saliency) LightNet learns to classify by itself, whatever the gates tell it; without it, gates are all
that teaches it.
"""

from collections.abc import Mapping
from typing import Literal

from benchmarks.additions.parts import AblatedSelector
from epitoma.models.selector import EpitomaSelector
from epitoma.models.videoepitoma import HeadConfig

HeadName = Literal["epitoma", "without_saliency"]

HEADS: Mapping[HeadName, HeadConfig] = {
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
