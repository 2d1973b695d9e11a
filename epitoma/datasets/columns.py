"""Arrow columns as numpy arrays: what the manifest needs beyond pyarrow's own methods."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def flatten_lists(column: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """Give the row of every element of a list column, int (elements,), and the elements."""
    return column.value_parent_indices().to_numpy(), column.flatten()


def positions(values: pa.Array, names: pa.Array | Sequence[str]) -> np.ndarray:
    """Give the place of every value among `names`, int (values,); -1 where it is none of them, or null."""
    options = pc.SetLookupOptions(pa.array(names, pa.string()), skip_nulls=True)
    found = pc.call_function("index_in", [values], options)
    return found.fill_null(-1).to_numpy()


def spans(intervals: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Give the start and end of every interval in seconds, float64 (intervals,); NaN for null."""
    start, end = intervals.field("start_seconds"), intervals.field("end_seconds")
    return start.to_numpy(zero_copy_only=False), end.to_numpy(zero_copy_only=False)
