"""timm's networks without their classification layers, and ResNets as first published (v1)."""

from collections.abc import Callable
from typing import Any

import timm
from timm.models.resnet import Bottleneck, ResNet
from torch import Tensor, nn

from epitoma.core.errors import WeightsError
from epitoma.models.input_spec import InputSpec

V1_SUFFIX = "_v1"


def create_timm(name: str) -> nn.Module:
    """Create a network with random weights and without a classification layer.

    Raises:
        WeightsError: timm has no such network.
    """
    base = name.removesuffix(V1_SUFFIX)
    if not timm.is_model(base):
        close = timm.list_models(f"*{name[:6]}*")[:5]
        raise WeightsError(f"timm has no model {name!r}; near it: {', '.join(close) or 'none'}")
    try:
        net = timm.create_model(base, num_classes=0)
    except RuntimeError as error:  # timm raises it for an unknown pretrained tag.
        raise WeightsError(f"timm has no model {name!r}: {error}") from error
    if name != base:
        to_resnet_v1(net, name=name)
    return net


def to_resnet_v1(net: nn.Module, *, name: str) -> None:
    """Turn a ResNet v1.5 into a v1 in place: the stride of a block moves from its 3x3 to its first 1x1 convolution.

    No weight changes.

    Raises:
        WeightsError: The network has no blocks with a stride in their 3x3 convolution.
    """
    blocks = [module for module in net.modules() if isinstance(module, Bottleneck)]
    if not isinstance(net, ResNet) or not blocks:
        raise WeightsError(f"{name!r}: only ResNets with bottlenecks have a v1, such as resnet50_v1")
    if all(block.conv2.stride == (1, 1) for block in blocks):
        raise WeightsError(f"{name!r}: its blocks halve elsewhere than in their 3x3; try resnet50_v1")
    for block in blocks:
        block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride


def input_of_timm(net: nn.Module) -> InputSpec:
    """Input that the published weights were trained for."""
    config = _config(net)
    return InputSpec(
        size=config["input_size"][-1], frames=1, mean=tuple(config["mean"]), std=tuple(config["std"])
    )


def fetch_timm(name: str) -> Callable[[], dict[str, Tensor]] | None:
    """Make a function that downloads published weights; None for a ResNet v1, for which timm has none.

    The function raises a WeightsError where the weights cannot be downloaded.
    """
    if name.endswith(V1_SUFFIX):
        return None

    def fetch() -> dict[str, Tensor]:
        try:
            return timm.create_model(name, pretrained=True, num_classes=0).state_dict()
        except Exception as error:  # timm's hub raises a different type for each cause.
            raise WeightsError(
                f"timm cannot fetch weights of {name!r} ({type(error).__name__}: {error})"
            ) from error

    return fetch


def head_of_timm(net: nn.Module) -> tuple[str, ...]:
    """Prefixes of the tensor names of the classification layers."""
    names = _config(net)["classifier"]
    return tuple(f"{name}." for name in ([names] if isinstance(names, str) else names or ()))


def takes_only_own_size(net: nn.Module) -> bool:
    """Whether the network accepts images of one size only."""
    return _config(net)["fixed_input_size"]


def feature_channels(net: nn.Module) -> int:
    """Number of features of a network without classification layer; some end with more than ``num_features``.

    Raises:
        WeightsError: The network does not declare it.
    """
    channels = getattr(net, "head_hidden_size", None) or getattr(net, "num_features", None)
    if not isinstance(channels, int):
        raise WeightsError(f"{type(net).__name__} does not say how many features it gives")
    return channels


def _config(net: nn.Module) -> dict[str, Any]:
    return getattr(net, "pretrained_cfg")  # noqa: B009  (timm sets it on every model)
