"""LightNet: a light 2D CNN that looks at the middle frame of every timestep."""

from dataclasses import dataclass

from torch import Tensor

from epitoma.models.backbone import ImageBackbone


class LightNet(ImageBackbone):
    """Light features of every candidate timestep, ``(B, T, 3, H, W) uint8 -> (B, T, C)``."""

    @dataclass(kw_only=True)
    class Config:
        """Which network looks at every timestep, at which size.

        Attributes:
            name: Any timm model.
            weights: ``timm``, ``package``, ``random``, or a file (see ``models/weights.py``).
            size: Height and width of the frames in pixels.
        """

        name: str = "mobilenetv3_small_100"
        weights: str = "timm"
        size: int = 224

    def __init__(self, config: Config, *, pretrained: bool = True) -> None:
        super().__init__(
            config.name, weights=config.weights, size=config.size, frames=1, pretrained=pretrained
        )

    def forward(self, frames_BTCHW: Tensor) -> Tensor:
        """Look at every frame alike."""
        batch, timesteps = frames_BTCHW.shape[:2]
        return self.look(frames_BTCHW.flatten(0, 1)).view(batch, timesteps, -1)
