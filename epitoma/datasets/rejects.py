"""Rejects: a table of unusable videos with reasons, beside the manifest, so that none is lost silently."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from epitoma.core.names import escaped
from epitoma.files.parquet import write_parquet

REJECT_SCHEMA = pa.schema([pa.field(name, pa.string()) for name in ("video_id", "path", "reason")])


@dataclass(frozen=True)
class Reject:
    """One video that was left out, with the reason; bytes of a name that are not UTF-8 are kept as escapes.

    Attributes:
        video_id: Id of the video.
        path: Path or address of the video.
        reason: Why it was left out.
    """

    video_id: str
    path: str
    reason: str

    def __post_init__(self) -> None:
        for name, text in vars(self).items():
            object.__setattr__(self, name, escaped(text))


def write_rejects(path: str | Path, rejects: Sequence[Reject]) -> None:
    """Write rejects to a Parquet file, which appears whole or not at all; without rejects the table is empty."""
    write_parquet(Path(path), pa.Table.from_pylist([vars(r) for r in rejects], schema=REJECT_SCHEMA))
