"""Watches the head of a joined cluster: when it is lost, the job ends with an error.

Ray itself would wait a minute and then abort the process.
"""

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread, main_thread
from types import FrameType

from ray.exceptions import RayError

from epitoma.core.errors import ClusterError

LOOK_SECONDS = 1.0
GONE_SECONDS = 30.0
"""How long the head's port must refuse connections until the head counts as lost: a busy head still accepts them."""

_lost: list[str] = []


@contextmanager
def ending_without_head(address: str) -> Iterator[None]:
    """Raise ClusterError in the block when the head of the joined cluster is lost; does nothing in other threads.

    Args:
        address: Host and port of the head.

    Raises:
        ClusterError: The head is lost.
    """
    # Only the main thread can set a signal handler, and only it is interrupted by a signal.
    if current_thread() is not main_thread():
        yield
        return
    ended, before = Event(), signal.signal(signal.SIGUSR1, _raise)
    Thread(target=_watch, args=(address, ended), daemon=True).start()
    try:
        yield
    except RayError as error:
        # Ray calls may fail before GONE_SECONDS have passed: check whether it is the head that is lost.
        if _is_gone(address, ended):
            raise _lost_error() from error
        raise
    finally:
        ended.set()
        # The default action of SIGUSR1 ends the process, and the thread may have just sent one: ignore it.
        signal.signal(signal.SIGUSR1, signal.SIG_IGN if before == signal.SIG_DFL else before)


def is_head_lost() -> bool:
    """Whether this process has lost its cluster's head, so that calls to Ray would never return."""
    return bool(_lost)


def _watch(address: str, ended: Event) -> None:
    if _is_gone(address, ended, give_up=False):
        signal.pthread_kill(main_thread().ident or 0, signal.SIGUSR1)


def _is_gone(address: str, ended: Event, *, give_up: bool = True) -> bool:
    """Watch until the head has not answered for GONE_SECONDS; with ``give_up`` the first answer returns False."""
    answered = time.monotonic()
    while not ended.wait(LOOK_SECONDS):
        if _answers(address):
            answered = time.monotonic()
            if give_up:
                return False
        elif time.monotonic() - answered > GONE_SECONDS:
            _lost.append(address)
            return True
    return False


def _answers(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=LOOK_SECONDS).close()
    except OSError:
        return False
    return True


def _raise(number: int, frame: FrameType | None) -> None:
    raise _lost_error()


def _lost_error() -> ClusterError:
    return ClusterError(
        f"the head of the Ray cluster at {_lost[-1]} is gone: what was kept is whole; start the cluster again and "
        "run the job again (training and sweeps with --resume)"
    )
