"""Watches the head of a joined cluster: when it is lost, the job ends with an error.

A head with GCS fault tolerance comes back, so it is waited for as long as Ray's own processes wait. Ray itself would
then abort the process.
"""

import os
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

RECONNECT_VARIABLE = "RAY_gcs_rpc_server_reconnect_timeout_s"
RECONNECT_SECONDS = 60.0
"""Ray's setting of how long its processes wait for a head to come back, and its default."""

SPARE_SECONDS = 60.0
"""What Ray is told to wait longer than that in this process, so that the job can still end in order."""


def gone_seconds() -> float:
    """How long the head's port must refuse connections until it counts as lost: a busy head still accepts them."""
    return float(os.environ.get(RECONNECT_VARIABLE, RECONNECT_SECONDS))


@contextmanager
def outlasting_the_head() -> Iterator[None]:
    """Have a Ray that is joined in the block wait longer for its head than this module does."""
    before = os.environ.get(RECONNECT_VARIABLE)
    os.environ[RECONNECT_VARIABLE] = str(int(gone_seconds() + SPARE_SECONDS))
    try:
        yield
    finally:
        if before is None:
            del os.environ[RECONNECT_VARIABLE]
        else:
            os.environ[RECONNECT_VARIABLE] = before


class HeadWatch:
    """Watch of one head, for as long as one session.

    Args:
        address: Host and port of the head.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.is_lost = False

    @contextmanager
    def ending_without_head(self) -> Iterator[None]:
        """Raise ClusterError in the block when the head is lost; does nothing in other threads than the main one.

        Raises:
            ClusterError: The head is lost, and calls to Ray would never return.
        """
        # Only the main thread can set a signal handler, and only it is interrupted by a signal.
        if current_thread() is not main_thread():
            yield
            return
        ended, before = Event(), signal.signal(signal.SIGUSR1, self._raise)
        Thread(target=self._watch, args=(ended,), daemon=True).start()
        try:
            yield
        except RayError as error:
            # Ray calls may fail before the head counts as lost: check whether it is the head that is.
            if self._is_gone(ended):
                raise self._error() from error
            raise
        finally:
            ended.set()
            # The default action of SIGUSR1 ends the process, and the thread may have just sent one: ignore it.
            signal.signal(signal.SIGUSR1, signal.SIG_IGN if before == signal.SIG_DFL else before)

    def _watch(self, ended: Event) -> None:
        if self._is_gone(ended, give_up=False):
            signal.pthread_kill(main_thread().ident or 0, signal.SIGUSR1)

    def _is_gone(self, ended: Event, *, give_up: bool = True) -> bool:
        """Watch until the head has been silent for too long; with ``give_up`` the first answer returns False."""
        limit_seconds, answered = gone_seconds(), time.monotonic()
        while not ended.wait(LOOK_SECONDS):
            if self._answers():
                answered = time.monotonic()
                if give_up:
                    return False
            elif time.monotonic() - answered > limit_seconds:
                self.is_lost = True
                return True
        return False

    def _answers(self) -> bool:
        host, port = self.address.rsplit(":", 1)
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=LOOK_SECONDS).close()
        except OSError:
            return False
        return True

    def _raise(self, number: int, frame: FrameType | None) -> None:
        raise self._error()

    def _error(self) -> ClusterError:
        return ClusterError(
            f"the head of the Ray cluster at {self.address} is gone: what was kept is whole; start the cluster again "
            "and run the job again (training and sweeps with --resume)"
        )
