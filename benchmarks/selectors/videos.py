"""Videos to measure on: features of every timestep, labels, and which timesteps show evidence."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from epitoma.datasets.clips import Clip
from epitoma.training.feature_batches import FeatureSplit

KEPT = (1, 2, 4, 8, 16, 32)
"""Numbers of timesteps T' that every way is asked for."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What one timestep of a video shows.

    Attributes:
        clip: The clip.
        view: Number of the way to show it.
        frame: Number of the frame that is shown.
        frame_count: Frames of the clip.
    """

    clip: Clip
    view: int
    frame: int
    frame_count: int


@dataclass(frozen=True, kw_only=True)
class Videos:
    """One split.

    Attributes:
        split: Features and labels.
        evidence_VT: Which timesteps show what the label says.
        places: What each timestep of each video shows, of composites.
        classes: Names of the classes, of composites.
    """

    split: FeatureSplit
    evidence_VT: Tensor
    places: Sequence[Sequence[Place]] = ()
    classes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Splits:
    """What to train on, to choose on, and to measure on."""

    training: Videos
    validation: Videos
    test: Videos
