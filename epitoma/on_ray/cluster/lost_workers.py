"""Reading files over CPU workers: no file stops the others, not even one that ends the process that reads it.

A task that loses its worker is tried again, because machines come and go. Ray would do so for ever; here, after a
second time, the task's files are given a task each, and a file that still loses its worker is one that cannot be
read.
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
"""From tasks, tables of videos, to what they come back with, tables that have a ``video_id``."""


def each_once(
    videos: pa.Table, run: Run, *, videos_per_task: int, lost: Callable[[pa.Table], pa.Table]
) -> Iterator[pa.Table]:
    """Run tasks over videos; yields what they come back with, in the order in which they end.

    Args:
        videos: Rows with a ``video_id``.
        run: Runs them; a task that lost its worker too often comes back with nothing.
        videos_per_task: Of the first try; those that came back with nothing get a task each.
        lost: Says of videos that still did that they cannot be read, as tasks say it.
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


def over_workers(
    rows: Dataset, task: Callable[[pa.Table], Any], *, batch_size: int | None, num_cpus: float
) -> Dataset:
    """Rows after a task on machines that decode; see :meth:`ray.data.Dataset.map_batches`."""
    with warnings.catch_warnings():
        # Ray 2.60 calls `max_retries` deprecated here, and has nothing else yet that ends its endless retries.
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


def as_they_come(rows: Dataset) -> Iterator[pa.Table]:
    """Yield what tasks come back with, in any order; those that lost their worker too often are left out."""
    rows.context.max_errored_blocks = -1
    rows.context.execution_options.preserve_order = False
    batches = rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
    return iter(cast(Iterable[pa.Table], batches))
