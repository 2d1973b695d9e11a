"""Board between a run's workers and its driver: workers send events, the driver sends the request to stop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any

import ray
from ray.exceptions import RayError

from epitoma.core.errors import EpitomaError
from epitoma.on_ray.cluster.placement import on_driver_node
from epitoma.training.events import Event

POLL_SECONDS = 0.3
ANSWER_SECONDS = 10.0


@ray.remote(num_cpus=0)
class EventBoard:
    """Actor that holds the workers' events until the driver takes them, and the state that outlives workers."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.handled = 0
        self.is_stopping = False
        self.error: EpitomaError | None = None

    def put(self, event: Event) -> bool:
        """Add an event; returns whether the run should stop."""
        self.events.append(event)
        return self.is_stopping

    def take(self, handled: int) -> list[Event]:
        """Return all events after the first ``handled`` of the run, and delete those.

        A call that is repeated, because its result came too late, returns the same events.
        """
        del self.events[: handled - self.handled]
        self.handled = handled
        return self.events

    def stop(self) -> None:
        """Ask workers to save a checkpoint and end."""
        self.is_stopping = True

    def fail(self, error: EpitomaError) -> None:
        """Store an error that a restart of the workers cannot fix; the first one counts."""
        self.error = self.error or error

    def failure(self) -> EpitomaError | None:
        """The stored error, or None."""
        return self.error


def new_board() -> Any:
    """Start a board on the driver's node, so that it does not vanish with a worker node."""
    return EventBoard.options(scheduling_strategy=on_driver_node()).remote()


@contextmanager
def watching(board: Any, watch: Callable[[Event], None]) -> Iterator[None]:
    """Poll the board in a thread until the block ends, then once more for the last events.

    An error of the watcher does not stop the training; it is raised after it, unless the block raises another.
    """
    poller = _Poller(board, watch)
    poller.thread.start()
    try:
        yield
    except BaseException:
        with suppress(RayError):  # The block's own error is the cause, and must not be replaced.
            poller.end()
        raise
    poller.end()
    if poller.failed:
        raise poller.failed[0]


class _Poller:
    """Passes a board's events on to a watcher, each once and in order, from any thread."""

    def __init__(self, board: Any, watch: Callable[[Event], None]) -> None:
        self.board = board
        self.watch = watch
        self.handled = 0
        self.failed: list[Exception] = []
        self.thread = Thread(target=self._poll, daemon=True)
        self._ended, self._taking = Flag(), Lock()

    def end(self) -> None:
        """Stop polling, and pass on the remaining events."""
        self._ended.set()
        self.thread.join(timeout=ANSWER_SECONDS)
        self._take()

    def _poll(self) -> None:
        while not self._ended.wait(POLL_SECONDS):
            # A busy cluster answers at the next poll, and a lost one raises in the training call.
            with suppress(RayError):
                self._take()

    def _take(self) -> None:
        # Locked: `end` may take events while the thread still waits for a late result.
        with self._taking:
            for event in ray.get(self.board.take.remote(self.handled), timeout=ANSWER_SECONDS):
                self.handled += 1
                try:
                    self.watch(event)
                except Exception as error:
                    self.failed.append(error)
