"""A tiny dataset and the options of a run on it that takes seconds, made once for all cases."""

import tempfile
from functools import cache
from pathlib import Path

from epitoma.core.config import to_dict
from epitoma.datasets.manifest import Manifest, read_manifest, write_manifest
from epitoma.datasets.synthetic import SyntheticConfig, class_names, plan_dataset, write_synthetic_video
from epitoma.files.json_files import write_json
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig, WorkersConfig
from epitoma.training.sparsity import SparsityConfig

_PLACE = tempfile.TemporaryDirectory(prefix="public_reports_")


@cache
def tiny_dataset() -> Manifest:
    """Eighteen videos of ten seconds and two classes."""
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
    folder = Path(_PLACE.name) / "dataset"
    folder.mkdir()
    rows = [write_synthetic_video(video, config, folder) for video in plan_dataset(config)]
    write_manifest(folder / "manifest.parquet", rows, classes=class_names(config), multi_label=False)
    return read_manifest(folder / "manifest.parquet")


@cache
def tiny_options() -> Path:
    """Options of a run from features of that dataset, as ``--config`` takes them."""
    settings = {"name": "tiny", "weights": "random", "normalisation": "frozen", "size": 32}
    config = TrainConfig(
        manifest=tiny_dataset().path,
        name="like",
        features=Path(_PLACE.name) / "features",
        networks=NetworksConfig(
            light=LightNet.Config(**settings), heavy=HeavyNet.Config(**settings, frames=2)
        ),
        sparsity=SparsityConfig(target_timesteps=2),
        optimisation=OptimisationConfig(epochs=2, batch_size=4),
        timesteps=4,
        workers=WorkersConfig(threads=1),
    )
    file = Path(_PLACE.name) / "like.json"
    write_json(file, to_dict(config))
    return file
