"""LightNet: the cheap 2D CNN, which runs on the middle frame of every candidate timestep."""

from dataclasses import dataclass

from torch import Tensor

from epitoma.core.errors import WeightsError
from epitoma.models.backbone import Backbone, Normalisation


class LightNet(Backbone):
    """Light features of every candidate timestep, ``(B, T, 3, H, W) -> (B, T, C)``."""

    @dataclass(kw_only=True)
    class Config:
        """Which network runs on every timestep, and at which size.

        Attributes:
            name: Any timm model.
            weights: ``hub``, ``package``, ``random``, or a file (see docs/networks.md).
            normalisation: Batch normalisation in training: ``frozen`` keeps the pretrained statistics, ``live`` takes
                those of the batch and updates them; None takes live for random weights, which have none to keep.
            size: Height and width of the frames in pixels; None takes the network's own.
        """

        name: str = "mobilenetv3_small_100"
        weights: str = "hub"
        normalisation: Normalisation | None = None
        size: int | None = None

    def __init__(self, config: Config, *, pretrained: bool = True) -> None:
        super().__init__(
            config.name,
            weights=config.weights,
            normalisation=config.normalisation,
            size=config.size,
            frames=1,
            pretrained=pretrained,
        )
        if self.takes_snippets:
            raise WeightsError(f"LightNet looks at single frames, and {config.name!r} wants several at once")

    def forward(self, frames_BTCHW: Tensor) -> Tensor:
        """Compute features of each frame independently."""
        batch, timesteps = frames_BTCHW.shape[:2]
        return self.forward_features(frames_BTCHW.flatten(0, 1)).view(batch, timesteps, -1)
