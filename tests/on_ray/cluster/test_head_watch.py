"""A head that is gone ends what waits for it; one that is silent for a moment does not.

That a whole job of a real cluster ends so is seen by `make test-slow`, in test_faults.py.
"""

import os
import socket
import time
from threading import Timer

import pytest

from epitoma.core.errors import ClusterError
from epitoma.on_ray.cluster import head_watch
from epitoma.on_ray.cluster.head_watch import (
    RECONNECT_SECONDS,
    RECONNECT_VARIABLE,
    HeadWatch,
    gone_seconds,
    outlasting_the_head,
)


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """What listens as a head does, watched impatiently."""
    monkeypatch.setattr(head_watch, "LOOK_SECONDS", 0.05)
    monkeypatch.setenv(RECONNECT_VARIABLE, "0.5")
    return socket.create_server(("127.0.0.1", 0))


def address_of(head: socket.socket) -> str:
    return "{}:{}".format(*head.getsockname())


def test_a_head_that_is_gone_ends_what_waits(head):
    watch = HeadWatch(address_of(head))
    Timer(0.2, head.close).start()
    with (
        pytest.raises(
            ClusterError, match=f"the head of the Ray cluster at {watch.address} is gone.*--resume"
        ),
        watch.ending_without_head(),
    ):
        time.sleep(60)
    assert watch.is_lost


def test_a_head_that_comes_back_in_time_is_not_missed(head, monkeypatch):
    monkeypatch.setenv(RECONNECT_VARIABLE, "10")
    watch = HeadWatch(address_of(head))
    with watch.ending_without_head():
        place = head.getsockname()
        head.close()
        time.sleep(0.3)
        # Longer than it may be silent: were its return not seen, it would be gone by now.
        with socket.create_server(place):
            time.sleep(11)
    assert not watch.is_lost


def test_it_is_waited_for_as_long_as_ray_is_told_to_wait_and_ray_itself_longer(monkeypatch):
    monkeypatch.delenv(RECONNECT_VARIABLE, raising=False)
    assert gone_seconds() == RECONNECT_SECONDS
    with outlasting_the_head():
        assert gone_seconds() > RECONNECT_SECONDS
    assert RECONNECT_VARIABLE not in os.environ
    monkeypatch.setenv(RECONNECT_VARIABLE, "300")
    with outlasting_the_head():
        assert gone_seconds() > 300
    assert gone_seconds() == 300
