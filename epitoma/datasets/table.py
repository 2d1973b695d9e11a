"""A table of your own videos, CSV or Parquet: a row a video, with its path, labels and, perhaps, split.

Paths are taken from the table's own folder, or are addresses such as ``s3://bucket/a.mp4``. Labels are one name,
or several: a list column of Parquet, or text with a separator that you give.
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
from epitoma.datasets.splits import SPLIT_OF_NAME, SplitsConfig, draw_splits
from epitoma.files.parquet import read_parquet
from epitoma.files.uris import is_address, without_secrets

_CSV_SUFFIXES = (".csv", ".tsv", ".txt")
_PARQUET_SUFFIXES = (".parquet", ".pq")
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class TableConfig(SplitsConfig):
    """Your videos, a row each of a CSV or Parquet file.

    Attributes:
        file: The table: .csv, .tsv or .parquet, with a header.
        root: Folder that relative paths start from, where it is not the table's own.
        path_column: Column of paths or addresses.
        labels_column: Column of labels; a list column of Parquet makes the dataset multi-label.
        separator: What stands between labels in the column; giving one makes the dataset multi-label.
        split_column: Column of splits (train, validation or val, test); they are drawn where it is empty or absent.
        group_column: Column, of persons or sources for example, whose values must not be in two splits.
        id_column: Column of names for the videos; without one a video is named by its path.
    """

    file: Path
    root: Path | None = None
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
        ManifestError: The file is missing or of no known kind, a column is missing, a split has an unknown name,
            a video is in two rows, or a group crosses splits.
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
    """Rows, and whether a row may have any number of labels."""
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
    if not file.is_file():
        raise ManifestError(f"no file at {file}")
    table = read_parquet(file, columns=(*columns, optional))
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        there = ", ".join(pq.read_schema(file).names)
        raise ManifestError(f"{file}: has no column {', '.join(missing)}; its columns are {there}")
    return table


def _check_splits(config: TableConfig, rows: Sequence[Mapping[str, Any]]) -> None:
    names = {_text(row.get(config.split_column)) for row in rows} - {"", *SPLIT_OF_NAME}
    if names:
        raise ManifestError(
            f"{config.file}: split {sorted(names)[0]!r} in column {config.split_column} is none of "
            f"{', '.join(SPLIT_OF_NAME)}"
        )


def _listed(
    config: TableConfig, row: Mapping[str, Any], place: int, *, multi_label: bool
) -> ListedVideo | Reject:
    path = _text(row[config.path_column])
    # A signed address opens its file for whoever reads it, and a video's id is said everywhere.
    video_id = _text(row[config.id_column]) if config.id_column else without_secrets(path)
    labels = _labels(config, row[config.labels_column])
    if not path or not video_id:
        missing = config.id_column if path else config.path_column
        return Reject(
            video_id or f"row {place}", without_secrets(path), f"row {place} has nothing in column {missing}"
        )
    if not labels and not multi_label:
        return Reject(video_id, without_secrets(path), f"row {place} has no label")
    return ListedVideo(
        video_id=video_id,
        path=_resolved(config, path),
        labels=labels,
        split=SPLIT_OF_NAME.get(_text(row.get(config.split_column))),
        group=_group(config, row, place),
    )


def _labels(config: TableConfig, value: Any) -> tuple[str, ...]:
    """The row's labels, each once, in their order."""
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
    """Neither a name nor a file may be in two rows: what is listed twice may end up in two splits."""
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
    # NaN, which pandas writes for an empty cell, differs from itself.
    return "" if value is None or value != value else str(value).strip()
