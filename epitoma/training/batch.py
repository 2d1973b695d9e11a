"""Batch: candidates, labels and gate noise of one training step, with randomness drawn from each video's own seed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from epitoma.core.sampling import stable_seed
from epitoma.core.selection import Candidates, PixelCandidates
from epitoma.models.gating import logistic_noise
from epitoma.training.augmentation import Augmentation, draw_view

SelectionName = Literal["learnt", "random", "dense"]
"""How timesteps are chosen in training: by the selector, as random subsets, or all of them."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One worker's share of an optimiser step.

    Attributes:
        video_ids: Ids of the videos.
        candidates: Their candidate timesteps.
        labels_BL: Multi-hot labels.
        weight_B: Weight of each video in the loss: 1, or 0 for a video that could not be read, whose pixels are blank.
        noise_BT: Logistic noise of the gates; None where no selector is trained.
        open_BT: Timesteps to keep instead of the selector's choice; None lets the selector choose.
        decoded_on: Node of the cluster on which each video was decoded; empty for features.
    """

    video_ids: list[str]
    candidates: Candidates
    labels_BL: Tensor
    weight_B: Tensor
    noise_BT: Tensor | None
    open_BT: Tensor | None
    decoded_on: tuple[str, ...] = ()

    def to(self, device: torch.device) -> "Batch":
        """Move all tensors to another device."""
        candidates = replace(self.candidates, **_moved(self.candidates, device))
        return replace(self, **_moved(self, device), candidates=candidates)

    def parts(self, count: int) -> list["Batch"]:
        """Split the batch into this many parts of nearly equal size, for gradient accumulation."""
        places = np.array_split(np.arange(len(self.video_ids)), count)
        return [self._rows(slice(int(each[0]), int(each[-1]) + 1)) for each in places]

    def _rows(self, rows: slice) -> "Batch":
        candidates = replace(self.candidates, **_cut(self.candidates, rows))
        names = {"video_ids": self.video_ids[rows], "decoded_on": self.decoded_on[rows]}
        return replace(self, **_cut(self, rows), **names, candidates=candidates)


def make_batch(
    *,
    video_ids: list[str],
    candidates: Candidates,
    labels_BL: Tensor,
    weight_B: Tensor,
    seeds: Sequence[int],
    selection: SelectionName,
    augmentation: Collection[Augmentation] = (),
) -> Batch:
    """Build a batch, with randomness that depends on each video's seed only and not on the rest of the batch.

    Args:
        video_ids: Ids of the videos.
        candidates: Their candidate timesteps.
        labels_BL: Multi-hot labels.
        weight_B: Weight of each video in the loss.
        seeds: Seed of each video; gate noise, random subsets and augmentation follow from it.
        selection: How timesteps are chosen.
        augmentation: Augmentation of pixels; candidates that are features are left unchanged.
    """
    if augmentation and isinstance(candidates, PixelCandidates):
        views_BA = torch.tensor([draw_view(seed, augmentation) for seed in seeds], dtype=torch.float64)
        candidates = replace(candidates, views_BA=views_BA)
    timesteps = candidates.valid_BT.shape[1]
    return Batch(
        video_ids=video_ids,
        candidates=candidates,
        labels_BL=labels_BL,
        weight_B=weight_B,
        noise_BT=torch.stack([_noise(s, timesteps) for s in seeds]) if selection == "learnt" else None,
        open_BT=_given_open(selection, seeds, timesteps),
    )


def random_open(seed: int, timesteps: int) -> np.ndarray:
    """A random subset of timesteps, bool ``(T,)``, whose size is drawn from 1, 2, 4, ... up to all of them.

    A classifier trained on such subsets is the reference without a selector: it has seen every budget.
    """
    # The name gives each use of a video's seed its own random stream.
    rng = np.random.default_rng(stable_seed(seed, "open"))
    sizes = [*(2**power for power in range(timesteps.bit_length()) if 2**power < timesteps), timesteps]
    chosen = rng.choice(timesteps, size=int(rng.choice(sizes)), replace=False)
    return np.isin(np.arange(timesteps), chosen)


def _given_open(selection: SelectionName, seeds: Sequence[int], timesteps: int) -> Tensor | None:
    if selection == "learnt":
        return None
    if selection == "dense":
        return torch.ones(len(seeds), timesteps, dtype=torch.bool)
    return torch.from_numpy(np.stack([random_open(seed, timesteps) for seed in seeds]))


def _noise(seed: int, timesteps: int) -> Tensor:
    return logistic_noise((timesteps,), generator=torch.Generator().manual_seed(stable_seed(seed, "noise")))


def _moved(record: object, device: torch.device) -> dict[str, Tensor]:
    return {name: value.to(device) for name, value in vars(record).items() if isinstance(value, Tensor)}


def _cut(record: object, rows: slice) -> dict[str, Tensor]:
    return {name: value[rows] for name, value in vars(record).items() if isinstance(value, Tensor)}
