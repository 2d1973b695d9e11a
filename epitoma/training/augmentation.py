"""Augmentation: a random view (crop, flip, colours) of a video each time that it is trained on from pixels.

All frames of a video get the same view, as if the camera had been elsewhere, for LightNet and for HeavyNet.
"""

from collections.abc import Collection
from typing import Literal

import numpy as np

from epitoma.core.sampling import stable_seed
from epitoma.core.views import VideoView

Augmentation = Literal["crop", "flip", "colour"]
"""What is drawn anew: a crop of random place and shape, mirroring, or brightness, contrast and saturation."""

LEAST_AREA = 0.5
"""Smallest share of the frame's area in a crop."""

FLIPPED = 0.5
"""Share of views that are mirrored."""

COLOUR = 0.2
"""Largest relative change of brightness, contrast and saturation."""

ASPECT = 4 / 3
"""Largest aspect ratio of a crop; the smallest is its inverse, as in torchvision's RandomResizedCrop."""


def draw_view(seed: int, kinds: Collection[Augmentation]) -> VideoView:
    """Draw the view that belongs to a seed, with these kinds of change."""
    rng = np.random.default_rng(stable_seed(seed, "view"))
    crops, colour = "crop" in kinds, COLOUR if "colour" in kinds else 0.0
    area = rng.uniform(LEAST_AREA, 1) if crops else 1.0
    # Uniform in the logarithm, so that wide and narrow crops are equally likely.
    aspect = np.exp(rng.uniform(-np.log(ASPECT), np.log(ASPECT))) if crops else 1.0
    width, height = min(1.0, float(np.sqrt(area * aspect))), min(1.0, float(np.sqrt(area / aspect)))
    brightness, contrast, saturation = rng.uniform(1 - colour, 1 + colour, size=3)
    return VideoView(
        left=float(rng.uniform(0, 1 - width)),
        top=float(rng.uniform(0, 1 - height)),
        width=width,
        height=height,
        flip=float("flip" in kinds and rng.uniform() < FLIPPED),
        brightness=float(brightness),
        contrast=float(contrast),
        saturation=float(saturation),
    )
