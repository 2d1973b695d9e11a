"""Trunk: a network without its classification layer, built by name, with the facts that its users need."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from epitoma.core.registry import names, register, registered
from epitoma.models.i3d import I3D, I3D_CHANNELS, I3D_INPUT
from epitoma.models.input_spec import InputSpec
from epitoma.models.shufflenet3d import SHUFFLENET3D_INPUT, ShuffleNet3D, check_width
from epitoma.models.tiny_net import TINY_CHANNELS, TINY_INPUT, TinyNet
from epitoma.models.torchvision_video import VIDEO_NETS, create_video_net, fetch_video_net, input_of_video_net

State = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """A network that computes features, and the facts that decoding, loading and folding need.

    Attributes:
        net: ``(n, 3, m, H, W) -> (n, C)``, or ``(n, 3, H, W) -> (n, C)`` where it does not take snippets.
        channels: Number of features, C.
        input: Its input, unless the user asks for another size or number of frames.
        takes_snippets: Whether it takes all frames of a timestep at once.
        only_own_input: Whether it accepts no other size or number of frames than its own.
        head: Prefixes of the tensor names of the classification layer in weight files; these tensors are left out.
        fetch: Downloads published weights; None where there are none to download.
    """

    net: nn.Module
    channels: int
    input: InputSpec
    takes_snippets: bool
    only_own_input: bool = False
    head: tuple[str, ...] = ()
    fetch: Callable[[], State] | None = None


def build_trunk(name: str) -> Trunk:
    """Build a network with random weights.

    Args:
        name: ``i3d``; ``shufflenet3d``, of width 2, or for other widths ``shufflenet3d_x0_5`` and the like; ``s3d``,
            ``r2plus1d_18``, ``mvit_v2_s`` or ``swin3d_t`` of torchvision; ``tiny``, for trying things out; a network
            of a plugin; any timm model; and ``resnet50_v1`` and the like for ResNets with the stride in the first
            convolution of a block.

    Raises:
        WeightsError: No network has that name.
    """
    if name in names("network"):
        return registered("network", name)()
    if width := re.fullmatch(r"shufflenet3d_x(\d+)_(\d+)", name):
        return _shufflenet3d(float(".".join(width.groups())))
    return _video_net(name) if name in VIDEO_NETS else _image_net(name)


@register("network", "i3d")
def _i3d() -> Trunk:
    return Trunk(
        net=I3D(),
        channels=I3D_CHANNELS,
        input=I3D_INPUT,
        takes_snippets=True,
        head=("logits.",),
        fetch=None,
    )


@register("network", "tiny")
def _tiny() -> Trunk:
    return Trunk(
        net=TinyNet(),
        channels=TINY_CHANNELS,
        input=TINY_INPUT,
        takes_snippets=False,
        head=("classifier.",),
        fetch=None,
    )


@register("network", "shufflenet3d")
def _shufflenet3d(width: float = 2.0) -> Trunk:
    check_width(width)
    net = ShuffleNet3D(width=width)
    return Trunk(
        net=net,
        channels=net.channels,
        input=SHUFFLENET3D_INPUT,
        takes_snippets=True,
        head=("classifier.",),
        fetch=None,
    )


def _video_net(name: str) -> Trunk:
    net, channels = create_video_net(name)
    return Trunk(
        net=net,
        channels=channels,
        input=input_of_video_net(name),
        takes_snippets=True,
        only_own_input=VIDEO_NETS[name].only_own_input,
        head=(f"{VIDEO_NETS[name].head}.",),
        fetch=lambda: fetch_video_net(name),
    )


def _image_net(name: str) -> Trunk:
    # Imported here, because importing timm takes seconds in every process, and our own networks do not need it.
    from epitoma.models.timm_nets import (
        create_timm,
        feature_channels,
        fetch_timm,
        head_of_timm,
        input_of_timm,
        takes_only_own_size,
    )

    net = create_timm(name)
    return Trunk(
        net=net,
        channels=feature_channels(net),
        input=input_of_timm(net),
        takes_snippets=False,
        only_own_input=takes_only_own_size(net),
        head=head_of_timm(net),
        fetch=fetch_timm(name),
    )
