"""ShuffleNet3D: ShuffleNet V1 with every filter inflated to three dimensions, three groups, any width.

Modules have the names of the published checkpoints (okankop/Efficient-3DCNNs).

Source: Zhang et al., "ShuffleNet", figure 2 and table 1; Köpüklü et al., "Resource Efficient 3D Convolutional
Neural Networks", table 3.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from epitoma.core.errors import WeightsError
from epitoma.models.input_spec import InputSpec

GROUPS = 3
_STEM_CHANNELS = 24
_STAGE_CHANNELS = (240, 480, 960)
_STAGE_BLOCKS = (4, 8, 4)

SHUFFLENET3D_INPUT = InputSpec(
    size=224,
    frames=8,
    mean=(114.7748 / 255, 107.7354 / 255, 99.4750 / 255),
    std=(1 / 255, 1 / 255, 1 / 255),
)
"""Eight frames of values of 0 to 255 less the published mean, as VideoEpitoma uses it for a timestep."""


def check_width(width: float) -> None:
    """Refuse a width for which the channels of some grouped convolution do not divide into the groups.

    Raises:
        WeightsError: The width is such a one.
    """
    stem, *stages = _channels(width)
    channels = [*stages, *(stage // 4 for stage in stages)]
    channels += [] if stem == _STEM_CHANNELS else [stem]
    channels.append(stages[0] - stem)
    if min(channels) < GROUPS or any(count % GROUPS for count in channels):
        raise WeightsError(
            f"ShuffleNet3D of width {width} has channels that do not divide into {GROUPS} groups; "
            "0.25, 0.5, 1.0, 1.5 and 2.0 do"
        )


class ShuffleNet3D(nn.Module):
    """Features of snippets, ``(n, 3, m, H, W) -> (n, 960 * width)``, for any m and any size of at least 33."""

    def __init__(self, *, width: float = 2.0) -> None:
        super().__init__()
        stem, *stages = _channels(width)
        self.channels = stages[-1]
        self.conv1 = nn.Sequential(
            nn.Conv3d(3, stem, 3, stride=(1, 2, 2), padding=1, bias=False),
            nn.BatchNorm3d(stem),
            nn.ReLU(inplace=True),
        )
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        self.layer1 = _stage(stem, stages[0], blocks=_STAGE_BLOCKS[0])
        self.layer2 = _stage(stages[0], stages[1], blocks=_STAGE_BLOCKS[1])
        self.layer3 = _stage(stages[1], stages[2], blocks=_STAGE_BLOCKS[2])

    def forward(self, x_NCMHW: Tensor) -> Tensor:
        """Run stem and three stages, and average over time and space."""
        x_NCMHW = self.maxpool(self.conv1(x_NCMHW))
        return self.layer3(self.layer2(self.layer1(x_NCMHW))).mean(dim=(2, 3, 4))


class Bottleneck(nn.Module):
    """ShuffleNet's unit: grouped 1x1x1, shuffle, depthwise 3x3x3, grouped 1x1x1, with a shortcut.

    The first unit of a stage halves time, height and width; its shortcut is pooled and concatenated, not added.
    """

    def __init__(self, channels: int, width: int, *, halves: bool) -> None:
        super().__init__()
        inside = width // 4
        self.halves = halves
        # As published: the 24 channels of the stem of width 1 are not grouped, those of wider stems are.
        first_groups = 1 if channels == _STEM_CHANNELS else GROUPS
        self.conv1 = nn.Conv3d(channels, inside, 1, groups=first_groups, bias=False)
        self.bn1 = nn.BatchNorm3d(inside)
        self.conv2 = nn.Conv3d(
            inside, inside, 3, stride=2 if halves else 1, padding=1, groups=inside, bias=False
        )
        self.bn2 = nn.BatchNorm3d(inside)
        self.conv3 = nn.Conv3d(inside, width - channels if halves else width, 1, groups=GROUPS, bias=False)
        self.bn3 = nn.BatchNorm3d(self.conv3.out_channels)

    def forward(self, x_NCMHW: Tensor) -> Tensor:
        """Compute the residual branch and join it with the shortcut."""
        out = F.relu(self.bn1(self.conv1(x_NCMHW)), inplace=True)
        out = self.bn2(self.conv2(shuffle_channels(out, GROUPS)))
        out = self.bn3(self.conv3(out))
        joined = torch.cat([out, _halved(x_NCMHW)], dim=1) if self.halves else out + x_NCMHW
        return F.relu(joined, inplace=True)


def shuffle_channels(x_NCMHW: Tensor, groups: int) -> Tensor:
    """Interleave the channels of the groups, so that every group of the next convolution sees all of them."""
    return x_NCMHW.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


def _halved(x_NCMHW: Tensor) -> Tensor:
    """Average over pairs of frames and over 3x3 places with stride 2; a last frame without a pair is kept unchanged."""
    pair = min(2, x_NCMHW.shape[2])
    paired = F.avg_pool3d(x_NCMHW, (pair, 1, 1), ceil_mode=True)
    return F.avg_pool3d(paired, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))


def _stage(channels: int, width: int, *, blocks: int) -> nn.Sequential:
    first = Bottleneck(channels, width, halves=True)
    return nn.Sequential(first, *(Bottleneck(width, width, halves=False) for _ in range(1, blocks)))


def _channels(width: float) -> list[int]:
    """Channels of the stem and of every stage."""
    return [int(channels * width) for channels in (_STEM_CHANNELS, *_STAGE_CHANNELS)]
