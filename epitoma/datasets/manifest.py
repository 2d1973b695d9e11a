"""Manifest: a Parquet table of all videos of a dataset with labels and splits.

Reading checks every row and reports every bad one; nothing is dropped silently.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epitoma.core.errors import ManifestError
from epitoma.datasets.columns import flatten_lists, positions, spans
from epitoma.datasets.manifest_checks import check_rows
from epitoma.datasets.schema import SCHEMA, SPLITS, Interval, VideoRow, parse_metadata, to_table
from epitoma.files.allowed_roots import ROOTS_FILE, check_inside, roots_beside
from epitoma.files.parquet import read_parquet, write_parquet
from epitoma.files.presence import is_file
from epitoma.files.uris import is_address

__all__ = ["SCHEMA", "SPLITS", "Interval", "Manifest", "VideoRow", "read_manifest", "write_manifest"]


@dataclass(frozen=True)
class Manifest:
    """Videos of a dataset (rows of `table`, columns of SCHEMA) and its classes in order.

    Attributes:
        path: The Parquet file; relative video paths start at its folder.
        table: One checked row a video.
        classes: Names of the L classes; the index of a label here is its class number.
        multi_label: Whether a video may have any number of labels instead of exactly one.
    """

    path: Path
    table: pa.Table
    classes: tuple[str, ...]
    multi_label: bool

    def __len__(self) -> int:
        return self.table.num_rows

    @property
    def video_ids(self) -> list[str]:
        """Ids in the order of the rows."""
        return self.table["video_id"].to_pylist()

    @property
    def has_intervals(self) -> bool:
        """Whether the intervals of every video are known."""
        return self.table["intervals"].null_count == 0

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits that have a video, in the order train, validation, test."""
        present = set(self.table["split"].unique().to_pylist())
        return tuple(name for name in SPLITS if name in present)

    def only(self, video_ids: Sequence[str]) -> "Manifest":
        """Subset of the videos with these ids, in the order of the manifest."""
        return replace(
            self, table=self.table.filter(pc.field("video_id").isin(pa.array(video_ids, pa.string())))
        )

    def at(self, rows: np.ndarray) -> "Manifest":
        """Videos at these row numbers, in the order of ``rows``; repeated numbers repeat the video."""
        return replace(self, table=self.table.take(pa.array(rows)))

    def split(self, name: str) -> "Manifest":
        """Videos of one split.

        Raises:
            ManifestError: The split has no videos.
        """
        rows = self.table.filter(pc.field("split") == name).combine_chunks()
        if not rows.num_rows:
            splits = ", ".join(self.splits)
            raise ManifestError(f"{self.path}: split {name!r} has no videos; the splits are {splits}")
        return replace(self, table=rows)

    def resolved_paths(self) -> list[str]:
        """Absolute path, or address, of every video."""
        folder = os.path.abspath(self.path.parent)
        return [p if is_address(p) else os.path.join(folder, p) for p in self.table["path"].to_pylist()]

    def label_matrix(self) -> np.ndarray:
        """Multi-hot labels, float32 (V, L)."""
        rows, labels = flatten_lists(self.table["labels"].combine_chunks())
        matrix = np.zeros((len(self), len(self.classes)), dtype=np.float32)
        matrix[rows, positions(labels, self.classes)] = 1
        return matrix

    def evidence(self, times_seconds: np.ndarray) -> np.ndarray:
        """Whether each time lies in an annotated interval of its video; False where intervals are unknown.

        Args:
            times_seconds: Times since the first frame of each video, (V, T).

        Returns:
            bool (V, T).

        Raises:
            ValueError: There is not one row of times for each video.
        """
        if times_seconds.ndim != 2 or len(times_seconds) != len(self):
            raise ValueError(f"times are {times_seconds.shape}, expected ({len(self)}, T)")
        rows, intervals = flatten_lists(self.table["intervals"].combine_chunks())
        start, end = spans(intervals)
        inside = np.zeros(times_seconds.shape, dtype=bool)
        times = times_seconds[rows]
        np.logical_or.at(inside, rows, (times >= start[:, None]) & (times < end[:, None]))
        return inside

    def digest(self) -> str:
        """Digest of ids, paths, splits, labels, frame counts and classes, 16 hex digits."""
        digest = hashlib.sha256(json.dumps([self.classes, self.multi_label]).encode())
        for name in ("video_id", "path", "split", "labels", "frame_count"):
            digest.update(json.dumps(self.table[name].to_pylist()).encode())
        return digest.hexdigest()[:16]


