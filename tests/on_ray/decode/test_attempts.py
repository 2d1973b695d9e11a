"""Videos that kill or stall the process that reads them: each costs itself only, within a bound, whoever reads it."""

import ctypes
import os
import signal
import time

import pytest
import ray

from epitoma.core import stalls
from epitoma.core.errors import ConfigError, VideoError
from epitoma.core.stalls import reading
from epitoma.on_ray.decode.attempts import (
    LOST,
    MOST_LOST_WITH_NODES,
    STALL_SECONDS,
    STALL_VARIABLE,
    STALLED,
    AttemptCounts,
    Attempts,
    Unreadable,
    own_node,
    stall_seconds,
)

GONE = "a node that is gone"
SPARE_SECONDS = 0.2
"""After the limit, until the kernel ends a process."""


@pytest.fixture
def attempts(ray_cluster, monkeypatch) -> Attempts:
    monkeypatch.setenv(STALL_VARIABLE, "1")
    return Attempts.start()


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stall() -> None:
    with reading():
        time.sleep(60)


def stall_with_pythons_lock() -> None:
    """As a decoder does that never lets another thread run: the kernel ends the process, and nobody can tell of it."""
    stalls.SPARE_SECONDS = SPARE_SECONDS
    time.sleep(0.5)  # Until the process is watched with that.
    with reading():
        ctypes.PyDLL(None).sleep(60)


def refuse() -> None:
    raise VideoError("a.mp4", "no frames")


def surprise() -> None:
    raise ZeroDivisionError("https://host/a.mp4?token=secret")


DOINGS = {"good": lambda: "pixels", "kills": kill, "stalls": stall, "refuses": refuse, "surprises": surprise}


def test_every_video_but_those_that_end_their_process_is_read_in_one_task(attempts):
    @ray.remote(max_retries=-1, num_cpus=0)
    def task():
        return [attempts.read(name, name, work) for name, work in DOINGS.items()]

    good, kills, stalls, refuses, surprises = ray.get(task.remote())
    assert good == "pixels"
    assert kills == Unreadable(None, LOST)
    assert stalls == Unreadable(None, STALLED.format(1))
    assert refuses == Unreadable("a.mp4", "no frames")
    assert surprises.reason.startswith("ZeroDivisionError: ")
    assert "secret" not in surprises.reason


def test_a_stall_that_the_process_cannot_tell_of_is_known_by_its_silence(ray_cluster, monkeypatch):
    monkeypatch.setenv(STALL_VARIABLE, "1")
    monkeypatch.setattr(stalls, "SPARE_SECONDS", SPARE_SECONDS)
    attempts = Attempts.start()

    @ray.remote(max_retries=-1, num_cpus=0)
    def task():
        return attempts.read("row 7", "video", stall_with_pythons_lock)

    assert ray.get(task.remote()) == Unreadable(None, STALLED.format(1))


@pytest.mark.parametrize(("lives", "reason"), [(False, STALLED.format(9)), (True, LOST)])
def test_one_that_was_heard_of_until_it_was_lost_has_not_stalled_however_long_it_read(
    ray_cluster, lives, reason
):
    counts, node = AttemptCounts.remote(9, 0.5), own_node()
    for _ in range(2):
        assert ray.get(counts.begin.remote("task", "video", node)) is None
        time.sleep(0.6)
        if lives:
            ray.get(counts.heartbeat.remote("task"))
    assert ray.get(counts.begin.remote("task", "video", node)) == reason


def test_what_one_pipeline_has_lost_the_next_does_not_try(attempts):
    @ray.remote(max_retries=-1, num_cpus=0)
    def task(pipeline, work):
        return pipeline.read("row 7", "video", work)

    assert ray.get(task.remote(attempts, kill)) == Unreadable(None, LOST)
    assert ray.get(task.remote(attempts.of_another_pipeline(), kill)) == Unreadable(None, LOST)


def lost(counts, nodes: list[str]) -> str | None:
    """What a task hears that has begun with a video on each of these nodes, and ended with it on none."""
    for node in [*nodes, own_node()]:
        answer = ray.get(counts.begin.remote("task", "video", node))
    return answer


def test_a_process_counts_twice_and_a_node_that_goes_too_hardly_at_all(ray_cluster):
    here = own_node()
    for nodes, given_up in (
        ([], None),
        ([here], None),
        ([here, here], LOST),
        ([GONE, here], None),
        ([GONE, here, here], LOST),
        ([GONE] * (MOST_LOST_WITH_NODES - 1), None),
        ([GONE] * MOST_LOST_WITH_NODES, LOST),
    ):
        assert lost(AttemptCounts.remote(9, 19), nodes) == given_up, nodes


def test_what_other_tasks_read_at_the_same_time_and_what_a_closed_pipeline_read_does_not_count(attempts):
    counts, node = attempts.counts, own_node()
    for number in range(5):
        assert ray.get(counts.begin.remote(f"epoch {number}", "video", node)) is None
    for _ in range(5):
        with attempts.of_another_pipeline().counted("row 7", "video") as given_up:
            assert given_up is None


def test_a_video_that_is_read_after_all_has_lost_nothing(attempts):
    counts, node = attempts.counts, own_node()
    for number in range(3 * MOST_LOST_WITH_NODES):
        task = f"epoch {number}"
        assert ray.get(counts.begin.remote(task, "video", node)) is None
        assert ray.get(counts.begin.remote(task, "video", node)) is None, "its process was lost once"
        ray.get(counts.end.remote(task, "video"))


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_limit_that_is_no_time_is_refused(text, monkeypatch):
    monkeypatch.setenv(STALL_VARIABLE, text)
    with pytest.raises(ConfigError, match=f"{STALL_VARIABLE}={text} is no number of seconds above 0"):
        stall_seconds()


def test_the_limit_is_a_constant_without_the_variable(monkeypatch):
    monkeypatch.delenv(STALL_VARIABLE, raising=False)
    assert stall_seconds() == STALL_SECONDS
