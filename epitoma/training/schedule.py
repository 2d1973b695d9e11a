"""The order of work as data: which video comes when, with which timesteps and which randomness.

A schedule is a table with one row for every time a video is seen. Everything random about that time follows
from the row's seed, so a run is deterministic whatever the number of workers, and a resume is a filter.

================= ==================================================================================
column            content
================= ==================================================================================
epoch     int32   epoch, from 0
step      int32   optimiser step within the epoch
position  int32   place within the epoch; worker r of n takes positions r, r + n, r + 2n, ...
row       int32   row of the video in the split that is scheduled
video_id  string  as in the manifest
seed      int64   seed of all that is random about this row: sampling, gate noise
timesteps list    sampled candidates: first frames (from pixels) or places in the store (from features)
================= ==================================================================================
"""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epitoma.errors import ConfigError
from epitoma.sampling import stable_seed

Sampler = Callable[[int, np.random.Generator], np.ndarray]
"""From a video's length (frames, or stored timesteps) to its sampled candidates."""

SCHEMA = pa.schema(
    [
        ("epoch", pa.int32()),
        ("step", pa.int32()),
        ("position", pa.int32()),
        ("row", pa.int32()),
        ("video_id", pa.string()),
        ("seed", pa.int64()),
        ("timesteps", pa.list_(pa.int32())),
    ]
)


def epoch_schedule(
    video_ids: Sequence[str],
    lengths: Sequence[int],
    *,
    epoch: int,
    batch_size: int,
    seed: int,
    sample: Sampler,
    shuffle: bool = True,
) -> pa.Table:
    """One epoch: every video exactly once, in steps of nearly equal size.

    Args:
        video_ids: Videos of the split.
        lengths: What ``sample`` is given for each video.
        epoch: Number of the epoch.
        batch_size: Videos of a step over all workers, at most.
        seed: Seed of the run.
        sample: Chooses a video's candidate timesteps.
        shuffle: Random order; else the order given.
    """
    count = len(video_ids)
    rng = np.random.default_rng(stable_seed(seed, "order", epoch))
    order = rng.permutation(count).tolist() if shuffle else list(range(count))
    seeds = [stable_seed(seed, epoch, video_ids[row]) for row in order]
    sampled = [sample(lengths[row], np.random.default_rng(s)) for row, s in zip(order, seeds, strict=True)]
    columns = [
        np.full(count, epoch, np.int32),
        step_of_position(count, batch_size),
        np.arange(count, dtype=np.int32),
        np.asarray(order, np.int32),
        [video_ids[row] for row in order],
        np.asarray(seeds, np.int64),
        sampled,
    ]
    return pa.table(columns, schema=SCHEMA)


def run_schedule(
    video_ids: Sequence[str],
    lengths: Sequence[int],
    *,
    epochs: range,
    batch_size: int,
    seed: int,
    sample: Sampler,
) -> pa.Table:
    """Several epochs, one after the other."""
    return pa.concat_tables(
        epoch_schedule(video_ids, lengths, epoch=epoch, batch_size=batch_size, seed=seed, sample=sample)
        for epoch in epochs
    )


def step_of_position(count: int, batch_size: int) -> np.ndarray:
    """Step of each position: as few steps as the batch size allows, sizes differing by at most one."""
    sizes = [len(part) for part in np.array_split(np.arange(count), steps_per_epoch(count, batch_size))]
    return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Optimiser steps of an epoch."""
    return -(-count // batch_size)


def for_worker(schedule: pa.Table, *, rank: int, world_size: int) -> pa.Table:
    """The rows of one worker: every worker has a share of every step, sizes differing by at most one."""
    position = schedule["position"].to_numpy()
    return schedule.filter(pa.array(position % world_size == rank))


def check_workers(count: int, *, batch_size: int, world_size: int) -> None:
    """Refuse a step size that leaves a worker without a video.

    Raises:
        ConfigError: The smallest step has fewer videos than there are workers.
    """
    smallest = count // steps_per_epoch(count, batch_size)
    if smallest < world_size:
        raise ConfigError(
            f"{world_size} workers share steps of {smallest} videos ({count} videos, batch size {batch_size}): "
            "raise the batch size or lower the workers"
        )


def split_steps(schedule: pa.Table) -> list[pa.Table]:
    """One worker's rows of one epoch, cut into its steps in order."""
    return [schedule.filter(pc.field("step") == step) for step in schedule["step"].unique().sort()]
