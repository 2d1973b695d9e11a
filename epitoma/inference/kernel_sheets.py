"""Sheets that show what concept kernels respond to: a dataset's frames most similar to each, from stored features."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from epitoma.core.progress import Watch
from epitoma.core.selection import all_valid
from epitoma.core.timesteps import Timesteps
from epitoma.datasets.manifest import Manifest
from epitoma.models.selector import TimestepSelector
from epitoma.training.feature_store import Stored
from epitoma.video.decode import decode_frames
from epitoma.video.index import index_video
from epitoma.video.index_table import StoredIndices

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
def top_matches(selector: TimestepSelector, stored: Stored, *, count: int) -> list[list[KernelMatch]]:
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


def _best_of_videos(selector: TimestepSelector, light_BTC: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Largest similarity to each kernel in each video, and its timestep, both ``(B, N)``."""
    similarity_BTN = selector.concepts(light_BTC, all_valid(*light_BTC.shape[:2]))
    best = similarity_BTN.max(dim=1)
    return best.values, best.indices


def pictures_of(
    exciting: Sequence[Sequence[KernelMatch]],
    split: Manifest,
    stored: Stored,
    *,
    frames_per_timestep: int,
    size: int,
    watch: Watch,
) -> Mapping[tuple[int, int], np.ndarray]:
    """Decode the middle frames of timesteps, uint8 ``(size, size, 3)``, by (row, timestep); opens each video once.

    Args:
        exciting: The timesteps, by kernel.
        split: The dataset's split.
        stored: Stored features of its videos, with the first frames of their timesteps.
        frames_per_timestep: Successive frames of a timestep, ``m``.
        size: Side of a picture in pixels.
        watch: Called with progress, in videos.

    Raises:
        VideoError: A video cannot be read.
    """
    wanted: dict[int, set[int]] = defaultdict(set)
    for each in (frame for frames in exciting for frame in frames):
        wanted[each.row].add(each.timestep)
    readable = split.only(stored.video_ids)
    paths, video_ids = readable.resolved_paths(), readable.table["video_id"]
    indices = StoredIndices.beside(split.path).only(video_ids)
    pictures: dict[tuple[int, int], np.ndarray] = {}
    for done, (row, timesteps) in enumerate(sorted(wanted.items()), start=1):
        index = indices.get(stored.video_ids[row]) or index_video(paths[row])
        places = sorted(timesteps)
        exciting_ones = Timesteps(
            starts_T=stored.starts_VT[row][places].astype(np.int64),
            frames_per_timestep=frames_per_timestep,
            frame_count=index.frame_count,
        )
        (shown,) = decode_frames(paths[row], index, exciting_ones.middle_frames_T, sizes=(size,))
        pictures |= {(row, place): picture for place, picture in zip(places, shown, strict=True)}
        watch(done, len(wanted))
    return pictures


def sheets(
    exciting: Sequence[Sequence[KernelMatch]], pictures: Mapping[tuple[int, int], np.ndarray]
) -> Iterator[np.ndarray]:
    """Yield a sheet per kernel: its frames side by side, uint8 ``(size, count x size, 3)``."""
    for frames in exciting:
        yield np.concatenate([pictures[each.row, each.timestep] for each in frames], axis=1)
