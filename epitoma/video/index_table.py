"""Video indices of a dataset, stored as a Parquet table beside its manifest, so that videos are demuxed only once.

Most videos have a constant distance between frames, which is stored as one number: a table of a hundred thousand videos
takes tens of megabytes instead of gigabytes.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from epitoma.core.errors import ManifestError
from epitoma.files.parquet import read_tables, write_parquet
from epitoma.files.presence import is_file
from epitoma.video.index import VideoIndex
from epitoma.video.packet_order import PacketOrder

INDEX_FILE = "index.parquet"

GROUP_ROWS = 65_536
"""Rows of a row group, which are read together: some tens of megabytes."""

PACKET_ORDER_TYPE = pa.struct(
    [
        # Frame of each packet less its number: small, and alike for most packets.
        pa.field("shifts", pa.list_(pa.int32()), nullable=False),
        # Null where packets are counted.
        pa.field("first_dts", pa.int64(), nullable=True),
        pa.field("dts_steps", pa.list_(pa.int64()), nullable=True),
        pa.field("joins", pa.list_(pa.int64()), nullable=False),
        pa.field("key_packets", pa.list_(pa.int64()), nullable=False),
        pa.field("key_places", pa.list_(pa.int64()), nullable=False),
    ]
)
"""The fields of PacketOrder."""

INDEX_SCHEMA = pa.schema(
    [
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("frame_count", pa.int64(), nullable=False),
        pa.field("first_pts", pa.int64(), nullable=False),
        # Distance between successive pts; null where it varies.
        pa.field("pts_step", pa.int64(), nullable=True),
        # All distances between pts where they vary, else null.
        pa.field("pts_steps", pa.list_(pa.int64()), nullable=True),
        pa.field("keyframes", pa.list_(pa.int64()), nullable=False),
        pa.field("time_base_numerator", pa.int64(), nullable=False),
        pa.field("time_base_denominator", pa.int64(), nullable=False),
        pa.field("fps", pa.float64(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("rotation", pa.int32(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=True),
        pa.field("stream", pa.int32(), nullable=False),
        pa.field("films", pa.int32(), nullable=False),
        # Null where timestamps tell which frame a packet holds.
        pa.field("packet_order", PACKET_ORDER_TYPE, nullable=True),
    ]
)
"""One row per video, with the fields of VideoIndex."""


def index_row(video_id: str, index: VideoIndex) -> dict[str, Any]:
    """Convert an index to a row of INDEX_SCHEMA."""
    steps = np.diff(index.pts)
    is_constant = len(steps) > 0 and bool((steps == steps[0]).all())
    return {
        "video_id": video_id,
        "frame_count": index.frame_count,
        "first_pts": int(index.pts[0]),
        "pts_step": int(steps[0]) if is_constant else None,
        "pts_steps": None if is_constant else steps.tolist(),
        "keyframes": index.keyframes.tolist(),
        "time_base_numerator": index.time_base.numerator,
        "time_base_denominator": index.time_base.denominator,
        "fps": index.fps,
        "width": index.width,
        "height": index.height,
        "rotation": index.rotation,
        "size_bytes": index.size_bytes,
        "stream": index.stream,
        "films": index.films,
        "packet_order": None if index.packet_order is None else _order_row(index.packet_order),
    }


def row_index(row: Mapping[str, Any]) -> VideoIndex:
    """Convert a row of INDEX_SCHEMA to an index."""
    if row["pts_step"] is None:
        steps = np.asarray(row["pts_steps"], dtype=np.int64)
    else:
        steps = np.full(row["frame_count"] - 1, row["pts_step"], dtype=np.int64)
    return VideoIndex(
        pts=row["first_pts"] + np.concatenate([[0], np.cumsum(steps)]).astype(np.int64),
        keyframes=np.asarray(row["keyframes"], dtype=np.int64),
        time_base=Fraction(row["time_base_numerator"], row["time_base_denominator"]),
        fps=row["fps"],
        width=row["width"],
        height=row["height"],
        rotation=row["rotation"],
        size_bytes=row["size_bytes"],
        stream=row["stream"],
        films=row["films"],
        packet_order=None if row["packet_order"] is None else _row_order(row["packet_order"]),
    )


def _order_row(order: PacketOrder) -> dict[str, Any]:
    has_times = len(order.dts) > 0
    return {
        "shifts": (order.frames - np.arange(len(order.frames))).tolist(),
        "first_dts": int(order.dts[0]) if has_times else None,
        "dts_steps": np.diff(order.dts).tolist() if has_times else None,
        "joins": order.joins.tolist(),
        "key_packets": order.key_packets.tolist(),
        "key_places": order.key_places.tolist(),
    }


def _row_order(row: Mapping[str, Any]) -> PacketOrder:
    shifts = np.asarray(row["shifts"], np.int64)
    is_counted = row["first_dts"] is None
    steps = np.asarray([] if is_counted else [row["first_dts"], *row["dts_steps"]], np.int64)
    return PacketOrder(
        frames=shifts + np.arange(len(shifts)),
        dts=np.cumsum(steps).astype(np.int64),
        joins=np.asarray(row["joins"], np.int64),
        key_packets=np.asarray(row["key_packets"], np.int64),
        key_places=np.asarray(row["key_places"], np.int64),
    )


def write_indices(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows of INDEX_SCHEMA to a Parquet file, atomically."""
    write_index_table(path, pa.Table.from_pylist([dict(row) for row in rows], schema=INDEX_SCHEMA))


