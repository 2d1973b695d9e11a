"""Ray Data decodes what a schedule says, over CPU workers.

Nothing here imports torch: a worker would take longer to import it than to decode a dozen videos.
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
from epitoma.on_ray.cluster.runtime import decode_cpus, quieten
from epitoma.on_ray.decode.pixel_rows import Row, pixel_table
from epitoma.video.decode import FrameRequest, decode_requests
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.index_table import StoredIndices, VideoIndices

ROWS_PER_TASK = 8
"""Videos that one decoding task takes: enough that starting tasks costs little beside decoding."""

WINDOW_ROWS = 32_768
"""Rows that are planned and started together: a split of a million videos must not be planned at once."""

BLOCK_BYTES = 16_000_000
"""Pixels that are handed on together: about a video, so that the next step need not wait for a whole task."""


@dataclass(frozen=True, kw_only=True)
class DecodeSpec:
    """What the networks want to see.

    Attributes:
        light_size: Height and width of LightNet's frames in pixels; None where it does not look.
        heavy_size: Height and width of HeavyNet's frames in pixels.
        frames: Successive frames of a timestep, ``m``.
    """

    light_size: int | None
    heavy_size: int
    frames: int


class ScheduledVideos(Datasource):
    """The rows of a schedule, decoded; a video that cannot be read becomes a reject row with its reason.

    A reject row has blank pixels of the usual shape, so that batches keep theirs, and must be left out by
    its ``reject`` column. As a source, and not as a map over row numbers, all work is one kind of task: on a
    small cluster two kinds would wait for each other's cores.
    """

    def __init__(
        self, schedule: pa.Table, manifest: Manifest, indices: StoredIndices, spec: DecodeSpec
    ) -> None:
        super().__init__()
        videos = manifest.at(schedule["row"].to_numpy())
        files = videos.resolved_paths(), videos.table["frame_count"].to_pylist()
        self.rows = len(schedule)
        self.decoder = ScheduledDecoder(ray.put((schedule, *files, indices.only(schedule["video_id"]))), spec)

    def get_read_tasks(
        self,
        parallelism: int,
        per_task_row_limit: int | None = None,
        data_context: DataContext | None = None,
    ) -> list[ReadTask]:
        """Give a task for every few successive rows; how many tasks there are is ours to say."""
        starts = range(0, self.rows, ROWS_PER_TASK)
        return [self._task(range(start, min(start + ROWS_PER_TASK, self.rows))) for start in starts]

    @property
    def tasks(self) -> int:
        """How many there are."""
        return -(-self.rows // ROWS_PER_TASK)

    def estimate_inmemory_data_size(self) -> int | None:
        """Unknown."""
        return None

    def _task(self, numbers: range) -> ReadTask:
        known = BlockMetadata(num_rows=len(numbers), size_bytes=None, input_files=None, exec_stats=None)
        return ReadTask(partial(self.decoder, numbers), known)


class ScheduledDecoder:
    """Decodes rows of a schedule by their numbers; small to send, since what it knows lies in the object store."""

    def __init__(self, work: ray.ObjectRef, spec: DecodeSpec) -> None:
        self.work = work
        self.spec = spec

    def __call__(self, numbers: range) -> Iterator[pa.Table]:
        """Decode the scheduled rows of these numbers, a table each."""
        for number in numbers:
            yield pixel_table(self._decode(number))

    def _decode(self, number: int) -> Row:
        schedule, paths, frame_counts, indices = _fetched(self.work)
        scheduled = schedule.slice(number, 1).to_pylist()[0]
        starts_T = np.asarray(scheduled.pop("timesteps"), np.int64)
        path, frame_count = paths[number], frame_counts[number]
        try:
            index = indices.get(scheduled["video_id"]) or index_video(path)
            pixels, reject = decode_timesteps(path, index, starts_T, frame_count, self.spec), ""
        except VideoError as error:
            pixels, reject = blank(len(starts_T), self.spec), error.reason
        told = {"starts": starts_T, "path": without_secrets(path), "reject": reject, "node": _own_node()}
        return {**scheduled, **pixels, **told}


@lru_cache(maxsize=1)
def _own_node() -> str:
    return ray.get_runtime_context().get_node_id()


@lru_cache(maxsize=2)
def _fetched(work: ray.ObjectRef) -> tuple[pa.Table, list[str], list[int], VideoIndices]:
    """Schedule, paths, frame counts and indices; kept by the process for its next task, since they may be large."""
    return ray.get(work)


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
    """Pixels of the usual shape for a video that has none."""
    light_size = spec.light_size or 0
    light = (timesteps, light_size, light_size, 3)
    heavy = (timesteps, spec.frames, spec.heavy_size, spec.heavy_size, 3)
    return {"frames": np.zeros(light, np.uint8), "snippets": np.zeros(heavy, np.uint8), "replaced": 0}


def _no_frames(timesteps: int) -> np.ndarray:
    return np.zeros((timesteps, 0, 0, 3), np.uint8)


def decoded(schedule: pa.Table, manifest: Manifest, indices: StoredIndices, spec: DecodeSpec) -> Dataset:
    """A dataset that decodes the schedule's rows in parallel and yields them in order, as pixel tables.

    Args:
        schedule: Rows of the split, no more than a window of them.
        manifest: The split.
        indices: Of its videos; one that has none is indexed anew.
        spec: What the networks want to see.
    """
    quieten()
    source = ScheduledVideos(schedule, manifest, indices, spec)
    # Told another number, Ray Data would cut blocks up to reach it.
    rows = ray.data.read_datasource(
        source,
        override_num_blocks=source.tasks,
        num_cpus=decode_cpus(),
        label_selector=label_selector("decode"),
    )
    rows.context.execution_options.preserve_order = True
    rows.context.target_max_block_size = BLOCK_BYTES
    rows.context.memory_usage_poll_interval_s = None
    return rows
