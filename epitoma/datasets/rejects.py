"""Videos that cannot be used, with the reason: a table beside the manifest, so that none is lost silently."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from epitoma.files.parquet import write_parquet

REJECT_SCHEMA = pa.schema([pa.field(name, pa.string()) for name in ("video_id", "path", "reason")])


@dataclass(frozen=True)
class Reject:
    """One video that was left out, and why."""

    video_id: str
    path: str
    reason: str


def write_rejects(path: str | Path, rejects: Sequence[Reject]) -> None:
    """Write rejects to a Parquet file, whole or not at all; no rejects make an empty table."""
    write_parquet(Path(path), pa.Table.from_pylist([vars(r) for r in rejects], schema=REJECT_SCHEMA))
