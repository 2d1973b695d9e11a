"""Indexing of video files on CPU workers with Ray Data; no file stops the others (see ``attempts.py``)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import ray.data

from epitoma.datasets.index_parts import PART_SCHEMA
from epitoma.datasets.listing import ListedVideo
from epitoma.files.uris import without_secrets
from epitoma.on_ray.cluster.runtime import silence_ray
from epitoma.on_ray.decode.attempts import Attempts, Unreadable
from epitoma.on_ray.decode.decoder_tasks import map_on_decoders, unordered_batches
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
    index_task = partial(_index_task, index_file=index_file, attempts=Attempts.start())
    tasks = [listed.slice(start, VIDEOS_PER_TASK) for start in range(0, len(listed), VIDEOS_PER_TASK)]
    rows = map_on_decoders(ray.data.from_arrow(tasks), index_task, batch_size=None, num_cpus=1)
    for results in unordered_batches(rows):
        yield [Indexed(**result) for result in results.to_pylist()]


def _index_task(task: pa.Table, *, index_file: IndexFile, attempts: Attempts) -> pa.Table:
    results = [_index_one(index_file, attempts, **video) for video in task.to_pylist()]
    return pa.Table.from_pylist(results, schema=_SCHEMA)


def _index_one(
    index_file: IndexFile, attempts: Attempts, *, video_id: str, path: str, file: str
) -> dict[str, Any]:
    row = attempts.read(video_id, video_id, lambda: index_row(video_id, index_file(path)))
    if isinstance(row, Unreadable):
        return {"video_id": video_id, "path": row.path or without_secrets(path), "reason": row.reason}
    return {"video_id": video_id, "path": path, "row": {"file": file, **row}}
