"""Ending Ray in this process: threads that still wait for Ray are given time, since Ray would end the process."""

import gc
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import ray
import ray._private.worker as ray_worker

from epitoma.reporting.console import complain

PATIENCE_SECONDS = 30.0
"""How long threads may still take: a watcher for its answer, a run for the workers that were told to stop."""
LOOK_SECONDS = 0.05

_WORKER = Path(ray.__file__).parent / "_private" / "worker.py"
_WAITING = ("get", "wait")
"""Functions of that file in which a thread cannot outlive the connection to Ray."""


def end_ray() -> None:
    """Leave the cluster, or end a private Ray, when nothing in this process waits for it any more.

    A thread that waits in ``ray.get`` while Ray is shut down makes Ray's core end the whole process at once, with exit
    code 1 and without a word, even where all work is done.
    """
    # Pipelines of Ray Data that were given up half way close when they are collected, and need Ray for it.
    gc.collect()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while waiting := waiting_threads():
        if time.monotonic() > deadline:
            complain(f"Ray is ended though it is still waited for, in {', '.join(waiting)}")
            break
        time.sleep(LOOK_SECONDS)
    _let_go_of_the_core()
    ray.shutdown()


def _let_go_of_the_core() -> None:
    """Shut Ray's core down when no other thread can reach it any more.

    ``ray.shutdown`` does it the other way round: a thread that drops its last reference to an object while the core is
    being shut down, as pipelines do that are given up, would end the process too.
    """
    ray_worker.disconnect()
    core = vars(ray_worker.global_worker).pop("core_worker", None)
    if core is not None:
        core.shutdown_driver()


def waiting_threads() -> list[str]:
    """Names of this process's other threads that wait for Ray."""
    frames = sys._current_frames()
    others = [each for each in threading.enumerate() if each is not threading.current_thread()]
    return [thread.name for thread in others if _waits(frames.get(thread.ident or 0))]


def _waits(frame: FrameType | None) -> bool:
    while frame is not None:
        code = frame.f_code
        if code.co_name in _WAITING and Path(code.co_filename) == _WORKER:
            return True
        frame = frame.f_back
    return False
