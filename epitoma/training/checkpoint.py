"""Checkpoints without pickle: tensors as safetensors, all else as JSON, each file written aside and then renamed."""

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from epitoma.core.config import CONFIG_FILE, PLUGIN, from_dict, to_dict
from epitoma.core.errors import ConfigError, RunError
from epitoma.core.registry import import_plugins
from epitoma.files.atomic import renamed_when_whole
from epitoma.files.json_files import read_json, require, write_json
from epitoma.files.presence import is_file
from epitoma.models.videoepitoma import ModelConfig, Networks, VideoEpitoma, build_model
from epitoma.training.best_epoch import BestEpoch

MODEL = "model"
"""Folder of a finished run's model, inside the folder of the run."""

MODEL_FILE = "model.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
STATE_FILE = "state.json"
BEST_FILE = "best.safetensors"

State = dict[str, Tensor]


@dataclass(kw_only=True)
class Progress:
    """How far a training run is.

    Attributes:
        epoch: Epochs completed.
        step: Steps completed of the next epoch.
        totals: Sums of each worker over those steps.
        multiplier: Multiplier of the sparsity controller.
        best: Epoch of the best model so far; None before the first validation.
        history: Metrics of each epoch.
    """

    epoch: int = 0
    step: int = 0
    totals: list[list[float]] = field(default_factory=list)
    multiplier: float = 0.0
    best: BestEpoch | None = None
    history: list[dict[str, float]] = field(default_factory=list)


def save_training(
    folder: Path,
    *,
    model: State,
    best: State,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write everything that a resume needs; the state file is written last, so an incomplete checkpoint has none."""
    write_tensors(folder / MODEL_FILE, model)
    write_tensors(folder / BEST_FILE, best)
    tensors, rest = _split_optimizer(optimizer.state_dict())
    write_tensors(folder / OPTIMIZER_FILE, tensors)
    write_json(folder / STATE_FILE, {"progress": asdict(progress), "optimizer": rest})


def load_training(folder: Path, *, optimizer: torch.optim.Optimizer) -> tuple[State, State, Progress]:
    """Read what :func:`save_training` wrote; the optimiser is restored in place.

    Returns:
        The model's state, the best model's state, and the progress.

    Raises:
        RunError: The checkpoint is incomplete.
    """
    state = read_json(folder / STATE_FILE)
    tensors = read_tensors(folder / OPTIMIZER_FILE)
    optimizer.load_state_dict(_joined_optimizer(tensors, state["optimizer"]))
    progress = from_dict(Progress, state["progress"], source=str(folder / STATE_FILE))
    return read_tensors(folder / MODEL_FILE), read_tensors(folder / BEST_FILE), progress


def save_model(folder: Path, *, config: ModelConfig, state: State) -> None:
    """Write a self-contained model: its config and the tensors of all its parts."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / CONFIG_FILE, to_dict(config))
    # Last, since a folder that has this file counts as a finished model.
    write_tensors(folder / MODEL_FILE, state)


def load_model(folder: Path) -> tuple[VideoEpitoma, ModelConfig]:
    """Load the model that :func:`save_model` wrote, with its networks, in evaluation mode.

    Raises:
        RunError: There is no model in the folder, or it is damaged.
    """
    values = read_json(folder / CONFIG_FILE)
    _import_its_plugins(values, folder)
    config = from_dict(ModelConfig, values, source=str(folder / CONFIG_FILE))
    model = build_model(config, pretrained=False)
    try:
        model.load_state_dict(read_tensors(folder / MODEL_FILE))
    except RuntimeError as error:
        raise RunError(f"{folder / MODEL_FILE} does not fit {folder / CONFIG_FILE}: {error}") from error
    return model.eval(), config


def _import_its_plugins(values: dict[str, Any], folder: Path) -> None:
    """Import what registers the model's parts; never from its own folder, since loading a model must run no code."""
    try:
        import_plugins(values.get(PLUGIN, ()))
    except ConfigError as error:
        raise RunError(
            f"{folder} needs its plugin: {error}; its source is kept in {folder / 'code'}"
        ) from error


def model_folder(run: Path) -> Path:
    """Folder of a finished run's model; ``run`` may be that folder itself.

    Raises:
        RunError: The run does not exist or has not finished.
    """
    for folder in (run / MODEL, run):
        if is_file(folder / MODEL_FILE):
            return folder
    raise RunError(f"no finished run at {run} (no {MODEL}/{MODEL_FILE} in it)")


def run_folder(run: Path) -> Path:
    """Folder of a finished run; ``run`` may be the folder of its model.

    Raises:
        RunError: The run does not exist or has not finished.
    """
    folder = model_folder(run)
    return folder.parent if folder.name == MODEL else folder


def networks_of(model: VideoEpitoma) -> Networks:
    """Networks of a whole model.

    Raises:
        RunError: The model has no networks.
    """
    if model.networks is None:
        raise RunError("this model was saved without its networks")
    return model.networks


def state_of(module: nn.Module) -> State:
    """Detached copy of a module's state dict on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in module.state_dict().items()}


def file_digest(path: Path) -> str:
    """Digest of a file's content, 16 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def write_tensors(path: Path, tensors: State) -> None:
    """Write a safetensors file; it appears whole or not at all."""
    with renamed_when_whole(path) as aside:
        # Written by Python and not by safetensors, so that a full disk raises an OSError.
        aside.write_bytes(safetensors.torch.save({name: t.contiguous() for name, t in tensors.items()}))


def read_tensors(path: Path) -> State:
    """Read a safetensors file.

    Raises:
        RunError: There is no file, or it is damaged.
    """
    require(path)
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise RunError(f"{path} is damaged: {error}") from error


def _split_optimizer(state: dict[str, Any]) -> tuple[State, dict[str, Any]]:
    """Split an optimiser's state into tensors, named ``parameter/name``, and plain values for JSON."""
    tensors: State = {}
    plain: dict[str, Any] = {}
    for index, values in state["state"].items():
        for name, value in values.items():
            kept = tensors if isinstance(value, Tensor) else plain
            kept[f"{index}/{name}"] = value
    return tensors, {"plain": plain, "param_groups": state["param_groups"]}


def _joined_optimizer(tensors: State, rest: dict[str, Any]) -> dict[str, Any]:
    state: dict[int, dict[str, Any]] = {}
    for key, value in {**tensors, **rest["plain"]}.items():
        index, name = key.split("/")
        state.setdefault(int(index), {})[name] = value
    return {"state": state, "param_groups": rest["param_groups"]}
