"""Ray Data decodes what a schedule says, over CPU workers.

Nothing here imports torch: a worker would take longer to import it than to decode a dozen videos.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import ray
import ray.data
from ray.data import Dataset

from epitoma.datasets.manifest import Manifest
from epitoma.errors import VideoError
from epitoma.on_ray.pixel_rows import Row, pixel_table
from epitoma.on_ray.runtime import decode_cpus, quieten
from epitoma.timesteps import Timesteps
from epitoma.video.decode import View, decode_views
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.index_table import VideoIndices

ROWS_PER_TASK = 4
"""Videos that one decoding task takes: enough that starting tasks costs little beside decoding."""

BLOCK_BYTES = 16_000_000
"""Pixels that are handed on together: about a video, so that the next step need not wait for a whole task."""


@dataclass(frozen=True, kw_only=True)
class DecodeSpec:
    """What the networks want to see.

    Attributes:
        light_size: Height and width of LightNet's frames in pixels.
        heavy_size: Height and width of HeavyNet's frames in pixels.
        frames: Successive frames of a timestep, ``m``.
    """

    light_size: int
    heavy_size: int
    frames: int


class DecodeScheduled:
    """Decodes scheduled rows; a video that cannot be read becomes a reject row with its reason.

    A reject row has blank pixels of the usual shape, so that batches keep theirs, and must be left out by
    its ``reject`` column.
    """

    def __init__(self, schedule: pa.Table, manifest: Manifest, spec: DecodeSpec) -> None:
        videos = manifest.resolved_paths(), manifest.table["frame_count"].to_pylist()
        self.work = ray.put((schedule, *videos, VideoIndices.beside(manifest.path)))
        self.spec = spec

    @cached_property
    def _work(self) -> tuple[pa.Table, list[str], list[int], VideoIndices]:
        """Schedule, paths, frame counts and indices; fetched once a process, since they may be large."""
        return ray.get(self.work)

    def __call__(self, numbers: pa.Table) -> Iterator[pa.Table]:
        """Decode the scheduled rows whose numbers are in the column ``id``, a table each."""
        for number in numbers["id"].to_pylist():
            yield pixel_table(self._decode(number))

    def _decode(self, number: int) -> Row:
        schedule, paths, frame_counts, indices = self._work
        scheduled = schedule.slice(number, 1).to_pylist()[0]
        starts_T = np.asarray(scheduled.pop("timesteps"), np.int64)
        path, frame_count = paths[scheduled["row"]], frame_counts[scheduled["row"]]
        try:
            index = indices.get(scheduled["video_id"]) or index_video(path)
            pixels, reject = decode_timesteps(path, index, starts_T, frame_count, self.spec), ""
        except VideoError as error:
            pixels, reject = blank(len(starts_T), self.spec), error.reason
        return {**scheduled, "starts": starts_T, "path": path, **pixels, "reject": reject}


def decode_timesteps(
    path: str, index: VideoIndex, starts_T: np.ndarray, frame_count: int, spec: DecodeSpec
) -> Row:
    """Pixels of timesteps for both networks.

    Args:
        path: The video.
        index: Its frames and keyframes.
        starts_T: First frame of each timestep.
        frame_count: Frames that the manifest says the video has.
        spec: What the networks want to see.

    Returns:
        ``frames`` (T, H, W, 3) and ``snippets`` (T, M, H, W, 3), uint8, and how many frames were ``replaced``.

    Raises:
        VideoError: The video cannot be read, or has fewer frames than the manifest says.
    """
    if index.frame_count < frame_count:
        raise VideoError(path, f"has {index.frame_count} frames, but its manifest says {frame_count}")
    timesteps = Timesteps(starts_T=starts_T, frames_per_timestep=spec.frames, frame_count=frame_count)
    views = (
        View(frame_indices=timesteps.middle_frames_T, size=spec.light_size),
        View(frame_indices=timesteps.frames_TM.reshape(-1), size=spec.heavy_size),
    )
    decoded = decode_views(path, index, views)
    frames_THWC, heavy = decoded.pictures
    return {
        "frames": frames_THWC,
        "snippets": heavy.reshape(len(starts_T), spec.frames, *heavy.shape[1:]),
        "replaced": decoded.replaced,
    }


def blank(timesteps: int, spec: DecodeSpec) -> Row:
    """Pixels of the usual shape for a video that has none."""
    light = (timesteps, spec.light_size, spec.light_size, 3)
    heavy = (timesteps, spec.frames, spec.heavy_size, spec.heavy_size, 3)
    return {"frames": np.zeros(light, np.uint8), "snippets": np.zeros(heavy, np.uint8), "replaced": 0}


def decoded(schedule: pa.Table, manifest: Manifest, spec: DecodeSpec) -> Dataset:
    """A dataset that decodes the schedule's rows in parallel and yields them in order, as pixel tables."""
    quieten()
    rows = ray.data.range(len(schedule), override_num_blocks=-(-len(schedule) // ROWS_PER_TASK))
    rows.context.execution_options.preserve_order = True
    rows.context.target_max_block_size = BLOCK_BYTES
    return rows.map_batches(
        DecodeScheduled(schedule, manifest, spec),
        batch_size=None,
        batch_format="pyarrow",
        zero_copy_batch=True,
        num_cpus=decode_cpus(),
    )
