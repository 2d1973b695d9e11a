"""Arrow schema of a manifest, and its row as a Python value."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")

FORMAT_KEY = b"epitoma.format"
CLASSES_KEY = b"epitoma.classes"
MULTI_LABEL_KEY = b"epitoma.multi_label"
FORMAT = b"1"

INTERVAL_TYPE = pa.struct(
    [
        pa.field("start_seconds", pa.float64()),
        pa.field("end_seconds", pa.float64()),
        pa.field("label", pa.string()),
    ]
)

SCHEMA = pa.schema(
    [
        # Unique in the manifest; seeds and feature keys are derived from it.
        pa.field("video_id", pa.string(), nullable=False),
        # Relative to the manifest's folder, absolute, or an address with "://".
        pa.field("path", pa.string(), nullable=False),
        # One of SPLITS.
        pa.field("split", pa.string(), nullable=False),
        # Names of classes in the metadata: exactly one, or any number where multi_label is true.
        pa.field("labels", pa.list_(pa.string()), nullable=False),
        # From the start of the first frame to the end of the last.
        pa.field("duration_seconds", pa.float64(), nullable=False),
        pa.field("fps", pa.float64(), nullable=False),
        pa.field("frame_count", pa.int64(), nullable=False),
        # Intervals that show the labels; null where unknown, empty where there are none.
        pa.field("intervals", pa.list_(INTERVAL_TYPE), nullable=True),
    ]
)
"""Columns of a manifest. The metadata of the file holds the format, the classes and multi_label."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Interval of a video that shows `label`, in seconds since the first frame."""

    start_seconds: float
    end_seconds: float
    label: str


@dataclass(frozen=True, kw_only=True)
class VideoRow:
    """One video of a manifest; fields as in SCHEMA."""

    video_id: str
    path: str
    split: str
    labels: tuple[str, ...]
    duration_seconds: float
    fps: float
    frame_count: int
    intervals: tuple[Interval, ...] | None = None


def to_table(rows: Sequence[VideoRow], *, classes: Sequence[str], multi_label: bool) -> pa.Table:
    """Build the table of a manifest with its metadata, without checking the rows."""
    columns = {field.name: [getattr(row, field.name) for row in rows] for field in SCHEMA}
    columns["intervals"] = [
        None if row.intervals is None else [vars(interval) for interval in row.intervals] for row in rows
    ]
    arrays = [pa.array(columns[field.name], type=field.type) for field in SCHEMA]
    schema = SCHEMA.with_metadata(
        {
            FORMAT_KEY: FORMAT,
            CLASSES_KEY: json.dumps(list(classes)).encode(),
            MULTI_LABEL_KEY: b"true" if multi_label else b"false",
        }
    )
    return pa.Table.from_arrays(arrays, schema=schema)


def parse_metadata(metadata: Mapping[bytes, bytes]) -> tuple[tuple[str, ...], bool]:
    """Parse the classes in order, and whether a video may have any number of labels.

    Raises:
        ValueError: A key is missing or has a value unknown to this version; the message says which.
    """
    if metadata.get(FORMAT_KEY) != FORMAT:
        raise ValueError(f"metadata {FORMAT_KEY.decode()} is {metadata.get(FORMAT_KEY)}, expected {FORMAT}")
    multi_label = metadata.get(MULTI_LABEL_KEY)
    if multi_label not in (b"true", b"false"):
        raise ValueError(
            f"metadata {MULTI_LABEL_KEY.decode()} is {multi_label}, expected b'true' or b'false'"
        )
    return _parse_classes(metadata.get(CLASSES_KEY, b"null")), multi_label == b"true"


def _parse_classes(text: bytes) -> tuple[str, ...]:
    name = CLASSES_KEY.decode()
    try:
        classes = json.loads(text)
    except ValueError as error:
        raise ValueError(f"metadata {name} is not JSON: {error}") from error
    if not isinstance(classes, list) or not classes or not all(isinstance(c, str) and c for c in classes):
        raise ValueError(f"metadata {name} is {classes!r}, expected a JSON list of names")
    repeated = sorted({c for c in classes if classes.count(c) > 1})
    if repeated:
        raise ValueError(f"metadata {name} names {', '.join(repeated)} more than once")
    return tuple(classes)
