"""Making a dataset of videos in parallel."""

from pathlib import Path
from typing import Any

import ray.data

from epitoma.datasets.manifest import Manifest, read_manifest, write_manifest
from epitoma.datasets.schema import VideoRow
from epitoma.datasets.synthetic import SyntheticConfig, class_names, plan_dataset, write_synthetic_video
from epitoma.on_ray.features import Watch
from epitoma.on_ray.runtime import decode_cpus, quieten


def make_synthetic(config: SyntheticConfig, folder: Path, *, watch: Watch) -> Manifest:
    """Render and encode the synthetic dataset over all CPU workers, and write its manifest.

    Args:
        config: The dataset.
        folder: Where videos and ``manifest.parquet`` go.
        watch: Told of progress.
    """
    quieten()
    folder.mkdir(parents=True, exist_ok=True)
    videos = plan_dataset(config)

    def write(row: dict[str, Any]) -> dict[str, Any]:
        return {"number": row["id"], "row": write_synthetic_video(videos[row["id"]], config, folder)}

    rows: dict[int, VideoRow] = {}
    made = ray.data.range(len(videos), override_num_blocks=len(videos)).map(write, num_cpus=decode_cpus())
    for result in made.iter_rows():
        rows[result["number"]] = result["row"]
        watch(len(rows), len(videos))
    ordered = [rows[number] for number in range(len(videos))]
    path = folder / "manifest.parquet"
    write_manifest(path, ordered, classes=class_names(config), multi_label=False)
    return read_manifest(path)
