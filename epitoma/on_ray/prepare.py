"""Making a dataset of videos in parallel."""

from pathlib import Path

import ray

from epitoma.datasets.manifest import Manifest, read_manifest, write_manifest
from epitoma.datasets.schema import VideoRow
from epitoma.datasets.synthetic import SyntheticConfig, class_names, plan_dataset, write_synthetic_video
from epitoma.on_ray.features import Watch


def make_synthetic(config: SyntheticConfig, folder: Path, *, watch: Watch) -> Manifest:
    """Render and encode the synthetic dataset over all CPU workers, and write its manifest.

    Args:
        config: The dataset.
        folder: Where videos and ``manifest.parquet`` go.
        watch: Told of progress.
    """
    folder.mkdir(parents=True, exist_ok=True)
    videos = plan_dataset(config)

    write = ray.remote(write_synthetic_video)
    waiting = {write.remote(video, config, folder.absolute()): place for place, video in enumerate(videos)}
    rows: dict[int, VideoRow] = {}
    while waiting:
        (done,), _ = ray.wait(list(waiting), num_returns=1)
        rows[waiting.pop(done)] = ray.get(done)
        watch(len(rows), len(videos))
    ordered = [rows[place] for place in range(len(videos))]
    path = folder / "manifest.parquet"
    write_manifest(path, ordered, classes=class_names(config), multi_label=False)
    return read_manifest(path)
