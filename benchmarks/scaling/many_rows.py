"""A manifest of very many rows that name a few real files, each under a path of its own, with an index of all.

Written a column at a time, since a million Python rows would take longer to make than all that is measured on them.
"""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.ingest import make_files
from epitoma.datasets.schema import SCHEMA, to_table
from epitoma.files.parquet import write_parquet
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.index_table import INDEX_FILE, INDEX_SCHEMA, index_row, write_index_table

CLASSES = tuple(f"class {number:02d}" for number in range(10))
FILES = 4
SECONDS = 140
FOLDER_FILES = 1000
VALIDATION_EVERY = 100


def write_many(folder: Path, videos: Path, rows: int, *, seconds: int = SECONDS) -> Path:
    """Write manifest and index of many rows; gives the manifest's path.

    Args:
        folder: Where they go.
        videos: Where the real files are, or are made.
        rows: How many videos.
        seconds: Length of each real file that is made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = make_files(videos, seconds=seconds, count=FILES)
    indices = [index_video(file) for file in files]
    numbers = np.arange(rows)
    _link(folder, files, folders=-(-rows // FOLDER_FILES))
    ids = _joined("video ", numbers)
    write_index_table(folder / INDEX_FILE, _index_table(ids, indices))
    path = folder / "manifest.parquet"
    write_parquet(path, _manifest_table(ids, numbers, indices))
    return path


def _link(folder: Path, files: list[Path], *, folders: int) -> None:
    """A name for each row below the manifest's folder: a folder of files, and links to that folder."""
    first = folder / _folder_name(0)
    first.mkdir(exist_ok=True)
    for number in range(FOLDER_FILES):
        name = first / _file_name(number)
        if not name.is_file():
            os.link(files[number % FILES], name)
    for number in range(1, folders):
        name = folder / _folder_name(number)
        if not name.is_symlink():
            name.symlink_to(_folder_name(0))


def _folder_name(number: int) -> str:
    return f"videos {number:06d}"


def _file_name(number: int) -> str:
    return f"{number:06d}.mp4"


def _manifest_table(ids: pa.Array, numbers: np.ndarray, indices: list[VideoIndex]) -> pa.Table:
    folders = _joined("videos ", numbers // FOLDER_FILES)
    names = pc.binary_join_element_wise(_joined("", numbers % FOLDER_FILES), ".mp4", "")
    of_file = pa.array(numbers % FOLDER_FILES % FILES)
    is_validation = pa.array(numbers % VALIDATION_EVERY == 0)
    columns = {
        "video_id": ids,
        "path": pc.binary_join_element_wise(folders, names, "/"),
        "split": pc.if_else(is_validation, "validation", "train"),
        "labels": _lists_of_one(pa.array(CLASSES).take(pa.array(numbers % len(CLASSES)))),
        "duration_seconds": pa.array([index.duration_seconds for index in indices]).take(of_file),
        "fps": pa.array([index.fps for index in indices]).take(of_file),
        "frame_count": pa.array([index.frame_count for index in indices]).take(of_file),
        "intervals": pa.nulls(len(ids), SCHEMA.field("intervals").type),
    }
    metadata = to_table([], classes=CLASSES, multi_label=False).schema.metadata
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA.with_metadata(metadata))


def _index_table(ids: pa.Array, indices: list[VideoIndex]) -> pa.Table:
    few = pa.Table.from_pylist([index_row("", index) for index in indices], schema=INDEX_SCHEMA)
    of_file = pa.array(np.arange(len(ids)) % FOLDER_FILES % FILES)
    return few.take(of_file).set_column(0, INDEX_SCHEMA.field("video_id"), ids)


def _joined(prefix: str, numbers: np.ndarray) -> pa.Array:
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 6, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def _lists_of_one(values: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(np.arange(len(values) + 1, dtype=np.int32)), values)
