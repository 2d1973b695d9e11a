"""Attempts at reading videos, counted outside the processes that read: a video that ends them twice is given up.

A task whose process dies is run again by Ray, without end, because nodes come and go. So each video says when it begins
and when it ends, and one that began and did not end before its task begins with it again has lost its process. Only the
video that was being read counts, and not while its node is gone as well. A video that gets no further has its process
ended (``core/stalls.py``), which counts alike. A decoder that keeps every thread from running has it ended without a
word: what was silent for as long as that takes is taken for stalled, and not for crashed.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, TypeVar
from uuid import uuid4

import ray

from epitoma.core import stalls
from epitoma.core.errors import ConfigError, VideoError
from epitoma.files.uris import hide_secrets, without_secrets
from epitoma.on_ray.cluster.placement import living_nodes, on_driver_node

MOST_LOST = 2
"""Processes that a video may end: one may die of what is no fault of the video's, such as memory that others take."""

MOST_LOST_WITH_NODES = 5
"""The same where the node was lost too, which spot machines are often, and by a video hardly ever."""

STALL_SECONDS = 120.0
"""Longest time without a packet. The slowest frame takes a second or two, a shared disk that fails over a minute and a
half; two attempts cost a stalled video four minutes, during which others are decoded."""

STALL_VARIABLE = "EPITOMA_STALL_SECONDS"
"""Variable of the job's environment with another limit."""

LOST = "ends the process that reads it, each time that it is tried"
STALLED = "stalls the process that reads it, each time that it is tried: nothing of it came for {:g} s"

TELL_SECONDS = 5.0
Result = TypeVar("Result")


@dataclass(frozen=True)
class Unreadable:
    """A video that cannot be read; the path is without secrets."""

    path: str | None
    reason: str


@dataclass(frozen=True)
class _Attempt:
    node: str
    seen_at: float
    has_stalled: bool = False
    silent_seconds: float = 0.0


@ray.remote(num_cpus=0)
class AttemptCounts:
    """Actor that knows which videos are being read, and which have lost their processes.

    Args:
        stall_seconds: Longest time without a packet, for the reason of a stalled video.
        silent_seconds: How long a process at least was silent that stalled and could not tell of it.
    """

    def __init__(self, stall_seconds: float, silent_seconds: float) -> None:
        self.stall_seconds = stall_seconds
        self.silent_seconds = silent_seconds
        self.reading: dict[str, _Attempt] = {}
        self.lost: dict[str, list[_Attempt]] = defaultdict(list)

    def begin(self, task: str, video_id: str, node: str) -> str | None:
        """Note that a task begins with a video; returns the reason if the video is given up instead."""
        now = time.monotonic()
        if task in self.reading:
            lost = self.reading.pop(task)
            self.lost[video_id].append(replace(lost, silent_seconds=now - lost.seen_at))
        reason = self._given_up(self.lost[video_id]) if video_id in self.lost else None
        if reason is None:
            self.reading[task] = _Attempt(node, now)
        return reason

    def heartbeat(self, task: str) -> None:
        """Note that the process of a task lives."""
        if task in self.reading:
            self.reading[task] = replace(self.reading[task], seen_at=time.monotonic())

    def stalled(self, task: str) -> None:
        """Note that a task gets no further with its video."""
        self.reading[task] = replace(self.reading[task], has_stalled=True)

    def end(self, task: str, video_id: str) -> None:
        """Note that a task has done with its video, whatever came of it: what ended processes before was not that."""
        self.reading.pop(task, None)
        self.lost.pop(video_id, None)

    def _given_up(self, lost: list[_Attempt]) -> str | None:
        alive = living_nodes()
        if sum(each.node in alive for each in lost) < MOST_LOST and len(lost) < MOST_LOST_WITH_NODES:
            return None
        has_stalled = any(each.has_stalled for each in lost) or self._were_silent(lost)
        return STALLED.format(self.stall_seconds) if has_stalled else LOST

    def _were_silent(self, lost: list[_Attempt]) -> bool:
        # All of them: after a crash a task may wait long for its next attempt, but hardly each time.
        return min(each.silent_seconds for each in lost) >= self.silent_seconds


