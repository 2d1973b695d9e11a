"""Training and validation batches from pixels: rows decoded by Ray Data, in the order of the schedule."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import torch
from ray.data import Dataset
from ray.data.collate_fn import ArrowBatchCollateFn

from epitoma.core.errors import TooManyRejectsError
from epitoma.core.sampling import random_timesteps, uniform_timesteps
from epitoma.core.selection import PixelCandidates, all_valid
from epitoma.datasets.manifest import Manifest
from epitoma.models.input_spec import InputSpec
from epitoma.models.videoepitoma import Networks
from epitoma.on_ray.decode.attempts import Attempts
from epitoma.on_ray.decode.decoding import WINDOW_ROWS, DecodeSpec, decoded
from epitoma.on_ray.decode.pixel_rows import Row, pixel_rows
from epitoma.training.batch import Batch, make_batch
from epitoma.training.context import TrainContext
from epitoma.training.events import VideoDamaged, VideoRejected
from epitoma.training.run_config import TrainConfig
from epitoma.training.schedule import (
    Sampler,
    Schedule,
    Share,
    check_workers,
    steps_per_epoch,
)
from epitoma.video.index_table import StoredIndices


def decode_spec(networks: Networks, *, has_selector: bool = True) -> DecodeSpec:
    """Frames and sizes that the networks take; without a selector no frames are decoded for LightNet."""
    light: InputSpec = networks.light.input
    heavy: InputSpec = networks.heavy.input
    light_size = light.size if has_selector else None
    return DecodeSpec(light_size=light_size, heavy_size=heavy.size, frames=heavy.frames)


def channels_first(pixels: np.ndarray) -> torch.Tensor:
    """Decoded pixels (..., H, W, 3) as a tensor (..., 3, H, W), without a copy.

    The memory layout is torch's channels last, in which convolutions are fastest.
    """
    return torch.from_numpy(pixels).movedim(-1, -3)


def snippets_channels_first(pixels: np.ndarray) -> torch.Tensor:
    """Snippets (..., M, H, W, 3) as HeavyNet's input, (..., 3, M, H, W), without a copy."""
    return torch.from_numpy(pixels).movedim(-1, -4)


def decoded_rows(
    windows: Iterable[pa.Table],
    manifest: Manifest,
    indices: StoredIndices,
    spec: DecodeSpec,
    attempts: Attempts,
    *,
    prefetch: int,
) -> Iterator[Row]:
    """Yield the schedule's rows, decoded and in order, prefetching some.

    Args:
        windows: The schedule; each window is a Ray Data pipeline of its own.
        manifest: The split.
        indices: Stored indices of its videos.
        spec: Frames and sizes to decode.
        attempts: Gives up videos that end the processes which decode them.
        prefetch: Rows to prefetch.
    """
    for window in windows:
        yield from in_order(decoded(window, manifest, indices, spec, attempts), prefetch=prefetch)


def in_order(dataset: Dataset, *, prefetch: int) -> Iterator[Row]:
    """Yield the rows of a dataset of pixel tables in order, prefetching some."""
    batches = dataset.iter_torch_batches(batch_size=1, collate_fn=_SingleRow(), prefetch_batches=prefetch)
    yield from cast(Iterable[Row], batches)


