"""Decoded videos as rows of Arrow tables, without copies of their pixels.

Ray Data's own tensor columns copy pixels several times between a task and the trainer; for rows of tens of megabytes
that costs as much as decoding. Here a column of bytes wraps the decoder's buffer, is copied once into the object store,
and is read there.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

Row = dict[str, Any]

PIXELS = ("frames", "snippets")
_SHAPES = "{}_shape"


def pixel_table(row: Row, schema: pa.Schema | None = None) -> pa.Table:
    """Make a table of one row; its arrays named in PIXELS must be uint8.

    Args:
        row: The row.
        schema: Types of the other columns, where they cannot be inferred from the values, such as None.
    """
    types = {} if schema is None else {field.name: field.type for field in schema}
    columns = {name: pa.array([value], types.get(name)) for name, value in row.items() if name not in PIXELS}
    for name in PIXELS:
        columns[name] = _bytes_column(row[name])
        columns[_SHAPES.format(name)] = pa.array([list(row[name].shape)], pa.list_(pa.int32()))
    return pa.table(columns)


def pixel_rows(table: pa.Table) -> Iterator[Row]:
    """Yield the rows of tables made by pixel_table; their pixels are read-only views of the table's buffers."""
    others = [name for name in table.column_names if not name.startswith(PIXELS)]
    plain = table.select(others).to_pylist()
    pixels = (_views(table[name], table[_SHAPES.format(name)].to_pylist()) for name in PIXELS)
    for row, *arrays in zip(plain, *pixels, strict=True):
        yield {**row, **dict(zip(PIXELS, arrays, strict=True))}


def _bytes_column(array: np.ndarray) -> pa.Array:
    content = np.ascontiguousarray(array).reshape(-1)
    offsets = pa.py_buffer(np.array([0, content.nbytes], dtype=np.int64))
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(content)])


def _views(column: pa.ChunkedArray, shapes: list[list[int]]) -> Iterator[np.ndarray]:
    """Yield the array of every row, read from the column's buffers: an Arrow scalar would be a copy."""
    chunk_rows = ((chunk, row) for chunk in column.chunks for row in range(len(chunk)))
    for (chunk, row), shape in zip(chunk_rows, shapes, strict=True):
        _, offsets, content = chunk.buffers()
        start = np.frombuffer(offsets, dtype=np.int64)[chunk.offset + row]
        flat = np.frombuffer(content, dtype=np.uint8, count=math.prod(shape), offset=int(start))
        yield flat.reshape(shape)
