"""A dataset with a bad video, shared by the tests here."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from benchmarks.running_job import RunningJob
from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig, WorkersConfig
from epitoma.training.sparsity import SparsityConfig
from tests.conftest import tiny_head, tiny_networks
from tests.on_ray.listening import Listening


@pytest.fixture
def spoiled(dataset: Manifest, tmp_path: Path) -> Manifest:
    """A copy of the dataset in which one training video is cut off, so that its header still reads well."""
    folder = tmp_path / "spoiled"
    shutil.copytree(dataset.path.parent, folder)
    manifest = read_manifest(folder / "manifest.parquet")
    victim = Path(manifest.split("train").resolved_paths()[3])
    victim.write_bytes(b"no video at all")
    return manifest


def steady_run(dataset: Manifest, runs: Path) -> TrainConfig:
    """A run from pixels that keeps a checkpoint every step, and notes where each was.

    Without penalty and at a constant rate nothing depends on how long it is meant to be.
    """
    return TrainConfig(
        manifest=dataset.path,
        name="steady",
        runs=runs,
        source="pixels",
        networks=tiny_networks(),
        head=tiny_head(),
        sparsity=SparsityConfig(mode="none"),
        optimisation=OptimisationConfig(epochs=4, batch_size=4, validate_every=2),
        timesteps=4,
        checkpoint_every=1,
        workers=WorkersConfig(threads=1),
    )


@pytest.fixture(scope="session")
def steady(dataset: Manifest, trained_run: Path) -> TrainConfig:
    """Such a run, which goes on from a trained one."""
    return replace(steady_run(dataset, trained_run.parent), start_from=(str(trained_run),))


@dataclass(frozen=True, kw_only=True)
class Hurt:
    """A job of that run, in processes of its own, whose training worker was killed in the second epoch.

    Attributes:
        code: Exit code of the job.
        printed: What it printed.
        folder: Of the run.
        listening: What its processes listened on.
    """

    code: int
    printed: str
    folder: Path
    listening: Listening


@pytest.fixture(scope="session")
def hurt(steady: TrainConfig) -> Hurt:
    config = replace(steady, name="hurt")
    with RunningJob(config) as job, Listening(job.process.pid) as listening:
        job.wait_for_step(1, 1)
        job.kill_descendants_when_there("ray::RayTrainWorker")
        code, printed = job.ended()
    return Hurt(code=code, printed=printed, folder=config.folder, listening=listening)
