"""Pixels go through a table untouched and uncopied."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from epitoma.on_ray.decode.pixel_rows import pixel_rows, pixel_table


def made_row(number: int, timesteps: int) -> dict:
    rng = np.random.default_rng(number)
    return {
        "video_id": f"v{number}",
        "starts": np.arange(timesteps),
        "frames": rng.integers(0, 256, (timesteps, 4, 4, 3), dtype=np.uint8),
        "snippets": rng.integers(0, 256, (timesteps, 2, 5, 5, 3), dtype=np.uint8),
        "reject": "",
    }


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_rows_come_back_whatever_tables_they_were_joined_and_cut_into(lengths):
    rows = [made_row(number, timesteps) for number, timesteps in enumerate(lengths)]
    joined = pa.concat_tables([pixel_table(row) for row in rows])
    for table in (joined, joined.combine_chunks()):
        back = [row for start in range(len(rows)) for row in pixel_rows(table.slice(start, 1))]
        for row, again in zip(rows, back, strict=True):
            assert again["video_id"] == row["video_id"]
            assert again["starts"] == row["starts"].tolist()
            assert np.array_equal(again["frames"], row["frames"])
            assert np.array_equal(again["snippets"], row["snippets"])


def test_pixels_are_views():
    row = made_row(0, 3)
    (again,) = pixel_rows(pixel_table(row))
    assert np.shares_memory(again["frames"], row["frames"])
