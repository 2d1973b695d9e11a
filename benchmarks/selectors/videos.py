"""Videos to measure on: features of every timestep, labels, and which timesteps show evidence."""

from dataclasses import dataclass

from torch import Tensor

from epitoma.training.feature_batches import FeatureSplit

KEPT = (1, 2, 4, 8, 16, 32)
"""Numbers of timesteps T' that every way is asked for."""


@dataclass(frozen=True, kw_only=True)
class Videos:
    """One split.

    Attributes:
        split: Features and labels.
        evidence_VT: Which timesteps show what the label says.
    """

    split: FeatureSplit
    evidence_VT: Tensor


@dataclass(frozen=True, kw_only=True)
class Splits:
    """What to train on, to choose on, and to measure on."""

    training: Videos
    validation: Videos
    test: Videos
