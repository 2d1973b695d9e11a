"""The dataset, and the runs that nothing happens to, which all others are compared with."""

import shutil
from dataclasses import replace
from pathlib import Path

from benchmarks.faults.bench import EPOCHS, ROOT, Bench
from benchmarks.running_job import RunningJob, losses
from epitoma.datasets.manifest import read_manifest
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.reporting.console import phase
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig, WorkersConfig
from epitoma.training.sparsity import SparsityConfig
from ray_jobs.prepare import PrepareSynthetic, prepare

DATASET = SyntheticConfig(
    train_videos=48,
    validation_videos=8,
    test_videos=8,
    classes=2,
    one_actions=4,
    actions_per_class=2,
    twin_classes=0,
    min_seconds=12,
    max_seconds=16,
    size=96,
)


def make_bench() -> Bench:
    """The dataset and the undisturbed runs."""
    manifest = prepare(PrepareSynthetic(output=ROOT / "dataset", dataset=DATASET))
    config = config_of(manifest.path)
    shutil.rmtree(config.runs, ignore_errors=True)
    two = replace(config, name="undisturbed_two", workers=WorkersConfig(count=2, threads=1))
    curves = {each.workers.count: undisturbed(each) for each in (config, two)}
    return Bench(config=config, manifest=read_manifest(manifest.path), curves=curves)


def config_of(manifest: Path) -> TrainConfig:
    """The undisturbed run: small networks, trained end to end from pixels."""
    return TrainConfig(
        manifest=manifest,
        name="undisturbed",
        runs=ROOT / "runs",
        source="pixels",
        networks=NetworksConfig(
            light=LightNet.Config(name="mobilenetv3_small_050", weights="random", size=64),
            heavy=HeavyNet.Config(name="mobilenetv3_small_050", weights="random", size=96, frames=2),
        ),
        sparsity=SparsityConfig(target_timesteps=4),
        optimisation=OptimisationConfig(epochs=EPOCHS, batch_size=8),
        timesteps=16,
        checkpoint_every=2,
        workers=WorkersConfig(threads=1),
    )


def undisturbed(config: TrainConfig) -> list[float]:
    """Losses of a run that nothing happens to."""
    with phase(f"run {config.name}"), RunningJob(config) as job:
        code, printed = job.ended()
    assert code == 0, printed
    return losses(config.folder)
