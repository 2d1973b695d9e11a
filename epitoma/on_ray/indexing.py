"""Indexing files over CPU workers with Ray Data: no file stops the others, not even one that kills its worker.

A task that loses its worker is tried again, because machines come and go. Ray would do so for ever; here, after a
second time, the task's files are given a task each, and a file that still loses its worker is one that cannot be
read.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import pyarrow as pa
import ray.data
from ray.util.annotations import RayDeprecationWarning

from epitoma.addresses import hide_secrets, without_secrets
from epitoma.datasets.index_parts import PART_SCHEMA
from epitoma.datasets.listing import ListedVideo
from epitoma.errors import VideoError
from epitoma.on_ray.placement import label_selector
from epitoma.on_ray.runtime import quieten
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.index_table import index_row

VIDEOS_PER_TASK = 16
"""Videos that one task indexes: enough that starting tasks costs little, few enough to lose when cut off."""

IndexFile = Callable[[str], VideoIndex]
"""Indexes the video at a path or address, or raises a VideoError."""

LOST = "ends the process that reads it, each time that it is tried"
RETRIES = 1
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
    """What came of one file.

    Attributes:
        video_id: The video's.
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
    """Index videos over the cluster; yields what tasks come back with, in the order in which they end.

    Args:
        videos: The videos.
        state_of: What each one's file is now, by video id.
        index_file: How to index one.
    """
    waiting = {video.video_id: video for video in videos}
    for videos_per_task in (VIDEOS_PER_TASK, 1):
        tasks = _tasks(list(waiting.values()), state_of, videos_per_task)
        for results in _over_workers(tasks, index_file):
            for result in results:
                waiting.pop(result.video_id, None)
            yield results
        if not waiting:
            return
    yield [
        Indexed(video_id=v.video_id, path=without_secrets(v.path), reason=LOST, row=None)
        for v in waiting.values()
    ]


def _tasks(
    videos: Sequence[ListedVideo], state_of: Mapping[str, str], videos_per_task: int
) -> list[pa.Table]:
    table = pa.table(
        {
            "video_id": [video.video_id for video in videos],
            "path": [video.path for video in videos],
            "file": [state_of[video.video_id] for video in videos],
        }
    )
    return [table.slice(start, videos_per_task) for start in range(0, len(table), videos_per_task)]


def _over_workers(tasks: list[pa.Table], index_file: IndexFile) -> Iterator[list[Indexed]]:
    """Yield what each task comes back with; a task that lost its worker too often comes back with nothing."""
    quieten()
    with warnings.catch_warnings():
        # Ray 2.60 calls `max_retries` deprecated here, and has nothing else yet that ends its endless retries.
        warnings.simplefilter("ignore", RayDeprecationWarning)
        indexed = ray.data.from_arrow(tasks).map_batches(
            partial(_index_task, index_file=index_file),
            batch_size=None,
            batch_format="pyarrow",
            num_cpus=1,
            max_retries=RETRIES,
            label_selector=label_selector("decode"),
        )
    indexed.context.max_errored_blocks = -1
    indexed.context.execution_options.preserve_order = False
    batches = indexed.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
    for batch in cast(Iterable[pa.Table], batches):
        yield [Indexed(**result) for result in batch.to_pylist()]


def _index_task(task: pa.Table, *, index_file: IndexFile) -> pa.Table:
    results = [_index_one(index_file, **video) for video in task.to_pylist()]
    return pa.Table.from_pylist(results, schema=_SCHEMA)


def _index_one(index_file: IndexFile, *, video_id: str, path: str, file: str) -> dict[str, Any]:
    try:
        row = {"file": file, **index_row(video_id, index_file(path))}
        return {"video_id": video_id, "path": path, "row": row}
    except VideoError as error:
        # Of an address the error's path is without its secrets.
        return {"video_id": video_id, "path": error.path, "reason": error.reason}
    except Exception as error:  # Whatever is wrong with one file must not cost the others.
        reason = hide_secrets(f"{type(error).__name__}: {error}")
        return {"video_id": video_id, "path": without_secrets(path), "reason": reason}
