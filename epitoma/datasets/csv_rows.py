"""Strict reading of CSV files as plain text, with clear errors for common mistakes."""

import csv
from collections.abc import Sequence
from pathlib import Path

from epitoma.core.errors import ManifestError
from epitoma.files.presence import is_file

_SEPARATORS = (",", ";", "\t")


def read_csv(path: Path, *, columns: Sequence[str] = ()) -> list[dict[str, str]]:
    """Read a CSV file with a header; all values stay text, so that a label 007 does not become 7.

    Args:
        path: File, separated by commas, semicolons or tabs: by what gives its first line most of the required columns.
        columns: Required columns.

    Raises:
        ManifestError: The file is missing or not CSV, a column is missing, or a row has too many or few cells.
    """
    if not is_file(path):
        raise ManifestError(f"no file at {path}")
    try:
        # utf-8-sig: spreadsheets write a byte order mark, which would become part of the first column's name.
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, delimiter=_separator(path, columns), strict=True)
            _check_header(path, reader.fieldnames or (), columns)
            return [_checked(path, reader.line_num, row) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: is not a CSV file in UTF-8 ({error})") from error


def _separator(path: Path, columns: Sequence[str]) -> str:
    """What separates the cells: spreadsheets of some languages write semicolons, whatever the suffix says."""
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open(encoding="utf-8-sig", newline="") as text:
        first = next(iter(text), "")

    def found(separator: str) -> int:
        header = next(csv.reader([first], delimiter=separator, strict=True), [])
        return len(set(columns) & set(header))

    return max((usual, *_SEPARATORS), key=found)


def _check_header(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in header]
    if missing:
        raise ManifestError(
            f"{path}: has no column {', '.join(missing)}; its columns are {', '.join(header)}"
        )
    repeated = sorted({name for name in header if list(header).count(name) > 1})
    if repeated:
        raise ManifestError(f"{path}: has more than one column {', '.join(repeated)}")


def _checked(path: Path, line: int, row: dict[str, str]) -> dict[str, str]:
    # DictReader stores surplus cells under the key None, and None as the value of missing cells.
    if None in row or None in row.values():
        raise ManifestError(f"{path}: line {line} has too {'many' if None in row else 'few'} cells")
    return row