def write_manifest(
    path: str | Path, rows: Sequence[VideoRow], *, classes: Sequence[str], multi_label: bool
) -> Manifest:
    """Check rows and write them to a file, which appears whole or not at all.

    Absolute video paths below the manifest's folder are stored relative to it, so that the folder can be moved.
    Whether the videos exist is checked on reading only.

    Raises:
        ManifestError: There are no rows, or some are bad; the message lists the bad ones.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(os.path.abspath(path.parent))
    stored = [replace(row, path=_below(folder, row.path)) for row in rows]
    table = to_table(stored, classes=classes, multi_label=multi_label)
    manifest = _checked(path, table, check_files=False)
    write_parquet(path, table)
    return manifest


def read_manifest(path: str | Path, *, check_files: bool = True) -> Manifest:
    """Read and check a manifest.

    The locations of the videos are checked here, once; workers get paths that have passed.

    Args:
        path: The Parquet file.
        check_files: Whether to check that every video exists.

    Raises:
        ManifestError: The file is missing, not a manifest or empty, has bad rows (the message lists them), or names
            videos outside the allowed places.
    """
    path = Path(path)
    if not is_file(path):
        raise ManifestError(f"no manifest at {path}; make one with `python -m ray_jobs.prepare`")
    table = _conform(path, read_parquet(path, columns=SCHEMA.names))
    manifest = _checked(path, table, check_files=check_files)
    check_inside(
        manifest.resolved_paths(),
        manifest.video_ids,
        roots_beside(manifest.path),
        source=str(path),
        remedy=partial(_let_in, manifest.path.with_name(ROOTS_FILE)),
    )
    return manifest


def _let_in(file: Path, places: list[str]) -> str:
    return (
        f"if you mean to read them, prepare the dataset with --allow {' --allow '.join(places)}, "
        f"or have {file} say {json.dumps({'roots': places})}"
    )


def _checked(path: Path, table: pa.Table, *, check_files: bool) -> Manifest:
    try:
        classes, multi_label = parse_metadata(table.schema.metadata or {})
    except ValueError as error:
        raise ManifestError(f"{path}: {error}; make it anew with `python -m ray_jobs.prepare`") from error
    manifest = Manifest(path.absolute(), table, classes, multi_label)
    if not len(manifest):
        raise ManifestError(f"{path}: has no videos")
    paths_are_known = check_files and not table["path"].null_count
    check_rows(
        table,
        manifest_path=path,
        classes=classes,
        multi_label=multi_label,
        paths=manifest.resolved_paths() if paths_are_known else None,
    )
    return manifest


def _conform(path: Path, table: pa.Table) -> pa.Table:
    """Convert a table to SCHEMA: further columns are dropped, types of other widths converted."""
    missing = [name for name in SCHEMA.names if name not in table.column_names]
    if missing:
        raise ManifestError(f"{path}: columns {', '.join(missing)} are missing")
    wrong = [
        f"column {field.name} is {table.schema.field(field.name).type}, expected {field.type}"
        for field in SCHEMA
        if _kind(table.schema.field(field.name).type) != _kind(field.type)
    ]
    if wrong:
        raise ManifestError(f"{path}: {'; '.join(wrong)}")
    try:
        columns = [table[field.name].cast(field.type) for field in SCHEMA]
    except pa.ArrowInvalid as error:
        raise ManifestError(f"{path}: a column has a wrong type ({error})") from error
    # In one chunk: looking up a row is faster, and pickling a slice of several chunks would write them completely.
    return pa.Table.from_arrays(columns, schema=SCHEMA.with_metadata(table.schema.metadata)).combine_chunks()


def _kind(arrow_type: pa.DataType) -> object:
    """Key that is equal for types which differ in width only; pandas writes large strings, for example."""
    if pa.types.is_string(arrow_type) or pa.types.is_large_string(arrow_type):
        return "string"
    if pa.types.is_integer(arrow_type) or pa.types.is_floating(arrow_type):
        return "number"
    if pa.types.is_list(arrow_type) or pa.types.is_large_list(arrow_type):
        return ("list", _kind(arrow_type.value_type))
    if pa.types.is_struct(arrow_type):
        return ("struct", frozenset((field.name, _kind(field.type)) for field in arrow_type))
    return arrow_type


def _below(folder: Path, path: str) -> str:
    if is_address(path) or not Path(path).is_relative_to(folder):
        return path
    return Path(path).relative_to(folder).as_posix()
