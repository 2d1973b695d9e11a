"""A process that gets no further with a video is ended, so that whoever gave it the work can go on without it.

Time counts only while a video is open (``reading``), and starts again with every packet (``moved``): a large file, a
slow disk and a network that computes between two videos are no stall.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

LOOKS = 8
"""How often in the limit it is looked whether there is progress."""

SPARE_SECONDS = 10.0
"""After the limit, until the kernel ends a process in which no thread gets to look."""


class _Reading:
    """What this process is doing: how many videos it has open, and when it was last given a packet of one."""

    def __init__(self) -> None:
        self.videos = 0
        self.moved_at = time.monotonic()

    @property
    def still_seconds(self) -> float:
        """Since the last packet; 0 while no video is open."""
        return time.monotonic() - self.moved_at if self.videos else 0.0


_READING = _Reading()


@contextmanager
def reading() -> Iterator[None]:
    """A video is open in the block."""
    moved()
    _READING.videos += 1
    try:
        yield
    finally:
        _READING.videos -= 1


def moved() -> None:
    """Note that the video that is open has got one step further."""
    _READING.moved_at = time.monotonic()


@contextmanager
def ending_if_stalled(
    limit_seconds: float, tell: Callable[[], object], heartbeat: Callable[[], object]
) -> Iterator[None]:
    """End this process, by SIGKILL, when the block gets no further with a video for so long.

    Args:
        limit_seconds: Longest time without a packet.
        tell: Called before the end, from a thread, unless a library keeps every thread from running.
        heartbeat: Called from a thread until then, LOOKS times in the limit. Where it falls silent for the limit and
            SPARE_SECONDS without a call of ``tell``, a library kept every thread from running.
    """
    done = Event()
    watch = Thread(target=_watch, args=(done, limit_seconds, tell, heartbeat), daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()
        signal.setitimer(signal.ITIMER_REAL, 0)


def _watch(
    done: Event, limit_seconds: float, tell: Callable[[], object], heartbeat: Callable[[], object]
) -> None:
    while True:
        # A decoder that holds Python's lock stops this thread too: then the kernel ends the process, by SIGALRM.
        signal.setitimer(signal.ITIMER_REAL, limit_seconds + SPARE_SECONDS)
        if done.wait(limit_seconds / LOOKS):
            return
        if _READING.still_seconds > limit_seconds:
            break
        heartbeat()
    try:
        tell()
    finally:
        os.kill(os.getpid(), signal.SIGKILL)
