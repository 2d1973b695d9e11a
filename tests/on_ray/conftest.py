"""A dataset with a bad video, shared by the tests here."""

from pathlib import Path

import pytest

from epitoma.datasets.manifest import Manifest, read_manifest


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
