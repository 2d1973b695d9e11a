"""Augmentation: another view of a video each time that training sees its pixels."""

from dataclasses import dataclass

import numpy as np

from epitoma.core.errors import ConfigError
from epitoma.core.sampling import stable_seed
from epitoma.core.views import VideoView


@dataclass(kw_only=True)
class AugmentationConfig:
    """How much views may differ from the video; off unless asked for.

    A view is one for the whole video, as a camera's is, and the same for LightNet and HeavyNet.

    Attributes:
        crop: Smallest share of the frame's area that is seen, of random place and shape; 1 crops nothing.
        flip: Share of views that are mirrored.
        colour: Brightness, contrast and saturation vary by up to this share.
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
        """Whether any view differs."""
        return self.crop < 1 or self.flip > 0 or self.colour > 0


ASPECT = 4 / 3
"""Widest crop, and by its inverse the narrowest: as in torchvision's RandomResizedCrop."""


def draw_view(seed: int, config: AugmentationConfig) -> VideoView:
    """The view that follows from a seed."""
    rng = np.random.default_rng(stable_seed(seed, "view"))
    area = rng.uniform(config.crop, 1)
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