@dataclass(frozen=True)
class Attempts:
    """Reads videos in the processes of a job's workers, each at most a few times; is sent with their tasks.

    Attributes:
        counts: The :class:`AttemptCounts` of the job.
        pipeline: What these tasks have in common: tasks of another one are never the same.
        stall_seconds: Longest time without a packet.
    """

    counts: Any
    pipeline: str
    stall_seconds: float

    @classmethod
    def start(cls) -> "Attempts":
        """Start counting on the node of this process, where counts outlive workers.

        Raises:
            ConfigError: The environment has a limit that is no number of seconds.
        """
        seconds = stall_seconds()
        counts = AttemptCounts.options(scheduling_strategy=on_driver_node()).remote(
            seconds, seconds + stalls.SPARE_SECONDS
        )
        return cls(counts=counts, pipeline=uuid4().hex, stall_seconds=seconds)

    def of_another_pipeline(self) -> "Attempts":
        """The same counts for tasks that have nothing to do with those before.

        Where a pipeline is closed, or lost with a training worker, what it was reading has lost no process of its own.
        """
        return replace(self, pipeline=uuid4().hex)

    def read(self, task: object, video_id: str, work: Callable[[], Result]) -> Result | Unreadable:
        """Do work on a video, unless it is given up; any error of it means that the video cannot be read.

        Args:
            task: What the video is read for, the same for every attempt and for nothing else in the pipeline.
            video_id: The video.
            work: Reads it.
        """
        with self.counted(task, video_id) as given_up:
            if given_up is not None:
                return Unreadable(None, given_up)
            try:
                return work()
            except VideoError as error:
                return Unreadable(error.path, error.reason)
            except Exception as error:  # Nobody knows all that a file can do to a decoder.
                return Unreadable(None, hide_secrets(f"{type(error).__name__}: {error}"))

    def read_or_raise(self, task: object, video_id: str, path: str, work: Callable[[], Result]) -> Result:
        """Do work on a video whose loss is the job's end; see :meth:`read`.

        What goes wrong in decoding is a VideoError already (``video/container.py``). Other errors stay what they are,
        since the work may compute and write too.

        Raises:
            VideoError: The video is given up, or the work raised it.
        """
        with self.counted(task, video_id) as given_up:
            if given_up is not None:
                raise VideoError(without_secrets(path), given_up)
            return work()

    @contextmanager
    def counted(self, task: object, video_id: str) -> Iterator[str | None]:
        """Count an attempt for the block; gives the reason if the video is given up, and must not be read."""
        name = f"{self.pipeline}/{task}"
        given_up: Any = ray.get(self.counts.begin.remote(name, video_id, own_node()))
        if given_up is not None:
            yield given_up
            return
        try:
            with stalls.ending_if_stalled(
                self.stall_seconds,
                tell=partial(self._tell_stalled, name),
                heartbeat=partial(self.counts.heartbeat.remote, name),
            ):
                yield None
        finally:
            # Without waiting: what this process says next to the actor comes after it.
            self.counts.end.remote(name, video_id)

    def _tell_stalled(self, task: str) -> None:
        ray.get(self.counts.stalled.remote(task), timeout=TELL_SECONDS)


@lru_cache(maxsize=1)
def own_node() -> str:
    """Id of this process's node."""
    return ray.get_runtime_context().get_node_id()


def stall_seconds() -> float:
    """Longest time without a packet, by STALL_VARIABLE or STALL_SECONDS.

    Raises:
        ConfigError: The variable is no number of seconds above 0.
    """
    text = os.environ.get(STALL_VARIABLE)
    try:
        seconds = STALL_SECONDS if text is None else float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigError(f"{STALL_VARIABLE}={text} is no number of seconds above 0")
    return seconds
