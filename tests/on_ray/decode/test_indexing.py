"""Files that do the worst that a file can do: the others are indexed all the same."""

import os
import signal
import time
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from epitoma.core.errors import VideoError
from epitoma.core.stalls import reading
from epitoma.datasets.listing import ListedVideo
from epitoma.on_ray.decode.attempts import LOST, STALL_VARIABLE, STALLED
from epitoma.on_ray.decode.indexing import VIDEOS_PER_TASK, Indexed, index_files
from epitoma.video.index import VideoIndex


def index_by_name(path: str) -> VideoIndex:
    """Do what the name says."""
    if "kills" in path:
        os.kill(os.getpid(), signal.SIGKILL)
    if "stalls" in path:
        with reading():
            time.sleep(600)
    if "raises" in path:
        raise RuntimeError("nobody thought of this")
    if "refuses" in path:
        raise VideoError("address without its password", "no such file")
    return VideoIndex(
        pts=np.arange(8),
        keyframes=np.array([0]),
        time_base=Fraction(1, 8),
        fps=8.0,
        width=32,
        height=32,
        rotation=0,
    )


def index(names: Sequence[str]) -> list[list[Indexed]]:
    videos = [ListedVideo(video_id=name, path=f"/{name}.mp4", labels=("tea",)) for name in names]
    return list(index_files(videos, {name: f"state of {name}" for name in names}, index_file=index_by_name))


def test_every_file_comes_back_once_with_its_row_or_its_reason(ray_cluster):
    names = [*map(str, range(2 * VIDEOS_PER_TASK)), "refuses", "raises"]
    results = {result.video_id: result for task in index(names) for result in task}
    assert sorted(results) == sorted(names)
    assert results["7"].row["file"] == "state of 7"
    assert results["7"].row["frame_count"] == 8
    assert (results["refuses"].path, results["refuses"].reason) == (
        "address without its password",
        "no such file",
    )
    assert results["raises"].reason == "RuntimeError: nobody thought of this"
    assert {name for name, result in results.items() if result.row is None} == {"refuses", "raises"}


@pytest.mark.long
def test_files_that_kill_or_stall_their_worker_cost_no_other_file(ray_cluster, monkeypatch):
    monkeypatch.setenv(STALL_VARIABLE, "3")
    names = [*map(str, range(2 * VIDEOS_PER_TASK)), "kills", "stalls"]
    tasks = index(names[::-1])
    results = {result.video_id: result for task in tasks for result in task}
    assert sum(len(task) for task in tasks) == len(names)
    reasons = {name: result.reason for name, result in results.items() if result.row is None}
    assert reasons == {"kills": LOST, "stalls": STALLED.format(3)}
