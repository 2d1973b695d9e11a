"""Arrow columns as numpy arrays: helpers of the manifest that pyarrow does not have."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def flatten_lists(column: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """Row of every element of a list column, int (elements,), and the elements."""
    return column.value_parent_indices().to_numpy(), column.flatten()


def positions(values: pa.Array, names: pa.Array | Sequence[str]) -> np.ndarray:
    """Index of every value in `names`, int (values,); -1 for null and for values that are not in it."""
    options = pc.SetLookupOptions(pa.array(names, pa.string()), skip_nulls=True)
    found = pc.call_function("index_in", [values], options)
    return found.fill_null(-1).to_numpy()


def spans(intervals: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Start and end of every interval in seconds, float64 (intervals,); NaN for null."""
    start, end = intervals.field("start_seconds"), intervals.field("end_seconds")
    return start.to_numpy(zero_copy_only=False), end.to_numpy(zero_copy_only=False)
