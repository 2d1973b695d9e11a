"""A tiny dataset, the options of runs on it that take seconds, and a model of its classes."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import torch

from epitoma.datasets.manifest import read_manifest, write_manifest
from epitoma.datasets.synthetic import SyntheticConfig, class_names, plan_dataset, write_synthetic_video
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import HeadConfig, ModelConfig, NetworksConfig, build_model
from epitoma.training.checkpoint import save_model, state_of

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
    shutil.copytree(_dataset(), folder / "data", copy_function=shutil.copy2)
    return folder / "data" / "manifest.parquet"


def model(folder: Path) -> Path:
    """An untrained model of the dataset's classes, saved as a run's is; returns the run."""
    torch.manual_seed(0)
    light = LightNet.Config(name="tiny", weights="random", size=32)
    heavy = HeavyNet.Config(name="tiny", weights="random", size=32, frames=2)
    classes = tuple(read_manifest(_dataset() / "manifest.parquet").classes)
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
def _dataset() -> Path:
    folder = Path(mkdtemp(prefix="epitoma_tiny_"))
    config = SyntheticConfig(
        train_videos=10,
        validation_videos=4,
        test_videos=4,
        classes=2,
        one_actions=4,
        actions_per_class=2,
        twin_classes=0,
        evidence_share=0.3,
        min_seconds=8,
        max_seconds=11,
        size=32,
    )
    rows = [write_synthetic_video(video, config, folder) for video in plan_dataset(config)]
    write_manifest(folder / "manifest.parquet", rows, classes=class_names(config), multi_label=False)
    return folder
