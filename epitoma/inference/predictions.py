"""What a model said of many videos, kept as it comes in, so that a job that was cut off goes on where it stopped."""

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
"""One row a video: best labels first with their scores; the timesteps that were kept, when they are and how they
scored; how many that is (T') of how many; computation and time spent; and damaged frames that a neighbour stands in
for."""

SCHEMA = PREDICTION_SCHEMA.append(pa.field("key", pa.string(), nullable=False))
"""The same with what the file was then, as of :func:`key_of`."""


class Predictions:
    """The predictions in a folder: one table of those of finished jobs, and small ones of a job that is under way.

    Args:
        folder: Where they lie; made when the first is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts = folder / PARTS_FOLDER

    def keys(self) -> set[str]:
        """Keys of the videos that are done."""
        return {
            key for table in self._tables(self._parts(), columns=["key"]) for key in table["key"].to_pylist()
        }

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows of SCHEMA, if there are any."""
        if not rows:
            return
        self.parts.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(list(rows), schema=SCHEMA)
        write_parquet(self.parts / f"{uuid4().hex}.parquet", table)

    def finish(self, keys: Sequence[str]) -> pa.Table:
        """Put what is known of these videos into one table, in their order, and drop all others.

        Returns:
            The table.
        """
        parts = self._parts()
        known = pa.concat_tables([SCHEMA.empty_table(), *self._tables(parts)]).combine_chunks()
        rows = positions(pa.array(keys, pa.string()), known["key"].combine_chunks())
        table = known.take(pa.array(rows[rows >= 0]))
        self.folder.mkdir(parents=True, exist_ok=True)
        write_parquet(self.folder / PREDICTIONS_FILE, table)
        for part in parts:
            part.unlink()
        return table

    def _tables(self, parts: Sequence[Path], *, columns: Sequence[str] | None = None) -> list[pa.Table]:
        whole = self.folder / PREDICTIONS_FILE
        files = [*([whole] if whole.is_file() else []), *parts]
        tables = [read_parquet(file, columns=columns) for file in files]
        for file, table in zip(files, tables, strict=True):
            if table.schema.names != list(columns or SCHEMA.names):
                raise RunError(f"{file} is not a table of predictions of this version: choose another output")
        return tables

    def _parts(self) -> list[Path]:
        return sorted(self.parts.glob("[!.]*.parquet"))


def key_of(video: ListedVideo) -> str:
    """Name a video and what its file is now, in 24 hex digits: a file that has changed is another."""
    content = f"{video.video_id}\x1f{file_state(video.path)}"
    return hashlib.sha256(content.encode()).hexdigest()[:24]


def read_predictions(folder: Path) -> pa.Table:
    """Read the table of a finished job: rows of SCHEMA.

    Raises:
        ManifestError: It is not a Parquet file.
        RunError: There is none.
    """
    file = folder / PREDICTIONS_FILE
    if not file.is_file():
        raise RunError(f"no {PREDICTIONS_FILE} in {folder}: nothing was predicted there")
    return read_parquet(file)
