"""Running one Ray task per item, with progress, and with the errors that tasks raised."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, TypeVar

import ray
from ray.exceptions import RayTaskError

from epitoma.core.errors import EpitomaError
from epitoma.core.progress import Watch

MOST_WAITING = 256
"""Tasks that are started and not done: enough for any cluster's cores, and few to look through for each that ends."""

Item = TypeVar("Item")


def in_parallel(
    start: Callable[[Item], "ray.ObjectRef[Any]"], items: Sequence[Item], watch: Watch
) -> list[Any]:
    """Start a task for every item, and return their results in the items' order.

    Raises:
        EpitomaError: A task raised it.
    """
    coming = iter(enumerate(items))
    waiting = {start(item): place for place, item in islice(coming, MOST_WAITING)}
    results: dict[int, Any] = {}
    while waiting:
        (done,), _ = ray.wait(list(waiting), num_returns=1)
        results[waiting.pop(done)] = result_of(done)
        waiting |= {start(item): place for place, item in islice(coming, 1)}
        watch(len(results), len(items))
    return [results[place] for place in range(len(items))]


def result_of(done: "ray.ObjectRef[Any]") -> Any:
    """The result of a task.

    Raises:
        EpitomaError: The task raised it.
    """
    try:
        return ray.get(done)
    # Ray wraps a task's error; the one inside has the message for the user.
    except RayTaskError as error:
        if isinstance(error.cause, EpitomaError):
            raise error.cause from None
        raise
