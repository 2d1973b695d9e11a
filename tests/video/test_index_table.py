"""What is stored of an index is the index."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.errors import ManifestError
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.index_table import (
    GROUP_ROWS,
    INDEX_FILE,
    INDEX_SCHEMA,
    StoredIndices,
    index_row,
    row_index,
    write_index_table,
    write_indices,
)
from epitoma.video.packet_order import NO_FRAME, PacketOrder


def same(left: object, right: object) -> bool:
    """Whether two indices, or parts of them, are equal in all fields."""
    if left is None or not hasattr(left, "__dataclass_fields__"):
        return np.array_equal(left, right) if isinstance(left, np.ndarray) else left == right
    return all(same(value, getattr(right, name)) for name, value in vars(left).items())


ascending = st.lists(st.integers(1, 1000), max_size=40).map(lambda steps: np.cumsum([0, *steps]) - 7)
packet_numbers = st.lists(st.integers(0, 40), unique=True).map(lambda at: np.array(sorted(at), np.int64))
orders = ascending.flatmap(
    lambda dts: st.builds(
        PacketOrder,
        frames=st.permutations([*range(len(dts) - 1), NO_FRAME]).map(np.array),
        dts=st.sampled_from([dts, np.zeros(0, np.int64)]),
        joins=packet_numbers,
        key_packets=packet_numbers,
        key_places=packet_numbers,
    )
)


@given(
    order=st.none() | orders,
    steps=st.one_of(
        st.lists(st.integers(1, 10_000), max_size=50),
        st.integers(1, 10_000).flatmap(lambda step: st.lists(st.just(step), max_size=50)),
    ),
    first=st.integers(-(10**12), 10**12),
    size=st.none() | st.integers(1, 10**12),
)
def test_a_row_gives_back_the_index(steps, first, size, order):
    pts = first + np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)
    index = VideoIndex(
        pts=pts,
        keyframes=np.arange(0, len(pts), 7),
        time_base=Fraction(1, 90_000),
        fps=29.97,
        width=320,
        height=240,
        rotation=90,
        size_bytes=size,
        packet_order=order,
        stream=3,
        films=2,
    )
    table = pa.Table.from_pylist([index_row("a", index)], schema=INDEX_SCHEMA)
    assert same(row_index(table.to_pylist()[0]), index)


def test_a_constant_rate_takes_no_room():
    index = VideoIndex(
        pts=np.arange(100_000) * 512,
        keyframes=np.array([0]),
        time_base=Fraction(1, 12_800),
        fps=25.0,
        width=96,
        height=64,
        rotation=0,
    )
    assert index_row("a", index)["pts_steps"] is None


def test_indices_of_real_files_are_found_by_id(tmp_path: Path, make_video):
    even = index_video(make_video("even.mp4", count=9))
    uneven = index_video(make_video("uneven.mkv", count=9, presented_at=[3 * i + i % 2 for i in range(9)]))
    write_indices(tmp_path / INDEX_FILE, [index_row("even", even), index_row("uneven", uneven)])
    stored = StoredIndices.beside(tmp_path / "manifest.parquet")
    indices = stored.only(pa.array(["other", "even", "uneven"]))
    assert same(indices.get("uneven"), uneven)
    assert same(indices.get("even"), even)
    assert indices.get("other") is None


def test_what_is_read_of_very_many_indices_is_what_was_asked_for(tmp_path: Path, make_video):
    row = index_row("", index_video(make_video("any.mp4", count=9)))
    ids = pa.array([f"{number}" for number in range(GROUP_ROWS + 10)])
    few = pa.Table.from_pylist([row] * len(ids), schema=INDEX_SCHEMA)
    write_index_table(tmp_path / INDEX_FILE, few.set_column(0, INDEX_SCHEMA.field("video_id"), ids))
    asked = [str(GROUP_ROWS + 9), "3", "none"]
    indices = StoredIndices.beside(tmp_path / "manifest.parquet").only(pa.array(asked))
    assert sorted(indices.table["video_id"].to_pylist()) == sorted(asked[:2])
    assert [indices.get(video) is None for video in asked] == [False, False, True]
    assert pq.ParquetFile(tmp_path / INDEX_FILE).num_row_groups == 2, "no more than a group is read at once"


def test_a_manifest_may_stand_alone(tmp_path: Path):
    assert StoredIndices.beside(tmp_path / "manifest.parquet").only(pa.array(["any"])).get("any") is None


def test_another_table_of_that_name_is_refused(tmp_path: Path):
    pq.write_table(pa.table({"video_id": [1.5]}), tmp_path / INDEX_FILE)
    with pytest.raises(ManifestError, match=r"index\.parquet: is not a table of video indices"):
        StoredIndices.beside(tmp_path / "manifest.parquet")
