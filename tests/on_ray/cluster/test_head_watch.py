"""A head that is gone ends what waits for it; one that is silent for a moment does not.

That a whole job of a real cluster ends so is seen by `make test-slow`, in test_faults.py.
"""

import socket
import time
from threading import Timer

import pytest

from epitoma.core.errors import ClusterError
from epitoma.on_ray.cluster import head_watch
from epitoma.on_ray.cluster.head_watch import ending_without_head, is_head_lost


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """What listens as a head does, watched impatiently."""
    monkeypatch.setattr(head_watch, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(head_watch, "GONE_SECONDS", 0.5)
    monkeypatch.setattr(head_watch, "_lost", [])
    return socket.create_server(("127.0.0.1", 0))


def address_of(head: socket.socket) -> str:
    return "{}:{}".format(*head.getsockname())


def test_a_head_that_is_gone_ends_what_waits(head):
    address = address_of(head)
    Timer(0.2, head.close).start()
    with (
        pytest.raises(ClusterError, match=f"the head of the Ray cluster at {address} is gone.*--resume"),
        ending_without_head(address),
    ):
        time.sleep(60)
    assert is_head_lost()


def test_a_head_that_comes_back_in_time_is_not_missed(head, monkeypatch):
    monkeypatch.setattr(head_watch, "GONE_SECONDS", 10.0)
    with ending_without_head(address_of(head)):
        place = head.getsockname()
        head.close()
        time.sleep(0.3)
        # Longer than it may be silent: were its return not seen, it would be gone by now.
        with socket.create_server(place):
            time.sleep(11)
    assert not is_head_lost()