def write_index_table(path: str | Path, table: pa.Table) -> None:
    """Write a table of INDEX_SCHEMA to a Parquet file, atomically."""
    write_parquet(Path(path), table, group_rows=GROUP_ROWS)


class VideoIndices:
    """Indices in memory, looked up by video id.

    Args:
        table: Rows of INDEX_SCHEMA.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table.combine_chunks()

    def get(self, video_id: str) -> VideoIndex | None:
        """Look up a video's index; None if the table has none."""
        row = self.row(video_id)
        return None if row is None else row_index(row)

    def row(self, video_id: str) -> dict[str, Any] | None:
        """Look up a video's row of INDEX_SCHEMA; None if the table has none."""
        place = self._rows.get(video_id)
        return None if place is None else self.table.slice(place, 1).to_pylist()[0]

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {video_id: row for row, video_id in enumerate(self.table["video_id"].to_pylist())}


class StoredIndices:
    """Indices of a dataset on disk, read for some videos at a time: those of a million take gigabytes of memory.

    Args:
        path: Parquet file of INDEX_SCHEMA; None where the dataset has none.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path

    @classmethod
    def beside(cls, manifest: str | Path) -> "StoredIndices":
        """Find the table that lies beside a manifest.

        Raises:
            ManifestError: The file is not Parquet, or has other columns.
        """
        path = Path(manifest).parent / INDEX_FILE
        if not is_file(path):
            return cls(None)
        try:
            schema = pq.read_schema(path)
        except pa.ArrowInvalid as error:
            raise ManifestError(f"{path}: is not a Parquet file ({error}); delete it") from error
        if not schema.equals(INDEX_SCHEMA):
            raise ManifestError(f"{path}: is not a table of video indices of this version; delete it")
        return cls(path)

    def only(self, video_ids: pa.Array | pa.ChunkedArray) -> VideoIndices:
        """Read the indices of some videos; scans the whole file, GROUP_ROWS rows at a time."""
        if self.path is None:
            return VideoIndices(INDEX_SCHEMA.empty_table())
        wanted = pc.field("video_id").isin(video_ids.unique())
        found = [table.filter(wanted) for table in read_tables(self.path, INDEX_SCHEMA, rows=GROUP_ROWS)]
        return VideoIndices(pa.concat_tables([INDEX_SCHEMA.empty_table(), *found]))
