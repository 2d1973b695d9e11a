"""How videos are known in a store: by what is told of their files, and never by what cannot be told."""

import os
from pathlib import Path

import pytest

from epitoma.datasets.manifest import Manifest, write_manifest
from epitoma.datasets.schema import VideoRow
from epitoma.training.feature_store import identities
from tests.lost_storage import lost_storage


def manifest_of(folder: Path, *paths: str | Path) -> Manifest:
    rows = [
        VideoRow(
            video_id=f"v{number}",
            path=str(path),
            split="train",
            labels=("tea",),
            duration_seconds=10.0,
            fps=8.0,
            frame_count=80,
        )
        for number, path in enumerate(paths)
    ]
    return write_manifest(folder / "m.parquet", rows, classes=["tea"], multi_label=False)


def test_a_replaced_file_is_another_video_and_others_stay(tmp_path: Path):
    (tmp_path / "a.mp4").write_bytes(b"x")
    os.utime(tmp_path / "a.mp4", ns=(0, 1_000_000_000))
    long_address = f"https://host/a.mp4?token={'x' * 300}"
    manifest = manifest_of(tmp_path, "a.mp4", "gone.mp4", long_address, tmp_path)
    first = identities(manifest)
    assert first == ["0813fa0e5e9638ee7c6d373b", *first[1:]], "stores of earlier versions are found"
    assert len(set(first)) == 4
    (tmp_path / "a.mp4").write_bytes(b"xy")
    assert [one == other for one, other in zip(first, identities(manifest), strict=True)] == [
        *(False, True, True, True)
    ]


def test_storage_that_fails_gives_no_other_video(tmp_path: Path):
    """Else all features would be missing for a minute, and told to be made again."""
    with lost_storage(tmp_path / "away") as folder:
        manifest = manifest_of(tmp_path, folder / "a.mp4")
        with pytest.raises(OSError, match="not connected"):
            identities(manifest)
