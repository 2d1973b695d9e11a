"""Indices of files as they come in, kept so that an interrupted preparation goes on where it stopped.

Each part is a small Parquet file that appears whole. A row is known by its file's path, size and time of
change: a changed file is another row, so that it is indexed anew. Videos that cannot be read are not kept,
because the reason may be gone the next time. An address has neither size nor time without being opened, and is
known by itself alone.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa

from epitoma.files.parquet import read_parquet, write_parquet
from epitoma.files.uris import is_address
from epitoma.video.index_table import INDEX_SCHEMA

PART_SCHEMA = pa.schema([pa.field("file", pa.string(), nullable=False), *INDEX_SCHEMA])
"""A file's state, as of :func:`file_state`, and its index; the video id is the one it had then."""


class IndexParts:
    """The parts in a folder.

    Args:
        folder: Where they lie; made when the first is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def states(self) -> set[str]:
        """States of the files whose indices are kept."""
        return {state for part in self._parts() for state in part["file"].to_pylist()}

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows of PART_SCHEMA as a part."""
        self._write(pa.Table.from_pylist([dict(row) for row in rows], schema=PART_SCHEMA))

    def rows(self, video_id_of_state: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Give rows of INDEX_SCHEMA by video id, for the states asked for that are kept."""
        found = {}
        for part in self._parts():
            for row in part.to_pylist():
                video_id = video_id_of_state.get(row.pop("file"))
                if video_id is not None:
                    found[video_id] = {**row, "video_id": video_id}
        return found

    def compact(self, states: Collection[str]) -> None:
        """Put the rows of these states into one part, and drop all others, which are of files that changed or went."""
        old = self._files()
        rows = {
            row["file"]: row for part in self._parts() for row in part.to_pylist() if row["file"] in states
        }
        self._write(pa.Table.from_pylist(list(rows.values()), schema=PART_SCHEMA))
        for file in old:
            file.unlink()

    def _write(self, table: pa.Table) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_parquet(self.folder / f"{uuid4().hex}.parquet", table)

    def _parts(self) -> list[pa.Table]:
        """All parts; those of another version of the index are as good as none."""
        tables = [read_parquet(file) for file in self._files()]
        return [table for table in tables if table.schema.equals(PART_SCHEMA)]

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[!.]*.parquet"))


def file_state(path: str) -> str:
    """Name what a file is now: its path, size and time of change; of an address or a missing file the path alone."""
    try:
        status = None if is_address(path) else os.stat(path)
    except OSError:
        status = None
    return path if status is None else f"{path} {status.st_size} {status.st_mtime_ns}"
