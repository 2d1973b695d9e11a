"""Runs from features as Ray tasks, several at once: the same loop and files as ``ray_jobs.train`` and ``evaluate``.

A run on Ray Train takes longer to start than such a small one takes to train, and there are dozens.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ray
import torch

from epitoma.core.config import CONFIG_FILE, to_dict
from epitoma.cost.gmacs import networks_cost
from epitoma.datasets.manifest import Manifest
from epitoma.evaluation.budgets import evidence_of
from epitoma.evaluation.choices import CHOICES_FILE, write_choices
from epitoma.evaluation.tradeoff import write_points
from epitoma.files.json_files import write_json
from epitoma.models.videoepitoma import Networks, VideoEpitoma
from epitoma.on_ray.cluster.parallel import in_parallel
from epitoma.reporting.console import phase
from epitoma.sweeps.trial import TrialData, evaluation_of, train_head
from epitoma.training.context import LocalContext
from epitoma.training.feature_batches import feature_split
from epitoma.training.feature_store import read_features
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.extraction import extract_with

SPLITS = ("train", "validation", "test")
WHOLE = "whole"
"""File that is written last in a run's folder: what has it need not be run again."""


@dataclass(frozen=True, kw_only=True)
class FeatureData:
    """What runs on the same features share.

    Attributes:
        config: What runs are changed from.
        data: Reference to the features.
    """

    config: TrainConfig
    data: ray.ObjectRef

    def runs(self, name: str, seeds: Sequence[int], **changes) -> list[TrainConfig]:
        """A config for each seed, named for it."""
        return [replace(self.config, name=f"{name}_{seed}", seed=seed, **changes) for seed in seeds]


def feature_data(config: TrainConfig, manifest: Manifest, networks: Networks) -> FeatureData:
    """Features of all splits, extracted if they are not stored yet."""
    extracted = extract_with(
        manifest, networks, timesteps=config.dense, root=config.feature_root, max_reject_share=0.0
    )
    stored = {name: read_features(extracted.folder, manifest.split(name)) for name in SPLITS}
    frames = networks.heavy.input.frames
    data = TrialData(
        splits={name: feature_split(stored[name], manifest.split(name)) for name in SPLITS},
        evidence={name: evidence_of(manifest.split(name), stored[name], frames) for name in SPLITS},
        each=networks_cost(networks),
        classes=manifest.classes,
        multi_label=manifest.multi_label,
    )
    return FeatureData(config=config, data=ray.put(data))


def run_all(title: str, features: FeatureData, configs: Sequence[TrainConfig]) -> list[Path]:
    """Train and evaluate those that have not been, as many at once as there are cores; returns their folders."""
    missing = [config for config in configs if not (config.folder / WHOLE).is_file()]
    with phase(title, unit="runs") as advance:
        in_parallel(lambda config: _run.remote(config, features.data), missing, advance)
    return [config.folder for config in configs]


@ray.remote(num_cpus=1)
def _run(config: TrainConfig, data: TrialData) -> None:
    # A task is pickled by value, and with it would go all of torch that it names.
    train_and_measure(config, data)


def train_and_measure(config: TrainConfig, data: TrialData) -> None:
    """One run, with the files that training and evaluation leave."""
    torch.set_num_threads(1)
    model = train_head(config, data, LocalContext(config.folder / "checkpoints"))
    write_json(config.folder / CONFIG_FILE, to_dict(config))
    described = config.model(classes=data.classes, multi_label=data.multi_label)
    write_json(config.folder / "model" / CONFIG_FILE, to_dict(described))
    for split in ("validation", "test"):
        _measure(config, data, model, split)
    (config.folder / WHOLE).touch()


def _measure(config: TrainConfig, data: TrialData, model: VideoEpitoma, split: str) -> None:
    evaluation = evaluation_of(model, config, data, split)
    folder = config.folder / f"evaluation_{split}"
    points = evaluation.reference_points(model, "own", also=config.timesteps)
    if config.selection == "learnt":
        points += evaluation.selector_points(model)
        write_choices(folder / CHOICES_FILE, evaluation.choices(model, data.classes))
    write_points(folder / "tradeoff.parquet", points)
