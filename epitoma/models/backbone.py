"""Backbone: one protocol for every image network, light or heavy, with what it wants as data.

Any timm model serves by its name. What ingest must know (size in pixels, frames of a timestep) is on
:class:`InputSpec`, so that decoding asks the model instead of the user.
"""

from dataclasses import dataclass
from typing import Any

import timm
import torch
from torch import Tensor, nn

from epitoma.errors import WeightsError
from epitoma.models.folding import fold_batch_norm
from epitoma.models.weights import PACKAGE_MEAN_STD, PRETRAINED_PACKAGE, Colour, load_weights

CPU_CHUNK_PIXELS = 200_000
"""Pixels of one pass on a CPU without gradients: the activations then stay in its cache."""


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """What a backbone wants to see.

    Attributes:
        size: Height and width in pixels.
        frames: Successive frames of a timestep, ``m``.
        mean: Subtracted from each colour, in units of 0 to 1.
        std: Each colour is divided by it, in units of 0 to 1.
    """

    size: int
    frames: int
    mean: Colour
    std: Colour


class ImageBackbone(nn.Module):
    """A timm network as a feature extractor: ``(n, 3, H, W) uint8 -> (n, C)``.

    Batch normalisation keeps its pretrained statistics also in training, and is folded into the convolutions:
    a batch then is a set of independent timesteps, and leaving shut ones out changes nothing for the others.
    """

    mean_C11: Tensor
    std_C11: Tensor

    def __init__(self, name: str, *, weights: str, size: int, frames: int, pretrained: bool) -> None:
        super().__init__()
        self.name = name
        net = _create(name).eval()
        if pretrained and weights != "random":
            load_weights(net, weights, name=name)
        mean, std = _normalisation(net, weights)
        self.channels = _feature_channels(net)
        self.net = fold_batch_norm(net, torch.rand(1, 3, size, size)).to(memory_format=torch.channels_last)
        self.input = InputSpec(size=size, frames=frames, mean=mean, std=std)
        self.register_buffer("mean_C11", torch.tensor(mean).view(3, 1, 1) * 255, persistent=False)
        self.register_buffer("std_C11", torch.tensor(std).view(3, 1, 1) * 255, persistent=False)

    def look(self, images: Tensor) -> Tensor:
        """Features of uint8 images of the size that ``input`` names."""
        if torch.is_grad_enabled() or images.is_cuda:
            return self._pass(images)
        return torch.cat(
            [self._pass(chunk) for chunk in images.split(max(1, CPU_CHUNK_PIXELS // self.input.size**2))]
        )

    def _pass(self, images: Tensor) -> Tensor:
        normalised = (images.to(self.mean_C11.dtype) - self.mean_C11) / self.std_C11
        return self.net(normalised.contiguous(memory_format=torch.channels_last))

    def train(self, mode: bool = True) -> "ImageBackbone":
        """Keep the network in evaluation mode: statistics that could not be folded are never updated either."""
        super().train(mode)
        self.net.eval()
        return self


def _create(name: str) -> nn.Module:
    if not timm.is_model(name):
        close = timm.list_models(f"*{name[:6]}*")[:5]
        raise WeightsError(f"timm has no model {name!r}; near it: {', '.join(close) or 'none'}")
    return timm.create_model(name, num_classes=0)


def _feature_channels(net: nn.Module) -> int:
    """Width of a headless network's output; some networks end with a layer wider than ``num_features``."""
    channels = getattr(net, "head_hidden_size", None) or getattr(net, "num_features", None)
    if not isinstance(channels, int):
        raise WeightsError(f"{type(net).__name__} does not say how many features it gives")
    return channels


def _normalisation(net: nn.Module, weights: str) -> tuple[Colour, Colour]:
    if weights == PRETRAINED_PACKAGE:
        return PACKAGE_MEAN_STD
    config: dict[str, Any] = getattr(net, "pretrained_cfg")  # noqa: B009  (timm sets it on every model)
    return tuple(config["mean"]), tuple(config["std"])
