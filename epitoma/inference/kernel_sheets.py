"""Sheets that show what concept kernels respond to: a dataset's frames most similar to each, from stored features."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from epitoma.core.selection import all_valid
from epitoma.models.parts import HasConcepts
from epitoma.training.feature_store import Stored

VIDEOS_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class KernelMatch:
    """A timestep that is similar to a concept kernel.

    Attributes:
        kernel: Number of the kernel.
        row: Row of the video, among those with stored features.
        timestep: Number among the video's stored timesteps.
        similarity: Similarity to the kernel.
    """

    kernel: int
    row: int
    timestep: int
    similarity: float


@torch.inference_mode()
def top_matches(selector: HasConcepts, stored: Stored, *, count: int) -> list[list[KernelMatch]]:
    """Find for every kernel the most similar timesteps, the most similar first, at most one per video.

    Args:
        selector: The selector, in evaluation mode.
        stored: Features of a split, in its order.
        count: Most timesteps per kernel.
    """
    best = [_best_of_videos(selector, light_BTC) for light_BTC in stored.light_VTC.split(VIDEOS_AT_ONCE)]
    similarity_VN, timestep_VN = (torch.cat(parts) for parts in zip(*best, strict=True))
    value_KN, row_KN = similarity_VN.topk(min(count, len(similarity_VN)), dim=0)
    return [
        [
            KernelMatch(kernel=kernel, row=row, timestep=int(timestep_VN[row, kernel]), similarity=value)
            for value, row in zip(value_KN[:, kernel].tolist(), row_KN[:, kernel].tolist(), strict=True)
        ]
        for kernel in range(similarity_VN.shape[1])
    ]


def _best_of_videos(selector: HasConcepts, light_BTC: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Largest similarity to each kernel in each video, and its timestep, both ``(B, N)``."""
    similarity_BTN = selector.concepts(light_BTC, all_valid(*light_BTC.shape[:2]))
    best = similarity_BTN.max(dim=1)
    return best.values, best.indices


def timesteps_by_row(exciting: Sequence[Sequence[KernelMatch]]) -> dict[int, list[int]]:
    """The timesteps of each row, ascending, so that each video is opened once."""
    wanted: dict[int, set[int]] = defaultdict(set)
    for each in (frame for frames in exciting for frame in frames):
        wanted[each.row].add(each.timestep)
    return {row: sorted(timesteps) for row, timesteps in sorted(wanted.items())}


def sheets(
    exciting: Sequence[Sequence[KernelMatch]],
    pictures: Mapping[tuple[int, int], np.ndarray],
    *,
    size: int,
) -> Iterator[np.ndarray]:
    """Yield a sheet per kernel: its frames side by side, uint8 ``(size, count x size, 3)``; black without a picture.

    Args:
        exciting: The timesteps, by kernel.
        pictures: Pictures uint8 ``(size, size, 3)``, by (row, timestep).
        size: Side of a picture in pixels.
    """
    black = np.zeros((size, size, 3), np.uint8)
    for frames in exciting:
        yield np.concatenate([pictures.get((each.row, each.timestep), black) for each in frames], axis=1)
