"""Parquet files: written atomically, and read without running code from them.

Ray Data registers a column type in pyarrow whose values are unpickled when they are read, so that a file with such a
column could run any code of its writer.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from epitoma.core.errors import ManifestError
from epitoma.files.atomic import renamed_when_whole


def read_parquet(path: Path, *, columns: Collection[str] | None = None, remedy: str = "") -> pa.Table:
    """Read a table of plain columns.

    Args:
        path: The file.
        columns: Columns to read, if the file has them; None reads all.
        remedy: What to do about a file that is not Parquet, for the error.

    Raises:
        ManifestError: It is not a Parquet file, or one of the columns to read has an extension type.
    """
    try:
        with pq.ParquetFile(path) as file:
            fields = [field for field in file.schema_arrow if columns is None or field.name in columns]
            special = [field.name for field in fields if not _is_plain(field.type)]
            table = None if special else file.read(columns=[field.name for field in fields])
    except (
        pa.ArrowException,
        OSError,
        ValueError,
    ) as error:  # ValueError: of a type that Ray Data cannot make.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ManifestError(f"{path}: is not a Parquet file ({reason}){remedy}") from error
    if table is None:
        raise ManifestError(
            f"{path}: column {', '.join(special)} is of an extension type, which may hold code and is not read: "
            "write plain text, numbers and lists"
        )
    return table


def write_parquet(path: Path, table: pa.Table, *, group_rows: int | None = None) -> None:
    """Write a table, atomically.

    Args:
        path: The file.
        table: The table.
        group_rows: Rows of a row group; None uses pyarrow's default.
    """
    with renamed_when_whole(path) as aside:
        pq.write_table(table, aside, row_group_size=group_rows)


def read_tables(path: Path, schema: pa.Schema, *, rows: int) -> Iterator[pa.Table]:
    """Read a file as tables of some rows.

    Args:
        path: The file.
        schema: Its columns, of plain types.
        rows: Most rows of a table.

    Raises:
        ManifestError: The file has other columns.
    """
    with pq.ParquetFile(path) as file:
        if not file.schema_arrow.equals(schema):
            raise ManifestError(f"{path}: has other columns than {', '.join(schema.names)}")
        for batch in file.iter_batches(batch_size=rows):
            yield pa.Table.from_batches([batch])


def _is_plain(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return False
    # A dictionary type has values but reports no fields.
    inner = [kind.value_type] if pa.types.is_dictionary(kind) else []
    return all(map(_is_plain, [*inner, *(kind.field(place).type for place in range(kind.num_fields))]))
