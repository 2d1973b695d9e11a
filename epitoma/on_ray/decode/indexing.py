"""Indexing of video files on CPU workers with Ray Data; no file stops the others (see ``lost_workers.py``)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import ray.data

from epitoma.core.errors import VideoError
from epitoma.datasets.index_parts import PART_SCHEMA
from epitoma.datasets.listing import ListedVideo
from epitoma.files.uris import hide_secrets, without_secrets
from epitoma.on_ray.cluster.lost_workers import LOST, map_on_decoders, run_with_retries, unordered_batches
from epitoma.on_ray.cluster.runtime import silence_ray
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.index_table import index_row

VIDEOS_PER_TASK = 16
"""Videos of an indexing task: enough that starting tasks costs little, few enough that losing one costs little."""

IndexFile = Callable[[str], VideoIndex]
"""Indexes the video at a path or address, or raises a VideoError."""

_SCHEMA = pa.schema(
    [
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("row", pa.struct(list(PART_SCHEMA))),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Indexed:
    """Result of indexing one file.

    Attributes:
        video_id: Id of the video.
        path: The file, or its address without secrets.
        reason: Why it cannot be read; None where it can.
        row: A row of PART_SCHEMA; None where it cannot be read.
    """

    video_id: str
    path: str
    reason: str | None
    row: dict[str, Any] | None


def index_files(
    videos: Sequence[ListedVideo], state_of: Mapping[str, str], *, index_file: IndexFile = index_video
) -> Iterator[list[Indexed]]:
    """Index videos on the cluster; yields the results of each task, in the order in which tasks end.

    Args:
        videos: The videos.
        state_of: State of each file now (see :func:`file_state`), by video id.
        index_file: Indexes one file.
    """
    silence_ray()
    listed = pa.table(
        {
            "video_id": [video.video_id for video in videos],
            "path": [video.path for video in videos],
            "file": [state_of[video.video_id] for video in videos],
        }
    )
    index_task = partial(_index_task, index_file=index_file)

    def run(tasks: list[pa.Table]) -> Iterator[pa.Table]:
        rows = ray.data.from_arrow(tasks)
        return unordered_batches(map_on_decoders(rows, index_task, batch_size=None, num_cpus=1))

    for results in run_with_retries(listed, run, videos_per_task=VIDEOS_PER_TASK, lost=_lost):
        yield [Indexed(**result) for result in results.to_pylist()]


def _lost(videos: pa.Table) -> pa.Table:
    named = videos.select(["video_id", "path"]).to_pylist()
    rows = [{**video, "path": without_secrets(video["path"]), "reason": LOST} for video in named]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _index_task(task: pa.Table, *, index_file: IndexFile) -> pa.Table:
    results = [_index_one(index_file, **video) for video in task.to_pylist()]
    return pa.Table.from_pylist(results, schema=_SCHEMA)


def _index_one(index_file: IndexFile, *, video_id: str, path: str, file: str) -> dict[str, Any]:
    try:
        row = {"file": file, **index_row(video_id, index_file(path))}
        return {"video_id": video_id, "path": path, "row": row}
    except VideoError as error:
        # The error's path has no secrets, which an address may have.
        return {"video_id": video_id, "path": error.path, "reason": error.reason}
    except Exception as error:  # An unexpected error of one file must not fail the others of its task.
        reason = hide_secrets(f"{type(error).__name__}: {error}")
        return {"video_id": video_id, "path": without_secrets(path), "reason": reason}
