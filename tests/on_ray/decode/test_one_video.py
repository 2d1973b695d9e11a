"""Work on one video that may do anything to the process that reads it: it costs itself only, and not whoever asked."""

import os
import signal

import pytest
import ray

from epitoma.core.errors import VideoError
from epitoma.datasets.manifest import Manifest
from epitoma.on_ray.decode.attempts import LOST, STALL_VARIABLE, STALLED
from epitoma.on_ray.decode.one_video import read_on_worker
from epitoma.video.index import index_video
from tests.silent_server import silent_server

pytestmark = pytest.mark.usefixtures("ray_cluster")


def frames_of(path: str, times: int = 1) -> int:
    return times * index_video(path).frame_count


def kill(path: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(path: str) -> None:
    raise OSError(28, "No space left on device")


def test_work_is_given_the_video_and_what_references_stand_for(dataset: Manifest):
    path = dataset.resolved_paths()[0]
    assert read_on_worker(path, frames_of, ray.put(3)) == 3 * dataset.table["frame_count"][0].as_py()


def test_a_video_that_kills_its_process_is_an_error_of_the_video():
    with pytest.raises(VideoError) as error:
        read_on_worker("https://host/a.mp4?token=secret", kill)
    assert (error.value.path, error.value.reason) == ("https://host/a.mp4?token=...", LOST)


def test_a_video_that_stalls_its_process_is_an_error_of_the_video(monkeypatch):
    monkeypatch.setenv(STALL_VARIABLE, "1")
    with silent_server() as stalls, pytest.raises(VideoError) as error:
        read_on_worker(stalls, frames_of)
    assert (error.value.path, error.value.reason) == (stalls, STALLED.format(1))


def test_what_is_no_error_of_the_video_stays_what_it_is():
    with pytest.raises(OSError, match="No space left"):
        read_on_worker("a.mp4", fail)
