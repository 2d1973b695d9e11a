"""Decoding and ingest: videos a second, CPU a video, bytes in the object store, and the rate of whoever collates."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import ray
from ray._private.internal_api import get_memory_info_reply, get_state_from_address

from benchmarks.ingest import decode_plainly, plain_seconds, works_of
from benchmarks.scaling.layouts import Layout, cpu_seconds
from epitoma.datasets.manifest import Manifest
from epitoma.on_ray.decode.attempts import Attempts
from epitoma.on_ray.decode.decoding import DecodeSpec, decoded
from epitoma.on_ray.decode.pixel_rows import Row
from epitoma.on_ray.train.ingest import in_order, pixel_candidates, uniform_schedule
from epitoma.reporting.console import say
from epitoma.video.index_table import StoredIndices

SIZE = 224
BATCH_VIDEOS = 4
ROWS_KEPT = 4
COLLATE_PASSES = 3
EMPTY_BYTES = 100_000
PATIENCE_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a video is decoded to.

    Attributes:
        timesteps: Candidates of a video, T.
        frames: Of a timestep, m.
        size: Height and width in pixels, for both networks.
        videos: How many are decoded to measure it.
    """

    timesteps: int
    frames: int
    size: int = SIZE
    videos: int = 32

    @property
    def named(self) -> dict[str, int]:
        """What names it in the results."""
        return {"timesteps": self.timesteps, "frames": self.frames, "size": self.size}

    @property
    def spec(self) -> DecodeSpec:
        """What networks of this cell ask for."""
        return DecodeSpec(light_size=self.size, heavy_size=self.size, frames=self.frames)

    @property
    def row_bytes(self) -> int:
        """Pixels of a video: of every timestep a middle frame and a snippet, three bytes each."""
        return self.timesteps * (1 + self.frames) * self.size**2 * 3


def decode_rate(manifest: Manifest, cell: Cell, *, cores: tuple[int, ...]) -> dict[str, Any]:
    """Plain processes, one a core, that decode and throw away."""
    works = works_of(manifest.at(np.arange(cell.videos)), cell.spec, cell.timesteps)
    alone = works[: len(works) // 4]
    decode_plainly(alone[0])
    started = time.process_time()
    for work in alone:
        decode_plainly(work)
    measured = {**cell.named, "core_seconds_a_video": (time.process_time() - started) / len(alone)}
    for count in cores:
        measured[f"videos_per_second_{count}_cores"] = len(works) / plain_seconds(works, count)
    say(f"  decode {measured}")
    return measured


def ingest_rates(manifest: Manifest, layout: Layout, cells: tuple[Cell, ...]) -> list[dict[str, Any]]:
    """Ray Data into torch batches on the driver, from the nodes of the layout that is there."""
    _pass(_decoded(manifest, cells[0]))
    return [_ingest_rate(manifest, layout, cell) for cell in cells]


def bytes_and_collating(manifest: Manifest, cells: tuple[Cell, ...]) -> list[dict[str, Any]]:
    """Decode a few rows into the store: how much they take there, and how fast they become batches."""
    return [_kept(manifest, cell) for cell in cells]


def _ingest_rate(manifest: Manifest, layout: Layout, cell: Cell) -> dict[str, Any]:
    started, cpu_before = time.perf_counter(), cpu_seconds()
    count = _pass(_decoded(manifest, cell))
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu_before
    measured = {
        **cell.named,
        "layout": layout.name,
        "cores": layout.cores,
        "videos_per_second": count / seconds,
        "core_seconds_a_video": cpu / count,
    }
    say(f"  ingest {measured}")
    return measured


def _kept(manifest: Manifest, cell: Cell) -> dict[str, Any]:
    _wait_until_empty()
    dataset = _dataset(manifest, cell, ROWS_KEPT).materialize()
    used, told = _store_bytes(), dataset.size_bytes()
    _pass(in_order(dataset, prefetch=BATCH_VIDEOS))
    started = time.perf_counter()
    cpu_before = time.process_time()
    count = sum(_pass(in_order(dataset, prefetch=BATCH_VIDEOS)) for _ in range(COLLATE_PASSES))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_before
    measured = {
        **cell.named,
        "bytes_by_formula": cell.row_bytes,
        "bytes_by_ray_data": told / ROWS_KEPT,
        "bytes_in_store": used / ROWS_KEPT,
        "collated_videos_per_second": count / seconds,
        "collated_bytes_per_second": count * cell.row_bytes / seconds,
        "collate_core_seconds_a_video": cpu / count,
    }
    say(f"  kept {measured}")
    return measured


def _decoded(manifest: Manifest, cell: Cell) -> Iterator[Row]:
    return in_order(_dataset(manifest, cell, cell.videos), prefetch=BATCH_VIDEOS)


def _dataset(manifest: Manifest, cell: Cell, videos: int) -> ray.data.Dataset:
    few = manifest.at(np.arange(videos))
    schedule = uniform_schedule(few, timesteps=cell.timesteps, frames_per_timestep=cell.frames)
    return decoded(schedule.epoch(0), few, StoredIndices.beside(manifest.path), cell.spec, Attempts.start())


def _pass(rows: Iterator[Row]) -> int:
    """Make batches of rows as training does; returns how many rows there were."""
    count = 0
    while batch := list(islice(rows, BATCH_VIDEOS)):
        count += len(pixel_candidates(batch).frames_BTCHW)
    return count


def _wait_until_empty() -> None:
    """Wait for the store to forget what was measured before."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _store_bytes() > EMPTY_BYTES:
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"the object store still holds {_store_bytes()} bytes of an earlier measurement"
            )
        time.sleep(0.1)


def _store_bytes() -> int:
    """Bytes of all objects in the object stores of the cluster, by Ray's own count."""
    state = get_state_from_address(ray.get_runtime_context().gcs_address)
    return get_memory_info_reply(state).store_stats.object_store_bytes_used
