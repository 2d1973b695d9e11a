"""HeavyNet: the network worth saving; it sees only timesteps that the selector kept."""

from dataclasses import dataclass

from torch import Tensor

from epitoma.models.backbone import Backbone


class HeavyNet(Backbone):
    """Heavy features of packed timesteps, ``(n, 3, m, H, W) -> (n, C)``.

    A 3D network looks at a timestep's frames at once, a 2D one at each, and its features are averaged.
    """

    @dataclass(kw_only=True)
    class Config:
        """Which network sees the kept timesteps, at which size.

        Attributes:
            name: ``i3d``, ``shufflenet3d``, a video network of torchvision, or any timm model (docs/networks.md).
            weights: ``hub``, ``package``, ``random``, or a file (see docs/networks.md).
            size: Height and width of the frames in pixels; None is the network's own.
            frames: Successive frames of a timestep, ``m``; None is the network's own, 1 for 2D ones.
        """

        name: str = "resnet50"
        weights: str = "hub"
        size: int | None = None
        frames: int | None = None

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
        if self.takes_snippets:
            return self.forward_features(snippets_PCMHW)
        packed, _, frames = snippets_PCMHW.shape[:3]
        images = snippets_PCMHW.transpose(1, 2).flatten(0, 1)
        return self.forward_features(images).view(packed, frames, -1).mean(dim=1)
