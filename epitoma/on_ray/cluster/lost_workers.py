"""Tasks that read files on CPU workers: no file stops the others, not even one that kills its worker process.

A task whose worker dies is retried, because nodes come and go. Ray would retry for ever; here, after a second loss,
each file of the task gets a task of its own, and a file that still kills its worker is reported as unreadable.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
from ray.data import Dataset
from ray.util.annotations import RayDeprecationWarning

from epitoma.on_ray.cluster.placement import label_selector

LOST = "ends the process that reads it, each time that it is tried"
_RETRIES = 1

Run = Callable[[list[pa.Table]], Iterator[pa.Table]]
"""Runs tasks, each a table of videos, and yields their results, tables with a ``video_id``."""


def run_with_retries(
    videos: pa.Table, run: Run, *, videos_per_task: int, lost: Callable[[pa.Table], pa.Table]
) -> Iterator[pa.Table]:
    """Run tasks over videos; yields one result per video, as tables in the order in which tasks end.

    Args:
        videos: Rows with a ``video_id``.
        run: Runs tasks; one that lost its worker too often has no result.
        videos_per_task: Videos of a task; those without a result are run again, one per task.
        lost: Makes the result of videos that have none after that too: that they cannot be read.
    """
    waiting = videos
    for count in (videos_per_task, 1):
        answered: list[str] = []
        for results in run([waiting.slice(start, count) for start in range(0, len(waiting), count)]):
            answered += results["video_id"].to_pylist()
            yield results
        waiting = waiting.filter(~pc.field("video_id").isin(pa.array(answered, pa.string())))
        if not len(waiting):
            return
    yield lost(waiting)


def map_on_decoders(
    rows: Dataset, task: Callable[[pa.Table], Any], *, batch_size: int | None, num_cpus: float
) -> Dataset:
    """Apply a task to rows on nodes for decoding; see :meth:`ray.data.Dataset.map_batches`."""
    with warnings.catch_warnings():
        # Ray 2.60 retries without end; `max_retries` is deprecated here, but nothing replaces it yet.
        warnings.simplefilter("ignore", RayDeprecationWarning)
        return rows.map_batches(
            task,
            batch_size=batch_size,
            batch_format="pyarrow",
            zero_copy_batch=True,
            num_cpus=num_cpus,
            max_retries=_RETRIES,
            label_selector=label_selector("decode"),
        )


def unordered_batches(rows: Dataset) -> Iterator[pa.Table]:
    """Yield the results of tasks, in any order; tasks that lost their worker too often are left out."""
    # Any number of blocks may fail: `run_with_retries` finds the videos without a result.
    rows.context.max_errored_blocks = -1
    rows.context.execution_options.preserve_order = False
    batches = rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
    return iter(cast(Iterable[pa.Table], batches))
