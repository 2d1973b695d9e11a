"""Encoding at the priority that the process has: an encoder may not take the machine for itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def own_priority() -> Iterator[None]:
    """Give this thread its scheduling policy back after the block.

    SVT-AV1, run as root, makes the thread that opens it real-time and leaves it so. Every thread and process that
    comes from it then starves the rest of the machine, Ray and the kernel's own threads included, until it ends.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)
