"""A small real dataset of MP4 files, shared by the tests here."""

from pathlib import Path

import pytest

from epitoma.datasets.manifest import Manifest, read_manifest, write_manifest
from epitoma.datasets.synthetic import SyntheticConfig, class_names, plan_dataset, write_synthetic_video


def tiny() -> SyntheticConfig:
    return SyntheticConfig(
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


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Eighteen short videos of two classes."""
    folder = tmp_path_factory.mktemp("dataset")
    rows = [write_synthetic_video(video, tiny(), folder) for video in plan_dataset(tiny())]
    path = folder / "manifest.parquet"
    write_manifest(path, rows, classes=class_names(tiny()), multi_label=False)
    return read_manifest(path)


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
