"""Decoding of a schedule's frames on CPU workers, as a Ray Data source.

Nothing here imports torch: importing it takes a worker longer than decoding a dozen videos.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import pyarrow as pa
import ray
import ray.data
from ray.data import DataContext, Dataset, Datasource, ReadTask
from ray.data.block import BlockMetadata

from epitoma.core.errors import VideoError
from epitoma.core.timesteps import Timesteps
from epitoma.datasets.manifest import Manifest
from epitoma.files.uris import without_secrets
from epitoma.on_ray.cluster.placement import label_selector
from epitoma.on_ray.cluster.runtime import decode_cpus, silence_ray
from epitoma.on_ray.decode.attempts import Attempts, Unreadable, own_node
from epitoma.on_ray.decode.pixel_rows import Row, pixel_table
from epitoma.video.decode import FrameRequest, decode_requests
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.index_table import StoredIndices, VideoIndices

ROWS_PER_TASK = 8
"""Videos of a decoding task: enough that starting tasks costs little compared with decoding."""

WINDOW_ROWS = 32_768
"""Rows of one Ray Data pipeline: planning a split of a million videos at once would take too much memory and time."""

BLOCK_BYTES = 16_000_000
"""Target size of a block: about one video, so that its consumer need not wait for the whole task."""


@dataclass(frozen=True, kw_only=True)
class DecodeSpec:
    """Frames and sizes that the networks take as input.

    Attributes:
        light_size: Height and width of LightNet's frames in pixels; None where LightNet is not used.
        heavy_size: Height and width of HeavyNet's frames in pixels.
        frames: Successive frames of a timestep, ``m``.
    """

    light_size: int | None
    heavy_size: int
    frames: int


class ScheduledVideos(Datasource):
    """Ray Data source of a schedule's rows, decoded; a video that cannot be read becomes a reject row.

    A reject row has its reason in the column ``reject``, and black pixels of the usual shape, so that batches keep
    their shape; consumers must leave it out. This is a source and not a map over row numbers, because then there is
    only one kind of task: on a small cluster two kinds would wait for each other's cores.
    """

    def __init__(
        self,
        schedule: pa.Table,
        manifest: Manifest,
        indices: StoredIndices,
        spec: DecodeSpec,
        attempts: Attempts,
    ) -> None:
        super().__init__()
        videos = manifest.at(schedule["row"].to_numpy())
        files = videos.resolved_paths(), videos.table["frame_count"].to_pylist()
        self.rows = len(schedule)
        work = ray.put((schedule, *files, indices.only(schedule["video_id"])))
        self.decoder = ScheduledDecoder(work, spec, attempts.of_another_pipeline())

    def get_read_tasks(
        self,
        parallelism: int,
        per_task_row_limit: int | None = None,
        data_context: DataContext | None = None,
    ) -> list[ReadTask]:
        """Make one task per ROWS_PER_TASK successive rows; ``parallelism`` is ignored."""
        starts = range(0, self.rows, ROWS_PER_TASK)
        return [self._task(range(start, min(start + ROWS_PER_TASK, self.rows))) for start in starts]

    @property
    def tasks(self) -> int:
        """Number of read tasks."""
        return -(-self.rows // ROWS_PER_TASK)

    def estimate_inmemory_data_size(self) -> int | None:
        """Unknown."""
        return None

    def _task(self, numbers: range) -> ReadTask:
        known = BlockMetadata(num_rows=len(numbers), size_bytes=None, input_files=None, exec_stats=None)
        return ReadTask(partial(self.decoder, numbers), known)


class ScheduledDecoder:
    """Decodes rows of a schedule by number; cheap to send with each task, since its data is in the object store."""

    def __init__(self, work: ray.ObjectRef, spec: DecodeSpec, attempts: Attempts) -> None:
        self.work = work
        self.spec = spec
        self.attempts = attempts

    def __call__(self, numbers: range) -> Iterator[pa.Table]:
        """Decode the scheduled rows of these numbers; yields a table of one row each."""
        for number in numbers:
            yield pixel_table(self._decode(number))

    def _decode(self, number: int) -> Row:
        schedule, paths, frame_counts, indices = _fetched(self.work)
        scheduled = schedule.slice(number, 1).to_pylist()[0]
        starts_T = np.asarray(scheduled.pop("timesteps"), np.int64)
        video_id, path, frame_count = scheduled["video_id"], paths[number], frame_counts[number]

        def read() -> Row:
            index = indices.get(video_id) or index_video(path)
            return decode_timesteps(path, index, starts_T, frame_count, self.spec)

        pixels, reject = self.attempts.read(number, video_id, read), ""
        if isinstance(pixels, Unreadable):
            pixels, reject = blank(len(starts_T), self.spec), pixels.reason
        origin = {"starts": starts_T, "path": without_secrets(path), "reject": reject, "node": own_node()}
        return {**scheduled, **pixels, **origin}


@lru_cache(maxsize=2)
def _fetched(work: ray.ObjectRef) -> tuple[pa.Table, list[str], list[int], VideoIndices]:
    """Schedule, paths, frame counts and indices; cached for the process's next task, since they may be large."""
    return ray.get(work)


