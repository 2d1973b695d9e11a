"""HeavyNet: the expensive network, which runs on the timesteps that the selector kept and on no others."""

from dataclasses import dataclass

from torch import Tensor

from epitoma.models.backbone import Backbone, Normalisation


class HeavyNet(Backbone):
    """Heavy features of packed timesteps, ``(n, 3, m, H, W) -> (n, C)``.

    A 3D network takes all frames of a timestep at once; a 2D network takes each frame, and its features are averaged.
    """

    @dataclass(kw_only=True)
    class Config:
        """Which network runs on the kept timesteps, and at which size.

        Attributes:
            name: ``i3d``, ``shufflenet3d``, a video network of torchvision, or any timm model (docs/networks.md).
            weights: ``hub``, ``package``, ``random``, or a file (see docs/networks.md).
            normalisation: Batch normalisation in training: ``frozen`` keeps the pretrained statistics, ``live`` takes
                those of the batch and updates them; None takes live for random weights, which have none to keep.
            size: Height and width of the frames in pixels; None takes the network's own.
            frames: Successive frames of a timestep, ``m``; None takes the network's own, which is 1 for 2D networks.
        """

        name: str = "resnet50"
        weights: str = "hub"
        normalisation: Normalisation | None = None
        size: int | None = None
        frames: int | None = None

    def __init__(self, config: Config, *, pretrained: bool = True) -> None:
        super().__init__(
            config.name,
            weights=config.weights,
            normalisation=config.normalisation,
            size=config.size,
            frames=config.frames,
            pretrained=pretrained,
        )

    def forward(self, snippets_PCMHW: Tensor) -> Tensor:
        """Compute features of packed snippets, ``(P, 3, m, H, W) -> (P, C)``."""
        if self.takes_snippets:
            return self.forward_features(snippets_PCMHW)
        packed, _, frames = snippets_PCMHW.shape[:3]
        images = snippets_PCMHW.transpose(1, 2).flatten(0, 1)
        return self.forward_features(images).view(packed, frames, -1).mean(dim=1)
