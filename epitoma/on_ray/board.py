"""Between a run's workers and the person watching: events go one way, the wish to stop goes the other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread
from typing import Any

import ray

from epitoma.errors import EpitomaError
from epitoma.on_ray.placement import beside_the_driver
from epitoma.training.context import Event

POLL_SECONDS = 0.3
ANSWER_SECONDS = 10.0


@ray.remote(num_cpus=0)
class EventBoard:
    """Holds events of workers until the driver takes them, and what must outlive the workers."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_stopping = False
        self.error: EpitomaError | None = None

    def put(self, event: Event) -> bool:
        """Add an event; answers whether the run is to stop."""
        self.events.append(event)
        return self.is_stopping

    def take(self) -> list[Event]:
        """Hand over all events since the last time."""
        taken, self.events = self.events, []
        return taken

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
    ended = Flag()
    failed: list[Exception] = []

    def take() -> None:
        try:
            for event in ray.get(board.take.remote(), timeout=ANSWER_SECONDS):
                watch(event)
        except Exception as error:
            failed.append(error)

    def poll() -> None:
        while not ended.wait(POLL_SECONDS):
            take()

    thread = Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=ANSWER_SECONDS)
        take()
    if failed:
        raise failed[0]
