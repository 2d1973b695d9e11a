"""timm's networks without their classification layers, and ResNets as they were first published."""

from collections.abc import Callable
from typing import Any

import timm
from timm.models.resnet import Bottleneck, ResNet
from torch import Tensor, nn

from epitoma.core.errors import WeightsError
from epitoma.models.input_spec import InputSpec

V1_SUFFIX = "_v1"


def create_timm(name: str) -> nn.Module:
    """A network with random weights that gives features.

    Raises:
        WeightsError: timm has no such network.
    """
    base = name.removesuffix(V1_SUFFIX)
    if not timm.is_model(base):
        close = timm.list_models(f"*{name[:6]}*")[:5]
        raise WeightsError(f"timm has no model {name!r}; near it: {', '.join(close) or 'none'}")
    try:
        net = timm.create_model(base, num_classes=0)
    except RuntimeError as error:  # What timm raises for a tag that it does not know.
        raise WeightsError(f"timm has no model {name!r}: {error}") from error
    if name != base:
        move_strides_first(net, name=name)
    return net


def move_strides_first(net: nn.Module, *, name: str) -> None:
    """Make a ResNet v1.5 a v1: blocks that halve do so in their first 1x1, not in their 3x3; no weight changes.

    Raises:
        WeightsError: The network has no such blocks.
    """
    blocks = [module for module in net.modules() if isinstance(module, Bottleneck)]
    if not isinstance(net, ResNet) or not blocks:
        raise WeightsError(f"{name!r}: only ResNets with bottlenecks have a v1, such as resnet50_v1")
    if all(block.conv2.stride == (1, 1) for block in blocks):
        raise WeightsError(f"{name!r}: its blocks halve elsewhere than in their 3x3; try resnet50_v1")
    for block in blocks:
        block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride


def input_of_timm(net: nn.Module) -> InputSpec:
    """What the published weights were made for."""
    config = _config(net)
    return InputSpec(
        size=config["input_size"][-1], frames=1, mean=tuple(config["mean"]), std=tuple(config["std"])
    )


def fetch_timm(name: str) -> Callable[[], dict[str, Tensor]] | None:
    """A function that gets published weights over the network; None for a ResNet v1, which timm has none of."""
    if name.endswith(V1_SUFFIX):
        return None

    def fetch() -> dict[str, Tensor]:
        try:
            return timm.create_model(name, pretrained=True, num_classes=0).state_dict()
        except Exception as error:  # timm's hub raises a different type for each way of being out of reach
            raise WeightsError(
                f"timm cannot fetch weights of {name!r} ({type(error).__name__}: {error})"
            ) from error

    return fetch


def head_of_timm(net: nn.Module) -> tuple[str, ...]:
    """How names of the classification layers' tensors begin."""
    names = _config(net)["classifier"]
    return tuple(f"{name}." for name in ([names] if isinstance(names, str) else names or ()))


def takes_only_own_size(net: nn.Module) -> bool:
    """Whether the network takes images of one size and no other."""
    return _config(net)["fixed_input_size"]


def feature_channels(net: nn.Module) -> int:
    """Width of a headless network's output; some networks end with a layer wider than ``num_features``.

    Raises:
        WeightsError: The network does not say.
    """
    channels = getattr(net, "head_hidden_size", None) or getattr(net, "num_features", None)
    if not isinstance(channels, int):
        raise WeightsError(f"{type(net).__name__} does not say how many features it gives")
    return channels


def _config(net: nn.Module) -> dict[str, Any]:
    return getattr(net, "pretrained_cfg")  # noqa: B009  (timm sets it on every model)
