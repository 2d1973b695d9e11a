"""HeavyNet: the network worth saving; it sees only timesteps that the selector kept."""

from dataclasses import dataclass

from torch import Tensor

from epitoma.models.backbone import ImageBackbone


class HeavyNet(ImageBackbone):
    """A 2D network over a timestep's frames, averaged: ``(n, 3, m, H, W) uint8 -> (n, C)``.

    3D networks follow the same protocol.
    """

    @dataclass(kw_only=True)
    class Config:
        """Which network sees the kept timesteps, at which size.

        Attributes:
            name: Any timm model.
            weights: ``timm``, ``package``, ``random``, or a file (see ``models/weights.py``).
            size: Height and width of the frames in pixels.
            frames: Successive frames of a timestep, ``m``.
        """

        name: str = "resnet50"
        weights: str = "timm"
        size: int = 224
        frames: int = 1

    def __init__(self, config: Config, *, pretrained: bool = True) -> None:
        super().__init__(
            config.name,
            weights=config.weights,
            size=config.size,
            frames=config.frames,
            pretrained=pretrained,
        )

    def forward(self, snippets_PCMHW: Tensor) -> Tensor:
        """Features of packed snippets."""
        packed, _, frames = snippets_PCMHW.shape[:3]
        images = snippets_PCMHW.transpose(1, 2).flatten(0, 1)
        return self.look(images).view(packed, frames, -1).mean(dim=1)
