"""What a person hears of videos when features are extracted, and by every job that uses them."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.models.videoepitoma import Networks
from epitoma.training.feature_store import PARTS_FOLDER, read_features
from ray_jobs.parts.extraction import extract_with


@pytest.fixture
def damaged(dataset: Manifest, tmp_path: Path) -> Manifest:
    """Four videos, of which one has a hole in the middle."""
    shutil.copytree(dataset.path.parent, tmp_path / "damaged")
    split = read_manifest(tmp_path / "damaged" / dataset.path.name).split("test")
    video = Path(split.resolved_paths()[1])
    content = bytearray(video.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    video.write_bytes(content)
    return split


def test_damage_is_told_when_it_is_found_and_when_its_features_are_used(
    ray_cluster, damaged: Manifest, networks_config, tmp_path: Path, capsys
):
    torch.manual_seed(0)
    networks = Networks(networks_config).eval()
    settings = {"timesteps": 16, "root": tmp_path / "features", "max_reject_share": 0.0}
    for _ in range(2):
        extracted = extract_with(damaged, networks, **settings)
        lines = [line for line in capsys.readouterr().out.splitlines() if "damaged " in line]
        (found,) = extracted.damaged
        assert lines == [
            f"  damaged {damaged.resolved_paths()[1]}: {found.replaced_frames} frames replaced by the nearest good ones"
        ]
    assert found.video_id == damaged.video_ids[1]
    assert len(read_features(extracted.folder, damaged).video_ids) == 4
    for part in (extracted.folder / PARTS_FOLDER).iterdir():
        pq.write_table(pq.read_table(part).drop_columns("replaced"), part)
    assert extract_with(damaged, networks, **settings).damaged == [], (
        "of a store from before, nothing is known"
    )
