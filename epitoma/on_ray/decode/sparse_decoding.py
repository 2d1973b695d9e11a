"""The two stages of recognition that decode, on CPU workers: middle frames of all candidates, snippets of those kept.

Nothing here imports torch: a worker would take longer to import it than to decode a dozen videos.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from epitoma.core.errors import VideoError
from epitoma.core.stopwatch import Stopwatch
from epitoma.core.timesteps import Timesteps
from epitoma.files.uris import hide_secrets
from epitoma.on_ray.decode.indexing import IndexFile
from epitoma.on_ray.decode.pixel_rows import Row, pixel_rows, pixel_table
from epitoma.video.index import index_video
from epitoma.video.index_table import INDEX_SCHEMA, index_row, row_index
from epitoma.video.two_pass import Looks, only

NO_PIXELS = np.zeros(0, np.uint8)

TASK = pa.schema(
    [
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("index", pa.struct(list(INDEX_SCHEMA))),
    ]
)
"""A video that is to be recognised; one whose index is null is indexed when it is opened."""

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
"""A video between stages, beside its pixels: what is known of its T candidates, as bytes of int64, float64, float32 and
float32, what was spent, and why it cannot be gone on with, if so."""


def glance_task(
    task: pa.Table, *, looks: Looks, budget: int | None = None, index_file: IndexFile = index_video
) -> Iterator[pa.Table]:
    """Decode the middle frames of videos, rows of TASK, snippets too where that is cheaper, and give a table each."""
    glance = partial(_glance, budget=budget, index_file=index_file)
    for video in task.to_pylist():
        row = {**dict.fromkeys(BETWEEN.names), **video, "frames": NO_PIXELS, "snippets": NO_PIXELS}
        yield pixel_table(_or_rejected(glance, row, looks), BETWEEN)


def close_look_task(batch: pa.Table, *, looks: Looks) -> Iterator[pa.Table]:
    """Decode the snippets that were kept of videos, where that was not done at once, and give a table each."""
    for row in pixel_rows(batch):
        goes_on = not (row["reject"] or row["fault"] or len(row["snippets"]))
        yield pixel_table(_or_rejected(_look_closely, row, looks) if goes_on else row, BETWEEN)


def _or_rejected(work: Callable[[Row, Looks], dict[str, Any]], row: Row, looks: Looks) -> Row:
    """The row with what the work adds, or with the reason why its video cannot be read."""
    try:
        return {**row, **work(row, looks)}
    except VideoError as error:
        return {**row, "reject": error.reason}
    except Exception as error:  # Whatever is wrong with one file must not cost the others.
        return {**row, "reject": hide_secrets(f"{type(error).__name__}: {error}")}


def _glance(row: Row, looks: Looks, *, budget: int | None, index_file: IndexFile) -> dict[str, Any]:
    watch = Stopwatch()
    with watch.on("decoding"):
        index = index_file(row["path"]) if row["index"] is None else row_index(row["index"])
        timesteps = looks.candidates(index)
        glance = looks.glance(row["path"], index, timesteps, budget=budget)
    return {
        "index": row["index"] or index_row(row["video_id"], index),
        "replaced": 0,
        "starts": timesteps.starts_T.tobytes(),
        "seconds": index.seconds_of(timesteps.middle_frames_T).tobytes(),
        "decoding_ms": watch.spent["decoding"],
        "frames": glance.frames_THWC,
        "snippets": NO_PIXELS if glance.snippets_TMHWC is None else glance.snippets_TMHWC,
    }


def _look_closely(row: Row, looks: Looks) -> dict[str, Any]:
    watch, index = Stopwatch(), row_index(row["index"])
    candidates = Timesteps(
        starts_T=np.frombuffer(row["starts"], np.int64),
        frames_per_timestep=looks.frames,
        frame_count=index.frame_count,
    )
    with watch.on("decoding"):
        kept = only(candidates, np.frombuffer(row["gate"], np.float32) > 0)
        snippets_PMHWC, decoded = looks.look_closely(row["path"], index, kept)
    return {
        "decoding_ms": row["decoding_ms"] + watch.spent["decoding"],
        "replaced": decoded.replaced,
        "snippets": snippets_PMHWC,
    }
