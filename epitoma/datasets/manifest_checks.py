"""Checks of all rows of a manifest, a column at a time, so that a million rows are checked quickly."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from epitoma.core.errors import ManifestError
from epitoma.datasets.columns import flatten_lists, positions, spans
from epitoma.datasets.present_files import missing_files
from epitoma.datasets.schema import SCHEMA, SPLITS

# Bad rows that the error message lists in full.
_ROWS_NAMED = 20
# Tolerance at the end of a video: times in manifests are often rounded to milliseconds.
_SLACK_SECONDS = 1e-3


@dataclass(frozen=True)
class Fault:
    """Rows with one kind of mistake, and a function that describes it for one of them."""

    rows: np.ndarray
    describe: Callable[[int], str]


def check_rows(
    table: pa.Table,
    *,
    manifest_path: Path,
    classes: Sequence[str],
    multi_label: bool,
    paths: list[str] | None,
) -> None:
    """Check all rows of a manifest.

    Args:
        table: Columns of SCHEMA.
        manifest_path: Path of the manifest, for the message.
        classes: Valid labels.
        multi_label: Whether a video may have any number of labels instead of exactly one.
        paths: Absolute path of each row's file; None does not check files.

    Raises:
        ManifestError: Rows are bad; the message has their number, and the first twenty with all their reasons.
    """
    faults = [
        *_missing_values(table),
        _repeated_ids(table),
        _unknown_splits(table),
        _unknown_labels(table, classes),
        *_positive_numbers(table),
        _bad_intervals(table),
    ]
    if not multi_label:
        faults.append(_label_counts(table))
    if paths is not None:
        faults.append(_missing_files(paths))
    _raise(manifest_path, table, [fault for fault in faults if len(fault.rows)])


def _raise(manifest_path: Path, table: pa.Table, faults: Sequence[Fault]) -> None:
    if not faults:
        return
    bad_rows = np.unique(np.concatenate([fault.rows for fault in faults]))
    lines = [_line(table, int(row), faults) for row in bad_rows[:_ROWS_NAMED]]
    if len(bad_rows) > _ROWS_NAMED:
        lines.append(f"and {len(bad_rows) - _ROWS_NAMED} more")
    head = f"{manifest_path}: {len(bad_rows)} of {table.num_rows} rows are bad"
    raise ManifestError("\n  ".join([head, *lines]))


def _line(table: pa.Table, row: int, faults: Sequence[Fault]) -> str:
    reasons = [fault.describe(row) for fault in faults if row in fault.rows]
    return f"row {row} ({table['video_id'][row].as_py()}): {'; '.join(reasons)}"


def _column(table: pa.Table, name: str) -> pa.Array:
    return table[name].combine_chunks()


def _is_null(column: pa.Array) -> np.ndarray:
    return column.is_null().to_numpy(zero_copy_only=False)


def _missing_values(table: pa.Table) -> list[Fault]:
    def fault(name: str) -> Fault:
        return Fault(np.flatnonzero(_is_null(_column(table, name))), lambda _: f"{name} is missing")

    return [fault(field.name) for field in SCHEMA if not field.nullable]


def _repeated_ids(table: pa.Table) -> Fault:
    ids = _column(table, "video_id").drop_null()
    if len(ids) < table.num_rows:
        return Fault(np.array([], dtype=int), str)  # Missing ids are reported by themselves.
    counts = ids.value_counts()
    is_repeated = counts.field("counts").to_numpy() > 1
    found = positions(ids, counts.field("values").filter(pa.array(is_repeated)))
    return Fault(np.flatnonzero(found >= 0), lambda _: "this video id appears more than once")


def _unknown_splits(table: pa.Table) -> Fault:
    splits = _column(table, "split")
    unknown = (positions(splits, SPLITS) < 0) & ~_is_null(splits)
    names = ", ".join(SPLITS)
    return Fault(np.flatnonzero(unknown), lambda row: f"split {splits[row].as_py()!r} is none of {names}")


def _unknown_labels(table: pa.Table, classes: Sequence[str]) -> Fault:
    column = _column(table, "labels")
    rows, labels = flatten_lists(column)

    def describe(row: int) -> str:
        names = [repr(label) for label in column[row].as_py() if label not in classes]
        return f"{'label' if len(names) == 1 else 'labels'} {', '.join(names)} not among the classes"

    return Fault(np.unique(rows[positions(labels, classes) < 0]), describe)


def _label_counts(table: pa.Table) -> Fault:
    counts = _column(table, "labels").value_lengths().fill_null(1).to_numpy()
    return Fault(np.flatnonzero(counts != 1), lambda row: f"has {counts[row]} labels, must have exactly one")


def _positive_numbers(table: pa.Table) -> list[Fault]:
    def fault(name: str) -> Fault:
        column = _column(table, name)
        values = column.to_numpy(zero_copy_only=False)
        good = (values > 0) & np.isfinite(values) | _is_null(column)
        return Fault(np.flatnonzero(~good), lambda row: f"{name} is {values[row]}, must be above 0")

    return [fault(name) for name in ("duration_seconds", "fps", "frame_count")]


def _bad_intervals(table: pa.Table) -> Fault:
    durations = _column(table, "duration_seconds").to_numpy(zero_copy_only=False)
    rows, intervals = flatten_lists(_column(table, "intervals"))
    start, end = spans(intervals)
    # Negated, so that a comparison with a missing (NaN) duration is no fault of the interval.
    good = (start >= 0) & (end > start) & ~(end > durations[rows] + _SLACK_SECONDS)

    def describe(row: int) -> str:
        bad = np.flatnonzero((rows == row) & ~good)
        shown = ", ".join(f"{start[i]:g} to {end[i]:g}" for i in bad)
        return f"interval {shown} s is empty or outside 0 to {durations[row]:g} s"

    return Fault(np.unique(rows[~good]), describe)


def _missing_files(paths: list[str]) -> Fault:
    return Fault(np.flatnonzero(missing_files(paths)), lambda row: f"no video at {paths[row]}")
