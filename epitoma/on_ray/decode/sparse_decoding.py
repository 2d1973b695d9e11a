"""The two decoding stages of prediction, on CPU workers: middle frames of all candidates, then snippets of kept ones.

Nothing here imports torch: importing it takes a worker longer than decoding a dozen videos.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from epitoma.core.stopwatch import Stopwatch
from epitoma.core.timesteps import Timesteps
from epitoma.on_ray.decode.attempts import Attempts, Unreadable
from epitoma.on_ray.decode.indexing import IndexFile
from epitoma.on_ray.decode.pixel_rows import Row, pixel_rows, pixel_table
from epitoma.video.index import index_video
from epitoma.video.index_table import INDEX_SCHEMA, index_row, row_index
from epitoma.video.two_pass import TwoPass, only

NO_PIXELS = np.zeros(0, np.uint8)

TASK = pa.schema(
    [
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("index", pa.struct(list(INDEX_SCHEMA))),
    ]
)
"""A video to recognise; where its index is null, the first stage indexes it."""

BETWEEN = pa.schema(
    [
        *TASK,
        pa.field("starts", pa.binary()),
        pa.field("seconds", pa.binary()),
        pa.field("alpha", pa.binary()),
        pa.field("gate", pa.binary()),
        pa.field("decoding_ms", pa.float64()),
        pa.field("light_ms", pa.float64()),
        pa.field("replaced", pa.int64()),
        pa.field("reject", pa.string()),
        pa.field("fault", pa.string()),
    ]
)
"""A video between stages, without its pixel columns. ``starts`` (int64), ``seconds`` (float64), ``alpha`` and ``gate``
(float32) are the bytes of arrays (T,). ``reject`` is why the video cannot be read, ``fault`` the traceback of a bug."""


def first_pass_task(
    task: pa.Table,
    *,
    two_pass: TwoPass,
    attempts: Attempts,
    budget: int | None = None,
    index_file: IndexFile = index_video,
) -> Iterator[pa.Table]:
    """Decode the middle frames of videos, rows of TASK, and their snippets where that is cheaper; a table per video."""
    first = partial(_first_pass, budget=budget, index_file=index_file)
    for video in task.to_pylist():
        row = {**dict.fromkeys(BETWEEN.names), **video, "frames": NO_PIXELS, "snippets": NO_PIXELS}
        yield pixel_table(_or_rejected("first", first, row, two_pass, attempts), BETWEEN)


def second_pass_task(batch: pa.Table, *, two_pass: TwoPass, attempts: Attempts) -> Iterator[pa.Table]:
    """Decode the kept snippets of videos, unless the first pass has decoded them; a table per video."""
    for row in pixel_rows(batch):
        goes_on = not (row["reject"] or row["fault"] or len(row["snippets"]))
        second = _or_rejected("second", _second_pass, row, two_pass, attempts) if goes_on else row
        yield pixel_table(second, BETWEEN)


def _or_rejected(
    name: str, work: Callable[[Row, TwoPass], dict[str, Any]], row: Row, two_pass: TwoPass, attempts: Attempts
) -> Row:
    """The row with the columns that the work returns, or with the reason why its video cannot be read."""
    video_id = row["video_id"]
    added = attempts.read(f"{name}/{video_id}", video_id, lambda: work(row, two_pass))
    return {**row, **({"reject": added.reason} if isinstance(added, Unreadable) else added)}


def _first_pass(row: Row, two_pass: TwoPass, *, budget: int | None, index_file: IndexFile) -> dict[str, Any]:
    watch = Stopwatch()
    with watch.on("decoding"):
        index = index_file(row["path"]) if row["index"] is None else row_index(row["index"])
        timesteps = two_pass.candidates(index)
        first = two_pass.first_pass(row["path"], index, timesteps, budget=budget)
    return {
        "index": row["index"] or index_row(row["video_id"], index),
        "replaced": 0,
        "starts": timesteps.starts_T.tobytes(),
        "seconds": index.seconds_of(timesteps.middle_frames_T).tobytes(),
        "decoding_ms": watch.spent["decoding"],
        "frames": first.frames_THWC,
        "snippets": NO_PIXELS if first.snippets_TMHWC is None else first.snippets_TMHWC,
    }


def _second_pass(row: Row, two_pass: TwoPass) -> dict[str, Any]:
    watch, index = Stopwatch(), row_index(row["index"])
    candidates = Timesteps(
        starts_T=np.frombuffer(row["starts"], np.int64),
        frames_per_timestep=two_pass.frames,
        frame_count=index.frame_count,
    )
    with watch.on("decoding"):
        kept = only(candidates, np.frombuffer(row["gate"], np.float32) > 0)
        snippets_PMHWC, decoded = two_pass.second_pass(row["path"], index, kept)
    return {
        "decoding_ms": row["decoding_ms"] + watch.spent["decoding"],
        "replaced": decoded.replaced,
        "snippets": snippets_PMHWC,
    }
