"""Augmentation: a random view (crop, flip, colours) of a video each time that it is trained on from pixels."""

from dataclasses import dataclass

import numpy as np

from epitoma.core.errors import ConfigError
from epitoma.core.sampling import stable_seed
from epitoma.core.views import VideoView


@dataclass(kw_only=True)
class AugmentationConfig:
    """Strength of augmentation; off by default.

    All frames of a video get the same view, as if the camera had been elsewhere, for LightNet and for HeavyNet.

    Attributes:
        crop: Smallest share of the frame's area in a crop of random place and shape; 1 does not crop.
        flip: Share of views that are mirrored.
        colour: Largest relative change of brightness, contrast and saturation.
    """

    crop: float = 1.0
    flip: float = 0.0
    colour: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.crop <= 1 or not 0 <= self.flip <= 1 or not 0 <= self.colour < 1:
            raise ConfigError(
                f"augmentation crop {self.crop}, flip {self.flip} and colour {self.colour} are shares: "
                "crop above 0, colour below 1"
            )

    @property
    def is_on(self) -> bool:
        """Whether any augmentation is on."""
        return self.crop < 1 or self.flip > 0 or self.colour > 0


ASPECT = 4 / 3
"""Largest aspect ratio of a crop; the smallest is its inverse, as in torchvision's RandomResizedCrop."""


def draw_view(seed: int, config: AugmentationConfig) -> VideoView:
    """Draw the view that belongs to a seed."""
    rng = np.random.default_rng(stable_seed(seed, "view"))
    area = rng.uniform(config.crop, 1)
    # Uniform in the logarithm, so that wide and narrow crops are equally likely.
    aspect = np.exp(rng.uniform(-np.log(ASPECT), np.log(ASPECT))) if config.crop < 1 else 1.0
    width, height = min(1.0, float(np.sqrt(area * aspect))), min(1.0, float(np.sqrt(area / aspect)))
    brightness, contrast, saturation = rng.uniform(1 - config.colour, 1 + config.colour, size=3)
    return VideoView(
        left=float(rng.uniform(0, 1 - width)),
        top=float(rng.uniform(0, 1 - height)),
        width=width,
        height=height,
        flip=float(rng.uniform() < config.flip),
        brightness=float(brightness),
        contrast=float(contrast),
        saturation=float(saturation),
    )
