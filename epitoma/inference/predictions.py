"""Predictions of many videos in a folder, written as they come in, so that an interrupted job continues there."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa

from epitoma.core.errors import RunError
from epitoma.datasets.columns import positions
from epitoma.datasets.index_parts import file_state
from epitoma.datasets.listing import ListedVideo
from epitoma.files.parquet import read_parquet, write_parquet
from epitoma.files.presence import entries_of, is_file

PREDICTIONS_FILE = "predictions.parquet"
PARTS_FOLDER = "parts"

PREDICTION_SCHEMA = pa.schema(
    [
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("labels", pa.list_(pa.string()), nullable=False),
        pa.field("scores", pa.list_(pa.float64()), nullable=False),
        pa.field("timesteps", pa.list_(pa.int64()), nullable=False),
        pa.field("seconds", pa.list_(pa.float64()), nullable=False),
        pa.field("alpha", pa.list_(pa.float64()), nullable=False),
        pa.field("kept", pa.int64(), nullable=False),
        pa.field("candidates", pa.int64(), nullable=False),
        pa.field("gmacs", pa.float64(), nullable=False),
        pa.field("decoding_ms", pa.float64(), nullable=False),
        pa.field("light_ms", pa.float64(), nullable=False),
        pa.field("heavy_ms", pa.float64(), nullable=False),
        pa.field("replaced_frames", pa.int64(), nullable=False),
    ]
)
"""One row per video: labels with scores, the best first; numbers, times and alpha of the kept timesteps; how many were
kept (T') of how many candidates (T); GMACs and milliseconds; and how many damaged frames were replaced."""

SCHEMA = PREDICTION_SCHEMA.append(pa.field("key", pa.string(), nullable=False))
"""PREDICTION_SCHEMA with the video's key (see :func:`key_of`)."""


class Predictions:
    """Predictions in a folder: one table of finished jobs, and small parts of a running or interrupted one.

    Args:
        folder: The folder; created with the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts = folder / PARTS_FOLDER

    def keys(self) -> set[str]:
        """Keys of the videos that have a prediction."""
        return {
            key for table in self._tables(self._parts(), columns=["key"]) for key in table["key"].to_pylist()
        }

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write rows of SCHEMA as a new part, if there are any."""
        if not rows:
            return
        self.parts.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(list(rows), schema=SCHEMA)
        write_parquet(self.parts / f"{uuid4().hex}.parquet", table)

    def finish(self, keys: Sequence[str]) -> pa.Table:
        """Merge the predictions of these videos into one table, in their order, and drop all others.

        Returns:
            The table.
        """
        parts = self._parts()
        known = pa.concat_tables([SCHEMA.empty_table(), *self._tables(parts)]).combine_chunks()
        rows = positions(pa.array(keys, pa.string()), known["key"].combine_chunks())
        table = known.take(pa.array(rows[rows >= 0]))
        self.folder.mkdir(parents=True, exist_ok=True)
        write_parquet(self.folder / PREDICTIONS_FILE, table)
        # Last, so that a killed job loses nothing.
        for part in parts:
            part.unlink()
        return table

    def _tables(self, parts: Sequence[Path], *, columns: Sequence[str] | None = None) -> list[pa.Table]:
        whole = self.folder / PREDICTIONS_FILE
        files = [*([whole] if is_file(whole) else []), *parts]
        tables = [read_parquet(file, columns=columns) for file in files]
        for file, table in zip(files, tables, strict=True):
            if table.schema.names != list(columns or SCHEMA.names):
                raise RunError(f"{file} is not a table of predictions of this version: choose another output")
        return tables

    def _parts(self) -> list[Path]:
        return entries_of(self.parts, "[!.]*.parquet")


def key_of(video: ListedVideo) -> str:
    """Hash a video's id and the state of its file into 24 hex digits; a changed file has another key."""
    content = f"{video.video_id}\x1f{file_state(video.path)}"
    return hashlib.sha256(content.encode()).hexdigest()[:24]


def read_predictions(folder: Path) -> pa.Table:
    """Read the table of a finished job: rows of SCHEMA.

    Raises:
        ManifestError: It is not a Parquet file.
        RunError: The folder has no predictions.
    """
    file = folder / PREDICTIONS_FILE
    if not is_file(file):
        raise RunError(f"no {PREDICTIONS_FILE} in {folder}: nothing was predicted there")
    return read_parquet(file)
