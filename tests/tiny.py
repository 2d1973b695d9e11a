"""A dataset of eighteen short videos of two classes, for tests, and for benchmarks that run real commands."""

from pathlib import Path

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


def write_tiny_dataset(folder: Path) -> Manifest:
    """Make the videos and their manifest in a folder that is there."""
    rows = [write_synthetic_video(video, tiny(), folder) for video in plan_dataset(tiny())]
    path = folder / "manifest.parquet"
    write_manifest(path, rows, classes=class_names(tiny()), multi_label=False)
    return read_manifest(path)
