"""IndexParts: video indices stored as they are computed, so that an interrupted preparation can resume.

Each part is a small Parquet file that appears whole. The key of a row is its file's path, size and modification time,
so a changed file is indexed again. Videos that cannot be read are not stored, because the reason may be temporary. The
key of an address is the address alone, since size and time are not known without opening it.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa

from epitoma.files.parquet import read_parquet, write_parquet
from epitoma.files.presence import entries_of
from epitoma.files.uris import is_address
from epitoma.video.index_table import INDEX_SCHEMA

PART_SCHEMA = pa.schema([pa.field("file", pa.string(), nullable=False), *INDEX_SCHEMA])
"""State of a file (see :func:`file_state`) and its index; the video id is the one at the time of indexing."""


class IndexParts:
    """Index parts in a folder.

    Args:
        folder: Folder of the parts; it is made when the first one is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def states(self) -> set[str]:
        """States of the files whose indices are stored."""
        return {state for part in self._parts() for state in part["file"].to_pylist()}

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows of PART_SCHEMA as a new part."""
        self._write(pa.Table.from_pylist([dict(row) for row in rows], schema=PART_SCHEMA))

    def rows(self, video_id_of_state: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Rows of INDEX_SCHEMA by video id, for those of the given states that are stored."""
        found = {}
        for part in self._parts():
            for row in part.to_pylist():
                video_id = video_id_of_state.get(row.pop("file"))
                if video_id is not None:
                    found[video_id] = {**row, "video_id": video_id}
        return found

    def compact(self, states: Collection[str]) -> None:
        """Merge the rows of these states into one part and delete all others, whose files were changed or removed."""
        # The old parts are listed before and deleted after the new one is written: a crash loses no row.
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
        """All parts of the present schema; parts written by another version are ignored."""
        tables = [read_parquet(file) for file in self._files()]
        return [table for table in tables if table.schema.equals(PART_SCHEMA)]

    def _files(self) -> list[Path]:
        return entries_of(self.folder, "[!.]*.parquet")


def file_state(path: str) -> str:
    """State of a file as text: path, size and modification time; the path alone for an address or a missing file."""
    try:
        status = None if is_address(path) else os.stat(path)
    except OSError:
        status = None
    return path if status is None else f"{path} {status.st_size} {status.st_mtime_ns}"
