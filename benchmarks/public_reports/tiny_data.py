"""A tiny dataset, the options of runs on it that take seconds, and a model of its classes."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from epitoma.core.config import to_dict
from epitoma.datasets.manifest import Manifest
from epitoma.files.json_files import write_json
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import HeadConfig, ModelConfig, NetworksConfig, build_model
from epitoma.training.checkpoint import save_model, state_of
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig, WorkersConfig
from epitoma.training.sparsity import SparsityConfig
from tests.tiny import write_tiny_dataset

_FOLDER = TemporaryDirectory(prefix="public_reports_")

NETWORKS = [
    *("--networks.light.name", "tiny", "--networks.light.weights", "random", "--networks.light.size", "32"),
    *("--networks.heavy.name", "tiny", "--networks.heavy.weights", "random", "--networks.heavy.size", "32"),
    *("--networks.heavy.frames", "2"),
]
EXTRACT = ["--timesteps", "4", "--max-reject-share", "0.2"]
TRAIN = [
    *NETWORKS,
    *EXTRACT,
    "--sparsity.mode",
    "none",
    "--optimisation.batch-size",
    "4",
    "--workers.threads",
    "1",
]


def manifest(folder: Path) -> Path:
    """A copy of the dataset, eighteen videos of two classes, in a folder of one's own; returns its manifest."""
    shutil.copytree(tiny_dataset().path.parent, folder / "data", copy_function=shutil.copy2)
    return folder / "data" / "manifest.parquet"


def model(folder: Path) -> Path:
    """An untrained model of the dataset's classes, saved as a run's is; returns the run."""
    torch.manual_seed(0)
    light = LightNet.Config(name="tiny", weights="random", size=32)
    heavy = HeavyNet.Config(name="tiny", weights="random", size=32, frames=2)
    classes = tuple(tiny_dataset().classes)
    config = ModelConfig(
        networks=NetworksConfig(light=light, heavy=heavy),
        head=HeadConfig(),
        classes=classes,
        multi_label=False,
        timesteps=4,
    )
    save_model(folder / "run" / "model", config=config, state=state_of(build_model(config).eval()))
    return folder / "run"


@cache
def tiny_dataset() -> Manifest:
    """Eighteen videos of ten seconds and two classes, made once for all cases that only read them."""
    (_place() / "dataset").mkdir()
    return write_tiny_dataset(_place() / "dataset")


@cache
def tiny_options() -> Path:
    """Options of a run from features of that dataset, as ``--config`` takes them."""
    settings = {"name": "tiny", "weights": "random", "normalisation": "frozen", "size": 32}
    config = TrainConfig(
        manifest=tiny_dataset().path,
        name="like",
        features=_place() / "features",
        networks=NetworksConfig(
            light=LightNet.Config(**settings), heavy=HeavyNet.Config(**settings, frames=2)
        ),
        sparsity=SparsityConfig(target_timesteps=2),
        optimisation=OptimisationConfig(epochs=2, batch_size=4),
        timesteps=4,
        max_reject_share=0.2,
        workers=WorkersConfig(threads=1),
    )
    file = _place() / "like.json"
    write_json(file, to_dict(config))
    return file


def _place() -> Path:
    return Path(_FOLDER.name)
