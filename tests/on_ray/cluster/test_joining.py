"""A cluster that cannot be joined is refused in one line that says what to do, and soon."""

import os
import socket
import subprocess
import sys

import pytest

from epitoma.core.errors import ClusterError
from epitoma.on_ray.cluster.joining import joining


@pytest.fixture
def dead_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_at_which_nothing_listens_is_refused_before_ray_is_asked(
    dead_address, scheme, monkeypatch
):
    monkeypatch.setenv("RAY_ADDRESS", f"{scheme}{dead_address}")
    reached = False
    with (
        pytest.raises(ClusterError, match=f"no Ray answers at RAY_ADDRESS {scheme}{dead_address}"),
        joining(),
    ):
        reached = True
    assert not reached


def test_a_port_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:port")
    with pytest.raises(ClusterError, match=r"RAY_ADDRESS 127\.0\.0\.1:port cannot be joined"), joining():
        pass


def test_without_an_address_errors_pass_as_they_are(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(ConnectionError), joining():
        raise ConnectionError("of a private Ray")


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        (None, 75, "no Ray answers at RAY_ADDRESS"),
        ("nonsense", 2, "RAY_ADDRESS nonsense cannot be joined"),
        ("http://127.0.0.1:8265", 2, "RAY_ADDRESS http://127.0.0.1:8265 cannot be joined"),
    ],
    ids=str,
)
def test_a_job_says_so_in_one_line_and_may_be_tried_again_where_nothing_answers(
    address, code, said, dead_address, tmp_path, repository
):
    done = subprocess.run(
        [sys.executable, "-m", "ray_jobs.prepare", "synthetic", "--output", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        env={**os.environ, "RAY_ADDRESS": address or dead_address, "PYTHONPATH": str(repository)},
        timeout=240,
        check=False,
    )
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {said}")
    assert "Traceback" not in done.stdout
