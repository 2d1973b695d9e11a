"""Reader of a table of videos, CSV or Parquet, with one row a video: path, labels and an optional split.

Paths are relative to the folder of the table, or addresses such as ``s3://bucket/a.mp4``. Labels are one name, or
several in a list column of Parquet or in text with a given separator.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.datasets.csv_rows import read_csv
from epitoma.datasets.listing import ListedVideo, Listing
from epitoma.datasets.rejects import Reject
from epitoma.datasets.splits import NAMES_OF_SPLIT, SplitsConfig, draw_splits, split_named
from epitoma.files.local_paths import InputPath
from epitoma.files.parquet import read_parquet
from epitoma.files.presence import is_file, is_there
from epitoma.files.uris import is_address, without_secrets

_CSV_SUFFIXES = (".csv", ".tsv", ".txt")
_PARQUET_SUFFIXES = (".parquet", ".pq")
_NAMED = 5

_WRITTEN_FOR_NOTHING = ("nan", "<na>")
"""What programs write as text into a cell that has nothing: no name of a class, in whatever case."""


@dataclass(frozen=True, kw_only=True)
class TableConfig(SplitsConfig):
    """Your videos, one row each of a CSV or Parquet file.

    Attributes:
        file: The table: .csv, .tsv or .parquet, with a header.
        root: Folder that relative paths start from; None takes the folder of the table.
        path_column: Column of paths or addresses.
        labels_column: Column of labels; a list column of Parquet makes the dataset multi-label.
        separator: Text between labels in the column; giving one makes the dataset multi-label.
        split_column: Column of splits (train, validation or val, test); splits are drawn where it is empty or missing.
        group_column: Column of groups (persons or sources, for example), each of which stays in one split.
        id_column: Column of video ids; None uses the path as the id.
    """

    file: InputPath
    root: InputPath | None = None
    path_column: str = "path"
    labels_column: str = "labels"
    separator: str | None = None
    split_column: str = "split"
    group_column: str | None = None
    id_column: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.separator == "":
            raise ConfigError("separator is empty, must be what stands between labels, ; for example")


def list_table(config: TableConfig) -> Listing:
    """List the videos of a table; rows without a path or a label are rejects.

    Raises:
        ManifestError: The file is missing or of an unknown type, a column is missing, a split has an unknown name,
            a video is in two rows, or a group is in two splits.
    """
    rows, multi_label = _read(config)
    _check_splits(config, rows)
    listed = [_listed(config, row, place, multi_label=multi_label) for place, row in enumerate(rows, start=1)]
    videos = [entry for entry in listed if isinstance(entry, ListedVideo)]
    if not videos:
        raise ManifestError(f"{config.file}: has no rows with a path and a label")
    _check_unique(config.file, videos)
    return Listing(
        videos=tuple(draw_splits(videos, config, multi_label=multi_label)),
        classes=tuple(sorted({label for video in videos for label in video.labels})),
        multi_label=multi_label,
        rejects=tuple(entry for entry in listed if isinstance(entry, Reject)),
    )


def _read(config: TableConfig) -> tuple[list[dict[str, Any]], bool]:
    """Read the rows; also return whether a row may have any number of labels."""
    suffix = config.file.suffix.lower()
    columns = [config.path_column, config.labels_column]
    columns += [name for name in (config.group_column, config.id_column) if name is not None]
    if suffix in _CSV_SUFFIXES:
        rows: list[dict[str, Any]] = list(read_csv(config.file, columns=columns))
        return rows, config.separator is not None
    if suffix in _PARQUET_SUFFIXES:
        table = _read_parquet(config.file, columns, optional=config.split_column)
        labels = table.schema.field(config.labels_column).type
        is_list = pa.types.is_list(labels) or pa.types.is_large_list(labels)
        return table.to_pylist(), is_list or config.separator is not None
    known = ", ".join((*_CSV_SUFFIXES, *_PARQUET_SUFFIXES))
    raise ManifestError(f"{config.file}: is not a table of a known kind ({known})")


def _read_parquet(file: Path, columns: Sequence[str], *, optional: str) -> pa.Table:
    if not is_file(file):
        raise ManifestError(f"no file at {file}")
    table = read_parquet(file, columns=(*columns, optional))
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        there = ", ".join(pq.read_schema(file).names)
        raise ManifestError(f"{file}: has no column {', '.join(missing)}; its columns are {there}")
    return table


def _check_splits(config: TableConfig, rows: Sequence[Mapping[str, Any]]) -> None:
    names = {_text(row.get(config.split_column)) for row in rows} - {""}
    unknown = sorted(name for name in names if split_named(name) is None)
    if unknown:
        raise ManifestError(
            f"{config.file}: split {unknown[0]!r} in column {config.split_column} is none of "
            f"{', '.join(NAMES_OF_SPLIT)} (nor val, valid, dev, training, testing, in any case)"
        )


def _listed(
    config: TableConfig, row: Mapping[str, Any], place: int, *, multi_label: bool
) -> ListedVideo | Reject:
    path = _text(row[config.path_column])
    # A signed address gives access to its file, and ids appear in logs, tables and errors.
    video_id = _text(row[config.id_column]) if config.id_column else without_secrets(path)
    labels = _labels(config, row[config.labels_column])
    if not path or not video_id:
        missing = config.id_column if path else config.path_column
        return Reject(
            video_id or f"row {place}", without_secrets(path), f"row {place} has nothing in column {missing}"
        )
    if not labels and not multi_label:
        return Reject(video_id, without_secrets(path), f"row {place} has no label")
    _check_labels(config, labels, place)
    reason = _odd_path(config, path)
    if reason is not None:
        return Reject(video_id, without_secrets(path), f"row {place}: {reason}")
    return ListedVideo(
        video_id=video_id,
        path=_resolved(config, path),
        labels=labels,
        split=split_named(_text(row.get(config.split_column))),
        group=_group(config, row, place),
    )


def _check_labels(config: TableConfig, labels: Sequence[str], place: int) -> None:
    odd = next((label for label in labels if label.lower() in _WRITTEN_FOR_NOTHING), None)
    if odd is not None:
        line = f" (line {place + 1})" if config.file.suffix.lower() in _CSV_SUFFIXES else ""
        raise ManifestError(
            f"{config.file}: row {place}{line} has the label {odd!r}, which programs write for an empty cell: name "
            "its class, or leave the cell empty to leave the video out"
        )


def _odd_path(config: TableConfig, path: str) -> str | None:
    """Why a path can lead to no file; None if it may. Only paths that look odd are looked up."""
    if "\0" in path:
        return "its path holds a NUL character"
    if "\\" in path and not is_address(path) and _is_missing(_resolved(config, path)):
        return "no such file: write / in its path, not \\"
    return None


def _is_missing(path: str) -> bool:
    """Whether there is certainly no such file; what else there is to say of it shows when it is opened."""
    try:
        return not is_there(path)
    except OSError:
        return False


def _labels(config: TableConfig, value: Any) -> tuple[str, ...]:
    """Labels of a row without repetitions, in their order."""
    if isinstance(value, list):
        names = [_text(name) for name in value]
    elif config.separator is not None:
        names = [name.strip() for name in _text(value).split(config.separator)]
    else:
        names = [_text(value)]
    return tuple(dict.fromkeys(name for name in names if name))


def _group(config: TableConfig, row: Mapping[str, Any], place: int) -> str | None:
    if config.group_column is None:
        return None
    group = _text(row[config.group_column])
    if not group:
        raise ManifestError(
            f"{config.file}: row {place} has nothing in column {config.group_column}, by which splits are kept apart"
        )
    return group


def _resolved(config: TableConfig, path: str) -> str:
    return path if is_address(path) else str((config.root or config.file.parent).absolute() / path)


def _check_unique(file: Path, videos: Sequence[ListedVideo]) -> None:
    """Check that no id and no file is in two rows, since the two rows could be drawn into two splits."""
    for what, values in (
        ("name", [video.video_id for video in videos]),
        ("file", [video.path for video in videos]),
    ):
        repeated = [value for value, count in Counter(values).items() if count > 1]
        if repeated:
            more = f" and {len(repeated) - _NAMED} more" if len(repeated) > _NAMED else ""
            shown = ", ".join(map(without_secrets, repeated[:_NAMED]))
            raise ManifestError(f"{file}: the same {what} in more than one row: {shown}{more}")


def _text(value: Any) -> str:
    # pandas writes NaN for an empty cell, and NaN is the value that differs from itself.
    return "" if value is None or value != value else str(value).strip()
