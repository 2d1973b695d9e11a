"""A dataset with a bad video, shared by the tests here."""

from pathlib import Path

import pytest

from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.sparsity import SparsityConfig
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig


@pytest.fixture
def spoiled(dataset: Manifest, tmp_path: Path) -> Manifest:
    """A copy of the dataset in which one training video is cut off, so that its header still reads well."""
    import shutil

    folder = tmp_path / "spoiled"
    shutil.copytree(dataset.path.parent, folder)
    manifest = read_manifest(folder / "manifest.parquet")
    victim = Path(manifest.split("train").resolved_paths()[3])
    victim.write_bytes(b"no video at all")
    return manifest


@pytest.fixture
def audited_run(dataset, networks_config, head_config, tmp_path) -> TrainConfig:
    """A run from pixels that keeps a checkpoint every step, and notes where each was."""
    return TrainConfig(
        manifest=dataset.path,
        name="run",
        runs=tmp_path / "runs",
        source="pixels",
        networks=networks_config,
        head=head_config,
        sparsity=SparsityConfig(target_timesteps=2),
        optimisation=OptimisationConfig(epochs=2, batch_size=4),
        timesteps=4,
        checkpoint_every=1,
        audit=True,
    )
