"""Tasks that read files on CPU workers, in any order; what a file does to its worker is for ``attempts.py``."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import pyarrow as pa
from ray.data import Dataset

from epitoma.on_ray.cluster.placement import label_selector


def map_on_decoders(
    rows: Dataset, task: Callable[[pa.Table], Any], *, batch_size: int | None, num_cpus: float
) -> Dataset:
    """Apply a task to rows on nodes for decoding; see :meth:`ray.data.Dataset.map_batches`."""
    return rows.map_batches(
        task,
        batch_size=batch_size,
        batch_format="pyarrow",
        zero_copy_batch=True,
        num_cpus=num_cpus,
        label_selector=label_selector("decode"),
    )


def unordered_batches(rows: Dataset) -> Iterator[pa.Table]:
    """Yield the results of tasks, in any order."""
    rows.context.execution_options.preserve_order = False
    batches = rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
    return iter(cast(Iterable[pa.Table], batches))
