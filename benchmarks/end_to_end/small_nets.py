"""Two small networks, which train a thousand steps in minutes on one core.

Group normalisation has no statistics of pictures that are not seen any more: with those of ImageNet, kept as they are,
EfficientNet-Lite0 at 32 pixels loses what it knows in a few hundred steps at the rate that the paper has.
"""

from collections.abc import Sequence

from torch import nn

from epitoma.core.registry import register
from epitoma.models.input_spec import InputSpec
from epitoma.models.trunk import Trunk

GROUPS = 8


@register("network", "small_light")
def small_light() -> Trunk:
    """Three convolutions on 32 x 32 pixels.

    Its maximum over the picture finds a small sprite that the mean loses: with the mean next to nothing could be gained
    by choosing (docs/method.md).
    """
    return _convolutions((16, 32, 64), size=32, pool=nn.AdaptiveMaxPool2d(1))


@register("network", "small_heavy")
def small_heavy() -> Trunk:
    """Four convolutions on 64 x 64 pixels."""
    return _convolutions((32, 64, 128, 256), size=64, pool=nn.AdaptiveAvgPool2d(1))


def _convolutions(widths: Sequence[int], *, size: int, pool: nn.Module) -> Trunk:
    """Convolutions with stride 2, and one value a channel over the picture."""
    layers: list[nn.Module] = []
    for narrow, wide in zip((3, *widths[:-1]), widths, strict=True):
        convolution = nn.Conv2d(narrow, wide, kernel_size=3, stride=2, padding=1, bias=False)
        layers += [convolution, nn.GroupNorm(GROUPS, wide), nn.ReLU()]
    return Trunk(
        net=nn.Sequential(*layers, pool, nn.Flatten()),
        channels=widths[-1],
        input=InputSpec(size=size, frames=1, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)),
        takes_snippets=False,
    )
