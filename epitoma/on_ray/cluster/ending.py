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

    Ray's core ends the whole process at once, with exit code 1 and without a word, where another thread uses it after
    its end: one that waits in ``ray.get``, or that drops its last reference to an object, as given-up pipelines do.
    """
    # Pipelines of Ray Data that were given up half way close when they are collected, and need Ray for it.
    gc.collect()
    _wait_for_threads()
    try:
        ray_worker.disconnect()
        # Calls are refused from here on; some may have begun just before.
        _wait_for_threads()
        _end_core()
    finally:
        ray.shutdown()


def _wait_for_threads() -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while waiting := waiting_threads():
        if time.monotonic() > deadline:
            complain(f"Ray is ended though it is still waited for, in {', '.join(waiting)}")
            break
        time.sleep(LOOK_SECONDS)


def _end_core() -> None:
    """Shut the core of a driver down, after it is out of other threads' reach; ``ray.shutdown`` does it before."""
    if ray_worker.global_worker.mode != ray.SCRIPT_MODE:
        return
    core = vars(ray_worker.global_worker).pop("core_worker", None)
    if core is not None:
        # Who has it in hand already is given time to come back.
        time.sleep(LOOK_SECONDS)
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