def decode_timesteps(
    path: str, index: VideoIndex, starts_T: np.ndarray, frame_count: int, spec: DecodeSpec
) -> Row:
    """Decode the pixels of timesteps for both networks.

    Args:
        path: The video's path or address.
        index: Its frames and keyframes.
        starts_T: First frame of each timestep.
        frame_count: Frames that the manifest says the video has.
        spec: Frames and sizes to decode.

    Returns:
        ``frames`` (T, H, W, 3) and ``snippets`` (T, M, H, W, 3), uint8, and ``replaced``, the number of damaged frames.

    Raises:
        VideoError: The video cannot be read, or has fewer frames than the manifest says.
    """
    if index.frame_count < frame_count:
        raise VideoError(path, f"has {index.frame_count} frames, but its manifest says {frame_count}")
    timesteps = Timesteps(starts_T=starts_T, frames_per_timestep=spec.frames, frame_count=frame_count)
    views = [FrameRequest(frame_indices=timesteps.frames_TM.reshape(-1), size=spec.heavy_size)]
    if spec.light_size is not None:
        views.append(FrameRequest(frame_indices=timesteps.middle_frames_T, size=spec.light_size))
    decoded = decode_requests(path, index, views)
    heavy, *light = decoded.pictures
    return {
        "frames": light[0] if light else _no_frames(len(starts_T)),
        "snippets": heavy.reshape(len(starts_T), spec.frames, *heavy.shape[1:]),
        "replaced": decoded.replaced,
    }


def blank(timesteps: int, spec: DecodeSpec) -> Row:
    """Black pixels of the usual shape, for a video that cannot be read."""
    light_size = spec.light_size or 0
    light = (timesteps, light_size, light_size, 3)
    heavy = (timesteps, spec.frames, spec.heavy_size, spec.heavy_size, 3)
    return {"frames": np.zeros(light, np.uint8), "snippets": np.zeros(heavy, np.uint8), "replaced": 0}


def _no_frames(timesteps: int) -> np.ndarray:
    return np.zeros((timesteps, 0, 0, 3), np.uint8)


def decoded(
    schedule: pa.Table, manifest: Manifest, indices: StoredIndices, spec: DecodeSpec, attempts: Attempts
) -> Dataset:
    """Dataset that decodes the schedule's rows in parallel and yields them in order, as pixel tables.

    Args:
        schedule: Rows of the split, at most WINDOW_ROWS.
        manifest: The split.
        indices: Stored indices of its videos; a video without one is indexed when it is decoded.
        spec: Frames and sizes to decode.
        attempts: Gives up videos that end the processes which decode them.
    """
    silence_ray()
    source = ScheduledVideos(schedule, manifest, indices, spec, attempts)
    # With another number than that of the tasks, Ray Data would split blocks to reach it.
    rows = ray.data.read_datasource(
        source,
        override_num_blocks=source.tasks,
        num_cpus=decode_cpus(),
        label_selector=label_selector("decode"),
    )
    # Batches must not depend on which task is the fastest: the order is that of the schedule.
    rows.context.execution_options.preserve_order = True
    rows.context.target_max_block_size = BLOCK_BYTES
    # Ray would poll each task's memory every second, which costs CPU time and is not used here.
    rows.context.memory_usage_poll_interval_s = None
    return rows
