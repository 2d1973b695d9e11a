"""FeatureSource: training and validation batches from features in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from epitoma.core.sampling import uniform_subset
from epitoma.core.selection import FeatureCandidates, all_valid
from epitoma.datasets.manifest import Manifest
from epitoma.training.batch import Batch, SelectionName, make_batch
from epitoma.training.context import TrainContext
from epitoma.training.feature_store import Stored
from epitoma.training.run_config import TrainConfig
from epitoma.training.schedule import (
    Sampler,
    Schedule,
    Share,
    check_workers,
    split_steps,
    steps_per_epoch,
)


@dataclass(frozen=True, kw_only=True)
class FeatureSplit:
    """Features and labels of one split, in the manifest's order.

    Attributes:
        video_ids: Videos of the split with features; rejected videos are left out.
        light_VTC: LightNet's features at D dense timesteps.
        heavy_VTC: HeavyNet's features at the same timesteps.
        labels_VL: Multi-hot labels.
    """

    video_ids: list[str]
    light_VTC: Tensor
    heavy_VTC: Tensor
    labels_VL: Tensor

    @property
    def candidates(self) -> FeatureCandidates:
        """All timesteps of all videos as candidates."""
        valid_VT = all_valid(*self.light_VTC.shape[:2])
        return FeatureCandidates(light_BTC=self.light_VTC, heavy_BTC=self.heavy_VTC, valid_BT=valid_VT)

    def at(self, places: Tensor) -> "FeatureSplit":
        """The same videos at some of the timesteps."""
        return replace(self, light_VTC=self.light_VTC[:, places], heavy_VTC=self.heavy_VTC[:, places])


def feature_split(stored: Stored, manifest: Manifest) -> FeatureSplit:
    """Add labels to stored features; videos that could not be read are left out, as extraction has reported."""
    return FeatureSplit(
        video_ids=stored.video_ids,
        light_VTC=stored.light_VTC,
        heavy_VTC=stored.heavy_VTC,
        labels_VL=torch.from_numpy(manifest.only(stored.video_ids).label_matrix()),
    )


class FeatureSource:
    """Training and validation batches of one worker, from features.

    Args:
        config: Config of the run.
        training: Features of the training split.
        validation: Features of the validation split.
        context: Rank and world size of the worker.

    Raises:
        ConfigError: A step has too few videos for the workers (see :func:`check_workers`).
    """

    def __init__(
        self, config: TrainConfig, training: FeatureSplit, validation: FeatureSplit, context: TrainContext
    ) -> None:
        self.config = config
        self.splits = {"train": training, "validation": validation}
        self.share = Share(rank=context.rank, world_size=context.world_size)
        check_workers(
            len(training.video_ids),
            batch_size=config.optimisation.batch_size,
            world_size=context.world_size,
            parts=config.optimisation.accumulate,
        )

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of an epoch."""
        return steps_per_epoch(len(self.splits["train"].video_ids), self.config.optimisation.batch_size)

    def training(self, epoch: int, *, first_step: int = 0) -> Iterator[Batch]:
        """This worker's batches of an epoch from a step on, with candidates sampled from the dense timesteps."""
        return self._batches("train", epoch, self._random_places, first_step)

    def validation(self) -> Iterator[Batch]:
        """This worker's batches of the validation split, with uniform candidates."""
        return self._batches("validation", 0, self._uniform_places)

    def _batches(self, name: str, epoch: int, sample: Sampler, first_step: int = 0) -> Iterator[Batch]:
        split = self.splits[name]
        schedule = Schedule(
            video_ids=pa.array(split.video_ids),
            lengths=np.full(len(split.video_ids), self.config.dense),
            batch_size=self.config.optimisation.batch_size,
            seed=self.config.seed,
            sample=sample,
            shuffle=name == "train",
        )
        for rows in split_steps(schedule.epoch(epoch, share=self.share, first_step=first_step)):
            yield self._batch(rows, split)

    def _batch(self, rows: pa.Table, split: FeatureSplit) -> Batch:
        return feature_batch(rows, split, self.config.selection)

    def _random_places(self, dense: int, rng: np.random.Generator) -> np.ndarray:
        return np.sort(rng.choice(dense, size=self.config.candidates, replace=False))

    def _uniform_places(self, dense: int, rng: np.random.Generator) -> np.ndarray:
        return uniform_subset(dense, self.config.timesteps)


def feature_batch(rows: pa.Table, split: FeatureSplit, selection: SelectionName) -> Batch:
    """Build a batch from scheduled rows, whose ``timesteps`` are positions among the dense timesteps."""
    places_BT = torch.from_numpy(np.stack(rows["timesteps"].to_numpy())).long()
    row_B = torch.tensor(rows["row"].to_pylist())
    candidates = FeatureCandidates(
        light_BTC=split.light_VTC[row_B[:, None], places_BT],
        heavy_BTC=split.heavy_VTC[row_B[:, None], places_BT],
        valid_BT=all_valid(*places_BT.shape),
    )
    return make_batch(
        video_ids=rows["video_id"].to_pylist(),
        candidates=candidates,
        labels_BL=split.labels_VL[row_B],
        weight_B=torch.ones(len(row_B)),
        seeds=rows["seed"].to_pylist(),
        selection=selection,
    )
