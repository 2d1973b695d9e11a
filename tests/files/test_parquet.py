"""Files that run code when they are read by pyarrow and Ray Data together: here they are not read."""

import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray.data  # Teaches pyarrow the columns that are unpickled.

from epitoma.core.errors import ManifestError
from epitoma.files.parquet import read_parquet


class Touches:
    """Unpickling this makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return (Path.touch, (self.file,))


def with_extension(path: Path, name: bytes, metadata: bytes, values: pa.Array) -> Path:
    """Write column `labels` so that it says it is of an extension type."""
    said = {b"ARROW:extension:name": name, b"ARROW:extension:metadata": metadata}
    schema = pa.schema([pa.field("path", pa.string()), pa.field("labels", values.type, metadata=said)])
    pq.write_table(pa.table([pa.array(["a.mp4"]), values], schema=schema), path)
    return path


@pytest.fixture
def pickled_values(tmp_path: Path) -> Path:
    values = pa.array([pickle.dumps(Touches(tmp_path / "ran"))], pa.large_binary())
    return with_extension(tmp_path / "evil.parquet", b"ray.data.arrow_pickled_object", b"", values)


@pytest.fixture
def pickled_type(tmp_path: Path) -> Path:
    values = pa.array([[1, 2]], pa.list_(pa.int64()))
    evil = pickle.dumps(Touches(tmp_path / "ran"))
    return with_extension(tmp_path / "evil.parquet", b"ray.data.arrow_tensor", evil, values)


def test_the_danger_is_real(pickled_values, tmp_path):
    assert ray.data
    pq.read_table(pickled_values).to_pylist()
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("columns", [None, ["labels"], ["path", "labels"]])
def test_a_column_that_holds_code_is_refused_and_not_run(pickled_values, tmp_path, columns):
    with pytest.raises(ManifestError, match="column labels is of an extension type, which may hold code"):
        read_parquet(pickled_values, columns=columns)
    assert not (tmp_path / "ran").exists()


def test_a_type_that_holds_code_is_refused_and_not_run(pickled_type, tmp_path):
    with pytest.raises(ManifestError, match=r"evil\.parquet: is not a Parquet file|may hold code"):
        read_parquet(pickled_type)
    assert not (tmp_path / "ran").exists()


def test_what_is_not_asked_for_may_be_of_any_type(pickled_values, tmp_path):
    assert read_parquet(pickled_values, columns=["path", "gone"]).to_pylist() == [{"path": "a.mp4"}]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "special",
    [
        pa.list_(pa.uuid()),
        pa.struct([("a", pa.uuid())]),
        pa.dictionary(pa.int8(), pa.string()),
        pa.list_(pa.struct([("a", pa.float64())])),
    ],
)
def test_inner_types_are_looked_at(tmp_path, special):
    pq.write_table(pa.table([pa.nulls(1, special)], ["x"]), tmp_path / "t.parquet")
    if "extension" in str(special):
        with pytest.raises(ManifestError, match="column x"):
            read_parquet(tmp_path / "t.parquet")
    else:
        assert read_parquet(tmp_path / "t.parquet").num_rows == 1
