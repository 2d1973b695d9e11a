"""Keeping a thread's scheduling policy while encoding: some encoders make it real-time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def own_priority() -> Iterator[None]:
    """Restore this thread's scheduling policy after the block.

    SVT-AV1, run as root, makes the thread that opens it real-time and leaves it so. The threads and processes that it
    starts inherit that, and starve the rest of the machine, Ray and kernel threads included, until they end.
    """
    # macOS and Windows have no such call.
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)
