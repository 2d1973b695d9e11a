"""Pictures for sheets of concept kernels, decoded by workers, since a video may end or stall the process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from epitoma.core.progress import Watch
from epitoma.core.timesteps import Timesteps
from epitoma.datasets.manifest import Manifest
from epitoma.datasets.rejects import Reject
from epitoma.files.uris import without_secrets
from epitoma.inference.kernel_sheets import KernelMatch, timesteps_by_row
from epitoma.on_ray.cluster.parallel import in_parallel
from epitoma.on_ray.cluster.placement import task_for
from epitoma.on_ray.decode.attempts import Attempts, Unreadable
from epitoma.training.feature_store import Stored
from epitoma.video.decode import decode_frames
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.index_table import StoredIndices


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """Timesteps of one video: its row, and its index where that is stored."""

    row: int
    video_id: str
    path: str
    index: VideoIndex | None
    timesteps: list[int]
    starts_T: np.ndarray


@dataclass(frozen=True, kw_only=True)
class KernelPictures:
    """Middle frames of timesteps.

    Attributes:
        pictures: Pictures, uint8 ``(size, size, 3)``, by (row, timestep).
        rejects: Videos that could not be read.
    """

    pictures: Mapping[tuple[int, int], np.ndarray]
    rejects: list[Reject]


def decode_pictures(
    exciting: Sequence[Sequence[KernelMatch]],
    split: Manifest,
    stored: Stored,
    *,
    frames_per_timestep: int,
    size: int,
    watch: Watch,
) -> KernelPictures:
    """Decode the middle frames of timesteps on all CPU workers; opens each video once.

    Args:
        exciting: The timesteps, by kernel.
        split: The dataset's split.
        stored: Stored features of its videos, with the first frames of their timesteps.
        frames_per_timestep: Successive frames of a timestep, ``m``.
        size: Side of a picture in pixels.
        watch: Called with progress, in videos.
    """
    wanted, attempts = _wanted(exciting, split, stored), Attempts.start()
    # Without end, because nodes come and go; a video that ends its worker is given up by `attempts`.
    decode = task_for("decode", _decode, max_retries=-1)
    decoded = in_parallel(
        lambda video: decode.remote(video, frames_per_timestep, size, attempts), wanted, watch
    )
    pictures: dict[tuple[int, int], np.ndarray] = {}
    rejects: list[Reject] = []
    for video, shown in zip(wanted, decoded, strict=True):
        if isinstance(shown, Unreadable):
            path = shown.path or without_secrets(video.path)
            rejects.append(Reject(video.video_id, path, shown.reason))
        else:
            pictures |= {
                (video.row, place): picture for place, picture in zip(video.timesteps, shown, strict=True)
            }
    return KernelPictures(pictures=pictures, rejects=rejects)


def _wanted(exciting: Sequence[Sequence[KernelMatch]], split: Manifest, stored: Stored) -> list[_Wanted]:
    timesteps_of = timesteps_by_row(exciting)
    shown = split.only([stored.video_ids[row] for row in timesteps_of])
    path_of = dict(zip(shown.video_ids, shown.resolved_paths(), strict=True))
    indices = StoredIndices.beside(split.path).only(shown.table["video_id"])
    return [
        _Wanted(
            row=row,
            video_id=stored.video_ids[row],
            path=path_of[stored.video_ids[row]],
            index=indices.get(stored.video_ids[row]),
            timesteps=timesteps,
            starts_T=stored.starts_VT[row][timesteps].astype(np.int64),
        )
        for row, timesteps in timesteps_of.items()
    ]


def _decode(
    video: _Wanted, frames_per_timestep: int, size: int, attempts: Attempts
) -> np.ndarray | Unreadable:
    """Pictures of one video, uint8 ``(T, size, size, 3)``."""

    def decode() -> np.ndarray:
        index = video.index or index_video(video.path)
        timesteps = Timesteps(
            starts_T=video.starts_T, frames_per_timestep=frames_per_timestep, frame_count=index.frame_count
        )
        (shown_THWC,) = decode_frames(video.path, index, timesteps.middle_frames_T, sizes=(size,))
        return shown_THWC

    return attempts.read(video.video_id, video.video_id, decode)
