"""A job whose cluster has lost its head ends with an error: Ray would wait a minute, then abort the process."""

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
"""How long nothing must answer at the head's address: a busy head still takes connections."""

_lost: list[str] = []


@contextmanager
def ending_without_head(address: str) -> Iterator[None]:
    """Raise in the main thread when the head of the cluster that was joined is gone for good.

    Args:
        address: Host and port of the head.

    Raises:
        ClusterError: The head is gone.
    """
    if current_thread() is not main_thread():
        yield
        return
    ended, before = Event(), signal.signal(signal.SIGUSR1, _raise)
    Thread(target=_watch, args=(address, ended), daemon=True).start()
    try:
        yield
    except RayError as error:
        # Calls may fail before the head's silence has lasted long enough.
        if _is_gone(address, ended):
            raise _lost_error() from error
        raise
    finally:
        ended.set()
        # A signal that was sent a moment ago must not end the process.
        signal.signal(signal.SIGUSR1, signal.SIG_IGN if before == signal.SIG_DFL else before)


def is_head_lost() -> bool:
    """Whether this process has seen its cluster's head go: nothing that needs Ray can be waited for any more."""
    return bool(_lost)


def _watch(address: str, ended: Event) -> None:
    if _is_gone(address, ended, give_up=False):
        signal.pthread_kill(main_thread().ident or 0, signal.SIGUSR1)


def _is_gone(address: str, ended: Event, *, give_up: bool = True) -> bool:
    """Whether the head has been silent for long; with ``give_up`` its first answer is enough to say no."""
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
