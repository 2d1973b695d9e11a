"""What the documentation takes a person to have, in tiny: videos, a table of them, datasets as they are downloaded."""

import csv
import os
import shutil
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

import torch

from epitoma.datasets.manifest import Manifest
from tests.benchmarks.coloured_clips import write_coloured_clips
from tests.datasets.test_charades import write_annotations
from tests.models.published import i3d_state

CLASSES = ("coffee", "tea")
PERSONS = [f"P{number:02d}" for number in (*range(3, 15), 47, 48)]


def make_world(folder: Path, dataset: Manifest) -> None:
    """Fill a folder with everything that the documentation starts from.

    Args:
        folder: An empty one.
        dataset: Whose videos are used, again and again.
    """
    videos = cycle(Path(path) for path in dataset.resolved_paths())
    _own_videos(folder, videos)
    _breakfast(folder / "BreakfastII_15fps_qvga_sync", videos)
    _charades(folder / "charades", videos)
    write_coloured_clips(folder / "clips", frames=14)
    for name, classes in (("rgb_imagenet.pt", 400), ("rgb_charades.pt", 157)):
        torch.save(i3d_state(classes=classes), folder / name)
    _put(next(videos), folder / "video.mp4")


def _own_videos(folder: Path, videos: Iterator[Path]) -> None:
    names = [f"{label}/{number}.mp4" for label in CLASSES for number in range(12)]
    for name in names:
        _put(next(videos), folder / "my_videos" / name)
    with (folder / "videos.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("path", "labels", "person"))
        table.writerows(
            (f"my_videos/{name}", name.split("/")[0], f"person {number % 9}")
            for number, name in enumerate(names)
        )


def _breakfast(folder: Path, videos: Iterator[Path]) -> None:
    for person in PERSONS:
        for label in CLASSES:
            _put(next(videos), folder / person / "cam01" / f"{person}_{label}.avi")


def _charades(folder: Path, videos: Iterator[Path]) -> None:
    def rows(prefix: str, count: int) -> list[tuple[str, str, str]]:
        return [(f"{prefix}{i:02d}", f"S{i}", f"c{i % 3:03d} 0.00 4.00") for i in range(count)]

    train, test = rows("A", 14), rows("B", 4)
    write_annotations(folder, train, test)
    for video_id, *_ in (*train, *test):
        _put(next(videos), folder / "Charades_v1_480" / f"{video_id}.mp4")


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def shrunk(arguments: Sequence[str]) -> list[str]:
    """A command of the documentation with the same options, at sizes that take seconds."""
    job, *options = arguments
    if job in ("train", "finetune", "sweep", "extract"):
        options = _with_small_networks(job, options)
    if job in ("train", "finetune"):
        small = {"epochs": "1", "batch-size": "4", "accumulate": "1"}
        options = _set(options, {f"--optimisation.{name}": value for name, value in small.items()})
    if options[0] == "synthetic":
        counts = {f"--dataset.{split}-videos": "8" for split in ("train", "validation", "test")}
        seconds = {"--dataset.min-seconds": "14", "--dataset.max-seconds": "15"}
        options = _set(options, {**counts, **seconds, "--dataset.size": "48"})
    if options[0] == "composites":
        counts = {f"--{split}-videos": "4" for split in ("train", "validation", "test")}
        options = _set(options, {**counts, "--min-seconds": "8", "--max-seconds": "9", "--size": "32"})
    if options[0] == "front":
        # What models of seconds reach is not to be promised.
        options = _set(options, {"--min-score": "0"})
    if job == "sweep":
        options = _set(options, {"--space": os.path.abspath("space.py")})
    return [job, *options]


def _with_small_networks(job: str, options: list[str]) -> list[str]:
    if job == "sweep":
        return options
    small = {"--networks.light.size": "32", "--networks.heavy.size": "32", "--networks.heavy.frames": "2"}
    if "--networks.heavy.name" not in options and not any("i3d" in option for option in options):
        small["--networks.heavy.name"] = "mobilenetv3_small_050"
    for network in ("light", "heavy"):
        if f"--networks.{network}.weights" not in options:
            small[f"--networks.{network}.weights"] = "random"
    timesteps = {"--timesteps": "8"}
    if "--preset" in options:
        timesteps |= {"--train-timesteps": "8", "--store-timesteps": "8"}
    return _set(options, {**small, **timesteps})


def _set(options: Sequence[str], values: dict[str, str]) -> list[str]:
    """Options with other values, added where they are missing."""
    kept = list(options)
    for name, value in values.items():
        if name in kept:
            kept[kept.index(name) + 1] = value
        else:
            kept += [name, value]
    return kept
