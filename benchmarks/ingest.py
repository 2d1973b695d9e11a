"""Videos a second through Ray Data into torch batches, over those of plain processes that only decode.

    python -m benchmarks.ingest --json runs/benchmarks/ingest.json

Both decode the same timesteps of the same files on the same cores. The plain processes throw the pixels away;
Ray Data brings them to the trainer in order, as batches.
"""

import argparse
import json
import multiprocessing as mp
import os
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from benchmarks.footage import footage
from epitoma.datasets.manifest import Manifest, read_manifest, write_manifest
from epitoma.datasets.schema import VideoRow
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.on_ray.decode.attempts import Attempts
from epitoma.on_ray.decode.decoding import WINDOW_ROWS, DecodeSpec, decode_timesteps
from epitoma.on_ray.train.ingest import decoded_rows, pixel_candidates, uniform_schedule
from epitoma.reporting.console import phase, say
from epitoma.video.compose import write_video
from epitoma.video.index import index_video
from epitoma.video.index_table import INDEX_FILE, StoredIndices, index_row, write_indices

ROOT = Path("runs/benchmarks")
FILES = 8
SECONDS = 70
FPS = 15
BATCH_VIDEOS = 4


@dataclass(frozen=True)
class Work:
    """What one row decodes."""

    path: str
    frame_count: int
    starts_T: np.ndarray
    spec: DecodeSpec


def make_files(folder: Path, *, seconds: int = SECONDS, count: int = FILES) -> list[Path]:
    """A few real files, unless they are there already.

    Args:
        folder: Where they go.
        seconds: Length of each.
        count: How many.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number}.mp4" for number in range(count)]
    with phase("make videos") as advance:
        for number, file in enumerate(files):
            if not file.is_file():
                frames = footage(seconds * FPS, width=320, height=240, seed=number)
                write_video(file, frames, fps=FPS, gop=48, preset="fast")
            advance(number + 1, count)
    return files


def make_dataset(folder: Path, videos: int) -> Manifest:
    """A manifest that names a few real files many times, with their indices beside it."""
    files = make_files(folder)
    indices = [index_video(file) for file in files]
    rows, index_rows = [], []
    for number in range(videos):
        file, index = files[number % FILES], indices[number % FILES]
        rows.append(
            VideoRow(
                video_id=f"{number:05d}",
                path=str(file.absolute()),
                split="train",
                labels=("any",),
                duration_seconds=index.duration_seconds,
                fps=index.fps,
                frame_count=index.frame_count,
            )
        )
        index_rows.append(index_row(rows[-1].video_id, index))
    write_indices(folder / INDEX_FILE, index_rows)
    write_manifest(folder / "manifest.parquet", rows, classes=("any",), multi_label=False)
    return read_manifest(folder / "manifest.parquet")


def decode_plainly(work: Work) -> int:
    """Decode one row, and throw it away."""
    return len(_decode(work)["frames"])


def _decode(work: Work) -> dict:
    if work.path not in _INDICES:
        _INDICES[work.path] = index_video(work.path)
    return decode_timesteps(work.path, _INDICES[work.path], work.starts_T, work.frame_count, work.spec)


_INDICES: dict = {}


def works_of(manifest: Manifest, spec: DecodeSpec, timesteps: int) -> list[Work]:
    """What each video of a manifest is decoded to, with uniform timesteps."""
    schedule = uniform_schedule(manifest, timesteps=timesteps, frames_per_timestep=spec.frames)
    columns = (
        manifest.resolved_paths(),
        manifest.table["frame_count"].to_pylist(),
        schedule.epoch(0)["timesteps"].to_pylist(),
    )
    return [
        Work(path, frame_count, np.asarray(starts, np.int64), spec)
        for path, frame_count, starts in zip(*columns, strict=True)
    ]


def plain_seconds(works: list[Work], cores: int) -> float:
    """Time of plain processes, one a core, once they are warm."""
    with mp.get_context("spawn").Pool(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        pool.map(decode_plainly, works[: 2 * cores], chunksize=1)
        started = time.perf_counter()
        done = sum(1 for _ in pool.imap_unordered(decode_plainly, works, chunksize=1))
        assert done == len(works)
        return time.perf_counter() - started


def ray_seconds(manifest: Manifest, spec: DecodeSpec, timesteps: int) -> float:
    """Time of one pass of Ray Data over the dataset, from the first ask to the last batch."""
    schedule = uniform_schedule(manifest, timesteps=timesteps, frames_per_timestep=spec.frames)
    started = time.perf_counter()
    windows, indices = schedule.windows(range(1), rows=WINDOW_ROWS), StoredIndices.beside(manifest.path)
    rows = decoded_rows(windows, manifest, indices, spec, Attempts.start(), prefetch=BATCH_VIDEOS)
    seen = 0
    while batch := list(islice(rows, BATCH_VIDEOS)):
        seen += len(pixel_candidates(batch).frames_BTCHW)
    assert seen == len(manifest)
    return time.perf_counter() - started


def measure(manifest: Manifest, spec: DecodeSpec, timesteps: int, *, turns: int, cores: int) -> dict:
    """Both ways in turns, the best of each."""
    works = works_of(manifest, spec, timesteps)
    ray_seconds(manifest.only(manifest.video_ids[:8]), spec, timesteps)
    plain, through_ray = [], []
    for _ in range(turns):
        plain.append(plain_seconds(works, cores))
        through_ray.append(ray_seconds(manifest, spec, timesteps))
    return {
        "timesteps": timesteps,
        "frames": spec.frames,
        "plain_videos_per_second": round(len(works) / min(plain), 2),
        "ray_videos_per_second": round(len(works) / min(through_ray), 2),
        "efficiency": round(min(plain) / min(through_ray), 3),
    }


def main() -> None:
    """Measure light and heavy rows, and write the worse efficiency."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--videos", type=int, default=192)
    parser.add_argument("--turns", type=int, default=2)
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    manifest = make_dataset(ROOT / "ingest_videos", arguments.videos)
    cells = []
    with ray_session(logs=ROOT / "logs"):
        for timesteps, frames in ((32, 1), (32, 8)):
            spec = DecodeSpec(light_size=224, heavy_size=224, frames=frames)
            cells.append(measure(manifest, spec, timesteps, turns=arguments.turns, cores=cores))
            say(f"  {cells[-1]}")
    summary = {"efficiency": min(cell["efficiency"] for cell in cells), "cores": cores, "cells": cells}
    print(json.dumps(summary, indent=1))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(summary, indent=1) + "\n")


if __name__ == "__main__":
    main()
