"""Schedule: the order of training as a table of videos, sampled timesteps and seeds.

The table has one row for each time that a video is used. Everything random about it follows from the row's seed, so a
run is deterministic for any number of workers, and a resume is a filter on the rows.

Only the rows that are asked for are made: a split of a million videos is scheduled a window at a time.

================= ==================================================================================
column            content
================= ==================================================================================
epoch     int32   epoch, from 0
step      int32   optimiser step within the epoch
position  int32   position within the epoch; worker r of n takes positions r, r + n, r + 2n, ...
row       int32   row of the video in its split
video_id  string  as in the manifest
seed      int64   seed of everything random about this row: sampling, gate noise, augmentation
timesteps list    sampled candidates: first frames (from pixels) or positions in the store (from features)
================= ==================================================================================
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epitoma.core.errors import ConfigError
from epitoma.core.sampling import stable_seed

Sampler = Callable[[int, np.random.Generator], np.ndarray]
"""Function from a video's length (frames, or stored timesteps) and a generator to its sampled candidates."""

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


@dataclass(frozen=True, kw_only=True)
class Share:
    """A worker's share of the rows.

    Attributes:
        rank: Rank of the worker, from 0.
        world_size: Number of workers.
    """

    rank: int = 0
    world_size: int = 1


ALL = Share()
"""The share of a single worker: all rows."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Every video of a split exactly once an epoch, in steps of nearly equal size.

    Attributes:
        video_ids: Ids of the split's videos, an Arrow array of strings.
        lengths: Length of each video, passed to ``sample``.
        batch_size: Largest number of videos of a step over all workers.
        seed: Seed of the run.
        sample: Samples a video's candidate timesteps.
        shuffle: Whether each epoch has a random order; else the given order.
    """

    video_ids: pa.Array | pa.ChunkedArray
    lengths: np.ndarray
    batch_size: int
    seed: int
    sample: Sampler
    shuffle: bool = True

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of an epoch."""
        return steps_per_epoch(len(self.video_ids), self.batch_size)

    def epoch(self, number: int, *, share: Share = ALL, first_step: int = 0) -> pa.Table:
        """Make one worker's rows of an epoch, from a step on."""
        windows = self.windows(
            range(number, number + 1), rows=len(self.video_ids), share=share, first_step=first_step
        )
        return next(windows, SCHEMA.empty_table())

    def windows(
        self, epochs: range, *, rows: int, share: Share = ALL, first_step: int = 0
    ) -> Iterator[pa.Table]:
        """Yield one worker's rows of several epochs, one after the other, in tables of at most ``rows``.

        Args:
            epochs: The epochs.
            rows: Rows of a table; only the last table has fewer.
            share: The worker's share.
            first_step: First step of the first epoch.
        """
        pending: list[pa.Table] = []
        for epoch in epochs:
            order = self._order(epoch)
            positions = self._positions(share, first_step if epoch == epochs.start else 0)
            while len(positions):
                room = rows - sum(map(len, pending))
                pending.append(self._rows(epoch, order, positions[:room]))
                positions = positions[room:]
                if sum(map(len, pending)) == rows:
                    yield pa.concat_tables(pending)
                    pending = []
        if pending:
            yield pa.concat_tables(pending)

    def _order(self, epoch: int) -> np.ndarray:
        count = len(self.video_ids)
        if not self.shuffle:
            return np.arange(count)
        # The order depends on seed and epoch only, so a resumed run and every worker compute the same one.
        return np.random.default_rng(stable_seed(self.seed, "order", epoch)).permutation(count)

    def _positions(self, share: Share, first_step: int) -> np.ndarray:
        position = np.arange(share.rank, len(self.video_ids), share.world_size)
        return position[self._steps(position) >= first_step]

    def _steps(self, positions: np.ndarray) -> np.ndarray:
        """Step of each position: as few steps as the batch size allows, whose sizes differ by at most one."""
        steps = self.steps_per_epoch
        small, larger = divmod(len(self.video_ids), steps)
        sizes = small + (np.arange(steps) < larger)
        return np.searchsorted(np.cumsum(sizes), positions, side="right")

    def _rows(self, epoch: int, order: np.ndarray, positions: np.ndarray) -> pa.Table:
        rows = order[positions]
        names = self.video_ids.take(pa.array(rows)).to_pylist()
        # From the id, not the position: a video has the same randomness whatever the order and number of workers.
        seeds = [stable_seed(self.seed, epoch, name) for name in names]
        lengths = self.lengths[rows].tolist()
        sampled = [
            self.sample(length, np.random.default_rng(seed))
            for length, seed in zip(lengths, seeds, strict=True)
        ]
        columns = [
            np.full(len(rows), epoch, np.int32),
            self._steps(positions).astype(np.int32),
            positions.astype(np.int32),
            rows.astype(np.int32),
            names,
            np.asarray(seeds, np.int64),
            sampled,
        ]
        return pa.table(columns, schema=SCHEMA)


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Optimiser steps of an epoch."""
    return -(-count // batch_size)


def check_workers(count: int, *, batch_size: int, world_size: int, parts: int = 1) -> None:
    """Refuse a batch size that leaves a worker, or a part of its share of a step, without a video.

    Args:
        count: Videos of the split.
        batch_size: Videos of a step over all workers.
        world_size: Number of workers.
        parts: Parts of each worker's share (gradient accumulation).

    Raises:
        ConfigError: The smallest step has fewer videos than there are workers, or parts of all workers.
    """
    smallest = count // steps_per_epoch(count, batch_size)
    if smallest < world_size * parts:
        taken = f", in {parts} parts each" if parts > 1 else ""
        raise ConfigError(
            f"{world_size} workers share steps of {smallest} videos{taken} ({count} videos, batch size {batch_size}): "
            f"raise the batch size or lower the workers{' or optimisation.accumulate' if parts > 1 else ''}"
        )


def split_steps(schedule: pa.Table) -> list[pa.Table]:
    """Split one worker's rows of one epoch into its steps, in order."""
    return [schedule.filter(pc.field("step") == step) for step in schedule["step"].unique().sort()]
