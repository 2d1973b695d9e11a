"""Ending Ray in this process: threads that still wait for Ray are given time, since Ray would end the process."""

import gc
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import ray

from epitoma.reporting.console import complain

PATIENCE_SECONDS = 30.0
"""How long threads may still take: a pipeline its scheduling step, a watcher its answer."""
LOOK_SECONDS = 0.05

_WAITING = {
    "_private/worker.py": ("get", "wait"),
    "data/_internal/execution/streaming_executor.py": ("run",),
}
"""Functions of Ray, by file, in which a thread cannot outlive the connection to Ray."""
_RAY = Path(ray.__file__).parent


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
    ray.shutdown()


def waiting_threads() -> list[str]:
    """Names of this process's other threads that wait for Ray."""
    frames = sys._current_frames()
    others = [each for each in threading.enumerate() if each is not threading.current_thread()]
    return [thread.name for thread in others if _waits(frames.get(thread.ident or 0))]


def _waits(frame: FrameType | None) -> bool:
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(_RAY):
            names = _WAITING.get(file.relative_to(_RAY).as_posix(), ())
            if frame.f_code.co_name in names:
                return True
        frame = frame.f_back
    return False