class PixelSource:
    """Training and validation batches of one worker, decoded by Ray Data.

    One pipeline decodes as many epochs as fit into a window of the schedule; ``training`` takes one epoch at a time
    from it.
    """

    def __init__(
        self,
        config: TrainConfig,
        training: Manifest,
        validation: Manifest,
        context: TrainContext,
        spec: DecodeSpec,
        attempts: Attempts,
    ) -> None:
        self.config = config
        self.manifests = {"train": training, "validation": validation}
        self.context = context
        self.share = Share(rank=context.rank, world_size=context.world_size)
        self.spec = spec
        self.attempts = attempts
        self.rejected: set[str] = set()
        self.damaged: set[str] = set()
        self._steps: Iterator[tuple[tuple[int, int], Iterator[Row]]] | None = None
        check_workers(
            len(training),
            batch_size=config.optimisation.batch_size,
            world_size=context.world_size,
            parts=config.optimisation.accumulate,
        )

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps per epoch."""
        return steps_per_epoch(len(self.manifests["train"]), self.config.optimisation.batch_size)

    @cached_property
    def _indices(self) -> StoredIndices:
        """Location of the stored indices, looked up once."""
        return StoredIndices.beside(self.manifests["train"].path)

    def training(self, epoch: int, *, first_step: int = 0) -> Iterator[Batch]:
        """Yield this worker's batches of an epoch, from a step on, with candidates drawn anew.

        Raises:
            RuntimeError: Epochs are not requested in order.
        """
        if self._steps is None:
            epochs = range(epoch, self.config.optimisation.epochs)
            self._steps = self._grouped("train", epochs, self._random, first_step=first_step)
        for _ in range(first_step, self.steps_per_epoch):
            (scheduled_epoch, _), rows = next(self._steps)
            if scheduled_epoch != epoch:
                raise RuntimeError(f"asked for epoch {epoch}, but the schedule is at epoch {scheduled_epoch}")
            yield self._batch(list(rows), "train")

    def validation(self) -> Iterator[Batch]:
        """Yield this worker's batches of the validation split, with uniform candidates."""
        for _, rows in self._grouped("validation", range(1), self._uniform):
            yield self._batch(list(rows), "validation")

    def _grouped(
        self, split: str, epochs: range, sample: Sampler, *, first_step: int = 0
    ) -> Iterator[tuple[tuple[int, int], Iterator[Row]]]:
        """Decoded rows of this worker, grouped by (epoch, step)."""
        manifest, batch_size = self.manifests[split], self.config.optimisation.batch_size
        schedule = Schedule(
            video_ids=manifest.table["video_id"],
            lengths=manifest.table["frame_count"].to_numpy(),
            batch_size=batch_size,
            seed=self.config.seed,
            sample=sample,
            shuffle=split == "train",
        )
        windows = schedule.windows(epochs, rows=WINDOW_ROWS, share=self.share, first_step=first_step)
        rows = decoded_rows(windows, manifest, self._indices, self.spec, self.attempts, prefetch=batch_size)
        return groupby(rows, key=lambda row: (row["epoch"], row["step"]))

    def _batch(self, rows: list[Row], split: str) -> Batch:
        self._report_rejects(rows)
        batch = make_batch(
            video_ids=[row["video_id"] for row in rows],
            candidates=pixel_candidates(rows),
            labels_BL=self._labels(split, [row["row"] for row in rows]),
            weight_B=torch.tensor([0.0 if row["reject"] else 1.0 for row in rows]),
            seeds=[row["seed"] for row in rows],
            selection=self.config.selection,
            augmentation=self.config.augmentation if split == "train" else (),
        )
        return replace(batch, decoded_on=tuple(row["node"] for row in rows))

    def _labels(self, split: str, rows: list[int]) -> torch.Tensor:
        return torch.from_numpy(self.manifests[split].at(np.array(rows)).label_matrix())

    def _report_rejects(self, rows: list[Row]) -> None:
        for row in rows:
            if row["reject"] and row["video_id"] not in self.rejected:
                self.rejected.add(row["video_id"])
                self.context.emit(
                    VideoRejected(video_id=row["video_id"], path=row["path"], reason=row["reject"])
                )
            if row["replaced"] and row["video_id"] not in self.damaged:
                self.damaged.add(row["video_id"])
                self.context.emit(
                    VideoDamaged(video_id=row["video_id"], path=row["path"], replaced_frames=row["replaced"])
                )
        total = sum(len(split) for split in self.manifests.values()) // self.context.world_size
        check_reject_share(
            len(self.rejected), total, self.config.max_reject_share, reasons=self.config.folder
        )

    def _random(self, frame_count: int, rng: np.random.Generator) -> np.ndarray:
        return random_timesteps(
            frame_count, count=self.config.candidates, frames_per_timestep=self.spec.frames, rng=rng
        ).starts_T

    def _uniform(self, frame_count: int, rng: np.random.Generator) -> np.ndarray:
        return uniform_timesteps(
            frame_count, count=self.config.timesteps, frames_per_timestep=self.spec.frames
        ).starts_T


def uniform_schedule(manifest: Manifest, *, timesteps: int, frames_per_timestep: int) -> Schedule:
    """Schedule of every video of a manifest once, in order, with uniform timesteps."""

    def sample(frame_count: int, rng: np.random.Generator) -> np.ndarray:
        return uniform_timesteps(
            frame_count, count=timesteps, frames_per_timestep=frames_per_timestep
        ).starts_T

    return Schedule(
        video_ids=manifest.table["video_id"],
        lengths=manifest.table["frame_count"].to_numpy(),
        batch_size=1,
        seed=0,
        sample=sample,
        shuffle=False,
    )


def check_reject_share(rejected: int, total: int, max_share: float, *, reasons: Path) -> None:
    """Raise an error when too many videos cannot be read.

    Args:
        rejected: Number of videos that cannot be read.
        total: Number of all videos.
        max_share: Largest allowed share, 0 to 1.
        reasons: Folder of the ``rejects.parquet`` with the reasons, for the error.

    Raises:
        TooManyRejectsError: The share is larger than allowed.
    """
    if rejected > max_share * total:
        raise TooManyRejectsError(
            f"{rejected} of {total} videos cannot be read, more than the allowed share {max_share:.0%} "
            f"(max_reject_share); the reasons are in {reasons / 'rejects.parquet'}"
        )


class _SingleRow(ArrowBatchCollateFn):
    """Turns a batch of one row into that row, without copying its pixels."""

    def __call__(self, batch: pa.Table) -> Row:
        return next(pixel_rows(batch))


def pixel_candidates(rows: list[Row]) -> PixelCandidates:
    """Stack decoded rows of one shape into a batch of candidates."""
    frames_BTCHW = channels_first(np.stack([row["frames"] for row in rows]))
    snippets_BTCMHW = snippets_channels_first(np.stack([row["snippets"] for row in rows]))
    return PixelCandidates(
        frames_BTCHW=frames_BTCHW,
        snippets_BTCMHW=snippets_BTCMHW,
        valid_BT=all_valid(*frames_BTCHW.shape[:2]),
    )
