"""TinyNet: three convolutions on small frames, for tests and for trying out commands in seconds; it learns little."""

from torch import nn

from epitoma.models.input_spec import InputSpec

TINY_CHANNELS = 32
TINY_INPUT = InputSpec(size=32, frames=1, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


class TinyNet(nn.Sequential):
    """Features of images, ``(n, 3, H, W) -> (n, 32)``, of any size."""

    def __init__(self) -> None:
        super().__init__(
            *_halving(3, 8),
            *_halving(8, 16),
            *_halving(16, TINY_CHANNELS),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )


def _halving(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """A convolution that halves height and width, batch normalisation and ReLU."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
