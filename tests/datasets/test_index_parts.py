import os

import pyarrow as pa
import pyarrow.parquet as pq

from epitoma.datasets.index_parts import IndexParts, file_state
from epitoma.video.index import index_video
from epitoma.video.index_table import INDEX_SCHEMA, index_row, row_index, write_indices


def part_row(path: str, video_id: str) -> dict:
    return {"file": file_state(path), **index_row(video_id, index_video(path))}


def test_what_was_written_is_known_and_given_by_todays_ids(put_clips, tmp_path):
    root = put_clips("a.mp4", "b.mp4", "c.mp4")
    parts = IndexParts(tmp_path / "parts")
    assert parts.states() == set()
    parts.write([part_row(str(root / "a.mp4"), "a")])
    parts.write([part_row(str(root / "b.mp4"), "b")])
    states = {name: file_state(str(root / f"{name}.mp4")) for name in "abc"}
    assert parts.states() == {states["a"], states["b"]}
    rows = parts.rows({states["a"]: "now called x", states["c"]: "c"})
    assert list(rows) == ["now called x"]
    assert rows["now called x"]["video_id"] == "now called x"
    assert row_index(rows["now called x"]).frame_count == 16
    write_indices(tmp_path / "index.parquet", rows.values())
    assert pq.read_schema(tmp_path / "index.parquet").equals(INDEX_SCHEMA)


def test_a_changed_file_is_another(put_clips):
    path = put_clips("a.mp4") / "a.mp4"
    before = file_state(str(path))
    assert before == file_state(str(path))
    os.utime(path, ns=(0, 0))
    touched = file_state(str(path))
    path.write_bytes(path.read_bytes() + b"more")
    os.utime(path, ns=(0, 0))
    assert len({before, touched, file_state(str(path))}) == 3


def test_addresses_and_missing_files_are_known_by_their_names(tmp_path):
    assert file_state("s3://bucket/a.mp4") == "s3://bucket/a.mp4"
    assert file_state(str(tmp_path / "gone.mp4")) == str(tmp_path / "gone.mp4")


def test_compacting_keeps_what_is_asked_for_in_one_file(put_clips, tmp_path):
    root = put_clips("a.mp4", "b.mp4", "c.mp4")
    parts = IndexParts(tmp_path / "parts")
    for name in "abc":
        parts.write([part_row(str(root / f"{name}.mp4"), name)])
    kept = {file_state(str(root / "a.mp4")), file_state(str(root / "c.mp4"))}
    parts.compact(kept)
    assert parts.states() == kept
    assert len(list(parts.folder.iterdir())) == 1


def test_what_another_version_wrote_and_what_was_cut_off_is_not_known(put_clips, tmp_path):
    path = str(put_clips("a.mp4") / "a.mp4")
    parts = IndexParts(tmp_path / "parts")
    parts.write([part_row(path, "a")])
    pq.write_table(pa.table({"file": ["b.mp4"], "frames": [3]}), parts.folder / "old.parquet")
    (parts.folder / ".cut.1.parquet").write_bytes(b"PAR1")
    assert parts.states() == {file_state(path)}
    parts.compact(parts.states())
    assert parts.states() == {file_state(path)}
    assert len(list(parts.folder.glob("[!.]*.parquet"))) == 1
