"""Between a run's workers and the person watching: events go one way, the wish to stop goes the other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any

import ray
from ray.exceptions import RayError

from epitoma.core.errors import EpitomaError
from epitoma.on_ray.cluster.placement import beside_the_driver
from epitoma.training.events import Event

POLL_SECONDS = 0.3
ANSWER_SECONDS = 10.0


@ray.remote(num_cpus=0)
class EventBoard:
    """Holds events of workers until the driver takes them, and what must outlive the workers."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.handled = 0
        self.is_stopping = False
        self.error: EpitomaError | None = None

    def put(self, event: Event) -> bool:
        """Add an event; answers whether the run is to stop."""
        self.events.append(event)
        return self.is_stopping

    def take(self, handled: int) -> list[Event]:
        """Hand over all events but those ``handled`` since the start, which are forgotten.

        Asked twice, because an answer came too late, it answers the same.
        """
        del self.events[: handled - self.handled]
        self.handled = handled
        return self.events

    def stop(self) -> None:
        """Ask workers to keep a checkpoint and end."""
        self.is_stopping = True

    def fail(self, error: EpitomaError) -> None:
        """Keep an error that trying again cannot mend."""
        self.error = self.error or error

    def failure(self) -> EpitomaError | None:
        """The error that was kept, if there is one."""
        return self.error


def new_board() -> Any:
    """A board on the driver's own node, which lives as long as the driver can."""
    return EventBoard.options(scheduling_strategy=beside_the_driver()).remote()


@contextmanager
def watching(board: Any, watch: Callable[[Event], None]) -> Iterator[None]:
    """Poll the board in a thread until the block ends, then once more for the last events.

    What goes wrong in watching does not stop the training; it is raised after it, unless the block raised.
    """
    poller = _Poller(board, watch)
    poller.thread.start()
    try:
        yield
    except BaseException:
        with suppress(RayError):  # What the block raised says more.
            poller.end()
        raise
    poller.end()
    if poller.failed:
        raise poller.failed[0]


class _Poller:
    """Takes events from a board and hands them on, each once and in order, whatever thread it is asked in."""

    def __init__(self, board: Any, watch: Callable[[Event], None]) -> None:
        self.board = board
        self.watch = watch
        self.handled = 0
        self.failed: list[Exception] = []
        self.thread = Thread(target=self._poll, daemon=True)
        self._ended, self._taking = Flag(), Lock()

    def end(self) -> None:
        """Stop polling, and take what is left."""
        self._ended.set()
        self.thread.join(timeout=ANSWER_SECONDS)
        self._take()

    def _poll(self) -> None:
        while not self._ended.wait(POLL_SECONDS):
            # A busy cluster answers the next time, and one that is gone is noticed elsewhere.
            with suppress(RayError):
                self._take()

    def _take(self) -> None:
        with self._taking:
            for event in ray.get(self.board.take.remote(self.handled), timeout=ANSWER_SECONDS):
                self.handled += 1
                try:
                    self.watch(event)
                except Exception as error:
                    self.failed.append(error)
